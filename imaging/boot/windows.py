"""What a Windows tells of itself: its version and its language."""

from __future__ import annotations

import re

from osdimage.imaging.boot.files import OS_LOADERS
from osdimage.imaging.boot.firmware import Firmware, Generation
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.pe import read_pe
from osdimage.imaging.units import MIB

TEMPLATE = "Windows/System32/config/BCD-Template"
"""The store that Windows brings along for its setup."""
DEFAULT_LOCALE = "en-US"
KERNEL = "Windows/System32/ntoskrnl.exe"
_LARGEST_PROGRAM, _LARGEST_TEMPLATE = 64 * MIB, 16 * MIB
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})+")


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


def locale_of(source: FileSource, firmware: Firmware, *, wanted: str | None = None) -> str:
    r"""Return the language for the boot menu.

    It is ``wanted``, or else the one in which the loader of this Windows speaks
    (``System32\de-DE\winload.efi.mui``); of several one that is not en-US, which many others bring along.

    Raises:
        InvalidRequest: when ``wanted`` is no language.
    """
    if wanted is not None:
        if not _LOCALE.fullmatch(wanted):
            raise InvalidRequest(f"{wanted!r} is no language; valid is one such as en-US or de-DE")
        return wanted
    folder, _, loader = OS_LOADERS[firmware].rpartition("/")
    if not source.exists(folder):
        return DEFAULT_LOCALE
    spoken = [
        each.name
        for each in source.list(folder)
        if each.is_directory and _LOCALE.fullmatch(each.name) and source.exists(f"{each.path}/{loader}.mui")
    ]
    others = [name for name in spoken if name.lower() != DEFAULT_LOCALE.lower()]
    return (others or [DEFAULT_LOCALE])[0]


def template_of(source: FileSource) -> bytes | None:
    """Return the image's own BCD template, or None."""
    return source.read(TEMPLATE, limit=_LARGEST_TEMPLATE) if source.exists(TEMPLATE) else None
