"""Writing: a stop at any write leaves the old or the new table, leftovers go, and what was written is compared."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases.disk import layout
from osdimage.imaging.disk.init import initialize, repaired, rewrite
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.signatures import find_marks
from osdimage.imaging.disk.tables import mbr
from osdimage.imaging.disk.tables.backup import restore_steps, take_backup
from osdimage.imaging.disk.tables.check import check_disk
from osdimage.imaging.disk.tables.read import GptCopy, read_table
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.disk.tables.write import Flush, Write, leftovers, run_steps, tidied, verify_table, write_steps
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidLayout, InvalidTable, StorageError, TargetRefused
from osdimage.imaging.finding import Severity
from osdimage.imaging.units import GIB, Extent, Geometry, Lba

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DISK = Geometry.of_size(8 * GIB, 512)

LAYOUTS = {
    "gpt-a": layout("GPT", "Primary NTFS 1 GB", "Primary NTFS", OSDGPTBootDisk="true"),
    "gpt-b": layout("GPT", "Primary NTFS 2 GB", "Hidden NTFS 1 GB", "Primary"),
    "mbr-a": layout("MBR", "Primary NTFS 1 GB active", "Primary NTFS"),
    "logicals-a": layout("MBR", "Primary 1 GB", "Extended 5 GB", "Logical 1 GB", "Logical 1 GB", "Logical 1 GB"),
    # Begins its extended partition, and some EBRs, where logicals-a does.
    "logicals-b": layout("MBR", "Hidden 1 GB", "Extended 6 GB", "Logical 1 GB", "Logical 2 GB", "Logical 1 GB"),
    "logicals-c": layout("MBR", "Primary 500 MB", "Extended", "Logical 600 MB", "Logical FAT32"),
    "compat": layout("MBR", "Primary 1 GB", "Extended", "Logical", OSDDiskpartBiosCompatibilityMode="true"),
    "compat-b": layout("MBR", "Primary 1 GB", "Extended", "Logical 2 GB", OSDDiskpartBiosCompatibilityMode="true"),
}


def placed(name: str, geometry: Geometry = DISK) -> PartitionTable:
    return place(LAYOUTS[name], geometry, random.Random(name))


class FailingTarget(MemoryTarget):
    """Memory in which one write fails, after writing a part of its data."""

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry)
        self.fail_at: int | None = None
        self.written_share = 0.0
        self.writes = 0

    def _write(self, offset_bytes: int, data: bytes) -> None:
        self.writes += 1
        if self.fail_at is not None and self.writes > self.fail_at:
            sector = self.geometry.sector_size
            # A sector is written whole or not at all; of several, any number may have been.
            whole = int(len(data) // sector * self.written_share) * sector
            super()._write(offset_bytes, data[:whole])
            raise StorageError("no", path=self.name, errno=errno.EIO)
        super()._write(offset_bytes, data)


def prepared(table: PartitionTable | None) -> FailingTarget:
    target = FailingTarget(DISK)
    if table is not None:
        run_steps(target, write_steps(table, read_table(target)))
    target.writes = 0
    return target


def usable_state(target: MemoryTarget) -> object:
    """Return what a system finds on the disk: types, places and flags, but not where the EBRs are."""
    reading = read_table(target)
    assert reading.table is not None
    return frozenset(
        (each.number, each.extent, each.type_id, each.active, each.guid, each.attributes)
        for each in reading.table.partitions
        if not each.is_extended
    )


PAIRS = [(old, new) for old in [None, *LAYOUTS] for new in LAYOUTS if old != new]


@pytest.mark.parametrize("share", [0.0, 0.5], ids=["nothing-of-it", "half-of-it"])
@pytest.mark.parametrize(("old", "new"), PAIRS, ids=[f"{old}-to-{new}" for old, new in PAIRS])
def test_a_failure_at_any_write_leaves_the_old_or_the_new_table(old: str | None, new: str, share: float) -> None:
    old_table = placed(old) if old is not None else None
    new_table = placed(new)
    before = prepared(old_table)
    steps = tidied(before, write_steps(new_table, read_table(before)))
    allowed = [usable_state(prepared(table)) for table in (old_table, new_table) if table is not None]
    count = sum(1 for step in steps if isinstance(step, Write))
    assert count >= 1
    for failing in range(count):
        target = prepared(old_table)
        target.fail_at, target.written_share = failing, share
        with pytest.raises(StorageError):
            run_steps(target, steps)
        if old_table is None and read_table(target).table is None:
            continue
        assert usable_state(target) in allowed, f"stopped at write {failing} of {steps}"
        severe = [f for f in read_table(target).findings if f.severity is Severity.ERROR and "gpt" not in f.code]
        # On a blank disk a GPT is found before its protective MBR is there; nothing else may look broken.
        assert not severe or (old_table is None and {f.code for f in severe} == {"protective-mbr-missing"})


@pytest.mark.parametrize(("new", "old"), [pair for pair in PAIRS if pair[0] is not None])
def test_a_failure_at_any_write_of_a_restore_leaves_one_of_the_two_tables(new: str, old: str) -> None:
    saved_from = prepared(placed(old))
    saved = take_backup(saved_from, read_table(saved_from), now=NOW)
    allowed = [usable_state(prepared(placed(name))) for name in (old, new)]
    before = prepared(placed(new))
    steps = tidied(before, restore_steps(saved, read_table(before)))
    for failing in range(sum(isinstance(step, Write) for step in steps) + 1):
        target = prepared(placed(new))
        target.fail_at = failing
        with suppress(StorageError):
            run_steps(target, steps)
        assert usable_state(target) in allowed, f"stopped at write {failing} of {steps}"
    assert read_table(target).table == placed(old)


def test_interim_ebrs_leave_nothing_behind() -> None:
    plain, crowded = MemoryTarget(DISK), MemoryTarget(DISK)
    initialize(plain, placed("logicals-b"), now=NOW, save=False)
    initialize(crowded, placed("logicals-a"), now=NOW, save=False)
    assert any(isinstance(s, Write) and s.is_interim for s in write_steps(placed("logicals-b"), read_table(crowded)))
    old = read_table(crowded).ebrs
    initialize(crowded, placed("logicals-b"), now=NOW, save=False)
    kept = read_table(crowded).ebrs
    for lba in set(old) - set(kept):  # EBRs of the old chain that nothing replaced
        crowded.write_at(lba * 512, bytes(512))
    assert {page: bytes(data) for page, data in crowded._pages.items() if any(data)} == {
        page: bytes(data) for page, data in plain._pages.items() if any(data)
    }


@pytest.mark.parametrize("new", LAYOUTS)
def test_the_order_is_backup_then_primary_then_sector_0_with_a_flush_after_each(new: str) -> None:
    steps = write_steps(placed(new), read_table(MemoryTarget(DISK)))
    names = ["flush" if isinstance(step, Flush) else step.what for step in steps]
    if new.startswith("gpt"):
        assert names == [
            "backup GPT entries",
            "backup GPT header",
            "flush",
            "primary GPT entries",
            "primary GPT header",
            "flush",
            "protective MBR",
            "flush",
        ]
    else:
        assert names[-2:] == ["MBR", "flush"]
        assert all(name == "flush" or name.startswith("EBR") for name in names[:-2])


def test_the_primary_goes_first_when_the_old_table_lives_in_the_backup_alone() -> None:
    target, new = prepared(placed("gpt-a")), placed("gpt-b")
    target.write_at(512, bytes(512))
    old_state = usable_state(target)
    steps = write_steps(new, read_table(target))
    for failing in range(5):
        target = prepared(placed("gpt-a"))
        target.write_at(512, bytes(512))
        target.writes, target.fail_at = 0, failing
        with pytest.raises(StorageError):
            run_steps(target, steps)
        assert usable_state(target) in (old_state, usable_state(prepared(new)))


def test_a_disk_that_does_not_hold_what_was_written_is_found_out() -> None:
    class Forgetful(MemoryTarget):
        def _write(self, offset_bytes: int, data: bytes) -> None:
            super()._write(offset_bytes, data if offset_bytes else bytes(len(data)))

    with pytest.raises(StorageError, match="the MBR at byte 0 does not read back as written"):
        run_steps(Forgetful(DISK), write_steps(placed("mbr-a"), read_table(MemoryTarget(DISK))))


# Compatibility mode is for 512-byte sectors alone.
BOTH = [(name, size) for name in LAYOUTS for size in (512, 4096) if size == 512 or not name.startswith("compat")]


@pytest.mark.parametrize(("name", "sector_size"), BOTH)
def test_the_bytes_of_every_layout_read_back_equal(name: str, sector_size: int) -> None:
    geometry = Geometry.of_size(8 * GIB, sector_size)
    target, table = MemoryTarget(geometry), placed(name, geometry)
    initialize(target, table, now=NOW, save=False)
    reading = check_disk(target)
    assert reading.table == table
    assert {finding.code for finding in reading.findings} <= {"not-aligned"}


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second, other = MemoryTarget(DISK), MemoryTarget(DISK), MemoryTarget(DISK)
    for target, seed in ((first, "one"), (second, "one"), (other, "two")):
        table = place(LAYOUTS["gpt-a"], DISK, random.Random(seed))
        run_steps(target, write_steps(table, read_table(target)))
    assert first._pages == second._pages
    assert first._pages != other._pages


# ---- leftovers ----


def put_marks(target: MemoryTarget, at: int, *marks: tuple[int, bytes]) -> None:
    for offset, magic in marks:
        target.write_at(at + offset, magic)


def test_marks_of_old_volumes_are_cleared_where_new_partitions_begin_and_nothing_else() -> None:
    target, table = MemoryTarget(DISK), placed("mbr-a")
    begins = table.offset_bytes(table.partitions[0])
    put_marks(target, begins, (3, b"NTFS    "), (1080, b"\x53\xef"), (65600, b"_BHRfS_M"))
    target.write_at(begins + 100_000, b"contents")
    run_steps(target, leftovers(target, table, read_table(target)))
    assert not list(find_marks(target.window(table.partitions[0].extent)))
    assert target.read_at(begins + 100_000, 8) == b"contents"


def test_marks_at_the_end_of_a_partition_and_copies_of_boot_sectors_are_cleared() -> None:
    target, table = MemoryTarget(DISK), placed("mbr-a")
    first = table.partitions[0]
    end = table.offset_bytes(first) + table.size_bytes(first)
    # md 1.0 and 0.90, NTFS's copy in the last sector, FAT32's in sector 6.
    put_marks(target, end, (-8192, b"\xfc\x4e\x2b\xa9"), (-65536, b"\xfc\x4e\x2b\xa9"), (-509, b"NTFS    "))
    put_marks(target, table.offset_bytes(first), (6 * 512 + 82, b"FAT32   "))
    writes = leftovers(target, table, read_table(target))
    assert len(writes) == 4
    run_steps(target, writes)
    assert not list(find_marks(target.window(first.extent)))


def test_copies_of_an_old_gpt_are_cleared_under_a_new_mbr() -> None:
    target = MemoryTarget(DISK)
    initialize(target, placed("gpt-a"), now=NOW, save=False)
    report = initialize(target, placed("mbr-a"), now=NOW, save=False)
    assert report.wiped.count("old GPT header") == 2
    assert not check_disk(target).findings
    assert target.read_sectors(1) == target.read_sectors(DISK.sectors - 1) == bytes(512)


def test_entries_of_an_old_gpt_are_cleared_before_the_first_partition_of_an_mbr_and_not_in_it() -> None:
    for new in ("mbr-a", "compat"):
        target = MemoryTarget(DISK)
        initialize(target, placed("gpt-a"), now=NOW, save=False)
        assert any(target.read_sectors(2, 32))
        initialize(target, placed(new), now=NOW, save=False)
        assert not any(target.read_sectors(1, 33))
    table = placed("mbr-a")
    early = replace(table, partitions=(replace(table.partitions[0], extent=Extent(Lba(2), 100)),))
    target = MemoryTarget(DISK)
    initialize(target, placed("gpt-a"), now=NOW, save=False)
    assert [write.what for write in leftovers(target, early, read_table(target))].count("old GPT entries") == 0


def test_what_made_a_disk_dynamic_is_cleared() -> None:
    target = MemoryTarget(DISK)
    put_marks(target, 6 * 512, (0, b"PRIVHEAD"))
    assert initialize(target, placed("mbr-a"), now=NOW, save=False).wiped == ("old ldm on the whole disk",)
    assert target.read_sectors(6) == bytes(512)


def test_the_backup_of_a_gpt_that_ended_earlier_is_cleared() -> None:
    # A disk image that was enlarged: the old backup lies in the middle now.
    small = Geometry(512, DISK.sectors // 2)
    target = MemoryTarget(DISK)
    run_steps(target, write_steps(placed("gpt-a", small), read_table(target)))
    initialize(target, placed("gpt-b"), now=NOW, save=False)
    assert target.read_sectors(small.sectors - 1) == bytes(512)


# ---- refusals before the first write ----


def test_a_table_for_another_size_is_refused() -> None:
    with pytest.raises(TargetRefused, match=r"memory is smaller than the plan: 4294967296 bytes \(4.0 GB\)"):
        initialize(MemoryTarget(Geometry(512, DISK.sectors // 2)), placed("gpt-a"), now=NOW)
    with pytest.raises(TargetRefused, match="has sectors of 4096 bytes, the plan is for 512"):
        initialize(MemoryTarget(Geometry.of_size(8 * GIB, 4096)), placed("gpt-a"), now=NOW)


def moved(index: int, extent: Extent) -> Callable[[PartitionTable], PartitionTable]:
    def change(table: PartitionTable) -> PartitionTable:
        partitions = list(table.partitions)
        partitions[index] = replace(partitions[index], extent=extent)
        return replace(table, partitions=tuple(partitions))

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        pytest.param("gpt-a", moved(1, Extent(Lba(2048), 8)), "overlap", id="overlap"),
        pytest.param("gpt-a", moved(0, Extent(Lba(20), 8)), "is not inside the usable", id="on-the-table"),
        pytest.param("gpt-a", moved(3, Extent(Lba(DISK.sectors - 2), 9)), "the disk at", id="off-the-disk"),
        pytest.param("mbr-a", moved(0, Extent(Lba(0), 8)), "on the table itself", id="sector-0"),
        pytest.param("logicals-a", moved(3, Extent(Lba(2048), 8)), "extended", id="logical-outside"),
        pytest.param(
            "gpt-a", lambda table: replace(table, partitions=(table.partitions[0],) * 2), "same GUID", id="twice"
        ),
    ],
)
def test_an_unsound_table_is_not_written(
    name: str, change: Callable[[PartitionTable], PartitionTable], message: str
) -> None:
    target = FailingTarget(DISK)
    with pytest.raises(InvalidLayout, match=message):
        initialize(target, change(placed(name)), now=NOW)
    assert target.writes == 0


def test_a_number_that_no_table_holds_is_not_written() -> None:
    table = placed("mbr-a")
    for number in (0, 3, 7, 1000):
        wrong = replace(table, partitions=(replace(table.partitions[0], number=number),))
        if number == 3:
            verify_table(wrong)
        else:
            with pytest.raises(InvalidLayout):
                verify_table(wrong)


def test_a_logical_partition_without_an_ebr_is_a_mistake_of_the_caller() -> None:
    table = placed("logicals-a")
    with pytest.raises(ValueError, match="is not logical"):
        mbr._ebr_of(table.partitions[0])


# ---- repair ----


@pytest.mark.parametrize("hurt", ["primary", "backup", "protective", "entries"])
def test_a_repaired_gpt_has_no_faults_and_the_same_partitions(hurt: str, tmp_path: Path) -> None:
    target, table = MemoryTarget(DISK, name=str(tmp_path / "disk")), placed("gpt-b")
    initialize(target, table, now=NOW, save=False)
    lba = {"primary": 1, "backup": DISK.sectors - 1, "protective": 0, "entries": 2}[hurt]
    target.write_at(lba * 512 + 16, b"\xa5" * 496)
    reading = check_disk(target)
    assert any(finding.severity is Severity.ERROR for finding in reading.findings)
    assert reading.copy is (GptCopy.BACKUP if hurt in {"primary", "entries"} else GptCopy.PRIMARY)
    report = rewrite(target, repaired(reading), now=NOW)
    assert check_disk(target).findings == ()
    assert read_table(target).table == table
    assert report.saved is not None
    assert report.saved.exists()


def test_repair_moves_the_end_of_a_gpt_to_the_end_of_a_disk_that_has_grown(tmp_path: Path) -> None:
    small = Geometry(512, DISK.sectors // 2)
    target, table = MemoryTarget(DISK, name=str(tmp_path / "disk")), placed("gpt-b", small)
    run_steps(target, write_steps(table, read_table(target)))
    # A guest's own marks must survive a repair.
    begins = table.offset_bytes(table.partitions[1])
    put_marks(target, begins, (3, b"NTFS    "))
    assert "disk-grown" in {finding.code for finding in check_disk(target).findings}
    rewrite(target, repaired(check_disk(target)), now=NOW)
    assert {finding.code for finding in check_disk(target).findings} == set()
    assert read_table(target).require().partitions == table.partitions
    assert target.read_at(begins + 3, 8) == b"NTFS    "
    assert target.read_sectors(small.sectors - 1) == bytes(512)


def test_an_mbr_cannot_be_repaired() -> None:
    target = prepared(placed("mbr-a"))
    with pytest.raises(InvalidTable, match="no second copy"):
        repaired(check_disk(target))
