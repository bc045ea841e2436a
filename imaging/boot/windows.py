"""What a Windows tells of itself: its version, and the store that it brings along."""

from __future__ import annotations

from osdimage.imaging.boot.firmware import Generation
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.pe import read_pe
from osdimage.imaging.units import MIB

TEMPLATE = "Windows/System32/config/BCD-Template"
"""The store that Windows brings along for its setup."""
KERNEL = "Windows/System32/ntoskrnl.exe"
_LARGEST_PROGRAM, _LARGEST_TEMPLATE = 64 * MIB, 16 * MIB


def generation_of(*sources: FileSource) -> Generation:
    """Return for which Windows the kernel says it was built, in the first source with one; today's when none says it.

    Raises:
        InvalidInput: for a Windows before 7, or a kernel that is no program.
    """
    source = next((each for each in sources if each.exists(KERNEL)), None)
    if source is None:
        return Generation.WINDOWS_10
    found = read_pe(source.read(KERNEL, limit=_LARGEST_PROGRAM), name=f"{source.name}: {KERNEL}").os_version
    if found is None or found == (0, 0):
        return Generation.WINDOWS_10
    if found < (6, 1):
        raise InvalidInput(
            f"{source.name}: holds Windows NT {found[0]}.{found[1]}; valid are 6.1 (Windows 7) and later"
        )
    return Generation.of_version(*found)


def template_of(source: FileSource) -> bytes | None:
    """Return the image's own BCD template, or None."""
    return source.read(TEMPLATE, limit=_LARGEST_TEMPLATE) if source.exists(TEMPLATE) else None
