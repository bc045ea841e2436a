"""The Windows that a computer has: found on its disks, and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.hive_logs import with_numbers
from cases.offline_windows import WINDOWS_7, WINDOWS_10, WINDOWS_XP, Tree, make_tree
from cases.old_windows import machine_with
from osdimage.imaging.errors import InvalidRequest, TargetRefused
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere, Place
from osdimage.imaging.tasksequence.computer.old_windows import find_old_windows, opened_old_windows

SYSTEM = "Windows/System32/config/SYSTEM"


def test_the_only_windows_is_found_and_told(tmp_path: Path) -> None:
    machine = machine_with(tmp_path / "disk.img", {"Users/x.txt": b"data"}, make_tree(WINDOWS_XP))
    assert find_old_windows(machine) == Place(0, 2)
    with opened_old_windows(machine) as (files, windows):
        assert (windows.os.version, windows.folder) == ((5, 1), "WINDOWS")
        assert files.exists("WINDOWS/explorer.exe")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    folder = tmp_path_factory.mktemp("two")
    return machine_with(folder / "disk.img", make_tree(WINDOWS_7), make_tree(WINDOWS_10))


def test_of_several_the_detected_drive_says_which(two: Machine) -> None:
    with pytest.raises(InvalidRequest, match=r"partition 1 \(C:\), .* 2 \(D:\)\); _OSDDetectedWinDrive says which"):
        find_old_windows(two)
    assert find_old_windows(two, "D:") == Place(0, 2)
    with opened_old_windows(two, "C:") as (_, windows):
        assert windows.os.version == (6, 1)
    with pytest.raises(NotThere, match="there is no volume E:"):
        find_old_windows(two, "E:")


def test_what_the_sequence_has_filled_is_no_old_windows(two: Machine) -> None:
    rehearsal = two.rehearsal()
    rehearsal.mark_used(Place(0, 1))
    assert find_old_windows(rehearsal) == Place(0, 2)
    rehearsal.planned[0] = two.table(0)
    with pytest.raises(NotThere, match="no volume of this computer holds a Windows that was there before"):
        find_old_windows(rehearsal)


@pytest.mark.parametrize(
    ("tree", "kind", "said"),
    [
        pytest.param({"a.txt": b""}, NotThere, r"no \\Windows\\System32\\config\\SYSTEM", id="none"),
        pytest.param(
            make_tree(WINDOWS_10) | {SYSTEM: with_numbers(make_tree(WINDOWS_10)[SYSTEM], 7, 6)},
            TargetRefused,
            "Windows did not close its hive SYSTEM, and its logs do not complete it",
            id="not closed",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, tree: Tree, kind: type[Exception], said: str) -> None:
    machine = machine_with(tmp_path / "disk.img", tree)
    with pytest.raises(kind, match=said), opened_old_windows(machine):
        pass


def test_an_encrypted_volume_is_named(tmp_path: Path) -> None:
    machine = machine_with(tmp_path / "disk.img", {"a.txt": b""})
    with (tmp_path / "disk.img").open("r+b") as file:
        # Microsoft's signature of a volume that BitLocker has encrypted.
        file.seek(machine.table(0).partitions[0].extent.first * 512 + 3)
        file.write(b"-FVE-FS-")
    with pytest.raises(NotThere, match=r"disk 0 partition 1 \(C:\) is encrypted with BitLocker"):
        find_old_windows(machine)
