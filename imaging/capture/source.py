"""What is captured, and where libwim reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from osdimage.imaging.capture.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.capture.source_list import SourceTree
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.volume import title_of
from osdimage.native.wim.facts import AddedImage, Descriptors
from osdimage.native.wim.handles import WimHandle

if TYPE_CHECKING:
    from osdimage.imaging.disk.volume import OpenVolume


@dataclass(frozen=True, slots=True)
class CaptureSource:
    """What is captured.

    Attributes:
        path: a directory, a file or device that holds one NTFS or FAT volume, or with ``partition`` a disk.
        config: what is left out.
        unix_data: also store owner, group, mode, extended attributes, FIFOs and the like, which Windows ignores
            (directories only).
        partition: the number of a partition of the disk.
        opening: how the disk is opened.
        volume: a volume of a disk that is open, in place of ``path`` and ``partition``; see :meth:`of_volume`.
        fixes_links: make absolute links that lead into the source relative to the image, so that they can lead to what
            is applied of it; None for as the WIM has it that is added to, and True for a new one (directories only: the
            letter that a volume has is not known).
        descriptors: what becomes of the security descriptors of an NTFS volume, which alone has some; with ``ALL`` one
            that cannot be read is an error.
        dereference: store what symbolic links lead to, in place of the links (directories only).
        decompacts: store files that Windows has compressed as a whole plain (NTFS volumes only).
        trees: what the image is made of in place of ``path``, which is the list of it then (no volumes).
    """

    path: Path
    config: CaptureConfig = DEFAULT_CONFIG
    unix_data: bool = False
    partition: int | None = None
    opening: Opening = AS_FOUND
    volume: OpenVolume | None = None
    fixes_links: bool | None = None
    descriptors: Descriptors = Descriptors.KEPT
    dereference: bool = False
    decompacts: bool = False
    trees: tuple[SourceTree, ...] = ()

    @classmethod
    def of_volume(cls, volume: OpenVolume, config: CaptureConfig = DEFAULT_CONFIG) -> CaptureSource:
        """Return what captures a volume of a disk that is open and stays so."""
        return cls(volume.path, config, partition=volume.partition, volume=volume)

    @property
    def title(self) -> str:
        """What messages call it."""
        return title_of(self.path, self.partition) if self.volume is None else self.volume.name


class PreparedTree(Protocol):
    """What libwim takes in place of a volume that it cannot read."""

    excluded: tuple[str, ...]
    """The paths of what was left out; what is below one is not listed."""

    def add_to(self, destination: WimHandle, name: str, *, boot: bool) -> AddedImage:
        """Add the tree to a WIM as an image, which reads from it until it is closed."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Where libwim reads a source: the name to give it, and the volume if it is one, with the hazards of reading it.

    ``tree`` is what libwim takes in place of a volume that it cannot read, ``decompacted`` how many files it finds
    plain that Windows has compressed, and ``elsewhere`` the paths of files that it would read as zeros, and must not:
    their contents are in a cloud only.
    """

    name: str
    volume: OpenVolume | None = None
    hazards: tuple[str, ...] = ()
    tree: PreparedTree | None = None
    decompacted: int = 0
    elsewhere: frozenset[str] = frozenset()
