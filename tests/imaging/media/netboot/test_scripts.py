"""What iPXE does by the scripts, in machines that start from the network; a program stands in for wimboot.

QEMU hands the folder out by TFTP, and its network card has iPXE: no server and no root is needed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cases.windows import grub_loader
from judges.boot import boot_network_bios, boot_network_uefi, nasm
from osdimage.imaging.media.netboot.scripts import (
    LoadedFile,
    NetImage,
    UnknownComputers,
    computer_script,
    default_script,
    entry_script,
    image_script,
    unknown_script,
)

PROGRAM = Path(__file__).parents[3] / "cases" / "netprogram.asm"
RUNS = "NETWORK PROGRAM RUNS"
KNOWN, LOCAL, STRANGER = (f"52:54:00:00:00:0{number}" for number in (1, 2, 9))
LAST = "No bootable device"
_FILES = tuple(LoadedFile(name, f"boot/pe/{name.lower()}") for name in ("BCD", "boot.sdi"))
_WIM = LoadedFile("boot.wim", "sources/pe.wim")
PE = NetImage(
    "pe", "Windows PE ${mac} && || x", "x64", "wimboot", (LoadedFile("bootmgr", "boot/pe/bootmgr"), *_FILES, _WIM),
    (*_FILES, _WIM),
)  # fmt: skip
PE32 = NetImage("pe32", "Windows PE", "x86", "wimboot", PE.bios, ())
ARM = NetImage("arm", "Windows PE", "arm64", "wimboot.arm64", (), PE.uefi)


def folder_of(images: tuple[NetImage, ...], folder: Path, unknown: UnknownComputers = UnknownComputers.REFUSE) -> Path:
    """Write the scripts, and files of all names that they load."""
    files = {
        "boot.ipxe": entry_script(None),
        "default.ipxe": default_script(images),
        "unknown.ipxe": unknown_script(unknown, images, is_mandatory=True),
        f"by-mac/{KNOWN.replace(':', '-')}.ipxe": computer_script("PC1", "images/pe.ipxe", is_mandatory=True),
        f"by-uuid/00000000-0000-4000-8000-{LOCAL.replace(':', '')}.ipxe": computer_script(
            "PC2", None, is_mandatory=True
        ),
        **{each.script: image_script(each) for each in images},
    }
    for each in images:
        files |= dict.fromkeys((each.wimboot, *(file.path for file in (*each.bios, *each.uefi))), each.title)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.mark.foreign
@pytest.mark.slow
def test_a_known_computer_with_a_bios_loads_its_boot_image_and_starts_it(tmp_path: Path) -> None:
    folder = folder_of((PE, PE32, ARM), tmp_path)
    nasm(PROGRAM, folder / "wimboot")
    booted = boot_network_bios(folder, mac=KNOWN)
    assert booted.reached
    assert "PC1 starts Windows PE ??mac? ?? ?? x\n" in booted.printed
    loaded = re.findall(r"^(\S+)\.\.\. ok$", booted.printed, re.MULTILINE)
    paths = ["wimboot", *(each.path for each in PE.bios)]
    assert loaded[-len(paths) :] == [f"../{path}" for path in paths]
    assert booted.printed.rstrip().endswith(RUNS)


@pytest.mark.foreign
@pytest.mark.matrix
@pytest.mark.parametrize(
    ("mac", "told"),
    [
        pytest.param(LOCAL, "by-uuid/00000000-0000-4000-8000-525400000002.ipxe... ok", id="its-own-disk-by-uuid"),
        pytest.param(STRANGER, f"This computer is not known here: {STRANGER}, ", id="not-known"),
    ],
)
def test_a_computer_that_starts_nothing_here_goes_on_with_its_next_device(mac: str, told: str, tmp_path: Path) -> None:
    booted = boot_network_bios(folder_of((PE,), tmp_path), mac=mac, until=LAST)
    assert told in booted.printed
    assert LAST in booted.printed


@pytest.mark.foreign
@pytest.mark.matrix
@pytest.mark.parametrize(
    ("unknown", "images", "told"),
    [
        pytest.param(UnknownComputers.BOOT, (PE32, PE), "../wimboot... ok", id="the-image-for-its-processor"),
        pytest.param(UnknownComputers.BOOT, (PE32,), "../wimboot... ok", id="an-image-of-32-bits-on-64"),
        pytest.param(
            UnknownComputers.BOOT, (ARM,), "no boot image for this processor; going on", id="none-for-its-processor"
        ),
        pytest.param(UnknownComputers.MENU, (PE, PE32), "Start the next device of this computer", id="a-menu"),
    ],
)
def test_an_unknown_computer_may_start_what_is_there(
    unknown: UnknownComputers, images: tuple[NetImage, ...], told: str, tmp_path: Path
) -> None:
    folder = folder_of(images, tmp_path, unknown)
    nasm(PROGRAM, folder / "wimboot")
    booted = boot_network_bios(folder, mac=STRANGER, until=told)
    assert told in booted.printed


@pytest.mark.foreign
@pytest.mark.matrix
def test_a_missing_file_is_told_and_the_next_device_starts(tmp_path: Path) -> None:
    folder = folder_of((PE,), tmp_path)
    (folder / "sources" / "pe.wim").unlink()
    booted = boot_network_bios(folder, mac=KNOWN, until=LAST)
    assert "this boot image could not be started; going on with the next device" in booted.printed
    assert LAST in booted.printed
    assert "unknown.ipxe" not in booted.printed


@pytest.mark.foreign
@pytest.mark.matrix
def test_a_known_computer_with_uefi_loads_its_boot_image_and_starts_it(tmp_path: Path) -> None:
    folder = folder_of((PE,), tmp_path)
    grub_loader(folder / "wimboot")
    booted = boot_network_uefi(folder, tmp_path / "variables", mac=KNOWN, until="LOADER started")
    assert "PC1 starts" in booted.printed
    loaded = re.findall(r"\.\./(\S+)\.\.\. ok", booted.printed)
    assert loaded[-4:] == ["wimboot", *(each.path for each in PE.uefi)]
    assert "LOADER started" in booted.printed


def test_only_the_first_script_tells_of_a_server() -> None:
    url = "http://192.168.50.1/boot/"
    (line,) = [line for line in entry_script(url).splitlines() if line.startswith("chain")]
    assert line.count(url) == 3
    assert "http" not in image_script(PE) + default_script((PE,)) + computer_script("A", "x", is_mandatory=False)


@pytest.mark.parametrize(
    ("image", "firmware"),
    [
        pytest.param(PE, None, id="both"),
        pytest.param(PE32, "this boot image is not started by UEFI", id="bios-alone"),
        pytest.param(ARM, "this boot image is not started by a BIOS", id="uefi-alone"),
    ],
)
def test_what_firmware_cannot_start_is_told(image: NetImage, firmware: str | None) -> None:
    script = image_script(image)
    assert script.startswith("#!ipxe\n")
    targets, labels = set(re.findall(r"goto (\w+)", script)), set(re.findall(r"^:(\w+)$", script, re.MULTILINE))
    assert targets <= labels
    assert (firmware is None) == ("is not started by" not in script)
    assert firmware is None or firmware in script


@pytest.mark.parametrize("unknown", UnknownComputers)
def test_every_place_that_a_script_goes_to_is_there(unknown: UnknownComputers) -> None:
    for script in (unknown_script(unknown, (PE, PE32), is_mandatory=False), default_script((PE, ARM))):
        labels = re.findall(r"^:(\S+)$", script, re.MULTILINE)
        assert len(set(labels)) == len(labels)
        assert set(re.findall(r"goto ([\w-]+)", script)) <= set(labels)


def test_an_optional_start_asks_for_f12_by_its_number() -> None:
    # "f12": invalid integer value -- iPXE 1.0.0+git-20190125.
    assert "prompt --key 0x197e --timeout 5000 " in computer_script("PC1", "default.ipxe", is_mandatory=False)
    assert "prompt" not in computer_script("PC1", "default.ipxe", is_mandatory=True)
