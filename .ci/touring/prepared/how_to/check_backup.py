"""What docs/how-to/check-backup.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.registry.hive import Key, Value

from touring.discs import capture, windows_11
from touring.stock import osdimage


def prepare() -> None:
    """Make a disk with a Windows, and a backup of it."""
    capture(windows_11(with_letters), "install.wim", "Windows 11 Pro")
    osdimage("deploy", "install.wim", "pc.img", "--preset", "uefi", "--size", "64GB")
    # As in a machine that has run: `deploy` leaves no letters.
    osdimage("apply", "install.wim", "pc.img", "--partition", "3", "--wipe", "--yes")
    Path("install.wim").unlink()
    osdimage("capture", "pc.img", "backup.wim", "--partition", "3", "--name", "first night", "--integrity")


def with_letters(root: Key, control_set: Key) -> None:
    """Give C: to a partition of the disk that the Windows was on."""
    del control_set
    root.ensure("MountedDevices").set(Value.binary(r"\DosDevices\C:", b"DMIO:ID:" + bytes(range(16))))
