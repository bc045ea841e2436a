"""The layout of a disk in XML: what was written is read, and nothing hostile gets through or raises something else."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging import InvalidInput
from osdimage.imaging.disk import Scheme
from osdimage.imaging.wim import CapturedDisk, CapturedPartition
from osdimage.imaging.wim.described.captured import from_element, to_element
from osdimage.imaging.wim.described.info import parse_images, parse_root

MIB = 1 << 20
WINDOWS = CapturedPartition(
    index=1,
    type="Primary",
    filesystem="NTFS",
    boot=True,
    label='Größe "<&>"',
    offset=MIB,
    size=64 * MIB,
    type_id="0x07",
    name="",
    attributes=0,
    captured=True,
)
DISK = CapturedDisk(Scheme.MBR, 200 * MIB, 512, (WINDOWS, replace(WINDOWS, index=2, offset=65 * MIB, captured=False)))


GPT = CapturedDisk(Scheme.GPT, DISK.size, 512, (replace(WINDOWS, guid=UUID(int=2)),), UUID(int=1))


@pytest.mark.parametrize(
    "disk",
    [
        pytest.param(DISK, id="without-identity"),
        pytest.param(replace(DISK, identity=0x12345678), id="mbr"),
        pytest.param(GPT, id="gpt"),
        pytest.param(replace(GPT, index=63), id="the-last-of-several"),
    ],
)
def test_what_is_written_is_read(disk: CapturedDisk) -> None:
    assert from_element(parse_root(ET.tostring(to_element(disk), encoding="unicode"))) == disk


HOSTILE = [
    ("DISK", "STYLE", "LDM"),
    ("DISK", "SIZE", "0"),
    ("DISK", "SIZE", "9" * 64),
    ("DISK", "SIZE", "9" * 10_000),
    ("DISK", "SECTORSIZE", "513"),
    ("PARTITION", "INDEX", "0"),
    ("PARTITION", "INDEX", "2"),
    ("PARTITION", "OFFSET", "-1"),
    ("PARTITION", "OFFSET", "1e3"),
    ("PARTITION", "SIZE", str(200 * MIB)),
    ("PARTITION", "TYPEID", "0xzz"),
    ("PARTITION", "TYPEID", "{}"),
    ("PARTITION", "LABEL", "a" * 65),
    ("PARTITION", "NAME", "\x1b[2J"),
    ("PARTITION", "ATTRIBUTES", hex(1 << 64)),
    ("PARTITION", "BOOT", "yes"),
    ("PARTITION", "ID", "{x}"),
    ("DISK", "ID", "0x100000000"),
    ("DISK", "INDEX", ""),
    ("DISK", "INDEX", "-1"),
    ("DISK", "INDEX", "64"),
    ("DISK", "INDEX", "9" * 64),
]


@pytest.mark.parametrize(("tag", "name", "value"), HOSTILE)
def test_a_hostile_value_is_refused_by_name(tag: str, name: str, value: str) -> None:
    element = to_element(DISK)
    (element if tag == "DISK" else element[0]).set(name, value)
    with pytest.raises(InvalidInput, match=name) as caught:
        from_element(element)
    assert len(str(caught.value)) < 400


def test_a_disk_without_a_number_is_the_first() -> None:
    element = to_element(replace(DISK, index=3))
    del element.attrib["INDEX"]
    assert from_element(element) == DISK


def test_too_many_partitions_and_two_captured_ones_are_refused() -> None:
    element = to_element(DISK)
    element[1].set("CAPTURED", "1")
    with pytest.raises(InvalidInput, match="CAPTURED"):
        from_element(element)
    for _ in range(300):
        element.append(copy.deepcopy(element[0]))
    with pytest.raises(InvalidInput, match="302 PARTITION"):
        from_element(element)


@given(st.lists(st.tuples(st.sampled_from(sorted(to_element(DISK)[0].attrib)), st.text(max_size=70)), max_size=3))
def test_any_text_is_read_or_refused(changes: list[tuple[str, str]]) -> None:
    element = to_element(DISK)
    for name, value in changes:
        element[0].set(name, value)
    try:
        found = from_element(element)
    except InvalidInput:
        return
    assert all(each.offset > 0 and each.offset + each.size <= found.size for each in found.partitions)


def test_a_layout_that_cannot_be_used_hides_no_image() -> None:
    text = '<WIM><IMAGE INDEX="1"><NAME>n</NAME><OSDIMAGE><DISK STYLE="x"/></OSDIMAGE></IMAGE></WIM>'
    (image,) = parse_images(text, 1)
    assert (image.name, image.disk) == ("n", None)
    assert "STYLE='x'" in (image.disk_fault or "")
