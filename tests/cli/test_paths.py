"""Paths that commands are given: missing, of another kind, named for a format, and ``-``."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from judges import wim as judges
from runs.commands import osdimage
from runs.terminal import PROGRAM

# Each command that reads something, without it.  {wim}: a WIM; {file}: a file to write.
MISSING = [
    "apply missing target",
    "apply {wim} missing --partition 1",
    "apply {wim} missing --all-volumes",
    "boot check missing",
    "boot fix missing",
    "boot install missing --partition 1",
    "boot show missing",
    "capture missing {file}",
    "capture missing {file} --all-volumes",
    "capture missing {file} --partition 1",
    "compare missing target",
    "compare {wim} missing",
    "compare {wim} missing --all-volumes",
    "compare {wim} missing --partition 1",
    "delete missing --index 1",
    "deploy missing disk.img --preset uefi --size 3GB",
    "deploy {wim} missing --preset uefi",
    "disk backup missing {file}",
    "disk check missing",
    "disk format missing --partition 1 --yes",
    "disk init missing --preset uefi",
    "disk init disk.img --plan missing",
    "disk plan missing --preset uefi",
    "disk restore missing {wim} --yes",
    "disk restore {wim} missing --yes",
    "disk show missing",
    "export missing {file}",
    "extract missing / --to target",
    "info missing",
    "list missing",
    "registry export missing",
    "registry get missing",
    "registry import {wim} missing --hive SYSTEM",
    "registry set missing Key",
    "run missing --disk 0=disk.img",
    "verify missing",
]


@pytest.mark.parametrize("line", MISSING)
def test_what_is_not_there_is_a_usage_error(
    line: str, single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    refused = osdimage(*line.format(wim=single, file="file").split(), code=2)
    (told,) = refused.err.splitlines()
    assert "missing" in told
    assert sorted(tmp_path.iterdir()) == before


def test_an_argument_is_named_without_the_marks_of_the_usage_line(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    for words, argument in ((("verify",), "WIM"), (("disk", "plan", "--preset", "uefi"), "DISK")):
        error = osdimage(*words, missing, code=2).err
        assert error.startswith(f"osdimage: Invalid value for '{argument}': File '{missing}' does not exist")
    assert osdimage("verify", code=2).err.startswith("osdimage: Missing argument 'WIM'; ")
    # Which of the two the folder is cannot be known.
    told = osdimage("capture", tmp_path, code=2).err
    assert told.startswith("osdimage: Missing argument; needed are SOURCE and WIM; see ")


@pytest.mark.parametrize("line", ["disk show", "disk check", "disk backup {} x", "boot check", "boot show", "boot fix"])
def test_a_folder_is_no_disk(line: str, small: Path) -> None:
    words = line.format(small).split() if "{}" in line else [*line.split(), str(small)]
    assert "is a directory" in osdimage(*words, code=2).err


@pytest.mark.parametrize("line", ["apply {wim} {disk}", "capture {disk} {new}", "compare {wim} {disk}"])
def test_a_disk_where_a_volume_is_wanted_is_one_error(line: str, single: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    osdimage("disk", "init", disk, "--preset", "data-gpt", "--size", "1GB", "-q")
    refused = osdimage(*line.format(wim=single, disk=disk, new=tmp_path / "new.wim").split(), code=2)
    assert refused.err == (
        f"osdimage: {disk} is a disk with a partition table; "
        "choose one with --partition (osdimage disk show lists them)\n"
    )


# ---- formats that names promise


@pytest.mark.foreign
@pytest.mark.parametrize(("name", "called"), [("d.qcow2", "qcow2"), ("d.VHDX", "vhdx"), ("d.vhd", "vpc"), ("d", "raw")])
def test_a_disk_has_the_format_that_its_name_promises(name: str, called: str, single: Path, tmp_path: Path) -> None:
    disk = tmp_path / name
    osdimage("deploy", single, disk, "--preset", "data-gpt", "--size", "100MB", "--no-boot", "-q")
    assert f'"format": "{called}"' in judges.output("qemu-img", "info", "--output=json", disk)


def test_the_format_that_is_asked_for_wins_over_the_name(single: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.vhd"
    options = ("--preset", "data-gpt", "--size", "100MB", "--no-boot", "-q")
    osdimage("deploy", single, disk, "--format", "raw", *options)
    assert disk.stat().st_size == 100 << 20


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("deploy {wim} d.vmdk --preset data-gpt --size 1GB", "VMDK disks are not made; valid are .qcow2, .vhdx, .vhd"),
        ("deploy {wim} d.vdi --preset data-gpt --size 1GB --dry-run", "qemu-img convert makes a .vdi of a raw disk"),
        ("deploy {wim} d.qcow2 --preset data-gpt", "a qcow2 disk is made anew; give its --size"),
        ("disk init d.qcow2 --preset data-gpt --size 1GB", "valid is a name such as d.img; osdimage deploy makes such"),
        ("disk init d.vmdk --preset data-gpt --size 1GB", "valid is a name such as d.img; qemu-img convert makes"),
        ("capture {tree} d.swm", "valid are .wim, and .esd for a solid one; osdimage split cuts a WIM into parts"),
        ("export {wim} d.swm", "valid are .wim, and .esd for a solid one; with --split-size it is cut into parts"),
    ],
)
def test_a_name_of_a_format_that_is_not_made_is_refused(line: str, said: str, single: Path, small: Path) -> None:
    with contextlib.chdir(single.parent):
        before = sorted(single.parent.iterdir())
        assert said in osdimage(*line.format(wim=single, tree=small).split(), code=2).err
        assert sorted(single.parent.iterdir()) == before


# ---- standard streams


@pytest.mark.parametrize(
    "line", ["capture - {wim}", "apply {wim} -", "export - {wim}", "list -", "info -", "verify -", "disk show -"]
)
def test_a_dash_is_no_file(line: str, single: Path, small: Path) -> None:
    refused = osdimage(*line.format(wim=single, tree=small).split(), code=2)
    assert "but by capture, apply, export and deploy in the place of a WIM; ./- is a file of this name" in refused.err


def test_one_file_is_extracted_to_stdout(pair: Path, tree: Path) -> None:
    words = [*PROGRAM, "extract", str(pair), r"\text.log", "--index", "1", "--to", "-"]
    done = subprocess.run(words, capture_output=True, check=True)
    assert done.stdout == (tree / "text.log").read_bytes()
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (("/sub",), "is a directory or a link"),
        (("/text.log", "/sub"), "is a directory or a link"),
        (("/*.exe",), "nothing that fits '/*.exe'"),
        (("/text.log", "--json"), "goes with no --json"),
        (("/text.log", "--events", "-"), "goes with no --json, --events -"),
        (("/text.log", "--unix-data"), "--unix-data"),
    ],
)
def test_what_is_not_one_file_is_not_extracted_to_stdout(
    paths: tuple[str, ...], said: str, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = osdimage("extract", pair, *paths, "--index", "1", "--to", "-", code=2)
    assert said in refused.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.foreign
@pytest.mark.parametrize("paths", [("/text.log", "/sub/*.log", "text.log"), ("TEXT.LOG",), ("/nothing", "/text.log")])
def test_files_come_to_stdout_one_after_the_other_as_wimlib_imagex_writes_them(
    paths: tuple[str, ...], pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIMLIB_IMAGEX_IGNORE_CASE", "1")
    words = ["extract", str(pair), *paths, "--to-stdout", "--nullglob"]
    ours = subprocess.run([*PROGRAM, *words, "--index", "1"], capture_output=True, check=True)
    theirs = subprocess.run(["wimlib-imagex", *words[:2], "1", *words[2:]], capture_output=True, check=True)
    assert ours.stdout == theirs.stdout != b""
    assert ("holds no '/nothing'" in ours.stderr.decode()) == ("/nothing" in paths)


def test_a_link_is_not_followed_to_stdout(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to("/etc/passwd")
    osdimage("capture", tmp_path / "tree", tmp_path / "x.wim")
    refused = osdimage("extract", tmp_path / "x.wim", "/link", "--to", "-", code=2)
    assert (refused.out, "is a directory or a link" in refused.err) == ("", True)
