"""The volume recognition sequence: what a disc has, told by the descriptors from byte 32768 on.

Sources: ECMA-119 (ISO 9660), 8.1; ECMA-167, part 2, 8.3 and 9; El Torito 1.0, 2.0.
"""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.disc.source import DiscSource

SECTOR_BYTES = 2048
FIRST_SECTOR = 16
# Sectors that are looked at: a disc has a handful.
_MOST = 128
_EXTENDED = (b"BEA01", b"TEA01", b"BOOT2", b"CDW02", b"NSR02", b"NSR03")
_ISO = b"CD001"
_BOOT_RECORD, _TERMINATOR = 0, 255


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a disc says that it has.

    Attributes:
        iso: the volume descriptors of ISO 9660, in their order.
        has_udf: whether there is a descriptor of UDF.
    """

    iso: tuple[bytes, ...]
    has_udf: bool

    @property
    def boot_records(self) -> tuple[bytes, ...]:
        """Those of the descriptors that say how it is started."""
        return tuple(each for each in self.iso if each[0] == _BOOT_RECORD)


def recognise(source: DiscSource) -> Recognised:
    """Read the volume recognition sequence.

    Raises:
        StorageError: when it cannot be read.
    """
    iso: list[bytes] = []
    found = _sequence(source, SECTOR_BYTES)
    if not found:
        return Recognised((), has_udf=False)
    for each in found:
        if each[1:6] == _ISO:
            if each[0] == _TERMINATOR:
                break
            iso.append(each)
    # Where sectors have 4096 bytes, each descriptor has one of its own.
    has_udf = any(_is_udf(each) for each in found) or any(map(_is_udf, _sequence(source, 2 * SECTOR_BYTES)))
    return Recognised(tuple(iso), has_udf)


def _is_udf(descriptor: bytes) -> bool:
    return descriptor[1:6] in {b"NSR02", b"NSR03"}


def _sequence(source: DiscSource, step: int) -> list[bytes]:
    found: list[bytes] = []
    for number in range(_MOST):
        offset = FIRST_SECTOR * SECTOR_BYTES + number * step
        if offset + SECTOR_BYTES > source.size_bytes:
            break
        descriptor = source.read(offset, SECTOR_BYTES, "a volume descriptor")
        if descriptor[1:6] != _ISO and descriptor[1:6] not in _EXTENDED:
            break
        found.append(descriptor)
    return found
