"""What osdimage writes, as other programs read it: sfdisk, fdisk, sgdisk, parted and dissect.volume.

The commands: ``sfdisk -J DISK``, ``sgdisk -v DISK``, ``sgdisk -i N DISK``, ``parted -m DISK unit s print``, and for
sectors of 4096 bytes in a file ``fdisk -l -b 4096 -o ... DISK`` (sfdisk, sgdisk and parted take 512 for granted there;
they are asked through a loop device in test_device.py).
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.disk import CASES, HUGE, Case, TargetStream, layout
from judges import disk as disk_judges
from judges.disk import Seen
from osdimage.imaging.disk import roles
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.disk.init import initialize
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.roles import GptAttributes, Role, Scheme
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.units import Geometry
from runs.commands import osdimage

pytestmark = pytest.mark.foreign

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SMALL = [case for case in CASES if case.geometry.sector_size == 512]
LARGE = [case for case in CASES if case.geometry.sector_size == 4096]


def by_name(case: Case) -> str:
    return case.name


@pytest.fixture
def written(tmp_path: Path, case: Case) -> tuple[Path, PartitionTable]:
    """Write the case to a sparse file."""
    path, table = tmp_path / "disk.img", case.table()
    with create_image(str(path), case.geometry.size_bytes, sector_size=case.geometry.sector_size) as target:
        initialize(target, table, now=NOW)
    return path, table


def expected(table: PartitionTable, partition: Partition) -> Seen:
    """Say of a planned partition what a judge says of one that it reads."""
    is_gpt = table.scheme is Scheme.GPT
    return Seen(
        number=partition.number,
        first=partition.extent.first,
        sectors=partition.extent.count,
        type_id=roles.format_type(partition.type_id),
        guid=str(partition.guid) if is_gpt else None,
        name=partition.name if is_gpt else None,
        attributes=partition.attributes if is_gpt else None,
        active=None if is_gpt else partition.active,
    )


def test_there_are_at_least_forty_named_cases() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize("case", SMALL, ids=by_name)
def test_sfdisk_reads_the_same(written: tuple[Path, PartitionTable]) -> None:
    path, table = written
    facts, seen = disk_judges.sfdisk(path)
    assert seen == [expected(table, partition) for partition in table.partitions]
    if table.scheme is Scheme.GPT:
        assert table.usable is not None
        assert facts["id"].lower() == str(table.disk_guid)
        assert (facts["firstlba"], facts["lastlba"]) == (table.usable.first, table.usable.last)
    else:
        assert facts["id"] == f"0x{table.disk_signature:08x}"


@pytest.mark.parametrize("case", LARGE, ids=by_name)
def test_fdisk_reads_the_same_with_sectors_of_4096_bytes(written: tuple[Path, PartitionTable]) -> None:
    path, table = written
    wanted = [expected(table, partition) for partition in table.partitions]
    # fdisk is not asked for names: they hold spaces, and so do its columns.
    nameless = [Seen(w.number, w.first, w.sectors, w.type_id, w.guid, None, w.attributes, w.active) for w in wanted]
    assert disk_judges.fdisk(path, 4096) == nameless


@pytest.mark.parametrize("case", [case for case in SMALL if case.layout.scheme is Scheme.GPT], ids=by_name)
def test_sgdisk_reads_the_same_and_finds_no_problem(written: tuple[Path, PartitionTable]) -> None:
    path, table = written
    assert "No problems found" in disk_judges.sgdisk_verify(path)
    seen = disk_judges.sgdisk(path, [partition.number for partition in table.partitions])
    assert seen == [expected(table, partition) for partition in table.partitions]


PARTED_FLAGS = {Role.EFI: {"boot", "esp"}, Role.MSR: {"msftres"}, Role.PRIMARY: {"msftdata"}, Role.RECOVERY: {"diag"}}


@pytest.mark.parametrize("case", SMALL, ids=by_name)
def test_parted_reads_the_same(written: tuple[Path, PartitionTable]) -> None:
    path, table = written
    label, seen = disk_judges.parted(path)
    assert label == ("gpt" if table.scheme is Scheme.GPT else "msdos")
    # parted sorts by place, the table by number.
    wanted = sorted(table.partitions, key=lambda each: (each.is_logical, each.number))
    for partition, (found, flags) in zip(wanted, sorted(seen, key=lambda each: each[0].number or 0), strict=True):
        facts = expected(table, partition)
        assert (found.number, found.first, found.sectors) == (facts.number, facts.first, facts.sectors)
        if table.scheme is Scheme.GPT:
            assert found.name == facts.name
            assert PARTED_FLAGS.get(partition.role or Role.PRIMARY, set()) <= flags
            # What parted calls hidden on a GPT is bit 0, "required"; bit 62 has no flag.
            assert ("hidden" in flags) == bool(partition.attributes & GptAttributes.REQUIRED)
            # parted knows bit 63 since 3.6.
            assert "no_automount" not in flags or partition.attributes & GptAttributes.NO_DRIVE_LETTER
        else:
            assert ("boot" in flags) == partition.active
            assert ("hidden" in flags) == (partition.role is Role.HIDDEN)
            assert ("lba" in flags) == (partition.type_id in {0x0C, 0x0E, 0x0F, 0x1C})


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_dissect_reads_the_same(written: tuple[Path, PartitionTable]) -> None:
    path, table = written
    with path.open("rb") as stream:
        compare_with_dissect(table, disk_judges.dissect(stream, table.geometry.sector_size))


@pytest.mark.parametrize("case", HUGE, ids=by_name)
def test_dissect_reads_the_same_on_exabytes(case: Case) -> None:
    table, target = case.table(), MemoryTarget(case.geometry)
    initialize(target, table, now=NOW)
    assert read_table(target).table == table
    stream = TargetStream(target)
    compare_with_dissect(table, disk_judges.dissect(stream, table.geometry.sector_size))  # type: ignore[arg-type]


def compare_with_dissect(table: PartitionTable, seen: list[Seen]) -> None:
    wanted = [expected(table, partition) for partition in table.partitions if not partition.is_extended]
    if table.scheme is Scheme.MBR:
        wanted = [Seen(None, w.first, w.sectors, w.type_id, active=w.active) for w in wanted]
    assert sorted(seen, key=lambda each: each.first) == sorted(wanted, key=lambda each: each.first)


# ---- placement, against a program that places by the same rules ----

ALIKE = [
    pytest.param(["Primary NTFS 100 MB", "Primary NTFS 3 GB", "Primary FAT32"], id="primaries"),
    pytest.param(
        ["Primary NTFS 500 MB", "Extended", "Logical NTFS 1 GB", "Logical NTFS 700 MB", "Logical NTFS"], id="logicals"
    ),
    pytest.param(["Extended 5 GB", "Logical NTFS 1 GB", "Logical NTFS", "Primary NTFS"], id="extended-first"),
]
LETTERS = {"NTFS": "7", "FAT32": "c"}


@pytest.mark.parametrize("elements", ALIKE)
def test_sfdisk_places_the_same_sizes_at_the_same_sectors(tmp_path: Path, elements: list[str]) -> None:
    # sfdisk DISK <<'EOF'    with lines such as `size=100MiB, type=7` and no starts: it aligns to 1 MiB by itself
    path = tmp_path / "disk.img"
    path.touch()
    with path.open("r+b") as file:
        file.truncate(32 << 30)
    lines = ["label: dos"]
    primaries, logicals = 0, 4
    for element in elements:
        kind, *rest = element.split()
        if kind == "Logical":
            logicals += 1
            number = logicals
        else:
            primaries += 1
            number = primaries
        words = {"Extended": "f"}.get(kind) or LETTERS[rest[0]]
        size = [word for word in rest if word.isdigit()]
        amount = f"size={size[0]}{rest[-1].replace('B', 'iB')}, " if size else ""
        lines.append(f"{number}: {amount}type={words}")
    disk_judges.run(["sfdisk", "--quiet", path], text_in="\n".join(lines) + "\n")
    _, seen = disk_judges.sfdisk(path)
    table = place(layout("MBR", *elements), Geometry.of_size(32 << 30, 512), random.Random(0))
    assert [(each.number, each.first, each.sectors) for each in seen] == [
        (each.number, each.extent.first, each.extent.count) for each in table.partitions
    ]


@pytest.mark.parametrize("sectors", [1, 32, 33])
def test_a_gpt_is_moved_to_the_end_of_a_disk_that_grew_by_less_than_a_copy_has(sectors: int, tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    osdimage("disk", "init", path, "--size", "60MB", "--preset", "data-gpt", "--yes")
    # As qemu-img makes it a VHD, whose size is one of whole cylinders.
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + sectors * 512)
    osdimage("disk", "check", path, "--repair", "--yes")
    assert osdimage("disk", "check", path).out == f"{path}: no faults found\n"
    assert "No problems found" in disk_judges.sgdisk_verify(path)
