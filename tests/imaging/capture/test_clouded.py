"""Folders that OneDrive keeps in step, captured: plain, and without what is in the cloud only.

wimlib-imagex lists and extracts what the WIM holds.
"""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

import pytest
from cases.cloud import SMALL, here, online, synced_volume
from cases.wimcraft import Node, folder
from judges import wim as judges
from judges.disk import copy_of
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

MANY = {f"Desktop/Many/file {number:03}.txt" for number in range(100)}
FILES = MANY | {"Desktop/here.txt", "other name.txt", "plain.txt"}
ELSEWHERE = ["/Desktop/Many/là *?.txt", "/Desktop/online.txt", "/alone.txt", "/second.txt"]


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    judges.require("wimlib-imagex")
    twice = [online(name, link_group=7) for name in ("alone.txt", "second.txt")]
    # Fits the name of the file in the cloud as a pattern does, and is none.
    like = folder("Desktop2", Node("là plain.txt", SMALL))
    path = tmp_path_factory.mktemp("cloud") / "volume.ntfs"
    return synced_volume(path, *twice, here("other name.txt"), Node("plain.txt", SMALL), like)


@pytest.fixture(scope="module")
def captured(volume: Path) -> Path:
    wim = volume.with_name("captured.wim")
    ran = osdimage("capture", volume, wim, "--verbose")
    assert "files that are in a cloud only left out: 4" in ran.err
    assert "reparse point" not in ran.err
    for path in ELSEWHERE:
        assert f"  left out, in a cloud only: {path}\n" in ran.out
    return wim


def test_what_is_here_is_captured_and_plain(captured: Path, tmp_path: Path) -> None:
    judges.wimlib("verify", captured)
    told = judges.output("wimlib-imagex", "dir", captured, "1", "--detailed")
    assert "Reparse" not in told
    assert "REPARSE_POINT" not in told
    judges.wimlib("apply", captured, "1", tmp_path / "out")
    found = {os.fspath(each.relative_to(tmp_path / "out")): each for each in (tmp_path / "out").rglob("*.txt")}
    assert found.keys() == FILES | {"Desktop2/là plain.txt"}
    assert {each.read_bytes() for each in found.values()} == {SMALL}


def test_the_image_is_what_the_volume_holds(captured: Path, volume: Path) -> None:
    document = osdimage("compare", captured, volume, "--json").document
    (report,) = document["volumes"]
    assert (report["is_equal"], sorted(report["excluded"])) == (True, ELSEWHERE)
    assert [each for each in report["notes"] if "104 files and directories are kept in step with a cloud" in each]


def test_all_volumes_and_plain_forms_leave_out_the_same(volume: Path, tmp_path: Path) -> None:
    document = osdimage("capture", volume, tmp_path / "a.wim", "--decompact", "--json").document
    assert document["images"][0]["in_cloud"] == ELSEWHERE
    assert document["images"][0]["files"] == len(FILES) + 1


def test_a_folder_with_a_reparse_point_of_another_kind_is_warned_of(volume: Path, tmp_path: Path) -> None:
    other = copy_of(volume, tmp_path / "other.ntfs")
    with judges.mounted_ntfs(other, tmp_path / "mount") as mounted:
        # IO_REPARSE_TAG_PROJFS, in a record and in clusters.
        for name, size in (("Desktop", 4), ("Desktop2", 4000)):
            point = struct.pack("<IHH", 0x9000001C, size, 0) + bytes(size)
            os.setxattr(mounted / name, "system.ntfs_reparse_data", point, follow_symlinks=False)
    said = osdimage("capture", other, tmp_path / "a.wim").err
    assert "2 directories have a reparse point that is no cloud's, and what is in there is not captured" in said
    assert judges.wimlib("dir", tmp_path / "a.wim", "1").split("\n").count("/Desktop/here.txt") == 0


def test_a_folder_that_is_here_in_part_is_told(volume: Path, tmp_path: Path) -> None:
    part = copy_of(volume, tmp_path / "part.ntfs")
    with judges.mounted_ntfs(part, tmp_path / "mount") as mounted:
        os.setxattr(mounted / "Desktop", "system.ntfs_attrib", struct.pack("<I", 0x401410), follow_symlinks=False)
    said = osdimage("capture", part, tmp_path / "a.wim").err
    assert "1 directory has more in a cloud than here; what is here is captured" in said
    assert "OFFLINE" not in judges.output("wimlib-imagex", "dir", tmp_path / "a.wim", "1", "--detailed")


def test_a_file_in_a_cloud_whose_name_is_cut_off_is_damage(volume: Path, tmp_path: Path) -> None:
    damaged = copy_of(volume, tmp_path / "damaged.ntfs")
    data = bytearray(damaged.read_bytes())
    name = "online.txt".encode("utf-16-le")
    # Behind the head of a resident $FILE_NAME and 66 bytes of it.
    (at,) = (
        each.start() for each in re.finditer(re.escape(name), data) if data.startswith(b"\x30\0\0\0", each.start() - 90)
    )
    # Its length, in units of UTF-16: more than the value has, of which an odd number of bytes is left.
    data[at - 2] = 255
    (size,) = struct.unpack_from("<I", data, at - 66 - 24 + 16)
    struct.pack_into("<I", data, at - 66 - 24 + 16, size - 1)
    damaged.write_bytes(data)
    said = osdimage("capture", damaged, tmp_path / "a.wim", code=3).err
    assert "has a damaged $FILE_NAME" in said
