"""Every table that can be read comes back from the XML of a WIM as it was, and so it does on another disk."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from dataclasses import replace
from uuid import UUID

import pytest
from cases.tables import gpt_tables, mbr_tables, written
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from osdimage.imaging.disk import MemoryTarget, Partition, PartitionTable, Scheme, initialize, read_table
from osdimage.imaging.disk.layouts.fit import fitted
from osdimage.imaging.disk.layouts.place import gpt_usable
from osdimage.imaging.disk.tables.write import verify_table
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import Extent, Geometry, Lba
from osdimage.imaging.wim.described.captured import CapturedDisk, describe_disk, from_element, to_element
from osdimage.imaging.wim.described.captured_table import table_of


def kept(table: PartitionTable) -> CapturedDisk:
    """Return what the XML says of the disk, read from its text."""
    text = ET.tostring(to_element(describe_disk(table, {}, {}, 1)), encoding="unicode")
    return from_element(ET.fromstring(text))  # noqa: S314 - our own


def facts(table: PartitionTable) -> list[Partition]:
    return [replace(each, guid=None) for each in table.partitions]


@settings(max_examples=50)
@given(gpt_tables() | mbr_tables(), st.integers(0, 1 << 32))
def test_a_table_comes_back_as_it_was_read(table: PartitionTable, seed: int) -> None:
    read = written(table)
    assert facts(read) == facts(table)
    again = written(table_of(kept(read), random.Random(seed)))
    assert facts(again) == facts(read)
    if table.scheme is Scheme.GPT:
        assert {each.guid for each in again.partitions}.isdisjoint(each.guid for each in read.partitions)


@settings(max_examples=50)
@given(gpt_tables() | mbr_tables(), st.integers(0, 1 << 20))
def test_on_a_larger_disk_all_is_as_it_was_but_for_the_one_that_takes(table: PartitionTable, more: int) -> None:
    geometry = replace(table.geometry, sectors=table.geometry.sectors + more)
    assert facts(written(fitted(table, geometry, taker=None))) == facts(table)
    bodies = [each for each in table.partitions if not each.is_extended]
    assume(bodies)
    taker = bodies[-1]
    larger = written(fitted(table, geometry, taker=taker.number))
    assert [each.type_id for each in larger.partitions] == [each.type_id for each in table.partitions]
    for old, new in zip(table.partitions, larger.partitions, strict=True):
        if old.number == taker.number:
            assert new.extent.count >= old.extent.count
            assert new.extent.first == old.extent.first
        elif not old.is_extended:
            assert new.extent.count == old.extent.count
            assert new.extent.first >= old.extent.first


@pytest.mark.parametrize(
    ("style", "type_id", "what"),
    [
        pytest.param("MBR", "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "none of MBR", id="GUID on MBR"),
        pytest.param("GPT", "0x07", "none of GPT", id="byte on GPT"),
    ],
)
def test_a_type_of_the_other_scheme_is_refused(style: str, type_id: str, what: str) -> None:
    geometry = Geometry(512, 1 << 20)
    scheme = Scheme(style.lower())
    table = PartitionTable(scheme, geometry, (Partition(1, Extent(Lba(2048), 2048), 7),))
    disk = kept(table)
    wrong = replace(disk, partitions=tuple(replace(each, type_id=type_id) for each in disk.partitions))
    with pytest.raises(InvalidInput, match=what):
        table_of(wrong, random.Random(1))


def test_entries_beyond_the_128th_move_up() -> None:
    geometry = Geometry(512, 1 << 20)
    entry = Partition(1, Extent(Lba(4096), 2048), UUID(int=5), guid=UUID(int=1))
    far = replace(entry, number=200, extent=Extent(Lba(8192), 2048), guid=UUID(int=2))
    table = PartitionTable(
        Scheme.GPT, geometry, (replace(entry, number=3), far), UUID(int=9), usable=gpt_usable(geometry), entry_count=256
    )
    again = table_of(kept(table), random.Random(1))
    verify_table(again)
    assert [(each.number, each.extent.first) for each in again.partitions] == [(1, 4096), (2, 8192)]


def test_a_layout_without_ebrs_is_that_of_an_earlier_version() -> None:
    target = MemoryTarget(Geometry(512, 1 << 20))
    container = Partition(1, Extent(Lba(2048), 100_000), 0x0F)
    inner = [Partition(5 + n, Extent(Lba(4096 + n * 8192), 4096), 7, ebr_lba=Lba(2048 + n * 8192)) for n in (0, 1)]
    table = PartitionTable(Scheme.MBR, target.geometry, (container, *inner), disk_signature=1)
    disk = kept(table)
    bare = replace(disk, partitions=tuple(replace(each, ebr=None) for each in disk.partitions))
    initialize(target, table_of(bare, random.Random(1)), now=None, save=False)  # type: ignore[arg-type]
    again = read_table(target).require()
    assert [each.extent for each in again.partitions] == [each.extent for each in table.partitions]
