"""A table on a disk of another size: who gives, who takes, what only moves; nothing is lost and nothing overlaps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases.tables import gpt_tables, mbr_tables, written
from hypothesis import assume, given
from hypothesis import strategies as st
from osdimage.imaging.disk import Partition, PartitionTable, Scheme
from osdimage.imaging.disk.layouts.fit import Giver, fitted, resized
from osdimage.imaging.errors import DoesNotFit, InvalidLayout
from osdimage.imaging.units import Extent, Geometry, Lba

MIB = 1 << 20
STEP = 2048
OLD = Geometry(512, 20 << 20)  # 10 GB


def mbr(*partitions: tuple[int, int, int], logicals: tuple[tuple[int, int, int], ...] = ()) -> PartitionTable:
    """Return a table of (type, first, count), and of (EBR, first, count) inside of the first extended one."""
    entries = [Partition(n, Extent(Lba(first), count), kind) for n, (kind, first, count) in enumerate(partitions, 1)]
    inner = [
        Partition(n, Extent(Lba(first), count), 7, ebr_lba=Lba(ebr))
        for n, (ebr, first, count) in enumerate(logicals, 5)
    ]
    return PartitionTable(Scheme.MBR, OLD, (*entries, *inner), disk_signature=1)


def places(table: PartitionTable) -> list[tuple[int, int]]:
    return [(each.extent.first, each.extent.count) for each in table.partitions]


def sectors(count: int) -> Geometry:
    return replace(OLD, sectors=count)


THREE = mbr((7, 63, 80262), (7, 81920, 8 << 20), (0x27, 12 << 20, 1 << 20))


def test_what_is_behind_moves_by_as_much_as_the_taker_grows() -> None:
    table = fitted(THREE, sectors(30 << 20), taker=2)
    # The last one ended at 13 Mi sectors; the disk has 30 Mi.
    assert places(table) == [(63, 80262), (81920, 25 << 20), (29 << 20, 1 << 20)]
    (change,) = resized(THREE, table)
    assert str(change) == "partition 2 grows from 4.0 GB to 12.5 GB"


def test_room_between_partitions_goes_before_a_giver_gives() -> None:
    gap = (12 << 20) - (81920 + (8 << 20))
    table = fitted(THREE, sectors((13 << 20) - gap), taker=2, givers=[Giver(2, 1 << 30)])
    assert places(table) == [(63, 80262), (81920, 8 << 20), (81920 + (8 << 20), 1 << 20)]
    smaller = fitted(THREE, sectors((13 << 20) - gap - STEP), taker=2, givers=[Giver(2, 1 << 30)])
    assert places(smaller) == [(63, 80262), (81920, (8 << 20) - STEP), (81920 + (8 << 20) - STEP, 1 << 20)]
    assert str(resized(THREE, smaller)[0]) == "partition 2 shrinks from 4.0 GB to 4.0 GB"


def test_the_second_giver_gives_when_the_first_has_nothing_left() -> None:
    table = mbr((7, 2048, 6 << 20), (7, 2048 + (6 << 20), 6 << 20))
    made = fitted(table, sectors(8 << 20), taker=1, givers=[Giver(1, 2 << 30), Giver(2, 1 << 30)])
    assert places(made) == [(2048, 4 << 20), (2048 + (4 << 20), (4 << 20) - 2048)]


def test_a_disk_that_is_too_small_says_how_large_it_must_be() -> None:
    table = mbr((7, 2048, 8 << 20))
    with pytest.raises(DoesNotFit, match="need 4") as caught:
        fitted(table, sectors(4 << 20), taker=1, givers=[Giver(1, 4 << 30)])
    needed = caught.value.wanted_bytes
    assert needed is not None
    assert places(fitted(table, sectors(needed // 512), taker=1, givers=[Giver(1, 4 << 30)])) == [(2048, 8 << 20)]


def test_an_extended_partition_follows_the_logical_one_that_changes() -> None:
    table = mbr(
        (7, 2048, 1 << 20), (0x85, 2 << 20, 6 << 20), (0x27, 8 << 20, 1 << 20),
        logicals=((2 << 20, (2 << 20) + 63, 2 << 20), (5 << 20, (5 << 20) + 63, 1 << 20)),
    )  # fmt: skip
    larger = fitted(table, sectors(19 << 20), taker=5)
    assert places(larger) == [
        (2048, 1 << 20), (2 << 20, 16 << 20), (18 << 20, 1 << 20),
        ((2 << 20) + 63, 12 << 20), ((15 << 20) + 63, 1 << 20),
    ]  # fmt: skip
    assert [each.ebr_lba for each in larger.logicals] == [2 << 20, 15 << 20]
    assert written(larger).partitions == larger.partitions


def test_sectors_of_another_size_keep_the_bytes_where_they_can() -> None:
    table = mbr((7, 2048, 1 << 20), (0x83, 2 << 20, 1 << 20))
    assert places(fitted(table, Geometry(4096, OLD.sectors // 8), taker=None)) == [(256, 1 << 17), (1 << 18, 1 << 17)]
    odd = mbr((0xDE, 63, 80262), (7, 81920, 1 << 20))
    made = fitted(odd, Geometry(4096, OLD.sectors // 8), taker=None)
    assert [each.first % 256 for each in (part.extent for part in made.partitions)] == [0, 0]
    sizes = [[table.size_bytes(each) for each in table.partitions] for table in (odd, made)]
    assert sizes == [[80262 * 512, 512 * MIB], [40 * MIB, 512 * MIB]]


@given(gpt_tables() | mbr_tables(), st.integers(1, 16 << 20), st.sampled_from([512, 4096]))
def test_on_any_disk_nothing_overlaps_and_only_the_largest_gives(
    table: PartitionTable, count: int, sector_size: int
) -> None:
    bodies = [each for each in table.partitions if not each.is_extended]
    assume(bodies)
    giver = max(bodies, key=lambda each: each.extent.count)
    geometry = Geometry(sector_size, count)
    try:
        made = fitted(table, geometry, taker=giver.number, givers=[Giver(giver.number, MIB)])
        read = written(made)
    except (DoesNotFit, InvalidLayout):
        # The second: what lay in the first sectors of a disk with others.
        return
    assert [(each.number, each.type_id, each.active) for each in read.partitions] == [
        (each.number, each.type_id, each.active) for each in table.partitions
    ]
    if sector_size == table.geometry.sector_size:
        for old, new in zip(table.partitions, read.partitions, strict=True):
            assert old.is_extended or old.number == giver.number or new.extent.count == old.extent.count
