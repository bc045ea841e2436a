"""The disks of a machine in one WIM: which image is of which disk, as wimlib-imagex tells it."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from judges import wim as judges
from judges.disk import copy_of, run
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.testing import make_disk
from osdimage.imaging.units import MIB, Bytes
from runs.commands import Outcome, osdimage

pytestmark = pytest.mark.foreign


def part(role: Role, size: int | None, filesystem: FileSystem, label: str) -> PartitionSpec:
    if size is None:
        return PartitionSpec(role, filesystem=filesystem, label=label)
    return PartitionSpec(role, FixedSize(Bytes(size * MIB)), filesystem=filesystem, label=label)


GPT = DiskLayout(
    Scheme.GPT,
    (part(Role.EFI, 40, FileSystem.FAT32, "SYSTEM"), part(Role.PRIMARY, None, FileSystem.NTFS, "Data")),
    add_reserved=False,
)
MBR = DiskLayout(Scheme.MBR, (part(Role.PRIMARY, None, FileSystem.NTFS, "More"),))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the two disks of a machine, 0.img and 1.img."""
    folder = tmp_path_factory.mktemp("machine")
    for number, (layout, text) in enumerate(((GPT, "first"), (MBR, "second"))):
        (folder / text).mkdir()
        (folder / text / f"{text}.txt").write_text(text)
        make_disk(folder / f"{number}.img", 64 * MIB, layout, {2 - number: folder / text})
    return folder


@pytest.fixture(scope="module")
def captured(machine: Path) -> Path:
    osdimage("capture", machine / "0.img", machine / "1.img", machine / "set.wim", "--all-volumes", "--name", "PC")
    return machine / "set.wim"


def described(wim: Path) -> list[tuple[str, str, str]]:
    """Return of each image its name, the number of its disk and that of its partition, as wimlib-imagex has the XML."""
    text = wim.with_suffix(".xml")
    judges.wimlib("info", wim, "--extract-xml", text)
    root = ET.fromstring(text.read_bytes().decode("utf-16"))  # noqa: S314 - our own
    found = []
    for image in root.iter("IMAGE"):
        disk = image.find("OSDIMAGE/DISK")
        assert disk is not None
        (own,) = (each for each in disk if each.get("CAPTURED") == "1")
        found.append((image.findtext("NAME") or "", disk.attrib["INDEX"], own.attrib["INDEX"]))
    return found


def test_each_image_tells_its_disk_and_its_partition(captured: Path) -> None:
    assert described(captured) == [
        ("PC (disk 0, partition 1)", "0", "1"),
        ("PC (disk 0, partition 2)", "0", "2"),
        ("PC (disk 1, partition 1)", "1", "1"),
    ]
    assert judges.wimlib_paths(captured, 2) == ["/", "/first.txt"]
    assert judges.wimlib_paths(captured, 3) == ["/", "/second.txt"]
    told = osdimage("info", captured).out
    assert "captured from 2 disks of one machine\n" in told
    assert re.search(r"^  Captured disk 1: +MBR, 64.0 MB\n    Partition 1: +Primary, NTFS, 'More'", told, re.MULTILINE)
    images = json.loads(osdimage("info", captured, "--json").out)["images"]
    assert [each["disk"]["index"] for each in images] == [0, 0, 1]


def test_the_order_of_the_disks_gives_their_numbers(machine: Path, tmp_path: Path) -> None:
    done = osdimage("capture", machine / "1.img", machine / "0.img", tmp_path / "a.wim", "--all-volumes", "--json")
    assert [each[1:] for each in described(tmp_path / "a.wim")] == [("0", "1"), ("1", "1"), ("1", "2")]
    facts = json.loads(done.out)
    assert facts["partitions"] == [1, 1, 2]
    assert [(each["index"], Path(each["disk"]).name, each["images"]) for each in facts["disks"]] == [
        (0, "1.img", [1]),
        (1, "0.img", [2, 3]),
    ]
    names = [each["name"] for each in facts["images"]]
    assert names == ["1.img (disk 0, partition 1)", "0.img (disk 1, partition 1)", "0.img (disk 1, partition 2)"]


def test_one_disk_is_captured_as_ever(machine: Path, tmp_path: Path) -> None:
    osdimage("capture", machine / "0.img", tmp_path / "a.wim", "--all-volumes")
    assert described(tmp_path / "a.wim") == [("0.img (partition 1)", "0", "1"), ("0.img (partition 2)", "0", "2")]
    told = osdimage("info", tmp_path / "a.wim").out
    assert "Captured disk:" in told
    assert "one machine" not in told


def refused(*words: object, code: int) -> Outcome:
    done = osdimage("capture", *words, code=code)
    assert not Path(str(words[-2])).exists()
    return done


def test_what_is_no_machine_is_refused_before_a_byte_is_written(machine: Path, tmp_path: Path) -> None:
    one, wim = machine / "0.img", tmp_path / "a.wim"
    assert "--all-volumes takes several disks" in osdimage("capture", one, machine / "1.img", wim, code=2).err
    assert "given twice" in refused(one, one, wim, "--all-volumes", code=2).err
    link = tmp_path / "link.img"
    link.symlink_to(one)
    assert "are the same target" in refused(one, link, wim, "--all-volumes", code=2).err
    clone = copy_of(one, tmp_path / "clone.img")
    assert "have the same disk GUID" in refused(one, clone, wim, "--all-volumes", code=3).err
    run(["sgdisk", "--randomize-guids", clone])
    osdimage("capture", one, clone, tmp_path / "b.wim", "--all-volumes")
    other = copy_of(machine / "1.img", tmp_path / "other.img")
    assert "have the same disk signature" in refused(machine / "1.img", other, wim, "--all-volumes", code=3).err
    # A disk that nobody has signed is like no other.
    for each in (other, unsigned := copy_of(other, tmp_path / "unsigned.img")):
        run(["sfdisk", "-q", "--disk-id", each, "0"])
    osdimage("capture", other, unsigned, wim, "--all-volumes")


def test_a_disk_that_holds_no_volume_is_refused_by_its_name(machine: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.img"
    with empty.open("wb") as file:
        file.truncate(16 * MIB)
    run(["sfdisk", "-q", empty], text_in="label: dos\n,,83\n")
    done = refused(machine / "0.img", empty, tmp_path / "a.wim", "--all-volumes", code=3)
    assert "empty.img: holds no NTFS or FAT volume; on it are: partition 1 (Linux)" in done.err


def test_the_bytes_of_other_partitions_are_kept_disk_by_disk(machine: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.img"
    with more.open("wb") as file:
        file.truncate(64 * MIB)
    run(["sfdisk", "-q", more], text_in="label: dos\n1M,1M,83\n,,7\n")
    osdimage("disk", "format", more, "--partition", "2", "--yes")
    with more.open("r+b") as file:
        file.seek(MIB)
        file.write(b"something")
    done = osdimage("capture", more, machine / "1.img", tmp_path / "a.wim", "--all-volumes")
    assert "disk 0: partition 1 (Linux, 1.0 MB) holds something that is not captured" in done.err
    assert "--keep-raw keeps the contents of partition 1 of disk 0, too" in done.out
    words = ("capture", more, machine / "1.img", tmp_path / "b.wim", "--all-volumes", "--keep-raw", "--json")
    facts = json.loads(osdimage(*words).out)
    assert [(each["images"], each["partitions"], each["raw"]) for each in facts["disks"]] == [
        ([1, 2], [2, 1], [1]),
        ([3], [1], []),
    ]
    assert described(tmp_path / "b.wim")[1] == ("more.img (disk 0, partition 1)", "0", "1")


def test_a_machine_of_which_a_disk_is_missing_is_told_of(captured: Path, tmp_path: Path) -> None:
    from osdimage.imaging.errors import InvalidInput  # noqa: PLC0415
    from osdimage.imaging.wim.captured_disks import images_by_disk  # noqa: PLC0415
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415

    def numbers(wim: Path) -> dict[int, list[int]]:
        with WimFile.open(wim) as opened:
            return {number: [each.index for each in images] for number, images in images_by_disk(opened).items()}

    assert numbers(captured) == {0: [1, 2], 1: [3]}
    left = Path(shutil.copy(captured, tmp_path / "left.wim"))
    osdimage("delete", left, "--index", "3")
    assert numbers(left) == {0: [1, 2]}
    # What is left of one disk is one disk, whatever its number.
    osdimage("export", captured, tmp_path / "one.wim", "--index", "3")
    assert numbers(tmp_path / "one.wim") == {1: [1]}
    for old, new, said in (
        ('INDEX="1" STYLE="MBR"', 'INDEX="2" STYLE="MBR"', "none of disk 1; valid are the disks 0 to 1"),
        ('STYLE="MBR"', 'STYLE="LDM"', None),
        ('INDEX="0" STYLE="GPT"', 'INDEX="7" STYLE="GPT"', "disks 1 and 7 of a machine, and none of disk 0"),
    ):
        changed = with_xml(captured, tmp_path / "changed.wim", old, new)
        if said is None:
            assert numbers(changed) == {0: [1, 2, 3]}
            continue
        with pytest.raises(InvalidInput, match=said):
            numbers(changed)


def with_xml(wim: Path, to: Path, old: str, new: str) -> Path:
    """Copy a WIM with another text of the same length in its XML."""
    data = wim.read_bytes()
    assert len(old) == len(new)
    assert old.encode("utf-16le") in data
    to.write_bytes(data.replace(old.encode("utf-16le"), new.encode("utf-16le")))
    return to
