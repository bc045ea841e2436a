r"""The boot configuration data (BCD): the store that tells Windows' boot manager what to start.

A store is a registry hive: ``Objects\{guid}\Description`` has the type of an object, ``Objects\{guid}\Elements`` a
key for each element.  :class:`BcdStore` reads and changes that hive; all that a change does not touch stays in it.  New
stores come from :func:`osdimage.imaging.boot.bcd.create.create_store`.

Source: a store that Windows 10 wrote, compared element by element; "Boot Configuration Data (BCD)" and bcd.h of the
Windows SDK for the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from osdimage.imaging.boot.bcd.devices import DeviceElement, partition_of, replace_partitions
from osdimage.imaging.boot.bcd.elements import VALUE_NAME, Content, Element, braced, name_of, text_of
from osdimage.imaging.boot.bcd.partition import NO_NAMES, Names, PartitionRef
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry.beside import read_with_logs
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.hive_log import LogFile
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.security import KEY_ALL_ACCESS, descriptor
from osdimage.imaging.registry.values import Value, ValueType
from osdimage.imaging.registry.write import new_hive, write_hive

BOOTMGR = UUID("9dea862c-5cdd-4e70-acc1-f32b344d4795")
FIRMWARE_BOOTMGR = UUID("a5a30fa2-3d06-4e9f-b5f4-a01df9d1fcba")
MEMORY_TEST = UUID("b2721d73-1db4-4c62-bf78-c548a880142d")
GLOBAL_SETTINGS = UUID("7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e")
LOADER_SETTINGS = UUID("6efb52bf-1766-41db-a6b3-0ee5eff72bd7")
RESUME_SETTINGS = UUID("1afa9c49-16ab-4a5c-901b-212802da9460")
DEBUGGER_SETTINGS = UUID("4636856e-540f-4170-a130-a84776f4c654")
EMS_SETTINGS = UUID("0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9")
BAD_MEMORY = UUID("5189b25c-5558-4bf2-bca4-289b11bd29e2")
HYPERVISOR_SETTINGS = UUID("7ff607e0-4395-11db-b0de-0800200c9a66")

NAMES = {
    BOOTMGR: "bootmgr",
    FIRMWARE_BOOTMGR: "fwbootmgr",
    MEMORY_TEST: "memdiag",
    GLOBAL_SETTINGS: "globalsettings",
    LOADER_SETTINGS: "bootloadersettings",
    RESUME_SETTINGS: "resumeloadersettings",
    DEBUGGER_SETTINGS: "dbgsettings",
    EMS_SETTINGS: "emssettings",
    BAD_MEMORY: "badmemory",
    HYPERVISOR_SETTINGS: "hypervisorsettings",
}
"""What bcdedit calls the objects that every store has."""

FIRMWARE_MANAGER_TYPE = 0x10100001
MANAGER_TYPE = 0x10100002
LOADER_TYPE = 0x10200003
RESUME_TYPE = 0x10200004
MEMORY_TEST_TYPE = 0x10200005
SETTINGS_TYPE = 0x20100000
LOADER_SETTINGS_TYPE = 0x20200003
RESUME_SETTINGS_TYPE = 0x20200004
DEVICE_OPTIONS_TYPE = 0x30000000

_KINDS = {
    FIRMWARE_MANAGER_TYPE: "Firmware Boot Manager",
    MANAGER_TYPE: "Windows Boot Manager",
    LOADER_TYPE: "Windows Boot Loader",
    RESUME_TYPE: "Resume from Hibernate",
    MEMORY_TEST_TYPE: "Windows Memory Tester",
    0x10300006: "Windows Legacy OS Loader",
    0x10400008: "Real-mode Boot Sector",
    0x101FFFFF: "Firmware Application",
    SETTINGS_TYPE: "Settings",
    LOADER_SETTINGS_TYPE: "Boot Loader Settings",
    RESUME_SETTINGS_TYPE: "Resume Loader Settings",
    DEVICE_OPTIONS_TYPE: "Device options",
}

_ROOT_NAME = "NewStoreRoot"
_KEY_NAME = "BCD00000000"
_BCD_MINOR = 3
_READ_AND_WRITE_DAC = 0x60019
"""What Administrators may do with the keys of a store; the tools ask Windows for more."""


@dataclass(frozen=True, slots=True)
class BcdObject:
    """An object of a store.

    Attributes:
        guid: its GUID.
        type: its type: application, settings or device.
        elements: its elements, by their numbers.
    """

    guid: UUID
    type: int
    elements: tuple[Element, ...]

    def content(self, number: int) -> Content | None:
        """Return what an element holds, or None."""
        return next((element.content for element in self.elements if element.id == number), None)

    @property
    def kind(self) -> str:
        """What bcdedit calls the type."""
        return _KINDS.get(self.type, f"Object of type {self.type:#010x}")

    def lines(self, called: Names = NO_NAMES) -> list[str]:
        """Explain the object: a heading, and a line for each element; ``called`` has names of partitions."""
        rows = [(name_of(each.id, self.type), text_of(each.content, NAMES, called)) for each in self.elements]
        width = max((len(name) for name, _ in rows), default=0)
        return [f"{self.kind} {braced(self.guid, NAMES)}", *(f"  {name:<{width}}  {text}" for name, text in rows)]


@dataclass(frozen=True, slots=True)
class ElementReport:
    """An element for programs: its number in eight digits, its name, what it holds in words, and the value's bytes."""

    id: str
    name: str
    text: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """An object for programs.

    Attributes:
        guid: its GUID.
        name: what bcdedit calls it, or None.
        type: its type in eight digits.
        kind: the type in words.
        elements: its elements.
    """

    guid: UUID
    name: str | None
    type: str
    kind: str
    elements: tuple[ElementReport, ...]


@dataclass(frozen=True, slots=True)
class BcdReport:
    """A store for programs."""

    objects: tuple[ObjectReport, ...]
    partitions: tuple[PartitionRef, ...]
    warnings: tuple[str, ...]


class BcdStore:
    """A BCD store.

    Attributes:
        hive: the hive that it is.
    """

    __slots__ = ("_objects", "hive")

    def __init__(self, hive: Hive, name: str = "BCD store") -> None:
        objects = hive.root.find("Objects")
        if objects is None:
            raise InvalidInput(f"{name}: a registry hive, but not a BCD store: it has no key Objects")
        self.hive: Hive = hive
        self._objects = objects

    @classmethod
    def parse(
        cls, data: bytes, *, name: str = "BCD store", logs: Callable[[], Sequence[LogFile]] | None = None
    ) -> BcdStore:
        """Read a store.

        Args:
            data: the whole file.
            name: what messages call it.
            logs: returns its logs, for a store that Windows did not close: the boot manager reads them, too.  None
                leaves them alone.

        Raises:
            InvalidInput: when it is not a hive, is damaged, or is not a store.
        """
        return cls(read_hive(data, name=name) if logs is None else read_with_logs(data, logs, name=name), name)

    @classmethod
    def empty(cls, *, file_name: str = "", now: datetime | None = None) -> BcdStore:
        """Make a store without objects, marked as the one of the system."""
        hive = new_hive(_ROOT_NAME, file_name=file_name, minor=_BCD_MINOR, security=descriptor(KEY_ALL_ACCESS), now=now)
        below = descriptor(_READ_AND_WRITE_DAC)
        about = hive.root.ensure("Description")
        about.set(Value.string("KeyName", _KEY_NAME))
        about.set(Value.dword("System", 1))
        about.set(Value.dword("TreatAsSystem", 1))
        hive.root.ensure("Objects").security = about.security = below
        return cls(hive)

    def to_bytes(self, *, now: datetime | None = None, force: bool = False) -> bytes:
        """Return the file; see :func:`~osdimage.imaging.registry.write.write_hive`."""
        return write_hive(self.hive, now=now, force=force)

    # ---- reading

    @property
    def objects(self) -> tuple[BcdObject, ...]:
        """The objects, by their GUIDs.  Keys that are not named by a GUID, or have no type, are left out."""
        found = (_read_object(key) for key in self._objects.subkeys)
        return tuple(each for each in found if each is not None)

    def object(self, guid: UUID) -> BcdObject | None:
        """Return an object, or None."""
        key = self._objects.child(f"{{{guid}}}")
        return _read_object(key) if key is not None else None

    @property
    def loaders(self) -> tuple[BcdObject, ...]:
        """The entries that start Windows, those of the recovery environment too."""
        return tuple(each for each in self.objects if each.type == LOADER_TYPE)

    @property
    def partitions(self) -> tuple[PartitionRef, ...]:
        """The partitions that the store names, each once."""
        devices = [each.content.device for each in self._elements() if isinstance(each.content, DeviceElement)]
        found = [partition_of(device) for device in devices]
        return tuple(dict.fromkeys(each for each in found if each is not None))

    def lines(self, called: Names = NO_NAMES) -> list[str]:
        """Explain the store to people: the boot manager first, then what it starts, then the settings.

        Args:
            called: what to call partitions; others are called by the identities that the store has.
        """
        text: list[str] = []
        for each in sorted(
            self.objects, key=lambda one: (one.type not in {FIRMWARE_MANAGER_TYPE, MANAGER_TYPE}, one.type)
        ):
            text += [*([""] if text else []), *each.lines(called)]
        return text

    def report(self) -> BcdReport:
        """Explain the store to programs."""
        return BcdReport(tuple(_report(each) for each in self.objects), self.partitions, self.hive.warnings)

    def _elements(self) -> Iterable[Element]:
        for each in self.objects:
            yield from each.elements

    # ---- changing

    def put(self, wanted: BcdObject) -> None:
        """Add an object, or replace one with all its elements.

        Raises:
            InvalidRequest: when the content of an element does not fit its format.
        """
        values = {element.key_name: element.to_value() for element in wanted.elements}
        self.remove(wanted.guid)
        key = self._objects.ensure(f"{{{wanted.guid}}}")
        key.ensure("Description").set(Value.dword("Type", wanted.type))
        elements = key.ensure("Elements")
        for name, value in values.items():
            elements.ensure(name).set(value)

    def remove(self, guid: UUID) -> bool:
        """Remove an object; return whether it was there.  What points to it stays."""
        return self._objects.remove_child(f"{{{guid}}}")

    def set_element(self, guid: UUID, element: Element) -> None:
        """Add an element to an object, or replace it.

        Raises:
            InvalidRequest: when there is no such object, or the content does not fit the format.
        """
        value = element.to_value()
        key = self._objects.child(f"{{{guid}}}")
        if key is None:
            raise InvalidRequest(f"the store has no object {braced(guid, NAMES)}")
        key.ensure("Elements").ensure(element.key_name).set(value)

    def remove_element(self, guid: UUID, number: int) -> bool:
        """Remove an element of an object; return whether it was there."""
        key = self._objects.child(f"{{{guid}}}")
        return key is not None and key.delete_key(f"Elements\\{number:08x}")

    def rebind(self, changes: Mapping[PartitionRef, PartitionRef]) -> int:
        """Make the store name other partitions, such as those of a clone; return how many elements changed.

        Everything else stays: names, orders, options, and partitions that are not a key of ``changes``.
        """
        wanted = dict(changes)
        count = 0
        for each in self.objects:
            for element in each.elements:
                if not isinstance(element.content, DeviceElement):
                    continue
                device = replace_partitions(element.content.device, wanted)
                if device != element.content.device:
                    self.set_element(each.guid, Element(element.id, DeviceElement(device, element.content.options)))
                    count += 1
        return count


def read_store(data: bytes, *, name: str = "BCD store") -> BcdStore:
    """Read a store; see :meth:`BcdStore.parse`."""
    return BcdStore.parse(data, name=name)


def _read_object(key: Key) -> BcdObject | None:
    about = key.find("Description")
    kind = about.value("Type") if about is not None else None
    try:
        guid = UUID(key.name)
    except ValueError:
        return None
    if kind is None or kind.type != ValueType.DWORD or len(kind.data) != 4:
        return None
    below = key.find("Elements")
    found = [_read_element(each) for each in below.subkeys] if below is not None else []
    return BcdObject(guid, kind.as_integer(), tuple(each for each in found if each is not None))


def _read_element(key: Key) -> Element | None:
    value = key.value(VALUE_NAME)
    try:
        number = int(key.name, 16)
    except ValueError:
        return None
    return Element.of_value(number, value) if value is not None and 0 <= number < 1 << 32 else None


def _report(each: BcdObject) -> ObjectReport:
    elements = tuple(
        ElementReport(one.key_name, name_of(one.id, each.type), text_of(one.content, NAMES), one.to_value().data)
        for one in each.elements
    )
    return ObjectReport(each.guid, NAMES.get(each.guid), f"{each.type:08x}", each.kind, elements)
