"""What a machine has for firmware, and which Windows it starts."""

from __future__ import annotations

from enum import StrEnum

from osdimage.imaging.errors import InvalidRequest


class Firmware(StrEnum):
    """What starts the boot manager."""

    UEFI = "uefi"
    BIOS = "bios"


class Generation(StrEnum):
    """Versions of Windows whose stores differ."""

    WINDOWS_7 = "7"
    WINDOWS_8 = "8"
    WINDOWS_10 = "10"

    @classmethod
    def of_version(cls, major: int, minor: int) -> Generation:
        """Return the generation of a version of Windows NT, as the XML of a WIM has it: 6.1, 6.2, 6.3, 10.0.

        Raises:
            InvalidRequest: for Windows before 7.
        """
        if (major, minor) < (6, 1):
            raise InvalidRequest(f"Windows NT {major}.{minor}: a boot store can be made for 6.1 (Windows 7) and later")
        if (major, minor) == (6, 1):
            return cls.WINDOWS_7
        return cls.WINDOWS_8 if major == 6 else cls.WINDOWS_10
