"""FAT12 and FAT16 beside FAT32: read, edited, checked and made, where one becomes the next."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cases.fat import NOON, SERIAL, TREES, contents, file, folder
from cases.fat_widths import EDGES, made, with_clusters
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges import fat as fat_judges
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.disk.held import look_at
from osdimage.imaging.disk.image import open_image
from osdimage.imaging.disk.signatures import identify
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, StorageError, TargetRefused
from osdimage.imaging.finding import Severity
from osdimage.imaging.units import MIB, Extent, Geometry, Lba
from osdimage.imaging.volume import pending
from osdimage.imaging.volume.fat.edit import FatEditor, edit_fat, find_pending, finish, mark_clean, pointer_of
from osdimage.imaging.volume.fat.make import (
    FatOptions,
    FatVolume,
    check_fat,
    fill_fat,
    format_fat,
    from_entries,
    open_fat,
)
from osdimage.imaging.volume.fat.plan import plan_small_layout

foreign = pytest.mark.foreign
LARGE = (pytest.mark.matrix, pytest.mark.slow)


def read_all(volume: FatVolume) -> dict[str, bytes]:
    return {each.path: b"".join(volume.read(each)) for each in volume.walk() if not each.is_directory}


def judge_tree(image: Path, volume: FatVolume, to: Path) -> None:
    """Let fsck.fat and mtools say the same of a volume as we do."""
    counted = fat_judges.fsck(image)
    assert counted.clusters == volume.layout.clusters
    assert volume.free_bytes() == (counted.clusters - counted.used_clusters) * volume.layout.cluster_size
    fat_judges.copy_out(image, to)
    seen = {str(each.relative_to(to)): each.read_bytes() for each in to.rglob("*") if each.is_file()}
    assert seen == read_all(volume)


# ---- which it is


@foreign
@pytest.mark.parametrize("edge", EDGES)
def test_the_count_of_clusters_decides_as_it_does_for_others(tmp_path: Path, edge: str) -> None:
    bits, clusters = EDGES[edge]
    image = with_clusters(tmp_path / "v.img", bits, clusters)
    with open_image(str(image), sector_size=512) as target:
        volume = open_fat(target)
        assert (volume.layout.width, volume.layout.clusters) == (FatWidth(bits), clusters)
        assert (volume.label, volume.serial) == ("FOREIGN", 0x0BADCAFE)
        assert identify(target) is volume.layout.width.content
        assert check_fat(target, second_opinion=True) == ()
    assert fat_judges.fsck(image).clusters == clusters
    assert fat_judges.seven_zip(image) == f"FAT{bits}"


@pytest.mark.parametrize("text", [b"FAT12   ", b"FAT16   ", b"FAT     "])
def test_the_text_in_the_boot_sector_does_not_decide(text: bytes) -> None:
    for width in (FatWidth.FAT12, FatWidth.FAT16):
        target = empty(width)
        target.write_at(54, text)
        assert identify(target) is width.content
        assert open_fat(target).layout.width is width
        assert look_at(target).kind is width.content


def empty(width: FatWidth, size: int = 4 * MIB, **more: object) -> MemoryTarget:
    target = MemoryTarget(Geometry.of_size(size, 512))
    cluster = 512 if width is FatWidth.FAT16 else 2048
    format_fat(target, FatOptions(SERIAL, "LABEL", cluster, width=width, **more))  # type: ignore[arg-type]
    return target


# ---- edits


def change(editor: FatEditor, rng: random.Random) -> None:
    """Make directories and files until little room is left, and fill it with one more."""
    editor.make_directory("EFI", attributes=0, time_ns=NOON)
    editor.make_directory("EFI/A long directory name", attributes=0, time_ns=NOON)
    for number in range(60):
        size = rng.randrange(1, 60_000)
        if editor.free_bytes() < size + 200_000:
            break
        path = f"EFI/A long directory name/file number {number}.bin"
        editor.write_file(path, rng.randbytes(size), attributes=None, time_ns=NOON)
    most = editor.free_bytes() - 60_000
    editor.write_file("root file with a long name.txt", rng.randbytes(most), attributes=None, time_ns=NOON)


@foreign
@pytest.mark.parametrize(
    "edge",
    ["fat12", "fat16-smallest", *(pytest.param(each, marks=LARGE) for each in ("fat16-largest", "fat32"))],
)
def test_edits_up_to_the_last_clusters_are_sound_for_others(tmp_path: Path, edge: str) -> None:
    image = with_clusters(tmp_path / "v.img", *EDGES[edge])
    with open_image(str(image), sector_size=512, write=True) as target:
        editor = edit_fat(target)
        change(editor, random.Random(edge))
        editor.commit()
        assert check_fat(target, second_opinion=True) == ()
        judge_tree(image, open_fat(target), tmp_path / "first")
        editor = edit_fat(target)
        for path in [each.path for each in editor.walk() if not each.is_directory][::2]:
            editor.delete(path)
        editor.commit()
        assert check_fat(target, second_opinion=True) == ()
        judge_tree(image, open_fat(target), tmp_path / "second")
    listed = fat_judges.mtools("mdir", "-i", image, "::/EFI/A long directory name")
    assert "file number" in listed


@foreign
@pytest.mark.parametrize(
    ("bits", "size", "options"),
    [
        pytest.param(12, 1440 << 10, (), id="floppy"),
        pytest.param(12, 4 * MIB, ("-s", "8"), id="4 KiB clusters"),
        pytest.param(16, 16 * MIB, ("-R", "1"), id="one reserved sector"),
        pytest.param(16, 100 * MIB, (), id="ESP of 100 MiB"),
        pytest.param(16, 40 * MIB, ("-S", "4096", "-s", "1"), id="4096-byte sectors"),
        pytest.param(16, 20 * MIB, ("-f", "1"), id="one FAT"),
        pytest.param(16, 20 * MIB, ("-r", "32"), id="small root"),
    ],
)
def test_volumes_of_others_are_read_and_edited(tmp_path: Path, bits: int, size: int, options: tuple[str, ...]) -> None:
    image = made(tmp_path / "v.img", bits, size, *options)
    wanted = tmp_path / "wanted"
    wanted.mkdir()
    (wanted / "A name that is long.txt").write_bytes(contents("a", 5000))
    fat_judges.mtools("mmd", "-i", image, "::/EFI")
    fat_judges.mtools("mcopy", "-i", image, wanted / "A name that is long.txt", "::/EFI/")
    with open_image(str(image), sector_size=512, write=True) as target:
        assert read_all(open_fat(target)) == {"EFI/A name that is long.txt": contents("a", 5000)}
        editor = edit_fat(target)
        editor.write_file("EFI/A name that is long.txt", contents("b", 70_000), attributes=None, time_ns=NOON)
        editor.write_file("top", b"t", attributes=0x01, time_ns=NOON)
        editor.commit()
        assert check_fat(target, second_opinion=True) == ()
        judge_tree(image, open_fat(target), tmp_path / "copied")
        # TZ is UTC in the tests; FAT counts in steps of two seconds.
        assert (tmp_path / "copied" / "top").stat().st_mtime == 1_709_251_198


def test_a_root_directory_cannot_grow_and_nothing_is_written() -> None:
    target = MemoryTarget(Geometry.of_size(4 * MIB, 512))
    # 512 entries, one of them the label; each of these names takes one.
    entries = [file(f"F{number}", 0) for number in range(511)]
    fill_fat(target, from_entries(entries), FatOptions(SERIAL, "LABEL", 512, width=FatWidth.FAT16))
    assert check_fat(target, second_opinion=True) == ()
    before = target.read_at(0, 4 * MIB)
    full = edit_fat(target)
    with pytest.raises(TargetRefused, match=r"the root directory is full: on FAT16 it cannot grow, .* 512 entries"):
        full.write_file("ONE.MORE", b"", attributes=None, time_ns=NOON)
    with pytest.raises(TargetRefused, match="512 entries"):
        full.make_directory("MORE", attributes=0, time_ns=NOON)
    full.commit()
    assert target.read_at(0, 4 * MIB) == before


def test_what_is_no_part_of_a_number_of_16_bits_is_passed_over() -> None:
    """OS/2 and Windows NT had the upper half for extended attributes."""
    target = MemoryTarget(Geometry.of_size(4 * MIB, 512))
    fill_fat(target, from_entries([file("a", 700)]), FatOptions(SERIAL, cluster_size=512, width=FatWidth.FAT16))
    root = open_fat(target).layout.root_offset
    target.write_at(root + 20, b"\x34\x12")
    assert read_all(open_fat(target)) == {"a": contents("a", 700)}
    assert check_fat(target) == ()


# ---- the mark of use


@foreign
@pytest.mark.parametrize(
    ("width", "at", "dirty"),
    [
        # Linux, fs/fat/inode.c: fat_set_state; mkfs.fat and fsck.fat: FAT_STATE_DIRTY.
        pytest.param(FatWidth.FAT12, 37, b"\x01", id="fat12: byte 37 of the boot sector"),
        pytest.param(FatWidth.FAT16, 512 + 2, b"\xff\x7f", id="fat16: bit 15 of the second entry"),
    ],
)
def test_a_volume_with_more_to_come_is_marked(tmp_path: Path, width: FatWidth, at: int, dirty: bytes) -> None:
    target = empty(width, is_dirty=True)
    assert target.read_at(at, len(dirty)) == dirty
    assert open_fat(target).is_marked_dirty
    assert {each.code for each in check_fat(target)} == {"dirty"}
    mark_clean(target, sync=True)
    assert not open_fat(target).is_marked_dirty
    image = tmp_path / "v.img"
    image.write_bytes(target.read_at(0, 4 * MIB))
    fat_judges.fsck(image)


class Cut(MemoryTarget):
    """A volume that can be written so many times more."""

    left: int | None = None

    def _write(self, offset_bytes: int, data: bytes) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise StorageError("no more", path="memory")
        super()._write(offset_bytes, data)


@pytest.mark.parametrize("width", [FatWidth.FAT12, FatWidth.FAT16])
@pytest.mark.parametrize("reserved", [1, 4])
def test_an_edit_that_is_cut_off_anywhere_is_old_or_new(width: FatWidth, reserved: int) -> None:
    geometry = Geometry.of_size(4 * MIB, 512)
    # Of several reserved sectors the last has the pointer; of one, the boot sector.
    layout = plan_small_layout(geometry, width, 512 if width is FatWidth.FAT16 else 2048)
    layout = replace(layout, sectors=layout.sectors - 8, reserved=reserved)
    old, new = {"a": contents("a", 3000), "b": contents("b", 9)}, {"a": contents("n", 9000), "d/c": contents("c", 70)}
    base = MemoryTarget(geometry)
    entries = [file(path, len(data)) for path, data in old.items()]
    fill_fat(base, from_entries(entries), FatOptions(SERIAL, "L", layout=layout))
    assert read_all(open_fat(base)) == old
    whole = base.read_at(0, 4 * MIB)
    seen = set()
    for count in range(200):
        target = Cut(geometry)
        target.write_at(0, whole)
        editor = edit_fat(target)
        target.left = count
        try:
            editor.make_directory("d", attributes=0, time_ns=NOON)
            editor.write_file("d/c", new["d/c"], attributes=None, time_ns=NOON)
            editor.write_file("a", new["a"], attributes=None, time_ns=NOON)
            editor.delete("b")
            editor.commit()
        except StorageError:
            target.left = None
        else:
            assert count > 10
            break
        found = find_pending(target)
        shown = read_all(open_fat(target if found is None else pending.overlaid(target, found)))
        assert shown in (old, new)
        marked = open_fat(target).is_marked_dirty
        assert found is None or shown == new
        assert not (found is None and marked)
        finish(target)
        assert read_all(open_fat(target)) == shown
        assert not [each for each in check_fat(target) if each.severity is Severity.ERROR]
        assert not open_fat(target).is_marked_dirty
        assert target.read_at(0, 512) == whole[:512]
        seen.add(shown == new)
    assert seen == {False, True}
    assert read_all(open_fat(target)) == new
    assert check_fat(target, second_opinion=True) == ()
    assert target.read_at(0, 512) == whole[:512]


def test_boot_code_is_not_in_the_way_of_a_pointer() -> None:
    """Where Windows' boot code is, changes are carried out at once, as on a full volume."""
    target = empty(FatWidth.FAT16)
    boot = open_fat(target).boot
    at = pointer_of(boot)
    assert at is not None
    assert at + pending.POINTER_BYTES == 446
    target.write_at(62, b"\xcc" * (510 - 62))
    before = target.read_at(0, 512)
    editor = edit_fat(target)
    editor.write_file("a", b"a", attributes=None, time_ns=NOON)
    editor.commit()
    assert target.read_at(0, 512) == before
    assert check_fat(target) == ()


# ---- made


@foreign
@pytest.mark.parametrize("tree", ["sizes", "spaces", "deep", "empty directories", "attributes", "other scripts"])
@pytest.mark.parametrize("width", [FatWidth.FAT12, FatWidth.FAT16])
def test_volumes_that_are_made_are_sound_for_others(tmp_path: Path, width: FatWidth, tree: str) -> None:
    image = tmp_path / "v.img"
    with image.open("wb") as stream:
        stream.truncate(16 * MIB)
    with open_image(str(image), sector_size=512, write=True) as target:
        result = fill_fat(target, from_entries(TREES[tree]), FatOptions(SERIAL, "Label", width=width))
        assert result.layout.width is width
        assert check_fat(target, second_opinion=True) == ()
        judge_tree(image, open_fat(target), tmp_path / "copied")
    facts = fat_judges.blkid(image)
    assert (facts["VERSION"], facts["UUID"], facts["LABEL"]) == (width.name, "1234-ABCD", "Label")
    assert fat_judges.seven_zip(image) == width.name
    assert f'disk type="{width.name:8}"' in fat_judges.mtools("minfo", "-i", image, "::")
    _, seen = fat_judges.dissect(image)
    # dissect ignores the bits for lower case.
    assert {path.lower() for path, each in seen.items() if each.sha256} == {
        each.path.lower() for each in TREES[tree] if not each.is_directory
    }


@foreign
@pytest.mark.parametrize(
    ("width", "clusters"),
    [(FatWidth.FAT12, 4084), (FatWidth.FAT16, 4085), pytest.param(FatWidth.FAT16, 65_524, marks=LARGE)],
)
@pytest.mark.parametrize("cluster_size", [512, 2048])
def test_the_smallest_and_the_largest_are_sound(
    tmp_path: Path, width: FatWidth, clusters: int, cluster_size: int
) -> None:
    sectors = next(
        count
        for count in range(clusters * cluster_size // 512, clusters * cluster_size // 512 + 800)
        if _count(width, count, cluster_size) == clusters
    )
    image = tmp_path / "v.img"
    with image.open("wb") as stream:
        stream.truncate(sectors * 512)
    with open_image(str(image), sector_size=512, write=True) as target:
        # All clusters but one.
        size = (clusters - 1) * cluster_size
        fill_fat(target, from_entries([file("whole", size)]), FatOptions(1, None, cluster_size, width=width))
        assert check_fat(target, second_opinion=True) == ()
    counted = fat_judges.fsck(image)
    assert (counted.clusters, counted.used_clusters) == (clusters, clusters - 1)
    fat_judges.copy_out(image, tmp_path / "copied")
    assert (tmp_path / "copied" / "whole").read_bytes() == contents("whole", size)
    assert fat_judges.seven_zip(image) == width.name


def _count(width: FatWidth, sectors: int, cluster_size: int) -> int:
    try:
        return plan_small_layout(Geometry(512, sectors), width, cluster_size).clusters
    except InvalidRequest:
        return 0


def test_sizes_that_a_width_cannot_have_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"8.0 GB cannot be FAT16: that is \d+ clusters of 65536 bytes; valid"):
        plan_small_layout(Geometry.of_size(8192 * MIB, 512), FatWidth.FAT16)
    # Nobody waits for tables that would be so large.
    with pytest.raises(InvalidRequest, match=r"64.0 TB cannot be FAT12: that is \d+ clusters of 262144 bytes; val"):
        plan_small_layout(Geometry.of_size(64 << 40, 4096), FatWidth.FAT12)
    with pytest.raises(InvalidRequest, match=r"1.0 MB cannot be FAT16: that is \d+ clusters of 512 bytes; valid are"):
        plan_small_layout(Geometry.of_size(MIB, 512), FatWidth.FAT16)
    with pytest.raises(InvalidRequest, match="0 clusters of 512 bytes; valid are 1 to 4084"):
        plan_small_layout(Geometry(512, 30), FatWidth.FAT12)


def test_a_tree_too_large_for_the_root_is_refused_before_anything_is_written() -> None:
    target = MemoryTarget(Geometry.of_size(4 * MIB, 512))
    entries = [file(f"{number} is a long name", 0) for number in range(200)]
    with pytest.raises(TargetRefused, match="the root directory of this FAT16 volume holds 512"):
        fill_fat(target, from_entries(entries), FatOptions(SERIAL, cluster_size=512, width=FatWidth.FAT16))
    assert not any(target.read_at(0, 4 * MIB))
    deeper = [file(f"d/{each.path}", 0) for each in entries]
    fill_fat(target, from_entries(deeper), FatOptions(SERIAL, cluster_size=512, width=FatWidth.FAT16))
    assert len(list(open_fat(target).walk())) == 201


# ---- damage


def set_entry(target: MemoryTarget, cluster: int, value: int) -> None:
    volume = open_fat(target)
    layout, kind = volume.layout, volume.table.kind
    entries = volume.table.page(0)
    entries[cluster] = value
    for number in range(layout.fats):
        target.write_at(layout.fat_offset(number), kind.pack(entries))


def loop(target: MemoryTarget) -> None:
    first = open_fat(target).entry("long").cluster
    set_entry(target, first + 1, first)


def free_in_chain(target: MemoryTarget) -> None:
    set_entry(target, open_fat(target).entry("long").cluster, 0)


def bad_in_chain(target: MemoryTarget) -> None:
    set_entry(target, open_fat(target).entry("long").cluster, open_fat(target).table.kind.bad)


def directory_in_itself(target: MemoryTarget) -> None:
    set_entry(target, open_fat(target).entry("sub").cluster, open_fat(target).entry("sub").cluster)


def copies_differ(target: MemoryTarget) -> None:
    target.write_at(open_fat(target).layout.fat_offset(1) + 9, b"\x77")


def lost(target: MemoryTarget) -> None:
    set_entry(target, 2000 if open_fat(target).layout.clusters < 4085 else 4000, 0xFFFF)


DAMAGE: list[tuple[Callable[[MemoryTarget], None], str]] = [
    (loop, "endless-chain"),
    (free_in_chain, "file-chain"),
    (bad_in_chain, "file-chain"),
    (directory_in_itself, "directory-chain"),
    (copies_differ, "fats-differ"),
    (lost, "lost-clusters"),
]


@pytest.mark.parametrize("width", [FatWidth.FAT12, FatWidth.FAT16])
@pytest.mark.parametrize(("damage", "code"), DAMAGE, ids=[each.__name__ for each, _ in DAMAGE])
def test_damage_is_found(width: FatWidth, damage: Callable[[MemoryTarget], None], code: str) -> None:
    target = MemoryTarget(Geometry.of_size(4 * MIB, 512))
    cluster = 512 if width is FatWidth.FAT16 else 2048
    entries = [folder("sub"), file("sub/one", 10), file("long", 9000)]
    fill_fat(target, from_entries(entries), FatOptions(SERIAL, cluster_size=cluster, width=width))
    assert check_fat(target, second_opinion=True) == ()
    damage(target)
    assert code in {each.code for each in check_fat(target)}


@pytest.mark.parametrize(
    ("at", "data", "message"),
    [
        pytest.param(11, struct.pack("<H", 513), "sectors of 513 bytes", id="sectors"),
        pytest.param(13, b"\0", "clusters of 0 sectors", id="sectors per cluster 0"),
        pytest.param(13, b"\3", "clusters of 3 sectors", id="sectors per cluster 3"),
        pytest.param(14, b"\0\0", "no reserved sectors", id="reserved 0"),
        pytest.param(16, b"\0", "or no FAT", id="no FAT"),
        pytest.param(17, b"\0\0", "a root directory without entries", id="root entries 0"),
        pytest.param(19, b"\xff\xff", "claims", id="larger than its window"),
        pytest.param(22, b"\1\0", r"has \d+ clusters and a FAT of \d+ entries", id="table too short"),
        pytest.param(22, b"\xff\xff", "no room for clusters", id="table of the whole volume"),
        pytest.param(22, b"\0\0", "a FAT of no sectors", id="no table"),
        pytest.param(510, b"\0\0", "does not end in 55 AA", id="no signature"),
    ],
)
@pytest.mark.parametrize("width", [FatWidth.FAT12, FatWidth.FAT16])
def test_boot_sectors_that_cannot_be_are_refused(width: FatWidth, at: int, data: bytes, message: str) -> None:
    target = empty(width)
    target.write_at(at, data)
    if at == 22 and data == b"\0\0":
        target.write_at(36, bytes(4))
    with pytest.raises(InvalidVolume, match=message):
        open_fat(target)
    assert {each.code for each in check_fat(target)} == {"no-volume"}
    # What it is called is not worth an error.
    assert identify(target) in {Content.FAT12, Content.FAT16, Content.FAT32}


PRISTINE = {width: empty(width) for width in (FatWidth.FAT12, FatWidth.FAT16)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([FatWidth.FAT12, FatWidth.FAT16]),
    st.lists(
        st.tuples(st.sampled_from([0, 512, 7 * 512, 33 * 512, 40 * 512]), st.integers(0, 90), st.binary(max_size=6))
    ),
)
def test_arbitrary_bytes_end_in_an_answer(width: FatWidth, changes: list[tuple[int, int, bytes]]) -> None:
    target = PRISTINE[width].window(Extent(Lba(0), 256))
    copied = MemoryTarget(Geometry.of_size(4 * MIB, 512))
    copied.write_at(0, target.read_at(0, 128 << 10))
    for first, offset, data in changes:
        copied.write_at(first + offset, data)
    check_fat(copied)
    identify(copied)
    look_at(copied)
    try:
        for entry in open_fat(copied).walk():
            if not entry.is_directory:
                b"".join(open_fat(copied).read(entry))
    except InvalidVolume:
        pass
