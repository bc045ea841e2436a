"""The report of MSInfo32 (``.nfo``): XML in which a value is the id of an instance.

Names of elements and of things are in the language of Windows, so that a device is told by its value alone.  Its name
is the first value of its row, where that has several, or of the rows since the last empty one.
"""

from __future__ import annotations

from osdimage.imaging.drivers.devices.instances import NO_IDS, instance_device, is_instance
from osdimage.imaging.drivers.devices.listing import Collected
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.element import Element

ROOT = "msinfo"
_ROW = "Data"
_OF_A_PAIR = 2


def is_msinfo(root: Element) -> bool:
    """Tell whether a document is such a report."""
    return root.tag.casefold() == ROOT


def collect_msinfo(root: Element, collected: Collected, os: TargetOs | None) -> None:
    """Take in the devices of a report."""
    for category in root.walk():
        name = ""
        for row in category.children:
            if row.tag != _ROW:
                continue
            values = [each.text.strip() for each in row.children]
            if not any(values):
                name = ""
                continue
            name = name or values[1 if len(values) == _OF_A_PAIR else 0]
            own = name if len(values) <= _OF_A_PAIR else values[0]
            for value in values:
                if is_instance(value):
                    collected.add(instance_device(value, os, own))
                    collected.warn(NO_IDS)
