"""Files that end before some of the disk, as a download that was cut off does: QEMU reads zeros there, silently."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from judges import containers as judges
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

SIZE = 4 << 20
# Where QEMU tells by itself, as of VHDX and VHD, its word is taken.
SILENT = (
    pytest.param("qcow2", (), id="qcow2"),
    pytest.param("qcow2", ("compat=0.10",), id="qcow2-version-2"),
    pytest.param("qcow2", ("extended_l2=on", "cluster_size=16K"), id="qcow2-extended-l2"),
    pytest.param("qcow2", ("refcount_bits=1", "cluster_size=512"), id="qcow2-counts-of-a-bit"),
    pytest.param("vmdk", (), id="vmdk"),
    pytest.param("vdi", (), id="vdi"),
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a plain disk with contents up to its end."""
    path = tmp_path_factory.mktemp("plain") / "plain.img"
    path.write_bytes(random.Random(5).randbytes(SIZE))
    return path


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 3 // 4)


@pytest.mark.parametrize(("form", "options"), SILENT)
def test_one_that_ends_before_some_of_the_disk_is_refused(
    form: str, options: tuple[str, ...], image: Path, tmp_path: Path
) -> None:
    path = judges.convert(image, tmp_path / f"disk.{form}", form, *options)
    # It has no partition table, which is what is said of one that is whole.
    assert "no partition table" in osdimage("disk", "show", path, code=3).err
    cut(path)
    assert judges.plain(path, form, tmp_path / "zeros").read_bytes() != image.read_bytes()
    assert "it is cut off: some of the disk would be at byte " in osdimage("disk", "show", path, code=3).err
    assert "it is cut off" in osdimage("disk", "init", path, "--preset", "data-gpt", "--yes", code=4).err


def test_one_that_is_compressed_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "plain.img"
    image.write_bytes(b"".join(struct.pack("<I", n) * 16 for n in range(SIZE // 64)))
    path = judges.convert(image, tmp_path / "disk.qcow2", "qcow2", compress=True)
    cut(path)
    assert "it is cut off" in osdimage("disk", "show", path, code=3).err


@pytest.mark.parametrize("kind", ["twoGbMaxExtentSparse", "twoGbMaxExtentFlat"])
def test_the_extents_of_a_vmdk_have_to_be_whole(kind: str, image: Path, tmp_path: Path) -> None:
    path = judges.convert(image, tmp_path / "disk.vmdk", "vmdk", f"subformat={kind}")
    (extent,) = tmp_path.glob("disk-*.vmdk")
    assert "no partition table" in osdimage("disk", "show", path, code=3).err
    cut(extent)
    assert judges.plain(path, "vmdk", tmp_path / "zeros").read_bytes() != image.read_bytes()
    said = osdimage("disk", "show", path, code=3).err
    assert f"{path} refers to {extent}: " in said
    assert "it is cut off" in said


def test_the_file_below_has_to_be_whole(image: Path, tmp_path: Path) -> None:
    base = judges.convert(image, tmp_path / "base.qcow2", "qcow2")
    path = tmp_path / "disk.qcow2"
    judges.qemu_img("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "base.qcow2", path)
    cut(base)
    assert "it is cut off" in osdimage("disk", "show", path, code=3).err


@pytest.mark.parametrize("options", [("preallocation=metadata",), ("preallocation=falloc",)])
def test_clusters_that_nobody_wrote_yet_are_not_missed(options: tuple[str, ...], tmp_path: Path) -> None:
    path = judges.create(tmp_path / "disk.qcow2", "qcow2", "20M", *options)
    assert "no partition table" in osdimage("disk", "show", path, code=3).err


def test_a_cluster_that_a_killed_program_did_not_come_to_write_is_not_missed(image: Path, tmp_path: Path) -> None:
    path = judges.convert(image, tmp_path / "disk.qcow2", "qcow2")
    with path.open("r+b") as file:
        table = struct.unpack(">Q", file.read(56)[48:])[0]
        file.seek(table)
        (block,) = struct.unpack(">Q", file.read(8))
        file.seek(block + 2 * 5000)
        file.write(struct.pack(">H", 1))
    judges.check(path, "qcow2")
    assert "no partition table" in osdimage("disk", "show", path, code=3).err


def test_the_file_with_the_data_has_to_be_whole(image: Path, tmp_path: Path) -> None:
    data, path = tmp_path / "data.img", tmp_path / "disk.qcow2"
    judges.create(path, "qcow2", str(SIZE), f"data_file={data}", "data_file_raw=on")
    judges.qemu_img("convert", "-n", "-f", "raw", "-O", "qcow2", image, path)
    assert "no partition table" in osdimage("disk", "show", path, code=3).err
    cut(data)
    assert judges.plain(path, "qcow2", tmp_path / "zeros").read_bytes() != image.read_bytes()
    said = osdimage("disk", "show", path, code=3).err
    assert f"{path} refers to {data}: " in said
    assert "it is cut off" in said
