"""Sticks that are changed to another medium: what differs is written, and programs of others read all of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cases import sticks
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.errors import TargetRefused, TooSmall
from osdimage.imaging.media import Medium
from osdimage.imaging.media.usb.layout import StickLayout
from osdimage.imaging.media.usb.update import StickUpdate, plan_update, update_stick
from osdimage.imaging.progress import ProgressEvent
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.fat.edit import FatEditor
from osdimage.imaging.volume.filesystems import mark_dirty

BEFORE = sticks.medium(sticks.windows_files(sticks.file("sources/install2.swm", b"a part that goes")))
# One file is another of the same size, one is larger, one is new, and two are no longer of it.
NEW_WIM = bytes(range(256)) * 1200
AFTER = sticks.medium(
    [
        *(
            each
            for each in sticks.windows_files()
            if each.path not in {"sources/boot.wim", "sources/lang.ini", "setup.exe"}
        ),
        sticks.file("sources/boot.wim", NEW_WIM[:300_000]),
        sticks.file("sources/lang.ini", b"more than before: " + bytes(10_000)),
        sticks.file("boot/fonts/new.ttf", b"new"),
    ]
)
WRITTEN = ["boot/fonts/new.ttf", "sources/boot.wim", "sources/lang.ini"]


def sha1s(what: Medium) -> dict[str, str]:
    return {
        each.path.lower(): hashlib.sha1(b"".join(each.contents.pieces()), usedforsecurity=False).hexdigest()
        for each in what.files
    }


def stored(disk: Path, *numbers: int) -> dict[str, str]:
    """Return path and SHA-1 of every file on the volumes of a stick, each of which is whole and clean."""
    found: dict[str, str] = {}
    for number in numbers:
        volume = sticks.partition(disk, number)
        if number == 1:
            fat_judges.fsck(volume)
            out = volume.with_suffix(".out")
            judges.run("rm", "-rf", out)
            fat_judges.copy_out(volume, out)
            for path in out.rglob("*"):
                if path.is_file():
                    digest = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
                    found[path.relative_to(out).as_posix().lower()] = digest
        else:
            assert not ntfs_judges.is_dirty(volume)
            ntfs_judges.ntfsfix(volume)
            listed = ntfs_judges.contents(volume).items()
            found |= {path.strip("/").lower(): sha1 for path, sha1 in listed if sha1 != "directory"}
    return found


def update(disk: Path, medium: Medium) -> StickUpdate:
    with open_disk(disk, write=True) as opened:
        found = plan_update(medium, opened)
        update_stick(found, opened)
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    disk = tmp_path_factory.mktemp("update") / "d"
    sticks.write(disk, BEFORE)
    return disk


@pytest.mark.foreign
def test_files_that_differ_are_written_and_those_of_others_stay(made: Path, tmp_path: Path) -> None:
    disk = disk_judges.copy_of(made, tmp_path / "d")
    (tmp_path / "own").write_bytes(b"a file of somebody")
    judges.run("mcopy", "-i", f"{disk}@@{MIB}", tmp_path / "own", "::/own.txt")
    found = update(disk, AFTER)
    (volume,) = found.volumes
    assert [each.path for each in volume.written] == WRITTEN
    assert volume.deleted == ("sources/install2.swm",)
    assert [each.lower() for each in volume.left] == ["own.txt", "setup.exe"]
    assert volume.is_at_once
    strange = {
        "own.txt": hashlib.sha1(b"a file of somebody", usedforsecurity=False).hexdigest(),
        "setup.exe": sha1s(BEFORE)["setup.exe"],
    }
    assert stored(disk, 1) == sha1s(AFTER) | strange


@pytest.mark.foreign
def test_both_volumes_are_updated(tmp_path: Path) -> None:
    disk = tmp_path / "d"
    sticks.write(disk, BEFORE, StickLayout.FAT32_NTFS)
    after = sticks.medium([*AFTER.files, sticks.file("osdimage/new.json", b"{}")])
    found = update(disk, after)
    assert [[each.path for each in volume.written] for volume in found.volumes] == [WRITTEN, ["osdimage/new.json"]]
    assert found.volumes[1].deleted == ("sources/install2.swm",)
    assert stored(disk, 1, 2) == sha1s(after) | {"setup.exe": sha1s(BEFORE)["setup.exe"]}


@pytest.mark.foreign
def test_a_file_that_is_on_the_other_volume_now_is_not_left_in_two_versions(tmp_path: Path) -> None:
    disk, strange = tmp_path / "d", tmp_path / "setup.exe"
    sticks.write(disk, BEFORE, StickLayout.GPT)
    strange.write_bytes(b"an older one")
    fat_judges.mtools("mcopy", "-i", f"{disk}@@1M", strange, "::SETUP.EXE")
    assert update(disk, BEFORE).volumes[0].deleted == ("SETUP.EXE",)
    assert stored(disk, 1, 2) == sha1s(BEFORE)


@pytest.mark.foreign
def test_what_is_the_same_is_not_written(made: Path, tmp_path: Path) -> None:
    disk = disk_judges.copy_of(made, tmp_path / "d")
    before = disk_judges.stored(disk)
    assert update(disk, BEFORE).is_empty
    assert disk_judges.stored(disk) == before


@pytest.mark.foreign
def test_without_room_beside_the_old_files_a_stick_that_is_stopped_is_dirty_and_goes_on(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(_event: ProgressEvent) -> None:
        raise Stopped

    disk = tmp_path / "d"
    with disk.open("wb") as stream:
        # The smallest volume of FAT32, more than half full.
        stream.truncate(36 * MIB)
    sticks.write(disk, sticks.medium([sticks.file("bootmgr", b"x"), sticks.file("large.bin", b"1" * (18 * MIB))]))
    after = sticks.medium([sticks.file("bootmgr", b"x"), sticks.file("large.bin", b"2" * (18 * MIB))])
    with open_disk(disk, write=True) as opened:
        found = plan_update(after, opened)
        assert not found.volumes[0].is_at_once
        with pytest.raises(Stopped):
            update_stick(found, opened, progress=stop)
    # fsck.fat 4.2: "Dirty bit is set. Fs was not properly unmounted".
    assert "Dirty bit is set" in disk_judges.run(["fsck.fat", "-n", sticks.partition(disk, 1)], check=False)
    update(disk, after)
    assert stored(disk, 1) == sha1s(after)


@pytest.mark.foreign
def test_what_a_stopped_update_has_written_down_is_carried_out_by_the_same_update(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    def stop(_editor: FatEditor) -> None:
        raise Stopped

    disk = disk_judges.copy_of(made, tmp_path / "d")
    with monkeypatch.context() as patched:
        # The change is decided then, and nothing of it is in its place.
        patched.setattr(FatEditor, "_write_mark", stop)
        with pytest.raises(Stopped):
            update(disk, AFTER)
    with open_disk(disk) as opened:
        assert plan_update(AFTER, opened).is_empty
    assert update(disk, AFTER).is_empty
    assert stored(disk, 1) == sha1s(AFTER) | {"setup.exe": sha1s(BEFORE)["setup.exe"]}


@pytest.mark.foreign
def test_a_stick_that_is_as_it_is_to_be_and_marked_dirty_is_marked_clean(made: Path, tmp_path: Path) -> None:
    disk = disk_judges.copy_of(made, tmp_path / "d")
    with open_disk(disk, write=True) as opened:
        mark_dirty(opened.volume(1))
    assert update(disk, BEFORE).is_empty
    assert stored(disk, 1) == sha1s(BEFORE)


def test_what_does_not_fit_is_refused(made: Path) -> None:
    larger = sticks.medium([*BEFORE.files, sticks.file("large.bin", bytes(310 * MIB))])
    with open_disk(made) as disk, pytest.raises(TooSmall, match="are needed for what differs"):
        plan_update(larger, disk)


def test_a_disk_that_is_no_stick_is_refused(tmp_path: Path) -> None:
    disk = tmp_path / "d"
    sticks.write(disk, BEFORE, StickLayout.GPT)
    with disk.open("r+b") as stream:
        # The volume of NTFS begins behind that of FAT32, of 300 MiB.
        stream.seek(301 * MIB)
        stream.write(bytes(512))
    with (
        open_disk(disk) as opened,
        pytest.raises(TargetRefused, match=r"holds FAT32, nothing known, and not FAT32 alone or FAT32 and NTFS"),
    ):
        plan_update(BEFORE, opened)
