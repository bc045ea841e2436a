"""Reading and checking: damaged and hostile volumes."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable

import pytest
from cases.fat import SMALL, TREES, collide, contents, file, folder
from cases.fat_volumes import Copy, codes, entry_at, filled, pristine, read_everything, set_cluster, set_fat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume
from osdimage.imaging.finding import Severity
from osdimage.imaging.units import Geometry
from osdimage.imaging.volume.fat.make import (
    FatVolume,
    SourceEntry,
    check_fat,
    open_fat,
    plan_layout,
)


@pytest.fixture
def target() -> MemoryTarget:
    return Copy()


def test_paths_are_found_by_long_and_short_name_and_without_case() -> None:
    volume = open_fat(pristine())
    entry = volume.entry("Long Name Of A File.text")
    assert entry.short_name == "LONGNA~1.TEX"
    assert volume.entry("/LONG name of a file.TEXT") == volume.entry("longna~1.tex") == entry
    assert b"".join(volume.read("SUB/TWO")) == contents("sub/two", 513)
    assert [each.name for each in volume.entries("sub")] == ["deeper", "one", "two"]
    assert {each.path for each in volume.walk("sub")} == {"sub/deeper", "sub/one", "sub/two", "sub/deeper/three"}
    assert volume.entries("empty") == []


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda volume: volume.entry("nothing"), "there is no 'nothing'"),
        (lambda volume: volume.entry(""), "there is no ''"),
        (lambda volume: volume.entry("top.txt/more"), "'top.txt' is not a directory"),
        (lambda volume: volume.entries("top.txt"), "'top.txt' is not a directory"),
        (lambda volume: list(volume.read("sub")), "'sub' is a directory"),
    ],
)
def test_paths_that_are_not_there_are_refused(ask: Callable[[FatVolume], object], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        ask(open_fat(pristine()))


def test_a_sound_volume_has_no_findings() -> None:
    assert check_fat(pristine(), second_opinion=True) == ()


# ---- damage ----


def loop_directory(target: MemoryTarget) -> None:
    set_fat(target, 2, 2)


def loop_file(target: MemoryTarget) -> None:
    first = open_fat(target).entry("top.txt").cluster
    set_fat(target, first + 1, first)


def directory_in_itself(target: MemoryTarget) -> None:
    set_cluster(target, b"SUB        ", open_fat(target).entry("many").cluster)


def directory_is_the_root(target: MemoryTarget) -> None:
    set_cluster(target, b"SUB        ", 2)


def directories_share_a_tail(target: MemoryTarget) -> None:
    volume = open_fat(target)
    set_fat(target, volume.entry("empty").cluster, volume.entry("many").cluster + 1)


def directory_without_cluster(target: MemoryTarget) -> None:
    set_cluster(target, b"SUB        ", 0)


def directory_beyond_the_end(target: MemoryTarget) -> None:
    set_cluster(target, b"SUB        ", 0x0FFFFFF0)


def file_is_free(target: MemoryTarget) -> None:
    set_fat(target, open_fat(target).entry("top.txt").cluster, 0)


def file_is_bad(target: MemoryTarget) -> None:
    set_fat(target, open_fat(target).entry("top.txt").cluster, 0x0FFFFFF7)


def file_is_too_short(target: MemoryTarget) -> None:
    set_fat(target, open_fat(target).entry("top.txt").cluster, 0x0FFFFFFF)


def file_claims_4_gib(target: MemoryTarget) -> None:
    target.write_at(entry_at(target, b"TOP     TXT") + 28, b"\xff\xff\xff\xff")


def file_without_cluster(target: MemoryTarget) -> None:
    set_cluster(target, b"TOP     TXT", 0)


def files_cross(target: MemoryTarget) -> None:
    set_cluster(target, b"TOP     TXT", open_fat(target).entry("Long Name Of A File.text").cluster)


def name_with_separator(target: MemoryTarget) -> None:
    target.write_at(entry_at(target, b"TOP     TXT"), b"../..")


def name_of_dots(target: MemoryTarget) -> None:
    # A second entry called "..", where a file should be.
    target.write_at(entry_at(target, b"TOP     TXT"), b"..         ")


def names_alike(target: MemoryTarget) -> None:
    target.write_at(entry_at(target, b"TOP     TXT"), b"LONGNA~1TEX")


def dot_dot_elsewhere(target: MemoryTarget) -> None:
    at = open_fat(target).layout.offset_of(open_fat(target).entry("sub").cluster) + 32
    target.write_at(at + 26, b"\x09\x00")


# What the walk and the reading of everything raise, and what the check finds.
DAMAGE = [
    (loop_directory, "goes on after 4096 clusters", "directory-chain"),
    (loop_file, None, "endless-chain"),
    (directory_in_itself, "is in two directories", "directory-twice"),
    (directory_is_the_root, "is in two directories", "directory-twice"),
    (directories_share_a_tail, "is in two directories", "cross-link"),
    (directory_without_cluster, "in cluster 0, which does not exist", "directory-chain"),
    (directory_beyond_the_end, "in cluster 268435440, which does not exist", "directory-chain"),
    (file_is_free, "leads to a free cluster", "file-chain"),
    (file_is_bad, "leads to a bad cluster", "file-chain"),
    (file_is_too_short, "claims 1500 bytes and has 1 clusters of 3", "short-chain"),
    (file_claims_4_gib, "claims 4294967295 bytes, more than the volume has", "short-chain"),
    (file_without_cluster, "in cluster 0, which does not exist", "no-clusters"),
    (files_cross, None, "cross-link"),
    (name_with_separator, "holds the character '/'", "name"),
    (name_of_dots, "is no name", "name"),
    (names_alike, None, "name-twice"),
    (dot_dot_elsewhere, None, "dot-entries"),
]


@pytest.mark.parametrize(("damage", "message", "code"), DAMAGE, ids=[damage.__name__ for damage, _, _ in DAMAGE])
def test_damage_is_found_and_never_followed_for_ever(
    target: MemoryTarget, damage: Callable[[MemoryTarget], None], message: str | None, code: str
) -> None:
    damage(target)
    started = time.monotonic()
    volume = open_fat(target)
    if message is None:
        # No reader can know which of the files is right; the check does say that something is wrong.
        assert len(read_everything(volume)) == 45
    else:
        with pytest.raises(InvalidVolume, match=message):
            read_everything(volume)
    found = {finding.code: finding.severity for finding in check_fat(target)}
    assert found[code] is Severity.ERROR
    assert time.monotonic() - started < 10


def lost(target: MemoryTarget) -> None:
    set_fat(target, 60_000, 0x0FFFFFFF)


def one_fat(target: MemoryTarget) -> None:
    target.write_at(open_fat(target).layout.fat_offset(1) + 400, b"\1\1\1\1")


def fsinfo_wrong(target: MemoryTarget) -> None:
    target.write_at(512 + 488, b"\1\0\0\0")


def fsinfo_gone(target: MemoryTarget) -> None:
    target.write_at(512, bytes(512))


def dirty(target: MemoryTarget) -> None:
    set_fat(target, 1, 0x07FFFFFF)


def backup_gone(target: MemoryTarget) -> None:
    target.write_at(6 * 512, bytes(512))


def boot_gone(target: MemoryTarget) -> None:
    target.write_at(0, bytes(512))


def orphaned_name(target: MemoryTarget) -> None:
    target.write_at(entry_at(target, b"LONGNA~1TEX"), b"\xe5")


def too_long(target: MemoryTarget) -> None:
    target.write_at(entry_at(target, b"TOP     TXT") + 28, struct.pack("<I", 100))


def mirroring_off(target: MemoryTarget) -> None:
    # Bit 7 and a number: only the second FAT counts.
    target.write_at(40, b"\x81\0")
    target.write_at(open_fat(pristine()).layout.fat_offset(0) + 8, bytes(400))


def no_backup(target: MemoryTarget) -> None:
    target.write_at(50, b"\0\0")


def label_only_in_root(target: MemoryTarget) -> None:
    target.write_at(71, b"NO NAME    ")
    assert open_fat(target).label == "LABEL"


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lost, {"lost-clusters", "free-count"}),
        (one_fat, {"fats-differ"}),
        (fsinfo_wrong, {"free-count"}),
        (fsinfo_gone, {"no-fsinfo"}),
        (dirty, {"dirty"}),
        (backup_gone, {"backup-differs"}),
        (boot_gone, {"boot-sector"}),
        (orphaned_name, {"orphaned-name", "lost-clusters"}),
        (too_long, {"long-chain"}),
        (mirroring_off, {"one-fat", "backup-differs"}),
        (no_backup, {"no-backup"}),
        (label_only_in_root, {"backup-differs"}),
    ],
)
def test_smaller_damage_is_named(
    target: MemoryTarget, damage: Callable[[MemoryTarget], None], expected: set[str]
) -> None:
    damage(target)
    assert codes(target) == expected


@pytest.mark.parametrize(
    ("at", "data", "message"),
    [
        (510, b"\0\0", "does not end in 55 AA"),
        (11, b"\0\0", "sectors of 0 bytes"),
        (11, b"\1\2", "sectors of 513 bytes"),
        (13, b"\0", "clusters of 0 sectors"),
        (13, b"\3", "clusters of 3 sectors"),
        (14, b"\0\0", "no reserved sectors"),
        (16, b"\0", "or no FAT"),
        (17, b"\0\2", "a root directory as FAT12 and FAT16 have it"),
        (22, b"\1\0", "a root directory without entries"),
        (32, b"\xff\xff\xff\xff", "claims"),
        (32, b"\x20\0\0\0", "no room for clusters"),
        (36, b"\1\0\0\0", "a FAT of 128 entries"),
        (36, b"\xff\xff\xff\xff", "no room for clusters"),
        (44, b"\0\0\0\0", "root in cluster 0"),
        (44, b"\xff\xff\xff\x0f", "root in cluster 268435455"),
    ],
)
def test_boot_sectors_that_cannot_be_are_refused(target: MemoryTarget, at: int, data: bytes, message: str) -> None:
    target.write_at(6 * 512, bytes(512))
    target.write_at(at, data)
    with pytest.raises(InvalidVolume, match=message):
        open_fat(target)
    assert codes(target) == {"no-volume"}


def test_a_target_smaller_than_a_boot_sector_is_refused() -> None:
    with pytest.raises(InvalidVolume, match="not a FAT volume"):
        open_fat(MemoryTarget(Geometry(512, 1)))


# ---- arbitrary bytes ----

DIRECTORIES = plan_layout(Geometry.of_size(SMALL, 512)).offset_of(2)
# The places that matter: the reserved sectors, the begin of the first FAT, and the directories.
REGIONS = st.sampled_from([(0, 90), (510, 2), (512, 512), (6 * 512, 90), (32 * 512, 400), (DIRECTORIES, 32 * 200)])


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    found = []
    for _ in range(draw(st.integers(1, 8))):
        first, length = draw(REGIONS)
        data = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\2\0\0\0"]))
        found.append((first + draw(st.integers(0, length - 1)), data))
    return found


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(mutations())
def test_a_volume_changed_at_random_is_read_or_refused_in_bounded_time(changes: list[tuple[int, bytes]]) -> None:
    target = Copy()
    for at, data in changes:
        target.write_at(at, data)
    started = time.monotonic()
    try:
        volume = open_fat(target)
        for entry in volume.walk():
            if not entry.is_directory:
                assert sum(map(len, volume.read(entry))) == entry.size
        assert volume.free_bytes() <= SMALL
        assert volume.label is None or len(volume.label) <= 11
    except InvalidInput:
        # The refusal is what is allowed; anything else fails the test.
        assert check_fat(target)
    else:
        check_fat(target)
    assert time.monotonic() - started < 20


def test_a_directory_bomb_is_not_walked_for_ever() -> None:
    # Every directory of a volume is the same one, so that a walk without a memory would meet 40 ** depth of them.
    entries = [folder(f"d{number}/e{inner}") for number in range(40) for inner in range(40)]
    target = filled(entries)
    volume = open_fat(target)
    first = volume.entry("d0").cluster
    data = bytearray(target.read_at(volume.layout.offset_of(first), 3 * 512))
    for at in range(64, len(data), 32):
        if data[at]:
            data[at + 26 : at + 28] = struct.pack("<H", first)
    target.write_at(volume.layout.offset_of(first), bytes(data))
    started = time.monotonic()
    with pytest.raises(InvalidVolume, match="is in two directories"):
        list(open_fat(target).walk())
    assert "directory-twice" in codes(target)
    assert time.monotonic() - started < 10


def test_many_files_that_claim_the_same_clusters_cost_no_more_than_the_volume() -> None:
    target = filled([file("big", 20_000_000), *(file(f"F{number:05d}", 1) for number in range(2000))])
    volume = open_fat(target)
    big = volume.entry("big")
    runs = volume.directory_runs(None)
    for first, count in runs:
        data = bytearray(target.read_at(volume.layout.offset_of(first), count * 512))
        for at in range(0, len(data), 32):
            if data[at : at + 1] == b"F":
                data[at + 20 : at + 22] = struct.pack("<H", big.cluster >> 16)
                data[at + 26 : at + 28] = struct.pack("<H", big.cluster & 0xFFFF)
                data[at + 28 : at + 32] = struct.pack("<I", big.size)
        target.write_at(volume.layout.offset_of(first), bytes(data))
    started = time.monotonic()
    assert "cross-link" in codes(target)
    assert time.monotonic() - started < 10


def test_findings_are_not_endless() -> None:
    target = filled([file(f"F{number:05d}", 600) for number in range(300)])
    for cluster in range(21, 700):
        layout = open_fat(target).layout
        for number in range(2):
            target.write_at(layout.fat_offset(number) + 4 * cluster, b"\0\0\0\0")
    found = check_fat(target)
    assert len(found) == 101
    assert found[-1].code == "more"


# ---- round trips, beside the judges ----


@pytest.mark.parametrize("entries", TREES.values(), ids=TREES)
def test_what_was_written_is_read_back(entries: list[SourceEntry]) -> None:
    target = filled(entries)
    volume = open_fat(target)
    wanted = {entry.path: contents(entry.path, entry.size) for entry in entries if not entry.is_directory}
    assert read_everything(volume) == wanted
    assert check_fat(target) == ()
    attributes = {entry.path: entry.attributes for entry in volume.walk()}
    for entry in entries:
        assert attributes[entry.path] == entry.attributes & 0x27 | (0x10 if entry.is_directory else 0)


def test_free_clusters_are_counted_whatever_the_reserved_bits_are(target: MemoryTarget) -> None:
    volume = open_fat(target)
    before = volume.free_bytes()
    rng = random.Random(2)
    for cluster in rng.sample(range(10_000, 60_000), 100):
        set_fat(target, cluster, rng.randrange(16) << 28)
    assert open_fat(target).free_bytes() == before


def test_collisions_are_found_by_their_short_names() -> None:
    volume = open_fat(filled(collide(120)))
    assert volume.entry("LONG~120.TEX").path == "long name number 000119.text"


def test_a_file_whose_chain_is_in_a_loop_is_refused_and_not_read_round_and_round() -> None:
    target = Copy()
    volume = open_fat(target)
    entry = volume.entry("Long Name Of A File.text")
    clusters = [cluster for first, count in volume.file_runs(entry) for cluster in range(first, first + count)]
    set_fat(target, clusters[-1], clusters[1])
    at = entry_at(target, b"LONGNA~1TEX")
    target.write_at(at + 28, struct.pack("<I", 30 * 1024 * 1024))
    with pytest.raises(InvalidVolume, match=r"'Long Name Of A File\.text' is in a loop"):
        open_fat(target).file_runs(open_fat(target).entry("Long Name Of A File.text"))
