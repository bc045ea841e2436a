"""The files of the system: what every volume has, at numbers that never change."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from osdimage.imaging.units import KIB, counted
from osdimage.imaging.volume.ntfs.check import attributes as attrs
from osdimage.imaging.volume.ntfs.check.attributes import Record
from osdimage.imaging.volume.ntfs.check.boot import BOOT_BYTES
from osdimage.imaging.volume.ntfs.check.census import Census
from osdimage.imaging.volume.ntfs.check.clusters import compare_bitmap, counted_runs
from osdimage.imaging.volume.ntfs.check.faults import Faults
from osdimage.imaging.volume.ntfs.check.ground import Ground, Stream, parts_of
from osdimage.imaging.volume.ntfs.check.kinds import FaultKind

MFT, VOLUME, ATTRIBUTE_TABLE, ROOT, BITMAP, BAD_CLUSTERS, SECURE, UPCASE = 0, 3, 4, 5, 6, 8, 9, 10
_FILES = (
    "$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", "the root directory", "$Bitmap", "$Boot", "$BadClus",
    "$Secure", "$UpCase", "$Extend",
)  # fmt: skip
_MIRRORED = 4
_BAD = "$Bad".encode("utf-16-le")
# Of the boot sector, what describes the volume; the code behind it is often replaced in the first sector alone, and the
# sectors in front of the volume are other ones when it was moved.
_DESCRIBED, _HIDDEN = 84, slice(28, 32)
_VERSIONS = {(1, 2), (3, 0), (3, 1)}
MODERN = 3
_IS_DIRTY = 1
UPCASE_BYTES = 128 * KIB
_TABLE_LIMIT = 64 * KIB
_DEFINITION = struct.Struct("<128sI28x")
# In the table since version 3.0; property sets were there before.
_TYPES = sorted(attrs.DEFINITIONS)


def check_boot_copy(ground: Ground, boot: bytes, faults: Faults, *, is_fresh: bool) -> None:
    """Compare the boot sector with its copy behind the last sector."""
    shape = ground.rules.shape
    at = shape.sectors * shape.sector_bytes
    if at + BOOT_BYTES > ground.target.geometry.size_bytes:
        faults.tell(FaultKind.BOOT_COPY, "there is no sector for it behind the volume")
        return
    copy = ground.target.read_at(at, BOOT_BYTES)
    first, second = (boot, copy) if is_fresh else (_described(boot), _described(copy))
    if first != second:
        faults.tell(FaultKind.BOOT_COPY, "it is not an NTFS boot sector" if copy[3:7] != b"NTFS" else "they differ")


def _described(sector: bytes) -> bytes:
    described = bytearray(sector[:_DESCRIBED])
    described[_HIDDEN] = bytes(4)
    return bytes(described)


def read_upcase(ground: Ground, file: Record | None, faults: Faults) -> Sequence[int] | None:
    """Return the table of upper-case letters; None when it is damaged."""
    value = None if file is None else ground.value(parts_of(file, attrs.DATA), UPCASE_BYTES)
    if value is None or len(value) != UPCASE_BYTES:
        size = "it cannot be read" if value is None else f"{len(value)} bytes; it has {UPCASE_BYTES}"
        faults.tell(FaultKind.UPCASE, size, UPCASE, "$DATA")
        faults.is_complete = False
        return None
    table = struct.unpack(f"<{UPCASE_BYTES // 2}H", value)
    wrong = next((code for code in range(128) if chr(table[code]) != chr(code).upper()), None)
    if wrong is not None:
        faults.tell(
            FaultKind.UPCASE, f"the upper case of {chr(wrong)!r} is {chr(table[wrong])!r} by it", UPCASE, "$DATA"
        )
    return table


def check_system_files(census: Census, faults: Faults) -> None:
    """Look for the files that every volume has."""
    for number, name in enumerate(_FILES):
        if not census.is_known(number) and number not in census.partial:
            faults.tell(FaultKind.SYSTEM_FILE, f"{name} is not there", number)


def check_mirror(ground: Ground, faults: Faults) -> None:
    """Compare the first records with their mirror."""
    shape = ground.rules.shape
    size = _MIRRORED * shape.record_bytes
    at = shape.mirror * shape.cluster_bytes
    if at + size > ground.target.geometry.size_bytes:
        return
    mirror, records = ground.target.read_at(at, size), ground.mft.read(0, size)
    for number in range(_MIRRORED):
        part = slice(number * shape.record_bytes, (number + 1) * shape.record_bytes)
        if mirror[part] != records[part]:
            faults.tell(FaultKind.MIRROR, f"at cluster {shape.mirror}", number)


def check_volume(file: Record, faults: Faults) -> int:
    """Look at the version of the volume, and whether it is marked dirty; return the first number of the version."""
    (value,) = [each.value for each in file.attributes if each.kind == attrs.VOLUME_INFORMATION] or [None]
    if value is None or len(value) < 12:
        if file.is_whole:
            faults.tell(FaultKind.SYSTEM_FILE, "it has no $VOLUME_INFORMATION", VOLUME)
        return MODERN
    if (value[8], value[9]) not in _VERSIONS:
        faults.tell(FaultKind.VERSION, f"{value[8]}.{value[9]}", VOLUME, "$VOLUME_INFORMATION")
    if value[10] & _IS_DIRTY:
        faults.tell(FaultKind.DIRTY, "chkdsk would look at it", VOLUME, "$VOLUME_INFORMATION")
    return value[8]


def check_attribute_table(ground: Ground, file: Record, faults: Faults) -> None:
    """Look for the types of attributes in the table of the volume."""
    value = ground.value(parts_of(file, attrs.DATA), _TABLE_LIMIT)
    if value is None:
        if file.is_whole:
            faults.tell(FaultKind.ATTRIBUTE_TABLE, "it cannot be read", ATTRIBUTE_TABLE, "$DATA")
        return
    found = {}
    for at in range(0, len(value) - _DEFINITION.size + 1, _DEFINITION.size):
        label, kind = _DEFINITION.unpack_from(value, at)
        if kind == 0:
            break
        found[kind] = attrs.text_of(label).rstrip("\0")
    for kind in _TYPES:
        label = attrs.DEFINITIONS[kind].label
        if found.get(kind) != label:
            text = f"type {kind:#x} is {found[kind]!r} by it, not {label}" if kind in found else f"it has no {label}"
            faults.tell(FaultKind.ATTRIBUTE_TABLE, text, ATTRIBUTE_TABLE, "$DATA")
    if list(found) != sorted(found):
        faults.tell(FaultKind.ATTRIBUTE_TABLE, "its types are not sorted", ATTRIBUTE_TABLE, "$DATA")


def check_bad_clusters(ground: Ground, file: Record, faults: Faults) -> None:
    """Compare the list of bad clusters with the size of the volume."""
    parts = parts_of(file, attrs.DATA, _BAD)
    clusters = ground.rules.shape.clusters
    if not parts:
        if file.is_whole:
            faults.tell(FaultKind.BAD_CLUSTERS, "it is not there", BAD_CLUSTERS)
    elif parts[-1].runs is not None and parts[-1].last + 1 != clusters:
        text = f"it has {parts[-1].last + 1} clusters, the volume {clusters}"
        faults.tell(FaultKind.BAD_CLUSTERS, text, BAD_CLUSTERS, "$DATA:$Bad")


def check_cluster_bitmap(ground: Ground, file: Record, census: Census, faults: Faults) -> None:
    """Compare $Bitmap with the clusters of all files."""
    clusters = ground.rules.shape.clusters
    parts = parts_of(file, attrs.DATA)
    stream = ground.stream(parts) if parts else None
    if stream is None:
        if file.is_whole:
            faults.tell(FaultKind.BITMAP_SIZE, "it cannot be read", BITMAP, "$DATA")
        return
    if stream.size * 8 < clusters:
        faults.tell(FaultKind.BITMAP_SIZE, f"{stream.size} bytes for {clusters} clusters", BITMAP, "$DATA")
        return

    def differs(window: int, alone: int, missing: int) -> None:
        for at, count in counted_runs(missing, FaultKind.CLUSTERS_FREE, faults):
            cluster = window + at
            faults.tell(
                FaultKind.CLUSTERS_FREE,
                f"{counted(count, 'cluster')} from here on",
                census.clusters.owner_of(cluster),
                cluster=cluster,
            )
        if faults.is_complete:
            for at, count in counted_runs(alone, FaultKind.CLUSTERS_LOST, faults):
                faults.tell(FaultKind.CLUSTERS_LOST, f"{counted(count, 'cluster')} from here on", cluster=window + at)

    compare_bitmap(stream, census.clusters.ranges(), clusters, differs)
    _check_end(stream, clusters, faults)


def _check_end(stream: Stream, clusters: int, faults: Faults) -> None:
    """Look at the bits behind the last cluster, which are set so that nobody takes them."""
    tail = stream.read(clusters // 8, min(stream.size - clusters // 8, _TABLE_LIMIT))
    bits = (8 * len(tail)) - clusters % 8
    free = bits - (int.from_bytes(tail, "little") >> clusters % 8).bit_count()
    if free:
        faults.tell(FaultKind.BITMAP_END, f"{free} of {bits}", BITMAP, "$DATA")
