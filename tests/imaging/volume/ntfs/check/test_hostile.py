"""Volumes that lie: a check ends, in bounded time and memory, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import ntfs_patient as p
from cases.ntfs_patient import CLUSTER, Bytes, Patient, find, put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging.volume import FaultKind as K
from osdimage.imaging.volume import NtfsCheckOptions, NtfsReport, check_ntfs
from osdimage.imaging.volume.ntfs.check.clusters import runs_of
from osdimage.imaging.volume.ntfs.check.descriptors import descriptor_fault
from osdimage.imaging.volume.ntfs.check.short_names import short_name_fault
from runs.limits import hurried, limited

MIB = 1 << 20
MEMORY, SECONDS = 64 * MIB, 20
MFT = 0


def check(patient: Patient, most: int = 20) -> NtfsReport:
    return check_ntfs(Bytes(patient.data), NtfsCheckOptions(most=most))


# ---- anything anywhere

_VALUES = st.one_of(
    st.sampled_from([0, 1, 2, 5, 24, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
_CHANGE = st.tuples(st.integers(0, 1 << 30), st.sampled_from([1, 2, 4, 8]), _VALUES)


@pytest.mark.foreign
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changes=st.lists(_CHANGE, min_size=1, max_size=6), where=st.sampled_from(["boot", "mft", "anywhere"]))
def test_a_changed_volume_is_checked_to_its_end(
    healthy: Patient, changes: list[tuple[int, int, int]], where: str
) -> None:
    patient = healthy.copy()
    begin, size = {
        "boot": (11, 73),
        "mft": (patient.place(MFT), 220 * 1024),
        "anywhere": (0, len(patient.data) - 8),
    }[where]
    for place, width, value in changes:
        at = begin + place % size
        patient.data[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
    with hurried(SECONDS), limited(MEMORY):
        report = check(patient)
    assert all(each.text for each in report.faults)
    assert sum(report.counts.values()) >= len(report.faults)


# ---- lies of one kind


def endless_mft(v: Patient) -> None:
    with v.record(MFT) as record:
        at = find(record, p.DATA)
        put(record, at + 40, "3Q", 1 << 62, 1 << 62, 1 << 62)


def block_leads_to_itself(v: Patient) -> None:
    at = v.block("/folder", 0)
    for number in range(len(v.clusters("/folder", p.ALLOCATION, "$I30"))):
        with v.index_block("/folder", number) as block:
            entry = 24 + p.u32(block, 24)
            if block[entry + 12] & p.CHILD:
                put(block, entry + p.u16(block, entry + 8) - 8, "Q", p.u64(block, 16))
                return
    raise AssertionError(f"no block at {at} has children")


def list_of_8_exabytes(v: Patient) -> None:
    with v.record("/one") as record:
        at = find(record, p.LIST)
        put(record, at + 40, "3Q", 1 << 62, 1 << 62, 1 << 62)


def sectors_beyond(v: Patient) -> None:
    put(v.data, 40, "Q", 1 << 40)


def bitlocker(v: Patient) -> None:
    v.data[3:11] = b"-FVE-FS-"


def mirror_beyond(v: Patient) -> None:
    put(v.data, 56, "Q", 1 << 40)


def no_root(v: Patient) -> None:
    v.data[v.place(5) + 22] = 0


def no_secure(v: Patient) -> None:
    v.data[v.place(9) + 22] = 0


def mft_in_a_hole(v: Patient) -> None:
    with v.record(MFT) as record:
        at = find(record, p.DATA)
        runs = at + p.u16(record, at + 32)
        record[runs] &= 15


def case_of_its_own(v: Patient) -> None:
    put(v.data, v.clusters(10)[0] * CLUSTER + 2 * ord("a"), "H", 0xD812)


LIES: list[tuple[Callable[[Patient], None], K]] = [
    (endless_mft, K.MFT), (block_leads_to_itself, K.INDEX_CHILD), (list_of_8_exabytes, K.LIST),
    (sectors_beyond, K.BOOT), (bitlocker, K.BOOT), (mirror_beyond, K.BOOT), (no_root, K.SYSTEM_FILE),
    (no_secure, K.SYSTEM_FILE), (mft_in_a_hole, K.MFT), (case_of_its_own, K.UPCASE),
]  # fmt: skip


@pytest.mark.foreign
@pytest.mark.parametrize(("lie", "kind"), LIES, ids=[lie.__name__ for lie, _ in LIES])
def test_a_lie_is_named(healthy: Patient, lie: Callable[[Patient], None], kind: K) -> None:
    patient = healthy.copy()
    lie(patient)
    with hurried(SECONDS), limited(MEMORY):
        report = check(patient)
    assert kind in report.counts
    assert not report.is_sound


@pytest.mark.foreign
def test_a_volume_that_is_cut_short_says_so(healthy: Patient) -> None:
    for size in (0, 511, 512, 4096, CLUSTER * 5, len(healthy.data) // 2):
        report = check_ntfs(Bytes(healthy.data[:size]))
        assert list(report.counts) == [K.BOOT]
        assert not report.is_complete


@pytest.mark.foreign
def test_folders_that_share_one_index_end_the_check(tmp_path: Path) -> None:
    path = judges.make_ntfs(tmp_path / "volume.ntfs", 6 * MIB, "-c", str(CLUSTER))
    with judges.mounted_ntfs(path, tmp_path / "mount") as mount:
        (mount / "folder").mkdir()
        for number in range(60):
            (mount / "folder" / f"a file with a name of some length {number}").touch()
        for number in range(420):
            (mount / f"{number}").touch()
        for number in range(420):
            (mount / f"{number}").unlink()
        folder = (mount / "folder").stat().st_ino
    patient = Patient.read(path, {"/folder": folder})
    for _ in range(400):
        patient.make("/folder")
    with hurried(SECONDS), limited(MEMORY):
        report = check(patient)
    assert report.counts[K.TOO_MUCH] == 1
    assert report.counts[K.FILE_NAMELESS] == 400
    assert not report.is_complete


@pytest.mark.foreign
def test_all_faults_are_counted_and_the_first_are_told(healthy: Patient) -> None:
    patient = healthy.copy()
    for number in range(10):
        patient.data[patient.place(f"/folder/a file with a name of some length {number}") + 18] += 1
    report = check(patient, most=3)
    assert report.counts == {K.LINK_COUNT: 10}
    assert (report.errors, report.warnings, len(report.faults)) == (10, 0, 3)
    (first, *_) = report.of(K.LINK_COUNT)
    assert first.path == "\\folder\\a file with a name of some length 0"
    assert first.place == f"MFT record {patient.number('/folder/a file with a name of some length 0')}"


@pytest.mark.foreign
def test_copies_of_sizes_are_judged_where_a_volume_was_just_made(healthy: Patient) -> None:
    # ntfs-3g keeps the copies beside the names, too, but not their times.
    report = check_ntfs(Bytes(healthy.data), NtfsCheckOptions(is_fresh=True))
    assert set(report.counts) <= {K.NAME_STALE, K.BOOT_COPY}
    assert report.counts[K.NAME_STALE] > 0
    assert report.of(K.NAME_STALE)[0].path is not None


@pytest.mark.foreign
def test_records_that_were_not_written_are_for_windows_alone(healthy: Patient) -> None:
    patient = healthy.copy()
    at = patient.place(patient.unused())
    patient.data[at : at + 1024] = bytes(1024)
    assert check(patient).counts == {}
    report = check_ntfs(Bytes(patient.data), NtfsCheckOptions(is_fresh=True))
    assert report.counts[K.RECORD_UNWRITTEN] == 1


# ---- the small parts


@pytest.mark.parametrize("name", ["A", "README.TXT", "ALONGF~1.TEX", "pagefile.sys", "$MFTMirr", "É~1"])
def test_names_of_dos(name: str) -> None:
    assert short_name_fault(name) is None


@pytest.mark.parametrize("name", ["", ".", "a.", "nine-char", "A.LONG", "A.B.C", "A B", "A+B", "A\x01"])
def test_names_that_are_none_of_dos(name: str) -> None:
    assert short_name_fault(name) is not None


@given(st.binary(max_size=200))
def test_any_bytes_as_a_security_descriptor(data: bytes) -> None:
    descriptor_fault(data)
    descriptor_fault(bytes([1, 0, 0x14, 0x80]) + data)


@given(st.lists(st.booleans(), max_size=80), st.integers(0, 5))
def test_runs_of_bits(bits: list[bool], most: int) -> None:
    number = sum(1 << at for at, bit in enumerate(bits) if bit)
    expected, begin = [], None
    for at, bit in enumerate([*bits, False]):
        if bit and begin is None:
            begin = at
        elif not bit and begin is not None:
            expected.append((begin, at - begin))
            begin = None
    assert runs_of(number, most) == (expected[:most], len(expected))
