"""The whole way with a large and rich tree, as an ordinary user: deployed, judged, read back, captured again.

The tree has files with descriptors, streams, short names, links of all kinds, sparse and compressed ones; the ntfs-3g
driver makes them and wimlib-imagex captures them.  ``OSDIMAGE_PROOF_FILES`` says how many files; see CONTRIBUTING.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cases.ntfs_items import AUDITED, COMPRESSED, DENIED, OPEN, STREAMS, fill, mount_point, symbolic_link
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.volume import check_ntfs
from runs.ordinary_user import folder_for_all, osdimage_as_nobody

pytestmark = [pytest.mark.foreign, pytest.mark.root]

MIB = 1 << 20
FILES = int(os.environ.get("OSDIMAGE_PROOF_FILES", "2000"))
_FOLDER_OF = 100
EMPTY = hashlib.sha1(b"", usedforsecurity=False).hexdigest()

# Variables as ConfigMgr has them.  The system partition is FAT32, so that each disk has both file systems.
LAYOUTS = {
    "gpt": """
        OSDDiskIndex=0
        OSDPartitionStyle=GPT
        OSDPartitions=3
        OSDPartitions0Type=EFI
        OSDPartitions0FileSystem=FAT32
        OSDPartitions0Size=100
        OSDPartitions0SizeUnits=MB
        OSDPartitions1Type=MSR
        OSDPartitions1Size=16
        OSDPartitions1SizeUnits=MB
        OSDPartitions2Type=Primary
        OSDPartitions2FileSystem=NTFS
        OSDPartitions2VolumeName=Windows
        OSDPartitions2Size=100
        OSDPartitions2SizeUnits=%
        OSDPartitions2VolumeLetterVariable=OSDisk
    """,
    "logical": """
        OSDDiskIndex=0
        OSDPartitionStyle=MBR
        OSDPartitions=4
        OSDPartitions0Type=Primary
        OSDPartitions0FileSystem=FAT32
        OSDPartitions0Bootable=True
        OSDPartitions0Size=100
        OSDPartitions0SizeUnits=MB
        OSDPartitions1Type=Extended
        OSDPartitions1Size=100
        OSDPartitions1SizeUnits=%
        OSDPartitions2Type=Logical
        OSDPartitions2FileSystem=NTFS
        OSDPartitions2Size=40
        OSDPartitions2SizeUnits=MB
        OSDPartitions3Type=Logical
        OSDPartitions3FileSystem=NTFS
        OSDPartitions3VolumeName=Windows
        OSDPartitions3Size=100
        OSDPartitions3SizeUnits=%
        OSDPartitions3VolumeLetterVariable=OSDisk
    """,
}
NUMBERS = {"gpt": 3, "logical": 6}


@dataclass(frozen=True, slots=True)
class Deployed:
    """A disk that nobody deployed an image to, with the volume of Windows as a file of its own.

    Attributes:
        folder: where all of it is, which belongs to nobody.
        number: of the partition of Windows.
        offset: of it on the disk, in bytes.
    """

    folder: Path
    wim: Path
    disk: Path
    volume: Path
    number: int
    offset: int


def path_of(number: int) -> str:
    return f"folder {number // _FOLDER_OF:04d}/file number {number:06d}.data"


def is_compressed(path: str) -> bool:
    """Tell whether a file is in one of the compressed folders, which are a tenth of all."""
    return re.match(r"/?folder \d{3}1/", path) is not None


def write(folder: Path, *, compressed: bool) -> None:
    """Write the files that are to be in compressed folders, or the others, with contents of many sizes."""
    for number in range(FILES):
        path = folder / path_of(number)
        if is_compressed(path_of(number)) is compressed:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"%d " % number * (number % 97) ** 2)


def plant(mount: Path) -> None:
    """Add with the driver what the driver must make: compressed files, and something of NTFS to each twentieth file."""
    for number in range(0, FILES, _FOLDER_OF):
        folder = mount / Path(path_of(number)).parent
        if is_compressed(path_of(number)):
            folder.mkdir()
            os.setxattr(folder, "system.ntfs_attrib_be", struct.pack(">I", COMPRESSED))
        elif number // _FOLDER_OF % 10 == 0:
            os.setxattr(folder, "system.ntfs_acl", AUDITED)
    write(mount, compressed=True)
    for number in range(0, FILES, 20):
        _adorn(mount, mount / path_of(number), number)


def _adorn(mount: Path, path: Path, number: int) -> None:
    kind = number // 20 % 6
    if kind == 0:
        os.setxattr(path, "system.ntfs_acl", (DENIED, OPEN)[number // 120 % 2])
    elif kind == 1:
        Path(f"{path}:stream {number}").write_bytes(b"%d" % number * (number % 5000))
    elif kind == 2:
        os.setxattr(path, "system.ntfs_dos_name", b"F%06d.DAT" % number)
    elif kind == 3 and is_compressed(path_of(number)):
        # libwim creates such a file by the name that is not in the compressed folder, and so not compressed.
        return
    elif kind == 3:
        path.with_suffix(".link").hardlink_to(path)
        (mount / f"name {number}").hardlink_to(path)
    elif kind == 4:
        with path.with_suffix(".sparse").open("wb") as file:
            file.truncate(MIB)
            file.seek(number * 10)
            file.write(b"island")
    else:
        path.with_suffix(".junction").mkdir()
        target = f"C:\\folder {number}"
        os.setxattr(path.with_suffix(".junction"), "system.ntfs_reparse_data", mount_point(f"\\??\\{target}", target))
        path.with_suffix(".symlink").touch()
        data = symbolic_link(path.name, path.name, relative=True)
        os.setxattr(path.with_suffix(".symlink"), "system.ntfs_reparse_data", data)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the volume that the image is captured from."""
    folder = tmp_path_factory.mktemp("proof")
    (folder / "tree").mkdir()
    write(folder / "tree", compressed=False)
    judges.wimlib("capture", folder / "tree", folder / "tree.wim", "--compress=none")
    volume = judges.make_ntfs(folder / "source.ntfs", 256 * MIB + FILES * 24_000)
    # The driver would take ten times as long for them.
    judges.wimlib("apply", folder / "tree.wim", volume)
    with judges.mounted_ntfs(volume, folder / "mount") as mount:
        fill(mount)
        plant(mount)
    return volume


@pytest.fixture(scope="module")
def wim(source: Path) -> Path:
    path = source.with_name("install.wim")
    judges.wimlib("capture", source, path, "Reference", "--compress=lzx:20")
    return path


@pytest.fixture(scope="module", params=LAYOUTS)
def deployed(request: pytest.FixtureRequest, wim: Path, source: Path) -> Iterator[Deployed]:
    number = NUMBERS[request.param]
    size = 400 * MIB + source.stat().st_size
    with folder_for_all() as folder:
        shutil.copy(wim, folder / "install.wim")
        (folder / "layout.txt").write_text(re.sub(r"^ +", "", LAYOUTS[request.param], flags=re.MULTILINE))
        osdimage_as_nobody(
            *(folder, "deploy", "install.wim", "disk.img", "--vars", "layout.txt", "--size", f"{size // MIB}MB"),
            *("--strict", "--quiet"),
        )
        disk = folder / "disk.img"
        assert disk.stat().st_uid != 0
        seen = next(each for each in disk_judges.sfdisk(disk)[1] if each.number == number)
        volume = disk_judges.partition_of(disk, number, folder / "windows.ntfs")
        yield Deployed(folder, wim, disk, volume, number, seen.first * 512)


# ---- the disk


def test_the_disk_is_one(deployed: Deployed) -> None:
    assert judges.run("sfdisk", "--verify", deployed.disk)
    table = json.loads(judges.output("sfdisk", "-J", deployed.disk))["partitiontable"]
    types = [each["type"].lower() for each in table["partitions"]]
    if table["label"] == "gpt":
        assert "No problems found" in judges.run("sgdisk", "-v", deployed.disk)
        assert types[2] == "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
    else:
        assert types == ["c", "5", "7", "7"]
        assert [disk_judges._number(each["node"], str(deployed.disk)) for each in table["partitions"]] == [1, 2, 5, 6]


def test_the_volume_of_windows_is_sound(deployed: Deployed) -> None:
    ntfs_judges.ntfsfix(deployed.volume)
    judges.assert_ntfs_clean(deployed.volume)
    assert ntfs_judges.ntfsinfo(deployed.volume)["Volume Name"] == "Windows"
    with open_target(str(deployed.volume)) as target:
        report = check_ntfs(target)
    assert report.counts == {}
    assert report.files > FILES


def test_an_image_goes_to_the_fat32_volume_beside_it(deployed: Deployed, tmp_path: Path) -> None:
    tree = tmp_path / "boot"
    (tree / "EFI").mkdir(parents=True)
    (tree / "EFI" / "A long name.efi").write_bytes(b"boot" * 50_000)
    judges.wimlib("capture", tree, deployed.folder / "boot.wim")
    where = ("boot.wim", "disk.img", "--partition", "1")
    osdimage_as_nobody(deployed.folder, "apply", *where, "--wipe", "--yes", "--strict")
    osdimage_as_nobody(deployed.folder, "compare", *where, "--strict")
    volume = disk_judges.partition_of(deployed.disk, 1, tmp_path / "fat.img")
    # One directory, one file.
    assert fat_judges.fsck(volume).entries == 2
    assert judges.run("mtype", "-i", volume, "::/EFI/A long name.efi") == "boot" * 50_000
    _, found = fat_judges.dissect(volume)
    assert set(found) == {"EFI", "EFI/A long name.efi"}


# ---- the files


@pytest.mark.slow
def test_dissect_reads_every_byte(deployed: Deployed) -> None:
    listed = judges.seven_zip_files(deployed.wim)[1]
    found = ntfs_judges.contents(deployed.volume)
    assert len(found) >= FILES
    assert found.keys() == {path for path, each in listed.items() if not each.is_stream}
    for path, what in found.items():
        # What 7-Zip lists of a link is its reparse data.  One compressed file of a hundred, such as number 129, is read
        # wrong by dissect.util's LZNT1, on the volume that the driver wrote too.
        if what != "link" and not is_compressed(path):
            assert what == ("directory" if listed[path].is_directory else listed[path].sha1 or EMPTY), path


# How a WIM stores what it holds is not what it holds.
_OF_THE_FILE = ("Offset in WIM", "Compressed size", "Flags")


def detailed(wim: Path) -> dict[str, list[str]]:
    """Return what ``wimlib-imagex dir --detailed`` says of each file, but for numbers that are given out anew."""
    found: dict[str, list[str]] = {}
    groups: dict[str, str] = {}
    for block in judges.output("wimlib-imagex", "dir", wim, "1", "--detailed").split("-" * 76):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if not lines:
            continue
        path = re.fullmatch(r'Full Path\s+= "(.*)"', lines[0])
        assert path is not None, lines[0]
        found[path[1]] = [_renumbered(line, path[1], groups) for line in lines if not line.startswith(_OF_THE_FILE)]
    return found


def _renumbered(line: str, path: str, groups: dict[str, str]) -> str:
    label, _, value = line.partition("=")
    if label.strip() == "Link Group ID":
        # The first name of the group stands for it.
        return f"{label}={groups.setdefault(value, path)}"
    return line


def test_the_image_is_the_same_when_others_capture_it_again(deployed: Deployed) -> None:
    again = deployed.folder / "theirs.wim"
    judges.wimlib("capture", deployed.volume, again, "Reference", "--compress=none")
    assert ntfs_judges.blobs(again) == ntfs_judges.blobs(deployed.wim)
    assert detailed(again) == detailed(deployed.wim)


def test_the_image_is_the_same_when_nobody_captures_it_again(deployed: Deployed) -> None:
    where = ("disk.img", "ours.wim", "--partition", str(deployed.number))
    osdimage_as_nobody(deployed.folder, "capture", *where, "--compress", "none", "--quiet")
    again = deployed.folder / "ours.wim"
    assert ntfs_judges.blobs(again) == ntfs_judges.blobs(deployed.wim)
    assert detailed(again) == detailed(deployed.wim)


def test_the_comparison_finds_nothing(deployed: Deployed) -> None:
    where = ("install.wim", "disk.img", "--partition", str(deployed.number))
    osdimage_as_nobody(deployed.folder, "compare", *where, "--strict")


# ---- through the kernel


@contextmanager
def loop_device(disk: Path, offset: int, size: int) -> Iterator[Path]:
    """Show a part of a file as a device that cannot be written."""
    words = ("--find", "--show", "--read-only", "--offset", str(offset), "--sizelimit", str(size))
    device = Path(judges.output("losetup", *words, disk).strip())
    try:
        yield device
    finally:
        judges.run("losetup", "--detach", device)


@pytest.mark.slow
def test_the_ntfs_3g_driver_sees_on_a_loop_device_what_it_made(
    deployed: Deployed, source: Path, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes loop devices")
    with judges.mounted_ntfs(source, tmp_path / "source", read_only=True) as mount:
        expected = _without_change_times(judges.read_ntfs(mount, STREAMS))
    size = deployed.volume.stat().st_size
    with (
        loop_device(deployed.disk, deployed.offset, size) as device,
        judges.mounted_ntfs(device, tmp_path / "loop", read_only=True) as mount,
    ):
        found = _without_change_times(judges.read_ntfs(mount, STREAMS))
    assert found.keys() == expected.keys()
    assert found == expected


def _without_change_times(files: dict[str, judges.NtfsFile]) -> dict[str, judges.NtfsFile]:
    """Leave out the time at which the driver itself changed a file's record, which no image has."""
    return {path: replace(each, times=each.times[:3]) for path, each in files.items()}
