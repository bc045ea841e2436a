"""The disks of a machine that were captured together, made again together: judged by foreign tools.

Firmware starts disk 0, Windows is on disk 1: boot store and registry name partitions of both.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cases.installs import (
    BOOTMGR,
    Made,
    default_entry,
    disk_with,
    fat_contents,
    gpt_device,
    guids,
    mbr_device,
    ntfs_contents,
    spec,
    store_of,
)
from cases.windows_trees import windows_files
from judges import hive as hive_judges
from judges import wim as wim_judges
from judges.disk import copy_of, run, sfdisk, sgdisk_verify
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.registry.values import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.units import MIB
from runs.commands import Outcome, osdimage

pytestmark = pytest.mark.foreign

SIZES = (120 * MIB, 96 * MIB)
SYSTEM = DiskLayout(
    Scheme.GPT,
    (spec(Role.EFI, 64 * MIB, FileSystem.FAT32), spec(Role.PRIMARY, None, FileSystem.NTFS, label="Data")),
    add_reserved=False,
)
WINDOWS = DiskLayout(
    Scheme.GPT,
    (spec(Role.PRIMARY, 20 * MIB, FileSystem.NTFS), spec(Role.PRIMARY, None, FileSystem.NTFS, label="Windows")),
    add_reserved=False,
)
HIVE = "Windows/System32/config/SYSTEM"
LETTERS = r"\DosDevices\{}:"
_ELSEWHERE = b"DMIO:ID:" + UUID(int=7).bytes_le


def hive_of(letters: Mapping[str, bytes]) -> bytes:
    hive = new_hive("ROOT")
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    for letter, device in letters.items():
        hive.root.ensure("MountedDevices").set(Value.binary(LETTERS.format(letter), device))
    hive.root.ensure(r"ControlSet001\Services\Disk").set(Value.dword("Start", 0))
    return write_hive(hive)


def part_device(disk: Path, number: int) -> bytes:
    """Return what ``MountedDevices`` has of a GPT partition (winreg-kb, "Mounted devices")."""
    return b"DMIO:ID:" + guids(disk, number)[1].bytes_le


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the disks of a machine that starts, 0.img and 1.img, and machine.wim with both."""
    folder = tmp_path_factory.mktemp("machine")
    blank = {}
    for number, (layout, trees) in enumerate(
        ((SYSTEM, {2: {"data.txt": b"data"}}), (WINDOWS, {1: {"more.txt": b"more"}, 2: windows_files(bios=False)}))
    ):
        (folder / f"made {number}").mkdir()
        blank[number] = disk_with(folder / f"made {number}", layout, trees, size=SIZES[number])
        blank[number] = blank[number].rename(folder / f"{number}.img")
        run(["sgdisk", "--randomize-guids", blank[number]])
    letters = {"C": part_device(blank[1], 2), "D": part_device(blank[0], 2), "E": _ELSEWHERE}
    (folder / "SYSTEM").write_bytes(hive_of(letters))
    put_hive(blank[1], folder / "SYSTEM")
    osdimage("boot", "install", blank[1], "--partition", "2", "--system", blank[0], "--menu-name", "Ours")
    osdimage("capture", blank[0], blank[1], folder / "machine.wim", "--all-volumes", "--compress", "none")
    return folder


def put_hive(disk: Path, hive: Path) -> None:
    from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415
    from osdimage.imaging.volume.filesystems import open_files  # noqa: PLC0415

    with open_disk(disk, write=True) as opened, open_files(opened.volume(2), write=True) as files:
        files.write(HIVE, hive.read_bytes())


def deployed(wim: Path, folder: Path, *more: object, code: int = 0) -> Outcome:
    return osdimage(
        "deploy", wim, "--layout-from-wim", "--disk", f"0={folder / 'a.img'}", "--disk", f"1={folder / 'b.img'}",
        *more, code=code,
    )  # fmt: skip


SIZED = ("--size", f"0={SIZES[0]}", "--size", f"1={SIZES[1]}")


@pytest.fixture(scope="module")
def again(machine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("again")
    done = deployed(machine / "machine.wim", folder, *SIZED, "--json")
    (folder / "told.json").write_text(done.out)
    return folder


def of(disk: Path) -> Made:
    return Made(disk, 2, 1, {})


def test_both_disks_are_as_they_were_with_identities_of_their_own(machine: Path, again: Path) -> None:
    for old, new in (("0.img", "a.img"), ("1.img", "b.img")):
        assert "No problems found" in sgdisk_verify(again / new)
        before, after = sfdisk(machine / old)[1], sfdisk(again / new)[1]
        assert [(each.number, each.first, each.sectors, each.type_id) for each in after] == [
            (each.number, each.first, each.sectors, each.type_id) for each in before
        ]
        for number in (1, 2):
            assert not set(guids(machine / old, number)) & set(guids(again / new, number))
    assert ntfs_contents(of(again / "a.img").part(2))["data.txt"] == b"data"
    assert ntfs_contents(of(again / "b.img").part(1))["more.txt"] == b"more"
    facts = json.loads((again / "told.json").read_text())
    assert facts["kind"] == "deploy-set"
    assert [(each["number"], Path(each["result"]["disk"]).name) for each in facts["disks"]] == [
        (0, "a.img"),
        (1, "b.img"),
    ]
    assert facts["disks"][1]["result"]["boot"]["system_disk"] == str(again / "a.img")
    assert facts["disks"][0]["result"]["boot"] is None


def store_on(disk: Path) -> dict[str, dict[str, Any]]:
    return store_of(fat_contents(of(disk).part(1))["EFI/Microsoft/Boot/BCD"], disk.with_name("BCD"))


def test_the_boot_menu_of_one_disk_starts_windows_on_the_other(machine: Path, again: Path) -> None:
    store = store_on(again / "a.img")
    assert gpt_device(store[BOOTMGR]["11000001"]) == guids(again / "a.img", 1)
    entry = default_entry(store)
    assert entry["12000004"] == "Ours"
    assert gpt_device(entry["11000001"]) == gpt_device(entry["21000001"]) == guids(again / "b.img", 2)
    # Nothing of it names the disks that there were.
    old = [guids(machine / f"{number}.img", 1)[0].bytes_le for number in (0, 1)]
    devices = [value for each in store.values() for name, value in each.items() if name[1] == "1"]
    assert devices
    assert not any(guid in value for guid in old for value in devices)
    assert [each for each in store if store[each].get("22000002") == "\\Windows"] == [store[BOOTMGR]["23000003"]]
    report = json.loads(osdimage("boot", "check", again / "b.img", "--system", again / "a.img", "--json").out)
    assert report["findings"] == []


def devices_of(hive: Path) -> dict[str, bytes]:
    """Return what the letters of drives name, as hivexsh reads it."""
    told = hive_judges.hivexsh(hive, "cd MountedDevices", "lsval")
    found = {}
    for each in told.splitlines():
        name, _, value = each.partition("=")
        if name.strip('"').startswith("\\\\DosDevices"):
            found[name.strip('"')[-2]] = bytes.fromhex(value.partition(":")[2].replace(",", ""))
    return found


def test_the_drive_letters_name_the_new_disks(again: Path) -> None:
    hive = again / "SYSTEM"
    hive.write_bytes(ntfs_contents(of(again / "b.img").part(2))[HIVE])
    # That of a disk that is not of the machine is gone: Windows gives it another one.
    assert devices_of(hive) == {"C": part_device(again / "b.img", 2), "D": part_device(again / "a.img", 2)}


def test_a_capture_of_the_new_disks_is_equal_to_that_of_the_old_ones(machine: Path, again: Path) -> None:
    wim = again / "again.wim"
    osdimage("capture", again / "a.img", again / "b.img", wim, "--all-volumes", "--compress", "none")
    names = {1: {"/efi/microsoft/boot/bcd"}, 2: set(), 3: set(), 4: {f"/{HIVE}".lower()}}
    for image, changes in names.items():
        old, new = (wim_judges.wimlib_facts(each, image) for each in (machine / "machine.wim", wim))
        changed = {path.strip('"').lower() for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
        # The root of a FAT volume has no times of its own.
        assert changed - {"/"} == changes


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


REFUSED = [
    pytest.param(("--disk", "0=a.img"), 2, "no disk 1 is given; valid are the disks 0 and 1, each once", id="missing"),
    pytest.param(
        ("--disk", "0=a.img", "--disk", "1=b.img", "--disk", "2=c.img"), 2, "there is no disk 2 in it", id="one more"
    ),
    pytest.param(("--disk", "0=a.img", "--disk", "1=./a.img"), 2, "disk 0 is the same file", id="twice"),
    pytest.param(("--disk", "0=a.img", "--disk", "00=b.img"), 2, "disk 0 is given twice", id="one number"),
    pytest.param(("--disk", "x=a.img"), 2, "the number is 0 to", id="no number"),
    pytest.param(("a.img", "--disk", "0=b.img"), 2, "names all disks", id="a disk without a number"),
    pytest.param(("a.img", "--all-volumes"), 2, "give each of them a disk: --disk N=DISK", id="one disk"),
    pytest.param((), 2, "Missing argument 'DISK'", id="none"),
    pytest.param(("--disk", "0=a.img", "--disk", "1=b.img", "--also", "c.img"), 2, "no --also", id="also"),
    pytest.param(("--disk", "0=a.img", "--disk", "1=b.img", "--index", "1"), 2, "no choice", id="a choice"),
    pytest.param(("--disk", "0=a.img", "--disk", "1=b.img", "--grow", "1"), 2, "--grow", id="sizes of one"),
    pytest.param(("--disk", "0=a.img", "--disk", "1=b.img", "--backup", "t"), 2, "--backup", id="a table of one"),
    pytest.param(
        ("--disk", "0=a.img", "--disk", "1=b.img", "--expect-serial", "X"), 2, "is N=TEXT", id="a serial of none"
    ),
    pytest.param(
        ("--disk", "0=a.img", "--disk", "1=b.img", "--size", "1GB", "--size", "2=1GB"),
        2,
        "there is no such --disk",
        id="a size of none",
    ),
    pytest.param(("a.img", "--size", "1=1GB"), 2, "is for --disk 1=DISK", id="a size of another"),
    pytest.param(
        ("--disk", "0=a.img", "--disk", "1=b.img", "--size", "1=12MB"), 2, "this is about disk 1", id="too small"
    ),
]


@pytest.mark.parametrize(("words", "code", "said"), REFUSED)
def test_what_is_not_the_machine_is_refused_and_no_disk_is_made(
    machine: Path, here: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    sized = () if "--size" in words and "1=12MB" not in words else ("--size", "120MB")
    done = osdimage("deploy", machine / "machine.wim", "--layout-from-wim", *words, *sized, code=code)
    assert said in done.err
    assert list(here.iterdir()) == []


def test_a_disk_that_is_refused_leaves_the_other_as_it_was(machine: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.img", tmp_path / "b.img"
    for path, size in ((first, SIZES[0]), (second, 12 * MIB)):
        with path.open("wb") as file:
            file.truncate(size)
        run(["sfdisk", "-q", path], text_in="label: gpt\n")
    before = first.read_bytes()
    assert "this is about disk 1 of the machine" in deployed(machine / "machine.wim", tmp_path, "--yes", code=2).err
    assert "exists and has" in deployed(machine / "machine.wim", tmp_path, "--yes", *SIZED, code=4).err
    words = ("--yes", "--expect-size", f"0={SIZES[1]}")
    assert "a.img" in deployed(machine / "machine.wim", tmp_path, *words, code=4).err
    with second.open("r+b") as file:
        file.truncate(SIZES[1])
    run(["sfdisk", "-q", second], text_in="label: gpt\n")
    assert "a.img, " in (asked := deployed(machine / "machine.wim", tmp_path, code=2)).err
    assert "b.img would be overwritten; give --yes" in asked.err
    assert first.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.img", "b.img"]


def test_a_failure_names_what_is_written_and_the_same_command_again_ends_the_work(
    machine: Path, tmp_path: Path
) -> None:
    wim = tmp_path / "damaged.wim"
    data = (machine / "machine.wim").read_bytes()
    # What the second disk holds alone.
    assert data.count(b"more") == 1
    wim.write_bytes(data.replace(b"more", b"moor"))
    done = deployed(wim, tmp_path, *SIZED, code=3)
    assert f"{tmp_path / 'a.img'} is filled, but not finished" in done.err
    assert f"{tmp_path / 'b.img'} is partitioned and formatted, 0 of 2 images are applied" in done.err
    assert "running it again starts from the beginning" in done.err
    # A disk that was stopped on the way never looks finished.
    assert wim_judges.is_dirty(of(tmp_path / "a.img").part(2))
    wim.write_bytes(data)
    again = deployed(wim, tmp_path, *SIZED, "--yes")
    assert "the old partition table is saved in" in again.out
    assert not wim_judges.is_dirty(of(tmp_path / "a.img").part(2))
    osdimage("boot", "check", tmp_path / "b.img", "--system", tmp_path / "a.img")


def test_a_plan_is_kept_and_carried_out_to_the_letter(machine: Path, tmp_path: Path) -> None:
    wim, plan, seed = machine / "machine.wim", tmp_path / "plan.json", ("--seed", "x")
    shown = deployed(wim, tmp_path, *SIZED, *seed, "--dry-run").out
    assert f"plan for disk 1, {tmp_path / 'b.img'}" in shown
    assert "make UEFI start partition 2: boot files and BCD store on partition 1 of disk 0\n" in shown
    document = deployed(wim, tmp_path, *SIZED, *seed, "--dry-run", "--json")
    plan.write_text(document.out)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["plan.json"]
    osdimage("deploy", wim, "--plan", plan, "--disk", f"0={tmp_path / 'a.img'}", "--disk", f"1={tmp_path / 'b.img'}")
    # The disks have what the plan says.
    for number, name in ((0, "a.img"), (1, "b.img")):
        table = document.document["disks"][number]["plan"]["disk"]
        assert str(guids(tmp_path / name, 1)[0]) in json.dumps(table)
    # The n-th is the disk that its seed makes alone.
    osdimage("export", wim, tmp_path / "one.wim", "--index", "3")
    osdimage("export", wim, tmp_path / "one.wim", "--index", "4")
    alone = ("--layout-from-wim", "--all-volumes", "--no-boot", "--size", str(SIZES[1]), "--seed", "x#2")
    osdimage("deploy", tmp_path / "one.wim", tmp_path / "alone.img", *alone)
    assert guids(tmp_path / "alone.img", 2) == guids(tmp_path / "b.img", 2)
    one = osdimage("deploy", wim, "--plan", plan, tmp_path / "c.img", code=3)
    assert "is the plan of the disks of a machine; give each of them a disk" in one.err
    words = ("--plan", plan, "--disk", f"0={tmp_path / 'c.img'}")
    assert "is for the disks 0, 1" in osdimage("deploy", wim, *words, code=2).err


def changed(plan: dict[str, Any], what: str) -> None:
    first, second = (each["plan"] for each in plan["disks"])
    start = next(each for each in second["steps"] if each["step"] == "install-boot")
    drives = next(each for each in second["steps"] if each["step"] == "move-drives")
    match what:
        case "a number twice":
            plan["disks"][1]["number"] = 0
        case "no disks":
            plan["disks"] = []
        case "one identity":
            second["disk"]["disk_guid"] = first["disk"]["disk_guid"]
        case "another disk":
            start["system_number"] = 5
        case "another partition":
            start["system_partition"] = 9
        case "a disk that is moved to":
            drives["moved"][0]["on_disk"] = 9
        case "a partition that is moved to":
            drives["moved"][0]["number"] = 9


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("a number twice", "valid are 1 to 64 disks in their order, each once"),
        ("no disks", "valid are 1 to 64 disks"),
        ("one identity", "the disks 0 and 1 would have the same GUID"),
        ("another disk", "a step is about disk 5, and the plan has 0, 1"),
        ("another partition", "a step is about partition 9"),
        ("a disk that is moved to", "a step is about disk 9"),
        ("a partition that is moved to", "a step is about partition 9"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(machine: Path, tmp_path: Path, what: str, said: str) -> None:
    plan = deployed(machine / "machine.wim", tmp_path, *SIZED, "--dry-run", "--json").document
    changed(plan, what)
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    words = ("--plan", tmp_path / "plan.json", "--disk", f"0={tmp_path / 'a.img'}", "--disk", f"1={tmp_path / 'b.img'}")
    done = osdimage("deploy", machine / "machine.wim", *words, code=3)
    assert said in done.err
    assert not (tmp_path / "a.img").exists()


def test_disks_of_other_formats_and_sizes_are_made_together(machine: Path, tmp_path: Path) -> None:
    wim, first, second = machine / "machine.wim", tmp_path / "a.img", tmp_path / "b.qcow2"
    words = ("--layout-from-wim", "--disk", f"1={second}", "--disk", f"0={first}", "--size", "200MB")
    osdimage("deploy", wim, *words)
    run(["qemu-img", "convert", "-O", "raw", second, tmp_path / "b.img"])
    for each in (first, tmp_path / "b.img"):
        assert "No problems found" in sgdisk_verify(each)
    osdimage("boot", "check", tmp_path / "b.img", "--system", first)
    # What one of them is not made of, none is.
    for each in (first, second, tmp_path / "b.img"):
        each.unlink()
    data = wim.read_bytes().replace(b"more", b"moor")
    (tmp_path / "damaged.wim").write_bytes(data)
    done = osdimage("deploy", tmp_path / "damaged.wim", *words, code=3)
    assert f"{first} is filled, but not finished" in done.err
    assert f"{second} was not made" in done.err
    assert not second.exists()


MBR_SYSTEM = DiskLayout(
    Scheme.MBR, (spec(Role.PRIMARY, 40 * MIB, FileSystem.NTFS, active=True), spec(Role.PRIMARY, None, FileSystem.NTFS))
)
MBR_WINDOWS = DiskLayout(
    Scheme.MBR, (spec(Role.PRIMARY, 36 * MIB, FileSystem.FAT32), spec(Role.PRIMARY, None, FileSystem.NTFS))
)


def signature(disk: Path) -> int:
    return int(sfdisk(disk)[0]["id"], 16)


def test_a_bios_starts_one_disk_and_windows_is_on_another(tmp_path: Path) -> None:
    """A set of MBR disks: signatures and offsets in store and registry."""
    paths = []
    for number, (layout, trees) in enumerate(((MBR_SYSTEM, {}), (MBR_WINDOWS, {2: windows_files(uefi=False)}))):
        (tmp_path / f"{number}").mkdir()
        paths.append(disk_with(tmp_path / f"{number}", layout, trees, size=SIZES[0]))
        run(["sfdisk", "-q", "--disk-id", paths[-1], f"{0x1000 + number:#x}"])
    begins = [{each.number: each.first * 512 for each in sfdisk(path)[1]} for path in paths]
    letters = {"C": struct.pack("<IQ", 0x1001, begins[1][2]), "D": struct.pack("<IQ", 0x1000, begins[0][2])}
    (tmp_path / "SYSTEM").write_bytes(hive_of(letters | {"E": struct.pack("<IQ", 0x1002, begins[0][2])}))
    put_hive(paths[1], tmp_path / "SYSTEM")
    osdimage("boot", "install", paths[1], "--partition", "2", "--system", paths[0])
    osdimage("capture", *paths, tmp_path / "machine.wim", "--all-volumes")
    deployed(tmp_path / "machine.wim", tmp_path, "--size", "140MB")
    new = [tmp_path / "a.img", tmp_path / "b.img"]
    assert not {signature(each) for each in new} & {0, 0x1000, 0x1001}
    places = [{each.number: each.first * 512 for each in sfdisk(path)[1]} for path in new]
    store = store_of(ntfs_contents(of(new[0]).part(1))["Boot/BCD"], tmp_path / "BCD")
    assert mbr_device(store[BOOTMGR]["11000001"]) == (signature(new[0]), places[0][1])
    assert mbr_device(default_entry(store)["21000001"]) == (signature(new[1]), places[1][2])
    assert [each.active for each in sfdisk(new[0])[1]] == [True, False]
    assert not any(each.active for each in sfdisk(new[1])[1])
    hive = tmp_path / "NEW"
    hive.write_bytes(ntfs_contents(of(new[1]).part(2))[HIVE])
    assert devices_of(hive) == {
        "C": struct.pack("<IQ", signature(new[1]), places[1][2]),
        "D": struct.pack("<IQ", signature(new[0]), places[0][2]),
    }
    osdimage("boot", "check", new[1], "--system", new[0])


@pytest.mark.slow
def test_each_windows_starts_as_the_stores_say_and_a_store_knows_both_disks(tmp_path: Path) -> None:
    """Both disks have an EFI system partition; the Windows on disk 1 is in the menu of disk 0 alone."""
    paths = []
    both = {2: windows_files(bios=False)}
    for number in (0, 1):
        (tmp_path / f"{number}").mkdir()
        paths.append(disk_with(tmp_path / f"{number}", SYSTEM, both, size=SIZES[0]))
        run(["sgdisk", "--randomize-guids", paths[-1]])
    osdimage("boot", "install", paths[0], "--partition", "2", "--menu-name", "First")
    osdimage("boot", "install", paths[1], "--partition", "2", "--system", paths[0], "--menu-name", "Second")
    osdimage("capture", *paths, tmp_path / "machine.wim", "--all-volumes", "--compress", "none")
    deployed(tmp_path / "machine.wim", tmp_path, "--size", str(SIZES[0]))
    store = store_on(tmp_path / "a.img")
    entries = {
        store[each]["12000004"]: gpt_device(store[each]["21000001"])
        for each in store
        if store[each].get("22000002") == "\\Windows"
    }
    assert entries == {"First": guids(tmp_path / "a.img", 2), "Second": guids(tmp_path / "b.img", 2)}
    assert default_entry(store)["12000004"] == "Second"
    assert "EFI/Microsoft/Boot/BCD" not in fat_contents(of(tmp_path / "b.img").part(1))


def on(folder: Path) -> tuple[str, ...]:
    return ("--all-volumes", "--disk", f"0={folder / 'a.img'}", "--disk", f"1={folder / 'b.img'}")


def test_images_go_to_the_volumes_of_disks_that_are_there_and_are_compared(machine: Path, tmp_path: Path) -> None:
    wim = machine / "machine.wim"
    for number, name in ((0, "a.img"), (1, "b.img")):
        copy_of(machine / f"{number}.img", tmp_path / name)
    assert osdimage("compare", wim, *on(tmp_path)).out.count(" equal: ") == 4
    done = osdimage("apply", wim, *on(tmp_path), "--wipe", "--yes")
    assert f"{tmp_path / 'a.img'}: 2 volumes filled" in done.out
    assert f"{tmp_path / 'b.img'}: 2 volumes filled" in done.out
    facts = osdimage("compare", wim, *on(tmp_path), "--json").document
    assert facts["is_equal"]
    assert [(Path(each["target"]).name, each["partition"]) for each in facts["volumes"]] == [
        ("a.img", 1), ("a.img", 2), ("b.img", 1), ("b.img", 2),
    ]  # fmt: skip
    assert ntfs_contents(of(tmp_path / "b.img").part(1))["more.txt"] == b"more"
    # A disk with fewer volumes is refused before the other one is written.
    run(["sgdisk", "-d", "2", tmp_path / "b.img"])
    before = (tmp_path / "a.img").read_bytes()
    refused = osdimage("apply", wim, *on(tmp_path), "--wipe", "--yes", code=4)
    assert f"{tmp_path / 'b.img'}: not written: {wim} has 2 images, the disk has 1 NTFS" in refused.err
    assert (tmp_path / "a.img").read_bytes() == before
    for verb in ("apply", "compare"):
        assert (
            "give each of them a disk: --disk N=DISK"
            in osdimage(verb, wim, tmp_path / "a.img", "--all-volumes", code=2).err
        )
        assert (
            "no disk 1 is given"
            in osdimage(verb, wim, "--all-volumes", "--disk", f"0={tmp_path / 'a.img'}", code=2).err
        )
        assert "it goes with --all-volumes" in osdimage(verb, wim, "--disk", f"0={tmp_path / 'a.img'}", code=2).err
        assert "Missing argument 'TARGET'" in osdimage(verb, wim, code=2).err
    assert "Missing argument 'TARGET'" in osdimage("apply", wim, "--overlay", tmp_path / "new.qcow2", code=2).err


def test_a_failure_of_one_disk_tells_how_much_of_each_is_written(machine: Path, tmp_path: Path) -> None:
    for number, name in ((0, "a.img"), (1, "b.img")):
        copy_of(machine / f"{number}.img", tmp_path / name)
    data = (machine / "machine.wim").read_bytes().replace(b"more", b"moor")
    (tmp_path / "damaged.wim").write_bytes(data)
    done = osdimage("apply", tmp_path / "damaged.wim", *on(tmp_path), "--wipe", "--yes", code=3)
    assert "2 of 4 volumes are complete" in done.err
    assert f"2 of 2 of {tmp_path / 'a.img'}, 0 of 2 of {tmp_path / 'b.img'}" in done.err


HOSTILE = [
    ('INDEX="1" STYLE="GPT"', 'INDEX="2" STYLE="GPT"', "of the disks 0 and 2 of a machine, and none of disk 1"),
    (
        'INDEX="1" STYLE="GPT"',
        'INDEX="-" STYLE="GPT"',
        "image 3 holds no layout of a disk that can be used: DISK has IN",
    ),
    ('INDEX="1" STYLE="GPT"', 'INDEX="0" STYLE="GPT"', "its images were captured from 2 disks"),
    ('INDEX="2" TYPE', 'INDEX="1" TYPE', "two PARTITION elements have the same INDEX"),
]


@pytest.mark.parametrize(("old", "new", "said"), HOSTILE)
def test_a_layout_that_is_no_machine_is_refused(machine: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    data = (machine / "machine.wim").read_bytes()
    assert old.encode("utf-16le") in data
    (tmp_path / "x.wim").write_bytes(data.replace(old.encode("utf-16le"), new.encode("utf-16le")))
    # Of a WIM that has one disk left, all go to that.
    disks = ("--disk", f"0={tmp_path / 'a.img'}") if "none of" not in said else on(tmp_path)[1:]
    done = osdimage("deploy", tmp_path / "x.wim", "--layout-from-wim", *disks, "--size", "200MB", code=3)
    assert str(tmp_path / "x.wim") in done.err
    assert said in done.err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x.wim"]


def test_two_images_of_one_partition_are_refused(machine: Path, tmp_path: Path) -> None:
    wim = tmp_path / "twice.wim"
    for name in ("One", "Two"):
        osdimage("export", machine / "machine.wim", wim, "--index", "3", "--new-name", name)
    words = ("--layout-from-wim", "--all-volumes", "--size", "200MB")
    done = osdimage("deploy", wim, tmp_path / "a.img", *words, code=3)
    assert "the images 1 and 2 are both of partition 1; valid is one image of each" in done.err
