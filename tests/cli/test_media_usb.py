"""``osdimage media usb``: a stick of a boot image, as programs of others read it and the firmware of PCs starts it."""

from __future__ import annotations

import hashlib
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases import boot as boot_cases
from cases import media, sticks
from cases import windows as windows_cases
from cases.windows_trees import write_tree
from judges import boot as boot_judges
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import wim as judges
from judges.wim import output
from osdimage.imaging.units import MIB
from runs.commands import osdimage

LARGE = 3_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a boot image, a medium of Windows Setup, and what Setup applies."""
    made = tmp_path_factory.mktemp("usb")
    media.boot_image(made / "pe.wim")
    write_tree(made / "setup", media.medium_files())
    write_tree(made / "tree", {f"{number}.bin": random.Random(number).randbytes(LARGE // 3) for number in range(3)})
    judges.wimlib("capture", made / "tree", made / "setup" / "sources" / "install.wim", "Windows")
    return made


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in a folder of the test's own, with links to what is there."""
    for each in folder.iterdir():
        (tmp_path / each.name).symlink_to(each)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def on_stick(stick: Path) -> dict[str, bytes]:
    """Return path and contents of every file on the first volume, which is whole, as mtools copies them."""
    volume = sticks.partition(stick.absolute(), 1)
    fat_judges.fsck(volume)
    out = volume.with_suffix(".out")
    judges.run("rm", "-rf", out)
    fat_judges.copy_out(volume, out)
    return {each.relative_to(out).as_posix().lower(): each.read_bytes() for each in out.rglob("*") if each.is_file()}


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_a_stick_has_the_files_of_the_source_the_boot_image_and_what_starts_it() -> None:
    shown = osdimage("media", "usb", "d.img", "--boot-image", "pe.wim", "--source", "setup", "--json").document
    found = on_stick(Path("d.img"))
    (stick,) = shown["media"]
    assert {each["path"].lower() for each in stick["files"]} == set(found)
    assert stick["size_bytes"] == Path("d.img").stat().st_size
    assert found["sources/boot.wim"] == Path("pe.wim").read_bytes()
    assert found["sources/install.wim"] == Path("setup/sources/install.wim").read_bytes()
    assert found["bootmgr"] == b"bootmgr of the medium"
    assert shown["boot"]["firmware"] == ["bios", "uefi"]
    assert [(each["filesystem"], each["files"]) for each in shown["volumes"]] == [("FAT32", len(found))]


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_an_install_image_that_is_too_large_is_cut_into_parts_that_wimlib_reads(tmp_path: Path) -> None:
    shown = osdimage("media", "usb", "d.img", "--boot-image", "pe.wim", "--source", "setup", "--split-size", "2MB").out
    assert "  sources/install.wim: in 2 parts\n" in shown
    found = on_stick(Path("d.img"))
    assert "sources/install.wim" not in found
    for name in ("install.swm", "install2.swm"):
        (tmp_path / name).write_bytes(found[f"sources/{name}"])
    judges.wimlib("verify", "install.swm", "--ref=install*.swm")


@pytest.mark.usefixtures("here")
def test_a_dry_run_tells_all_and_writes_nothing() -> None:
    told = osdimage("media", "usb", "d.img", "--boot-image", "pe.wim", "--layout", "gpt", "--dry-run")
    assert "d.img: would write " in told.out
    assert "  starts: UEFI (x64)" in told.out
    assert "it starts with UEFI alone: a BIOS does not start a disk with a GPT" in told.err
    assert "bootmgr" in told.out
    assert not Path("d.img").exists()


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_what_is_on_a_disk_is_shown_and_lost_with_yes_alone() -> None:
    make = ("media", "usb", "d.img", "--boot-image", "pe.wim")
    osdimage(*make)
    before = disk_judges.stored(Path("d.img"))
    assert "d.img would be overwritten; give --yes" in osdimage(*make, code=2).err
    osdimage(*make, "--dry-run")
    assert disk_judges.stored(Path("d.img")) == before
    shown = osdimage(*make, "--yes", "--layout", "gpt", code=4)
    assert "are needed" in shown.err
    assert disk_judges.stored(Path("d.img")) == before
    shown = osdimage(*make, "--yes", "--seed", "x", "--json").document
    assert Path(shown["saved"]).exists()


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_an_update_writes_what_differs_and_a_rehearsal_tells_of_it() -> None:
    make = ("media", "usb", "d.img", "--boot-image", "pe.wim")
    osdimage(*make)
    Path("tool.exe").write_bytes(b"a tool")
    before = disk_judges.stored(Path("d.img"))
    update = (*make, "--update", "--add", "tool.exe=/tools/tool.exe")
    shown = osdimage(*update, "--dry-run")
    assert re.search(r"^d\.img: would hold \d+ files, ", shown.out)
    assert "  tools/tool.exe: would be written, 6 bytes\n" in shown.out
    assert disk_judges.stored(Path("d.img")) == before
    changed = osdimage(*update, "--json").document["update"]
    assert changed["written"] == ["tools/tool.exe"]
    assert on_stick(Path("d.img"))["tools/tool.exe"] == b"a tool"
    assert osdimage(*update, "--json").document["update"]["written"] == []


@pytest.fixture
def loop(here: Path) -> Iterator[str]:
    """Return a loop device over a file of the test's own."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if not Path("/dev/loop-control").exists():
        disk_judges.missing("this machine has no loop devices")
    with (here / "device.img").open("wb") as stream:
        stream.truncate(400 * MIB)
    name = output("losetup", "--find", "--show", "device.img").strip()
    yield name
    judges.run("losetup", "--detach", name)


@pytest.mark.root
@pytest.mark.foreign
def test_a_device_is_used_whole_and_updated_in_its_place(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSDIMAGE_STATE_DIR", str(Path("state").absolute()))
    make = ("media", "usb", loop, "--boot-image", "pe.wim")
    osdimage(*make, "--yes")
    (first,) = disk_judges.sfdisk(Path("device.img"))[1]
    assert first.sectors == 399 * MIB // 512
    assert osdimage(*make, "--update", "--json").document["update"]["written"] == []
    assert on_stick(Path("device.img"))["sources/boot.wim"] == Path("pe.wim").read_bytes()
    # Before the boot image, which may take minutes to make ready, is looked at: it is none.
    Path("none.wim").write_bytes(b"no WIM")
    other = ("media", "usb", loop, "--boot-image", "none.wim")
    assert "expected was" in osdimage(*other, "--yes", "--expect-serial", "X", code=4).err
    assert "would be overwritten; give --yes" in osdimage(*other, code=2).err


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_a_stick_is_made_in_the_format_of_a_virtual_machine() -> None:
    osdimage("media", "usb", "d.qcow2", "--boot-image", "pe.wim")
    output("qemu-img", "convert", "-O", "raw", "d.qcow2", "d.raw")
    assert '"format": "qcow2"' in output("qemu-img", "info", "--output=json", "d.qcow2")
    assert on_stick(Path("d.raw"))["sources/boot.wim"] == Path("pe.wim").read_bytes()


@pytest.mark.parametrize("layout", ["fat32", "fat32+ntfs"])
@pytest.mark.usefixtures("here")
def test_the_same_seed_makes_the_same_bytes_with_a_boot_image_and_parts_that_are_made_on_the_way(layout: str) -> None:
    if layout == "fat32":
        osdimage("export", "setup/sources/install.wim", "install.esd", "--all")
        more = ("--add", "install.esd=sources/install.wim", "--split-size", "2MB")
    else:
        more = ("--source", "setup")
    for name in ("1.img", "2.img"):
        line = ("--boot-image", "pe.wim", "--scratch", "256", "--seed", "lab", "--layout", layout)
        osdimage("media", "usb", name, *line, *more)
    assert disk_judges.stored(Path("1.img")) == disk_judges.stored(Path("2.img"))


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_an_update_with_the_same_settings_finds_the_boot_image_as_it_was() -> None:
    make = ("media", "usb", "d.img", "--boot-image", "pe.wim", "--scratch", "256")
    osdimage(*make)
    assert osdimage(*make, "--update", "--json").document["update"]["written"] == []
    changed = osdimage(*make[:-1], "512", "--update", "--json").document["update"]
    assert changed["written"] == ["sources/boot.wim"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("setup/d.img", "--source", "setup"), 2, "is inside setup", id="inside its source"),
        pytest.param(("pe.wim",), 2, "is read by this command", id="its boot image"),
        pytest.param(("d.img", "--update"), 2, "there is no such stick", id="nothing to update"),
        pytest.param(("d.img", "--update", "--size", "1GB"), 2, "--size does not go with --update", id="update"),
        pytest.param(("d.img", "--update", "--label", "X"), 2, "--label does not go with", id="the label of an update"),
        pytest.param(("d.img", "--update", "--no-backup"), 2, "--update keeps the table", id="the table of an update"),
        pytest.param(("d.img", "--layout", "gpt", "--firmware", "both"), 2, "UEFI alone starts", id="gpt and a BIOS"),
        pytest.param(("d.img", "--size", "30MB"), 2, "too small for FAT32", id="too small"),
        pytest.param(("d.img", "--split-size", "4GB"), 2, "are not possible on FAT32", id="too large parts"),
        pytest.param(("/dev/no-such-stick",), 2, "is no device that is there", id="a device that is not there"),
        pytest.param(("d.vmdk",), 2, "VMDK disks are not made", id="a format that is not made"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_is_refused_and_leaves_nothing(words: tuple[str, ...], code: int, said: str) -> None:
    before = sorted(each.name for each in Path().iterdir())
    assert said in osdimage("media", "usb", *words, "--boot-image", "pe.wim", code=code).err
    assert sorted(each.name for each in Path().iterdir()) == before


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_a_bios_and_uefi_start_the_same_stick(tmp_path: Path) -> None:
    standin = boot_cases.standin(tmp_path, 300_000)
    files = media.boot_files() | {"Windows/Boot/PCAT/bootmgr": standin.data}
    media.boot_image(tmp_path / "standin.wim", files)
    osdimage("media", "usb", "d.img", "--boot-image", "standin.wim")
    booted = boot_judges.boot_bios(Path("d.img"))
    assert booted.reached, booted.printed
    assert standin.report(oem="MSWI") in booted.printed


@pytest.mark.foreign
@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.usefixtures("here")
def test_uefi_starts_the_loader_of_the_boot_image_from_usb(tmp_path: Path) -> None:
    loader = windows_cases.grub_loader(tmp_path / "loader.efi", sticks.GRUB, *sticks.GRUB_MODULES)
    media.boot_image(tmp_path / "grub.wim", media.boot_files() | {"Windows/Boot/EFI/bootmgfw.efi": loader})
    osdimage("media", "usb", "d.img", "--boot-image", "grub.wim")
    booted = boot_judges.boot_uefi(Path("d.img"), tmp_path / "variables.fd", is_usb=True)
    assert booted.reached, booted.printed
    assert f"BOOTWIM {hashlib.sha256(Path('grub.wim').read_bytes()).hexdigest()}" in booted.printed
