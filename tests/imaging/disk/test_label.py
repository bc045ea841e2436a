"""The label of a FAT volume that counts: mkfs.vfat makes it, mlabel changes it; blkid and mlabel read it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.held import look_at
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.units import Geometry
from osdimage.imaging.volume.fat.make import open_fat
from osdimage.imaging.volume.fat.names import store_label
from runs.commands import osdimage

MIB = 1 << 20
BITS = {12: 4 * MIB, 16: 32 * MIB, 32: 40 * MIB}
BOOT_LABEL = {12: 43, 16: 43, 32: 71}


def make(path: Path, bits: int, label: str | None) -> Path:
    with path.open("wb") as file:
        file.truncate(BITS[bits])
    size = ("-s", "1") if bits == 32 else ()
    judges.run("mkfs.vfat", "-F", str(bits), *size, *(() if label is None else ("-n", label)), path)
    return path


def shown(path: Path) -> str | None:
    with open_image(str(path)) as target:
        found = look_at(target).label
        if path.name.startswith("32"):
            assert open_fat(target).label == found
    return found


def set_boot_label(path: Path, bits: int, label: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(BOOT_LABEL[bits])
        file.write(label.ljust(11))


@pytest.mark.foreign
@pytest.mark.parametrize("bits", BITS)
def test_the_entry_of_the_root_counts_before_the_boot_sector(tmp_path: Path, bits: int) -> None:
    volume = make(tmp_path / f"{bits}.img", bits, "BOTH")
    assert shown(volume) == "BOTH"
    set_boot_label(volume, bits, b"BOOT ONLY")
    # mlabel -s reads the root; blkid, too, and calls the other one LABEL_FATBOOT.
    assert "BOTH" in judges.run("mlabel", "-s", "-i", volume, "::")
    assert shown(volume) == "BOTH"
    judges.run("mlabel", "-i", volume, "::ROOT ONLY")
    set_boot_label(volume, bits, b"NO NAME")
    assert shown(volume) == "ROOT ONLY"
    judges.run("mlabel", "-c", "-i", volume, "::")
    assert shown(volume) is None
    set_boot_label(volume, bits, b"BOOT ONLY")
    assert shown(volume) == "BOOT ONLY"


@pytest.mark.foreign
def test_a_label_behind_many_files_and_clusters_is_found(tmp_path: Path) -> None:
    volume = make(tmp_path / "32.img", 32, None)
    (tmp_path / "file").write_bytes(b"")
    names = [f"a name that takes some entries, number {number}" for number in range(40)]
    for name in names:
        judges.run("mcopy", "-i", volume, tmp_path / "file", f"::{name}")
    set_boot_label(volume, 32, b"OLD")
    assert shown(volume) == "OLD"
    judges.run("mlabel", "-i", volume, "::FAR AWAY")
    set_boot_label(volume, 32, b"OLD")
    assert shown(volume) == "FAR AWAY"


@pytest.mark.foreign
@pytest.mark.parametrize("label", ["Mixed case", "lower"])
def test_a_volume_that_is_made_anew_keeps_its_label_as_it_is(tmp_path: Path, label: str) -> None:
    volume = make(tmp_path / "32.img", 32, label)
    (tmp_path / "tree").mkdir()
    judges.wimlib("capture", tmp_path / "tree", tmp_path / "tree.wim")
    osdimage("apply", tmp_path / "tree.wim", volume, "--wipe", "--yes")
    assert judges.output("blkid", "-p", "-o", "value", "-s", "LABEL", volume).strip() == label
    assert shown(volume) == label
    # Characters of another code page than 437, as Windows of another country writes them.
    set_boot_label(volume, 32, b"\xd0\xd1\xd2 x")
    judges.run("mlabel", "-c", "-i", volume, "::")
    set_boot_label(volume, 32, b"\xd0\xd1\xd2 x")
    osdimage("apply", tmp_path / "tree.wim", volume, "--wipe", "--yes")
    with volume.open("rb") as file:
        file.seek(71)
        assert file.read(11) == b"\xd0\xd1\xd2 x      "


def test_windows_makes_labels_of_fat_in_upper_case_and_of_ntfs_as_they_are() -> None:
    assert FileSystem.FAT32.label_for("System äß") == "SYSTEM Äß"
    assert FileSystem.NTFS.label_for("System") == "System"
    assert store_label("System", 437) == b"System     "
    assert store_label(b"\xd0raw", 437) == b"\xd0raw       "
    with pytest.raises(InvalidRequest, match="at most 11 characters"):
        store_label("twelve chars", 437)


@given(st.binary(min_size=512, max_size=4096), st.sampled_from([b"FAT12   ", b"FAT16   ", b"FAT32   "]))
def test_whatever_a_boot_sector_says_the_label_is_a_text_or_none(data: bytes, kind: bytes) -> None:
    target = MemoryTarget(Geometry(512, 64))
    target.write_at(0, data)
    target.write_at(82 if kind == b"FAT32   " else 54, kind)
    # Sizes that can be, so that the root is looked for.
    target.write_at(11, struct.pack("<HBHB", 512, 1, 1, 1))
    assert isinstance(look_at(target).label, (str, type(None)))
