"""wimlib's own tests, with osdimage in the place of wimlib-imagex.

They are not kept here: ``make wimlib WIMLIB=DIR`` takes them from a source tree of wimlib in which `make check` has
built tests/tree-cmp.  A pass takes some minutes, most of which are the starts of a thousand commands.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SOURCE = os.environ.get("WIMLIB")
# A script leaves with this when what it needs is not there, such as /dev/fuse.
SKIPPED = 77
# Seconds for the longest script on a loaded machine.
PATIENCE = 1800

pytestmark = pytest.mark.skipif(SOURCE is None, reason="WIMLIB does not name a source tree of wimlib")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree of wimlib whose wimlib-imagex is osdimage."""
    source = Path(SOURCE or "").resolve()
    if not (source / "tests" / "tree-cmp").is_file():
        pytest.fail(f"{source}/tests/tree-cmp is not there; `make check` of wimlib builds it")
    shutil.copytree(source / "tests", tmp_path / "tests")
    # The scripts take its C files for files to capture.
    (tmp_path / "src").symlink_to(source / "src")
    program = tmp_path / "wimlib-imagex"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m runs.imagex "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    "script",
    [
        "test-imagex",
        "test-imagex-capture_and_apply",
        "test-imagex-update_and_extract",
        "test-imagex-ntfs",
        "test-imagex-mount",
    ],
)
def test_the_tests_of_wimlib_pass(tree: Path, script: str) -> None:
    done = subprocess.run(
        ["bash", f"tests/{script}"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(TESTS), "srcdir": "."},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        check=False,
    )
    log = done.stdout.decode(errors="replace")
    if done.returncode == SKIPPED:
        pytest.skip(log.strip().splitlines()[-1] if log.strip() else "the script does not say why")
    assert done.returncode == 0, log[-4000:]
    assert "passed" in log.splitlines()[-2]
