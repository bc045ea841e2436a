"""What is no plain image of a disk: a WIM in its place, and a fixed VHD, which is a disk and a footer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from judges import disk as disk_judges
from judges import wim as judges
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.units import GIB, MIB
from runs import commands

pytestmark = pytest.mark.foreign


def qemu_img(*arguments: str | Path) -> None:
    subprocess.run([judges.require("qemu-img"), *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("options", [(), ("--pipable",)], ids=["plain", "pipable"])
def test_a_wim_in_the_place_of_a_disk_is_told_and_not_written_over(options: tuple[str, ...], tmp_path: Path) -> None:
    """As where the arguments of deploy are given in the wrong order; made by wimlib-imagex."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_bytes(b"contents")
    wim, other = tmp_path / "install.wim", tmp_path / "other.wim"
    for each in (wim, other):
        judges.wimlib("capture", tmp_path / "tree", each, *options)
    before = wim.read_bytes()
    # As large as a disk.
    with wim.open("r+b") as file:
        file.truncate(8 * GIB)
    preset = ("--preset", "uefi", "--yes")
    for arguments, code in (
        (("disk", "show", wim), 3),
        (("disk", "check", wim), 3),
        (("boot", "check", wim), 3),
        (("disk", "init", wim, *preset), 4),
        (("deploy", other, wim, *preset), 4),
        (("deploy", other, wim, "--size", "8GB", "--format", "vhd", *preset), 4),
    ):
        assert f"{wim} is a WIM, not an image of a disk" in commands.osdimage(*arguments, code=code).err
    with wim.open("rb") as file:
        assert file.read(len(before)) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["install.wim", "other.wim", "tree"]


def test_a_fixed_vhd_is_laid_out_before_its_footer(tmp_path: Path) -> None:
    disk, raw = tmp_path / "disk.vhd", tmp_path / "raw.img"
    qemu_img("create", "-q", "-f", "vpc", "-o", "subformat=fixed,force_size=on", disk, "4G")
    footer = _last_sector(disk)
    commands.osdimage("disk", "init", disk, "--preset", "uefi", "--yes")
    assert _last_sector(disk) == footer
    qemu_img("convert", "-f", "vpc", "-O", "raw", disk, raw)
    assert raw.stat().st_size == 4 * GIB
    assert "No problems found" in disk_judges.sgdisk_verify(raw)


def test_the_mark_alone_at_the_end_of_a_disk_hides_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk.vhd"
    qemu_img("create", "-q", "-f", "vpc", "-o", "subformat=fixed,force_size=on", disk, "4M")
    footer = bytearray(_last_sector(disk))
    footer[0x30] ^= 1
    with disk.open("r+b") as file:
        file.seek(-512, 2)
        file.write(footer)
    with open_target(str(disk)) as target:
        assert target.geometry.size_bytes == 4 * MIB + 512


def _last_sector(disk: Path) -> bytes:
    with disk.open("rb") as file:
        file.seek(-512, 2)
        return file.read()
