"""What osdimage does not look into is told by its name, as blkid tells it, and refused by it; it is never empty."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from cases.foreign import MATRIX, UNJUDGED, type_of
from judges import wim as judges
from judges.disk import run
from osdimage.imaging.disk.content import UNKNOWN, Content
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.disk.init import losses
from osdimage.imaging.disk.roles import TYPES
from osdimage.imaging.disk.signatures import find_marks, identify
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.units import MIB
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

SPACES = "e75caf8f-f680-4cee-afa3-b001e56efc2d"
START = 2048 * 512


@pytest.mark.parametrize(("make", "blkid", "content"), MATRIX.values(), ids=list(MATRIX))
def test_it_is_what_blkid_takes_it_for_until_its_marks_are_gone(
    make: Callable[[Path], Path], blkid: str, content: str, tmp_path: Path
) -> None:
    path = make(tmp_path / "volume.img")
    assert type_of(path) == blkid
    with open_image(str(path), write=True) as target:
        assert identify(target) is Content(content)
        for at, found in list(find_marks(target)):
            if found is Content(content):
                target.write_at(at, bytes(4))
    assert type_of(path) == ""


@pytest.mark.parametrize(("make", "content"), UNJUDGED.values(), ids=list(UNJUDGED))
def test_what_blkid_does_not_know_is_told_by_its_published_mark(
    make: Callable[[Path], Path], content: str, tmp_path: Path
) -> None:
    with open_image(str(make(tmp_path / "volume.img"))) as target:
        assert identify(target) is Content(content)


def test_every_one_of_them_has_a_name_and_what_reads_it() -> None:
    for content in {each for *_, each in (*MATRIX.values(), *UNJUDGED.values())} - {"swap"}:
        held = Content(content)
        assert held.explained.startswith(f"{held.described} (")
        assert not held.described.startswith("a volume of type")


def test_types_of_others_are_those_that_sfdisk_lists() -> None:
    listed = {
        words[0].lower()
        for label in ("gpt", "dos")
        for line in run(["sfdisk", "--label", label, "--list-types"]).splitlines()
        if (words := line.split())
    }
    of_others = [each for each in TYPES if each.label.startswith(("Apple", "Linux", "Solaris", "FreeBSD"))]
    of_others = [each for each in of_others if each.source != "GPTFDISK"]
    assert len(of_others) > 20
    for each in of_others:
        text = f"{each.type_id:x}" if isinstance(each.type_id, int) else str(each.type_id)
        assert text in listed, each


@pytest.mark.parametrize(("code", "label"), [("8308", "Linux dm-crypt"), ("8309", "Linux LUKS")])
def test_types_of_encrypted_volumes_are_those_of_sgdisk(code: str, label: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(4 * MIB))
    run(["sgdisk", "--new=1:2048", f"--typecode=1:{code}", disk])
    said = run(["sgdisk", "--info=1", disk])
    (row,) = [each for each in TYPES if each.label == label]
    assert str(row.type_id).upper() in said


# ---- commands


@pytest.fixture
def wim(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").touch()
    judges.wimlib("capture", tmp_path / "tree", tmp_path / "a.wim", "a")
    return tmp_path / "a.wim"


def disk_with(volume: Path, type_id: str = "L") -> Path:
    """Put a volume into the one partition of a disk."""
    disk = volume.with_name("disk.img")
    data = volume.read_bytes()
    with disk.open("wb") as file:
        file.truncate(len(data) + 4 * MIB)
    run(["sfdisk", "-q", disk], text_in=f"label: gpt\nstart=2048, size={len(data) // 512}, type={type_id}\n")
    with disk.open("r+b") as file:
        file.seek(START)
        file.write(data)
    return disk


REFUSED = (
    ("apply WIM DISK --partition 1", 4),
    ("capture DISK OUT --partition 1", 3),
    ("list DISK --partition 1", 3),
    ("extract DISK / --to OUT --partition 1", 3),
    ("compare WIM DISK --partition 1", 4),
    ("registry get DISK --hive SYSTEM --partition 1", 4),
    ("disk check DISK --partition 1", 3),
)


@pytest.mark.parametrize(
    "name",
    [
        "exFAT",
        *(pytest.param(name, marks=pytest.mark.matrix) for name in sorted({*MATRIX} - {"exFAT", "swap"})),
    ],
)
def test_commands_that_need_a_volume_refuse_it_by_its_name(name: str, wim: Path, tmp_path: Path) -> None:
    make, _, content = MATRIX[name]
    disk = disk_with(make(tmp_path / "volume.img"))
    before = disk.read_bytes()
    names = {"WIM": wim, "DISK": disk, "OUT": tmp_path / "out"}
    for line, code in REFUSED:
        said = osdimage(*(names.get(word, word) for word in line.split()), code=code).err
        assert f"holds {Content(content).explained}" in said, line
    shown = osdimage("disk", "show", disk).out
    assert f"partition 1: {Content(content).explained}" in shown
    (partition,) = osdimage("disk", "show", disk, "--json").document["partitions"]
    assert partition["holds"] == Content(content).explained
    assert disk.read_bytes() == before


def test_a_volume_without_a_table_is_named_too(wim: Path, tmp_path: Path) -> None:
    volume = MATRIX["LUKS1"][0](tmp_path / "volume.img")
    for line, code in (("apply WIM V", 4), ("capture V OUT", 3), ("disk show V", 3), ("boot check V", 6)):
        words = {"WIM": wim, "V": volume, "OUT": tmp_path / "out"}
        done = osdimage(*(words.get(word, word) for word in line.split()), code=code)
        hint = "" if line.startswith("boot") else " (cryptsetup open shows what is in it)"
        assert f"a LUKS volume{hint}" in done.out + done.err


def test_storage_spaces_are_told_by_the_type_of_the_partition(wim: Path, tmp_path: Path) -> None:
    (tmp_path / "volume.img").write_bytes(bytes(4 * MIB))
    disk = disk_with(tmp_path / "volume.img", SPACES)
    said = osdimage("apply", wim, disk, "--partition", "1", code=4).err
    assert "holds a member of a Storage Spaces pool (Windows alone shows the disks in it)" in said
    assert "a member of a Storage Spaces pool" in osdimage("disk", "show", disk).out


def test_what_has_no_mark_is_not_known_and_never_empty(wim: Path, tmp_path: Path) -> None:
    # As VeraCrypt leaves a volume: nothing in it can be told from random bytes.
    (tmp_path / "volume.img").write_bytes(random.Random(7).randbytes(4 * MIB))
    disk = disk_with(tmp_path / "volume.img")
    assert type_of(tmp_path / "volume.img") == ""
    assert f"holds {UNKNOWN}" in osdimage("apply", wim, disk, "--partition", "1", code=4).err
    assert f"partition 1: it is not empty, and holds {UNKNOWN}" in osdimage("disk", "show", disk).out
    (partition,) = osdimage("disk", "show", disk, "--json").document["partitions"]
    assert (partition["filesystem"], partition["holds"]) == (None, UNKNOWN)
    assert "it is not empty, and what it holds is not known here would be formatted" in asked_about(disk)
    (tmp_path / "volume.img").write_bytes(bytes(4 * MIB))
    disk = disk_with(tmp_path / "volume.img")
    assert "not empty" not in osdimage("disk", "show", disk).out + asked_about(disk)


def asked_about(disk: Path) -> str:
    """Return what nobody can be asked about: to format a partition, and to give all of them up."""
    with open_image(str(disk)) as target:
        lost = "\n".join(losses(target, read_table(target)))
    return osdimage("disk", "format", disk, "--partition", "1", code=2).err + lost


def test_what_would_be_lost_is_named(tmp_path: Path) -> None:
    said = asked_about(disk_with(MATRIX["exFAT"][0](tmp_path / "volume.img")))
    assert "Linux, 8.0 MB, with an exFAT volume would be formatted" in said
    assert "partition 1: exFAT, 8.0 MB" in said
