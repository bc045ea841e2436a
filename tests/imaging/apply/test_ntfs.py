"""Applying to and capturing an NTFS partition in place, judged by programs that did not write it."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path

import pytest
from cases.volume import (
    KINDS,
    Disk,
    expected_contents,
    format_disk,
    make_disk,
    make_files,
    make_wim,
    osdimage,
    osdimage_json,
    part_of,
)
from judges.disk import copy_of, stored
from judges.disk import run as judge
from judges.ntfs import blobs, contents, is_dirty, ntfscat, ntfsfix, ntfsls, outside
from osdimage.imaging import CaptureOptions, CaptureSource, WimFile, capture_image
from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from runs.ordinary_user import folder_for_all, osdimage_as_nobody

pytestmark = pytest.mark.foreign


@pytest.mark.parametrize(
    "kind",
    [each if each in {"logical", "gpt-4096"} else pytest.param(each, marks=pytest.mark.matrix) for each in KINDS],
)
def test_an_image_goes_into_a_partition_and_comes_back_and_nothing_around_it_changes(
    kind: str, tree: Path, wim: Path, tmp_path: Path
) -> None:
    disk = format_disk(make_disk(tmp_path / "disk.img", kind))
    before = outside(disk.path, disk.offset, disk.size)
    number = str(disk.partition)
    result = osdimage_json("apply", str(wim), str(disk.path), "--partition", number)
    assert (result["partition"], result["wiped"]) == (disk.partition, None)
    assert outside(disk.path, disk.offset, disk.size) == before
    part = part_of(disk)
    ntfsfix(part)
    assert not is_dirty(part)
    assert contents(part) == expected_contents(tree)
    assert ntfscat(part, "/Zürich \N{SNOWMAN}.txt") == "Grüezi\n"
    assert ntfsls(part, "/d0") == {"e0", "e1", "e2"}

    whole = stored(disk.path)
    again = tmp_path / "again.wim"
    osdimage("capture", str(disk.path), str(again), "--partition", number, "--quiet")
    assert stored(disk.path) == whole, "a capture only reads"
    assert blobs(again) == blobs(wim)


def test_streams_descriptors_and_times_come_back_as_they_were(disk: Disk, engine: Engine, tmp_path: Path) -> None:
    """The program of others lists every entry of both images in all its details, and the lists are the same."""
    source = tmp_path / "source.img"
    part_of(disk).rename(source)
    tree = make_files(tmp_path / "files", {"a long file name.txt": "text", "folder/b.txt": "more"})
    osdimage("apply", str(make_wim(tree, tmp_path / "files.wim")), str(source), "--quiet")
    (tmp_path / "stream").write_text("in a stream")
    judge(["ntfscp", "--force", "--attr-name", "secret", source, tmp_path / "stream", "/a long file name.txt"])
    first, second = tmp_path / "first.wim", tmp_path / "second.wim"
    judge(["wimlib-imagex", "capture", source, first])
    number = str(disk.partition)
    osdimage("apply", str(first), str(disk.path), "--partition", number, "--engine", engine.value, "--quiet")
    osdimage("capture", str(disk.path), str(second), "--partition", number, "--quiet")
    before, after = (judge(["wimlib-imagex", "dir", "--detailed", each]) for each in (first, second))
    offsets = re.compile(r"^(Offset in WIM|Compressed size) .*$", re.MULTILINE)
    assert offsets.sub("", after) == offsets.sub("", before)
    assert "secret" in before
    assert before.count("Security Descriptor =") == 4
    assert texts_of(part_of(disk)) == {"/a long file name.txt": "text", "/folder/b.txt": "more"}


def texts_of(volume: Path) -> dict[str, str]:
    return {path: ntfscat(volume, path) for path, held in contents(volume).items() if held != "directory"}


def test_a_bare_volume_and_a_partition_hold_the_same(wim: Path, disk: Disk, tmp_path: Path) -> None:
    volume = tmp_path / "volume.img"
    part_of(disk).rename(volume)
    osdimage("apply", str(wim), str(volume), "--engine", "bulk", "--quiet")
    osdimage("apply", str(wim), str(disk.path), "--partition", str(disk.partition), "--engine", "libntfs", "--quiet")
    ntfsfix(volume)
    assert contents(volume) == contents(part_of(disk))


@pytest.mark.matrix
@pytest.mark.slow
def test_partitions_of_several_disks_in_several_threads_at_once(tree: Path, wim: Path, tmp_path: Path) -> None:
    first = format_disk(make_disk(tmp_path / "disk0.img"))
    disks = [first]
    disks += [
        Disk(copy_of(first.path, tmp_path / f"disk{number}.img"), first.partition, first.extent)
        for number in range(1, 4)
    ]
    failures: list[BaseException] = []

    def work(disk: Disk) -> None:
        try:
            with WimFile.open(wim) as opened:
                apply_image(opened.image(1), disk.path, ApplyOptions(sync=False), partition=disk.partition)
            capture_image(
                CaptureSource(disk.path, partition=disk.partition),
                disk.path.with_suffix(".wim"),
                CaptureOptions(compression=None),
            )
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(disk,)) for disk in disks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    expected = expected_contents(tree)
    for disk in disks:
        part = part_of(disk)
        ntfsfix(part)
        assert contents(part) == expected
        assert blobs(disk.path.with_suffix(".wim")) == blobs(wim)


def test_an_apply_and_a_capture_as_an_ordinary_user(wim: Path, disk: Disk) -> None:
    with folder_for_all() as folder:
        copy_of(disk.path, folder / "disk.img").chmod(0o666)
        shutil.copyfile(wim, folder / "image.wim").chmod(0o666)
        osdimage_as_nobody(folder, "apply", "image.wim", "disk.img", "--partition", "3")
        osdimage_as_nobody(folder, "capture", "disk.img", "again.wim", "--partition", "3")
        assert blobs(folder / "again.wim") == blobs(wim)
