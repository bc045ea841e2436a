r"""What starts ``run.cmd`` in a Windows that was deployed.

By whether Setup will run in it:

* A generalized Windows goes through Setup, which runs ``\Windows\Setup\Scripts\SetupComplete.cmd`` as the system, after
  all of its passes and before anybody logs on (Microsoft, "Add a custom script to Windows Setup": not with a product
  key of an OEM, except in Enterprise and Server).  One line in it calls ``run.cmd``.
* In one that is not, Setup does not run.  Windows runs what ``SYSTEM\Setup`` names: with a ``SetupType`` of 2 it runs
  ``CmdLine`` and lets people log on then (KB 939857; "SetupType and CmdLine" of TechNet's forums).  They are 0 and
  empty before, and are so again when ``run.cmd`` has ended.

Where that is asked for, the first logon of an administrator starts it by a value of ``RunOnce``; where Setup has come
to it before, that does nothing (``run.cmd logon``).

For its restarts ``run.cmd`` writes these values itself, as the scripts of MDT and of ConfigMgr do.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, TargetRefused, quoted
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.folder import FOLDER, RUN
from osdimage.imaging.registry.edits import control_set
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.lookup import number_of, text_of
from osdimage.imaging.registry.reg_file import Edit
from osdimage.imaging.registry.values import Value

_SYSTEM = r"HKEY_LOCAL_MACHINE\SYSTEM"
_SETUP = rf"{_SYSTEM}\Setup"
_CODE_PAGE = r"Control\Nls\CodePage"
_RUN_ONCE = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\RunOnce"
_CURRENT_VERSION = r"Microsoft\Windows NT\CurrentVersion"
_WESTERN = "437"
_RUN_AT_START = 2
_FIRST_MAJOR = 6
_SCRIPT = r"Setup\Scripts\SetupComplete.cmd"
_LARGEST_SCRIPT = 1 << 20
_MARK = "rem osdimage: the first start"
_CALL = rf'call "%SystemDrive%\{FOLDER}\{RUN}"'
_COMMAND = rf"cmd.exe /d /c %SystemDrive%\{FOLDER}\{RUN}"
_LOGON_COMMAND = f"{_COMMAND} logon"
_VALUE = "osdimage"
POWERSHELL = r"System32\WindowsPowerShell\v1.0\powershell.exe"
"""PowerShell, below the folder of Windows."""
_WITH_ANY_KEY = ("enterprise", "server", "iotenterprise")


class StartsBy(StrEnum):
    """What starts the first start."""

    SETUP_COMPLETE = "SetupComplete.cmd"
    SETUP_VALUES = r"SYSTEM\Setup"
    LOGON = "the first logon of an administrator"
    SETUP_COMPLETE_OR_LOGON = "SetupComplete.cmd, or else the first logon of an administrator,"


@dataclass(frozen=True, slots=True)
class StartedWindows:
    r"""What the first start has to know of a Windows.

    Attributes:
        root: its directory on the volume, such as ``Windows``.
        is_generalized: whether Setup runs in it at its first start.
        code_page: what Python calls its OEM code page.
        edition: ``EditionID``, such as ``Professional``; None when it does not tell.
        has_oem_key: whether its product key is that of an OEM, by its product id.
        setup_type: ``SYSTEM\Setup`` ``SetupType``; 0 when there is none.
        setup_command: ``CmdLine`` beside it, or None.
        setup_complete: its ``SetupComplete.cmd``, or None.
        has_powershell: whether it has Windows PowerShell.
    """

    root: str
    is_generalized: bool
    code_page: str
    edition: str | None = None
    has_oem_key: bool = False
    setup_type: int = 0
    setup_command: str | None = None
    setup_complete: bytes | None = None
    has_powershell: bool = True

    @property
    def script_path(self) -> str:
        r"""The path of ``SetupComplete.cmd`` on the volume, separated by ``\``."""
        return script_of(self.root)


@dataclass(frozen=True, slots=True)
class Way:
    """How a first start is started.

    Attributes:
        starts_by: what starts it.
        files: what is written for that, by paths on the volume.
        edits: of hives, by their names.
        warnings: sentences about what may keep it from running.
    """

    starts_by: StartsBy
    files: Mapping[str, bytes] = field(default_factory=dict)
    edits: Mapping[str, tuple[Edit, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def way_of(windows: StartedWindows, *, at_logon: bool = False) -> Way:
    """Choose what starts a first start.

    Args:
        windows: what is known of the Windows.
        at_logon: whether the first logon of an administrator does where Setup does not.

    Raises:
        InvalidRequest: when Setup would not start it, and a logon is not to.
        InvalidInput: when its ``SetupComplete.cmd`` cannot be changed.
        TargetRefused: when a Windows that is not generalized runs something else at its next start.
    """
    logon = {"SOFTWARE": (Edit(_RUN_ONCE, value=Value.string(_VALUE, _LOGON_COMMAND)),)} if at_logon else {}
    if not windows.is_generalized:
        return (
            Way(StartsBy.LOGON, edits=logon)
            if at_logon
            else Way(StartsBy.SETUP_VALUES, edits={"SYSTEM": setup_edits(windows)})
        )
    script = {windows.script_path: called_script(windows)}
    if at_logon:
        return Way(StartsBy.SETUP_COMPLETE_OR_LOGON, script, logon)
    return Way(StartsBy.SETUP_COMPLETE, script, warnings=key_warnings(windows))


def read_windows(
    files: FileSource,
    system: Hive,
    software: Hive | None,
    *,
    root: str,
    version: tuple[int, int],
    is_generalized: bool,
) -> StartedWindows:
    """Find out what the first start has to know of a Windows.

    Args:
        files: of its volume.
        system: its hive SYSTEM.
        software: its hive SOFTWARE, or None when it has none.
        root: its directory on the volume.
        version: major and minor.
        is_generalized: whether Setup runs in it at its first start.

    Raises:
        InvalidRequest: for a Windows before Vista, whose Setup has neither way.
        InvalidInput: when its code page is one that nobody knows, or what ought to be ``SetupComplete.cmd`` is none.
        StorageError: when the volume cannot be read.
    """
    if version[0] < _FIRST_MAJOR:
        raise InvalidRequest(
            f"Windows {version[0]}.{version[1]} runs no commands of a deployment at its first start; Vista and later do"
        )
    setup = system.root.child("Setup")
    current = None if software is None else software.root.find(_CURRENT_VERSION)
    script = rf"{root}\{_SCRIPT}"
    there = files.find(script)
    if there is not None and (there.is_directory or there.is_link):
        raise InvalidInput(f"{files.name}: {script} is no file")
    return StartedWindows(
        root=root,
        is_generalized=is_generalized,
        code_page=_code_page(system, files.name),
        edition=text_of(current, "EditionID"),
        has_oem_key=software is not None and has_oem_key(software),
        setup_type=number_of(setup, "SetupType") or 0,
        setup_command=text_of(setup, "CmdLine"),
        setup_complete=None if there is None else files.read(script, limit=_LARGEST_SCRIPT),
        has_powershell=files.exists(rf"{root}\{POWERSHELL}"),
    )


def has_oem_key(software: Hive) -> bool:
    """Tell by the product id in a hive SOFTWARE whether the product key is that of an OEM."""
    return "-OEM-" in (text_of(software.root.find(_CURRENT_VERSION), "ProductId") or "").upper()


def _code_page(system: Hive, name: str) -> str:
    # A Windows that does not tell was cut down to a few keys; what its script has beyond ASCII is seldom asked for.
    number = text_of(system.root.find(rf"{control_set(system)}\{_CODE_PAGE}"), "OEMCP") or _WESTERN
    try:
        return codecs.lookup(f"cp{number}").name
    except LookupError:
        raise InvalidInput(f"{name}: its OEM code page is {number}, which is not known here") from None


def called_script(windows: StartedWindows) -> bytes:
    """Return ``SetupComplete.cmd`` with one line that calls ``run.cmd``: before all others, which may end it.

    Raises:
        InvalidInput: when the file that is there is not in a code page, as the shell reads it.
    """
    old = windows.setup_complete or b""
    if b"\0" in old:
        raise InvalidInput(
            f"{windows.script_path} is in UTF-16, which the shell does not read; valid is a text in a code page"
        )
    ours = f"{_MARK}\r\n@{_CALL}\r\n".encode("ascii")
    if ours in old:
        return old
    mark = codecs.BOM_UTF8 if old.startswith(codecs.BOM_UTF8) else b""
    return mark + b"@" + ours + old[len(mark) :] if old else b"@" + ours


def script_of(root: str) -> str:
    r"""Return the path of ``SetupComplete.cmd`` on a volume, separated by ``\``, by the directory of Windows."""
    return rf"{root}\{_SCRIPT}"


def without_call(script: bytes) -> bytes:
    """Return ``SetupComplete.cmd`` without the line that calls ``run.cmd``; empty when there was nothing else."""
    new = script.replace(f"@{_MARK}\r\n@{_CALL}\r\n".encode("ascii"), b"")
    return b"" if new == codecs.BOM_UTF8 else new


def taken_back(name: str, hive: Hive) -> tuple[Edit, ...]:
    """Return what takes back, in a hive, what starts ``run.cmd``; nothing when nothing does.

    Args:
        name: of the hive, ``SYSTEM`` or ``SOFTWARE``.
        hive: it.
    """
    if name == "SOFTWARE":
        once = hive.root.find(_RUN_ONCE.partition("SOFTWARE\\")[2])
        return () if once is None or once.value(_VALUE) is None else (Edit(_RUN_ONCE, deletes_value=_VALUE),)
    setup = hive.root.child("Setup")
    if setup is None or rf"\{FOLDER}\{RUN}".lower() not in (text_of(setup, "CmdLine") or "").lower():
        return ()
    return (
        Edit(_SETUP, value=Value.dword("SetupType", 0)),
        Edit(_SETUP, value=Value.string("CmdLine", "")),
        Edit(_SETUP, deletes_value="SetupShutdownRequired"),
    )


def setup_edits(windows: StartedWindows) -> tuple[Edit, ...]:
    r"""Return what is written into the hive SYSTEM so that Windows runs ``run.cmd`` when it starts.

    Raises:
        TargetRefused: when it runs something else already at its next start, such as Setup that has not ended.
    """
    if windows.setup_type and windows.setup_command != _COMMAND:
        raise TargetRefused(
            f"{windows.root}: at its next start this Windows runs another command already (SYSTEM\\Setup: SetupType "
            f"{windows.setup_type}, CmdLine {quoted(windows.setup_command or '')}), which is left alone"
        )
    return (
        Edit(_SETUP, value=Value.string("CmdLine", _COMMAND)),
        Edit(_SETUP, value=Value.dword("SetupType", _RUN_AT_START)),
    )


def key_warnings(windows: StartedWindows) -> tuple[str, ...]:
    """Return what is to be said of the product key, on which ``SetupComplete.cmd`` depends.

    Raises:
        InvalidRequest: when the Windows has the key of an OEM, with which Setup does not run the script.
    """
    if _takes_any_key(windows.edition):
        return ()
    if windows.has_oem_key:
        raise InvalidRequest(
            f"{windows.root}: Setup does not run SetupComplete.cmd in a Windows {windows.edition or 'edition'} with "
            "the product key of an OEM",
            remedy=Remedy("let the first logon of an administrator do it: {}", (Means.FIRST_BOOT,), ("logon",)),
        )
    return ("Setup does not run SetupComplete.cmd when the computer has the product key of an OEM",)


def _takes_any_key(edition: str | None) -> bool:
    return edition is not None and edition.lower().startswith(_WITH_ANY_KEY)
