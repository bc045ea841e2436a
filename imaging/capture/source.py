"""What is captured, and where libwim reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.capture.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.volume.opened import title_of

if TYPE_CHECKING:
    from osdimage.imaging.capture.fat import FatTree
    from osdimage.imaging.volume.opened import OpenVolume


@dataclass(frozen=True, slots=True)
class CaptureSource:
    """What is captured.

    Attributes:
        path: a directory, a file or device that holds one NTFS or FAT32 volume, or with ``partition`` a disk.
        config: what is left out.
        unix_data: also store owner, group and mode (directories only; Windows ignores them).
        partition: the number of a partition of the disk, as ``osdimage disk show`` lists them.
    """

    path: Path
    config: CaptureConfig = DEFAULT_CONFIG
    unix_data: bool = False
    partition: int | None = None

    @property
    def title(self) -> str:
        """What messages call it."""
        return title_of(self.path, self.partition)


@dataclass(frozen=True, slots=True)
class Opened:
    """Where libwim reads a source: the name to give it, and the volume if it is one, with the hazards of reading it.

    ``tree`` is what libwim takes the place of a FAT32 volume, which it cannot read.
    """

    name: str
    volume: OpenVolume | None = None
    hazards: tuple[str, ...] = ()
    tree: FatTree | None = None

    def renamed(self, text: str) -> str:
        """Put the volume's name for the one that libwim knows."""
        return text if self.volume is None else text.replace(self.name, self.volume.name)
