"""The computer of a task sequence: disks, drive letters, packages, shares, and keeping them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases.sequence import GPT, MBR, MIB, blank_disk, computer, run
from osdimage.imaging import InvalidDocument, InvalidRequest
from osdimage.imaging.tasksequence.computer.kept import load_machine, machine_document, save_machine
from osdimage.imaging.tasksequence.computer.machine import Firmware, Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("machine")
    first, second = blank_disk(folder / "0.img"), blank_disk(folder / "1.img", 128 * MIB)
    machine, env = computer(first, second), Environment()
    hidden = {"OSDPartitions4Type": "Recovery", "OSDPartitions4FileSystem": "NTFS", "OSDPartitions4QuickFormat": "true"}
    layout = GPT | hidden | {"OSDPartitions": "5", "OSDPartitions3Size": "60"}
    run(partition_disk, env, machine, layout)
    run(partition_disk, env, machine, MBR | {"OSDDiskIndex": "1"})
    return first, second


def test_volumes_that_are_there_have_letters_in_their_order(disks: tuple[Path, Path]) -> None:
    machine = computer(*disks)
    assert machine.letters == {"C": Place(0, 3), "D": Place(0, 4), "E": Place(1, 1)}
    found = list(machine.volumes())
    assert [(each.number, each.content, each.letter) for each in found] == [
        (1, "fat32", None),
        (2, None, None),
        (3, "ntfs", "C"),
        (4, "fat32", "D"),
        (5, "ntfs", None),
        (1, "ntfs", "E"),
    ]
    assert [each.is_efi for each in found] == [True, False, False, False, False, False]
    assert [each.is_hidden for each in found] == [False, False, False, False, True, False]
    assert found[-1].is_active
    assert found[2].name == "disk 0 partition 3 (C:)"


def test_the_next_volume_is_the_first_that_no_step_has_filled(disks: tuple[Path, Path]) -> None:
    machine = computer(*disks)
    order = []
    for _ in range(3):
        order.append(machine.next_volume().place)
        machine.mark_used(order[-1])
        machine.mark_used(order[-1])
    assert order == [Place(0, 3), Place(0, 4), Place(1, 1)] == machine.used
    with pytest.raises(InvalidRequest, match="disk 0 partition 1: no volume for images; disk 0 partition 2"):
        machine.next_volume()
    with pytest.raises(InvalidRequest, match=r"no disk$"):
        Machine().next_volume()


def test_a_blank_disk_has_no_volumes(tmp_path: Path) -> None:
    assert list(computer(blank_disk(tmp_path / "disk.img", 8 * MIB)).volumes()) == []
    assert list(Machine({0: tmp_path / "not made yet"}).rehearsal().volumes()) == []


@pytest.mark.parametrize("drive", ["c:", "C:", "C:\\"])
def test_drives_are_found_in_any_case(disks: tuple[Path, Path], drive: str) -> None:
    assert computer(*disks).lettered(drive) == Place(0, 3)


@pytest.mark.parametrize("drive", ["", "C", "C:x", "Q:", "1:", "CC:", "X:", "Ä:"])
def test_what_is_no_drive_is_refused(disks: tuple[Path, Path], drive: str) -> None:
    with pytest.raises(InvalidRequest, match=r"such as C:|drives of this machine"):
        computer(*disks).lettered(drive)


@pytest.mark.parametrize(
    ("path", "place", "inner"),
    [
        (r"c:\Windows\System32", Place(0, 3), r"Windows\System32"),
        ("D:/a//b/", Place(0, 4), r"a\b"),
        ("E:", Place(1, 1), ""),
        ("E:\\", Place(1, 1), ""),
    ],
)
def test_a_path_is_split_into_volume_and_path(disks: tuple[Path, Path], path: str, place: Place, inner: str) -> None:
    assert computer(*disks).located(path) == (place, inner)


@pytest.mark.parametrize("path", ["Windows", r"\Windows", r"\\server\share", "", "C:Windows", "Z:\\x"])
def test_a_path_without_a_volume_is_refused(disks: tuple[Path, Path], path: str) -> None:
    with pytest.raises(InvalidRequest):
        computer(*disks).located(path)


def test_packages_are_found_in_any_case(tmp_path: Path) -> None:
    package = tmp_path / "Package"
    (package / "Sub Folder").mkdir(parents=True)
    (package / "Sub Folder" / "Answers.XML").write_text("x")
    (package / "link.xml").symlink_to("/etc/passwd")
    machine = Machine(packages={"ABC00001": package, "FILE": package / "Sub Folder" / "Answers.XML"})
    assert machine.package("abc00001") == package
    found = machine.package_file("abc00001", r"sub folder\answers.xml")
    assert found == package / "Sub Folder" / "Answers.XML"
    assert machine.package_file("file", "ANSWERS.xml") == found
    for name in (
        "none.xml",
        "..",
        r"..\Package\Sub Folder\Answers.XML",
        "Sub Folder",
        "link.xml",
        "",
        "a/b",
        "ä" * 128,
    ):
        with pytest.raises(InvalidRequest, match="holds no file"):
            machine.package_file("ABC00001", name)
    with pytest.raises(InvalidRequest, match="is not the directory"):
        machine.package_file("FILE", "other.xml")
    with pytest.raises(InvalidRequest, match="packages with one: ABC00001, FILE"):
        machine.package("other")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (r"\\server\share\x.wim", "share/x.wim"),
        (r"\\SERVER\Share\a\b.wim", "share/a/b.wim"),
        ("//server/share/x.wim", "share/x.wim"),
        (r"\\server\share\deep\x.wim", "deep/x.wim"),
    ],
)
def test_a_share_stands_for_a_directory(tmp_path: Path, path: str, found: str) -> None:
    shares = {r"\\server\share": tmp_path / "share", r"\\server\share\deep": tmp_path / "deep"}
    assert Machine(shares=shares).outside_path(path) == tmp_path / found


@pytest.mark.parametrize(
    "path",
    ["", "x.wim", r"C:\x.wim", r"\\server\other\x", r"\\server\share", r"\\server\share\..\x", r"\\server\share2\x"],
)
def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be reached"):
        Machine(shares={r"\\server\share": tmp_path}).outside_path(path)
    assert Machine().outside_path("/images/x.wim") == Path("/images/x.wim")


@pytest.mark.parametrize("path", ["/images/%s", "/images/%s/x.wim", r"\\server\share\%s"])
def test_a_name_that_linux_has_for_no_file_is_refused(tmp_path: Path, path: str) -> None:
    # NAME_MAX: 255 bytes, of which this character takes two.
    machine = Machine(shares={r"\\server\share": tmp_path})
    assert machine.outside_path(path % ("ä" * 127))
    with pytest.raises(InvalidRequest, match="a name of more than 255 bytes"):
        machine.outside_path(path % ("ä" * 128))


def test_a_machine_is_kept_and_found_again(disks: tuple[Path, Path], tmp_path: Path) -> None:
    machine = computer(*disks, firmware=Firmware.BIOS, ABC00001=tmp_path)
    machine.shares[r"\\s\d"] = tmp_path
    machine.mark_used(Place(0, 3))
    machine.system = TargetSystem(Place(0, 3), WindowsFacts(6, 1, "x64", "Windows"))
    save_machine(machine, tmp_path / "machine.json")
    assert load_machine(tmp_path / "machine.json") == machine
    assert (tmp_path / "machine.json").stat().st_mode & 0o777 == 0o600
    blank = Machine()
    save_machine(blank, tmp_path / "machine.json")
    assert load_machine(tmp_path / "machine.json") == blank


DAMAGED = {
    "not ours": {"format": "something else"},
    "other version": {"version": 99},
    "no firmware": {"firmware": "openfirmware"},
    "letter": {"letters": {"X": [0, 1]}},
    "letters": {"letters": {"CD": [0, 1]}},
    "place": {"letters": {"C": [0]}},
    "place of texts": {"used": [["0", "1"]]},
    "negative place": {"used": [[0, -1]]},
    "disk": {"disks": {"first": "x"}},
    "disks": {"disks": []},
    "packages": {"packages": None},
    "name that Linux has for no file": {"disks": {"0": f"/images/{'a' * 256}"}},
    "system": {"system": {}},
    "version of Windows": {
        "system": {"place": [0, 1], "windows": {"major": "6", "minor": 1, "architecture": "x", "root": "W"}}
    },
    "root of Windows": {
        "system": {"place": [0, 1], "windows": {"major": 6, "minor": 1, "architecture": "x", "root": 3}}
    },
}


@pytest.mark.parametrize("changed", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_state_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine_document(Machine()) | changed))
    with pytest.raises(InvalidDocument, match=r"machine\.json"):
        load_machine(path)
    path.write_text("[]")
    with pytest.raises(InvalidDocument):
        load_machine(path)


def test_a_rehearsal_is_a_machine_of_its_own(disks: tuple[Path, Path]) -> None:
    machine = computer(*disks)
    before = machine_document(machine)
    rehearsal = machine.rehearsal()
    rehearsal.forget_disk(0)
    rehearsal.mark_used(Place(1, 1))
    rehearsal.packages["x"] = Path()
    assert machine_document(machine) == before
    assert rehearsal.is_rehearsal
    assert not machine.is_rehearsal
    with pytest.raises(InvalidRequest, match="has no partition 77 any more"):
        machine.volume(Place(0, 77))


def test_paths_of_windows_are_quoted_as_they_were_written() -> None:
    with pytest.raises(InvalidRequest, match=r"^'\\\\server\\share\\x\.wim' cannot be reached"):
        Machine().outside_path(r"\\server\share\x.wim")
    with pytest.raises(InvalidRequest, match=r"^'Windows\\System32' is no path with a drive"):
        Machine().located(r"Windows\System32")
