"""What a scan counts is what find counts, for each thread on its own."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from judges.disk import run
from osdimage.native.runtime import Compression
from osdimage.native.wim.facts import AddedImage
from osdimage.native.wim.handles import WimHandle

pytestmark = pytest.mark.foreign


def make_tree(folder: Path, files: int) -> Path:
    for number in range(files):
        (folder / f"folder {number % 7}").mkdir(parents=True, exist_ok=True)
        (folder / f"folder {number % 7}" / f"file {number}").write_bytes(b"x" * number)
    return folder


def scan(folder: Path) -> AddedImage:
    with WimHandle.create(Compression.NONE) as handle:
        return handle.add_image(folder, "image")


def found_by_find(folder: Path) -> tuple[int, int, int]:
    """Return the number of directories and of everything else, and the size of the files, as find prints them."""
    lines = [line.split() for line in run(["find", folder, "-printf", "%y %s\\n"]).splitlines()]
    sizes = [int(size) for kind, size in lines if kind == "f"]
    directories = sum(kind == "d" for kind, _ in lines)
    return directories, len(lines) - directories, sum(sizes)


def test_a_scan_counts_what_find_counts(tmp_path: Path) -> None:
    folder = make_tree(tmp_path / "tree", 100)
    (folder / "link").symlink_to("nowhere")
    added = scan(folder)
    # What a link leads to is reparse data in a WIM, and of a size of its own.
    directories, others, size = found_by_find(folder)
    assert (added.directories, added.files) == (directories, others)
    assert size <= added.size < size + 200
    (folder / "link").unlink()
    assert scan(folder)[1:] == found_by_find(folder)


def test_links_to_one_file_are_counted_each_but_their_size_once(tmp_path: Path) -> None:
    folder = make_tree(tmp_path / "tree", 10)
    before = scan(folder)
    for number in range(3):
        os.link(folder / "folder 2" / "file 9", folder / f"link {number}")
    after = scan(folder)
    assert (after.files, after.size) == (before.files + 3, before.size)


def test_a_scan_begins_to_count_anew(tmp_path: Path) -> None:
    folder = make_tree(tmp_path / "tree", 30)
    small = make_tree(tmp_path / "small", 2)
    with WimHandle.create(Compression.NONE) as handle:
        first = handle.add_image(folder, "first")
        second = handle.add_image(small, "second")
        again = handle.add_image(folder, "again")
    assert second[1:] == found_by_find(small)
    assert first[1:] == again[1:] == found_by_find(folder)


def test_scans_in_several_threads_count_on_their_own(tmp_path: Path) -> None:
    folders = [make_tree(tmp_path / f"tree {number}", 20 * number) for number in (1, 2, 3)]
    results: dict[Path, list[AddedImage]] = {folder: [] for folder in folders}

    def work(folder: Path) -> None:
        results[folder].extend(scan(folder) for _ in range(20))

    threads = [threading.Thread(target=work, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for folder, found in results.items():
        assert [each[1:] for each in found] == [found_by_find(folder)] * 20
