"""The facts of a qcow2 file.

Source: QEMU, docs/interop/qcow2.rst: "Header", "Header extensions", "Host cluster management", "Snapshots", "L2 table
entries"; the names of features are those of that text.  All numbers are big-endian.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from osdimage.imaging.disk.containers.facts import (
    RAW,
    ContainerFacts,
    ContainerFormat,
    FileBytes,
    Link,
    LinkRole,
    Snapshot,
    checked_size,
    cut_off,
    numbers,
    require,
    shown,
)
from osdimage.imaging.errors import InvalidInput

_HEADER: Final = struct.Struct(">4sIQIIQIIQQIIQ")
_FEATURES: Final = struct.Struct(">QQQII")
_FEATURES_AT: Final = 72
_EXTENSION: Final = struct.Struct(">II")
_SNAPSHOT: Final = struct.Struct(">QIHHIIQII")
_BACKING_FORMAT, _FEATURE_NAMES, _DATA_FILE = 0xE2792ACA, 0x6803F857, 0x44415441
_FEATURE: Final = struct.Struct("BB46s")

_DIRTY, _CORRUPT, _EXTERNAL_DATA, _EXTENDED_L2 = 1 << 0, 1 << 1, 1 << 2, 1 << 4
_RAW_DATA: Final = 1 << 1
"""Of the autoclear features: the other file reads as the disk does, without this one."""
_KNOWN: Final = 0x1F
"""Dirty, corrupt, external data file, another compression, extended L2 entries."""
_ENCRYPTIONS: Final = {1: "AES", 2: "LUKS"}
_COMPRESSED: Final = 1 << 62
_OFFSET: Final = 0x00FFFFFFFFFFFE00

_LONGEST_NAME: Final = 1023
_MOST_SNAPSHOTS: Final = 65536
_MOST_SNAPSHOT_BYTES: Final = 1 << 20
"""What is read of the snapshots: QEMU takes up to 64 MiB, of which a name of 64 KiB is most."""
_MOST_L1_BYTES: Final = 32 << 20
_LOOKED_AT_TABLES: Final = 8
_IS_ZERO: Final = 1
"""Of an L2 entry whose cluster, if it has one, is not read."""
_SUBCLUSTERS_USED: Final = 0xFFFFFFFF
_REFCOUNT_ORDER_2: Final = 4
"""Of version 2, whose header does not say it: reference counts of 16 bits."""
_MOST_REFCOUNT_BYTES: Final = 8 << 20
"""Of their table: what QEMU takes (QCOW_MAX_REFTABLE_SIZE)."""
_MOST_EMPTY_BLOCKS: Final = 64
_MOST_TABLES: Final = 16384
"""What is looked at of a file of which some may be missing: of a disk of 8 TiB with ordinary clusters, all."""


class _Header(NamedTuple):
    magic: bytes
    version: int
    backing_at: int
    backing_length: int
    cluster_bits: int
    size_bytes: int
    encryption: int
    l1_entries: int
    l1_at: int
    refcounts_at: int
    refcount_clusters: int
    snapshots: int
    snapshots_at: int


def facts(data: FileBytes) -> ContainerFacts:
    """Return what a qcow2 file says.

    Raises:
        InvalidInput: when it contradicts itself, or is of a version that is not known.
        OSError: when it cannot be read.
    """
    header = _Header(*_HEADER.unpack(require(data, 0, _HEADER.size, "its header")))
    if header.version not in {2, 3}:
        raise InvalidInput(f"is a qcow file of version {header.version}; valid are 2 and 3, which qemu-img makes of it")
    incompatible, autoclear, order, length = 0, 0, _REFCOUNT_ORDER_2, _FEATURES_AT
    if header.version == 3:
        read = require(data, _FEATURES_AT, _FEATURES.size, "its header")
        incompatible, _, autoclear, order, length = _FEATURES.unpack(read)
    _check(data, header, length, has_extended=bool(incompatible & _EXTENDED_L2))
    cluster = 1 << header.cluster_bits
    if not incompatible & (_EXTERNAL_DATA | ~_KNOWN) and _may_be_cut_off(data, header, order):
        _require_clusters(data, header, incompatible)
    names, backing_form, data_name = _extensions(data, length, header.backing_at or cluster)
    links = []
    if header.backing_at:
        text = require(data, header.backing_at, header.backing_length, "the name of its backing file")
        links.append(Link(LinkRole.BACKING, os.fsdecode(text), backing_form))
    if incompatible & _EXTERNAL_DATA:
        if data_name is None:
            raise InvalidInput("its data are in another file, which it does not name")
        links.append(Link(LinkRole.DATA, data_name, RAW, header.size_bytes if autoclear & _RAW_DATA else 0))
    unknown = incompatible & ~_KNOWN
    return ContainerFacts(
        ContainerFormat.QCOW2,
        checked_size(header.size_bytes),
        links=tuple(links),
        snapshots=tuple(_snapshots(data, header)),
        encryption=_encryption(header),
        unknown=tuple(names.get(bit, f"bit {bit}") for bit in range(64) if unknown >> bit & 1),
        is_dirty=bool(incompatible & _DIRTY),
        is_corrupt=bool(incompatible & _CORRUPT),
        is_compressed=not incompatible & _EXTERNAL_DATA and _is_compressed(data, header, incompatible),
    )


def _encryption(header: _Header) -> str | None:
    if header.encryption == 0:
        return None
    return _ENCRYPTIONS.get(header.encryption, f"method {header.encryption}")


def _check(data: FileBytes, header: _Header, length: int, *, has_extended: bool) -> None:
    if not 9 <= header.cluster_bits <= 21:
        raise InvalidInput(f"its clusters would have 2^{header.cluster_bits} bytes; valid are 2^9 to 2^21")
    cluster = 1 << header.cluster_bits
    if not _FEATURES_AT <= length <= cluster or length % 8:
        raise InvalidInput(f"its header would have {length} bytes; valid are {_FEATURES_AT} to {cluster}")
    if header.backing_at and not (
        length <= header.backing_at <= cluster - header.backing_length and 0 < header.backing_length <= _LONGEST_NAME
    ):
        raise InvalidInput("the name of its backing file is not in its first cluster, or longer than 1,023 bytes")
    covered = cluster * (cluster // (16 if has_extended else 8))
    needed = -(-header.size_bytes // covered)
    if header.l1_entries < needed or header.l1_entries * 8 > _MOST_L1_BYTES:
        raise InvalidInput(
            f"its L1 table has {header.l1_entries} entries; valid for a disk of {header.size_bytes} bytes are "
            f"{needed} to {_MOST_L1_BYTES // 8}"
        )
    _check_place(data, "L1 table", header.l1_at, header.l1_entries * 8, cluster)
    _check_place(data, "refcount table", header.refcounts_at, header.refcount_clusters * cluster, cluster)


def _check_place(data: FileBytes, what: str, at: int, size: int, cluster: int) -> None:
    if at % cluster or at + size > max(data.size, 0) + cluster:
        # A table in the last cluster of the file may be cut short behind its last entry that is used.
        raise InvalidInput(f"its {what}, {size} bytes at {at}, is not in the file, which has {data.size}")


def _extensions(data: FileBytes, at: int, end: int) -> tuple[dict[int, str], ContainerFormat | str | None, str | None]:
    """Return the names of incompatible features, the format of the backing file, and the name of the data file."""
    area = data.read(0, end)
    names: dict[int, str] = {}
    form: ContainerFormat | str | None = None
    data_name: str | None = None
    while at + _EXTENSION.size <= len(area):
        kind, size = _EXTENSION.unpack_from(area, at)
        at += _EXTENSION.size
        if kind == 0:
            break
        if size > len(area) - at:
            raise InvalidInput(f"an extension of its header has {size} bytes, and there is room for {len(area) - at}")
        content = area[at : at + size]
        if kind == _BACKING_FORMAT:
            form = _form(content)
        elif kind == _DATA_FILE:
            data_name = os.fsdecode(content)
        elif kind == _FEATURE_NAMES:
            names = dict(_feature_names(content))
        at += -(-size // 8) * 8
    return names, form, data_name


def _form(content: bytes) -> ContainerFormat | str:
    text = shown(content)
    return next((each for each in ContainerFormat if each.driver == text), text)


def _feature_names(content: bytes) -> Iterator[tuple[int, str]]:
    for at in range(0, len(content) - _FEATURE.size + 1, _FEATURE.size):
        kind, bit, name = _FEATURE.unpack_from(content, at)
        if kind == 0:
            yield bit, shown(name.split(b"\0", 1)[0])


def _snapshots(data: FileBytes, header: _Header) -> Iterator[Snapshot]:
    if header.snapshots > _MOST_SNAPSHOTS:
        raise InvalidInput(f"it would hold {header.snapshots} snapshots; valid are up to {_MOST_SNAPSHOTS}")
    if header.snapshots == 0:
        return
    table = data.read(header.snapshots_at, _MOST_SNAPSHOT_BYTES) if header.snapshots_at <= data.size else b""
    at = 0
    for number in range(1, header.snapshots + 1):
        if at + _SNAPSHOT.size > len(table):
            raise InvalidInput(
                f"its snapshot {number} of {header.snapshots} is not in the file, or behind its first MiB"
            )
        _, _, id_size, name_size, seconds, _, _, _, extra = _SNAPSHOT.unpack_from(table, at)
        begin = at + _SNAPSHOT.size + extra
        end = begin + id_size + name_size
        if end > len(table):
            raise InvalidInput(
                f"its snapshot {number} of {header.snapshots} is not in the file, or behind its first MiB"
            )
        identifier, name = table[begin : begin + id_size], table[begin + id_size : end]
        yield Snapshot(
            identifier.decode("utf-8", "backslashreplace"), name.decode("utf-8", "backslashreplace"), seconds
        )
        at = -(-end // 8) * 8


def _is_compressed(data: FileBytes, header: _Header, incompatible: int) -> bool:
    """Tell whether a cluster of the first tables is compressed; qemu-img compresses every one."""
    cluster, step = 1 << header.cluster_bits, 2 if incompatible & _EXTENDED_L2 else 1
    l1 = data.read(header.l1_at, min(header.l1_entries * 8, 1 << 16))
    tables = [entry[0] & _OFFSET for entry in struct.iter_unpack(">Q", l1[: len(l1) // 8 * 8])]
    for at in [each for each in tables if each][:_LOOKED_AT_TABLES]:
        if at + cluster > data.size:
            continue
        l2 = struct.unpack(f">{cluster // 8}Q", data.read(at, cluster).ljust(cluster, b"\0"))
        if any(each & _COMPRESSED for each in l2[::step]):
            return True
    return False


def _may_be_cut_off(data: FileBytes, header: _Header, order: int) -> bool:
    """Tell whether a cluster is counted behind the end of the file.

    That is one look, however large the file is.  A program that was killed leaves such counts, too, of clusters that it
    had not come to write.
    """
    if order > 6:
        raise InvalidInput(f"its reference counts would have 2^{order} bits; valid are up to 2^6")
    cluster, bits = 1 << header.cluster_bits, 1 << order
    count = min(header.refcount_clusters * cluster, _MOST_REFCOUNT_BYTES) // 8
    blocks = [
        (index, at & _OFFSET)
        for index, at in enumerate(numbers(data, header.refcounts_at, count, "Q", order="big"))
        if at & _OFFSET
    ]
    for index, at in blocks[: -_MOST_EMPTY_BLOCKS - 1 : -1]:
        if at >= data.size:
            return True
        used = data.read(at, cluster).rstrip(b"\0")
        if used:
            # Counts of less than a byte begin with its lowest bits.
            last = ((len(used) - 1) * 8 + (used[-1].bit_length() - 1 if bits < 8 else 0)) // bits
            return (index * (cluster * 8 // bits) + last) * cluster >= data.size
    return False


def _require_clusters(data: FileBytes, header: _Header, incompatible: int) -> None:
    """Refuse a file that ends before a cluster, or a table, with contents of the disk.

    Raises:
        InvalidInput: that says so.
    """
    cluster, has_extended = 1 << header.cluster_bits, bool(incompatible & _EXTENDED_L2)
    l1 = numbers(data, header.l1_at, header.l1_entries, "Q", order="big")
    tables = sorted({each & _OFFSET for each in l1} - {0})
    if tables and tables[-1] >= data.size:
        raise cut_off(tables[-1], data)
    if len(tables) > _MOST_TABLES:
        raise InvalidInput(f"its reference counts do not fit it, and it has {len(tables)} tables; qemu-img check tells")
    compressed_at = (1 << 62 - (header.cluster_bits - 8)) - 1
    for table in tables:
        entries = numbers(data, table, cluster // 8, "Q", order="big")
        if has_extended:
            pairs = zip(entries[::2], entries[1::2], strict=False)
            used = [entry for entry, parts in pairs if entry & _COMPRESSED or parts & _SUBCLUSTERS_USED]
        else:
            used = [entry for entry in entries if entry and (entry & _COMPRESSED or not entry & _IS_ZERO)]
        last = max((each & (compressed_at if each & _COMPRESSED else _OFFSET) for each in used), default=0)
        if last >= data.size:
            raise cut_off(last, data)
