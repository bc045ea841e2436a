"""BCD stores: the objects and elements that bcdboot writes, as readers of others see them."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from uuid import UUID

import pytest
from judges import hive as hive_judges
from osdimage.imaging import Geometry, Preset, place, preset_layout
from osdimage.imaging.boot.bcd import store as bcd
from osdimage.imaging.boot.bcd.create import BcdSettings, OsEntry, RecoveryEntry, create_store
from osdimage.imaging.boot.bcd.devices import DeviceElement, RawDevice, partition_of, plain
from osdimage.imaging.boot.bcd.elements import Element, Id, name_of
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BOOTMGR, GLOBAL_SETTINGS, MEMORY_TEST, BcdObject, BcdStore, read_store
from osdimage.imaging.boot.firmware import Firmware, Generation
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive

DISK = UUID("11111111-2222-4333-8444-555555555555")
ESP, WINDOWS, RECOVERY = (UUID(int=DISK.int + number) for number in (1, 2, 3))
UEFI = BcdSettings(
    Firmware.UEFI,
    PartitionRef.gpt(DISK, ESP),
    (OsEntry(PartitionRef.gpt(DISK, WINDOWS), "Windows 11", locale="de-DE"),),
)
BIOS = BcdSettings(
    Firmware.BIOS,
    PartitionRef.mbr(0x12345678, 1 << 20),
    (OsEntry(PartitionRef.mbr(0x12345678, 101 << 20), "Windows 11", locale="de-DE"),),
)

# The store of a UEFI disk that Windows 10 wrote, and what bcdboot leaves out on BIOS.  Strings, GUIDs in braces, bytes
# in hexadecimal; SYSTEM, OS, LOADER and RESUME stand for what is another on every disk; "u" is for UEFI only, "8" for
# Windows 8 and later.
TABLE = """
{9dea862c-5cdd-4e70-acc1-f32b344d4795} 10100002
  11000001 SYSTEM
u 12000002 \\EFI\\Microsoft\\Boot\\bootmgfw.efi
  12000004 Windows Boot Manager
  12000005 de-DE
  14000006 [{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}]
  23000003 LOADER
  23000006 RESUME
  24000001 [LOADER]
  24000010 [{b2721d73-1db4-4c62-bf78-c548a880142d}]
  25000004 hex 1e00000000000000
LOADER 10200003
  11000001 OS
  12000002 \\Windows\\system32\\winload.EXT
  12000004 Windows 11
  12000005 de-DE
  14000006 [{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}]
u8 16000060 hex 01
8 17000077 hex 7500001500000000
  21000001 OS
  22000002 \\Windows
  23000003 RESUME
  25000020 hex 0000000000000000
8 250000c2 hex 0100000000000000
RESUME 10200004
  11000001 OS
  12000002 \\Windows\\system32\\winresume.EXT
  12000004 Windows Resume Application
  12000005 de-DE
  14000006 [{1afa9c49-16ab-4a5c-901b-212802da9460}]
u8 16000060 hex 01
8 17000077 hex 7500001500000000
8 21000001 OS
  22000002 \\hiberfil.sys
8 25000008 hex 0100000000000000
  26000006 hex 00
{b2721d73-1db4-4c62-bf78-c548a880142d} 10200005
  11000001 SYSTEM
u 12000002 \\EFI\\Microsoft\\Boot\\memtest.efi
b 12000002 \\boot\\memtest.exe
  12000004 Windows Memory Diagnostic
  12000005 de-DE
  14000006 [{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}]
  1600000b hex 01
{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e} 20100000
  14000006 [{4636856e-540f-4170-a130-a84776f4c654} EMS BAD]
{6efb52bf-1766-41db-a6b3-0ee5eff72bd7} 20200003
  14000006 [{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e} {7ff607e0-4395-11db-b0de-0800200c9a66}]
{1afa9c49-16ab-4a5c-901b-212802da9460} 20200004
  14000006 [{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}]
{4636856e-540f-4170-a130-a84776f4c654} 20100000
  15000011 hex 0400000000000000
{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9} 20100000
  16000020 hex 00
{5189b25c-5558-4bf2-bca4-289b11bd29e2} 20100000
{7ff607e0-4395-11db-b0de-0800200c9a66} 20200003
  250000f3 hex 0000000000000000
  250000f4 hex 0100000000000000
  250000f5 hex 00c2010000000000
"""


def text(value: str) -> tuple[int, bytes]:
    return 1, (value + "\0").encode("utf-16-le")


def expected(*, uefi: bool, generation: Generation, names: dict[str, str]) -> dict[str, tuple[int, bytes]]:
    """Return ``{path below Objects: (type, bytes)}`` of the table."""
    found: dict[str, tuple[int, bytes]] = {}
    guid = ""
    flags = {"u"} if uefi else {"b"}
    if generation is not Generation.WINDOWS_7:
        flags.add("8")
    names = {**names, "EMS": f"{{{bcd.EMS_SETTINGS}}}", "BAD": f"{{{bcd.BAD_MEMORY}}}"}
    for line in TABLE.strip().splitlines():
        head, _, rest = line.partition(" ")
        if head.startswith(("{", "LOADER", "RESUME")):
            guid = names.get(head, head)
            found[f"{guid}\\Description"] = (4, int(rest, 16).to_bytes(4, "little"))
            continue
        if not set(head) <= flags:
            continue
        number, _, content = rest.strip().partition(" ")
        content = content.replace(".EXT", ".efi" if uefi else ".exe")
        for word, guid_text in names.items():
            content = content.replace(word, guid_text)
        if content.startswith("hex "):
            value = (3, bytes.fromhex(content[4:]))
        elif content in {"SYSTEM", "OS"}:
            value = (3, device(uefi=uefi, system=content == "SYSTEM"))
        elif content.startswith("["):
            value = (7, b"".join(text(each)[1] for each in content[1:-1].split(" ")) + b"\0\0")
        else:
            value = text(content)
        found[f"{guid}\\Elements\\{number}"] = value
    return found


def device(*, uefi: bool, system: bool) -> bytes:
    head = bytes(16) + struct.pack("<4I", 6, 0, 0x48, 0)
    if uefi:
        where = (ESP if system else WINDOWS).bytes_le + struct.pack("<II", 0, 0) + DISK.bytes_le
    else:
        where = struct.pack("<QQIII", (1 if system else 101) << 20, 0, 0, 1, 0x12345678) + bytes(12)
    return head + where + bytes(16)


def seen(tree: hive_judges.Tree) -> dict[str, tuple[int, bytes]]:
    """Return what a judge found below Objects, by path."""
    found = {}
    for path, values in tree.items():
        if path.startswith("Objects\\") and values:
            ((_, value),) = values.items()
            found[path.removeprefix("Objects\\")] = value
    return found


@pytest.mark.foreign
@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize("settings", [UEFI, BIOS], ids=["uefi", "bios"])
@pytest.mark.parametrize("judge", hive_judges.READERS)
def test_a_store_is_the_table_element_by_element(
    judge: str, settings: BcdSettings, generation: Generation, tmp_path: Path
) -> None:
    (entry,) = settings.entries
    entry = OsEntry(entry.partition, entry.description, generation=generation, locale=entry.locale)
    settings = BcdSettings(settings.firmware, settings.system, (entry,))
    path = tmp_path / "BCD"
    path.write_bytes(create_store(settings, random.Random(7)).to_bytes())
    tree = hive_judges.READERS[judge](path)
    found = seen(tree)
    manager = f"{{{BOOTMGR}}}\\Elements\\"
    names = {
        "LOADER": found[manager + "23000003"][1].decode("utf-16-le").rstrip("\0"),
        "RESUME": found[manager + "23000006"][1].decode("utf-16-le").rstrip("\0"),
    }
    assert found == expected(uefi=settings.is_uefi, generation=generation, names=names)
    assert len({each.partition("\\")[0] for each in found}) == 11
    assert tree["Description"] == {
        "KeyName": text("BCD00000000"),
        "System": (4, b"\1\0\0\0"),
        "TreatAsSystem": (4, b"\1\0\0\0"),
    }
    # Windows' own store has the key even where no element is in it.
    assert f"Objects\\{{{bcd.BAD_MEMORY}}}\\Elements" in tree


@pytest.mark.foreign
@pytest.mark.parametrize("settings", [UEFI, BIOS], ids=["uefi", "bios"])
def test_regipy_lists_the_entries_and_others_read_the_store(settings: BcdSettings, tmp_path: Path) -> None:
    path = tmp_path / "BCD"
    path.write_bytes(create_store(settings, random.Random(7)).to_bytes())
    from regipy.plugins.bcd.boot_entry_list import BootEntryListPlugin  # noqa: PLC0415 - a judge
    from regipy.registry import RegistryHive  # noqa: PLC0415 - a judge

    plugin = BootEntryListPlugin(RegistryHive(str(path)), as_json=True)
    plugin.run()
    names = {entry["name"] for entry in plugin.entries}
    # Without a path, as on BIOS, it does not take the boot manager for an entry.
    manager = {"Windows Boot Manager"} if settings.is_uefi else set()
    assert names == {"Windows 11", "Windows Resume Application", "Windows Memory Diagnostic"} | manager
    assert "1.3" in hive_judges.regfinfo(path)
    assert '"Element"=' in hive_judges.reged_export(path, tmp_path)
    assert "12000004" in hive_judges.hivexregedit_export(path)


def test_the_recovery_environment_is_linked_both_ways() -> None:
    where = PartitionRef.gpt(DISK, RECOVERY)
    (entry,) = UEFI.entries
    entry = OsEntry(entry.partition, recovery=RecoveryEntry(where))
    store = read_store(create_store(BcdSettings(Firmware.UEFI, UEFI.system, (entry,)), random.Random(1)).to_bytes())
    # Elements of the recovery environment in a store that Windows 10 wrote.
    manager = store.object(BOOTMGR)
    assert manager is not None
    loader = next(each for each in store.loaders if each.guid == manager.content(Id.DEFAULT))
    (guid,) = loader.content(Id.RECOVERY_SEQUENCE)  # type: ignore[misc]
    assert loader.content(Id.RECOVERY_ENABLED) is True
    environment = store.object(guid)
    assert environment is not None
    assert " ".join(f"{element.id:08x}" for element in environment.elements) == (
        "11000001 12000002 12000004 12000005 14000006 15000065 21000001 22000002 25000020 250000c2 26000022 46000010"
    )
    ramdisk = environment.content(Id.DEVICE)
    assert isinstance(ramdisk, DeviceElement)
    assert environment.content(Id.OS_DEVICE) == ramdisk
    assert partition_of(ramdisk.device) == where
    assert ramdisk.options is not None
    options = store.object(ramdisk.options)
    assert options is not None
    assert options.type == 0x30000000
    assert options.content(Id.SDI_DEVICE) == plain(where)
    assert options.content(Id.SDI_PATH) == r"\Recovery\WindowsRE\boot.sdi"
    assert len(store.objects) == 13


def test_several_installations_are_listed_in_order_and_the_first_is_the_default() -> None:
    entries = tuple(OsEntry(PartitionRef.gpt(DISK, UUID(int=number)), f"Windows {number}") for number in (1, 2, 3))
    store = create_store(BcdSettings(Firmware.UEFI, UEFI.system, entries, timeout_s=5), random.Random(1))
    manager = store.object(BOOTMGR)
    assert manager is not None
    order = manager.content(Id.DISPLAY_ORDER)
    assert isinstance(order, tuple)
    by_guid = {each.guid: each for each in store.loaders}
    assert [by_guid[guid].content(Id.DESCRIPTION) for guid in order if isinstance(guid, UUID)] == [
        "Windows 1",
        "Windows 2",
        "Windows 3",
    ]
    assert manager.content(Id.DEFAULT) == order[0]
    assert manager.content(Id.TIMEOUT) == 5
    # Each resumes by an application of its own, on its own partition.
    for guid, entry in zip(order, entries, strict=True):
        resume = store.object(by_guid[guid].content(Id.DEFAULT))  # type: ignore[index,arg-type]
        assert resume is not None
        assert resume.content(Id.DEVICE) == plain(entry.partition)
    assert len(store.objects) == 15


def test_the_same_random_numbers_give_the_same_bytes() -> None:
    stores = [create_store(UEFI, random.Random(seed)).to_bytes() for seed in (1, 1, 2)]
    assert stores[0] == stores[1] != stores[2]


def template() -> BcdStore:
    """Return a store such as an image has: it knows no disk, has more elements, and other objects."""
    made = BcdStore.empty()
    made.put(
        BcdObject(
            BOOTMGR,
            bcd.MANAGER_TYPE,
            (Element(Id.DESCRIPTION, "Windows-Start-Manager"), Element(0x26000020, True), Element(Id.TIMEOUT, 3)),
        )
    )
    made.put(BcdObject(bcd.HYPERVISOR_SETTINGS, bcd.LOADER_SETTINGS_TYPE, (Element(0x250000F5, 9600),)))
    made.put(
        BcdObject(
            UUID("b012b84d-c47c-4ed5-b722-c0c42163e569"),
            bcd.LOADER_TYPE,
            (
                Element(Id.DEVICE, DeviceElement(RawDevice(struct.pack("<4I", 8, 0, 16, 0)))),
                Element(Id.DESCRIPTION, "Windows"),
                Element(Id.PATH, r"\elsewhere.efi"),
                Element(Id.NX, 3),
                Element(0x25000142, 1),
            ),
        )
    )
    made.put(BcdObject(UUID("7254a080-1510-4e85-ac0f-e7fb3d444736"), bcd.LOADER_TYPE, ()))
    return made


def test_a_template_adds_what_is_not_about_the_disk() -> None:
    store = create_store(UEFI, random.Random(7), template=template().to_bytes())
    ours = create_store(UEFI, random.Random(7))
    assert [each.guid for each in store.objects] == [each.guid for each in ours.objects]
    (loader,), (plain_loader,) = store.loaders, ours.loaders
    theirs = {element.id: element.content for element in loader.elements}
    assert theirs == {
        **{element.id: element.content for element in plain_loader.elements},
        Id.NX: 3,
        0x25000142: 1,
    }
    manager = store.object(BOOTMGR)
    assert manager is not None
    assert manager.content(Id.DESCRIPTION) == "Windows-Start-Manager"
    assert manager.content(0x26000020) is True
    assert manager.content(Id.TIMEOUT) == 30
    hypervisor = store.object(bcd.HYPERVISOR_SETTINGS)
    assert hypervisor is not None
    assert hypervisor.content(0x250000F5) == 9600
    # The loader for UEFI is no template for BIOS.
    (bios,) = create_store(BIOS, random.Random(7), template=template().to_bytes()).loaders
    assert bios.content(Id.NX) == 0


def test_a_template_that_is_no_store_is_refused() -> None:
    with pytest.raises(InvalidInput, match="BCD-Template: not a registry hive"):
        create_store(UEFI, random.Random(1), template=b"no hive")
    with pytest.raises(InvalidInput, match="BCD-Template: a registry hive, but not a BCD store"):
        create_store(UEFI, random.Random(1), template=write_hive(new_hive("x")))


def test_rebinding_changes_the_partitions_and_nothing_else() -> None:
    (entry,) = UEFI.entries
    entry = OsEntry(entry.partition, recovery=RecoveryEntry(PartitionRef.gpt(DISK, RECOVERY)))
    store = create_store(BcdSettings(Firmware.UEFI, UEFI.system, (entry,)), random.Random(1))
    store.hive.root.ensure("Elsewhere").set(Value.string("kept", "as it is"))
    before = hive_tree(store)
    new_disk = UUID(int=99)
    changes = {old: PartitionRef.gpt(new_disk, UUID(int=number)) for number, old in enumerate(store.partitions)}
    # Boot manager, memory test; two each of loader, resume application and recovery environment; the SDI device.
    assert store.rebind(changes) == 9
    again = read_store(store.to_bytes())
    assert set(again.partitions) == set(changes.values())
    after = hive_tree(again)
    assert before.keys() == after.keys()
    changed = {path for path in before if before[path] != after[path]}
    assert {path[-8:] for path in changed} == {"11000001", "21000001", "31000003"}
    assert again.rebind(changes) == 0
    assert again.rebind({new: old for old, new in changes.items()}) == 9
    assert hive_tree(again) == before


def hive_tree(store: BcdStore) -> dict[str, tuple[Value, ...]]:
    return {path: key.values for path, key in store.hive.root.walk()}


def test_a_partition_is_named_as_its_table_has_it() -> None:
    gpt = place(preset_layout(Preset.UEFI), Geometry.of_size(40 << 30, 512), random.Random(1))
    esp = gpt.partitions[0]
    assert PartitionRef.of(gpt, esp) == PartitionRef.gpt(gpt.disk_guid, esp.guid)  # type: ignore[arg-type]
    mbr = place(preset_layout(Preset.BIOS), Geometry.of_size(40 << 30, 512), random.Random(1))
    first = mbr.partitions[0]
    assert PartitionRef.of(mbr, first) == PartitionRef.mbr(mbr.disk_signature or 0, first.extent.first * 512)


def test_the_store_explains_itself() -> None:
    store = create_store(UEFI, random.Random(7))
    lines = store.lines()
    assert lines[0] == "Windows Boot Manager {bootmgr}"
    assert f"  device             partition {{{ESP}}} of GPT disk {{{DISK}}}" in lines
    assert "  inherit            {globalsettings}" in lines
    assert "  badmemoryaccess  yes" in lines
    assert "  timeout            30" in lines
    assert "  device             partition 1" in store.lines({PartitionRef.gpt(DISK, ESP): "partition 1"})
    report = store.report()
    (manager,) = [each for each in report.objects if each.guid == BOOTMGR]
    assert (manager.name, manager.type, manager.kind) == ("bootmgr", "10100002", "Windows Boot Manager")
    timeout = next(each for each in manager.elements if each.id == "25000004")
    assert (timeout.name, timeout.text, timeout.data) == ("timeout", "30", bytes([30, 0, 0, 0, 0, 0, 0, 0]))
    assert report.partitions == store.partitions
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("number", "kind", "name"),
    [
        (0x23000003, bcd.MANAGER_TYPE, "default"),
        (0x23000003, bcd.LOADER_TYPE, "resumeobject"),
        (0x22000002, bcd.LOADER_TYPE, "systemroot"),
        (0x22000002, bcd.RESUME_TYPE, "filepath"),
        (0x250000F5, bcd.LOADER_SETTINGS_TYPE, "hypervisorbaudrate"),
        (0x31000003, bcd.DEVICE_OPTIONS_TYPE, "ramdisksdidevice"),
        (0x2FFFFFFF, bcd.LOADER_TYPE, "custom:2fffffff"),
    ],
)
def test_elements_have_the_names_of_bcdedit(number: int, kind: int, name: str) -> None:
    assert name_of(number, kind) == name


def test_elements_that_do_not_fit_their_format_are_kept_as_bytes() -> None:
    store = create_store(UEFI, random.Random(7))
    elements = store.hive.root.find(f"Objects\\{{{MEMORY_TEST}}}\\Elements")
    assert elements is not None
    elements.ensure("11000001").set(Value.binary("Element", b"short"))
    elements.ensure("12000004").set(Value.dword("Element", 1))
    elements.ensure("14000006").set(Value.multi_string("Element", ["no guid"]))
    elements.ensure("1600000b").set(Value.binary("Element", b""))
    elements.ensure("25000004").set(Value.binary("Element", b"\2\1"))
    elements.ensure("not a number").set(Value.binary("Element", b""))
    elements.ensure("12000005").delete_value("Element")
    store.hive.root.ensure("Objects\\no guid").ensure("Description").set(Value.dword("Type", 1))
    store.hive.root.ensure(f"Objects\\{{{UUID(int=5)}}}")
    read = read_store(store.to_bytes())
    test = read.object(MEMORY_TEST)
    assert test is not None
    contents = {element.id: element.content for element in test.elements}
    assert contents[0x11000001] == b"short"
    assert contents[0x12000004] == b"\1\0\0\0"
    assert contents[0x14000006] == "no guid\0\0".encode("utf-16-le")
    assert contents[0x1600000B] == b""
    assert contents[0x25000004] == 0x0102
    assert 0x12000005 not in contents
    assert len(read.objects) == 11
    assert "  description      bytes 01000000" in test.lines()
    assert read.report().objects


def test_objects_and_elements_are_put_and_removed() -> None:
    store = create_store(UEFI, random.Random(7))
    store.set_element(GLOBAL_SETTINGS, Element(0x16000041, content=True))
    settings = store.object(GLOBAL_SETTINGS)
    assert settings is not None
    assert settings.content(0x16000041) is True
    assert store.remove_element(GLOBAL_SETTINGS, 0x16000041)
    assert not store.remove_element(GLOBAL_SETTINGS, 0x16000041)
    assert not store.remove_element(UUID(int=1), 0x16000041)
    assert store.remove(MEMORY_TEST)
    assert store.object(MEMORY_TEST) is None
    with pytest.raises(InvalidRequest, match=r"the store has no object \{memdiag\}"):
        store.set_element(MEMORY_TEST, Element(Id.TIMEOUT, 1))


@pytest.mark.parametrize(
    ("number", "content"),
    [
        (Id.TIMEOUT, "thirty"),
        (Id.TIMEOUT, True),
        (Id.TIMEOUT, -1),
        (Id.RECOVERY_ENABLED, 1),
        (Id.DEVICE, "C:"),
        (Id.DISPLAY_ORDER, (1, 2)),
        (Id.DEFAULT, "{guid}"),
        (Id.ALLOWED_SETTINGS, (1 << 64,)),
    ],
)
def test_content_of_another_format_is_refused(number: Id, content: object) -> None:
    store = create_store(UEFI, random.Random(7))
    before = store.to_bytes()
    with pytest.raises(InvalidRequest):
        store.put(BcdObject(MEMORY_TEST, bcd.MEMORY_TEST_TYPE, (Element(number, content),)))  # type: ignore[arg-type]
    assert store.to_bytes() == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"entries": ()}, "at least one installation", id="none"),
        pytest.param({"timeout_s": -1}, "valid are 0 to 4294967295", id="timeout"),
        pytest.param({"entries": (OsEntry(UEFI.system, windows="Windows"),)}, "begins at the root", id="folder"),
    ],
)
def test_settings_that_cannot_start_are_refused(settings: dict[str, object], message: str) -> None:
    given = {"firmware": Firmware.UEFI, "system": UEFI.system, "entries": UEFI.entries, **settings}
    with pytest.raises(InvalidRequest, match=message):
        BcdSettings(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "generation"),
    [
        ((6, 1), Generation.WINDOWS_7),
        ((6, 2), Generation.WINDOWS_8),
        ((6, 3), Generation.WINDOWS_8),
        ((10, 0), Generation.WINDOWS_10),
    ],
)
def test_generations_are_told_by_the_version_of_nt(version: tuple[int, int], generation: Generation) -> None:
    assert Generation.of_version(*version) is generation
    with pytest.raises(InvalidRequest, match=r"6\.1 \(Windows 7\) and later"):
        Generation.of_version(6, 0)
