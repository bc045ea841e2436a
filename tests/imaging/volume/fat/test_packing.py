"""The entries of FAT12 and FAT16, as others store and read them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import disk as disk_judges
from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.volume.fat.packing import KINDS

FAT12 = KINDS[FatWidth.FAT12]


# fatgen103 has no such example; this is how mtools 4.0.32 stores it:
#     mformat -C -f 1440 -i x ::; head -c 1024 /dev/zero > f; mcopy -i x f ::/; od -An -tx1 -j512 -N6 x
# gives f0 ff ff 03 f0 ff: the media descriptor, an end mark, cluster 2 that leads to 3, and 3 that ends.
STORED = bytes.fromhex("f0ffff 03f0ff")


def test_two_entries_of_12_bits_share_three_bytes() -> None:
    entries = [0xFF0, 0xFFF, 3, 0xFFF]
    assert list(FAT12.unpack(STORED, 4)) == entries
    assert FAT12.pack(FAT12.values(entries)) == STORED


def test_half_a_byte_of_no_entry_stays() -> None:
    entries = FAT12.values([0xFF0, 0xFFF, 0x123])
    assert FAT12.packed_bytes(3) == 5
    assert FAT12.pack(entries, 0xA) == bytes.fromhex("f0ffff 23a1")
    assert list(FAT12.unpack(bytes.fromhex("f0ffff 23a1"), 3)) == list(entries)


@pytest.mark.parametrize(
    ("width", "marks", "clean"),
    [
        (FatWidth.FAT12, (0xFF7, 0xFF8, 0xFFF), 0),
        (FatWidth.FAT16, (0xFFF7, 0xFFF8, 0xFFFF), 0xC000),
        (FatWidth.FAT32, (0x0FFFFFF7, 0x0FFFFFF8, 0x0FFFFFFF), 0x0C000000),
    ],
)
def test_the_marks_are_those_of_the_specification(width: FatWidth, marks: tuple[int, int, int], clean: int) -> None:
    kind = KINDS[width]
    assert (kind.bad, kind.first_end_mark, kind.end_of_chain) == marks
    assert kind.clean_bits == clean


@pytest.mark.foreign
@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([FatWidth.FAT12, FatWidth.FAT16, FatWidth.FAT32]),
    st.one_of(st.sampled_from([2, 340, 341, 342, 343, 4083, 4084, 4085, 4086]), st.integers(2, 4086)),
    st.randoms(use_true_random=False),
)
def test_another_reader_finds_every_entry(width: FatWidth, count: int, rng: object) -> None:
    try:
        from dissect.fat.c_fat import Fattype  # noqa: PLC0415
        from dissect.fat.fat import FAT  # noqa: PLC0415 - a judge may be missing
        from dissect.util.stream import RangeStream  # noqa: PLC0415
    except ImportError:
        disk_judges.missing("dissect.fat is not installed")
    kind = KINDS[width]
    wanted = [rng.getrandbits(32) & kind.mask for _ in range(count)]  # type: ignore[attr-defined]
    stored = kind.pack(kind.values(wanted))
    assert len(stored) == kind.packed_bytes(count)
    sectors = stored.ljust(-(-len(stored) // 512) * 512, b"\0")
    theirs = FAT(RangeStream(io.BytesIO(sectors), 0, len(sectors)), Fattype[width.name])
    assert [theirs.get(cluster) for cluster in range(count)] == wanted
    assert list(kind.unpack(stored, count)) == wanted
