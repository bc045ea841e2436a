"""What docs/tutorials/drivers.md takes for granted."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cases.boot_drivers import driver_sys, storage_inf
from cases.catalogs import Entry, catalog
from cases.driver_packages import CLASSES, below
from cases.windows_trees import write_tree

from touring.discs import capture, windows_11
from touring.stock import osdimage

DISK = ((r"PCI\VEN_1234&DEV_0D15&SUBSYS_00081234&REV_00", r"PCI\VEN_1234&DEV_0D15"),)
NETWORK = ((r"PCI\VEN_1234&DEV_0E00",), (r"PCI\VEN_1234&DEV_0E01",))
# When the service of a driver of a class starts, and the folder of the driver.
BOOT, DEMAND = 0, 3
PLACES = {"SCSIAdapter": (BOOT, "storage"), "Net": (DEMAND, "net")}


def prepare() -> None:
    """Make drivers of a disk and of a network card, the second without its file, and a disk with a Windows 11."""
    write_tree(Path("Drivers"), lab("labdisk", "SCSIAdapter", DISK, "Lab Disk Controller"))
    write_tree(Path("Drivers"), lab("labnet", "Net", NETWORK, "Lab Network Card"))
    Path("download").mkdir()
    Path("Drivers/net/labnet.sys").rename("download/labnet.sys")
    capture(windows_11(), "install.wim", "Windows 11 Pro")
    osdimage("deploy", "install.wim", "pc.img", "--preset", "uefi", "--size", "64GB")
    Path("install.wim").unlink()


def lab(service: str, class_name: str, ids: tuple[tuple[str, ...], ...], device: str) -> dict[str, bytes]:
    """Return the files of a driver, by a maker that there is not."""
    start, folder = PLACES[class_name]
    class_lines = f"Class={class_name}\nClassGUID={CLASSES[class_name]}"
    inf = storage_inf(service, ids=ids, platform="NTamd64.10.0...16299", start=start, class_lines=class_lines)
    inf = inf.replace(b"Red Hat, Inc.", b"Lab").replace(b"a controller", device.encode())
    files = {f"{service}.inf": inf, f"{service}.sys": driver_sys(signed=False)}
    entries = [Entry(hashlib.sha256(data).digest(), name) for name, data in files.items()]
    return below(folder, files | {f"{service}.cat": catalog(entries)})
