"""A command that writes to a disk in a qcow2, when it, its server, or the room of this machine ends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from cases import served
from cases.smalldisk import small_disk
from cases.volume import OSDIMAGE, Disk, expected_contents, format_disk, make_disk, make_tree, make_wim
from judges.disk import copy_of, cut_out, run
from judges.ntfs import contents, is_consistent, is_dirty, ntfsfix
from judges.wim import require
from osdimage.imaging.progress import Phase
from runs.stopping import KILLS

pytestmark = pytest.mark.foreign
SEED = 8
SOUND, LEAKS = 0, 3  # exit codes of qemu-img check


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("served") / "tree", 120)


@pytest.fixture(scope="module")
def wim(tree: Path) -> Path:
    return make_wim(tree, tree.parent / "image.wim")


@pytest.fixture(scope="module")
def plain(tree: Path) -> Disk:
    """Make a disk with an empty volume."""
    return format_disk(make_disk(tree.parent / "disk.img"))


@pytest.fixture(scope="module")
def fresh(plain: Disk) -> Path:
    """Make the same disk as qcow2."""
    require("qemu-nbd")
    return served.convert(plain.path, plain.path.with_suffix(".qcow2"), "qcow2")


def command(wim: Path, path: Path, plain: Disk, *more: str) -> list[str]:
    return [str(OSDIMAGE), "apply", str(wim), str(path), "--partition", str(plain.partition), *more]


def state_of(path: Path, plain: Disk, tree: Path, sound: Sequence[int]) -> str:
    """Return what is in the volume, which must be one of three; the file must be sound."""
    checked = subprocess.run([require("qemu-img"), "check", "-q", path], capture_output=True, text=True, check=False)
    assert checked.returncode in sound, checked
    raw = path.with_suffix(".raw")
    run(["qemu-img", "convert", "-O", "raw", path, raw])
    part = cut_out(raw, plain.offset, plain.size, path.with_suffix(".part"))
    if not is_consistent(part) or is_dirty(part):
        return "dirty"
    found = contents(part)
    assert found in ({}, expected_contents(tree))
    return "whole" if found else "empty"


def count_lines(whole: Sequence[str]) -> int:
    return subprocess.run(whole, check=True, capture_output=True).stdout.count(b"\n")


@pytest.mark.slow
def test_a_command_that_is_killed_leaves_a_sound_file_and_no_server(
    wim: Path, plain: Disk, fresh: Path, tree: Path, tmp_path: Path
) -> None:
    path = copy_of(fresh, tmp_path / "disk.qcow2")
    events = command(wim, path, plain, "--events", "-")
    lines, chance, seen = count_lines(events), random.Random(SEED), set()
    for _ in range(KILLS):
        copy_of(fresh, path)
        with subprocess.Popen(events, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            for _ in range(chance.randint(0, lines - 1)):
                process.stdout.readline()
            process.kill()
        assert served.wait_until(lambda: not served.servers_of(path)), f"seed {SEED}"
        seen.add(state_of(path, plain, tree, [SOUND]))
    assert "dirty" in seen, f"seed {SEED}"
    subprocess.run(command(wim, path, plain, "--wipe", "--force", "--yes"), check=True, capture_output=True)
    assert state_of(path, plain, tree, [SOUND]) == "whole"


@pytest.mark.slow
def test_a_server_that_is_killed_is_named_and_leaves_a_file_without_errors(
    wim: Path, plain: Disk, fresh: Path, tree: Path, tmp_path: Path
) -> None:
    path = copy_of(fresh, tmp_path / "disk.qcow2")
    events = command(wim, path, plain, "--events", "-")
    lines, chance, failed = count_lines(events), random.Random(SEED), 0
    for number in range(KILLS):
        copy_of(fresh, path)
        whole = [*events, "--engine", ("auto", "libntfs")[number % 2]]
        with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(chance.randint(1, lines - 1)):
                process.stdout.readline()
            for pid in served.servers_of(path):
                os.kill(pid, signal.SIGKILL)
            _, said = process.communicate()
        state = state_of(path, plain, tree, [SOUND, LEAKS])
        if process.returncode == 0:
            assert state == "whole", f"seed {SEED}"
            continue
        failed += 1
        assert process.returncode == 1, said
        # The second is that of one that was killed when it had all and was to end.
        ended = ("its server, qemu-nbd, has ended by signal 9 (Killed)", "qemu-nbd failed by signal 9 (Killed)")
        assert any(each in said for each in ended), f"seed {SEED}: {said}"
        assert said.count("\n") == 1, said
    assert failed, f"seed {SEED}"
    subprocess.run(command(wim, path, plain, "--wipe", "--force", "--yes"), check=True, capture_output=True)
    assert state_of(path, plain, tree, [SOUND, LEAKS]) == "whole"


def test_a_command_that_is_stopped_lets_the_server_store_what_it_has(
    wim: Path, plain: Disk, fresh: Path, tree: Path, tmp_path: Path
) -> None:
    path = copy_of(fresh, tmp_path / "disk.qcow2")
    events = command(wim, path, plain, "--events", "-", "--engine", "libntfs")
    with subprocess.Popen(events, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while Phase.CREATE_FILES not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert "stays marked dirty" in said
    assert served.servers_of(path) == []
    assert state_of(path, plain, tree, [SOUND]) == "dirty"


@pytest.mark.root
def test_a_full_disk_of_this_machine_is_told_and_leaves_the_volume_dirty(
    wim: Path, plain: Disk, fresh: Path, tree: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk(folder, fresh.stat().st_size + (1 << 20)) as small:
        copy_of(fresh, small.seen / "disk.qcow2")
        done = subprocess.run(
            [*small.prefix, *command(wim, small.path / "disk.qcow2", plain)],
            capture_output=True,
            text=True,
            check=False,
        )
        path = copy_of(small.seen / "disk.qcow2", tmp_path / "disk.qcow2")
    assert done.returncode == 1, done
    assert "No space left on device" in done.stderr
    assert "stays marked dirty" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert state_of(path, plain, tree, [SOUND, LEAKS]) == "dirty"
    ntfsfix(path.with_suffix(".part"))
