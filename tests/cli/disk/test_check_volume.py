"""``osdimage disk check`` of a volume: in a partition, or alone in a file."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cases.ntfs_patient import find, value_at
from judges import wim as judges
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.testing import MadeDisk
from osdimage.imaging.volume.ntfs.session import POINTER
from osdimage.imaging.volume.pending import Change, carry_out
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
MIB = 1 << 20
ESP, RESERVED, WINDOWS = 1, 2, 3
RECORD = 1024


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with a FAT32 and an NTFS volume, both empty; it is only read."""
    folder = tmp_path_factory.mktemp("check")
    osdimage("disk", "init", folder / "disk.img", "--preset", "uefi", "--size", "2GB", "--recovery", "none", "--yes")
    for number, kind in ((ESP, "fat32"), (WINDOWS, "ntfs")):
        osdimage("disk", "format", folder / "disk.img", "--partition", str(number), "--fs", kind, "--yes")
    return folder / "disk.img"


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A volume alone in a file, with three files that a test may damage."""
    path = judges.make_ntfs(tmp_path / "volume.ntfs", 6 * MIB)
    with judges.mounted_ntfs(path, tmp_path / "mount") as mount:
        (mount / "folder").mkdir()
        for number in range(3):
            (mount / "folder" / f"file {number}").write_bytes(b"x" * 5000)
    return path


def damage(volume: Path) -> None:
    """Let the three files count a name too many, and mark the volume dirty."""
    data = bytearray(volume.read_bytes())
    mft = struct.unpack_from("<Q", data, 48)[0] * 4096
    for at in range(mft, mft + 80 * RECORD, RECORD):
        record = bytes(data[at : at + RECORD])
        if "file ".encode("utf-16-le") in record and record[22] == 1:
            data[at + 18] += 1
    for at in (mft + 3 * RECORD, struct.unpack_from("<Q", data, 56)[0] * 4096 + 3 * RECORD):
        begin, _ = value_at(data[at : at + RECORD], find(data[at : at + RECORD], 0x70))
        data[at + begin + 10] |= 1
    volume.write_bytes(data)


@pytest.mark.parametrize("number", [ESP, WINDOWS], ids=["fat32", "ntfs"])
def test_a_sound_volume_of_a_disk(disk: Path, number: int) -> None:
    done = osdimage("disk", "check", disk, "--partition", str(number))
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{disk} partition {number}: no faults found")


def test_without_a_partition_the_table_is_checked(disk: Path) -> None:
    assert osdimage("disk", "check", disk).out == f"{disk}: no faults found\n"


def test_a_volume_alone_in_a_file(volume: Path) -> None:
    done = osdimage("disk", "check", volume)
    assert done.code == 0
    assert re.fullmatch(rf"{volume}: no faults found in \d+ files\n", done.out)


def test_a_damaged_volume_tells_what_where_and_what_it_means(volume: Path) -> None:
    damage(volume)
    done = osdimage("disk", "check", volume, "--limit", "2", code=None)
    assert done.code == 3
    lines = done.out.splitlines()
    assert lines[0] == (
        "error: a file has more or fewer names than it counts, 3 times: deleting a name may delete the file, or never "
        "[link-count]"
    )
    assert re.fullmatch(r"  \\folder\\file 0: it counts 2, and has 1 \(MFT record \d+\)", lines[1])
    assert lines[3] == "  and 1 more"
    assert lines[4].startswith("warning: the volume is marked dirty")
    assert lines[-2] == "let Windows mend it with chkdsk /f, a copy of the volume first"
    assert lines[-1].startswith(f"{volume}: 3 errors, 1 warning and 0 notes in ")


def test_a_volume_with_nothing_but_warnings_is_sound(volume: Path) -> None:
    # The last bit of $Bitmap, behind the end of the volume; and the copy of the boot sector.
    data = bytearray(volume.read_bytes())
    data[struct.unpack_from("<Q", data, 40)[0] * 512 + 40] ^= 1
    volume.write_bytes(data)
    done = osdimage("disk", "check", volume)
    assert done.code == 0
    assert "[boot-copy]" in done.out


def test_a_sound_volume_that_windows_has_in_use_is_warned_of(volume: Path, tmp_path: Path) -> None:
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        (mount / "hiberfil.sys").write_bytes(b"HIBR" + bytes(8192))
    done = osdimage("disk", "check", volume)
    assert done.code == 0
    assert "hibernated" in done.out
    assert "[volume-state]" in done.out


def test_a_volume_with_a_change_that_is_still_to_be_made_is_warned_of(volume: Path) -> None:
    def stop() -> None:
        raise InterruptedError

    change, room = Change(5 * MIB, b"new" * 512), 5 * MIB + MIB // 2
    with open_volume(volume, write=True) as opened, pytest.raises(InterruptedError):
        carry_out(opened.window(), [change], pointer=POINTER, room=room, mark=stop)
    done = osdimage("disk", "check", volume)
    assert done.code == 0
    assert "a change of its files was interrupted" in done.out


def test_what_cannot_be_read_is_told_and_what_hangs_on_it_is_not(volume: Path) -> None:
    data = bytearray(volume.read_bytes())
    mft = struct.unpack_from("<Q", data, 48)[0] * 4096
    begin = next(
        at
        for at in range(mft, mft + 80 * RECORD, RECORD)
        if "file 1".encode("utf-16-le") in data[at : at + RECORD] and data[at + 22] == 1
    )
    data[begin + RECORD - 1] ^= 1
    volume.write_bytes(data)
    done = osdimage("disk", "check", volume, code=None)
    assert done.code == 3
    assert re.findall(r"\[([a-z-]+)\]", done.out) == ["record-torn", "not-complete"]


def test_the_document_has_every_fault_and_its_place(volume: Path) -> None:
    damage(volume)
    done = osdimage("disk", "check", volume, "--json", code=None)
    assert done.code == 3
    facts = done.facts
    assert (facts["scheme"], facts["partition"], facts["saved"]) == (None, None, None)
    assert [each["code"] for each in facts["findings"]] == ["link-count", "volume-dirty"]
    found = facts["volume"]
    assert (found["filesystem"], found["is_sound"]) == ("NTFS", False)
    ntfs = found["ntfs"]
    assert (ntfs["errors"], ntfs["warnings"], ntfs["is_complete"]) == (3, 1, True)
    assert [(each["code"], each["severity"], each["count"]) for each in ntfs["kinds"]] == [
        ("link-count", "error", 3),
        ("volume-dirty", "warning", 1),
    ]
    first = ntfs["faults"][0]
    assert set(first) == {"code", "severity", "text", "path", "record", "attribute", "cluster"}
    assert (first["path"], first["attribute"], first["cluster"]) == ("\\folder\\file 0", None, None)


def test_the_document_has_the_same_members_of_a_table_and_of_each_file_system(disk: Path) -> None:
    documents = [
        osdimage("disk", "check", disk, *more, "--json").facts
        for more in ((), ("--partition", str(ESP)), ("--partition", str(WINDOWS)))
    ]
    assert {frozenset(each) for each in documents} == {frozenset(documents[0])}
    assert documents[0]["volume"] is None
    assert set(documents[1]["volume"]) == set(documents[2]["volume"])


@pytest.mark.parametrize(("words", "code", "message"), [
    (("--partition", "2"), 3, "partition 2: holds no file system known here; NTFS and FAT volumes are checked"),
    (("--partition", "9"), 2, "there is no partition 9"),
    (("--partition", "3", "--repair"), 2, "--repair is for the partition table"),
    (("--partition", "3", "--limit", "0"), 2, "limit"),
], ids=["nothing", "missing", "repair", "limit"])  # fmt: skip
def test_what_cannot_be_checked_is_said(disk: Path, words: tuple[str, ...], code: int, message: str) -> None:
    done = osdimage("disk", "check", disk, *words, code=None)
    assert done.code == code
    assert message in done.err


def test_progress_is_told_as_events(volume: Path) -> None:
    done = osdimage("disk", "check", volume, "--events", "-")
    assert {each["phase"] for each in done.events} == {"scan", "read"}
    assert done.events[-1]["percent"] <= 100


def test_quiet_leaves_the_errors(volume: Path) -> None:
    damage(volume)
    done = osdimage("disk", "check", volume, "--quiet", "--limit", "1", code=None)
    assert (done.code, done.err) == (3, "")
    assert re.findall(r"\[([a-z-]+)\]", done.out) == ["link-count"]
    assert len(done.out.splitlines()) == 4


def test_quiet_says_nothing_of_a_sound_volume(volume: Path) -> None:
    assert osdimage("disk", "check", volume, "--quiet").out == ""


def test_a_made_disk_is_sound_in_depth(osdimage_disk: Callable[..., MadeDisk]) -> None:
    made = osdimage_disk(size="2GB", preset="bios")
    numbers = [each.number for each in made.table.partitions]
    assert [osdimage("disk", "check", made.path, "--partition", str(number)).code for number in numbers] == [0] * len(
        numbers
    )
