"""Making a BCD store for a disk: the objects and elements that bcdboot writes.

The tables are those of a store that Windows 10 wrote for UEFI; what BIOS and Windows 7 have otherwise is from what
BCD-SYS (github.com/jpz4085/BCD-SYS) writes for them.  ``{fwbootmgr}`` is never written: Windows makes it from the
variables of the firmware.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from osdimage.imaging.boot.bcd import store as bcd
from osdimage.imaging.boot.bcd.devices import DeviceElement, PartitionDevice, RamdiskDevice, plain
from osdimage.imaging.boot.bcd.elements import Content, Element, Id
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BcdObject, BcdStore
from osdimage.imaging.boot.firmware import Firmware, Generation
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.randomness import RandomBits, random_guid

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class RecoveryEntry:
    """The recovery environment of an installation.

    Attributes:
        partition: where it is.
        wim: its WIM, from the root of that partition.
        sdi: the SDI file beside it.
    """

    partition: PartitionRef
    wim: str = r"\Recovery\WindowsRE\Winre.wim"
    sdi: str = r"\Recovery\WindowsRE\boot.sdi"


@dataclass(frozen=True, slots=True)
class OsEntry:
    """An installation of Windows that can be started.

    Attributes:
        partition: where it is.
        description: what the menu calls it.
        windows: its folder, from the root of the partition.
        generation: its version.
        locale: the language of its messages, such as ``en-US``.
        recovery: its recovery environment, or None.
    """

    partition: PartitionRef
    description: str = "Windows"
    windows: str = r"\Windows"
    generation: Generation = Generation.WINDOWS_10
    locale: str = "en-US"
    recovery: RecoveryEntry | None = None


@dataclass(frozen=True, slots=True)
class BcdSettings:
    """What a new store is made of.

    Attributes:
        firmware: what starts the boot manager.
        system: the partition with the boot manager: the ESP, or the active partition.
        entries: the installations, in the order of the menu; the first one is the default.
        timeout_s: how long the menu waits, in seconds.
        locale: the language of the boot manager; None: that of the first entry.
    """

    firmware: Firmware
    system: PartitionRef
    entries: tuple[OsEntry, ...]
    timeout_s: int = 30
    locale: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no boot manager could start."""
        if not self.entries:
            raise InvalidRequest("a boot store needs at least one installation of Windows")
        if not 0 <= self.timeout_s <= 0xFFFFFFFF:
            raise InvalidRequest(f"timeout {self.timeout_s}: valid are 0 to 4294967295 seconds")
        for entry in self.entries:
            if not entry.windows.startswith("\\"):
                raise InvalidRequest(f"folder {entry.windows!r}: begins at the root of its partition, as in \\Windows")

    @property
    def is_uefi(self) -> bool:
        """Tell whether the firmware is UEFI."""
        return self.firmware is Firmware.UEFI


_FILE_NAMES = {Firmware.UEFI: r"\EFI\Microsoft\Boot\BCD", Firmware.BIOS: r"\Boot\BCD"}
_ISOLATED_SETTING = 0x15000075
_DEBUG_LOCAL = 4
_RECOVERY_MESSAGE = 3

# Objects of an image's BCD-Template that installations are copies of (bcd.h: GUID_WINDOWS_*_TARGET_TEMPLATE_*).
_OS_TEMPLATES = {
    Firmware.UEFI: UUID("b012b84d-c47c-4ed5-b722-c0c42163e569"),
    Firmware.BIOS: UUID("a1943bbc-ea85-487c-97c7-c9ede908a38a"),
}
_RESUME_TEMPLATES = {
    Firmware.UEFI: UUID("0c334284-9a41-4de1-99b3-a7e87e8ff07e"),
    Firmware.BIOS: UUID("98b02a23-0674-4ce7-bdad-e0a15a8ff97b"),
}
# What a template cannot know, or what settings say; all its other elements win over ours.
_BOUND = frozenset(
    {
        Id.DEVICE,
        Id.PATH,
        Id.LOCALE,
        Id.INHERIT,
        Id.RECOVERY_SEQUENCE,
        Id.RECOVERY_ENABLED,
        Id.OS_DEVICE,
        Id.FILE_PATH,
        Id.DEFAULT,
        Id.RESUME_OF_MANAGER,
        Id.DISPLAY_ORDER,
        Id.TOOLS_ORDER,
        Id.TIMEOUT,
        Id.SDI_DEVICE,
        Id.SDI_PATH,
    }
)


def create_store(
    settings: BcdSettings, rng: RandomBits, *, template: bytes | None = None, now: datetime | None = None
) -> BcdStore:
    r"""Make the store for a disk.

    Args:
        settings: what it is about.
        rng: where the GUIDs of the installations come from.
        template: the bytes of the image's own ``\Windows\System32\config\BCD-Template``.  Elements that it has beyond,
            or other than, ours are taken over, except those that name devices, paths, languages and other objects.
        now: the time of the hive.

    Raises:
        InvalidRequest: when a setting cannot be.
        InvalidInput: when the template is not a store.
    """
    source = BcdStore.parse(template, name="BCD-Template") if template is not None else None
    store = BcdStore.empty(file_name=_FILE_NAMES[settings.firmware], now=now)
    loaders: list[UUID] = []
    resumes: list[UUID] = []
    for entry in settings.entries:
        loader, resume = random_guid(rng), random_guid(rng)
        loaders.append(loader)
        resumes.append(resume)
        recovery = (random_guid(rng), random_guid(rng)) if entry.recovery is not None else None
        made = _loader(settings, entry, loader, resume, recovery)
        store.put(_merge(made, source, _OS_TEMPLATES[settings.firmware], keep=frozenset({Id.DESCRIPTION})))
        store.put(_merge(_resume(settings, entry, resume, recovery), source, _RESUME_TEMPLATES[settings.firmware]))
        if entry.recovery is not None and recovery is not None:
            for each in _recovery(settings, entry, entry.recovery, *recovery):
                store.put(each)
    for each in [_manager(settings, loaders, resumes[0]), _memory_test(settings), *settings_objects()]:
        store.put(_merge(each, source, each.guid))
    return store


def made_object(guid: UUID, kind: int, elements: Mapping[int, Content]) -> BcdObject:
    """Return an object with its elements in the order of their numbers."""
    return BcdObject(guid, kind, tuple(Element(int(number), elements[number]) for number in sorted(elements)))


def _merge(made: BcdObject, source: BcdStore | None, guid: UUID, *, keep: Iterable[int] = ()) -> BcdObject:
    """Return an object with the elements of the template's one that do not name what only we know."""
    found = source.object(guid) if source is not None else None
    if found is None:
        return made
    ours = {element.id: element.content for element in made.elements}
    fixed = _BOUND.union(keep)
    theirs = {element.id: element.content for element in found.elements if element.id not in fixed}
    return made_object(made.guid, made.type, {**ours, **theirs})


def _manager(settings: BcdSettings, loaders: list[UUID], resume: UUID) -> BcdObject:
    elements: dict[int, Content] = {
        Id.DEVICE: plain(settings.system),
        Id.DESCRIPTION: "Windows Boot Manager",
        Id.LOCALE: settings.locale or settings.entries[0].locale,
        Id.INHERIT: (bcd.GLOBAL_SETTINGS,),
        Id.DEFAULT: loaders[0],
        Id.RESUME_OF_MANAGER: resume,
        Id.DISPLAY_ORDER: tuple(loaders),
        Id.TOOLS_ORDER: (bcd.MEMORY_TEST,),
        Id.TIMEOUT: settings.timeout_s,
    }
    if settings.is_uefi:
        elements[Id.PATH] = r"\EFI\Microsoft\Boot\bootmgfw.efi"
    return made_object(bcd.BOOTMGR, bcd.MANAGER_TYPE, elements)


def _loader(
    settings: BcdSettings, entry: OsEntry, guid: UUID, resume: UUID, recovery: tuple[UUID, UUID] | None
) -> BcdObject:
    device = plain(entry.partition)
    elements: dict[int, Content] = {
        Id.DEVICE: device,
        Id.PATH: _program(settings, entry, "winload"),
        Id.DESCRIPTION: entry.description,
        Id.LOCALE: entry.locale,
        Id.INHERIT: (bcd.LOADER_SETTINGS,),
        Id.OS_DEVICE: device,
        Id.FILE_PATH: entry.windows,
        Id.DEFAULT: resume,
        Id.NX: 0,
        **_since_8(settings, entry),
        **_recovers(recovery),
    }
    if entry.generation is not Generation.WINDOWS_7:
        elements[Id.BOOT_MENU_POLICY] = 1
    return made_object(guid, bcd.LOADER_TYPE, elements)


def _resume(settings: BcdSettings, entry: OsEntry, guid: UUID, recovery: tuple[UUID, UUID] | None) -> BcdObject:
    device = plain(entry.partition)
    elements: dict[int, Content] = {
        Id.DEVICE: device,
        Id.PATH: _program(settings, entry, "winresume"),
        Id.DESCRIPTION: "Windows Resume Application",
        Id.LOCALE: entry.locale,
        Id.INHERIT: (bcd.RESUME_SETTINGS,),
        Id.FILE_PATH: r"\hiberfil.sys",
        Id.DEBUG_OPTION: False,
        **_since_8(settings, entry),
        **_recovers(recovery),
    }
    if entry.generation is not Generation.WINDOWS_7:
        elements[Id.OS_DEVICE] = device
        elements[Id.RESUME_EXIT] = 1
    return made_object(guid, bcd.RESUME_TYPE, elements)


def _program(settings: BcdSettings, entry: OsEntry, name: str) -> str:
    return rf"{entry.windows}\system32\{name}.{'efi' if settings.is_uefi else 'exe'}"


def _since_8(settings: BcdSettings, entry: OsEntry) -> dict[int, Content]:
    if entry.generation is Generation.WINDOWS_7:
        return {}
    allowed: dict[int, Content] = {Id.ALLOWED_SETTINGS: (_ISOLATED_SETTING,)}
    return {**allowed, Id.ISOLATED_CONTEXT: True} if settings.is_uefi else allowed


def _recovers(recovery: tuple[UUID, UUID] | None) -> dict[int, Content]:
    return {Id.RECOVERY_SEQUENCE: (recovery[0],), Id.RECOVERY_ENABLED: True} if recovery is not None else {}


def _recovery(
    settings: BcdSettings, entry: OsEntry, wanted: RecoveryEntry, guid: UUID, options: UUID
) -> tuple[BcdObject, BcdObject]:
    """Return the loader of the recovery environment, and the options of the ramdisk that it starts from."""
    where = PartitionDevice(wanted.partition)
    ramdisk = DeviceElement(RamdiskDevice(wanted.wim, where), options)
    suffix = "efi" if settings.is_uefi else "exe"
    elements: dict[int, Content] = {
        Id.DEVICE: ramdisk,
        Id.PATH: rf"\windows\system32\winload.{suffix}",
        Id.DESCRIPTION: "Windows Recovery Environment",
        Id.LOCALE: entry.locale,
        Id.INHERIT: (bcd.LOADER_SETTINGS,),
        Id.DISPLAY_MESSAGE: _RECOVERY_MESSAGE,
        Id.OS_DEVICE: ramdisk,
        Id.FILE_PATH: r"\windows",
        Id.NX: 0,
        Id.WINPE: True,
        Id.CUSTOM_RECOVERY: True,
    }
    if entry.generation is not Generation.WINDOWS_7:
        elements[Id.BOOT_MENU_POLICY] = 1
    about: dict[int, Content] = {
        Id.DESCRIPTION: "Windows Recovery",
        Id.SDI_DEVICE: DeviceElement(where),
        Id.SDI_PATH: wanted.sdi,
    }
    return made_object(guid, bcd.LOADER_TYPE, elements), made_object(options, bcd.DEVICE_OPTIONS_TYPE, about)


def _memory_test(settings: BcdSettings) -> BcdObject:
    elements: dict[int, Content] = {
        Id.DEVICE: plain(settings.system),
        Id.PATH: r"\EFI\Microsoft\Boot\memtest.efi" if settings.is_uefi else r"\boot\memtest.exe",
        Id.DESCRIPTION: "Windows Memory Diagnostic",
        Id.LOCALE: settings.locale or settings.entries[0].locale,
        Id.INHERIT: (bcd.GLOBAL_SETTINGS,),
        Id.BAD_MEMORY_ALLOWED: True,
    }
    return made_object(bcd.MEMORY_TEST, bcd.MEMORY_TEST_TYPE, elements)


def settings_objects() -> list[BcdObject]:
    """Return the settings that others inherit."""
    hypervisor: dict[int, Content] = {
        Id.HYPERVISOR_DEBUG_TYPE: 0,
        Id.HYPERVISOR_DEBUG_PORT: 1,
        Id.HYPERVISOR_BAUD_RATE: 115200,
    }
    shared = (bcd.DEBUGGER_SETTINGS, bcd.EMS_SETTINGS, bcd.BAD_MEMORY)
    return [
        made_object(bcd.GLOBAL_SETTINGS, bcd.SETTINGS_TYPE, {Id.INHERIT: shared}),
        made_object(
            bcd.LOADER_SETTINGS,
            bcd.LOADER_SETTINGS_TYPE,
            {Id.INHERIT: (bcd.GLOBAL_SETTINGS, bcd.HYPERVISOR_SETTINGS)},
        ),
        made_object(bcd.RESUME_SETTINGS, bcd.RESUME_SETTINGS_TYPE, {Id.INHERIT: (bcd.GLOBAL_SETTINGS,)}),
        made_object(bcd.DEBUGGER_SETTINGS, bcd.SETTINGS_TYPE, {Id.DEBUG_TYPE: _DEBUG_LOCAL}),
        made_object(bcd.EMS_SETTINGS, bcd.SETTINGS_TYPE, {Id.EMS_ENABLED: False}),
        made_object(bcd.BAD_MEMORY, bcd.SETTINGS_TYPE, {}),
        made_object(bcd.HYPERVISOR_SETTINGS, bcd.LOADER_SETTINGS_TYPE, hypervisor),
    ]
