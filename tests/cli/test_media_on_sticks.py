"""``--usb`` of the commands that make media with a purpose: sticks, as other programs and osdimage itself read them."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import pytest
from cases import media, sequence_packages, sticks
from cases.sequence import MBR
from judges import disk as disk_judges
from judges import fat as fat_judges
from judges import ntfs as ntfs_judges
from judges.wim import output
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.forms.xml import write_sequence
from osdimage.imaging.units import GIB
from runs.commands import Outcome, osdimage

pytestmark = pytest.mark.foreign

SHARE = r"\\server\deploy\media"
PURPOSES = {
    "boot": ("--server", SHARE),
    "capture": ("--destination", rf"{SHARE}\pc.wim", "--name", "Lab PC"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a boot image, a Windows, and task sequences."""
    made = tmp_path_factory.mktemp("sticks")
    media.boot_image(made / "pe.wim")
    images = made / "images"
    images.mkdir()
    (made / "windows.wim").symlink_to(sequence_packages.packages(images)["ABC00001"])
    deploy = sequence(
        "Deploy",
        step("Partition", "PartitionDisk", MBR),
        step("Apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "P1"}),
    )
    (made / "deploy.xml").write_bytes(write_sequence(deploy))
    asks = step("Where from", "RunCommandLine", {"CommandLine": "cmd /c echo %_SMSTSLaunchMode%"})
    (made / "pe.xml").write_bytes(write_sequence(sequence("Asks", asks)))
    return made


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in a folder of the test's own, with links to what is there."""
    for each in folder.iterdir():
        (tmp_path / each.name).symlink_to(each)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OSDIMAGE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def standalone(*more: str | Path, code: int = 0) -> Outcome:
    words = ("--boot-image", "pe.wim", "--sequence", "deploy.xml", "--package", "P1=windows.wim")
    return osdimage("media", "standalone", "d.img", *words, *more, code=code)


def first_volume(to: Path) -> Path:
    """Copy the files of the first volume with mtools, which fsck.fat has found whole."""
    volume = sticks.partition(Path("d.img").absolute(), 1)
    fat_judges.fsck(volume)
    fat_judges.copy_out(volume, to)
    return to


@pytest.mark.parametrize("layout", ["fat32", "fat32+ntfs"])
def test_a_computer_is_installed_from_a_stick(here: Path, layout: str) -> None:
    made = standalone("--usb", "--layout", layout, "--json").document
    (stick,) = made["media"]
    assert (made["stick"]["layout"], made["stick"]["saved"], made["warnings"]) == (layout, None, [])
    assert sum(each["files"] for each in made["stick"]["volumes"]) == len(stick["files"])
    assert stick["size_bytes"] == Path("d.img").stat().st_size
    assert made["boot"]["firmware"] == ["bios", "uefi"]
    files = first_volume(here / "files")
    if layout == "fat32":
        with contextlib.chdir(files):
            output("sha256sum", "--check", "--strict", "--quiet", "osdimage/SHA256SUMS")
    else:
        second = disk_judges.partition_of(Path("d.img"), 2, here / "second")
        assert '"kind": "standalone"' in ntfs_judges.ntfscat(second, "/osdimage/media.json")
        assert not (files / "osdimage").exists()
    assert "starts under BIOS and UEFI (x64)" in osdimage("media", "verify", "d.img").out
    words = ("--disk", "0=disk.img", "--size", "700MB", "--firmware", "bios", "--yes")
    assert "Deploy: succeeded" in osdimage("run", "--medium", "d.img", *words, "--leave-out", "windows").out
    windows = disk_judges.partition_of(here / "disk.img", 1, here / "windows")
    assert ntfs_judges.ntfscat(windows, "/Users/Public/readme.txt") == "of the image\n"


@pytest.mark.parametrize("kind", PURPOSES)
def test_boot_and_capture_media_are_made_as_sticks(here: Path, kind: str) -> None:
    words = ("media", kind, "d.img", "--boot-image", "pe.wim", *PURPOSES[kind], "--usb")
    assert "d.img: would write" in osdimage(*words, "--dry-run").out
    assert not Path("d.img").exists()
    assert osdimage(*words, "--json").document["warnings"] == []
    files = first_volume(here / "files")
    manifest = json.loads((files / "osdimage/media.json").read_text())
    assert (manifest["kind"], manifest["label"]) == (kind, f"OSD_{kind.upper()}")
    with contextlib.chdir(files):
        output("sha256sum", "--check", "--strict", "--quiet", "osdimage/SHA256SUMS")
    assert "starts under BIOS and UEFI (x64)" in osdimage("media", "verify", "d.img").out


@pytest.mark.parametrize(
    ("usb", "mode"), [pytest.param((), "CD", id="disc"), pytest.param(("--usb",), "UFD", id="stick")]
)
def test_windows_pe_knows_what_it_was_started_from(usb: tuple[str, ...], mode: str) -> None:
    words = ("--boot-image", "pe.wim", "--sequence", "pe.xml", "--runner", "winpe", *usb)
    osdimage("media", "standalone", "d.img", *words)
    if usb:
        told = (first_volume(Path("files")) / "osdimage/scripts/1-uefi/step-1.cmd").read_bytes()
    else:
        told = subprocess.run(
            ["7zz", "x", "-so", "-tudf", "d.img", "osdimage/scripts/1-uefi/step-1.cmd"], check=True, capture_output=True
        ).stdout
    assert f"cmd /c echo {mode}\r\n".encode() in told


def test_what_is_on_a_stick_is_lost_with_yes_alone() -> None:
    standalone("--usb")
    before = disk_judges.stored(Path("d.img"))
    assert "d.img would be overwritten; give --yes" in standalone("--usb", code=2).err
    assert disk_judges.stored(Path("d.img")) == before
    assert Path(standalone("--usb", "--yes", "--json").document["stick"]["saved"]).exists()


def test_a_package_that_fat32_cannot_hold_is_refused_before_it_is_read() -> None:
    with Path("large.bin").open("wb") as stream:
        stream.truncate(4 * GIB)
    large = ("--usb", "--package", "P2=large.bin")
    told = standalone(*large, code=4).err
    assert "osdimage/packages/P2/large.bin" in told
    assert "--layout fat32+ntfs" in told
    assert not Path("d.img").exists()
    planned = standalone(*large, "--layout", "fat32+ntfs", "--dry-run", "--json").document["stick"]
    assert [each["filesystem"] for each in planned["volumes"]] == ["FAT32", "NTFS"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(("--usb", "--media-size", "dvd"), "--media-size is of discs", id="size of a disc"),
        pytest.param(("--usb", "--overwrite"), "overwritten with --yes", id="overwrite"),
        pytest.param(("--layout", "gpt"), "--layout: of a stick, which --usb makes", id="a disc with a layout"),
        pytest.param(("--yes", "--no-backup"), "--yes, --no-backup: of a stick", id="a disc with yes"),
        pytest.param(("--usb", "--layout", "gpt", "--firmware", "bios"), "which UEFI alone starts", id="BIOS and GPT"),
    ],
)
def test_options_of_discs_and_of_sticks_are_kept_apart(words: tuple[str, ...], told: str) -> None:
    assert told in standalone(*words, code=2).err
    assert not Path("d.img").exists()


def test_a_stick_is_none_of_what_it_is_made_of(here: Path) -> None:
    (here / "d.img").symlink_to(here / "windows.wim")
    assert "is read by this command" in standalone("--usb", "--yes", code=2).err


def test_a_stick_with_a_gpt_is_of_uefi_alone() -> None:
    made = standalone("--usb", "--layout", "gpt", "--json").document
    assert made["boot"]["firmware"] == ["uefi"]
    assert "starts under UEFI (x64)" in osdimage("media", "verify", "d.img").out
