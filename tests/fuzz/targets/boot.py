"""What makes a disk start: BCD stores, the devices in them, programs, and the boot code inside of files."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from uuid import UUID

from osdimage.imaging.boot.bcd.check import own_disks, read_store_facts
from osdimage.imaging.boot.bcd.create import BcdSettings, OsEntry, create_store
from osdimage.imaging.boot.bcd.devices import (
    DeviceElement,
    FileDevice,
    PartitionDevice,
    RamdiskDevice,
    describe,
    plain,
)
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BcdStore
from osdimage.imaging.boot.code.ntfs import find_ntfs_boot_code, own_ntfs_boot_code
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.ntldr.boot_ini import ArcPath, BootIni
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.layouts.presets import Preset, preset_layout
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.pe import read_pe
from osdimage.imaging.units import GIB, Geometry

from fuzz.target import Target

_TABLE = place(preset_layout(Preset.UEFI), Geometry.of_size(64 * GIB, 512), random.Random(1))
_REFS = [PartitionRef.of(_TABLE, each) for each in _TABLE.partitions]


def _store(data: bytes) -> None:
    store = BcdStore.parse(data)
    store.lines()
    store.report()
    own_disks(store, _TABLE)
    read_store_facts(data, _TABLE, _TABLE.partitions[0], name="x")
    again = BcdStore.parse(store.to_bytes(force=True))
    assert again.lines() == store.lines()
    store.rebind({_REFS[0]: PartitionRef.mbr(1, 1 << 20)})
    BcdStore.parse(store.to_bytes(force=True)).lines()


def _store_seeds() -> Iterator[bytes]:
    for firmware, system in ((Firmware.UEFI, _REFS[0]), (Firmware.BIOS, PartitionRef.mbr(0x12345678, 1 << 20))):
        settings = BcdSettings(firmware, system, (OsEntry(_REFS[2]),))
        yield create_store(settings, random.Random(1)).to_bytes()


def _device(data: bytes) -> None:
    element = DeviceElement.parse(data)
    if element is not None:
        assert element.to_bytes() == data
        describe(element.device)


def _device_seeds() -> Iterator[bytes]:
    yield plain(_REFS[0]).to_bytes()
    for device in (
        PartitionDevice(PartitionRef.mbr(0x12345678, 1 << 20)),
        FileDevice("\\Recovery\\boot.sdi", PartitionDevice(_REFS[2])),
        RamdiskDevice("\\Recovery\\Winre.wim", PartitionDevice(_REFS[2])),
    ):
        yield DeviceElement(device, UUID(int=1)).to_bytes()


def _pe(data: bytes) -> None:
    read_pe(data, name="x")


def _code(data: bytes) -> None:
    find_ntfs_boot_code(data)


def _menu(data: bytes) -> None:
    menu = BootIni.from_bytes(data, name="x")
    assert menu.to_bytes() == data
    for each in menu.entries:
        assert menu.with_path(each, each.path) == menu
        if each.arc is not None:
            assert ArcPath.parse(str(each.arc)) == each.arc
    made = menu.with_entry("C:\\", "x", "").with_setting("default", "C:\\").with_setting("timeout", "1")
    assert (made.default, made.timeout, made.entries[0].name) == ("C:\\", "1", "x")


def _menu_seeds() -> Iterator[bytes]:
    path = b"multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS"
    yield b'[boot loader]\r\ntimeout=30\r\ndefault=%s\r\n[operating systems]\r\n%s="XP" /fastdetect\r\n' % (path, path)


_PE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 2)

TARGETS = (
    Target("boot-store", _store, _store_seeds, (InvalidInput,), largest=48 << 10),
    Target("boot-device", _device, _device_seeds, largest=1024),
    Target("boot-ini", _menu, _menu_seeds, (InvalidInput,), largest=4096),
    Target("program", _pe, lambda: (_PE + bytes(240),), largest=4096),
    Target("boot-code", _code, lambda: (own_ntfs_boot_code().data,), largest=16 << 10),
)
