r"""Making the BCD store of a medium that starts a Windows PE from memory: a disc, a stick, or a server of boot files.

What a disk's store names by a partition, this one calls ``boot``: whatever the boot manager itself was started from.
The GUIDs of the entry and of its options are those that the stores of Windows' own media have.  {bootmgr} names no
device, since a disc has no partition to name, and the options have no description: the menu would show it in the place
of the names of all entries.

Sources: stores of Windows media as published listings of bcdedit show them; the numbers of the elements in ReactOS,
``boot/environ/include/bcd.h``; ntloader (``utils/rootfs``), whose store has the same bytes for the device of the SDI.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from osdimage.imaging.boot.bcd import store as bcd
from osdimage.imaging.boot.bcd.create import made_object, settings_objects
from osdimage.imaging.boot.bcd.devices import BootDevice, DeviceElement, RamdiskDevice
from osdimage.imaging.boot.bcd.elements import Content, Id
from osdimage.imaging.boot.bcd.store import BcdObject, BcdStore
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidRequest

MEDIA_ENTRY = UUID("7619dcc9-fafe-11d9-b411-000476eba25f")
"""The entry that starts by itself."""
MEDIA_OPTIONS = UUID("7619dcc8-fafe-11d9-b411-000476eba25f")
"""The options of all RAM disks of the store."""
SDI_PATH = r"\boot\boot.sdi"
_FILE_NAMES = {Firmware.UEFI: r"\efi\microsoft\boot\bcd", Firmware.BIOS: r"\boot\bcd"}
_MEMORY_TESTS = {Firmware.UEFI: r"\efi\microsoft\boot\memtest.efi", Firmware.BIOS: r"\boot\memtest.exe"}
_LEGACY_MENU = 0
_SEVERAL_TIMEOUT_S = 30
_LARGEST_BLOCK, _LARGEST_WINDOW = 16384, 64


@dataclass(frozen=True, slots=True)
class MediaEntry:
    r"""A boot image on the medium.

    Attributes:
        description: what the menu calls it.
        wim: its path from the root of the medium, such as ``\sources\boot.wim``; its header says which image starts.
        loader: the path of the loader in it, such as ``\windows\system32\boot\winload.exe``.
        locale: the language of its messages, such as ``en-US``.
    """

    description: str
    wim: str
    loader: str
    locale: str = "en-US"

    def __post_init__(self) -> None:
        """Refuse paths that do not begin at the root."""
        for path in (self.wim, self.loader):
            if not path.startswith("\\"):
                raise InvalidRequest(f"path {path!r}: begins at the root, as \\sources\\boot.wim does")


@dataclass(frozen=True, slots=True)
class TftpOptions:
    """How the boot manager asks a TFTP server for the WIM.

    Attributes:
        block_bytes: of a packet, 512 to 16384; up to 1456 none is divided on the way in an Ethernet.
        window_blocks: how many blocks are sent before one is acknowledged, 1 to 64.
    """

    block_bytes: int = 1456
    window_blocks: int = 4

    def __post_init__(self) -> None:
        """Refuse what the boot manager does not take."""
        if not 512 <= self.block_bytes <= _LARGEST_BLOCK:
            raise InvalidRequest(f"TFTP block size {self.block_bytes}: valid are 512 to {_LARGEST_BLOCK} bytes")
        if not 1 <= self.window_blocks <= _LARGEST_WINDOW:
            raise InvalidRequest(f"TFTP window {self.window_blocks}: valid are 1 to {_LARGEST_WINDOW} blocks")


@dataclass(frozen=True, slots=True)
class MediaStoreSettings:
    """What the store of a medium is made of.

    Attributes:
        firmware: what starts the boot manager.
        entries: the boot images, in the order of the menu; the first one starts by itself.
        timeout_s: how long the menu waits, in seconds; None: not at all with one entry, else half a minute.
        locale: the language of the boot manager.
        has_memory_test: whether the medium has the program of the memory test, which the menu then offers.
        sdi: the path of the SDI file from the root of the medium.
        tftp: how the WIM is asked for; None for a medium that is no server.
    """

    firmware: Firmware
    entries: tuple[MediaEntry, ...]
    timeout_s: int | None = None
    locale: str = "en-US"
    has_memory_test: bool = False
    sdi: str = SDI_PATH
    tftp: TftpOptions | None = None

    def __post_init__(self) -> None:
        """Refuse what no boot manager could start."""
        if not self.entries:
            raise InvalidRequest("the store of a medium needs at least one boot image")
        if self.timeout_s is not None and not 0 <= self.timeout_s <= 0xFFFFFFFF:
            raise InvalidRequest(f"timeout {self.timeout_s}: valid are 0 to 4294967295 seconds")


def create_media_store(settings: MediaStoreSettings, *, now: datetime | None = None) -> BcdStore:
    """Make the store of a medium; of the same settings and time it is the same, to the byte.

    Args:
        settings: what it is about.
        now: the time of the hive; None: none.
    """
    store = BcdStore.empty(file_name=_FILE_NAMES[settings.firmware], now=now)
    guids = [MEDIA_ENTRY, *(uuid5(MEDIA_ENTRY, str(number)) for number in range(2, len(settings.entries) + 1))]
    for guid, entry in zip(guids, settings.entries, strict=True):
        store.put(_loader(guid, entry))
    store.put(_options(settings))
    store.put(_manager(settings, guids))
    if settings.has_memory_test:
        store.put(_memory_test(settings))
    for each in settings_objects():
        # Nothing is ever resumed from a medium.
        if each.guid != bcd.RESUME_SETTINGS:
            store.put(each)
    return store


def _manager(settings: MediaStoreSettings, guids: list[UUID]) -> BcdObject:
    timeout = settings.timeout_s
    if timeout is None:
        timeout = _SEVERAL_TIMEOUT_S if len(guids) > 1 else 0
    elements: dict[int, Content] = {
        Id.DESCRIPTION: "Windows Boot Manager",
        Id.LOCALE: settings.locale,
        Id.INHERIT: (bcd.GLOBAL_SETTINGS,),
        Id.DEFAULT: guids[0],
        Id.DISPLAY_ORDER: tuple(guids),
        Id.TIMEOUT: timeout,
    }
    if settings.has_memory_test:
        elements[Id.TOOLS_ORDER] = (bcd.MEMORY_TEST,)
    return made_object(bcd.BOOTMGR, bcd.MANAGER_TYPE, elements)


def _loader(guid: UUID, entry: MediaEntry) -> BcdObject:
    ramdisk = DeviceElement(RamdiskDevice(entry.wim, BootDevice()), MEDIA_OPTIONS)
    return made_object(
        guid,
        bcd.LOADER_TYPE,
        {
            Id.DEVICE: ramdisk,
            Id.PATH: entry.loader,
            Id.DESCRIPTION: entry.description,
            Id.LOCALE: entry.locale,
            Id.INHERIT: (bcd.LOADER_SETTINGS,),
            Id.OS_DEVICE: ramdisk,
            Id.FILE_PATH: r"\windows",
            Id.DETECT_HAL: True,
            Id.WINPE: True,
            Id.BOOT_MENU_POLICY: _LEGACY_MENU,
        },
    )


def _options(settings: MediaStoreSettings) -> BcdObject:
    elements: dict[int, Content] = {Id.SDI_DEVICE: DeviceElement(BootDevice()), Id.SDI_PATH: settings.sdi}
    if settings.tftp is not None:
        elements[Id.TFTP_BLOCK_SIZE] = settings.tftp.block_bytes
        elements[Id.TFTP_WINDOW_SIZE] = settings.tftp.window_blocks
    return made_object(MEDIA_OPTIONS, bcd.DEVICE_OPTIONS_TYPE, elements)


def _memory_test(settings: MediaStoreSettings) -> BcdObject:
    elements: dict[int, Content] = {
        Id.DEVICE: DeviceElement(BootDevice()),
        Id.PATH: _MEMORY_TESTS[settings.firmware],
        Id.DESCRIPTION: "Windows Memory Diagnostic",
        Id.LOCALE: settings.locale,
        Id.INHERIT: (bcd.GLOBAL_SETTINGS,),
        Id.BAD_MEMORY_ALLOWED: True,
    }
    return made_object(bcd.MEMORY_TEST, bcd.MEMORY_TEST_TYPE, elements)
