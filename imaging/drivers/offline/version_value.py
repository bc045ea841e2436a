r"""The bytes of the driver database that stand for a package's version and for a device's id.

``DriverDatabase\DriverPackages\<package>``: ``Version``, 48 bytes, little endian.  No document describes it; three
sources that know nothing of each other agree on all that is named here: lxc/distrobuilder's templates, which come from
a Windows 10; the value that virt-v2v writes (libguestfs-common, ``mlcustomize/inject_virtio_win.ml``); and Microsoft's
"Update a driver" walkthrough for Windows Phone, which prints one::

    at  bytes
     0     2  00 FF on Windows, FF FF on the phone: what it means is not known
     2     2  the processor, PROCESSOR_ARCHITECTURE_* of winnt.h
     4     4  0
     8    16  the GUID of the class
    24     8  the date of DriverVer at 0:00 UTC, FILETIME; 0 without one
    32     8  its four numbers, the last one first, 16 bits each
    40     8  0 in most

``DriverDatabase\DeviceIds\<bus>\<id>``: a value named as the INF, of 4 bytes: which id of its line in the INF this is,
1 for the hardware id, and the feature score, FF when the INF has none.  So it is for the 30 ids of distrobuilder's
templates, which are hardware ids and first compatible ids; that it goes on with 3 is likely, and not known.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from osdimage.imaging import filetime
from osdimage.imaging.drivers.target_os import Architecture
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted

VERSION_BYTES = 48
NO_FEATURE_SCORE = 0xFF
"""The feature score of a driver whose INF has none: the worst."""
_STRUCT = struct.Struct("<HHI16sQ4HQ")
_DESKTOP = 0xFF00
_PROCESSORS = {
    Architecture.X86: 0,
    Architecture.ARM: 5,
    Architecture.IA64: 6,
    Architecture.AMD64: 9,
    Architecture.ARM64: 12,
}
"""PROCESSOR_ARCHITECTURE_* of winnt.h."""
_MOST_IDS = 0xFF


@dataclass(frozen=True, slots=True)
class VersionValue:
    """What the value ``Version`` of a package says.

    Attributes:
        architecture: None when it is one that we do not know.
        class_guid: of the class, in braces and upper case.
        date: of ``DriverVer``; None without one.
        numbers: the four numbers of ``DriverVer``.
    """

    architecture: Architecture | None
    class_guid: str
    date: date | None = None
    numbers: tuple[int, int, int, int] = (0, 0, 0, 0)

    @classmethod
    def parse(cls, data: bytes) -> VersionValue:
        """Read the value.

        Raises:
            InvalidInput: when it is shorter than 48 bytes.
        """
        if len(data) < VERSION_BYTES:
            raise InvalidInput(f"the value Version of a driver has {len(data)} bytes; valid are {VERSION_BYTES}")
        _, processor, _, guid, moment, *backwards, _ = _STRUCT.unpack(data[:VERSION_BYTES])
        known = (each for each, number in _PROCESSORS.items() if number == processor)
        class_guid = f"{{{uuid.UUID(bytes_le=guid)}}}".upper()
        z, y, x, w = backwards
        return cls(next(known, None), class_guid, _date_of(moment), (w, x, y, z))

    def to_bytes(self) -> bytes:
        """Return the bytes, as Windows 10 writes them.

        Raises:
            InvalidRequest: when the class is no GUID, a number needs more than 16 bits, or no processor is named.
        """
        if self.architecture is None:
            raise InvalidRequest("a driver is for a processor")
        try:
            guid = uuid.UUID(self.class_guid)
        except ValueError as error:
            raise InvalidRequest(
                f"{quoted(self.class_guid)} is no GUID of a class; valid is one such as "
                "{4D36E97B-E325-11CE-BFC1-08002BE10318}"
            ) from error
        if not all(0 <= each <= 0xFFFF for each in self.numbers):
            raise InvalidRequest(
                f"version {'.'.join(map(str, self.numbers))}: each number of a driver's version is at most 65535"
            )
        return _STRUCT.pack(
            _DESKTOP, _PROCESSORS[self.architecture], 0, guid.bytes_le, _moment_of(self.date), *self.numbers[::-1], 0
        )


def device_id_value(position: int, feature_score: int | None = None) -> bytes:
    """Return the bytes for an id of a device.

    Args:
        position: of the id in its line of the INF, from 1, which is the hardware id.
        feature_score: of the install section; None when the INF has none.

    Raises:
        InvalidRequest: when one of them needs more than 8 bits.
    """
    score = NO_FEATURE_SCORE if feature_score is None else feature_score
    if not (1 <= position <= _MOST_IDS and 0 <= score <= NO_FEATURE_SCORE):
        raise InvalidRequest(f"id {position} with feature score {score}: both are at most 255")
    return bytes((position, score, 0, 0))


def _moment_of(day: date | None) -> int:
    return 0 if day is None else filetime.from_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _date_of(moment: int) -> date | None:
    try:
        day = (filetime.FILETIME_EPOCH + timedelta(microseconds=moment // 10)).date()
    except OverflowError:
        return None
    # The first day of the count is what stands for none.
    return None if day == filetime.FILETIME_EPOCH.date() else day
