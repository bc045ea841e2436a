"""Saving a table and putting it back, and saved plans."""

from __future__ import annotations

import base64
import errno
import fcntl
import json
import os
import random
import resource
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cases.disk import CASES, Case, layout
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.disk import plan as plans
from osdimage.imaging.disk.device import DeviceFacts, DeviceTarget
from osdimage.imaging.disk.image import FileTarget, create_image, open_image
from osdimage.imaging.disk.init import initialize, losses, restore
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.tables import backup as backups
from osdimage.imaging.disk.tables.check import check_disk
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.disk.tables.table import PartitionTable
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.documents import MAX_DOCUMENT_BYTES
from osdimage.imaging.errors import InvalidDocument, InvalidInput, StorageError, TargetRefused
from osdimage.imaging.units import GIB, MIB, Geometry

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DISK = Geometry.of_size(8 * GIB, 512)
OLD = {
    "gpt": layout("GPT", "Primary NTFS 1 GB", "Hidden NTFS 1 GB", "Primary", OSDGPTBootDisk="true"),
    "mbr": layout("MBR", "Primary NTFS 1 GB active", "Primary"),
    "logicals": layout("MBR", "Primary 1 GB", "Extended", *["Logical 1 GB"] * 4),
}
NEW = {
    "gpt": layout("GPT", "Primary NTFS", OSDGPTBootDisk="true"),
    "mbr": layout("MBR", "Primary FAT32 3 GB", "Primary"),
    "logicals": layout("MBR", "Primary 1 GB", "Extended 5 GB", "Logical 2 GB", "Logical"),
}


def placed(wish: Any, seed: str) -> PartitionTable:
    return place(wish, DISK, random.Random(seed))


def image(tmp_path: Path) -> FileTarget:
    return create_image(str(tmp_path / "disk.img"), DISK.size_bytes)


def contents(target: MemoryTarget) -> dict[int, bytes]:
    return {page: bytes(data) for page, data in target._pages.items() if any(data)}


@pytest.mark.parametrize("new", NEW)
@pytest.mark.parametrize("old", OLD)
def test_restoring_undoes_init_to_the_last_byte(tmp_path: Path, old: str, new: str) -> None:
    target = MemoryTarget(DISK, name=str(tmp_path / "disk"))
    table = placed(OLD[old], "old")
    initialize(target, table, now=NOW)
    # A volume where a new partition will begin, whose mark is wiped.
    begins = placed(NEW[new], "new").partitions[0].extent.first * 512
    target.write_at(begins + 3, b"NTFS    ")
    before = contents(target)
    report = initialize(target, placed(NEW[new], "new"), now=NOW)
    assert contents(target) != before
    assert report.saved is not None
    restore(target, backups.load_backup(report.saved), now=NOW)
    assert read_table(target).table == table
    assert contents(target) == before


@pytest.mark.parametrize("new", NEW)
@pytest.mark.parametrize("old", OLD)
def test_a_backup_taken_by_itself_brings_the_table_back(tmp_path: Path, old: str, new: str) -> None:
    target, table = MemoryTarget(DISK, name=str(tmp_path / "disk")), placed(OLD[old], "old")
    initialize(target, table, now=NOW)
    saved = backups.take_backup(target, read_table(target), now=NOW)
    initialize(target, placed(NEW[new], "new"), now=NOW, save=False)
    restore(target, saved, now=NOW, save=False)
    reading = check_disk(target)
    assert reading.table == table
    assert not reading.findings


def test_a_backup_lists_its_pieces_with_offsets_and_can_be_put_back_by_hand(tmp_path: Path) -> None:
    target = MemoryTarget(DISK)
    initialize(target, placed(OLD["logicals"], "old"), now=NOW, save=False)
    path = tmp_path / "table.json"
    backups.save_backup(backups.take_backup(target, read_table(target), now=NOW), path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["format"] == "osdimage-partition-table-backup"
    assert document["created"] == "2026-01-02T03:04:05Z"
    assert (document["scheme"], document["sector_size"], document["sectors"]) == ("mbr", 512, DISK.sectors)
    what = [piece["what"] for piece in document["pieces"]]
    assert what[:3] == ["MBR", "primary GPT header", "primary GPT entries"]
    assert sum(name.startswith("EBR at sector") for name in what) == 4
    assert what[-2:] == ["backup GPT entries", "backup GPT header"]
    for piece in document["pieces"]:
        assert target.read_at(piece["offset_bytes"], piece["size_bytes"]) == base64.b64decode(piece["base64"])


def test_a_blank_disk_has_nothing_to_save(tmp_path: Path) -> None:
    with image(tmp_path) as target:
        report = initialize(target, placed(OLD["gpt"], "x"), now=NOW)
    assert report.saved is None
    assert [path.name for path in tmp_path.iterdir()] == ["disk.img"]


def test_the_old_table_of_an_image_is_saved_beside_it_under_a_name_of_its_own(tmp_path: Path) -> None:
    with image(tmp_path) as target:
        for _ in range(3):
            initialize(target, placed(OLD["gpt"], "x"), now=NOW)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["disk.img", "disk.img.table-20260102T030405Z-2.json", "disk.img.table-20260102T030405Z.json"]


def test_of_the_tables_that_were_saved_the_newest_five_stay(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    foreign = tmp_path / "disk.img.table-20010101T000000Z.json"
    foreign.write_text("{}")
    chosen = tmp_path / "mine.json"
    saved: list[Path] = []
    with create_image(str(disk), 64 * MIB) as target:
        for minute in range(9):
            table = place(layout("MBR", "Primary"), target.geometry, random.Random(minute))
            report = initialize(target, table, now=NOW + timedelta(minutes=minute))
            saved += [report.saved] if report.saved is not None else []
        other = backups.TableBackup(NOW, "disk.img", Geometry(512, 4096), None, None, ())
        backups.save_backup(other, tmp_path / "disk.img.table-20020101T000000Z.json")
        initialize(target, table, now=NOW + timedelta(hours=1), save_to=chosen)
    assert [each.exists() for each in saved] == [False] * 3 + [True] * 5
    # Neither what is no saved table, nor that of another disk, nor what was named by hand.
    assert len(list(tmp_path.glob("disk.img.table-*"))) == 7
    assert chosen.exists()


def test_nothing_is_written_when_the_old_table_cannot_be_saved(tmp_path: Path) -> None:
    with image(tmp_path) as target:
        table = placed(OLD["gpt"], "x")
        initialize(target, table, now=NOW)
        with pytest.raises(StorageError, match="there is no directory"):
            initialize(target, placed(NEW["mbr"], "y"), now=NOW, save_to=tmp_path / "missing" / "table.json")
        (tmp_path / "taken.json").touch()
        with pytest.raises(TargetRefused, match=r"taken\.json exists; give another name, or overwrite"):
            initialize(target, placed(NEW["mbr"], "y"), now=NOW, save_to=tmp_path / "taken.json")
        assert read_table(target).table == table


def test_a_failed_write_names_the_saved_table(tmp_path: Path) -> None:
    class Broken(MemoryTarget):
        broken = False

        def _write(self, offset_bytes: int, data: bytes) -> None:
            if self.broken:
                raise StorageError("memory: writing: Input/output error", path="memory")
            super()._write(offset_bytes, data)

    target = Broken(DISK)
    initialize(target, placed(OLD["gpt"], "x"), now=NOW, save=False)
    target.broken = True
    saved = tmp_path / "old.json"
    with pytest.raises(StorageError, match=f"the old table is saved in {saved}; load_backup and restore puts it back"):
        initialize(target, placed(NEW["mbr"], "y"), now=NOW, save_to=saved)
    assert backups.load_backup(saved).scheme == "gpt"


def test_a_backup_of_a_disk_of_another_size_is_refused() -> None:
    target = MemoryTarget(DISK)
    initialize(target, placed(OLD["gpt"], "x"), now=NOW, save=False)
    saved = backups.take_backup(target, read_table(target), now=NOW)
    with pytest.raises(TargetRefused, match=r"is larger than the saved table: .* the saved table is for"):
        restore(MemoryTarget(Geometry(512, DISK.sectors + 1)), saved, now=NOW)


def test_what_will_be_lost_is_listed() -> None:
    target = MemoryTarget(DISK)
    assert not list(losses(target, read_table(target)))
    initialize(target, placed(OLD["mbr"], "x"), now=NOW, save=False)
    target.write_at(2048 * 512 + 3, b"NTFS    ")
    assert list(losses(target, read_table(target))) == [
        "partition 1: NTFS, 1.0 GB",
        "partition 2: FAT16, or not formatted, 7.0 GB",
    ]


# ---- documents that are wrong ----


def saved_document() -> dict[str, Any]:
    target = MemoryTarget(Geometry.of_size(64 * MIB, 512))
    backup = backups.take_backup(target, read_table(target), now=NOW)
    document: dict[str, Any] = json.loads(backups.to_json(backup))
    return document


def at(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    node: Any = document
    *folders, last = path.split(".")
    for name in folders:
        node = node[int(name)] if name.isdigit() else node[name]
    node[int(last) if last.isdigit() else last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format", "x", "is not a saved partition table"),
        ("version", 2, "is of version 2; this osdimage reads 1"),
        ("sector_size", 520, "is damaged"),
        ("sectors", "many", "is damaged"),
        ("created", "yesterday", "is damaged"),
        ("scheme", "apm", "is damaged"),
        ("pieces", {"a": 1}, "is damaged"),
        ("pieces.0.base64", "!!", "is damaged"),
        ("pieces.0.sha256", "0", "the piece at byte 0 is damaged; its checksum differs"),
        ("pieces.0.size_bytes", 511, "the piece at byte 0 is damaged"),
        ("pieces.0.offset_bytes", 7, "cannot be on such a disk"),
        ("pieces.0.offset_bytes", 1 << 60, "cannot be on such a disk"),
        ("pieces.1.offset_bytes", 0, "cannot be on such a disk"),
    ],
)
def test_a_damaged_backup_is_refused(path: str, value: object, message: str) -> None:
    with pytest.raises(InvalidDocument, match=message):
        backups.from_json(json.dumps(at(saved_document(), path, value)), source="x")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '"x"', "[" * 100_000])
def test_something_else_is_no_backup_and_no_plan(text: str) -> None:
    with pytest.raises(InvalidDocument):
        backups.from_json(text, source="x")
    with pytest.raises(InvalidDocument):
        plans.from_json(text, source="x")


def test_a_document_that_is_too_large_or_no_text_is_not_read(tmp_path: Path) -> None:
    large, binary = tmp_path / "large", tmp_path / "binary"
    with large.open("wb") as file:
        file.truncate(MAX_DOCUMENT_BYTES + 1)
    binary.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidDocument, match=r"larger than 64\.0 MB"):
        backups.read_document(large)
    with pytest.raises(InvalidDocument, match="not a text file"):
        backups.read_document(binary)
    with pytest.raises(StorageError, match="No such file"):
        backups.read_document(tmp_path / "missing")


# ---- plans ----


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_plan_is_read_back_as_it_was_written(case: Case) -> None:
    plan = plans.DiskPlan(case.table(), plans.DiskIdentity("disk", "serial", "0" * 64), ("beware",))
    again = plans.from_json(plans.to_json(plan), source="x")
    assert again == plan
    for before, after in zip(plan.table.partitions, again.table.partitions, strict=True):
        assert before.spec is not None
        assert after.spec is not None
        assert (before.spec.filesystem, before.spec.label) == (after.spec.filesystem, after.spec.label)


def plan_document(name: str = "gpt") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(plans.to_json(plans.DiskPlan(placed(OLD[name], "x"))))
    return document


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format", "x", "is not a plan"),
        ("version", 0, "is of version 0"),
        ("scheme", "apm", "cannot be used"),
        ("sectors", -5, "cannot be used"),
        ("sectors", 0, "cannot be used"),
        ("entry_count", 1 << 40, "a GPT is written with 128"),
        ("disk_guid", "x", "cannot be used"),
        ("partitions.0.first_lba", 2, "is not inside the usable"),
        ("partitions.0.sectors", 1 << 50, "the disk at"),
        ("partitions.0.sectors", 0, "cannot be used"),
        ("partitions.0.number", 0, "a number that no table holds"),
        ("partitions.0.number", 3, "cannot be used"),
        ("partitions.0.type", "0x07", "cannot be used"),
        ("partitions.0.attributes", "x", "cannot be used"),
        ("partitions.0.name", "n" * 37, "cannot be used"),
        ("partitions.0.format.role", "Boss", "cannot be used"),
        ("partitions.1.first_lba", 2048, "overlap"),
        ("partitions", 5, "cannot be used"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(path: str, value: object, message: str) -> None:
    with pytest.raises(InvalidDocument, match=message):
        plans.from_json(json.dumps(at(plan_document(), path, value)), source="x")


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=3)
_PATHS = st.sampled_from(
    ["scheme", "sectors", "sector_size", "usable", "first_usable_lba", "last_usable_lba", "entry_count", "disk_guid"]
    + [
        f"partitions.{n}.{k}"
        for n in (0, 2)
        for k in ("number", "first_lba", "sectors", "type", "guid", "name", "ebr_lba")
    ]
    + ["partitions.0", "partitions", "disk", "advice", "partitions.1.format", "partitions.1.attributes"]
)


@given(changes=st.lists(st.tuples(_PATHS, _JSON), min_size=1, max_size=3), name=st.sampled_from(list(OLD)))
def test_any_plan_can_be_used_or_is_refused(changes: list[tuple[str, object]], name: str) -> None:
    document = plan_document(name)
    for path, value in changes:
        try:
            at(document, path, value)
        except (TypeError, KeyError, IndexError, AttributeError):
            return
    try:
        plans.from_json(json.dumps(document), source="x")
    except InvalidDocument:
        return


def test_a_plan_is_refused_when_the_disk_has_changed(tmp_path: Path) -> None:
    with image(tmp_path) as target:
        initialize(target, placed(OLD["gpt"], "x"), now=NOW, save=False)
        reading = read_table(target)
        plan = plans.DiskPlan(placed(NEW["mbr"], "y"), plans.identify_disk(target, reading))
        plans.check_target(plan, target, reading)
        wrong = replace(plan, disk=replace(plans.identify_disk(target, reading), serial="S1"))
        with pytest.raises(TargetRefused, match="has no serial number, expected was S1"):
            plans.check_target(wrong, target, reading)
        initialize(target, placed(OLD["gpt"], "z"), now=NOW, save=False)
        with pytest.raises(TargetRefused, match="is not the one that the plan was made for; make a new plan"):
            plans.check_target(plan, target, read_table(target))


def test_a_plan_for_a_size_fits_every_disk_of_that_size(tmp_path: Path) -> None:
    plan = plans.DiskPlan(placed(OLD["gpt"], "x"))
    with image(tmp_path) as target:
        plans.check_target(plan, target, read_table(target))
    with create_image(str(tmp_path / "small.img"), GIB) as target, pytest.raises(TargetRefused, match="smaller"):
        plans.check_target(plan, target, read_table(target))


# ---- targets ----


def test_targets_refuse_what_is_outside(tmp_path: Path) -> None:
    with image(tmp_path) as target:
        for offset, size in ((-1, 1), (DISK.size_bytes, 1), (0, DISK.size_bytes + 1)):
            with pytest.raises(ValueError, match="are not inside"):
                target.read_at(offset, size)
        window = target.window(placed(OLD["mbr"], "x").partitions[0].extent)
        window.write_at(0, b"inside")
        window.flush()
        assert target.read_at(2048 * 512, 6) == b"inside"
        with pytest.raises(ValueError, match="are not inside"):
            window.write_at(window.geometry.size_bytes - 1, b"xx")
    with pytest.raises(ValueError, match="is closed"):
        target.flush()


def test_an_image_is_created_once_and_sparse(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    with image(tmp_path):
        assert path.stat().st_size == DISK.size_bytes
        assert path.stat().st_blocks * 512 < MIB
        with pytest.raises(TargetRefused, match="exists"):
            create_image(str(path), GIB)
        with pytest.raises(TargetRefused, match="is locked by another program"):
            open_image(str(path), write=True)
    with open_image(str(path), write=True) as target:
        assert target.geometry == DISK


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOLCK, "its file system has no locks: No locks available"),
        (errno.EOPNOTSUPP, "its file system has no locks: Operation not supported"),
        (errno.EIO, "locking: Input/output error"),
    ],
)
def test_a_lock_that_cannot_be_taken_names_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    image(tmp_path).close()
    path = tmp_path / "disk.img"

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(StorageError) as raised:
        open_image(str(path), write=True)
    assert (str(raised.value), raised.value.path, raised.value.errno) == (f"{path}: {told}", str(path), number)


def test_an_image_whose_header_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image(tmp_path).close()
    pread = os.pread

    def fail(descriptor: int, size: int, offset: int) -> bytes:
        if offset == 4096:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", fail)
    with pytest.raises(StorageError, match=r"disk\.img: reading at byte 4096: Input/output error"):
        open_image(str(tmp_path / "disk.img"))


@pytest.mark.parametrize("size", [1 << 63, 1 << 64, 1 << 80])
def test_an_image_larger_than_any_file_is_not_created(tmp_path: Path, size: int) -> None:
    with pytest.raises(TargetRefused, match=r"disk\.img: its file system does not hold a file of .* EB"):
        create_image(str(tmp_path / "disk.img"), size)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("size", "message"), [(1000, "whole number of sectors"), (0, "whole number")])
def test_an_image_of_an_impossible_size_is_not_created(tmp_path: Path, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create_image(str(tmp_path / "disk.img"), size)
    assert not list(tmp_path.iterdir())


def test_an_image_larger_than_the_file_system_can_hold_is_not_created(tmp_path: Path) -> None:
    # ext4 answers so above 16 TiB, a tmpfs never.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, limits[1]))
    try:
        with pytest.raises(TargetRefused, match="hold"):
            create_image(str(tmp_path / "disk.img"), 2 * MIB)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_what_is_no_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetRefused, match="is not a disk image"):
        open_image(str(tmp_path))
    (tmp_path / "empty").touch()
    with pytest.raises(TargetRefused, match="is too small to be a disk: 0 bytes; the smallest has a sector of 512"):
        open_image(str(tmp_path / "empty"), write=True)
    with pytest.raises(InvalidInput, match="is too small to be a disk: 0 bytes"):
        open_image(str(tmp_path / "empty"))
    with pytest.raises(StorageError, match="No such file"):
        open_image(str(tmp_path / "missing"))


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    with image(tmp_path) as target:
        (tmp_path / "disk.img").write_bytes(b"")
        with pytest.raises(StorageError, match="ends at byte 0"):
            target.read_sectors(0)


@pytest.mark.parametrize(
    ("call", "doing"), [("pwrite", "writing at byte"), ("pread", "reading at byte"), ("fsync", "flushing")]
)
def test_an_error_of_the_medium_names_the_file_and_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, doing: str
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with image(tmp_path) as target:
        monkeypatch.setattr(os, call, fail)
        with pytest.raises(StorageError, match=rf"disk\.img: {doing}.*Input/output error") as caught:
            initialize(target, placed(OLD["gpt"], "x"), now=NOW)
        monkeypatch.undo()
    assert (caught.value.errno, caught.value.path) == (errno.EIO, str(tmp_path / "disk.img"))


def device_target(tmp_path: Path) -> DeviceTarget:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(MIB))
    descriptor = os.open(path, os.O_RDWR)
    return DeviceTarget(descriptor, DeviceFacts("/dev/sdz", "sdz", Geometry.of_size(MIB, 512)))


@pytest.mark.parametrize(
    ("user", "environment", "folder"),
    [
        pytest.param(1000, {"OSDIMAGE_STATE_DIR": "{tmp}/mine"}, "mine", id="named"),
        pytest.param(1000, {"XDG_STATE_HOME": "{tmp}/state"}, "state/osdimage", id="xdg"),
        pytest.param(1000, {"HOME": "{tmp}"}, ".local/state/osdimage", id="home"),
    ],
)
def test_the_table_of_a_device_is_saved_in_a_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, environment: dict[str, str], folder: str
) -> None:
    for name in ("OSDIMAGE_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp=tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with device_target(tmp_path) as target:
        path = backups.default_path(target, NOW)
    assert path == tmp_path / folder / "sdz.table-20260102T030405Z.json"
    assert path.parent.is_dir()


def test_a_state_folder_that_cannot_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OSDIMAGE_STATE_DIR", str(tmp_path / "file" / "x"))
    with device_target(tmp_path) as target, pytest.raises(StorageError, match="Not a directory"):
        backups.default_path(target, NOW)


def test_an_interrupted_backup_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = MemoryTarget(DISK)
    saved = backups.take_backup(target, read_table(target), now=NOW)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        backups.save_backup(saved, tmp_path / "table.json")
    assert not list(tmp_path.iterdir())


def test_a_backup_whose_name_the_medium_does_not_confirm_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = MemoryTarget(DISK)
    saved = backups.take_backup(target, read_table(target), now=NOW)
    real = os.fsync

    def fail(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="Input/output error -- the new file is complete and has its name"):
        backups.save_backup(saved, tmp_path / "table.json")
    assert [each.name for each in tmp_path.iterdir()] == ["table.json"]
    assert backups.load_backup(tmp_path / "table.json") == saved
