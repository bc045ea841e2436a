"""Directories that are filled by all processors, and what goes wrong meanwhile: nothing half written has a name."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cases import bulk as cases
from cases.filled import PART, fill, left, made
from cases.wimcraft import Node, folder, root
from judges.wim import run, wimlib
from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.errors import CorruptWim, StorageError
from osdimage.imaging.progress import Phase, ProgressEvent
from runs.killed import Killer, killer

MIB = 1 << 20
SMALL, LARGE = b"small and good", cases.noise(300_000) * 8


@pytest.mark.parametrize("size", [100_000, 5_000_000], ids=["small", "large"])
def test_damaged_contents_get_no_name(size: int, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(size)
    wim = made(tmp_path, root(folder("d", Node("bad", data), Node("too", data)), Node("good", SMALL)))
    wim.write_bytes(wim.read_bytes().replace(data[size // 2 : size // 2 + 8], b"01234567"))
    with pytest.raises(CorruptWim, match=r"'/d/(bad|too)' do not match their SHA-1 -- .* holds an incomplete image"):
        fill(wim, tmp_path / "target")
    assert left(tmp_path / "target").items() <= {"/good": SMALL}.items()


@pytest.mark.foreign
def test_damaged_chunks_of_a_solid_resource_give_no_file_a_name(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    contents = {f"/{n:02}": cases.noise(70_000, n) for n in range(30)}
    for name, data in contents.items():
        (source / name[1:]).write_bytes(data)
    wim = tmp_path / "image.wim"
    wimlib("capture", source, wim, "--solid", "--solid-compress=lzx:10", "--solid-chunk-size=32K")
    data = bytearray(wim.read_bytes())
    data[len(data) // 2] ^= 0xFF
    wim.write_bytes(data)
    with pytest.raises(CorruptWim):
        fill(wim, tmp_path / "target")
    assert left(tmp_path / "target").items() < contents.items()


@contextmanager
def limit(kind: int, value: int) -> Iterator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def test_a_file_that_cannot_be_written_to_its_end_is_named_and_has_no_name(tmp_path: Path) -> None:
    tree = root(folder("d", Node("larger", cases.noise(200_000))), Node("large", LARGE), Node("good", SMALL))
    wim = made(tmp_path, tree)
    with limit(resource.RLIMIT_FSIZE, 100_000), pytest.raises(StorageError, match="incomplete image") as caught:
        fill(wim, tmp_path / "target")
    assert caught.value.errno == errno.EFBIG
    assert ("'/d/larger' cannot be written: File too large" in str(caught.value)) or ("'/large'" in str(caught.value))
    assert left(tmp_path / "target").items() <= {"/good": SMALL}.items()


@pytest.mark.root
def test_a_full_file_system_is_told_with_the_file_that_it_struck(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    # More pages than bytes: what is asked before is whether the bytes fit.
    contents = {f"/{n:04}": b"%d" % n * 20 for n in range(600)}
    wim = made(tmp_path, root(*(Node(name[1:], data) for name, data in contents.items())))
    run("mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", place)
    try:
        with pytest.raises(StorageError, match=r"'/\d{4}' cannot be written: No space left on device -- ") as caught:
            fill(wim, place / "target")
        assert caught.value.errno == errno.ENOSPC
        assert left(place / "target").items() < contents.items()
    finally:
        run("umount", place)


def test_few_descriptors_are_enough(tmp_path: Path) -> None:
    tree = root(*(folder(f"{n}", folder("x", folder("y", Node("z", b"%d" % n))), Node("l", LARGE)) for n in range(40)))
    wim = made(tmp_path, tree)
    taken = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    with limit(resource.RLIMIT_NOFILE, taken + 9):
        assert fill(wim, tmp_path / "target").engine is Engine.BULK
    files = left(tmp_path / "target")
    assert {path: data for path, data in files.items() if "z" in path} == {f"/{n}/x/y/z": b"%d" % n for n in range(40)}
    assert all(files[f"/{n}/l"] == LARGE for n in range(40))


def test_an_apply_that_is_stopped_leaves_whole_files_only(tmp_path: Path) -> None:
    contents = {f"/{n}": random.Random(n).randbytes(3 * MIB) for n in range(8)}
    wim = made(tmp_path, root(*(Node(name[1:], data) for name, data in contents.items())))

    def stop(event: ProgressEvent) -> None:
        if event.phase is Phase.EXTRACT_DATA and event.done > 4 * MIB:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        fill(wim, tmp_path / "target", stop)
    assert caught.value.__notes__ == [f"{tmp_path / 'target'} holds an incomplete image"]
    assert left(tmp_path / "target").items() < contents.items()


def test_progress_is_told_of_each_phase(tmp_path: Path) -> None:
    wim = made(tmp_path, root(*(folder(f"{n}", Node("a", cases.noise(100, n)), Node("empty")) for n in range(900))))
    events: list[ProgressEvent] = []
    fill(wim, tmp_path / "target", events.append)
    steps = {phase: [(each.done, each.total) for each in events if each.phase is phase] for phase in Phase}
    assert steps[Phase.CREATE_FILES] == [(500, 1800), (1000, 1800), (1500, 1800), (1800, 1800)]
    assert steps[Phase.EXTRACT_DATA][-1] == (90_000, 90_000)
    assert steps[Phase.SET_METADATA][:2] == [(500, 901), (901, 901)]
    percents = [each.percent for each in events]
    assert percents == sorted(percents)
    assert percents[-1] == 100


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with killer(tmp_path_factory.mktemp("killer")) as made_killer:
        yield made_killer


@pytest.mark.foreign
def test_an_apply_that_is_killed_leaves_half_a_file_for_each_thread_at_most(killing: Killer, tmp_path: Path) -> None:
    contents = {f"/d/{n}": random.Random(n).randbytes(50_000) for n in range(20)}
    contents |= {f"/large {n}": random.Random(99 + n).randbytes(3 * MIB) for n in range(2)}
    small = [Node(path[3:], data) for path, data in contents.items() if path.startswith("/d/")]
    wim = made(tmp_path, root(folder("d", *small), *(Node(f"large {n}", contents[f"/large {n}"]) for n in range(2))))
    writes = killing.writes(["apply", str(wim), str(tmp_path / "whole")])
    assert left(tmp_path / "whole") == contents
    for number, at in enumerate([5, writes - 2]):
        target = tmp_path / f"target {number}"
        assert killing.kill(["apply", str(wim), str(target)], at)
        found = {f"/{path.relative_to(target)}": path.read_bytes() for path in target.rglob("*") if path.is_file()}
        half = {path for path, data in found.items() if contents.get(path) != data}
        named = {path for path in half if PART not in path}
        assert all(path.startswith("/d/") for path in named)
        assert len(named) <= len(os.sched_getaffinity(0))


def test_nothing_is_written_through_a_link_that_somebody_makes_meanwhile(tmp_path: Path) -> None:
    """A folder that was made becomes a link before its files come: they are not written where it leads."""
    wim = made(tmp_path, root(folder("d", Node("f", b"evil"))))
    target, outside = tmp_path / "target", tmp_path / "outside"
    outside.mkdir()

    def swap(event: ProgressEvent) -> None:
        if event.phase is Phase.CREATE_FILES:
            (target / "d").rmdir()
            (target / "d").symlink_to(outside)

    with pytest.raises(StorageError, match="'/d/f' cannot be written: Not a directory"):
        fill(wim, target, swap)
    assert list(outside.iterdir()) == []


def test_what_somebody_else_makes_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    wim, target = made(tmp_path, root(folder("d", Node("f", LARGE)), Node("g", SMALL))), tmp_path / "target"

    def make(event: ProgressEvent) -> None:
        if event.phase is Phase.CREATE_FILES:
            (target / "d" / "f").write_bytes(b"mine")

    with pytest.raises(StorageError, match="'/d/f' cannot be written: File exists"):
        fill(wim, target, make)
    assert left(target)["/d/f"] == b"mine"


def test_a_signal_while_it_works_leaves_whole_files(tmp_path: Path) -> None:
    # On a busy machine the thread that is told gets its turn late: then a few files would all be there.
    contents = {f"/{n}": random.Random(n).randbytes(2 * MIB) for n in range(24)}
    wim = made(tmp_path, root(*(Node(name[1:], data) for name, data in contents.items())))

    def signalled(event: ProgressEvent) -> None:
        if event.phase is Phase.EXTRACT_DATA and event.done > MIB:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fill(wim, tmp_path / "target", signalled)
    assert left(tmp_path / "target").items() < contents.items()


def test_times_that_cannot_be_set_are_counted_and_told(tmp_path: Path) -> None:
    """A file system that does not take times is one whose calls for them fail; the files are there."""
    wim, target = made(tmp_path, root(folder("d", Node("a", b"1")), Node("b", b"2"))), tmp_path / "target"
    events: list[ProgressEvent] = []

    def remove(event: ProgressEvent) -> None:
        events.append(event)
        if event.phase is Phase.EXTRACT_DATA and event.done == event.total and (target / "d" / "a").exists():
            (target / "d" / "a").unlink()
            (target / "d").rmdir()

    result = fill(wim, target, remove)
    assert result.warnings == ("the times of 1 file could not be set, of '/d' first: No such file or directory",)
    assert [event.warning for event in events if event.warning is not None] == [*result.warnings]
