"""The MFT records of a file with a reparse point, changed to what they would be without it.

Of a file that Windows has compressed as a whole the compressed stream is left out, too, and the unnamed stream is given
other clusters.  Nothing is written here: bytes come in and go out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from osdimage.imaging import wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.ntfs import records

_BLOCK = 512
_END = b"\xff\xff\xff\xff\0\0\0\0"
_HIDDEN = int(FileAttribute.SPARSE_FILE | FileAttribute.REPARSE_POINT)
_MAPPED_HEAD = 64
# ATTR_RECORD that is not resident: type, length, whether it is, name, flags, instance; lowest and highest VCN, place of
# the runs, unit of compression, and three sizes.
_MAPPED = struct.Struct("<IIBBHHHqqHB5xqqq")
_LIST_HEAD = 26
_LIST_TYPE = struct.pack("<I", records.ATTRIBUTE_LIST)


@dataclass(frozen=True, slots=True)
class PlainData:
    """What the unnamed stream is to be.

    Attributes:
        size: in bytes.
        value: all of it, where it stays in its record; None where it has clusters:
        first_cluster: the first of them, all in one piece.
        clusters: how many.
    """

    size: int
    value: bytes | None = None
    first_cluster: int = 0
    clusters: int = 0


def plain_record(
    block: bytes, number: int, data: PlainData, cluster_bytes: int, *, list_bytes: int | None = None
) -> bytes:
    """Return a record as it would be without the compression.

    Args:
        block: the record, as it is stored.
        number: of it.
        data: what the unnamed stream is to be, if this record has its begin.
        cluster_bytes: of the volume.
        list_bytes: the size that its attribute list has without what is left out, if that lies in clusters.

    Raises:
        InvalidVolume: when it is damaged, or has no room.
    """
    return _record_with(block, number, lambda body: _changed(body, data, cluster_bytes), list_bytes)


def pointless_record(block: bytes, number: int, attributes: int, *, list_bytes: int | None = None) -> bytes:
    """Return a record as it would be without its reparse point, and its file without some attributes.

    Args:
        block: the record, as it is stored.
        number: of it.
        attributes: the bits of FILE_ATTRIBUTE_* that are taken from the file.
        list_bytes: the size that its attribute list has without what is left out, if that lies in clusters.

    Raises:
        InvalidVolume: when it is damaged.
    """
    return _record_with(block, number, lambda body: _without_point(body, attributes), list_bytes)


def _record_with(block: bytes, number: int, change: Callable[[bytes], bytes], list_bytes: int | None) -> bytes:
    """Return a record with other attributes."""
    what = f"MFT record {number}"
    record = records.undo_fixups(block, what, b"FILE")
    begin, used = struct.unpack_from("<H2xI", record, 20)
    kept = []
    try:
        for body in _bodies(record, begin, used, what):
            is_list = list_bytes is not None and body.startswith(_LIST_TYPE) and body[8]
            kept.append(_with_size(body, list_bytes or 0) if is_list else change(body))
    except struct.error as error:
        raise InvalidVolume(f"{what} is damaged: an attribute ends before its value") from error
    attributes = b"".join(kept) + _END
    if begin + len(attributes) > len(record):
        raise InvalidVolume(f"{what} has no room for the place of its contents")
    record[begin:] = attributes + bytes(len(record) - begin - len(attributes))
    struct.pack_into("<I", record, 24, begin + len(attributes))
    return _with_fixups(record)


def plain_list(value: bytes) -> bytes:
    """Return the value of an attribute list without what :func:`plain_record` leaves out."""
    return _list_without(value, _is_left_out)


def pointless_list(value: bytes) -> bytes:
    """Return the value of an attribute list without what :func:`pointless_record` leaves out."""
    return _list_without(value, lambda kind, _name, _vcn: kind == records.REPARSE_POINT)


def _list_without(value: bytes, is_left_out: Callable[[int, str, int], bool]) -> bytes:
    kept, at = [], 0
    while at + _LIST_HEAD <= len(value):
        kind, length, name_length, name_at, first_vcn = struct.unpack_from("<IHBBq", value, at)
        if length < _LIST_HEAD or at + length > len(value):
            break
        name = value[at + name_at : at + name_at + 2 * name_length].decode("utf-16-le", "replace")
        if not is_left_out(kind, name, first_vcn):
            kept.append(value[at : at + length])
        at += length
    return b"".join(kept)


def _bodies(record: bytearray, at: int, used: int, what: str) -> Iterator[bytes]:
    if at < 24 or used > len(record):
        raise InvalidVolume(f"{what} is damaged: attributes from {at} to {used}")
    while at + 8 <= used and record[at : at + 4] != _END[:4]:
        (length,) = struct.unpack_from("<I", record, at + 4)
        if length < 24 or length % 8 or at + length > used:
            raise InvalidVolume(f"{what} is damaged: the attribute at byte {at}")
        yield bytes(record[at : at + length])
        at += length


def _is_left_out(kind: int, name: str, first_vcn: int) -> bool:
    """Tell whether an attribute goes: the compressed stream, the reparse point, further clusters of the unnamed one."""
    if kind == records.DATA:
        return name.lower() == wof.STREAM.lower() if name else first_vcn > 0
    return kind == records.REPARSE_POINT


def _changed(body: bytes, data: PlainData, cluster_bytes: int) -> bytes:
    """Return what becomes of an attribute; nothing for one that is left out."""
    kind, _, is_mapped, name_length, name_at, _, instance = struct.unpack_from("<IIBBHHH", body)
    name = body[name_at : name_at + 2 * name_length].decode("utf-16-le", "replace")
    first_vcn = struct.unpack_from("<q", body, 16)[0] if is_mapped else 0
    if _is_left_out(kind, name, first_vcn):
        return b""
    if kind == records.DATA and not name:
        return _resident(body, data.value) if data.value is not None else _mapped(instance, data, cluster_bytes)
    if kind == records.STANDARD_INFORMATION:
        return _without_attributes(body, _HIDDEN)
    if kind == records.ATTRIBUTE_LIST and not is_mapped:
        size, at = struct.unpack_from("<IH", body, 16)
        return _resident(body, plain_list(body[at : at + size]))
    return body


def _without_point(body: bytes, attributes: int) -> bytes:
    """Return what becomes of an attribute of a file that loses its reparse point, and some bits."""
    kind, is_mapped = struct.unpack_from("<I4xB", body)
    if kind == records.REPARSE_POINT:
        return b""
    if kind == records.STANDARD_INFORMATION:
        return _without_attributes(body, attributes)
    if kind == records.ATTRIBUTE_LIST and not is_mapped:
        size, at = struct.unpack_from("<IH", body, 16)
        return _resident(body, pointless_list(body[at : at + size]))
    return body


def _without_attributes(body: bytes, attributes: int) -> bytes:
    """Return $STANDARD_INFORMATION without some bits of FILE_ATTRIBUTE_*."""
    (at,) = struct.unpack_from("<H", body, 20)
    (flags,) = struct.unpack_from("<I", body, at + 32)
    return body[: at + 32] + struct.pack("<I", flags & ~attributes) + body[at + 36 :]


def _with_size(body: bytes, size: int) -> bytes:
    """Return an attribute that is not resident with another size of its value."""
    return body[:48] + struct.pack("<qq", size, size) + body[64:]


def _resident(body: bytes, value: bytes) -> bytes:
    """Return a resident attribute with another value."""
    (at,) = struct.unpack_from("<H", body, 20)
    made = bytearray(body[:at] + value)
    made += bytes(-len(made) % 8)
    struct.pack_into("<I", made, 4, len(made))
    # Neither compressed nor sparse.
    struct.pack_into("<H", made, 12, 0)
    struct.pack_into("<I", made, 16, len(value))
    return bytes(made)


def _mapped(instance: int, data: PlainData, cluster_bytes: int) -> bytes:
    """Return the unnamed stream in one run, or in none where it is empty."""
    runs = b""
    if data.clusters:
        count, place = (_signed(each) for each in (data.clusters, data.first_cluster))
        runs = bytes([len(place) << 4 | len(count)]) + count + place
    runs += b"\0"
    runs += bytes(-len(runs) % 8)
    return (
        _MAPPED.pack(
            records.DATA,
            _MAPPED_HEAD + len(runs),
            1,
            0,
            _MAPPED_HEAD,
            0,
            instance,
            0,
            data.clusters - 1,
            _MAPPED_HEAD,
            0,
            data.clusters * cluster_bytes,
            data.size,
            data.size,
        )
        + runs
    )


def _signed(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)


def _with_fixups(record: bytearray) -> bytes:
    at, count = struct.unpack_from("<HH", record, 4)
    check = record[at : at + 2]
    for number in range(1, count):
        end = number * _BLOCK
        record[at + 2 * number : at + 2 * number + 2] = record[end - 2 : end]
        record[end - 2 : end] = check
    return bytes(record)
