"""What a fill promises: nothing outside the window, nothing before it is sure to fit, the same bytes every time."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from cases.fat import LARGE, NOON, SERIAL, SMALL, TREES, collide, contents, file, folder
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.signatures import identify
from osdimage.imaging.disk.target import BlockTarget, MemoryTarget
from osdimage.imaging.errors import (
    Incomplete,
    InvalidRequest,
    InvalidVolume,
    OsdImageError,
    StorageError,
    TargetRefused,
    UnsafeName,
)
from osdimage.imaging.units import GIB, MIB, TIB, Extent, Geometry, Lba
from osdimage.imaging.volume.fat.layout import MAX_CLUSTERS, MIN_CLUSTERS
from osdimage.imaging.volume.fat.make import (
    FatOptions,
    SourceEntry,
    check_fat,
    fill_fat,
    format_fat,
    from_directory,
    from_entries,
    open_fat,
    plan_layout,
)
from osdimage.imaging.volume.fat.plan import smallest_sectors

OPTIONS = FatOptions(SERIAL, label="LABEL")


class Recorder(MemoryTarget):
    """A target that remembers every write, and can fail at one."""

    def __init__(self, size: int = SMALL, *, sector_size: int = 512, fail_at: int | None = None) -> None:
        super().__init__(Geometry.of_size(size, sector_size))
        self.writes: list[tuple[int, int]] = []
        self._fail_at = fail_at

    def _write(self, offset_bytes: int, data: bytes) -> None:
        if len(self.writes) == self._fail_at:
            raise StorageError("memory: no space", path="memory", errno=errno.ENOSPC)
        self.writes.append((offset_bytes, len(data)))
        super()._write(offset_bytes, data)


def everything(target: BlockTarget) -> bytes:
    return target.read_at(0, target.geometry.size_bytes)


def read_all(target: BlockTarget) -> dict[str, bytes]:
    volume = open_fat(target)
    return {entry.path: b"".join(volume.read(entry)) for entry in volume.walk() if not entry.is_directory}


@pytest.mark.parametrize("sector_size", [512, 4096])
def test_nothing_outside_the_window_is_touched(sector_size: int) -> None:
    size = 300 * MIB if sector_size == 4096 else SMALL
    window = Extent(Lba(2048), size // sector_size - 2048 - 17)
    disk = MemoryTarget(Geometry.of_size(size, sector_size))
    before, after = os.urandom(window.first * sector_size), os.urandom(17 * sector_size)
    disk.write_at(0, before)
    disk.write_at(window.end * sector_size, after)
    volume = disk.window(window)
    fill_fat(volume, from_entries(TREES["sizes"]), FatOptions(SERIAL, hidden_sectors=window.first))
    assert disk.read_at(0, len(before)) == before
    assert disk.read_at(window.end * sector_size, len(after)) == after
    assert read_all(volume) == {entry.path: contents(entry.path, entry.size) for entry in TREES["sizes"]}
    format_fat(volume, OPTIONS, full=True)
    assert disk.read_at(0, len(before)) == before
    assert disk.read_at(window.end * sector_size, len(after)) == after


def test_the_same_tree_and_serial_give_the_same_bytes_over_whatever_was_there() -> None:
    entries = [*TREES["sizes"], *TREES["deep"], *collide(30)]
    first, second = MemoryTarget(Geometry.of_size(SMALL, 512)), MemoryTarget(Geometry.of_size(SMALL, 512))
    second.write_at(0, random.Random(1).randbytes(SMALL))
    result = fill_fat(first, from_entries(entries), OPTIONS)
    fill_fat(second, from_entries(entries), OPTIONS)
    used = SMALL - result.free_bytes - SMALL % result.layout.cluster_size
    # What is free stays as it was.
    assert first.read_at(0, used - 512) == second.read_at(0, used - 512)
    fill_fat(first, from_entries(entries), FatOptions(SERIAL + 1, label="LABEL"))
    assert first.read_at(0, 512) != second.read_at(0, 512)


def test_the_order_of_directories_does_not_depend_on_that_of_the_source() -> None:
    entries = [*TREES["spaces"], folder("d"), *collide(30)]
    listed = []
    for order in (entries, entries[::-1]):
        target = MemoryTarget(Geometry.of_size(SMALL, 512))
        fill_fat(target, from_entries(order), OPTIONS)
        listed.append([(entry.path, entry.short_name) for entry in open_fat(target).walk()])
    assert listed[0] == listed[1]


def test_contents_are_written_in_large_pieces_from_front_to_back() -> None:
    target = Recorder(256 * MIB)
    result = fill_fat(target, from_entries([*LARGE, file("large", 20 * MIB)]), OPTIONS)
    first = result.layout.offset_of(2)
    data = [(offset, size) for offset, size in target.writes if offset >= first]
    assert [offset for offset, _ in data] == sorted(offset for offset, _ in data)
    assert all(size >= MIB for _, size in data[:-1])
    assert sum(size for _, size in data) == result.layout.data_bytes - result.free_bytes
    # 32 reserved sectors, the FATs by the MiB, and four sectors at the end: nothing grows with the number of files.
    assert len(target.writes) - len(data) < 50


def states_of_failed_fills() -> Iterator[tuple[int, int, bytes, Recorder]]:
    """Let each write of a fill over an old volume fail in turn; yield how many there are, which failed, both disks."""
    whole, old = Recorder(), Recorder()
    fill_fat(whole, from_entries(TREES["sizes"]), OPTIONS)
    format_fat(old, FatOptions(7, label="OLD"))
    for stop in range(len(whole.writes)):
        target = Recorder(fail_at=stop)
        target._pages = {page: bytearray(data) for page, data in old._pages.items()}
        with pytest.raises(StorageError, match="memory: no space -- memory was not finished and holds no") as caught:
            fill_fat(target, from_entries(TREES["sizes"]), OPTIONS)
        assert caught.value.errno == errno.ENOSPC
        yield len(whole.writes), stop, everything(old), target


def test_a_fill_that_fails_leaves_the_old_volume_or_none_or_all_of_the_new() -> None:
    for writes, stop, old, target in states_of_failed_fills():
        assert writes > 10
        if stop == 0:
            assert everything(target) == old
        elif stop == 1:
            # The copy of the boot sector is gone, and nothing else.
            assert open_fat(target).label == "OLD"
            assert {each.code for each in check_fat(target)} == {"backup-differs"}
        elif stop >= writes - 2:
            # All is there; only the copy of the boot sector tells.
            assert identify(target) is Content.UNFINISHED
            assert open_fat(target).used_backup
            assert read_all(target) == {entry.path: contents(entry.path, entry.size) for entry in TREES["sizes"]}
        else:
            assert target.read_at(0, 256) == bytes(256)
            assert target.read_at(510, 2) == bytes(2)
            assert identify(target) is Content.UNFINISHED
            with pytest.raises(InvalidVolume, match="not a FAT volume"):
                open_fat(target)


def test_an_exception_of_a_progress_callback_passes_unchanged() -> None:
    class Stop(Exception):
        pass

    def stop(_: object) -> None:
        raise Stop

    target = Recorder()
    with pytest.raises(Stop):
        fill_fat(target, from_entries(TREES["sizes"]), OPTIONS, progress=stop)
    with pytest.raises(InvalidVolume):
        open_fat(target)


def test_progress_ends_at_a_hundred() -> None:
    events: list[float] = []
    fill_fat(Recorder(), from_entries(TREES["sizes"]), OPTIONS, progress=lambda event: events.append(event.percent))
    assert events == sorted(events)
    assert events[-1] == 100


def promise(size: int, *pieces: bytes) -> SourceEntry:
    return SourceEntry("dir/file", size=size, contents=lambda: iter(pieces))


REFUSED = [
    pytest.param([file("a/b:c")], UnsafeName, "'a/b:c' cannot be stored", id="a bad name"),
    pytest.param([folder("x. ")], UnsafeName, "cannot end", id="a bad name of a directory"),
    pytest.param([file("/a")], UnsafeName, "no name", id="an absolute path"),
    pytest.param([file("a/../b")], UnsafeName, "no name", id="a way out"),
    pytest.param([file("a"), file("A")], InvalidRequest, "'a' and 'A' would be one file", id="case"),
    pytest.param([file("é"), file("É")], InvalidRequest, "would be one file", id="case beyond ASCII"),
    pytest.param([file("a"), file("a")], InvalidRequest, "would be one file", id="twice"),
    pytest.param([folder("a"), folder("a")], InvalidRequest, "'a' comes twice", id="a directory twice"),
    pytest.param([file("a"), file("a/b")], InvalidRequest, "would be one file", id="a file as a directory"),
    pytest.param([promise(4 * GIB)], TargetRefused, r"'dir/file' has 4294967296 bytes \(4.0 GB\)", id="4 GiB"),
    pytest.param([promise(-1)], TargetRefused, "has -1 bytes", id="a negative size"),
    pytest.param([promise(64 * MIB)], TargetRefused, r"67109888 bytes in .*holds 39\.\d MB \(\d+", id="does not fit"),
    pytest.param(
        [file(f"d/{number:05d} long", 0) for number in range(33_000)],
        TargetRefused,
        "'d' has 33000 files that take 66002 entries",
        id="too many files in a directory",
    ),
]


@pytest.mark.parametrize(("entries", "kind", "message"), REFUSED)
def test_what_cannot_be_stored_is_refused_before_anything_is_written(
    entries: list[SourceEntry], kind: type[OsdImageError], message: str
) -> None:
    target = Recorder()
    with pytest.raises(kind, match=message):
        fill_fat(target, from_entries(entries), OPTIONS)
    assert target.writes == []


def test_a_volume_can_be_filled_to_the_last_cluster() -> None:
    layout = plan_layout(Geometry.of_size(SMALL, 512))
    target = Recorder()
    result = fill_fat(target, from_entries([file("all", layout.data_bytes - 512)]), OPTIONS)
    assert result.free_bytes == 0
    assert check_fat(target, second_opinion=True) == ()
    with pytest.raises(TargetRefused, match="are needed"):
        fill_fat(target, from_entries([file("all", layout.data_bytes - 511)]), OPTIONS)


@pytest.mark.parametrize("pieces", [[], [b"ab"], [b"abc", b"de"], [b"abcdef"]], ids=["none", "few", "more", "many"])
def test_contents_of_another_size_than_promised_are_an_error(pieces: list[bytes]) -> None:
    target = Recorder()
    with pytest.raises(StorageError, match="'dir/file' changed while it was read: 4 bytes were promised"):
        fill_fat(target, from_entries([promise(4, *pieces)]), OPTIONS)
    with pytest.raises(InvalidVolume):
        open_fat(target)


def test_a_size_without_contents_is_an_error() -> None:
    with pytest.raises(InvalidRequest, match="'a' has a size but no contents"):
        fill_fat(Recorder(), from_entries([SourceEntry("a", size=1)]), OPTIONS)


@pytest.mark.parametrize(
    ("size", "sector_size", "cluster_size", "message"),
    [
        pytest.param(32 * MIB, 512, None, r"at least 65525 are needed.*from 340\d+ bytes", id="too small"),
        pytest.param(260 * MIB - 8 * MIB, 4096, None, "at least 65525 are needed", id="too small for sectors of 4096"),
        pytest.param(64 * MIB, 512, 4096, "at least 65525 are needed", id="clusters too large"),
        pytest.param(64 * MIB, 512, 1000, "valid are 512, 1024, 2048", id="a size that is no power of two"),
        pytest.param(1 * GIB, 4096, 512, "valid are 4096, 8192", id="clusters smaller than sectors"),
        pytest.param(2 * TIB, 512, None, "too large for FAT32", id="more sectors than 32 bits count"),
        pytest.param(1 * TIB, 512, 512, f"at most {MAX_CLUSTERS}", id="more clusters than 28 bits count"),
    ],
)
def test_sizes_that_cannot_be_are_refused(size: int, sector_size: int, cluster_size: int | None, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        plan_layout(Geometry.of_size(size, sector_size), cluster_size)


@pytest.mark.parametrize("sector_size", [512, 4096])
@pytest.mark.parametrize("cluster_size", [512, 1024, 4096, 32768, 65536])
def test_the_smallest_size_that_the_error_names_is_valid_and_one_sector_less_is_not(
    sector_size: int, cluster_size: int
) -> None:
    cluster_size = max(cluster_size, sector_size)
    least = smallest_sectors(sector_size, cluster_size)
    assert plan_layout(Geometry(sector_size, least), cluster_size).clusters >= MIN_CLUSTERS
    with pytest.raises(InvalidRequest, match=f"from {least * sector_size} bytes"):
        plan_layout(Geometry(sector_size, least - 1), cluster_size)


@pytest.mark.parametrize(
    "wrong",
    [{"serial": 1 << 32}, {"serial": -1}, {"hidden_sectors": 1 << 32}, {"heads": 70_000}, {"media": 0x12}],
    ids=str,
)
def test_options_that_the_boot_sector_cannot_hold_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(wrong)).split("_", maxsplit=1)[0]):
        FatOptions(**{"serial": 1, **wrong})  # type: ignore[arg-type]


def test_volumes_of_terabytes_are_laid_out_and_read() -> None:
    target = MemoryTarget(Geometry(4096, (8 * TIB) // 4096))
    layout = plan_layout(target.geometry)
    assert layout.cluster_size == 32768
    assert layout.data_sector % layout.sectors_per_cluster == 0


def test_times_are_those_of_the_zone_that_was_asked_for() -> None:
    zone = timezone(timedelta(hours=-8))
    target = Recorder()
    entry = file("a", created_ns=NOON, accessed_ns=NOON)
    fill_fat(target, from_entries([entry]), FatOptions(SERIAL, zone=zone))
    (seen,) = open_fat(target, zone=zone).walk()
    assert (seen.created_ns, seen.modified_ns) == (NOON, NOON - 1_990_000_000)
    (elsewhere,) = open_fat(target).walk()
    assert elsewhere.created_ns == NOON - 8 * 3600 * 10**9


def test_times_that_fat_cannot_hold_are_moved_and_counted() -> None:
    target = Recorder()
    entries = [
        file("old", modified_ns=0),
        file("new", modified_ns=NOON * 4),
        file("oldest", modified_ns=-(1 << 70)),
        file("newest", modified_ns=1 << 70),
        file("fine"),
        SourceEntry("none"),
    ]
    result = fill_fat(target, from_entries(entries), OPTIONS)
    assert [str(loss) for loss in result.losses] == ["times before 1980 or after 2107 moved to the nearer end: 4"]
    seen = {entry.path: entry.modified_ns for entry in open_fat(target).walk()}
    # date -u -d '1980-01-01' +%s; date -u -d '2107-12-31 23:59:58' +%s
    assert (seen["oldest"], seen["newest"], seen["none"]) == (seen["old"], seen["new"], seen["old"])
    assert (seen["old"], seen["new"]) == (315_532_800 * 10**9, 4_354_819_198 * 10**9)
    with pytest.raises(Incomplete, match="filled, but not everything was kept: times before 1980"):
        fill_fat(target, from_entries(entries), OPTIONS, strict=True)


def test_links_and_special_files_are_counted_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    os.link(tmp_path / "file", tmp_path / "second name")
    target = Recorder()
    result = fill_fat(target, from_directory(tmp_path), OPTIONS)
    assert [str(loss) for loss in result.losses] == [
        "hard links stored as copies: 2",
        "special files not kept: 1",
        "symbolic links not kept: 2",
    ]
    assert read_all(target) == {"file": b"x", "second name": b"x"}


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    with pytest.raises(UnsafeName, match="not valid UTF-8"):
        from_directory(tmp_path)


def test_a_file_that_vanishes_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    source = from_directory(tmp_path)
    (tmp_path / "file").unlink()
    with pytest.raises(StorageError, match=r"file: No such file.*holds no volume"):
        fill_fat(Recorder(), source, OPTIONS)


def test_a_file_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    source = from_directory(tmp_path)
    (tmp_path / "file").unlink()
    (tmp_path / "file").symlink_to("/etc/hostname")
    with pytest.raises(StorageError, match="Too many levels of symbolic links"):
        fill_fat(Recorder(), source, OPTIONS)


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        from_directory(tmp_path / "nothing")


def test_pieces_of_any_size_and_kind_make_the_same_contents() -> None:
    data = contents("pieces", 3 * MIB + 17)

    def cut() -> Iterator[bytes | memoryview | bytearray]:
        yield data[:1]
        yield memoryview(data)[1 : MIB + 1]
        yield bytearray(data[MIB + 1 : MIB + 600])
        yield b""
        yield data[MIB + 600 :]

    target = Recorder()
    fill_fat(target, from_entries([SourceEntry("f", size=len(data), contents=cut)]), OPTIONS)
    assert read_all(target) == {"f": data}
