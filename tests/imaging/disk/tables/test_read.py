"""Reading: tables of other tools, damaged ones, hostile ones, and any bytes at all."""

from __future__ import annotations

import itertools
import lzma
import random
import re
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.disk import layout
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges import disk as disk_judges
from judges import wim as judges
from osdimage.imaging.disk import roles
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.disk.held import volumes
from osdimage.imaging.disk.init import initialize
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables import gpt, mbr
from osdimage.imaging.disk.tables.check import check_disk
from osdimage.imaging.disk.tables.read import MAX_LOGICALS, DiskReading, GptCopy, read_table
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidTable, Means
from osdimage.imaging.units import GIB, MIB, Geometry

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DISK = Geometry.of_size(8 * GIB, 512)
LAST = DISK.sectors - 1


def disk_with(*elements: str, style: str = "GPT", geometry: Geometry = DISK) -> MemoryTarget:
    target = MemoryTarget(geometry)
    initialize(target, place(layout(style, *elements), geometry, random.Random(1)), now=NOW, save=False)
    return target


def codes(reading: DiskReading) -> set[str]:
    return {finding.code for finding in reading.findings}


def sealed(header: bytes) -> bytes:
    """Give a GPT header the right checksum again."""
    size = struct.unpack_from("<I", header, 12)[0]
    blank = header[:16] + bytes(4) + header[20:]
    return blank[:16] + struct.pack("<I", zlib.crc32(blank[:size])) + blank[20:]


def patch_header(target: MemoryTarget, offset: int, fmt: str, value: int, *, lba: int = 1) -> None:
    header = bytearray(target.read_sectors(lba))
    struct.pack_into(fmt, header, offset, value)
    target.write_at(lba * 512, sealed(bytes(header)))


# ---- tables of others ----

CORPUS = ["gptman_disk1.img", "mbrman_disk2.img"]


@pytest.mark.foreign
@pytest.mark.parametrize("name", CORPUS)
def test_tables_of_other_tools_read_as_sfdisk_reads_them(name: str) -> None:
    path = judges.corpus() / "disk" / name
    _, seen = disk_judges.sfdisk(path)
    with open_target(str(path)) as target:
        table = read_table(target).require()
    assert [(s.number, s.first, s.sectors, s.type_id, s.guid or "", s.name or "") for s in seen] == [
        (
            each.number,
            each.extent.first,
            each.extent.count,
            roles.format_type(each.type_id),
            str(each.guid or ""),
            each.name,
        )
        for each in table.partitions
    ]


@pytest.mark.foreign
def test_a_gpt_with_4096_byte_sectors_is_recognised_and_reads_as_fdisk_reads_it() -> None:
    path = judges.corpus() / "disk" / "gptman_disk2.img"
    seen = disk_judges.fdisk(path, 4096)
    with open_target(str(path)) as target:
        assert target.geometry.sector_size == 4096
        table = read_table(target).require()
    assert [(s.number, s.first, s.sectors, s.guid) for s in seen] == [
        (each.number, each.extent.first, each.extent.count, str(each.guid)) for each in table.partitions
    ]


def test_a_table_of_util_linux_reads_as_blkid_reads_it(tmp_path: Path) -> None:
    folder = judges.corpus() / "disk"
    path = tmp_path / "disk.img"
    path.write_bytes(lzma.decompress((folder / "ul_pt_gpt.img.xz").read_bytes()))
    # `blkid`'s own test prints: #1:         34       2014  0x0 name='ThisIsName' uuid='1dcf...' type='ebd0...'
    pattern = r"#(\d+): +(\d+) +(\d+) +0x0 name='(.*)' uuid='(.*)' type='(.*)'"
    expected = re.findall(pattern, (folder / "ul_pt_gpt.expected").read_text(encoding="utf-8"))
    assert len(expected) == 5
    with open_target(str(path)) as target:
        table = read_table(target).require()
    assert expected == [
        (str(p.number), str(p.extent.first), str(p.extent.count), p.name, str(p.guid), str(p.type_id))
        for p in table.partitions
    ]


def test_a_gpt_that_was_cut_off_is_shown_and_its_loss_reported() -> None:
    with open_target(str(judges.corpus() / "disk" / "dissect_gpt_4k.bin")) as target:
        reading = check_disk(target)
    assert reading.copy is GptCopy.PRIMARY
    # dissect.volume's own test: first sectors 256, 768 and 1280.
    assert [p.extent.first for p in reading.require().partitions] == [256, 768, 1280]
    assert {"disk-shrunk", "gpt-backup-invalid", "partition-off-disk"} <= codes(reading)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("ul_fs_ntfs", "an NTFS"), ("ul_fs_fat32_xp_label1", "a FAT32"), ("ul_fs_bitlocker-win7", "a BitLocker")],
)
def test_a_volume_without_a_table_is_no_table(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(lzma.decompress((judges.corpus() / "fs" / f"{name}.img.xz").read_bytes()))
    with open_target(str(path)) as target:
        reading = read_table(target)
    with pytest.raises(InvalidTable, match=f"the whole disk is {kind} volume"):
        reading.require()


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("command", "kind", "label"),
    [
        pytest.param(["mkfs.fat", "-F", "32", "-n", "SYSTEM"], "fat32", "SYSTEM", id="fat32"),
        pytest.param(["mkfs.fat", "-F", "16"], "fat16", None, id="fat16-without-label"),
        pytest.param(["mkntfs", "-F", "-Q", "-L", "Größe"], "ntfs", "Größe", id="ntfs"),
        pytest.param(["mkntfs", "-F", "-Q", "-c", "65536"], "ntfs", None, id="ntfs-large-clusters"),
        pytest.param(["mkfs.ext4", "-q", "-L", "root"], "ext", "root", id="ext4"),
        pytest.param(["mkswap"], "swap", None, id="swap"),
    ],
)
def test_file_systems_of_other_tools_are_recognised_with_their_labels(
    tmp_path: Path, command: list[str], kind: str, label: str | None
) -> None:
    volume = tmp_path / "volume"
    with volume.open("wb") as file:
        file.truncate(100 * MIB)
    disk_judges.run([*command, volume])
    target = disk_with("Primary 100 MB", style="MBR", geometry=Geometry.of_size(200 * MIB, 512))
    table = read_table(target).require()
    begins = table.offset_bytes(table.partitions[0])
    target.write_at(begins, volume.read_bytes())
    ((_, found),) = volumes(target, table)
    assert (found.kind, found.label) == (kind, label)


def test_a_type_that_does_not_fit_what_is_inside_is_reported() -> None:
    target = disk_with("Primary FAT32", style="MBR")
    target.write_at(2048 * 512 + 3, b"NTFS    ")
    (finding,) = check_disk(target).findings
    assert finding.code == "type-mismatch"
    assert finding.text.startswith(
        "partition 1 holds NTFS, but its type is 0x0c (FAT32 (LBA)), for FAT12, FAT16, FAT32"
    )


# ---- damage ----


@pytest.mark.parametrize("lba", [1, 2, 33])
def test_the_backup_is_read_when_the_primary_is_damaged_and_that_is_said(lba: int) -> None:
    target = disk_with("Primary 1 GB", "Primary")
    table = read_table(target).require()
    target.write_at(lba * 512 + 40, b"\xa5")
    reading = read_table(target)
    assert reading.table == table
    assert reading.copy is GptCopy.BACKUP
    (finding,) = reading.findings
    assert finding.code == "gpt-primary-invalid"
    assert "the backup GPT was read" in finding.text
    assert finding.remedy.means == (Means.REWRITE,)


def test_two_bad_copies_are_an_error_that_names_both() -> None:
    target = disk_with("Primary")
    target.write_at(512, bytes(8))
    target.write_at(LAST * 512 + 20, b"\xff")
    with pytest.raises(InvalidTable, match=rf"neither copy.*no GPT header at sector 1; GPT header at sector {LAST}: "):
        read_table(target).require()


def test_copies_that_differ_are_reported_and_the_primary_is_read() -> None:
    target, other = disk_with("Primary 1 GB"), disk_with("Primary 2 GB")
    for lba in range(LAST - 32, LAST + 1):
        target.write_at(lba * 512, other.read_sectors(lba))
    assert codes(read_table(target)) == {"gpt-copies-differ"}


@pytest.mark.parametrize(
    ("offset", "fmt", "value", "message"),
    [
        pytest.param(8, "<I", 0x20000, "not supported", id="revision"),
        pytest.param(12, "<I", 91, "not supported", id="header-too-small"),
        pytest.param(12, "<I", 0xFFFFFFFF, "not supported", id="header-too-large"),
        pytest.param(24, "<Q", 5, "belongs at sector 5", id="its-own-address"),
        pytest.param(72, "<Q", 1, "off the disk", id="array-on-the-header"),
        pytest.param(72, "<Q", 1 << 63, "off the disk", id="array-beyond"),
        pytest.param(80, "<I", 0xFFFFFFFF, "cannot be", id="entries-4-billion"),
        pytest.param(80, "<I", 0x02000001, "cannot be", id="entries-that-wrap-32-bits"),
        pytest.param(80, "<I", 0, "cannot be", id="no-entries"),
        pytest.param(84, "<I", 1, "cannot be", id="entry-of-1-byte"),
        pytest.param(84, "<I", 64, "cannot be", id="entry-of-64-bytes"),
        pytest.param(84, "<I", 0xFFFFFFF8, "cannot be", id="entry-of-4-gb"),
        pytest.param(40, "<Q", 1 << 62, "no sectors are usable", id="usable-backwards"),
    ],
)
def test_a_lying_header_is_refused_and_the_backup_read(offset: int, fmt: str, value: int, message: str) -> None:
    target = disk_with("Primary 1 GB")
    header = bytearray(target.read_sectors(1))
    struct.pack_into(fmt, header, offset, value)
    sealing = bytes(header) if offset == 12 else sealed(bytes(header))
    target.write_at(512, sealing)
    reading = check_disk(target)
    assert reading.copy is GptCopy.BACKUP
    assert any(message in finding.text for finding in reading.findings), reading.findings


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        pytest.param(1, 5, "partition-over-table", id="over-the-header"),
        pytest.param(5000, 4000, "partition-backwards", id="ends-before-it-begins"),
        pytest.param(2048, 1 << 60, "partition-off-disk", id="past-the-end"),
        pytest.param(0, (1 << 64) - 1, "partition-off-disk", id="everything"),
        pytest.param(2048, 600_000, "overlap", id="overlap"),
    ],
)
def test_an_entry_that_cannot_be_is_reported(first: int, last: int, code: str) -> None:
    target = disk_with("MSR 128 MB", "Primary")
    array = bytearray(target.read_sectors(2, 32))
    struct.pack_into("<QQ", array, 32, first, last)
    for at, header_lba in ((2, 1), (LAST - 32, LAST)):
        target.write_at(at * 512, bytes(array))
        patch_header(target, 88, "<I", zlib.crc32(array), lba=header_lba)
    assert code in codes(check_disk(target))


def test_entries_larger_than_128_bytes_are_read() -> None:
    target = disk_with("Primary 1 GB")
    entry = target.read_sectors(2)[128:256].ljust(256, b"\0")
    array = entry.ljust(256 * 64, b"\0")
    target.write_at(1024, array)
    for offset, fmt, value in ((80, "<I", 64), (84, "<I", 256), (88, "<I", zlib.crc32(array))):
        patch_header(target, offset, fmt, value)
    reading = read_table(target)
    assert reading.copy is GptCopy.PRIMARY
    assert [partition.number for partition in reading.require().partitions] == [1]


def test_a_hybrid_mbr_is_reported() -> None:
    target = disk_with("Primary 1 GB")
    sector = bytearray(target.read_sectors(0))
    sector[462:478] = struct.pack("<B3sB3sII", 0x80, b"\0\2\0", 0x07, b"\xff" * 3, 2048, 2097152)
    target.write_at(0, bytes(sector))
    (finding,) = check_disk(target).findings
    assert (finding.code, finding.severity) == ("hybrid-mbr", "warning")
    assert "0x07" in finding.text


@pytest.mark.parametrize("count", [0xFFFFFFFF, DISK.sectors - 1])
def test_the_protective_entry_of_windows_and_that_of_uefi_are_both_right(count: int) -> None:
    target = disk_with("Primary 1 GB")
    target.write_at(446 + 12, struct.pack("<I", count))
    assert not check_disk(target).findings


def test_a_missing_protective_mbr_is_an_error_and_the_gpt_is_read() -> None:
    target = disk_with("Primary 1 GB")
    target.write_at(0, bytes(512))
    reading = read_table(target)
    assert reading.require().scheme is Scheme.GPT
    assert codes(reading) == {"protective-mbr-missing"}


def test_an_mbr_beside_a_gpt_counts_and_the_leftover_is_reported() -> None:
    target = disk_with("Primary 1 GB")
    target.write_at(0, disk_with("Primary", style="MBR").read_sectors(0))
    reading = read_table(target)
    assert reading.require().scheme is Scheme.MBR
    assert codes(reading) == {"stale-gpt"}


@pytest.mark.parametrize("flag", [0x01, 0x7F, 0xFF])
def test_a_boot_flag_that_is_none_is_reported(flag: int) -> None:
    target = disk_with("Primary", style="MBR")
    target.write_at(446, bytes([flag]))
    assert codes(read_table(target)) == {"boot-flag-invalid"}


def test_two_active_partitions_and_two_extended_ones_are_reported() -> None:
    target = disk_with("Primary 1 GB", "Extended 1 GB", "Primary", style="MBR")
    target.write_at(446, b"\x80")
    target.write_at(446 + 32, b"\x80")
    target.write_at(446 + 36, b"\x0f")
    assert {"active-twice", "extended-twice"} <= codes(check_disk(target))


def test_eight_thousand_entries_are_read_and_no_more() -> None:
    # The largest array that is believed: 1 MiB.  All entries overlap, and none has a GUID of its own.
    target = disk_with("Primary 1 GB")
    entry = target.read_sectors(2)[:128]
    array = entry * 8192
    target.write_at(1024, array)
    patch_header(target, 80, "<I", 8192)
    patch_header(target, 88, "<I", zlib.crc32(array))
    reading = check_disk(target)
    assert reading.copy is GptCopy.PRIMARY
    assert len(reading.require().partitions) == 8192
    assert sum(finding.code == "overlap" for finding in reading.findings) == 8191
    patch_header(target, 80, "<I", 8193)
    assert read_table(target).copy is GptCopy.BACKUP


# ---- chains of EBRs ----


def chain(*links: tuple[int, int]) -> MemoryTarget:
    """Make a disk whose extended partition has EBRs at sectors, each linking to another sector (0: the end)."""
    target = disk_with("Primary 1 GB", "Extended 4 GB", style="MBR")
    base = 2048 + 2097152
    for at, to in links:
        sector = bytearray(512)
        sector[446:462] = struct.pack("<B3sB3sII", 0, b"\0" * 3, 7, b"\0" * 3, 1, 100)
        if to:
            sector[462:478] = struct.pack("<B3sB3sII", 0, b"\0" * 3, 5, b"\0" * 3, to & 0xFFFFFFFF, 101)
        sector[510:] = b"\x55\xaa"
        target.write_at((base + at) * 512, bytes(sector))
    return target


@pytest.mark.parametrize(
    ("links", "logicals", "code"),
    [
        pytest.param([(0, 1000), (1000, 0)], 2, None, id="two"),
        pytest.param([(0, 1000), (1000, 1000)], 2, "ebr-loop", id="to-itself"),
        pytest.param([(0, 1000), (1000, 2000), (2000, 1000)], 3, "ebr-loop", id="a-circle"),
        pytest.param([(0, 9_000_000)], 1, "ebr-outside", id="out-of-the-extended-partition"),
        pytest.param([(0, 0xFFFFFFFF)], 1, "ebr-outside", id="far-away"),
        pytest.param([(0, 1000)], 1, "ebr-invalid", id="to-a-sector-without-signature"),
        pytest.param([(2000, 0), (0, 2000)], 2, None, id="order-of-writing-is-no-matter"),
    ],
)
def test_a_chain_ends_where_it_must(links: list[tuple[int, int]], logicals: int, code: str | None) -> None:
    reading = check_disk(chain(*links))
    assert len(reading.require().logicals) == logicals
    found = codes(reading) - {"not-aligned", "overlap", "logical-outside"}
    assert found == ({code} if code is not None else set())


def test_a_chain_that_does_not_end_is_cut() -> None:
    reading = read_table(chain(*itertools.pairwise(range(0, 200 * (MAX_LOGICALS + 9), 200))))
    assert len(reading.require().logicals) == MAX_LOGICALS
    assert codes(reading) == {"ebr-many"}


def test_the_link_may_come_before_the_logical_partition() -> None:
    target = chain((0, 1000), (1000, 0))
    at = (2048 + 2097152) * 512 + 446
    entries = target.read_at(at, 32)
    target.write_at(at, entries[16:] + entries[:16])
    assert len(read_table(target).require().logicals) == 2


# ---- any bytes ----


def small_disk(content: bytes, sector_size: int) -> MemoryTarget:
    target = MemoryTarget(Geometry(sector_size, max(1, -(-len(content) // sector_size))))
    target.write_at(0, content[: target.geometry.size_bytes])
    return target


def survives(target: MemoryTarget) -> None:
    reading = check_disk(target)
    if reading.table is None:
        with pytest.raises(InvalidTable):
            reading.require()
        return
    list(reading.table.spaces())
    reading.table.windows_numbers()


@given(content=st.binary(min_size=1, max_size=4096), sector_size=st.sampled_from([512, 4096]))
def test_any_bytes_are_a_table_or_a_finding(content: bytes, sector_size: int) -> None:
    survives(small_disk(content, sector_size))


@given(
    entries=st.lists(
        st.tuples(
            st.sampled_from([0, 0x80, 0x33]),
            st.sampled_from([0, 5, 0xF, 7, 0x85, 0xEE, 0x42]),
            st.integers(0, 0xFFFFFFFF) | st.integers(0, 64),
            st.integers(0, 0xFFFFFFFF) | st.integers(0, 64),
        ),
        max_size=40,
    )
)
def test_any_entries_in_any_sectors_are_read_in_bounded_time(entries: list[tuple[int, int, int, int]]) -> None:
    sectors = bytearray(64 * 512)
    for index, (flag, type_id, first, count) in enumerate(entries):
        at = index // 4 * 512 + 446 + index % 4 * 16
        sectors[at : at + 16] = struct.pack("<B3sB3sII", flag, b"", type_id, b"", first, count)
    for at in range(0, len(sectors), 512):
        sectors[at + 510 : at + 512] = b"\x55\xaa"
    survives(small_disk(bytes(sectors), 512))


_FIELDS = st.tuples(st.sampled_from([24, 32, 40, 48, 72]), st.integers(0, (1 << 64) - 1) | st.integers(0, 100))
_COUNTS = st.tuples(st.sampled_from([8, 12, 80, 84, 88]), st.integers(0, (1 << 32) - 1) | st.integers(0, 300))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    fields=st.lists(_FIELDS, max_size=4),
    counts=st.lists(_COUNTS, max_size=3),
    noise=st.lists(st.tuples(st.integers(1024, 4096), st.binary(max_size=40)), max_size=4),
    sides=st.sampled_from([(1,), (LAST,), (1, LAST)]),
)
def test_any_gpt_with_right_checksums_is_read_in_bounded_time(
    fields: list[tuple[int, int]], counts: list[tuple[int, int]], noise: list[tuple[int, bytes]], sides: tuple[int, ...]
) -> None:
    target = disk_with("Primary 1 GB", "Hidden 1 GB", "Primary")
    for at, data in noise:
        target.write_at(at, data)
    for lba in sides:
        header = bytearray(target.read_sectors(lba))
        struct.pack_into("<I", header, 88, zlib.crc32(target.read_sectors(2, 32)))
        for offset, value in fields:
            struct.pack_into("<Q", header, offset, value)
        for offset, value in counts:
            struct.pack_into("<I", header, offset, value)
        target.write_at(lba * 512, sealed(bytes(header)))
    survives(target)


@given(content=st.binary(min_size=512, max_size=512))
def test_any_boot_record_is_parsed_or_none(content: bytes) -> None:
    record = mbr.parse_boot_record(content)
    assert (record is None) == (content[510:] != b"\x55\xaa")


@given(content=st.binary(min_size=92, max_size=512), lba=st.integers(0, 10))
def test_any_header_is_parsed_or_an_error_of_ours(content: bytes, lba: int) -> None:
    with pytest.raises(InvalidTable):
        gpt.parse_header(content.ljust(512, b"\0"), lba=lba, geometry=DISK)


@given(head=st.binary(min_size=64, max_size=600), kind=st.sampled_from([b"NTFS    ", b"FAT32   ", b"\x53\xef"]))
def test_any_volume_has_a_label_or_none(head: bytes, kind: bytes) -> None:
    target = disk_with("Primary 100 MB", style="MBR", geometry=Geometry.of_size(200 * MIB, 512))
    table = read_table(target).require()
    begins = table.offset_bytes(table.partitions[0])
    target.write_at(begins, head)
    target.write_at(begins + {b"NTFS    ": 3, b"FAT32   ": 82, b"\x53\xef": 1080}[kind], kind)
    # Record 3 of an MFT at cluster 4 of 4 KiB.
    target.write_at(begins + 11, struct.pack("<HB", 512, 8))
    target.write_at(begins + 48, struct.pack("<Q", 4))
    target.write_at(begins + 4 * 4096 + 3 * 1024, b"FILE" + head)
    list(volumes(target, table))
