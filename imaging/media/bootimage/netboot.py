r"""Files that wimboot puts into a boot image while it starts it, so that the WIM on the server stays as it is.

wimboot (ipxe.org/wimboot, since 2.6.0) lets files that iPXE has loaded appear in ``\Windows\System32`` of the image.
By its source (``src/wimpatch.c``, ``src/vdisk.h``): none whose name is one of the boot manager's own or ends in
``.wim``, ``.sdi``, ``.efi`` or ``.ttf``; names of at most 31 characters; 63 files with those that the boot manager
reads.  It does not look whether there is a file of such a name: what is there is therefore never given a second time.
Since 2.7.1 it takes the BCD store and ``boot.sdi`` from the WIM.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError, TargetRefused, quoted
from osdimage.imaging.logs import logged
from osdimage.imaging.media.bootimage import places, winpeshl
from osdimage.imaging.media.bootimage.choosing import DriverWish, choose_drivers
from osdimage.imaging.media.bootimage.drivers import LAUNCH_LINE, files_of, planned
from osdimage.imaging.media.bootimage.facts import BootKind, DriverWay
from osdimage.imaging.media.bootimage.ini import IniText
from osdimage.imaging.media.bootimage.plan import Payload, PlannedDriver
from osdimage.imaging.media.bootimage.reading import boot_image_of, setup_of
from osdimage.imaging.media.bootimage.script import driver_script, refuse_unsafe
from osdimage.imaging.media.bootimage.settings import AddedFile, script_of, shell_of
from osdimage.imaging.media.bootimage.work import BootWork
from osdimage.imaging.output import new_file, refuse_irregular
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.select import ImageSelector

LONGEST_NAME = 31
MOST_FILES = 57
"""Besides the loader itself, the WIM, and what firmware and the boot manager read: boot.sdi, BCD, two boot managers."""
IPXE = "boot.ipxe"
_START = "osdimage-start.cmd"
_SHELL = "winpeshl.ini"
_NEVER = {"wimboot", "bootmgr", "bootmgr.exe", "bcd"}
_NEVER_ENDS = (".wim", ".sdi", ".efi", ".ttf")
# What iPXE and wimboot divide lines and lists at, or take for something else.
_NAME = re.compile(r"[A-Za-z0-9._()+,@~{}-]+")
_RUN = r'%SYSTEMROOT%\System32\cmd.exe, "/k %SYSTEMROOT%\System32\{}"'
_PIECE = 8 << 20


@dataclass(frozen=True, slots=True)
class NetWish:
    r"""What a computer is to start with, besides drivers.

    Attributes:
        startnet: the script that is run in the place of the image's own.
        winpeshl: the file with programs that are run.
        files: more files; their paths are names, or directly in ``\Windows\System32``.
    """

    startnet: Path | None = None
    winpeshl: Path | None = None
    files: tuple[AddedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class NetFile:
    """A file for wimboot: its name, what it has, and its size in bytes."""

    name: str
    contents: bytes | Path | Payload
    size: int


@dataclass(frozen=True, slots=True)
class NetPlan:
    """The files for wimboot.

    Attributes:
        index, name, kind: of the image that is started.
        files: in the order of the lines of iPXE, without these.
        ipxe: the lines.
        drivers: that are loaded.
        left_out: drivers that are not taken, and why.
        warnings: what would not work as it may be meant.
    """

    index: int
    name: str
    kind: BootKind
    files: tuple[NetFile, ...]
    ipxe: str
    drivers: tuple[PlannedDriver, ...]
    left_out: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def plan_net_files(wim: WimFile, selector: ImageSelector, wish: NetWish, drivers: DriverWish | None = None) -> NetPlan:
    """Return the files that let a boot image start with what is wished for; nothing is written.

    Args:
        wim: the WIM that is started; it is only read.
        selector: which image; without a choice the one that it starts.
        wish: what is started.
        drivers: what is loaded before.

    Raises:
        InvalidRequest: when a file cannot be given so.
        InvalidInput: when what is given is not for the image, or the image says itself what it starts.
        TargetRefused: when the image is no Windows PE.
        UnsafeName, CorruptWim, MissingParts, StorageError: when something cannot be read.
    """
    image = boot_image_of(wim, selector)
    work = BootWork(image)
    found = _Files(work)
    if drivers is not None:
        _add_drivers(work, found, drivers)
    for each in wish.files:
        if not each.source.is_file():
            raise InvalidRequest(f"{each.source}: is no file, and only files are given so")
        found.add(_name_of(each), each.source, each.source.stat().st_size)
    found.make(_SHELL, _shell(work, found, wish, has_drivers=drivers is not None).to_bytes())
    files = found.done()
    index = None if wim.header.boot_index == image.index else image.index
    return NetPlan(
        image.index,
        image.name,
        work.kind,
        files,
        _ipxe(wim.path.name.rpartition("!")[2].rpartition("/")[2], index, files),
        tuple(work.drivers),
        tuple((each.source, each.why) for each in work.left_out),
        tuple(work.warnings),
    )


class _Files:
    """Files by their names, each checked."""

    def __init__(self, work: BootWork) -> None:
        self._work = work
        self._found: dict[str, NetFile] = {}

    def add(self, name: str, contents: bytes | Path | Payload, size: int) -> None:
        """Add a file; the same one twice is one.

        Raises:
            InvalidRequest: when wimboot would not give it, or it would be a second one of its name.
        """
        lowered = name.lower()
        if _NAME.fullmatch(name) is None or len(name) > LONGEST_NAME:
            raise InvalidRequest(
                f"{quoted(name)}: wimboot takes names of at most {LONGEST_NAME} letters, digits and characters of "
                "._()+,@~{}-"
            )
        if lowered in _NEVER or lowered.endswith(_NEVER_ENDS):
            raise InvalidRequest(f"{quoted(name)}: wimboot keeps it for the boot manager, and does not put it there")
        if self._work.has(f"{places.SYSTEM32}/{name}"):
            raise InvalidRequest(
                f"{quoted(name)}: is in \\Windows\\System32 of the image already, and wimboot would make a second one"
            )
        old = self._found.setdefault(lowered, NetFile(name, contents, size))
        if old.contents is not contents and _read(old.contents) != _read(contents):
            raise InvalidRequest(f"{quoted(name)}: two different files would have this name in \\Windows\\System32")

    def make(self, name: str, contents: bytes) -> None:
        """Add a file with contents; raise as :meth:`add`."""
        self.add(name, contents, len(contents))

    def done(self) -> tuple[NetFile, ...]:
        """Return the files.

        Raises:
            InvalidRequest: when they are more than wimboot takes.
        """
        if len(self._found) > MOST_FILES:
            raise InvalidRequest(
                f"{len(self._found)} files are more than the {MOST_FILES} that wimboot takes besides its own; put the "
                "drivers into the image instead"
            )
        return tuple(self._found.values())


def _add_drivers(work: BootWork, found: _Files, wish: DriverWish) -> None:
    os = offline_windows(work.files).os
    infs = []
    for chosen in choose_drivers(work, wish, os):
        contents = files_of(work, chosen, os, allow_modified=wish.allow_modified)
        for each in contents:
            if "/" in each.path:
                raise InvalidInput(
                    f"{chosen.called}: its file {quoted(each.path)} is in a folder, and wimboot gives all in one"
                )
            found.add(each.path, each, each.size)
        refuse_unsafe(chosen.package.name)
        inf = f"{places.SYSTEM32}/{chosen.package.name}"
        infs.append(inf)
        work.drivers.append(planned(chosen, inf, DriverWay.LOADED, contents, is_new=True))
    found.make(places.SCRIPT_NAME, driver_script(infs))
    if work.kind is BootKind.SETUP:
        work.warnings.append(
            "drivers that are loaded so serve the Setup, and do not reach the Windows that it installs; a folder "
            "\\$WinPEDriver$ does, in the image or on a medium"
        )


def _shell(work: BootWork, found: _Files, wish: NetWish, *, has_drivers: bool) -> IniText:
    """Return the winpeshl.ini: the drivers, then what is wished for, or what the image starts by itself.

    Raises:
        InvalidInput: when the image has one.
    """
    if work.has(places.WINPESHL_INI):
        raise InvalidInput(
            f"{work.files.name}: has a winpeshl.ini, of which wimboot would make a second; valid is a copy of the "
            "image that has the drivers itself"
        )
    if wish.winpeshl is not None:
        ini = shell_of(wish.winpeshl)
        if wish.startnet is not None:
            found.make(_START, script_of(wish.startnet))
    else:
        ini = IniText()
        ini.insert("LaunchApps", _started(work, found, wish))
    if has_drivers:
        winpeshl.put_first(ini, LAUNCH_LINE, _SHELL)
    return ini


def _started(work: BootWork, found: _Files, wish: NetWish) -> str:
    if wish.startnet is not None:
        found.make(_START, script_of(wish.startnet))
        return _RUN.format(_START)
    setup = setup_of(work.files)
    return _RUN.format("startnet.cmd") if setup is None else "%SYSTEMDRIVE%\\" + setup.replace("/", "\\")


def _name_of(file: AddedFile) -> str:
    above, _, name = file.path.replace("\\", "/").strip("/").rpartition("/")
    if above and above.lower() != places.SYSTEM32.lower():
        raise InvalidRequest(
            f"{quoted(file.path)}: wimboot puts files into \\Windows\\System32 only; valid is a name, or a path there"
        )
    return name


def _ipxe(wim: str, index: int | None, files: Iterable[NetFile]) -> str:
    chosen = "" if index is None else f" index={index}"
    lines = ["#!ipxe", f"kernel wimboot{chosen}", *(f"initrd {each.name} {each.name}" for each in files)]
    return "".join(f"{line}\n" for line in [*lines, f"initrd {quote(wim)} boot.wim", "boot"])


def _read(contents: bytes | Path | Payload) -> bytes:
    if isinstance(contents, Path):
        try:
            return contents.read_bytes()
        except OSError as error:
            raise StorageError(f"{contents}: {error.strerror}", path=contents, errno=error.errno) from error
    return contents if isinstance(contents, bytes) else contents.read()


def refuse_places(plan: NetPlan, folder: Path) -> None:
    """Refuse a folder that cannot get the files of a plan; nothing is written.

    Raises:
        TargetRefused: when it is none, or holds something else than a file in the place of one.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise TargetRefused(f"{folder}: is no directory")
    for name in (*(each.name for each in plan.files), IPXE):
        refuse_irregular(folder / name)


@logged("write the files for wimboot to {folder}")
def write_net_files(plan: NetPlan, folder: str | os.PathLike[str]) -> None:
    """Write the files and the lines of iPXE; files of these names are replaced, each in one step.

    Raises:
        TargetRefused: as :func:`refuse_places`; nothing is written.
        StorageError: when one cannot be written; the message names it.
    """
    folder = Path(folder)
    refuse_places(plan, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}", path=folder, errno=error.errno) from error
    lines = NetFile(IPXE, plan.ipxe.encode("utf-8"), 0)
    for each in (*plan.files, replace(lines, size=len(plan.ipxe))):
        with new_file(folder / each.name, replace=True) as descriptor, open(descriptor, "wb", closefd=False) as file:
            data = _read(each.contents)
            # In pieces: a signal is answered between them.
            file.writelines(memoryview(data)[at : at + _PIECE] for at in range(0, len(data), _PIECE))
