"""The devices of a virtual machine, by the XML that libvirt keeps of it (``virsh dumpxml``).

Format: libvirt, "Domain XML format".  Which numbers a virtio device shows follows from where it is: see ``qemu.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.drivers.devices.listing import Collected
from osdimage.imaging.drivers.devices.qemu import (
    BALLOON,
    BLOCK,
    DISPLAY,
    EMULATED,
    FILE_SYSTEM,
    FIRMWARE_TABLE,
    INPUT,
    NETWORK,
    PANIC,
    PLAN_9,
    RANDOM,
    SCSI,
    SERIAL,
    SOCKET,
    Form,
    Virtio,
    add_acpi,
    add_emulated,
    add_virtio,
)
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.element import Element
from osdimage.imaging.errors import InvalidInput

DOMAIN = "domain"
_EXPRESS_PORTS = frozenset({"pcie-root-port", "pcie-switch-downstream-port"})
_FORMS = {"virtio-transitional": Form.TRANSITIONAL, "virtio-non-transitional": Form.MODERN}
_VIRTIO = "virtio"
_SCSI_DEFAULT, _NETWORK_DEFAULT, _SOUND_DEFAULT = "lsilogic", "rtl8139", "ich6"
"""What libvirt takes on PCs where a model is not named."""
_USB_MODELS = {"": "piix3-uhci", "piix4-uhci": "piix3-uhci"}
_MOST_DEVICES = 10_000


class _Domain:
    """A domain while its devices are collected."""

    def __init__(self, domain: Element, collected: Collected, os: TargetOs | None) -> None:
        self._collected, self._os = collected, os
        self._devices = domain.child("devices") or Element("devices")
        kind = domain.child("os")
        machine = (kind.child("type") if kind is not None else None) or Element("type")
        name = (machine.get("machine") or "").removeprefix("pc-")
        # Machines of PCs other than q35 have a bus of conventional PCI; those of other processors have PCI Express.
        is_pc = (machine.get("arch") or "x86_64") in {"x86_64", "i686"}
        self.is_q35 = is_pc and name.startswith("q35")
        self._is_express = self.is_q35 or not is_pc
        self._buses = {
            each.get("index"): each.get("model") or "" for each in self._of("controller") if each.get("type") == "pci"
        }

    def collect(self) -> None:
        """Take in what the machine has by itself, and what is listed."""
        for each in ("ahci", "smbus") if self.is_q35 else ("piix3-ide",) if not self._is_express else ():
            add_emulated(each, self._collected, self._os)
        add_acpi(FIRMWARE_TABLE, self._collected, self._os)
        readers = {
            "controller": self._controller,
            "disk": self._disk,
            "interface": self._interface,
            "video": self._video,
            "sound": self._sound,
            "memballoon": self._balloon,
            "rng": self._random,
            "input": self._input,
            "vsock": self._socket,
            "filesystem": self._file_system,
            "panic": self._panic,
            "watchdog": self._watchdog,
            "shmem": self._shared_memory,
            "serial": self._serial,
            "channel": self._channel,
            "console": self._channel,
            "hostdev": self._host_device,
        }
        for count, device in enumerate(self._devices.children):
            if count > _MOST_DEVICES:
                raise InvalidInput(f"{self._collected.name} has more than {_MOST_DEVICES:,} devices")
            if (read := readers.get(device.tag)) is not None:
                read(device)

    def _of(self, tag: str) -> Iterator[Element]:
        return (each for each in self._devices.children if each.tag == tag)

    def _form(self, device: Element, model: str = "") -> Form:
        """Return which numbers a virtio device shows: by its model, else by the bus that it is on."""
        if model in _FORMS:
            return _FORMS[model]
        address = device.child("address")
        if address is None or address.get("type") != "pci":
            return Form.MODERN if self._is_express else Form.TRANSITIONAL
        try:
            bus = str(int(address.get("bus") or "0", 0))
        except ValueError:
            bus = "0"
        return Form.MODERN if self._buses.get(bus) in _EXPRESS_PORTS else Form.TRANSITIONAL

    def _virtio(self, kind: Virtio, device: Element, model: str = "") -> None:
        add_virtio(kind, self._form(device, model), self._collected, self._os)

    def _emulated(self, name: str) -> None:
        if name in EMULATED:
            add_emulated(name, self._collected, self._os)

    def _controller(self, device: Element) -> None:
        kind, model = device.get("type") or "", device.get("model") or ""
        if kind == "scsi" and (model == "virtio-scsi" or model in _FORMS):
            self._virtio(SCSI, device, model)
        elif kind == "scsi":
            self._emulated(model if model not in {"", "auto"} else _SCSI_DEFAULT)
        elif kind == "virtio-serial":
            self._virtio(SERIAL, device, model)
        elif kind == "usb":
            self._emulated(_USB_MODELS.get(model, model))
        elif kind == "sata" and not self.is_q35:
            self._emulated("ahci")
        elif kind == "nvme":
            self._emulated("nvme")

    def _disk(self, device: Element) -> None:
        target = device.child("target")
        bus = (target.get("bus") if target is not None else None) or ""
        if bus == _VIRTIO:
            self._virtio(BLOCK, device, device.get("model") or "")
        elif bus == "nvme":
            self._emulated("nvme")

    def _interface(self, device: Element) -> None:
        model = _child(device, "model", "type") or _NETWORK_DEFAULT
        if model == _VIRTIO or model in _FORMS:
            self._virtio(NETWORK, device, model)
        else:
            self._emulated(model)

    def _video(self, device: Element) -> None:
        model = _child(device, "model", "type")
        if model == _VIRTIO:
            self._virtio(DISPLAY, device)
        else:
            self._emulated(model)

    def _sound(self, device: Element) -> None:
        self._emulated(device.get("model") or _SOUND_DEFAULT)

    def _balloon(self, device: Element) -> None:
        self._by_model(BALLOON, device)

    def _random(self, device: Element) -> None:
        self._by_model(RANDOM, device)

    def _socket(self, device: Element) -> None:
        self._by_model(SOCKET, device)

    def _by_model(self, kind: Virtio, device: Element) -> None:
        model = device.get("model") or _VIRTIO
        if model == _VIRTIO or model in _FORMS:
            self._virtio(kind, device, model)

    def _input(self, device: Element) -> None:
        if device.get("bus") == _VIRTIO:
            self._virtio(INPUT, device)

    def _file_system(self, device: Element) -> None:
        self._virtio(
            FILE_SYSTEM if _child(device, "driver", "type") == "virtiofs" else PLAN_9,
            device,
            device.get("model") or "",
        )

    def _panic(self, device: Element) -> None:
        model = device.get("model") or "isa"
        if model == "isa":
            add_acpi(PANIC, self._collected, self._os)
        else:
            self._emulated(model)

    def _watchdog(self, device: Element) -> None:
        self._emulated(device.get("model") or "")

    def _shared_memory(self, device: Element) -> None:
        self._emulated(_child(device, "model", "type"))

    def _serial(self, device: Element) -> None:
        target = device.child("target")
        self._emulated((_child(target, "model", "name") if target is not None else "") or "")

    def _channel(self, device: Element) -> None:
        has_controller = any(each.get("type") == "virtio-serial" for each in self._of("controller"))
        if _child(device, "target", "type") == _VIRTIO and not has_controller:
            self._virtio(SERIAL, Element("controller"))

    def _host_device(self, device: Element) -> None:
        if device.get("type") in {"pci", "usb", "mdev"}:
            self._collected.warn(
                f"devices of the host that are passed through ({device.get('type')}) are left out: the domain does "
                "not tell their ids, the host does"
            )


def collect_domain(root: Element, collected: Collected, os: TargetOs | None) -> None:
    """Take in the devices of the first domain of a document.

    Raises:
        InvalidInput: when it has more devices than any domain.
    """
    domain = next((each for each in root.walk() if each.tag == DOMAIN), None)
    if domain is not None:
        _Domain(domain, collected, os).collect()


def _child(device: Element, tag: str, attribute: str) -> str:
    found = device.child(tag)
    return (found.get(attribute) if found is not None else None) or ""
