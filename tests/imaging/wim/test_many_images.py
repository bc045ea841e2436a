"""A WIM of a hundred images, and programs that write to one WIM at the same time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging import (
    CaptureOptions,
    CompressionSpec,
    ExportOptions,
    ImageProperties,
    ImageSelector,
    WimFile,
    WriteMode,
    capture_image,
    delete_images,
    export_images,
)
from osdimage.imaging.service.update import update_image
from osdimage.imaging.wim import AddTree
from osdimage.imaging.wim.copied.optimize import optimize_wim
from osdimage.imaging.wim.copied.split import split_wim

IMAGES = 100
XPRESS = CompressionSpec.parse("xpress")


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred images; each has a file of its own, and one that all have."""
    folder = tmp_path_factory.mktemp("hundred")
    source = folder / "source"
    source.mkdir()
    (source / "common").write_bytes(b"common" * 1000)
    wim = folder / "hundred.wim"
    for number in range(1, IMAGES + 1):
        (source / "own").write_text(f"of image {number}")
        mode = WriteMode.NEW if number == 1 else WriteMode.APPEND
        capture_image(source, wim, CaptureOptions(mode, XPRESS), properties=ImageProperties(f"image {number}"))
    return wim


@pytest.fixture
def wim(hundred: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(hundred, tmp_path / "x.wim"))


def names(wim: Path) -> list[str]:
    """Return what the images are called, as wimlib-imagex says it."""
    judges.wimlib("verify", wim)
    return [image["Name"] for image in judges.wimlib_info(wim).images]


@pytest.mark.foreign
def test_others_read_a_hundred_images(hundred: Path) -> None:
    assert names(hundred) == [f"image {number}" for number in range(1, IMAGES + 1)]
    files = judges.seven_zip_files(hundred, images=IMAGES)
    assert {files[number]["/own"].size for number in (1, 50, 100)} == {10, 11, 12}


@pytest.mark.foreign
def test_each_of_a_hundred_images_is_changed_by_its_place(wim: Path, tmp_path: Path) -> None:
    with WimFile.open(wim) as source:
        chosen = [source.image(number) for number in (100, 1, 57)]
        export_images(source, tmp_path / "some.wim", ExportOptions(boot=True), images=chosen)
        assert source.select(ImageSelector(name="IMAGE 57")).index == 57
    assert names(tmp_path / "some.wim") == ["image 100", "image 1", "image 57"]
    assert judges.wimlib_info(tmp_path / "some.wim").wim["Boot Index"] == "3"
    update_image(wim, ImageSelector(index=100), [AddTree(tmp_path / "some.wim", "/added")])
    delete_images(wim, list(range(1, 100, 2)))
    kept = [f"image {number}" for number in range(2, IMAGES + 1, 2)]
    assert names(wim) == kept
    files = judges.seven_zip_files(wim, images=len(kept))
    assert "/added" in files[50]
    assert "/added" not in files[49]
    # printf 'of image %s' 98 | sha1sum
    assert files[49]["/own"].sha1 == "14ee6a51cc76d1239e73fd2adfaae14b73efec31"
    optimize_wim(wim)
    # The trees alone are larger than a part.
    made = split_wim(wim, tmp_path / "parts.swm", 8 << 10, allow_larger=True)
    assert len(made.paths) > 1
    judges.wimlib("join", tmp_path / "joined.wim", *made.paths)
    assert names(tmp_path / "joined.wim") == kept


@pytest.mark.slow
@pytest.mark.foreign
def test_of_programs_that_write_at_the_same_time_each_does_all_or_nothing(wim: Path, tmp_path: Path) -> None:
    source = tmp_path / "more"
    source.mkdir()
    (source / "more").write_bytes(os.urandom(300_000))
    ours = {
        "update": ["update", wim, "--index", "1", "--add", f"{source}/more=/more"],
        "append": ["capture", source, wim, "--append", "--name", "ours"],
        "delete": ["delete", wim, "--index", "100"],
        "set": ["info", wim, "--index", "2", "--set", "description=described"],
        "optimize": ["optimize", wim],
        "again": ["capture", source, wim, "--append", "--name", "again"],
    }
    commands = {name: [sys.executable, "-m", "osdimage.cli", *words, "--quiet"] for name, words in ours.items()}
    commands["foreign"] = [judges.require("wimlib-imagex"), "append", source, wim, "foreign"]
    running = {name: subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
               for name, words in commands.items()}  # fmt: skip
    said = {name: process.communicate(timeout=judges.TIMEOUT_S)[1] for name, process in running.items()}
    codes = {name: process.returncode for name, process in running.items()}
    # Who finds it locked, or changed since it was read, is refused and writes nothing.
    assert {codes[name] for name in ours} <= {0, 4}, said
    done = {name for name, code in codes.items() if code == 0}
    assert done
    found = names(wim)
    added = {"ours": "append", "again": "again", "foreign": "foreign"}
    assert {name for name in added if name in found} == {name for name, command in added.items() if command in done}
    assert ("image 100" in found) == ("delete" not in done)
    assert found[:99] == [f"image {number}" for number in range(1, IMAGES)]
    assert len(found) == len(set(found))
    assert ("/more" in judges.wimlib_paths(wim, 1)) == ("update" in done)
    described = judges.wimlib_info(wim).images[1].get("Description")
    assert (described == "described") == ("set" in done)
