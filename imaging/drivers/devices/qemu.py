r"""Devices of virtual machines of QEMU and KVM, by the names that QEMU has for them.

Numbers: configuration spaces of QEMU 7.2 (``-machine q35 -device NAME``, read over its qtest), each device once on the
root bus and once behind a root port.  A virtio device shows what virtio 1.2, section 4.1.2, calls transitional where
its bus is conventional PCI or the root complex itself, and modern numbers behind a port of PCI Express; some are
modern alone (of sockets, since QEMU 5.1).  The classes of sockets and of the file systems, which need more than QEMU to
be there, are from ``vhost-vsock-pci.c``, ``vhost-user-fs-pci.c`` and ``virtio-9p-pci.c``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from osdimage.imaging.drivers.devices.acpi import acpi_device
from osdimage.imaging.drivers.devices.listing import Collected
from osdimage.imaging.drivers.devices.pci import PciFunction, pci_device
from osdimage.imaging.drivers.target_os import TargetOs

_RED_HAT = 0x1AF4
_SUBSYSTEM = 0x1100 << 16 | _RED_HAT
_FIRST_MODERN = 0x1040


class Form(StrEnum):
    """Which of its numbers a virtio device shows."""

    TRANSITIONAL = "virtio, transitional"
    MODERN = "virtio"


@dataclass(frozen=True, slots=True)
class Virtio:
    """A kind of virtio device.

    Attributes:
        name: what people call it.
        number: its kind (virtio 1.2, section 5), which modern numbers follow.
        transitional: its number where it is transitional, or None when it never is.
        device_class: base class and subclass.
    """

    name: str
    number: int
    transitional: int | None
    device_class: int

    def function(self, form: Form) -> PciFunction:
        """Return what it shows on its bus; a kind that is modern alone shows that."""
        if form is Form.TRANSITIONAL and self.transitional is not None:
            subsystem = self.number << 16 | _RED_HAT
            return PciFunction(_RED_HAT, self.transitional, subsystem, 0x00, self.device_class, 0)
        return PciFunction(_RED_HAT, _FIRST_MODERN + self.number, _SUBSYSTEM, 0x01, self.device_class, 0)


NETWORK = Virtio("network card", 1, 0x1000, 0x0200)
BLOCK = Virtio("disk", 2, 0x1001, 0x0100)
BALLOON = Virtio("memory balloon", 5, 0x1002, 0x00FF)
SERIAL = Virtio("serial ports", 3, 0x1003, 0x0780)
SCSI = Virtio("SCSI controller", 8, 0x1004, 0x0100)
RANDOM = Virtio("random numbers", 4, 0x1005, 0x00FF)
SOCKET = Virtio("sockets", 19, None, 0x0780)
PLAN_9 = Virtio("9p file system", 9, 0x1009, 0x0002)
DISPLAY = Virtio("display", 16, None, 0x0300)
INPUT = Virtio("input", 18, None, 0x0900)
FILE_SYSTEM = Virtio("file system", 26, None, 0x0180)

PRESET = (NETWORK, BLOCK, SCSI, SERIAL, BALLOON, RANDOM, DISPLAY, INPUT, SOCKET, FILE_SYSTEM)


@dataclass(frozen=True, slots=True)
class Emulated:
    """A device of real hardware, or of QEMU's own, that is emulated: what people call it, and what its bus shows."""

    name: str
    function: PciFunction


def _emulated(name: str, ids: int, device_class: int, revision: int, subsystem: int = _SUBSYSTEM) -> Emulated:
    function = PciFunction(ids >> 16, ids & 0xFFFF, subsystem, revision, device_class >> 8, device_class & 0xFF)
    return Emulated(name, function)


EMULATED = {
    "ac97": _emulated("AC97 sound", 0x80862415, 0x040100, 0x01),
    "ahci": _emulated("AHCI controller of ICH9", 0x80862922, 0x010601, 0x02),
    "bochs": _emulated("display without VGA", 0x12341111, 0x038000, 0x02),
    "cirrus": _emulated("Cirrus VGA", 0x101300B8, 0x030000, 0x00),
    "e1000": _emulated("Intel 82540EM network card", 0x8086100E, 0x020000, 0x03),
    "e1000e": _emulated("Intel 82574L network card", 0x808610D3, 0x020000, 0x00, 0x00008086),
    "ehci": _emulated("USB 2 controller", 0x808624CD, 0x0C0320, 0x10),
    "es1370": _emulated("ES1370 sound", 0x12745000, 0x040100, 0x00, 0x4C4C4942),
    "i6300esb": _emulated("watchdog", 0x808625AB, 0x088000, 0x00),
    "ich6": _emulated("Intel HD Audio of ICH6", 0x80862668, 0x040300, 0x01),
    "ich9": _emulated("Intel HD Audio of ICH9", 0x8086293E, 0x040300, 0x03),
    "ich9-ehci1": _emulated("USB 2 controller of ICH9", 0x8086293A, 0x0C0320, 0x03),
    "ich9-uhci1": _emulated("USB 1 controller of ICH9", 0x80862934, 0x0C0300, 0x03),
    "ich9-uhci2": _emulated("USB 1 controller of ICH9", 0x80862935, 0x0C0300, 0x03),
    "ich9-uhci3": _emulated("USB 1 controller of ICH9", 0x80862936, 0x0C0300, 0x03),
    "ivshmem-plain": _emulated("shared memory", 0x1AF41110, 0x050000, 0x01),
    "lsilogic": _emulated("LSI 53C895A SCSI controller", 0x10000012, 0x010000, 0x00, 0x10000000),
    "lsisas1068": _emulated("LSI SAS1068 controller", 0x10000054, 0x010000, 0x00, 0x80001000),
    "lsisas1078": _emulated("LSI MegaRAID SAS 1078", 0x10000060, 0x010400, 0x00, 0x10131000),
    "nec-xhci": _emulated("USB 3 controller of NEC", 0x10330194, 0x0C0330, 0x03),
    "nvme": _emulated("NVMe disk", 0x1B360010, 0x010802, 0x02),
    "pci-serial": _emulated("serial port on PCI", 0x1B360002, 0x070002, 0x01),
    "pcnet": _emulated("AMD PCnet network card", 0x10222000, 0x020000, 0x10, 0x00000000),
    "piix3-ide": _emulated("IDE controller of PIIX3", 0x80867010, 0x010180, 0x00),
    "piix3-uhci": _emulated("USB 1 controller of PIIX3", 0x80867020, 0x0C0300, 0x01),
    "pvpanic": _emulated("panic notifier on PCI", 0x1B360011, 0x088000, 0x01),
    "qemu-xhci": _emulated("USB 3 controller", 0x1B36000D, 0x0C0330, 0x01),
    "qxl": _emulated("QXL display", 0x1B360100, 0x030000, 0x05),
    "rtl8139": _emulated("Realtek 8139 network card", 0x10EC8139, 0x020000, 0x20),
    "smbus": _emulated("SMBus of ICH9", 0x80862930, 0x0C0500, 0x02),
    "vga": _emulated("standard VGA", 0x12341111, 0x030000, 0x02),
    "vmpvscsi": _emulated("VMware SCSI controller", 0x15AD07C0, 0x010000, 0x02, 0x07C015AD),
    "vmvga": _emulated("VMware display", 0x15AD0405, 0x030000, 0x00, 0x040515AD),
    "vmxnet3": _emulated("VMware network card", 0x15AD07B0, 0x020000, 0x01, 0x07B015AD),
}
"""By the names that libvirt has."""

_PRESET_EMULATED = (
    "ahci", "nvme", "qemu-xhci", "e1000e", "ich9", "qxl", "vga", "smbus", "pci-serial", "pvpanic"
)  # fmt: skip
PANIC, FIRMWARE_TABLE = "QEMU0001", "QEMU0002"
_ACPI = {PANIC: "panic notifier", FIRMWARE_TABLE: "files that firmware passes on (fw_cfg)", "PNP0303": "keyboard"}
"""What firmware tells of by ACPI."""


def collect_preset(collected: Collected, os: TargetOs | None) -> None:
    """Take in what a machine of QEMU may have: each virtio device in both of its forms, and what q35 emulates."""
    for form in (Form.MODERN, Form.TRANSITIONAL):
        for kind in PRESET:
            if form is Form.MODERN or kind.transitional is not None:
                add_virtio(kind, form, collected, os)
    for name in _PRESET_EMULATED:
        add_emulated(name, collected, os)
    for each in _ACPI:
        add_acpi(each, collected, os)


def add_virtio(kind: Virtio, form: Form, collected: Collected, os: TargetOs | None) -> None:
    """Take in a virtio device."""
    shown = Form.MODERN if kind.transitional is None else form
    collected.add(pci_device(kind.function(form), os, name=f"{kind.name} ({shown.value})"))


def add_emulated(name: str, collected: Collected, os: TargetOs | None) -> None:
    """Take in an emulated device of a name in :data:`EMULATED`."""
    found = EMULATED[name]
    collected.add(pci_device(found.function, os, name=found.name))


def add_acpi(name: str, collected: Collected, os: TargetOs | None) -> None:
    """Take in what firmware tells of by ACPI."""
    collected.add(replace(acpi_device([name], os), name=_ACPI[name]))
