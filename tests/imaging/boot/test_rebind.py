"""Which partition is which on a disk that was made again, and which entries of its store can never start.

Stores are made by what makes them for disks; what became of them is read with dissect.regf.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from cases.installs import BCD_NAMES, BOOTMGR, store_of
from cases.windows_trees import body, pe, write_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from judges.disk import copy_of
from osdimage.imaging.boot.bcd.create import BcdSettings, OsEntry, RecoveryEntry, create_store
from osdimage.imaging.boot.bcd.devices import (
    BootDevice,
    Device,
    DeviceElement,
    FileDevice,
    LocateDevice,
    PartitionDevice,
    VirtualDiskDevice,
)
from osdimage.imaging.boot.bcd.elements import Element, Id
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BOOTMGR as MANAGER
from osdimage.imaging.boot.bcd.store import BcdObject, BcdStore
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.rebind import Rebinding, RebindWish, rebind, refs_of
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes

pytestmark = pytest.mark.foreign

OLD_DISK, THIRD_DISK = UUID(int=1), UUID(int=3)
ESP, ONE, TWO, RECOVERY, DATA = (PartitionRef.gpt(OLD_DISK, UUID(int=0x10 + number)) for number in range(1, 6))
ELSEWHERE = PartitionRef.gpt(THIRD_DISK, UUID(int=0x30))
APPLICATION = UUID(int=0xF1)
CHAIN = 0x101FFFFF
WINDOWS = {"Windows/System32/winload.efi": pe(0x8664)}


def spec(role: Role) -> PartitionSpec:
    return PartitionSpec(role, FixedSize(Bytes(40 * MIB)), filesystem=FileSystem.FAT32)


LAYOUT = DiskLayout(Scheme.GPT, (spec(Role.EFI), *(spec(Role.PRIMARY) for _ in range(4))), add_reserved=False)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a disk with an ESP, two Windows, a recovery environment and data."""
    folder = tmp_path_factory.mktemp("rebind")
    trees = {
        1: {"EFI/ubuntu/shimx64.efi": b"MZ"},
        2: WINDOWS,
        3: WINDOWS,
        4: {f"Recovery/WindowsRE/{name}": body(name) for name in ("Winre.wim", "boot.sdi")},
        5: {"vm/windows.vhdx": b"vhdxfile"},
    }
    sources = {number: write_tree(folder / str(number), files) for number, files in trees.items()}
    make_disk(folder / "disk", 256 * MIB, LAYOUT, sources)
    return folder / "disk"


def made(*entries: OsEntry) -> BcdStore:
    return create_store(BcdSettings(Firmware.UEFI, ESP, entries, timeout_s=7), random.Random(1))


def done(
    disk: Path,
    store: BcdStore,
    *,
    windows: int | None = None,
    asked: bool = False,
    known: dict[PartitionRef, int] | None = None,
    prune: bool = False,
) -> Rebinding:
    with open_disk(disk) as opened:
        numbers = {each.number: each for each in opened.table.partitions}
        place = None if windows is None else numbers[windows]
        wish = RebindWish(numbers[1], place, asked, known or {}, prune=prune)
        return rebind(opened, opened.table, store, wish)


def read(store: BcdStore, folder: Path) -> dict[str, dict[str, object]]:
    return store_of(store.to_bytes(), folder / "BCD")  # type: ignore[return-value]


def menu(store: BcdStore, folder: Path) -> list[object]:
    """Return the names of the entries in the menu; none may be missing from the store."""
    objects = read(store, folder)
    listed = objects[BOOTMGR].get("24000001", [])
    return [objects[str(each)]["12000004"] for each in (listed if isinstance(listed, list) else [listed])]


def moved(result: Rebinding) -> dict[PartitionRef, int]:
    return {ref: each.number for ref, each in result.moved.items()}


def test_two_windows_go_where_it_is_known_that_they_are(disk: Path, tmp_path: Path) -> None:
    store = made(OsEntry(ONE, "First"), OsEntry(TWO, "Second"))
    result = done(disk, store, known={ESP: 1, ONE: 3, TWO: 2})
    assert moved(result) == {ESP: 1, ONE: 3, TWO: 2}
    assert (result.removed, result.unbound, result.foreign) == ((), (), ())
    assert menu(store, tmp_path) == ["First", "Second"]
    assert read(store, tmp_path)[BOOTMGR]["25000004"] == (7).to_bytes(8, "little")


def test_of_two_windows_the_one_that_was_not_restored_goes_with_what_it_resumes(disk: Path, tmp_path: Path) -> None:
    # The default one is gone: the other starts by itself, and the boot manager resumes what that one does.
    store = made(OsEntry(ONE, "First", recovery=RecoveryEntry(RECOVERY)), OsEntry(TWO, "Second"))
    result = done(disk, store, known={ESP: 1, ONE: 5, TWO: 2, RECOVERY: 4})
    assert result.removed == ("First",)
    objects = read(store, tmp_path)
    assert menu(store, tmp_path) == ["Second"]
    default = str(objects[BOOTMGR]["23000003"])
    resumed = str(objects[default]["23000003"])
    assert objects[BOOTMGR]["23000006"] == resumed
    assert set(objects) == BCD_NAMES | {default, resumed}


def test_two_windows_that_nobody_tells_apart_stay_until_one_is_named(disk: Path, tmp_path: Path) -> None:
    store = made(OsEntry(ONE, "First"), OsEntry(TWO, "Second"))
    result = done(disk, store)
    assert (moved(result), set(result.unbound)) == ({ESP: 1}, {ONE, TWO})
    assert menu(store, tmp_path) == ["First", "Second"]
    store = made(OsEntry(ONE, "First"), OsEntry(TWO, "Second"))
    assert moved(done(disk, store, windows=3)) == {ESP: 1, ONE: 3, TWO: 2}


def test_what_only_one_partition_can_be_is_that(disk: Path, tmp_path: Path) -> None:
    store = made(OsEntry(ONE, "First", recovery=RecoveryEntry(RECOVERY)))
    place = VirtualDiskDevice(FileDevice(r"\vm\windows.vhdx", PartitionDevice(DATA)))
    put_application(store, place, path=r"\windows\system32\winload.efi")
    result = done(disk, store, windows=2)
    assert moved(result) == {ESP: 1, ONE: 2, RECOVERY: 4, DATA: 5}
    assert result.removed == ()
    assert menu(store, tmp_path) == ["First", "Application"]


def put_application(store: BcdStore, device: Device, *, kind: int = 0x10200003, path: str) -> None:
    """Add an entry at the end of the menu."""
    entry = BcdObject(
        APPLICATION,
        kind,
        (
            Element(Id.DEVICE, DeviceElement(device)),
            Element(Id.PATH, path),
            Element(Id.DESCRIPTION, "Application"),
        ),
    )
    store.put(entry)
    manager = store.object(MANAGER)
    assert manager is not None
    order = manager.content(Id.DISPLAY_ORDER)
    assert isinstance(order, tuple)
    store.set_element(MANAGER, Element(Id.DISPLAY_ORDER, (*order, APPLICATION)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "stays"),
    [
        pytest.param((PartitionDevice(ESP), CHAIN, r"\EFI\ubuntu\shimx64.efi"), True, id="linux-on-the-esp"),
        pytest.param((PartitionDevice(ESP), CHAIN, r"\EFI\fedora\shimx64.efi"), False, id="linux-that-is-gone"),
        pytest.param((PartitionDevice(TWO), 0x10400008, r"\linux.bin"), False, id="boot-sector-that-is-gone"),
        pytest.param((FileDevice(r"\vm\windows.vhdx", PartitionDevice(DATA)), 0x10200003, r"\x"), True, id="file"),
        pytest.param((FileDevice(r"\vm\none.vhdx", PartitionDevice(DATA)), 0x10200003, r"\x"), False, id="no-file"),
        pytest.param((PartitionDevice(ELSEWHERE), 0x10200003, r"\Windows\x.efi"), True, id="third-disk"),
        pytest.param((BootDevice(), 0x10200003, r"\EFI\tool.efi"), True, id="boot-device"),
        pytest.param((LocateDevice(0, Id.PATH, "", None), 0x10200003, r"\Windows\x.efi"), True, id="locate"),
    ],
)
def test_an_entry_stays_as_long_as_what_it_starts_may_be_there(
    disk: Path, tmp_path: Path, entry: tuple[Device, int, str], stays: bool
) -> None:
    device, kind, path = entry
    store = made(OsEntry(ONE, "First"))
    put_application(store, device, kind=kind, path=path)
    result = done(disk, store, windows=2)
    assert menu(store, tmp_path) == ["First", "Application"][: 1 + stays]
    assert result.removed == (() if stays else ("Application",))
    assert (str(ELSEWHERE) in map(str, result.foreign)) is (device == PartitionDevice(ELSEWHERE))


def test_entries_of_a_third_disk_go_when_it_is_asked_for(disk: Path, tmp_path: Path) -> None:
    store = made(OsEntry(ONE, "First"), OsEntry(ELSEWHERE, "Other"))
    result = done(disk, store, windows=2, prune=True)
    assert (result.removed, result.foreign) == (("Other",), ())
    assert menu(store, tmp_path) == ["First"]


def test_a_store_whose_boot_manager_names_no_partition_is_that_of_its_default_entry(disk: Path, tmp_path: Path) -> None:
    store = made(OsEntry(ONE, "First"), OsEntry(TWO, "Second"))
    store.set_element(MANAGER, Element(Id.DEVICE, DeviceElement(BootDevice())))
    assert moved(done(disk, store, windows=2)) == {ONE: 2, TWO: 3}
    assert menu(store, tmp_path) == ["First", "Second"]


def test_a_windows_behind_bitlocker_is_not_taken_for_gone(disk: Path, tmp_path: Path) -> None:
    locked = copy_of(disk, tmp_path / "locked")
    with open_disk(locked) as opened:
        at = opened.table.partitions[1].extent.first * 512
    with locked.open("r+b") as file:
        file.seek(at)
        # libyal, "BitLocker Drive Encryption (BDE) format": the boot entry point and the signature.
        file.write(b"\xeb\x58\x90-FVE-FS-".ljust(510, b"\0") + b"\x55\xaa")
    store = made(replace(OsEntry(ONE, "First"), windows=r"\WINNT"))
    result = done(locked, store)
    assert (result.removed, result.unbound) == ((), (ONE,))
    assert menu(store, tmp_path) == ["First"]


def test_a_default_entry_of_another_disk_is_left_there_unless_somebody_says_that_it_is_here(disk: Path) -> None:
    with open_disk(disk) as opened:
        here = PartitionRef.of(opened.table, opened.table.partitions[0])
    for asked, expected in ((False, {}), (True, {ELSEWHERE: 2})):
        store = create_store(BcdSettings(Firmware.UEFI, here, (OsEntry(ELSEWHERE),)), random.Random(1))
        result = done(disk, store, windows=2, asked=asked)
        assert (moved(result), result.foreign) == (expected, () if asked else (ELSEWHERE,))


REFS = st.sampled_from([ESP, ONE, TWO, RECOVERY, DATA, ELSEWHERE])
DEVICES = st.one_of(
    st.just(BootDevice()),
    REFS.map(PartitionDevice),
    st.tuples(st.sampled_from(["\\vm\\windows.vhdx", "\\..\\x", "a:b", "\0"]), REFS).map(
        lambda each: FileDevice(each[0], PartitionDevice(each[1]))
    ),
)
KINDS = st.sampled_from([0x10200003, 0x10200004, 0x10400008, CHAIN, 0x30000000])
GUIDS = st.sampled_from([UUID(int=0xF00 + number) for number in range(5)])


@given(
    st.dictionaries(GUIDS, st.tuples(KINDS, DEVICES, GUIDS, st.lists(GUIDS, max_size=2)), max_size=5),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=10)
def test_no_store_is_left_with_a_menu_of_what_is_not_there(
    disk: Path, objects: dict[UUID, tuple[int, Device, UUID, list[UUID]]], prune: bool, anew: bool
) -> None:
    store = made(OsEntry(ONE, "First"))
    for guid, (kind, device, resumes, recovers) in objects.items():
        elements = (
            Element(Id.DEVICE, DeviceElement(device, resumes)),
            Element(Id.DEFAULT, resumes),
            Element(Id.RECOVERY_SEQUENCE, tuple(recovers)),
        )
        store.put(BcdObject(guid, kind, elements))
    manager = store.object(MANAGER)
    assert manager is not None
    order = manager.content(Id.DISPLAY_ORDER)
    assert isinstance(order, tuple)
    store.set_element(MANAGER, Element(Id.DISPLAY_ORDER, (*objects, *order)))  # type: ignore[arg-type]
    with open_disk(disk) as opened:
        wish = RebindWish(opened.table.partitions[0], opened.table.partitions[1], prune=prune, is_added_anew=anew)
        result = rebind(opened, opened.table, store, wish)
        here = {PartitionRef.of(opened.table, each) for each in opened.table.partitions}
    present = {each.guid for each in store.objects}
    manager = store.object(MANAGER)
    assert manager is not None
    assert set(manager.content(Id.DISPLAY_ORDER)) <= present  # type: ignore[arg-type]
    assert manager.content(Id.DEFAULT) in present
    assert set(store.partitions) <= here | set(result.unbound) | set(result.foreign)
    assert not (prune and {ref for each in store.loaders for ref in refs_of(each)} & {ELSEWHERE})
    assert BcdStore.parse(store.to_bytes()).partitions == store.partitions


def test_an_entry_of_another_mbr_disk_is_not_bound_for_the_place_that_it_names(tmp_path: Path) -> None:
    layout = DiskLayout(Scheme.MBR, (replace(spec(Role.PRIMARY), active=True), spec(Role.PRIMARY)))
    trees = {2: write_tree(tmp_path / "tree", {"Windows/System32/winload.exe": pe(0x8664)})}
    make_disk(tmp_path / "disk", 128 * MIB, layout, trees)
    with open_disk(tmp_path / "disk") as opened:
        begins = [each.extent.first * 512 for each in opened.table.partitions]
    old, third = ([PartitionRef.mbr(signature, begin) for begin in begins] for signature in (0x11111111, 0x33333333))
    entries = (OsEntry(old[1], "Here"), OsEntry(third[1], "Elsewhere"))
    store = create_store(BcdSettings(Firmware.BIOS, old[0], entries), random.Random(1))
    result = done(tmp_path / "disk", store)
    assert (moved(result), result.foreign) == ({old[0]: 1, old[1]: 2}, (third[1],))
