"""``osdimage mount`` and ``osdimage unmount``: what they print, and what they refuse."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from judges import mounts as fuse
from judges import wim as judges
from runs.commands import osdimage


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with a WIM of two images by wimlib-imagex, and a directory to mount at."""
    fuse.require_fuse()
    (tmp_path / "at").mkdir()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_text("text")
    monkeypatch.chdir(tmp_path)
    judges.wimlib("capture", "tree", "x.wim", "first")
    judges.wimlib("append", "tree", "x.wim", "second")
    yield tmp_path
    fuse.clear(tmp_path)


@pytest.mark.foreign
def test_mounting_listing_committing_and_unmounting_are_told(place: Path) -> None:
    done = osdimage("mount", "x.wim", "at", "--name", "second", "--read-write")
    assert done.out == "at: image 2 'second' of x.wim is mounted, read-write\n"
    listed = osdimage("mount")
    assert listed.out == osdimage("mount", "--list").out
    row = next(line for line in listed.out.splitlines() if line.startswith(str(place)))
    assert row.split() == [str(place / "at"), "live", "read-write", "2", str(place / "x.wim")]
    (mount,) = [each for each in osdimage("mount", "--json").document["mounts"] if each["wim"] == str(place / "x.wim")]
    assert (mount["index"], mount["name"], mount["state"]) == (2, "second", "live")
    assert Path(mount["staging"]).parent == place
    assert Path(f"/proc/{mount['pid']}").exists()
    (place / "at/new").write_text("new")
    refused = osdimage("mount", "x.wim", "at", "--index", "1", code=4)
    assert refused.err == "osdimage: at: an image of a WIM is mounted there already; valid is another directory\n"
    done = osdimage("unmount", "at", "--commit", "--check", "--recompress", "--events", "-")
    assert {each["phase"] for each in done.events} >= {"write-data", "write-metadata"}
    assert re.fullmatch(
        r"at: unmounted; image 2 'second' of \S+/x.wim has what was changed, the file \d.*(more|less)\n", done.err
    )
    assert "/new" in judges.wimlib_paths(place / "x.wim", 2)
    assert "Integrity" in judges.wimlib_info(place / "x.wim").wim["Attributes"]
    assert osdimage("unmount", "at", code=2).err == "osdimage: at: no image is mounted there\n"


@pytest.mark.foreign
def test_who_uses_a_mount_is_named_with_the_option_that_helps(place: Path) -> None:
    osdimage("mount", "x.wim", "at", "--index", "1")
    with subprocess.Popen([shutil.which("sleep") or "sleep", "60"], cwd=place / "at") as process:
        refused = osdimage("unmount", "at", code=4)
        assert refused.err == (
            f"osdimage: at: is in use: sleep (pid {process.pid}): its working directory; let go of it, or use --force\n"
        )
        # wimlib-imagex has this name for it.
        assert osdimage("unmount", "at", "--lazy").out == "at: unmounted\n"
        process.kill()


@pytest.mark.foreign
def test_a_mount_whose_processes_were_killed_is_listed_and_cleared_away(place: Path) -> None:
    made = osdimage("mount", "x.wim", "at", "--index", "1", "--read-write", "--json").document["mounts"]
    (place / "at/new").write_text("new")
    found = subprocess.run(["pgrep", "-f", f"mounts.keeper {place}/at$"], capture_output=True, text=True, check=True)
    for pid in found.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    for _ in range(1000):
        listed = osdimage("mount")
        if " dead " in listed.out:
            break
        time.sleep(0.01)
    staging = made[0]["staging"]
    (warning,) = [each for each in listed.warnings if each.startswith(str(place))]
    assert warning == (
        f"{place}/at: the process that served it has died; contents of changed files are in {staging}; "
        f"osdimage unmount {place}/at clears it away"
    )
    refused = osdimage("mount", "x.wim", "at", "--index", "1", code=4)
    assert "is served no more; osdimage unmount at clears it away" in refused.err
    refused = osdimage("unmount", "at", "--commit", code=1)
    assert (
        f"nobody knows which file is which; the WIM is as it was; the contents of changed files are in {staging}"
        in (refused.err)
    )
    done = osdimage("unmount", "at")
    assert done.out == "at: the process that served it had died; cleared away, 1 changed file removed\n"
    assert sorted(each.name for each in place.iterdir()) == ["at", "tree", "x.wim"]
    judges.wimlib("verify", "x.wim")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("mount x.wim", "say where to mount it"),
        ("mount x.wim at --list", "--list takes no WIM"),
        ("unmount at --rebuild", "--rebuild goes with --commit"),
        ("unmount at --no-integrity", "--integrity goes with --commit"),
        ("unmount at --commit --new-name x", "--new-name goes with --new-image"),
        ("unmount at", "at: no image is mounted there"),
    ],
)
def test_what_cannot_be_meant_is_usage(words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "at").mkdir()
    (tmp_path / "x.wim").touch()
    monkeypatch.chdir(tmp_path)
    assert said in osdimage(*words.split(), code=2).err
