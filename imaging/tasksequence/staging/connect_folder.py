r"""Connect to Network Folder: needless where a folder stands for the share; else made at the first start.

Sources: "Connect to Network Folder" of Operating System Deployment in Configuration Manager 2007, and of Configuration
Manager current branch; "net use" for the command.
"""

from __future__ import annotations

import re
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.paths import insensitive
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, optional, required
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import ActionInfo, Already, Refusal, VariableInfo
from osdimage.imaging.tasksequence.staging.commands import SYSTEM_FOLDER, entering, quoted, quoted_argument
from osdimage.imaging.tasksequence.staging.staged import StagedCommand

VARIABLES: tuple[VariableInfo, ...] = (
    required("SMSConnectNetworkFolderPath", r"\\server\share", source="CM07"),
    optional("SMSConnectNetworkFolderAccount", "DOMAIN\\account", source="CM07"),
    optional("SMSConnectNetworkFolderPassword", "of the account", source="CM07"),
    optional(
        "SMSConnectNetworkFolderDriveLetter",
        "a drive from D: to Z:; none for no drive",
        choices=tuple(f"{letter}:" for letter in "DEFGHIJKLMNOPQRSTUVWXYZ"),
        source="CM07",
    ),
)
_DRIVE = re.compile(r"[D-Z]:", re.ASCII)
_ONLY_FILES = "no connection is made: of files there, those that command lines name are put on the disk"
_NO_FOLDER = "it connects Windows to a share, for which no folder stands"


def holds_folder(env: Environment, machine: Machine) -> Already | None:
    """Tell that a folder of this machine stands for the share; from here on it stands for the drive, too."""
    path = (env.text("SMSConnectNetworkFolderPath") or "").replace("/", "\\").rstrip("\\")
    for share, folder in machine.shares.items():
        plain = share.replace("/", "\\").rstrip("\\")
        if plain and f"{path}\\".lower().startswith(f"{plain}\\".lower()):
            return Already(
                f"{folder} stands for {share}",
                warnings=(_ONLY_FILES,) if machine.phase is Phase.NEW else (),
                drives=_drives(env, folder, path[len(plain) :].strip("\\")),
            )
    return None


def _drives(env: Environment, folder: Path, inner: str) -> dict[str, Path]:
    """Return what the drive of the step stands for, where it has one and that is there."""
    drive = (env.text("SMSConnectNetworkFolderDriveLetter") or "").upper()
    found = insensitive(folder, inner) if inner else folder
    return {drive: found} if _DRIVE.fullmatch(drive) is not None and found is not None and found.is_dir() else {}


def refuses_unmapped(env: Environment, machine: Machine) -> Refusal:
    """Tell that no folder stands for the share, which Windows PE would connect to."""
    del machine
    path = env.text("SMSConnectNetworkFolderPath") or ""
    return Refusal(_NO_FOLDER, Remedy("give {}", (Means.SHARE,), (path,)) if path else None)


def stage_connection(env: Environment, machine: Machine) -> StagedCommand:
    """Return what makes the connection at the first start; a restart ends it.

    Raises:
        InvalidRequest: when a setting is wrong or missing.
    """
    inputs = Inputs(env, VARIABLES)
    path = (inputs.text("SMSConnectNetworkFolderPath") or "").replace("/", "\\").rstrip("\\")
    account, password = inputs.text("SMSConnectNetworkFolderAccount"), inputs.text("SMSConnectNetworkFolderPassword")
    drive = inputs.text("SMSConnectNetworkFolderDriveLetter")
    inputs.finish()
    if not path.startswith("\\\\") or path.count("\\") < 3:
        raise InvalidRequest(rf"SMSConnectNetworkFolderPath={path} is no share; valid is \\server\share")
    if account is None or password is None:
        names = "SMSConnectNetworkFolderAccount and SMSConnectNetworkFolderPassword"
        remedy = Remedy("let a folder stand for it: {}", (Means.SHARE,), (path,))
        raise InvalidRequest(f"{names} are needed to connect to {path}", remedy=remedy)
    words = [quoted_argument(each, machine.unsure) for each in (path, password)]
    as_user = quoted_argument(f"/user:{account}", machine.unsure)
    line = " ".join((r'"%SystemRoot%\System32\net.exe" use', *((drive,) if drive else ()), *words, as_user))
    return StagedCommand(
        f"connect {f'{drive} ' if drive else ''}to {quoted(path)}",
        (*entering(SYSTEM_FOLDER), f"{line} /persistent:no"),
        warnings=("the connection ends with a restart of the computer",),
    )


INFO = ActionInfo(
    type_name="SMS_TaskSequence_ConnectNetworkFolderAction",
    title="Connect to Network Folder",
    run=None,
    why_not=_NO_FOLDER,
    variables=VARIABLES,
    holds=holds_folder,
    refuses=refuses_unmapped,
    stage=stage_connection,
)
