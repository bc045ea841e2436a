"""An entry of an image in the form of ``wimlib-imagex dir --detailed``, which scripts read (1.13 and 1.14)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from osdimage.cli.streams import printable
from osdimage.imaging.attributes import FileAttribute

if TYPE_CHECKING:
    from osdimage.imaging.wim.entries import Entry, Stream, StreamPlace

_LINE = "-" * 76
# Those that wimlib-imagex has names for.
_ATTRIBUTES = [
    (int(flag), f"    FILE_ATTRIBUTE_{flag.name} is set")
    for flag in FileAttribute
    if flag <= FileAttribute.VIRTUAL and flag is not FileAttribute.INTEGRITY_STREAM
]
_ENCRYPTED, _REPARSE_POINT = int(FileAttribute.ENCRYPTED), int(FileAttribute.REPARSE_POINT)
_IDS = ("Object ID", "Birth Volume ID", "Birth Object ID", "Domain ID")
_ID_BYTES = 16
_NO_HASH = bytes(20).hex()


def detailed(entry: Entry, extended: Mapping[bytes, bytes]) -> str:
    """Return the lines about an entry, which has details unless it is of a volume.

    Its extended attributes wimlib-imagex does not tell.
    """
    return "\n".join(_lines(entry, extended))


def _lines(entry: Entry, extended: Mapping[bytes, bytes]) -> Iterator[str]:
    yield _LINE
    yield _row("Full Path", f'"{printable(entry.path)}"')
    yield _row("Short Name", f'"{printable(entry.short_name or "")}"')
    yield _row("Attributes", f"{entry.attributes:#010x}")
    yield from (text for flag, text in _ATTRIBUTES if entry.attributes & flag)
    if entry.security_descriptor is not None:
        yield _row("Security Descriptor", entry.security_descriptor.hex())
    yield _row("Creation Time", _moment(entry.created_ns))
    yield _row("Last Write Time", _moment(entry.modified_ns))
    yield _row("Last Access Time", _moment(entry.accessed_ns))
    if entry.reparse_tag is not None:
        yield _row("Reparse Tag", f"{entry.reparse_tag:#x}")
    yield _row("Link Group ID", f"{entry.link_group or 0:#018x}")
    yield _row("Link Count", str(entry.links))
    if entry.unix_mode is not None:
        owner = f"uid:{entry.unix_uid} gid:{entry.unix_gid}"
        yield _row("UNIX Data", f"{owner} mode:0{entry.unix_mode:o} rdev:{entry.unix_device:#x}")
    details = entry.details
    if details is None and entry.object_id is not None:
        yield _row(_IDS[0], f"0x{entry.object_id.hex()}")
    if details is not None and entry.object_id is not None:
        for number, label in enumerate(_IDS):
            found = details.object_ids[number * _ID_BYTES : (number + 1) * _ID_BYTES]
            if any(found):
                yield _row(label, f"0x{found.hex()}")
    for name, value in sorted(extended.items()):
        yield _row("Extended Attribute", f'"{printable(name.decode("utf-8", "backslashreplace"))}" 0x{value.hex()}')
    places = [None] * len(entry.streams) if details is None else details.places
    for stream, place in zip(entry.streams, places, strict=True):
        yield from _stream(entry, stream, place)


def _stream(entry: Entry, stream: Stream, place: StreamPlace | None) -> Iterator[str]:
    """Tell of a stream; of one of a volume there is only its size."""
    if stream.name is not None:
        yield f'\tNamed data stream "{printable(stream.name)}":'
    elif entry.attributes & _ENCRYPTED:
        yield "\tRaw encrypted data stream:"
    elif entry.attributes & _REPARSE_POINT and place is not None:
        yield "\tReparse point stream:"
    else:
        yield "\tUnnamed data stream:"
    if place is None:
        yield f"Uncompressed size = {stream.size} bytes"
        yield ""
        return
    yield f"Hash              = 0x{_NO_HASH if stream.sha1 is None else stream.sha1.hex()}"
    if not stream.is_missing:
        yield f"Uncompressed size = {stream.size} bytes"
        if place.is_solid:
            sizes = f"{place.resource_size} => {place.resource_stored_size}"
            yield f"Solid resource    = {sizes} bytes @ offset {place.resource_offset}"
            yield f"Solid offset      = {place.offset} bytes"
        else:
            yield f"Compressed size   = {stream.stored_size} bytes"
            yield f"Offset in WIM     = {place.offset} bytes"
        yield f"Part Number       = {place.part_number}"
        yield f"Reference Count   = {place.references}"
        flags = (
            (place.is_compressed, "COMPRESSED"),
            (place.is_metadata, "METADATA"),
            (place.is_free, "FREE"),
            (place.is_spanned, "SPANNED"),
            (place.is_solid, "SOLID"),
        )
        yield "Flags             = " + "".join(f"WIM_RESHDR_FLAG_{name}  " for is_set, name in flags if is_set)
    yield ""


def _row(label: str, value: str) -> str:
    return f"{label:<20}= {value}"


def _moment(nanoseconds: int) -> str:
    """Return a time as C writes it; a FILETIME reaches to the year 60056, further than a datetime."""
    return time.strftime("%a %b %d %H:%M:%S %Y UTC", time.gmtime(nanoseconds // 1_000_000_000))
