"""Deployments that are killed, stopped, or meet a full disk: never a success, nothing half done that looks done."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.smalldisk import SmallDisk, small_disk
from cases.volume import expected_contents, make_tree, make_wim
from judges import wim as judges
from judges.disk import cut_out
from judges.ntfs import contents, is_consistent, is_dirty, ntfsfix
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.progress import Phase
from osdimage.imaging.units import MIB
from runs.sandbox import COMMAND, SYSTEM_COMMAND
from runs.stopping import KILLS

pytestmark = pytest.mark.foreign
SEED = 6
# One volume, as small as it can be, so that a run is short.
LAYOUT = ("--preset", "data-mbr", "--size", "120MiB", "--seed", "x")
NUMBER = 1


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("deploy") / "tree", 120)


@pytest.fixture(scope="module")
def wim(tree: Path) -> Path:
    return make_wim(tree, tree.parent / "image.wim")


def command(wim: Path, disk: Path, *more: str, start: tuple[str, ...] = COMMAND) -> list[str]:
    return [*start, "deploy", str(wim), str(disk), *LAYOUT, "--no-sync", "--yes", *more]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def windows(disk: Path) -> Path | None:
    """Copy the volume of Windows out of a disk, if there is one."""
    with open_target(str(disk)) as target:
        table = read_table(target).table
    if table is None:
        return None
    extent = next(each.extent for each in table.partitions if each.number == NUMBER)
    part = cut_out(disk, extent.first * 512, extent.count * 512, disk.with_name("part.ntfs"))
    with part.open("rb") as file:
        return part if file.read(11)[3:] == b"NTFS    " else None


def assert_whole(disk: Path, tree: Path) -> None:
    part = windows(disk)
    assert part is not None
    ntfsfix(part)
    assert not is_dirty(part)
    assert contents(part) == expected_contents(tree)


@pytest.mark.slow
def test_a_deployment_that_is_killed_is_no_success_and_the_next_starts_from_the_beginning(
    wim: Path, tree: Path, tmp_path: Path, temporary: Path
) -> None:
    disk = tmp_path / "disk.img"
    whole = command(wim, disk, "--events", "-")
    lines = subprocess.run(whole, check=True, capture_output=True).stdout.count(b"\n")
    rng, killed = random.Random(SEED), set()
    for _ in range(KILLS):
        with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            for _ in range(rng.randint(0, lines - 1)):
                process.stdout.readline()
            process.kill()
        assert list(temporary.iterdir()) == []
        part = windows(disk)
        if part is None:
            killed.add("no volume")
        elif not is_consistent(part) or is_dirty(part):
            killed.add("dirty")
        else:
            assert contents(part) == expected_contents(tree), f"seed {SEED}"
    assert "dirty" in killed, f"seed {SEED}"
    subprocess.run(command(wim, disk), check=True, capture_output=True)
    assert_whole(disk, tree)


@pytest.mark.parametrize(
    ("phase", "number"),
    [
        pytest.param(Phase.CREATE_FILES, signal.SIGINT, id="names SIGINT"),
        pytest.param(Phase.EXTRACT_DATA, signal.SIGTERM, id="contents SIGTERM"),
        pytest.param(Phase.CREATE_FILES, signal.SIGTERM, id="names SIGTERM", marks=pytest.mark.matrix),
        pytest.param(Phase.EXTRACT_DATA, signal.SIGINT, id="contents SIGINT", marks=pytest.mark.matrix),
    ],
)
def test_a_signal_while_the_image_is_applied_is_told_and_the_next_starts_from_the_beginning(
    phase: Phase, number: signal.Signals, wim: Path, tree: Path, temporary: Path
) -> None:
    disk = temporary.parent / "disk.img"
    # What fills new volumes does so in less time than a signal needs.
    returned, said = stop_in(phase, command(wim, disk, "--events", "-", "--engine", "libntfs"), number)
    assert returned == 128 + number
    assert said == (
        f"osdimage: stopped by {number.name} -- {disk} partition {NUMBER} holds an incomplete image and stays marked "
        f"dirty -- {disk} is partitioned and formatted, 0 of 1 images are applied; running it again starts from the "
        "beginning\n"
    )
    assert list(temporary.iterdir()) == []
    part = windows(disk)
    assert part is not None
    assert is_dirty(part)
    subprocess.run(command(wim, disk), check=True, capture_output=True)
    assert_whole(disk, tree)


def stop_in(phase: Phase, arguments: list[str], number: signal.Signals) -> tuple[int, str]:
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["phase"] == phase:
                break
        process.send_signal(number)
        _, said = process.communicate()
    return process.returncode, "".join(line for line in said.splitlines(keepends=True) if "stopped" in line)


def test_a_signal_while_a_volume_is_formatted_is_told_and_leaves_nothing(
    wim: Path, tree: Path, tmp_path: Path, temporary: Path
) -> None:
    # An mkntfs that takes long, to be stopped in.
    slow = tmp_path / "bin" / "mkntfs"
    slow.parent.mkdir()
    disk, fifo = tmp_path / "disk.img", tmp_path / "fifo"
    os.mkfifo(fifo)
    slow.write_text(f"#!/bin/sh\necho formatting > '{fifo}'\nexec sleep 60\n")
    slow.chmod(0o755)
    environment = {**os.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}"}
    slowly = command(wim, disk, start=SYSTEM_COMMAND)
    with subprocess.Popen(slowly, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert fifo.read_text() == "formatting\n"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert said.splitlines()[-1] == (
        f"osdimage: stopped by SIGTERM -- {disk} is partitioned, its volumes are not all formatted; running it again "
        "starts from the beginning"
    )
    assert list(temporary.iterdir()) == []
    assert windows(disk) is None
    subprocess.run(command(wim, disk), check=True, capture_output=True)
    assert_whole(disk, tree)


def test_killed_while_it_is_begun_a_virtual_machines_image_leaves_nothing(
    wim: Path, tmp_path: Path, temporary: Path
) -> None:
    # A qemu-img that has begun to write and takes long; the size follows the file.
    slow, folder, fifo = tmp_path / "bin" / "qemu-img", tmp_path / "out", tmp_path / "fifo"
    slow.parent.mkdir()
    folder.mkdir()
    os.mkfifo(fifo)
    slow.write_text(
        "#!/bin/sh\nwhile [ $# -gt 2 ]; do shift; done\n"
        f"echo begun > \"$1\" || exit 1\necho $$ > '{fifo}'\nexec sleep 60\n"
    )
    slow.chmod(0o755)
    environment = {**os.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}"}
    arguments = command(wim, folder / "disk.qcow2", "--format", "qcow2")
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL, env=environment) as process:
        converter = int(fifo.read_text())
        process.kill()
        process.wait()
        os.kill(converter, signal.SIGKILL)
    assert list(folder.iterdir()) == list(temporary.iterdir()) == []


@pytest.mark.parametrize("disk_format", ["qcow2", "vhdx"])
def test_killed_while_it_is_filled_a_virtual_machines_image_leaves_nothing(
    disk_format: str, wim: Path, tmp_path: Path, temporary: Path
) -> None:
    judges.require("qemu-img")
    folder = tmp_path / "out"
    folder.mkdir()
    arguments = command(wim, folder / "disk", "--format", disk_format, "--events", "-")
    returned, _ = stop_in(Phase.EXTRACT_DATA, arguments, signal.SIGKILL)
    assert returned == -signal.SIGKILL
    assert list(folder.iterdir()) == list(temporary.iterdir()) == []


@pytest.mark.parametrize("disk_format", ["qcow2", "vhdx"])
def test_a_signal_leaves_nothing_of_an_image_for_a_virtual_machine(
    disk_format: str, wim: Path, tmp_path: Path, temporary: Path
) -> None:
    judges.require("qemu-img")
    folder = tmp_path / "out"
    folder.mkdir()
    disk = folder / f"disk.{disk_format}"
    arguments = command(wim, disk, "--format", disk_format, "--events", "-")
    returned, said = stop_in(Phase.EXTRACT_DATA, arguments, signal.SIGTERM)
    assert returned == 143
    assert said == f"osdimage: stopped by SIGTERM -- {disk} was not made\n"
    assert list(folder.iterdir()) == list(temporary.iterdir()) == []


def test_a_signal_tells_of_several_disks_how_far_each_came(wim: Path, tmp_path: Path) -> None:
    judges.require("qemu-img")
    disk, machine = tmp_path / "disk.img", tmp_path / "disk.qcow2"
    # What fills new volumes does so in less time than a signal needs.
    options = ("--also", str(machine), "--events", "-", "--engine", "libntfs")
    returned, said = stop_in(Phase.EXTRACT_DATA, command(wim, disk, *options), signal.SIGINT)
    assert returned == 130
    assert said == (
        f"osdimage: stopped by SIGINT -- {disk} partition {NUMBER} holds an incomplete image and stays marked dirty -- "
        f"{disk} is partitioned and formatted, 0 of 1 images are applied; running it again starts from the "
        f"beginning -- 0 of 2 targets are complete -- {machine} was not made\n"
    )
    assert not machine.exists()


def test_a_signal_while_one_of_several_disks_is_stored_tells_how_many_are_complete(
    wim: Path, tree: Path, tmp_path: Path
) -> None:
    # A qemu-nbd of which the first takes long to end; it is told the number of the process that has the socket.
    slow = tmp_path / "bin" / "qemu-nbd"
    slow.parent.mkdir()
    slow.write_text(
        "#!/bin/sh\nserving() { LISTEN_PID=$(sh -c 'echo $PPID') exec \"$@\"; }\n"
        f'( serving {judges.require("qemu-nbd")} "$@" )\n'
        'mkdir "$0.first" 2>/dev/null || exit 0\nkill -INT $PPID\nexec sleep 60\n'
    )
    slow.chmod(0o755)
    disks = [tmp_path / name for name in ("1.img", "2.qcow2", "3.img", "4.qcow2")]
    also = [word for disk in disks[1:] for word in ("--also", str(disk))]
    done = subprocess.run(
        command(wim, disks[0], *also, "--quiet"),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}"},
    )
    assert done.returncode == 130
    assert done.stderr == (
        f"osdimage: stopped by SIGINT -- {disks[1]} was not made -- 2 of 4 targets are complete -- "
        f"{disks[3]} was not made\n"
    )
    assert [disk.exists() for disk in disks] == [True, False, True, False]
    assert_whole(disks[2], tree)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system with room for less than the image."""
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk(folder, 4 * MIB) as found:
        yield found


@pytest.mark.root
@pytest.mark.parametrize("disk_format", ["raw", "qcow2", "vhdx"])
def test_a_full_disk_is_told_and_no_success(disk_format: str, full: SmallDisk, wim: Path, tmp_path: Path) -> None:
    if disk_format != "raw":
        judges.require("qemu-img")
    disk = full.path / "disk.img"
    done = subprocess.run(
        [*full.prefix, *command(wim, disk, "--format", disk_format)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "No space left on device" in last
    if disk_format == "raw":
        assert "stays marked dirty" in last
        copied = tmp_path / "copied.img"
        subprocess.run(["cp", "--sparse=always", full.seen / "disk.img", copied], check=True)
        part = windows(copied)
        assert part is not None
        assert is_dirty(part)
    else:
        assert "was not made" in last
        assert list(full.seen.iterdir()) == []
