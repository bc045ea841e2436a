r"""Ids that Windows gives to what firmware describes by ACPI.

The forms are those of ordinary listings; that of ``VEN_`` and ``DEV_`` is there from Windows 8 on, for ids of a maker
(three letters, or four letters and digits) and four hexadecimal digits (ACPI 6.5, section 6.1.5, "_HID").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.listing import distinct
from osdimage.imaging.drivers.target_os import TargetOs

_FIRST_WITH_VENDOR = (6, 2)
_OF_MAKER = re.compile(r"([A-Z]{3}|[A-Z0-9]{4})([0-9A-F]{4})", re.ASCII)


def acpi_device(ids: Sequence[str], os: TargetOs | None = None) -> Device:
    """Return the device of an ``_HID`` and the ``_CID`` behind it; without ``os`` as Windows 10 and later see it."""
    first, *others = ids
    hardware = _forms(first, os)
    return Device(f"ACPI\\{first}", distinct(hardware), distinct(form for each in others for form in _forms(each, os)))


def _forms(found: str, os: TargetOs | None) -> list[str]:
    forms = [f"ACPI\\{found}", f"*{found}"]
    maker = _OF_MAKER.fullmatch(found)
    if maker is not None and (os is None or os.version >= _FIRST_WITH_VENDOR):
        forms.insert(0, f"ACPI\\VEN_{maker[1]}&DEV_{maker[2]}")
    return forms
