"""Scanning what is captured, a directory or a volume, into an open WIM."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Meter
from osdimage.imaging.volume import ntfs
from osdimage.imaging.volume.opened import OpenVolume, name_of, open_volume
from osdimage.imaging.wim.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.properties import ImageProperties
from osdimage.imaging.wim.steps import listener
from osdimage.native import tree
from osdimage.native.callbacks import Listener, Omission, Omitted, Report
from osdimage.native.handles import WimHandle
from osdimage.native.slices import CACHE_SIZE
from osdimage.native.tree import Audit

if TYPE_CHECKING:
    from osdimage.imaging.wim.capture_fat32 import FatTree

# Of omitted files that many are named in the result; a source full of sockets needs no list of them all.
_NAMED = 100


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
        return name_of(self.path, self.partition)


class _Omissions:
    """Counts what a scan left out."""

    def __init__(self, inner: Listener) -> None:
        self._inner = inner
        self.counts: Counter[Omission] = Counter()
        self.unsupported: list[str] = []

    def __call__(self, message: Report | Omitted) -> None:
        """Count an omission; pass everything else on."""
        if isinstance(message, Report):
            self._inner(message)
            return
        self.counts[message.reason] += 1
        if message.reason is Omission.UNSUPPORTED and len(self.unsupported) < _NAMED:
            self.unsupported.append(message.path)


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


@dataclass(frozen=True, slots=True)
class Scanned:
    """A source that was scanned into a WIM, as an image of which the contents are not written yet."""

    index: int
    name: str
    audit: Audit
    excluded: int
    unsupported: tuple[str, ...]
    losses: tuple[Loss, ...]
    warnings: tuple[str, ...]


def scan(
    handle: WimHandle, source: CaptureSource, opened: Opened, wanted: ImageProperties, *, boot: bool, meter: Meter
) -> Scanned:
    """Add a source to a WIM as a new image, with its name (which must be given) and its other properties."""
    omissions = _Omissions(listener(meter))
    warnings = _source_warnings(source, opened)
    if opened.tree is not None:
        with wim_errors(source.title):
            warnings += tree.audit(opened.tree.handle, 1).messages
            opened.tree.handle.export_image(1, handle, name=wanted.name or "", description=None, boot=boot)
        omissions.counts[Omission.EXCLUDED] = opened.tree.excluded
    else:
        with _config_file(source.config) as config_file, wim_errors(source.title):
            warnings += handle.add_image(
                opened.name,
                wanted.name or "",
                config_file=config_file,
                from_ntfs=opened.volume is not None,
                unix_data=source.unix_data,
                boot=boot,
                listener=omissions,
            )
    index = handle.info().image_count
    for element, value in wanted.by_element().items():
        if element != "NAME":
            handle.set_image_property(index, element, value)
    audit = tree.audit(handle, index)
    losses = _losses(omissions, audit)
    for text in (*warnings, *(str(loss) for loss in losses)):
        meter.warn(opened.renamed(text))
    return Scanned(
        index=index,
        name=wanted.name or "",
        audit=audit,
        excluded=omissions.counts[Omission.EXCLUDED],
        unsupported=tuple(map(opened.renamed, omissions.unsupported)),
        losses=losses,
        warnings=tuple(map(opened.renamed, warnings)),
    )


@contextmanager
def opened_source(source: CaptureSource, *, cache_size: int = CACHE_SIZE) -> Iterator[Opened]:
    """Open a source for as long as the body of the ``with`` lasts; libwim reads it until the WIM is closed.

    Raises:
        InvalidInput: when a volume is neither NTFS nor FAT32, or is damaged.
        OsdImageError: as :func:`~osdimage.imaging.volume.opened.open_volume`.
    """
    if source.partition is None and source.path.is_dir():
        yield Opened(os.fspath(source.path))
        return
    with open_volume(source.path, source.partition) as volume:
        if volume.filesystem == "fat32":
            with _fat_tree(volume, source.config) as prepared:
                yield prepared
            return
        if volume.filesystem != "ntfs":
            raise InvalidInput(f"{volume.name}: holds {volume.described}; a capture reads an NTFS or FAT32 volume")
        with volume.sliced(read_only=True, cache_size=cache_size) as piece, ntfs.named(volume, piece):
            yield Opened(piece.name, volume, tuple(ntfs.hazards(volume, ntfs.read_facts(volume, piece))))


@contextmanager
def _fat_tree(volume: OpenVolume, config: CaptureConfig) -> Iterator[Opened]:
    # construct is slow to import, and comes with these.
    from osdimage.imaging.volume.fat32_layout import CLEAN_BITS  # noqa: PLC0415
    from osdimage.imaging.volume.fat32_read import open_fat32  # noqa: PLC0415
    from osdimage.imaging.wim.capture_fat32 import fat_tree  # noqa: PLC0415

    opened = open_fat32(volume.window())
    hazards = []
    if opened.used_backup:
        hazards.append(f"{volume.name}: the boot sector is unusable; its copy was read")
    if opened.boot.is_dirty or opened.table[1] & CLEAN_BITS != CLEAN_BITS:
        hazards.append(f"{volume.name}: the volume is marked dirty: an earlier write to it was not finished")
    with fat_tree(opened, config) as prepared:
        yield Opened(volume.name, volume, tuple(hazards), prepared)


def _source_warnings(source: CaptureSource, opened: Opened) -> list[str]:
    found = []
    if source.config.uncompressed:
        found.append(
            "[CompressionExclusionList] has no effect: libwim decides by the contents what is stored uncompressed; the "
            "image holds the same files"
        )
    return [*found, *opened.hazards]


def with_name(wanted: ImageProperties, source: CaptureSource, handle: WimHandle, destination: Path) -> ImageProperties:
    """Return the properties with a name that no other image of the WIM has.

    Raises:
        InvalidRequest: when an image has the name that is wanted.
    """
    taken = {handle.image_property(index, "NAME") for index in range(1, handle.info().image_count + 1)}
    if wanted.name is not None:
        if wanted.name and wanted.name in taken:
            raise InvalidRequest(f"{destination}: an image named {wanted.name!r} is already there; choose another name")
        return wanted
    base = (
        name_of(Path(source.path.resolve().name or "root"), source.partition).encode("utf-8", "replace").decode("utf-8")
    )
    base = "".join(character if character.isprintable() else "?" for character in base)[:240]
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base} ({number})"
    return replace(wanted, name=name)


@contextmanager
def _config_file(config: CaptureConfig) -> Iterator[Path]:
    """Write a configuration where libwim can read it: libwim takes a path, so this is a file in memory that has one."""
    with os.fdopen(os.memfd_create("osdimage-config", os.MFD_CLOEXEC), "wb") as file:
        file.write(config.to_text().encode("utf-8", "surrogatepass"))
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")


def _losses(omissions: _Omissions, audit: Audit) -> tuple[Loss, ...]:
    counts = [
        ("files of a kind that a WIM cannot hold left out", omissions.counts[Omission.UNSUPPORTED]),
        ("names that Windows does not allow (and apply refuses)", audit.refused_names),
    ]
    return tuple(Loss(what, count) for what, count in counts if count)
