"""The paths of an image, many at a time: the same ones, in the same order, as one by one."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from cases.wimcraft import Node, build, folder, root
from judges.wim import wimlib_paths
from osdimage.native._wimlib import ffi, lib
from osdimage.native.status import WimlibCode, WimlibError
from osdimage.native.wim import entries
from osdimage.native.wim.handles import WimHandle


def paths_of(wim: Path, path: str = "/", *, recursive: bool = True) -> list[list[str]]:
    blocks: list[list[str]] = []
    with WimHandle.open(wim) as handle:
        handle.each_path(1, path, recursive=recursive, on_paths=blocks.append)
    return blocks


def entries_of(wim: Path, path: str = "/", *, recursive: bool = True) -> list[str]:
    found: list[str] = []
    with WimHandle.open(wim) as handle:
        entries.each_entry(handle, 1, path, recursive=recursive, visit=lambda entry: found.append(entry.path))
    return found


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some four hundred thousand bytes of paths, which are more than one block."""
    rng = random.Random(0)
    folders = (
        folder(f"{number}", *(Node("x" * rng.randrange(1, 240) + f"{each}", b"") for each in range(100)))
        for number in range(30)
    )
    path = tmp_path_factory.mktemp("paths") / "w.wim"
    path.write_bytes(build(root(*folders, Node("\u00e9\U0001f600", b""), Node(b"a\x00\x00\xd8", b""))))
    return path


@pytest.mark.foreign
def test_they_are_those_that_wimlib_lists(wim: Path) -> None:
    blocks = paths_of(wim)
    assert len(blocks) > 1
    # The judge's output was read as text; a half of a surrogate pair is three bytes of it that are no UTF-8.
    theirs = [os.fsencode(path) for path in wimlib_paths(wim)]
    assert [path.encode("utf-8", "surrogatepass") for block in blocks for path in block] == theirs


def test_they_are_those_of_the_entries_in_the_same_order(wim: Path) -> None:
    for path, recursive in (("/", True), ("/", False), ("/7", True), ("/7", False), ("/\u00e9\U0001f600", True)):
        found = [each for block in paths_of(wim, path, recursive=recursive) for each in block]
        assert found == entries_of(wim, path, recursive=recursive)
        assert found


def test_a_path_that_is_not_there_is_an_error(wim: Path) -> None:
    with pytest.raises(WimlibError) as caught:
        paths_of(wim, "/nothing")
    assert caught.value.code == WimlibCode.PATH_DOES_NOT_EXIST


def test_an_exception_at_the_last_block_comes_out(wim: Path) -> None:
    left = len(paths_of(wim))

    def fail(_: list[str]) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    with WimHandle.open(wim) as handle:
        with pytest.raises(KeyboardInterrupt):
            handle.each_path(1, "/", recursive=True, on_paths=fail)
        assert handle.info().image_count == 1


def test_a_path_longer_than_a_block_is_kept_whole() -> None:
    long = ffi.new("char[]", b"/" + b"x" * 1_000_000)
    short = ffi.new("char[]", b"/y")
    paths = ffi.new("struct osd_paths *")
    try:
        for text in (short, long, short):
            entry = ffi.new("struct wimlib_dir_entry *", {"full_path": text})
            assert lib.osd_paths_entry(entry, paths) == 0
            length = len(ffi.string(text)) + 1
            assert bytes(ffi.buffer(paths.text + paths.used - length, length)) == ffi.string(text) + b"\0"
            # Handed on, as it were; there is nobody here to take it.
            paths.used = 0
    finally:
        lib.osd_paths_release(paths)
