r"""The bytes of the driver database that stand for a package's version and for a device's id.

``DriverDatabase\DriverPackages\<package>``: ``Version``, 48 bytes, little endian.  No document describes it; three
sources that know nothing of each other agree on all that is named here: lxc/distrobuilder's templates, which come from
a Windows 10; the value that virt-v2v writes (libguestfs-common, ``mlcustomize/inject_virtio_win.ml``); and Microsoft's
"Update a driver" walkthrough for Windows Phone, which prints one.  Those of all 619 packages in the hives SYSTEM of
three Windows (8.1, 10 and 10 1709, in mkorman90/regipy's ``regipy_tests/data``) are so::

    at  bytes
     0     2  FF FF in what Windows brought along (607 of them), 00 FF in what others brought (all 12)
     2     2  the processor, PROCESSOR_ARCHITECTURE_* of winnt.h
     4     4  0
     8    16  the GUID of the class
    24     8  the date of DriverVer at 0:00 UTC, FILETIME; 0 without one
    32     8  its four numbers, the last one first, 16 bits each
    40     8  0 in nearly all

``DriverDatabase\DeviceIds\<bus>\<id>``: a value named as the INF, of 4 bytes::

    at  bytes
     0     1  1: it is the hardware id of its line in the INF, 2: a compatible id; 3 (seen once): both, in two lines
     1     1  the feature score, FF when the INF has none
     2     2  of a compatible id, which one it is, from 0

So it is in distrobuilder's templates, and in those hives for ``input.inf`` of Windows, whose line ``HID_Inst,,
GENERIC_HID_DEVICE,USB\Class_03&SubClass_01,USB\Class_03`` has 02 FF 00 00, 02 FF 01 00 and 02 FF 02 00 there.
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
# What others than Microsoft brought along.
_OTHERS = 0xFF00
_PROCESSORS = {
    Architecture.X86: 0,
    Architecture.ARM: 5,
    Architecture.IA64: 6,
    Architecture.AMD64: 9,
    Architecture.ARM64: 12,
}
"""PROCESSOR_ARCHITECTURE_* of winnt.h."""
MOST_COMPATIBLE = 0xFFFF
"""The number of the last compatible id of a line that has a value."""
_ID = struct.Struct("<BBH")
_HARDWARE, _COMPATIBLE = 1, 2


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
        """Return the bytes, as Windows writes them for a driver that it did not bring along.

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
            _OTHERS, _PROCESSORS[self.architecture], 0, guid.bytes_le, _moment_of(self.date), *self.numbers[::-1], 0
        )


def device_id_value(compatible: int | None, feature_score: int | None = None) -> bytes:
    """Return the bytes for an id of a device.

    Args:
        compatible: which of the compatible ids of its line it is, from 0; None: it is the hardware id.
        feature_score: of the install section; None when the INF has none.

    Raises:
        InvalidRequest: when one of them needs more bits than there are.
    """
    score = NO_FEATURE_SCORE if feature_score is None else feature_score
    if not (0 <= (compatible or 0) <= MOST_COMPATIBLE and 0 <= score <= NO_FEATURE_SCORE):
        raise InvalidRequest(
            f"compatible id {compatible} with feature score {score}: valid are at most {MOST_COMPATIBLE} and 255"
        )
    return _ID.pack(_HARDWARE if compatible is None else _COMPATIBLE, score, compatible or 0)


def _moment_of(day: date | None) -> int:
    return 0 if day is None else filetime.from_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _date_of(moment: int) -> date | None:
    try:
        day = (filetime.FILETIME_EPOCH + timedelta(microseconds=moment // 10)).date()
    except OverflowError:
        return None
    # The first day of the count is what stands for none.
    return None if day == filetime.FILETIME_EPOCH.date() else day
