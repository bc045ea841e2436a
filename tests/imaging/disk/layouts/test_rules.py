"""The rules as users of the library meet them: layouts made in Python, without variables."""

from __future__ import annotations

import pytest
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import DiskLayout, FixedSize, PartitionSpec, PercentOfFree
from osdimage.imaging.disk.layouts.rules import problems
from osdimage.imaging.disk.roles import (
    TYPES,
    GptAttributes,
    Role,
    Scheme,
    attribute_words,
    format_type,
    parse_type,
    type_of,
)
from osdimage.imaging.units import Bytes

PRIMARY = Role.PRIMARY


@pytest.mark.parametrize(
    ("scheme", "spec", "message"),
    [
        pytest.param(Scheme.GPT, PartitionSpec(PRIMARY, FixedSize(Bytes(0))), "Size 0: a size must be", id="size-0"),
        pytest.param(Scheme.GPT, PartitionSpec(PRIMARY, PercentOfFree(0)), "Size 0: a percentage", id="percent-0"),
        pytest.param(Scheme.GPT, PartitionSpec(PRIMARY, name="x" * 37), "at most 36 printable", id="name-long"),
        pytest.param(Scheme.GPT, PartitionSpec(PRIMARY, name="\U0001f600" * 19), "at most 36", id="name-of-pairs"),
        pytest.param(Scheme.GPT, PartitionSpec(PRIMARY, name="a\x1b"), "at most 36 printable", id="name-control"),
        pytest.param(Scheme.MBR, PartitionSpec(PRIMARY, name="x"), "has no partition names", id="mbr-name"),
        pytest.param(
            Scheme.MBR,
            PartitionSpec(PRIMARY, attributes=GptAttributes.HIDDEN),
            "has no attributes",
            id="mbr-attributes",
        ),
        pytest.param(
            Scheme.GPT, PartitionSpec(PRIMARY, filesystem=FileSystem.FAT32, label="x" * 12), "at most 11", id="label"
        ),
    ],
)
def test_a_violation_names_the_partition(scheme: Scheme, spec: PartitionSpec, message: str) -> None:
    (found,) = problems(DiskLayout(scheme, (spec,)))
    assert found.startswith("partition 1 (Primary): ")
    assert message in found


def test_a_layout_without_partitions_is_a_violation() -> None:
    assert problems(DiskLayout(Scheme.GPT, ())) == [
        "the layout has no partitions; give at least one (OSDPartitions0Type=Primary)"
    ]


def test_a_second_extended_partition_names_the_first() -> None:
    (found,) = problems(DiskLayout(Scheme.MBR, (PartitionSpec(Role.EXTENDED), PartitionSpec(Role.EXTENDED))))
    assert found.endswith("a disk has at most one Extended partition; partition 1 is the first")


def test_every_type_has_a_source_and_is_in_the_table_once() -> None:
    assert all(row.source and row.label for row in TYPES)
    assert len({row.type_id for row in TYPES}) == len(TYPES)
    for row in TYPES:
        assert parse_type(format_type(row.type_id)) == row.type_id
        assert type_of(row.type_id) is row


def test_attribute_bits_are_named_and_unknown_ones_numbered() -> None:
    # MS-uefigpt gives a recovery partition 0x8000000000000001.
    assert attribute_words(0x8000000000000001) == ("required", "no-drive-letter")
    assert attribute_words(0xF000000000000000) == ("read-only", "shadow-copy", "hidden", "no-drive-letter")
    assert attribute_words(1 << 48) == ("bit-48",)
