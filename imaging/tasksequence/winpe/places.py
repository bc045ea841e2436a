r"""Where the paths of a command line lead: into a volume, to a file of this machine, or into Windows PE itself.

``X:`` is the RAM disk of Windows PE: what is written there is gone when it ends, and nothing of it is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.drivers.supplied.folder import FolderFiles
from osdimage.imaging.errors import InvalidRequest, StorageError, quoted
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.volumes import Place
from osdimage.imaging.tasksequence.winpe.patterns import checked_name, is_wild
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import open_files

RAM_DISK = "X"
_DRIVE = re.compile(r"([A-Za-z]):[\\/](.*)", re.ASCII | re.DOTALL)
_BARE = re.compile(r"([A-Za-z]):", re.ASCII)


@dataclass(frozen=True, slots=True)
class DrivePath:
    r"""A path of a volume of the computer, or of the RAM disk of Windows PE.

    Attributes:
        letter: of the drive, large.
        inner: the path in it, its names separated by ``\``; empty for the root.
        is_folder: whether it ends with a backslash, so that a folder is meant.
    """

    letter: str
    inner: str
    is_folder: bool = False

    def __str__(self) -> str:
        """Write it as Windows does."""
        return f"{self.letter}:\\{self.inner}"

    @property
    def is_in_ram(self) -> bool:
        """Whether it is in the RAM disk of Windows PE."""
        return self.letter == RAM_DISK

    @property
    def name(self) -> str:
        """Its last part."""
        return self.inner.rpartition("\\")[2]

    @property
    def above(self) -> str:
        """The path of the folder that it is in."""
        return self.inner.rpartition("\\")[0]

    @property
    def is_wild(self) -> bool:
        """Whether its last part stands for several names."""
        return is_wild(self.name)

    def below(self, name: str) -> DrivePath:
        """Return the path of something in this folder."""
        return DrivePath(self.letter, f"{self.inner}\\{name}" if self.inner else name)

    def volume(self, machine: Machine) -> Place:
        """Return the volume that has its letter.

        Raises:
            NotThere: when none has.
        """
        return machine.lettered(f"{self.letter}:")

    def known_volume(self, machine: Machine) -> Place:
        """Return the volume, for reading from it.

        Raises:
            InvalidRequest: when it is in the RAM disk of Windows PE.
            NotThere: when no volume has its letter.
        """
        if self.is_in_ram:
            raise InvalidRequest(f"{self}: X: is the RAM disk of Windows PE, whose files are not known here")
        return self.volume(machine)


@dataclass(frozen=True, slots=True)
class OutsidePath:
    """A path of this machine, which stands for one of a network, or for one of the package of the step.

    Attributes:
        folder: the folder of this machine that it is looked up in, without case.
        inner: the path in that folder.
        told: what messages call it.
        is_folder: whether it ends with a backslash.
    """

    folder: Path
    inner: str
    told: str
    is_folder: bool = False

    def __str__(self) -> str:
        """Write it as it was given."""
        return self.told

    @property
    def name(self) -> str:
        """Its last part."""
        return self.inner.rpartition("\\")[2]

    @property
    def above(self) -> str:
        """The path of the folder that it is in."""
        return self.inner.rpartition("\\")[0]

    @property
    def is_wild(self) -> bool:
        """Whether its last part stands for several names."""
        return is_wild(self.name)


SourcePath = DrivePath | OutsidePath


def drive_path(text: str) -> DrivePath:
    r"""Read a whole path of a volume, such as ``C:\Windows`` or ``C:``.

    Raises:
        InvalidRequest: when it is none.
    """
    bare = _BARE.fullmatch(text)
    if bare is not None:
        return DrivePath(bare[1].upper(), "", is_folder=True)
    found = _DRIVE.fullmatch(text)
    if found is None:
        raise InvalidRequest(f"{quoted(text)} is no whole path of a drive; valid is one such as C:\\Folder")
    return DrivePath(found[1].upper(), _checked(found[2], text), text[-1:] in {"\\", "/"})


def source_path(text: str, machine: Machine, here: Path | None) -> SourcePath:
    r"""Read a path that is read from: one of a volume, one of the network, or one of the package of the step.

    Args:
        text: it.
        machine: whose shares stand for those of the network.
        here: the folder of the package that the step runs in, or None when it has none.

    Raises:
        InvalidRequest: when it is none of these, or the share stands for no folder.
    """
    plain = text.replace("/", "\\")
    if _DRIVE.fullmatch(text) is not None or _BARE.fullmatch(text) is not None:
        return drive_path(text)
    if plain.startswith("\\\\"):
        return _shared(text, plain, machine)
    if text.startswith("/"):
        whole = machine.outside_path(text)
        return OutsidePath(whole.parent, _checked(whole.name, text), text, text.endswith("/"))
    if here is None:
        raise InvalidRequest(
            f"{quoted(text)} is looked for in the folder that the step runs in, and it has no package; valid is a "
            "whole path such as C:\\Folder"
        )
    return OutsidePath(here, _checked(plain, text), text, plain.endswith("\\"))


def _shared(text: str, plain: str, machine: Machine) -> OutsidePath:
    """Return what a path of the network leads to: below the folder that stands for its share."""
    for share, folder in sorted(machine.shares.items(), key=lambda item: -len(item[0])):
        prefix = share.replace("/", "\\").rstrip("\\")
        if f"{plain}\\".lower().startswith(f"{prefix}\\".lower()):
            return OutsidePath(folder, _checked(plain[len(prefix) :], text), text, plain.endswith("\\"))
    known = ", ".join(sorted(machine.shares)) or "none"
    raise InvalidRequest(f"{quoted(text)} is on no share that has a folder ({known})")


def _checked(inner: str, text: str) -> str:
    parts = [part for part in inner.replace("/", "\\").split("\\") if part]
    if any(part in {".", ".."} for part in parts):
        raise InvalidRequest(f"{quoted(text)} is no plain path; valid is one such as C:\\Folder\\File")
    if "%" in inner:
        raise InvalidRequest(f"{quoted(text)} is no plain path: a variable in it is not set")
    if any(map(is_wild, parts[:-1])):
        raise InvalidRequest(f"{quoted(text)}: only the last part of a path stands for several names")
    return "\\".join(checked_name(part, text) for part in parts)


# Opening what paths lead to


@contextmanager
def written(machine: Machine, place: Place, *, is_repeated: bool) -> Iterator[VolumeFiles]:
    """Open the files of a volume for writing: NTFS gets all of it at one moment, or nothing.

    Args:
        machine: whose volume it is.
        place: of it.
        is_repeated: whether the step may have been at work before, and have left the volume marked dirty.

    Raises:
        TargetRefused: when the volume is not to be written to; nothing was written.
        OsdImageError: when it cannot be opened.
    """
    machine.writable_disk(place.disk)
    with (
        machine.opened(place.disk, write=True) as disk,
        open_files(disk.volume(place.partition), write=True, force=is_repeated) as files,
    ):
        yield files


@contextmanager
def read(machine: Machine, source: SourcePath, target: tuple[Place, VolumeFiles]) -> Iterator[FileSource]:
    """Open the files that a path leads to, for reading them while others are written to a volume.

    Raises:
        NotThere: when no volume has the letter.
        StorageError: when they cannot be read.
    """
    with ExitStack() as stack:
        if isinstance(source, OutsidePath):
            yield FolderFiles(source.folder)
            return
        place = source.known_volume(machine)
        if place == target[0]:
            yield target[1]
            return
        disk = stack.enter_context(machine.opened(place.disk))
        yield stack.enter_context(open_files(disk.volume(place.partition)))


def refuse_absent(source: SourcePath) -> None:
    """Refuse a file of this machine that is not there, before the first step.

    Raises:
        InvalidRequest: when it is a path of this machine, and nothing is there.
    """
    if isinstance(source, OutsidePath) and find_outside(source) is None:
        raise InvalidRequest(f"{source}: there is nothing of this name in {source.folder}")


def find_outside(source: OutsidePath) -> FileFacts | None:
    """Return what a path of this machine leads to; of a pattern, the folder that it is in.

    Raises:
        StorageError: when it cannot be read.
    """
    try:
        files = FolderFiles(source.folder)
    except StorageError:
        return None
    return files.find(source.above if source.is_wild else source.inner)
