"""A Windows of which Windows has compressed every file as a whole (CompactOS): its boot files and hives are plain where
they are needed.

wimlib-imagex compresses the files (``cases/wof.py``); mtools and dissect read what was written.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cases import wof
from cases.installs import SIZE, Made, default_entry, fat_contents, start, store_of
from cases.windows_trees import windows_files
from judges import wim as judges
from judges.disk import copy_of
from osdimage.imaging import Preset, WimFile, apply_image, preset_layout
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.testing import make_disk
from runs.commands import osdimage

pytestmark = pytest.mark.foreign


def files_of_windows() -> dict[str, bytes]:
    """Return the files of a Windows, each of so much text that it shrinks."""
    files = {path: data + wof.TEXT[: 20_000 + len(path)] for path, data in windows_files().items()}
    hive = new_hive("SYSTEM")
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    hive.root.ensure(r"ControlSet001\Control\Test").set(Value.dword("Answer", 42))
    return files | {"Windows/System32/config/SYSTEM": write_hive(hive)}


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    judges.require("wimlib-imagex")
    return wof.wim_of(tmp_path_factory.mktemp("compact") / "windows.wim", files_of_windows())


@pytest.fixture(scope="module")
def installed(wim: Path) -> Path:
    path = wim.with_name("disk.img")
    make_disk(path, SIZE, preset_layout(Preset.UEFI), {})
    with WimFile.open(wim) as opened, open_disk(path, write=True) as disk:
        apply_image(opened.image(1), disk.volume(3))
    return path


@pytest.mark.parametrize("from_image", [False, True], ids=["from the volume", "from the image"])
def test_the_boot_files_are_plain(installed: Path, wim: Path, tmp_path: Path, from_image: bool) -> None:
    disk = Made(copy_of(installed, tmp_path / "disk.img"), 3, 1, files_of_windows())
    if from_image:
        with WimFile.open(wim) as opened:
            start(disk.path, disk.windows, source=opened.image(1), rng=random.Random(1))
    else:
        start(disk.path, disk.windows, rng=random.Random(1))
    held = fat_contents(disk.part(1))
    entry = default_entry(store_of(held.pop("EFI/Microsoft/Boot/BCD"), tmp_path / "BCD"))
    assert entry["12000002"].lower() == r"\windows\system32\winload.efi"
    assert held == {
        path.replace("Windows/Boot/EFI/", "EFI/Microsoft/Boot/").replace("Windows/Boot/", "EFI/Microsoft/Boot/"): data
        for path, data in disk.files.items()
        if path.startswith(("Windows/Boot/EFI/", "Windows/Boot/Fonts/", "Windows/Boot/Resources/"))
    } | {"EFI/Boot/bootx64.efi": disk.files["Windows/Boot/EFI/bootmgfw.efi"]}


def test_hives_are_read(installed: Path, wim: Path) -> None:
    key = r"HKLM\SYSTEM\ControlSet001\Control\Test"
    for place in ([installed, "--partition", "3"], [wim]):
        assert osdimage("registry", "get", *place, key, "--hive", "SYSTEM", "--value", "Answer").out == "0x2a\n"


def test_contents_go_to_standard_output(wim: Path) -> None:
    expected = files_of_windows()["Windows/explorer.exe"].decode()
    assert osdimage("extract", wim, "/Windows/explorer.exe", "--to-stdout").out == expected
