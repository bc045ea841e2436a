"""A file system of a few megabytes that a test can fill."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from judges import wim as judges


@dataclass(frozen=True)
class SmallDisk:
    """A tmpfs in a mount namespace of its own, which the machine does not see.

    Attributes:
        path: where it is for a command that runs with ``prefix``.
        prefix: of the command line of such a command.
        seen: where it is for everyone else.
    """

    path: Path
    prefix: tuple[str, ...]
    seen: Path

    def free(self) -> int:
        """Return the free bytes."""
        facts = os.statvfs(self.seen)
        return facts.f_bavail * facts.f_frsize


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """Mount a tmpfs of some bytes on a folder; without the right to do so fail in CI as root, and skip elsewhere."""
    with _mounted(folder, f'mount -t tmpfs -o size={size} tmpfs "$1"') as disk:
        yield disk


@contextmanager
def read_only(folder: Path) -> Iterator[SmallDisk]:
    """Let nobody write into a folder, root neither; skip as :func:`small_disk`."""
    with _mounted(folder, 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"') as disk:
        yield disk


@contextmanager
def _mounted(folder: Path, mount: str) -> Iterator[SmallDisk]:
    script = f"{mount} && echo ready && read -r line"
    holder = subprocess.Popen(
        [judges.require("unshare"), "--mount", "sh", "-c", script, "sh", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != "ready\n":
            _, problem = holder.communicate()
            if os.environ.get("CI") and os.geteuid() == 0:
                pytest.fail(f"CI needs to mount a file system: {problem}")
            pytest.skip(f"nothing can be mounted here: {problem.strip()}")
        prefix = (judges.require("nsenter"), f"--target={holder.pid}", "--mount", "--")
        yield SmallDisk(folder, prefix, Path(f"/proc/{holder.pid}/root{folder}"))
    finally:
        # It may have ended already, and been read to the end.
        if holder.returncode is None:
            holder.communicate(input="\n")
