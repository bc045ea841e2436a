"""What may still be done with an NTFS volume whose writer was stopped.

Of such a volume some metadata is new and some is old: files may lie in clusters that the bitmap calls free, and names
may lead to records that were never written.  Writing to it would harm what is there, and deleting its files one by one
fails where they contradict each other.  So it is written to only when it does not contradict itself, and a wipe that
has nothing to leave makes it anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.disk.unfinished import read_unfinished
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, TargetRefused
from osdimage.imaging.volume.ntfs import records
from osdimage.imaging.volume.ntfs.data import Contents
from osdimage.imaging.volume.ntfs.format import BOOT_BYTES as BOOT_FILE_BYTES
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from osdimage.imaging.volume.ntfs.mft import KINDS, Mft
from osdimage.imaging.volume.ntfs.read import FIRST_USER_RECORD, ROOT, NtfsVolume
from osdimage.imaging.volume.ntfs.records import BootSector, MftRecord

_VOLUME, _BITMAP, _EXTEND = 3, 6, 11
_VOLUME_NAME = 0x60
# Every kind of attribute that may lie in clusters: also $BITMAP, $EA_INFORMATION, $EA and $LOGGED_UTILITY_STREAM.
_ALL_KINDS = KINDS | {_VOLUME_NAME, 0xB0, 0xD0, 0xE0, 0x100}
_BOOT_BYTES = 512
# BIOS_PARAMETER_BLOCK: sectors_per_track, heads and hidden_sectors from byte 0x18 on; the serial number is at 0x48.
_GEOMETRY = struct.Struct("<HHI")
_GEOMETRY_AT, _SERIAL_AT = 0x18, 0x48


def refuse_unsound(volume: OpenVolume, *, wipe: bool = False) -> None:
    """Refuse a volume that contradicts itself: its records, its directories, or who uses which cluster.

    With ``wipe`` it was to be wiped, and something on it kept.

    Raises:
        TargetRefused: with what to do.
    """
    window = volume.window()
    try:
        _check_clusters(window)
        for _ in NtfsVolume(window).entries():
            pass
    except InvalidVolume as error:
        cure = "Copy from it what is to be kept, and format it again" if wipe else "Wipe it, or format it again"
        raise TargetRefused(
            f"{volume.name}: an earlier write to the volume was stopped and left it inconsistent ({error.fault}).  "
            f"{cure}"
        ) from error


def start_over(volume: OpenVolume, kept: Sequence[str]) -> int | None:
    r"""Make a volume anew as it was made, if nothing on it is to be kept; return how many files and directories it had.

    It comes marked dirty, since it is empty only for a while.

    Args:
        volume: open for writing.
        kept: paths that a wipe leaves, separated by ``\``.

    Returns:
        None when there is something to be kept in the root; nothing was written then.

    Raises:
        TargetRefused: when its records cannot be read.
        OsdImageError: as :func:`~osdimage.imaging.volume.ntfs.format.format_ntfs`.
    """
    window = volume.window()
    try:
        found = _survey(window, {path.split("\\")[0].casefold() for path in kept})
    except InvalidVolume as error:
        raise TargetRefused(
            f"{volume.name}: the volume is damaged, what a wipe leaves cannot be found ({error.fault}).  Format it "
            "again"
        ) from error
    if found.has_kept:
        return None
    boot = window.read_at(0, BOOT_FILE_BYTES)
    wish = _as_it_was(volume.name, found.boot, boot, found.label)
    format_ntfs(volume.target, volume.extent, replace(wish, boot_code=boot))
    return found.files


def make_again(volume: OpenVolume) -> bool:
    """Make a volume whose making was interrupted, as it was meant and marked dirty; return whether it is such a one.

    Raises:
        TargetRefused: when it cannot be made.
        OsdImageError: as :func:`~osdimage.imaging.volume.ntfs.format.format_ntfs`.
    """
    window = volume.window()
    found = read_unfinished(window)
    if found is None or found.content is not Content.NTFS:
        return False
    try:
        boot = BootSector.from_bytes(found.boot.ljust(_BOOT_BYTES - 2, b"\0") + b"\x55\xaa", window.geometry.size_bytes)
    except InvalidVolume as error:
        raise TargetRefused(f"{volume.name}: cannot be made again as it was meant: {error}; format it") from error
    format_ntfs(volume.target, volume.extent, _as_it_was(volume.name, boot, found.boot, found.label))
    return True


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the MFT tells: whether the root has something to be kept, the number of files, the label."""

    has_kept: bool
    files: int
    label: str
    boot: BootSector


def _boot(volume: BlockTarget) -> BootSector:
    size = volume.geometry.size_bytes
    return BootSector.from_bytes(volume.read_at(0, min(_BOOT_BYTES, size)), size)


def _survey(volume: BlockTarget, kept: set[str]) -> _Survey:
    boot = _boot(volume)
    has_kept, files, label = False, 0, b""
    for record in Mft(volume, boot).each_record(None, _ALL_KINDS):
        if record.number == _VOLUME:
            label = next((each.value or b"" for each in record.attributes if each.kind == _VOLUME_NAME), b"")
        elif record.number >= FIRST_USER_RECORD and record.base is None:
            # What is in $Extend is no file of anybody's.
            files += _EXTEND not in _folders_of(record)
            has_kept = has_kept or any(name.casefold() in kept for name in _names_in_root(record))
    return _Survey(has_kept, files, label.decode("utf-16-le", "replace"), boot)


def _folders_of(record: MftRecord) -> set[int]:
    """Return the records of the folders in which a record has names."""
    names = (each.value or b"" for each in record.attributes if each.kind == records.FILE_NAME)
    return {records.Reference.from_int(int.from_bytes(value[:8], "little")).number for value in names}


def _names_in_root(record: MftRecord) -> Iterator[str]:
    """Yield the names that a record has in the root (FILE_NAME_ATTR: parent_directory, file_name_length at 64)."""
    names = (each.value or b"" for each in record.attributes if each.kind == records.FILE_NAME)
    for value in names:
        if len(value) > 66 and records.Reference.from_int(int.from_bytes(value[:8], "little")).number == ROOT:
            if len(value) < 66 + 2 * value[64]:
                raise InvalidVolume(f"MFT record {record.number} has a damaged $FILE_NAME")
            yield value[66 : 66 + 2 * value[64]].decode("utf-16-le", "surrogatepass")


def _as_it_was(name: str, boot: BootSector, sector: bytes, label: str) -> NtfsFormat:
    """Return how to make a volume like another, of which the first bytes and the label are given; it comes dirty."""
    sectors_per_track, heads, hidden = _GEOMETRY.unpack_from(sector, _GEOMETRY_AT)
    try:
        return NtfsFormat(
            label=label,
            cluster_size=boot.cluster_bytes,
            sector_size=boot.sector_bytes,
            serial=int.from_bytes(sector[_SERIAL_AT : _SERIAL_AT + 8], "little"),
            hidden_sectors=hidden,
            heads=heads,
            sectors_per_track=sectors_per_track,
            is_dirty=True,
        )
    except InvalidRequest as error:
        raise TargetRefused(f"{name}: cannot be made anew as it was: {error}; format it") from error


def _check_clusters(volume: BlockTarget) -> None:
    """Check that every cluster in use has one user, and that the bitmap knows it.

    Raises:
        InvalidVolume: when it is not so.
    """
    boot = _boot(volume)
    mft = Mft(volume, boot)
    used: list[tuple[int, int]] = []
    bitmap = None
    for record in mft.each_record(None, _ALL_KINDS):
        if record.number == _BITMAP:
            parts = [each for each in record.attributes if each.kind == records.DATA and not each.name]
            bitmap = Contents.of(parts, "$Bitmap") if parts else None
        for each in record.attributes:
            if each.value is None:
                runs = records.decode_runs(each, boot.clusters)
                used += [(run.cluster, run.cluster + run.clusters) for run in runs if run.cluster is not None]
    if bitmap is None:
        raise InvalidVolume("the volume has no bitmap of its clusters")
    bits = bitmap.read(volume, boot, limit=(boot.clusters + 7) // 8 + boot.cluster_bytes, what="$Bitmap")
    used.sort()
    for (_, end), (begin, _) in pairwise(used):
        if begin < end:
            raise InvalidVolume(f"two files use cluster {begin}")
    for begin, end in used:
        if not _all_set(bits, begin, end):
            raise InvalidVolume(f"clusters {begin} to {end - 1} are in use, but the bitmap calls some of them free")


def _all_set(bits: bytes, begin: int, end: int) -> bool:
    """Tell whether some bits of a bitmap, lowest first, are all set."""
    part = int.from_bytes(bits[begin // 8 : (end + 7) // 8], "little") >> begin % 8
    wanted = (1 << (end - begin)) - 1
    return part & wanted == wanted
