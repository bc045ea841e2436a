"""What a test that mounts an image needs, and what it must not leave behind."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest

from judges.wim import outcome, wimlib

_TABLE = Path("/proc/self/mountinfo")


def require_fuse() -> None:
    """Skip, with the reason, where wimlib-imagex cannot mount an image either: it is the machine that decides."""
    reason = _why_not()
    if reason is not None:
        pytest.skip(f"images cannot be mounted here: {reason}")


@cache
def _why_not() -> str | None:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse is missing, or not for this user"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tree").mkdir()
        (folder / "at").mkdir()
        wimlib("capture", folder / "tree", folder / "one.wim")
        done = outcome("wimlib-imagex", "mount", folder / "one.wim", folder / "at")
        if done.returncode != 0:
            return done.stderr.strip().splitlines()[0]
        wimlib("unmount", folder / "at")
        # It answers before it has unmounted.
        for _ in range(1000):
            if str(folder / "at") not in mounted():
                return None
            time.sleep(0.01)
        return "wimlib-imagex does not unmount what it has mounted"


def mounted() -> list[str]:
    """Return where the kernel has images mounted."""
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    return [line.split()[4].replace("\\040", " ") for line in lines if " fuse.wimfs " in line]


def clear(folder: Path) -> None:
    """Take away what a failed test has left mounted below a folder."""
    for place in mounted():
        if Path(place).is_relative_to(folder):
            subprocess.run(["umount", "--lazy", place], check=False, timeout=30)
