"""Every legal table is written so that it reads as it was meant: entries in any order, chains of EBRs in any order."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.tables import gpt_tables, mbr_tables, written
from hypothesis import given, settings
from judges.disk import fdisk
from osdimage.imaging.disk import MemoryTarget, Partition, PartitionTable, Scheme, create_image, initialize, read_table
from osdimage.imaging.units import Extent, Geometry, Lba


@settings(max_examples=50)
@given(gpt_tables() | mbr_tables())
def test_any_legal_table_reads_back(table: PartitionTable) -> None:
    assert written(table).partitions == table.partitions


# The first EBR has a link alone, as after the first logical partition was deleted; the chain goes back and forth.
BACK_AND_FORTH = (
    Partition(2, Extent(Lba(2048), 100_000), 0x85),
    Partition(5, Extent(Lba(80_063), 4096), 0x83, ebr_lba=Lba(80_000)),
    Partition(6, Extent(Lba(20_001), 4096), 7, ebr_lba=Lba(20_000)),
    Partition(7, Extent(Lba(50_001), 4096), 0x82, ebr_lba=Lba(40_000)),
)


@pytest.mark.foreign
def test_a_chain_that_goes_back_and_forth_is_read_by_others(tmp_path: Path) -> None:
    table = PartitionTable(Scheme.MBR, Geometry(512, 200_000), BACK_AND_FORTH, disk_signature=1)
    with create_image(str(tmp_path / "d.img"), table.geometry.size_bytes) as target:
        initialize(target, table, now=None, save=False)  # type: ignore[arg-type]
    found = fdisk(tmp_path / "d.img", 512)
    assert [(each.number, each.first, each.sectors) for each in found] == [
        (each.number, each.extent.first, each.extent.count) for each in BACK_AND_FORTH
    ]


def test_a_second_extended_partition_begins_with_an_empty_ebr() -> None:
    second = Partition(2, Extent(Lba(40_000), 1000), 0x05)
    table = PartitionTable(
        Scheme.MBR, Geometry(512, 200_000), (Partition(1, Extent(Lba(2048), 1000), 0x0F), second), disk_signature=1
    )
    target = MemoryTarget(table.geometry)
    # What another disk left there, and would be followed by a system that takes both.
    target.write_at(second.extent.first * 512, bytes(range(256)) * 2)
    initialize(target, table, now=None, save=False)  # type: ignore[arg-type]
    sector = target.read_sectors(second.extent.first)
    assert (sector[446:510], sector[510:]) == (bytes(64), b"\x55\xaa")
    assert read_table(target).require().partitions == table.partitions
