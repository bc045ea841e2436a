"""The same image and the same seed make the same disk, byte for byte, where the time is given, too."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.windows_trees import windows_files, write_tree
from judges import wim as judges
from judges.disk import partition_of, run
from runs.commands import osdimage

pytestmark = pytest.mark.foreign
EPOCH = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reproducible")
    judges.wimlib("capture", write_tree(folder / "tree", windows_files()), folder / "a.wim", "Windows")
    return folder / "a.wim"


@pytest.fixture
def deployed(wim: Path, tmp_path: Path) -> Callable[[str], Path]:
    def deploy(name: str) -> Path:
        disk = tmp_path / name
        osdimage("deploy", wim, disk, "--preset", "uefi", "--size", "500MB", "--recovery", "none", "--seed", "lab")
        return disk

    return deploy


def is_same(one: Path, other: Path) -> bool:
    return subprocess.run(["cmp", "--silent", one, other], check=False).returncode == 0


def test_with_a_seed_and_a_time_two_disks_are_equal_byte_for_byte(
    deployed: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(EPOCH.timestamp())))
    one = deployed("1.img")
    assert is_same(one, deployed("2.img"))
    # What is new beside the files of the image bears it.
    said = run(["ntfsinfo", "--force", "--inode", "5", partition_of(one, 3, tmp_path / "volume")])
    assert re.search(r"MFT Changed Time:\s+Fri Jan +2 03:04:05 2026 UTC", said)


def test_a_time_that_is_none_is_refused(wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    words = ("deploy", wim, tmp_path / "a.img", "--preset", "data-gpt", "--size", "100MB", "--no-boot", "--seed", "x")
    assert "SOURCE_DATE_EPOCH=yesterday: valid are whole seconds since 1970" in osdimage(*words, code=2).err
    assert not (tmp_path / "a.img").exists()
