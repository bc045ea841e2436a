"""Placement: sizes in the order of the layout, alignment, containers, what is added, and what does not fit."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from cases.disk import layout
from hypothesis import given, settings
from hypothesis import strategies as st
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.init import initialize
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec, PercentOfFree, Remaining
from osdimage.imaging.disk.layouts.place import CYLINDER, TRACK, advice, alignment, gpt_usable, place
from osdimage.imaging.disk.layouts.presets import Preset, preset_layout
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.disk.tables.check import table_findings
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.disk.tables.table import PartitionTable, SpaceKind
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import DoesNotFit, InvalidLayout, InvalidRequest
from osdimage.imaging.finding import Severity
from osdimage.imaging.units import GIB, MIB, TIB, Bytes, Extent, Geometry, Lba

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def disk(size_bytes: int, sector_size: int = 512) -> Geometry:
    return Geometry.of_size(size_bytes, sector_size)


def starts_and_counts(table: PartitionTable) -> list[tuple[int, int]]:
    return [(each.extent.first, each.extent.count) for each in table.partitions]


def placed(wish: DiskLayout, geometry: Geometry) -> PartitionTable:
    return place(wish, geometry, random.Random(1))


def test_a_percentage_is_of_what_is_left_when_its_turn_comes() -> None:
    # 10 GB less 1 MB in front = 10239 MB; 33 % = 3378.87, of the rest (6861) 33 % = 2264.13, of 4597 33 % = 1517.01.
    table = placed(layout("MBR", *["Primary 33 Percent"] * 3, "Primary"), disk(10 * GIB))
    assert [table.size_bytes(each) // MIB for each in table.partitions] == [3378, 2264, 1517, 3080]


def test_a_later_fixed_size_is_not_set_aside() -> None:
    # osddiskpart fails the same layout: "Partition 1 larger than remaining disk space".
    with pytest.raises(DoesNotFit) as caught:
        placed(layout("MBR", "Primary 100 Percent", "Primary 1 GB"), disk(16 * GIB))
    assert str(caught.value) == (
        "OSDPartitions1 (Primary) is larger than the remaining disk space: requested 1073741824 bytes (1.0 GB), "
        "remaining 0 bytes (0 bytes), in steps of 1.0 MB"
    )
    assert (caught.value.wanted_bytes, caught.value.left_bytes) == (GIB, 0)


def test_a_remainder_can_leave_room_for_what_follows() -> None:
    table = placed(preset_layout(Preset.UEFI), disk(64 * GIB))
    # 64 GB less 1 MB at both ends, 260 MB, 16 MB and the 1 GB that is left.
    assert [table.size_bytes(each) // MIB for each in table.partitions] == [260, 16, 65536 - 2 - 276 - 1024, 1024]


@pytest.mark.parametrize(
    ("size", "sector_size", "step"),
    [(4 * GIB, 512, 2048), (4 * GIB - 512, 512, 128), (4 * GIB, 4096, 256), (GIB, 4096, 16)],
)
def test_alignment_is_1_mib_from_4_gb_on_and_64_kib_below(size: int, sector_size: int, step: int) -> None:
    assert alignment(disk(size, sector_size)) == step


def test_a_small_disk_begins_where_windows_server_2008_r2_begins_it() -> None:
    # Measured on a 50 MB disk that Windows laid out: MBR volume at 128.  The MSR of 31 MB and LDM's 1 MB are 32 MB.
    assert starts_and_counts(placed(layout("MBR", "Primary"), disk(50 * MIB)))[0][0] == 128
    (msr, _) = placed(layout("GPT", "Primary"), disk(50 * MIB)).partitions
    assert msr.extent.count * 512 == 32 * MIB


@pytest.mark.parametrize(("sector_size", "first", "less"), [(512, 34, 34), (4096, 6, 6)])
def test_a_gpt_leaves_the_room_of_both_copies(sector_size: int, first: int, less: int) -> None:
    # 34 and 102366 of 102400 sectors on a disk that Windows laid out.
    geometry = Geometry(sector_size, 102400)
    assert gpt_usable(geometry) == Extent(Lba(first), 102400 - less - first + 1)
    assert gpt_usable(geometry).last == 102400 - less


def test_logicals_have_a_pool_of_their_own_and_each_pays_for_its_ebr() -> None:
    table = placed(
        layout("MBR", "Primary 1 GB", "Extended 1 GB", "Logical 50 Percent", "Logical", "Primary"), disk(8 * GIB)
    )
    # In MB: primary 1-1025, extended 1025-2049; EBR 1, then half of 1023; EBR 1, then the rest; primary from 2049.
    megabytes = [(first // 2048, count // 2048) for first, count in starts_and_counts(table)]
    assert megabytes == [(1, 1024), (1025, 1024), (2049, 8192 - 2049), (1026, 511), (1538, 511)]
    assert [each.number for each in table.partitions] == [1, 2, 3, 5, 6]
    assert [each.ebr_lba for each in table.logicals] == [1025 * 2048, 1537 * 2048]


def test_a_full_container_says_so() -> None:
    with pytest.raises(
        DoesNotFit, match=r"OSDPartitions1 \(Logical\) is larger than the remaining space of the extended"
    ):
        placed(layout("MBR", "Extended 1 GB", "Logical 1 GB"), disk(8 * GIB))


def test_compatibility_mode_is_the_layout_of_windows_xp() -> None:
    # A disk of Windows 2003 R2 has its first partition at 63, with 63 + 96327 = 6 * 16065 sectors (measured).
    table = placed(
        layout("MBR", "Primary 47 MB", "Primary 1 GB", OSDDiskpartBiosCompatibilityMode="true"), disk(8 * GIB)
    )
    first, second = table.partitions
    assert (first.extent.first, first.extent.count) == (TRACK, 96327)
    assert second.extent.first == 6 * CYLINDER
    assert second.extent.end % CYLINDER == 0


def test_compatibility_mode_wants_sectors_of_512_bytes() -> None:
    with pytest.raises(InvalidLayout, match="only for disks with 512-byte sectors"):
        placed(layout("MBR", "Primary", OSDDiskpartBiosCompatibilityMode="true"), disk(8 * GIB, 4096))


@pytest.mark.parametrize(
    ("size", "sector_size", "esp", "msr"),
    [
        pytest.param(4 * GIB, 512, 100, 32, id="small"),
        pytest.param(16 * GIB, 512, 163, 128, id="one-percent"),
        pytest.param(500 * GIB, 512, 1000, 128, id="at-most-1000"),
        pytest.param(16 * GIB, 4096, 260, 128, id="fat32-with-4096-byte-sectors"),
    ],
)
def test_a_boot_disk_gets_an_esp_and_an_msr(size: int, sector_size: int, esp: int, msr: int) -> None:
    wish = layout("GPT", "Primary NTFS", OSDGPTBootDisk="true")
    table = placed(wish, disk(size, sector_size))
    assert [each.role for each in table.partitions] == [Role.EFI, Role.MSR, Role.PRIMARY]
    assert [table.size_bytes(each) // MIB for each in table.partitions[:2]] == [esp, msr]
    assert table.partitions[0].spec is not None
    assert table.partitions[0].spec.filesystem is FileSystem.FAT32
    assert len(advice(wish, disk(size, sector_size))) == 2


@pytest.mark.parametrize(
    ("elements", "boot", "roles"),
    [
        (["Primary"], "false", "MSR Primary"),
        (["EFI FAT32 100 MB", "MSR 16 MB", "Primary"], "true", "EFI MSR Primary"),
        (["EFI FAT32 100 MB", "Primary"], "true", "EFI MSR Primary"),
        (["MSR 16 MB", "Primary"], "true", "EFI MSR Primary"),
        (["Recovery 1 GB", "EFI FAT32 100 MB", "MSR 16 MB", "Primary"], "true", "Recovery EFI MSR Primary"),
    ],
)
def test_what_is_given_is_not_added(elements: list[str], boot: str, roles: str) -> None:
    table = placed(layout("GPT", *elements, OSDGPTBootDisk=boot), disk(64 * GIB))
    assert " ".join(each.role or "?" for each in table.partitions) == roles


def test_a_disk_below_32_mb_gets_no_msr() -> None:
    assert [each.role for each in placed(layout("GPT", "Primary"), disk(31 * MIB)).partitions] == [Role.PRIMARY]


def test_with_those_that_are_added_a_gpt_still_has_128_at_most() -> None:
    specs = tuple(PartitionSpec(Role.PRIMARY, FixedSize(Bytes(MIB))) for _ in range(128))
    with pytest.raises(InvalidLayout, match="129 partitions with those that are added"):
        placed(DiskLayout(Scheme.GPT, specs), disk(8 * GIB))
    assert len(placed(DiskLayout(Scheme.GPT, specs, add_reserved=False), disk(8 * GIB)).partitions) == 128


def test_mbr_ends_where_32_bits_end() -> None:
    table = placed(layout("MBR", "Primary"), disk(3 * TIB))
    assert table.partitions[0].extent.end == 1 << 32
    with pytest.raises(DoesNotFit, match="disk space within MBR's 32-bit sector numbers"):
        placed(layout("MBR", "Primary 2049 GB"), disk(3 * TIB))


@pytest.mark.parametrize(
    ("wish", "geometry", "message"),
    [
        (layout("MBR", "Primary"), disk(3 * TIB), "MBR cannot reach the last 1.0 TB of this disk; GPT can"),
        (layout("MBR", "Primary"), disk(GIB, 4096), "Windows does not start in BIOS mode"),
        (layout("MBR", "Primary", OSDGPTBootDisk="true"), disk(GIB), "OSDGPTBootDisk is ignored"),
        (layout("GPT", "EFI active", "MSR 16 MB"), disk(GIB), "Bootable is ignored"),
        (
            layout("GPT", "MSR 16 MB", OSDDiskpartBiosCompatibilityMode="true"),
            disk(GIB),
            "OSDDiskpartBiosCompatibilityMode is ignored",
        ),
    ],
)
def test_advice_says_what_has_no_effect_or_is_lost(wish: DiskLayout, geometry: Geometry, message: str) -> None:
    assert any(message in text for text in advice(wish, geometry))


@pytest.mark.parametrize("sectors", [1, 34, 67])
def test_a_disk_too_small_for_a_gpt_is_refused(sectors: int) -> None:
    with pytest.raises(InvalidRequest):
        placed(layout("GPT", "Primary"), Geometry(512, sectors))


@pytest.mark.parametrize("size", [512, 1024, MIB // 16])
def test_a_disk_too_small_for_an_mbr_partition_is_refused(size: int) -> None:
    with pytest.raises(DoesNotFit):
        placed(layout("MBR", "Primary"), disk(size))


def test_sector_sizes_that_windows_lacks_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="valid are 512 and 4096"):
        Geometry(520, 100)


def test_the_disk_signature_is_never_zero() -> None:
    class Zeros:
        def getrandbits(self, k: int, /) -> int:
            return k - k

    assert place(layout("MBR", "Primary"), disk(GIB), Zeros()).disk_signature == 1


def test_windows_counts_partitions_without_the_extended_one() -> None:
    table = placed(layout("MBR", "Primary 1 GB", "Extended 2 GB", "Logical", "Primary"), disk(8 * GIB))
    assert table.windows_numbers() == {1: 1, 3: 2, 5: 3}


# ---- any layout ----

_SIZES = st.one_of(
    st.integers(1, 3000).map(lambda number: FixedSize(Bytes(number * MIB))),
    st.integers(1, 10**10).map(lambda number: FixedSize(Bytes(number))),
    st.integers(1, 100).map(PercentOfFree),
    st.just(Remaining()),
    st.integers(0, GIB).map(lambda number: Remaining(Bytes(number))),
)
_FILESYSTEMS = st.sampled_from([None, *FileSystem])


@st.composite
def layouts(draw: st.DrawFn) -> DiskLayout:
    scheme = draw(st.sampled_from(Scheme))
    if scheme is Scheme.GPT:
        kinds = [Role.PRIMARY, Role.HIDDEN, Role.RECOVERY, Role.EFI]
        roles = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=12))
    else:
        roles = draw(st.lists(st.sampled_from([Role.PRIMARY, Role.HIDDEN, Role.RECOVERY]), max_size=3))
        if draw(st.booleans()) or not roles:
            at = draw(st.integers(0, len(roles)))
            logicals = draw(st.integers(0, 8))
            roles = [*roles[:at], Role.EXTENDED, *[Role.LOGICAL] * logicals, *roles[at:]]
    specs = []
    for role in roles:
        filesystem = None if role is Role.EXTENDED else draw(_FILESYSTEMS)
        filesystem = FileSystem.FAT32 if role is Role.EFI else filesystem
        specs.append(PartitionSpec(role, draw(_SIZES), filesystem=filesystem))
    legacy = draw(st.booleans())
    return DiskLayout(scheme, tuple(specs), boot_disk=draw(st.booleans()), bios_compatibility=legacy)


_GEOMETRIES = st.builds(
    Geometry,
    st.sampled_from([512, 4096]),
    st.one_of(st.integers(64, 10**6), st.integers(10**6, 10**9), st.integers((1 << 32) - 5000, (1 << 32) + 5000)),
)


@settings(max_examples=300)
@given(wish=layouts(), geometry=_GEOMETRIES, seed=st.integers(0, 1 << 64))
def test_whatever_places_is_sound_and_reads_back(wish: DiskLayout, geometry: Geometry, seed: int) -> None:
    try:
        table = place(wish, geometry, random.Random(seed))
    except InvalidRequest:
        return
    assert not [finding for finding in table_findings(table) if finding.severity is Severity.ERROR]
    legacy = wish.bios_compatibility and wish.scheme is Scheme.MBR
    step = CYLINDER if legacy else alignment(geometry)
    for partition in table.partitions:
        first = partition.extent.first
        assert partition.extent.end % step == 0
        assert first % step == 0 or (legacy and first % CYLINDER in {TRACK, 2 * TRACK})
    covered = [space for space in table.spaces() if space.kind is SpaceKind.PARTITION]
    assert len(covered) + (table.extended is not None) == len(table.partitions)
    target = MemoryTarget(geometry)
    initialize(target, table, now=NOW, save=False)
    assert read_table(target).table == table
    assert place(wish, geometry, random.Random(seed)) == table
