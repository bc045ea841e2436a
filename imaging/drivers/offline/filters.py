r"""Filters of drivers that are named in a Windows and are not there, so that it stops when it starts (0x0000007B).

A class of devices names its filters in ``Control\Class\{...}``: ``UpperFilters`` and ``LowerFilters``.  They stay
behind when a program is removed badly, or a machine was virtual and its drivers were taken out.
"""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.registry.lookup import texts_of

_CLASSES = {
    "{4D36E967-E325-11CE-BFC1-08002BE10318}": "disk drives",
    "{4D36E96A-E325-11CE-BFC1-08002BE10318}": "disk controllers (HDC)",
    "{4D36E97B-E325-11CE-BFC1-08002BE10318}": "disk controllers (SCSIAdapter)",
    "{71A27CDD-812A-11D0-BEC7-08002BE2092F}": "volumes",
}


def missing_filters(windows: OfflineWindows) -> Iterator[str]:
    """Yield a sentence for each filter of disks, their controllers and volumes whose service is not there."""
    control_set = windows.system.root.child(windows.control_set)
    classes = None if control_set is None else control_set.find(r"Control\Class")
    services = None if control_set is None else control_set.child("Services")
    for guid, called in _CLASSES.items():
        key = None if classes is None else classes.child(guid)
        for place in ("UpperFilters", "LowerFilters"):
            for name in texts_of(key, place):
                if services is None or services.child(name) is None:
                    yield (
                        f"{windows.name}: the class of {called} has the filter {name} ({place}), and there is no such "
                        "service: Windows stops with 0x0000007B when it starts"
                    )
