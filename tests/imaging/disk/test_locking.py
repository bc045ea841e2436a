"""A plain disk that QEMU has open, as that of a machine that runs, is seen by QEMU's own locks."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging.disk.locking import Use, use_by_qemu
from runs import commands
from runs.formats import of_plain_files

pytestmark = [pytest.mark.foreign, of_plain_files]


@contextmanager
def served(disk: Path, *options: str) -> Iterator[None]:
    """Let qemu-nbd have a plain disk open, as a machine of QEMU would."""
    name = disk.with_name("socket")
    # One that was ended leaves the name.
    name.unlink(missing_ok=True)
    server = subprocess.Popen([judges.require("qemu-nbd"), *options, "-t", "-f", "raw", "-k", name, disk])
    try:
        deadline = time.monotonic() + 30
        while not name.exists():
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # It has the name before it has the disk; it greets when it has both, and a signal to end is not lost.
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(str(name))
            assert client.recv(8) == b"NBDMAGIC"
        yield
    finally:
        server.terminate()
        server.wait(30)


def use(disk: Path) -> Use:
    with disk.open("rb") as file:
        return use_by_qemu(file.fileno())


def test_what_qemu_writes_is_not_written_and_reading_it_is_told(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    commands.osdimage("disk", "init", disk, "--size", "8GB", "--preset", "uefi", "--yes")
    assert use(disk) is Use.NONE
    with served(disk):
        assert use(disk) is Use.WRITTEN
        said = commands.osdimage("disk", "init", disk, "--preset", "bios", "--yes", code=4).err
        assert f"{disk} is in use by QEMU, as the disk of a machine that runs; shut it down first" in said
        assert "is written by QEMU at this time" in commands.osdimage("disk", "show", disk).err
    with served(disk, "--read-only"):
        assert use(disk) is Use.READ
        assert "is in use by QEMU" in commands.osdimage("disk", "init", disk, "--preset", "bios", "--yes", code=4).err
        assert commands.osdimage("disk", "show", disk).err == ""
    assert "Basic data" in commands.osdimage("disk", "show", disk).out


def test_nothing_is_laid_over_a_disk_that_qemu_writes(tmp_path: Path) -> None:
    disk, over, new = tmp_path / "disk.img", tmp_path / "over.qcow2", tmp_path / "new.qcow2"
    commands.osdimage("disk", "init", disk, "--size", "60MB", "--preset", "data-gpt", "--yes")
    changed = ("--preset", "data-mbr", "--yes", "--no-backup")
    commands.osdimage("disk", "init", disk, *changed, "--overlay", over)
    with served(disk):
        for command in (("disk", "init", disk, *changed, "--overlay", new), ("disk", "init", over, *changed)):
            said = commands.osdimage(*command, code=4).err
            assert f"{disk}, which is below " in said
            assert "is in use by QEMU, as the disk of a machine that runs; shut it down first" in said
        assert not new.exists()
        assert f"{disk}, which is below {over}, is written by QEMU" in commands.osdimage("disk", "show", over).err
    with served(disk, "--read-only"):
        commands.osdimage("disk", "init", over, *changed)
