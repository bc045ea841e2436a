r"""Files of shares that command lines of the first start name: they are put on the disk.

No share is reached at the first start.  A path below the address of one, such as ``%SCRIPTROOT%\Tool\run.cmd``, becomes
one of a package, which holds the folder that the file is in, with all beside it: at most two below the share, since
what a tool needs is around it (``Scripts\Tool``), and that of the file where it is directly in one of the share's own
folders.

Of the deployment share all is read, so that what is not there is an error.  Of any other share, or of a drive that is
connected to one, a file that is there is taken, and alone where it is in no folder of the share; any other path may be
one that is written to, and stays as it is.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from osdimage.imaging.errors import InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.mdt.share import DeploymentShare, share_of, shown
from osdimage.imaging.tasksequence.staging.staged import StagedPackage

FIRST_START = "OSDImageFirstStart"
"""The variable with the folder of the first start, which a batch file of a step reads."""

_UNKNOWN = re.compile(r"%(deployroot|scriptroot)%", re.IGNORECASE)
_UNPLAIN = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
_DEEPEST = 2
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class LocalText:
    """A command line without the shares.

    Attributes:
        text: with paths of the disk in place of those of shares.
        packages: with the files that it names.
    """

    text: str
    packages: tuple[StagedPackage, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mapped:
    """An address, and the folder of this machine that stands for it.

    Attributes:
        address: of the share, or a drive.
        share: the folder.
        is_deployment: whether it is the deployment share.
        is_within: whether it is a folder within a share, where what is beside a file may be what that needs.
    """

    address: str
    share: DeploymentShare
    is_deployment: bool = False
    is_within: bool = False


def read_there(machine: Machine) -> set[str]:
    """Return the names of variables, in lower case, that are read at the first start, its folder among them."""
    return {*machine.unsure, FIRST_START.lower()}


def without_shares(env: Environment, machine: Machine, text: str, *, is_folder: bool = False) -> LocalText:
    """Return a command line, or a folder, whose files of shares are on the disk.

    Args:
        env: the variables.
        machine: whose caller has given the shares.
        text: with its variables replaced.
        is_folder: whether it is the folder that a command starts in, which is read and not written to.

    Raises:
        InvalidRequest: when it names the deployment share, and there is none, or the file is not in it.
    """
    match = _UNKNOWN.search(text)
    if match is not None and share_of(machine) is None:
        raise InvalidRequest(
            f"it names {match[0]}, and no deployment share was given",
            remedy=Remedy("give {}", (Means.DEPLOYMENT_SHARE,)),
        )
    packages: dict[str, StagedPackage] = {}

    def local(match: re.Match[str], mapped: _Mapped) -> str:
        path = match["quoted"] or match["bare"] or match["whole"]
        found = _package(mapped, path, takes_folders=is_folder)
        if found is None:
            return match[0]
        package, inner = found
        packages[package.name] = package
        return f"%{FIRST_START}%\\packages\\{package.name}{inner}"

    # The longest address first: one share may be within another.
    for mapped in sorted(_mapped(env, machine), key=lambda each: -len(each.address)):
        text = _paths(mapped.address, is_whole=is_folder).sub(partial(local, mapped=mapped), text)
    return LocalText(text, tuple(packages.values()))


def _mapped(env: Environment, machine: Machine) -> Iterator[_Mapped]:
    share = share_of(machine)
    address = (env.text("DeployRoot") or "").rstrip("\\/") if share is not None else ""
    if share is not None and address:
        yield _Mapped(address, share, is_deployment=True)
    others = {name.replace("/", "\\").rstrip("\\"): folder for name, folder in machine.shares.items()}
    whole = {folder for name, folder in others.items() if _is_share(name)}
    for name, folder in others.items():
        if name and name.lower() != address.lower():
            is_deployment = share is not None and folder == share.root
            yield _Mapped(name, DeploymentShare(folder), is_deployment, folder not in whole)


def _is_share(address: str) -> bool:
    r"""Tell whether an address is one of a share, ``\\server\share``, and no drive and no folder within one."""
    return address.startswith("\\\\") and address.count("\\") <= 3


def _paths(address: str, *, is_whole: bool) -> re.Pattern[str]:
    """Return what finds paths below an address: between quotation marks, or up to a blank; or the whole text is one."""
    root = re.escape(address)
    if is_whole:
        return re.compile(rf"^{root}\\(?P<whole>[^\"]+)$(?P<quoted>)(?P<bare>)", re.IGNORECASE)
    return re.compile(
        rf"(?:(?<=\"){root}\\(?P<quoted>[^\"]+)|(?<![\w\\.])(?<![\s\"][A-Za-z]:){root}\\(?P<bare>[^\s\"&|<>]+))(?P<whole>)",
        re.IGNORECASE,
    )


def _package(mapped: _Mapped, path: str, *, takes_folders: bool) -> tuple[StagedPackage, str] | None:
    """Return the package with a file or folder of a share, and the rest of the path in it; None when none is taken."""
    share = mapped.share
    found = share.find(path.rstrip("\\"))
    if mapped.is_deployment and found is None:
        raise InvalidRequest(f"{quoted(shown(path))} is not in the deployment share {share.root}")
    if found is None or not (mapped.is_deployment or takes_folders or found.is_file()):
        return None
    names = found.relative_to(share.root).parts
    if mapped.is_deployment and not (names if found.is_dir() else names[:-1]):
        raise InvalidRequest(f"{quoted(shown(path))} is no file in a folder of the deployment share {share.root}")
    return _part(mapped, names)


def _part(mapped: _Mapped, names: tuple[str, ...]) -> tuple[StagedPackage, str]:
    """Return the package with what has these names below the share, and the rest of the path in it."""
    root = mapped.share.root
    above = names if root.joinpath(*names).is_dir() else names[:-1]
    folder = above[:_DEEPEST]
    inner = "".join(f"\\{each}" for each in names[len(folder) :])
    taken = folder if folder or mapped.is_within else names
    called = ("share" if mapped.is_deployment else mapped.address, *taken)
    return StagedPackage(_named(called), root.joinpath(*taken)), inner


def _named(parts: tuple[str, ...]) -> str:
    """Return the name of a package; one that is too long for it ends with the checksum of what it is made of."""
    name = "-".join(_UNPLAIN.sub("-", each).strip("-.") for each in parts)
    if len(name) <= _LONGEST_NAME:
        return name
    whole = "\\".join(parts).lower().encode("utf-8", "surrogatepass")
    return f"{name[: _LONGEST_NAME - 9].strip('-.')}-{zlib.crc32(whole):08x}"
