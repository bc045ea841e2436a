"""Drivers: what an INF says, which devices it serves, and what brings it into a Windows.

``target_os.py`` is the Windows that drivers are for, ``devices/`` what a computer has, ``supplied/`` where driver files
come from, ``offline/`` a Windows that does not run.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "devices.device": ("Device",),
        "devices.listing": ("Devices", "DeviceSource"),
        "devices.sources": ("devices_of_listing", "read_devices"),
        "offline.windows": ("OfflineWindows", "offline_windows"),
        "supplied.folder": ("FolderFiles",),
        "supplied.members": ("SupplyLimits",),
        "supplied.opened": ("Supply", "open_supply"),
        "target_os": ("Architecture", "ProductType", "TargetOs"),
    },
)
