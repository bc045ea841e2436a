"""A medium that is open, whatever it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from osdimage.imaging.disc import Disc, open_disc
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import Disk, open_disk
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.probe import described, probe
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.drivers import FolderFiles
from osdimage.imaging.drivers.supplied.disc import DiscFiles
from osdimage.imaging.errors import InvalidInput, OsdImageError, StorageError
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.media.checked.report import MediumKind
from osdimage.imaging.media.parts.form import is_disc
from osdimage.imaging.volume.fat.read import open_fat
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files

FIRST_LOADED = ("boot.ipxe", "bootmgfw.efi", "pxeboot.n12", "pxeboot.com")
"""What tells a folder for network boot from another: what computers load first from it."""


@dataclass(frozen=True, slots=True)
class VolumeOfStick:
    """A volume of a stick.

    Attributes:
        volume: it; its ``partition`` is None on a stick without a table.
        partition: the one that it is in, or None.
        files: what it holds.
    """

    volume: OpenVolume
    partition: Partition | None
    files: FileSource


@dataclass(frozen=True, slots=True)
class Place:
    """A medium that is open for reading.

    Attributes:
        path: as it was given.
        kind: what it is.
        files: of a disc or a folder; of a stick those of the volume that starts, or of the first that can be read.
        disc: it, when it is one.
        disk: it, when it is a stick.
        volumes: those of a stick that can be read.
        unread: why others cannot.
    """

    path: Path
    kind: MediumKind
    files: FileSource
    disc: Disc | None = None
    disk: Disk | None = None
    volumes: tuple[VolumeOfStick, ...] = ()
    unread: tuple[OsdImageError, ...] = field(default=())

    @property
    def sources(self) -> tuple[FileSource, ...]:
        """All files: on a stick those of several volumes, those that start it first."""
        others = tuple(each.files for each in self.volumes if each.files is not self.files)
        return (self.files, *others)

    def label(self) -> str | None:
        """Return the label of its volume.

        Raises:
            InvalidVolume: when a volume of a stick is damaged.
            StorageError: when it cannot be read.
        """
        if self.disc is not None:
            return self.disc.label or None
        found = next((each.volume for each in self.volumes if each.files is self.files), None)
        if found is None or found.content is Content.NTFS:
            return None
        return open_fat(found.window()).label

    def path_of(self, path: str) -> Path | None:
        """Return a path at which others open a file of the medium; None for one on a stick, or that is not there."""
        if self.disc is not None:
            return Path(f"{self.path}!{path}")
        if self.disk is not None:
            return None
        stored = stored_facts(self.files, path)
        return None if stored is None else self.path / stored.path


def stored_facts(files: FileSource, path: str) -> FileFacts | None:
    """Return what is at a path, with the path as it is stored; None when there is nothing."""
    found: FileFacts | None = None
    for name in path.replace("\\", "/").strip("/").split("/"):
        if found is not None and not found.is_directory:
            return None
        listed = files.list("" if found is None else found.path)
        same = [each for each in listed if each.name.casefold() == name.casefold()]
        found = next((each for each in same if each.name == name), next(iter(same), None))
        if found is None:
            return None
    return found


@contextmanager
def open_place(path: str | os.PathLike[str], *, opening: Opening = AS_FOUND) -> Iterator[Place]:
    """Open a medium for reading.

    Args:
        path: a folder, an ISO file or a drive, a stick or the image of one.
        opening: how a stick is opened.

    Raises:
        InvalidInput: when it is no medium, or one that cannot be read.
        StorageError: when it cannot be read.
    """
    where = Path(path)
    content = probe(where)
    if content is Content.DIRECTORY:
        files = FolderFiles(where)
        kind = MediumKind.NETBOOT if any(map(files.exists, FIRST_LOADED)) else MediumKind.FOLDER
        yield Place(where, kind, files)
    elif is_disc(where, content):
        with open_disc(where) as disc:
            yield Place(where, MediumKind.DISC, DiscFiles(disc), disc=disc)
    elif content in {Content.MISSING, Content.SPECIAL, Content.WIM}:
        raise InvalidInput(f"{where}: is {described(content)}; media are discs, sticks or images of these, and folders")
    else:
        with open_disk(where, opening=opening, share=True) as disk, ExitStack() as opened:
            yield _stick(where, disk, opened)


def _stick(path: Path, disk: Disk, opened: ExitStack) -> Place:
    table = disk.read().table
    whole = None if table is not None else disk.whole_volume()
    if whole is not None and whole.content not in FILE_SYSTEMS:
        raise InvalidInput(f"{path}: is {described(probe(path))}, and no medium")
    found: list[VolumeOfStick] = []
    unread: list[OsdImageError] = []
    for partition in [None] if table is None else [each for each in table.partitions if not each.is_extended]:
        try:
            volume = whole if partition is None else disk.volume_in(partition)
            if volume is not None and volume.content in FILE_SYSTEMS:
                found.append(VolumeOfStick(volume, partition, opened.enter_context(open_files(volume))))
        except StorageError:
            raise
        except OsdImageError as error:
            unread.append(error)
    if not found:
        raise unread[0] if unread else InvalidInput(f"{path}: has no partition with a volume that a medium can be on")
    starting = next((each for each in found if each.partition is not None and each.partition.active), None)
    starting = starting or next((each for each in found if _has_loaders(each.files)), found[0])
    return Place(path, MediumKind.DISK, starting.files, disk=disk, volumes=tuple(found), unread=tuple(unread))


def _has_loaders(files: FileSource) -> bool:
    try:
        return files.exists("EFI/Boot")
    except InvalidInput:
        # Whoever looks at the volume tells what is wrong with it.
        return False
