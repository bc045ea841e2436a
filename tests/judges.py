"""Foreign programs that judge the results of osdimage.  A missing judge fails in CI and skips elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def require(tool: str) -> str:
    """Return the path of a program; without it fail in CI, and skip the test elsewhere."""
    found = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{tool} is not installed, and CI judges with it")
    pytest.skip(f"{tool} is not installed")


def run(tool: str, *arguments: str | Path, code: int | None = 0) -> str:
    """Run a program and return what it printed; a return code other than ``code`` (None: any) fails the test."""
    answer = subprocess.run(
        [require(tool), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=120,
    )
    printed = answer.stdout + answer.stderr
    if code is not None:
        assert answer.returncode == code, f"{tool} {arguments}: {answer.returncode}\n{printed}"
    return printed


def wimlib(verb: str, *arguments: str | Path, code: int | None = 0) -> str:
    """Run ``wimlib-imagex``."""
    return run("wimlib-imagex", verb, *arguments, code=code)


def is_dirty(volume: Path) -> bool:
    """Tell whether an NTFS volume is marked dirty, as ntfsinfo sees it."""
    # Without --force ntfsinfo refuses a dirty volume.
    for line in run("ntfsinfo", "--force", "-m", volume).splitlines():
        if line.strip().startswith("Volume Flags:"):
            return "DIRTY" in line
    raise AssertionError(f"ntfsinfo tells no flags of {volume}")
