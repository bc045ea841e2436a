"""Transaction logs of hives: what Windows left, what is made here, and what nobody should believe.

What yarp makes of its own hives (https://github.com/msuhanov/yarp at 125729d) is in its ``test_cases.py``, in
test_dirty_*, test_bad_baseblock and test_bad_log*.  The digests below are of what it reads then (python, in a checkout
of it):

    hive = Registry.RegistryHive(open(path, "rb"))
    hive.recover_auto(None, open(path + ".LOG1", "rb"), open(path + ".LOG2", "rb"))
    # {path: {name: (type_raw(), data_raw())}} of root_key() and all below, then as digest() does
"""

from __future__ import annotations

import gc
import hashlib
import random
import struct
import tracemalloc
import warnings
from collections.abc import Mapping
from pathlib import Path

import pytest
from cases import hive_logs as made
from cases.hive_logs import PAGE, Unclosed, of_windows, recovered
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import hive as judges
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry.hive import Hive, Value
from osdimage.imaging.registry.hive_log import LogFile, is_later
from osdimage.imaging.registry.marvin import marvin32
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.replay import Replay, is_unclosed, replay
from osdimage.imaging.registry.write import new_hive, write_hive

FLAGS_AT = 144


def replayed(unclosed: Unclosed) -> Replay:
    return replay(unclosed.hive, [LogFile(f"X{end}", data) for end, data in unclosed.logs.items()])


def tree_of(hive: Hive) -> judges.Tree:
    return {path: {each.name: (each.type, each.data) for each in key.values} for path, key in hive.root.walk()}


def digest(tree: judges.Tree) -> str:
    text = repr(sorted((path, sorted(values.items())) for path, values in tree.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def different(one: bytes, other: bytes) -> list[int]:
    return [at for at in range(PAGE, max(len(one), len(other)), 512) if one[at : at + 512] != other[at : at + 512]]


# ---- what Windows left


YARP = {
    "NewDirtyHive1": ("X.LOG1, LOG2 (entries 2 to 5)", "8d8306fd280b727a"),
    "NewDirtyHive2": ("X.LOG2 (entries 3 to 5)", "8d8306fd280b727a"),
    "OldDirtyHive": ("X.LOG1 (64 pages)", "125f52ba07662053"),
    "BadBaseBlockHive": ("X.LOG1 (64 pages)", "125f52ba07662053"),
}


@pytest.mark.parametrize("folder", YARP)
def test_a_hive_that_windows_did_not_close_is_read_as_yarp_reads_it(folder: str) -> None:
    unclosed = of_windows(folder)
    text, expected = YARP[folder]
    assert is_unclosed(unclosed.hive)
    found = replayed(unclosed)
    assert str(found.done) == f"with the last changes from {text}"
    assert (found.missing, found.left_out) == (None, ())
    hive = read_hive(unclosed.hive, replay=found)
    assert (hive.is_dirty, hive.warnings) == (False, ())
    assert digest(tree_of(hive)) == expected
    assert not is_unclosed(found.data)


def test_what_windows_10_made_of_a_hive_is_made_to_the_byte() -> None:
    unclosed = of_windows("NewDirtyHive1")
    assert different(replayed(unclosed).data, recovered("NewDirtyHive1")) == []
    other_way = Unclosed(unclosed.hive, dict(reversed(unclosed.logs.items())))
    assert replayed(other_way).data == replayed(unclosed).data


def test_what_windows_7_made_of_a_hive_is_made_but_for_what_loading_changed() -> None:
    # The time in the head of the first bin, and a cell that Windows changed when it loaded the hive.
    found = replayed(of_windows("OldDirtyHive")).data
    assert different(found, recovered("OldDirtyHive")) == [0x1000, 0x6BC00]
    ours, theirs = judges.dissect(found), judges.dissect(recovered("OldDirtyHive"))
    assert ours == theirs
    assert "key_with_many_subkeys\\5000\\find_me_in_log" in ours
    (value,) = ours["key_with_many_subkeys\\4500"].values()
    assert value == (7, "a\0bb\0ccc\0\0".encode("utf-16-le"))


REFUSED = {
    "BadLogHive1": "X.LOG1 is damaged, or no log",
    "BadLogHive2": "X.LOG1: it has no bitmap of pages",
    "BadLogHive3": "X.LOG1 is damaged, or no log; X.LOG2 is damaged, or no log",
}


@pytest.mark.parametrize("folder", REFUSED)
def test_logs_that_yarp_refuses_are_refused(folder: str) -> None:
    unclosed = of_windows(folder)
    found = replayed(unclosed)
    assert (found.done, found.data) == (None, unclosed.hive)
    assert REFUSED[folder] in (found.missing or "")


# ---- what is made here


def state(*numbers: int) -> bytes:
    """Return a hive in which each number has a key with some data."""
    hive = new_hive("ROOT")
    for number in numbers:
        key = hive.root.ensure(f"Key{number}")
        key.set(Value.binary("data", random.Random(number).randbytes(3000)))
    return made.with_numbers(write_hive(hive), 1, 1)


@pytest.fixture(scope="module")
def states() -> list[bytes]:
    return [state(*range(count)) for count in range(1, 6)]


def test_the_hash_is_that_of_the_entries_of_windows() -> None:
    log = of_windows("NewDirtyHive1").logs[".LOG2"]
    (size,) = struct.unpack_from("<I", log, 512 + 4)
    assert marvin32(log[512 + 40 : 512 + size]) == log[512 + 24 : 512 + 32] == made.marvin(log[512 + 40 : 512 + size])
    assert marvin32(memoryview(log)[512 : 512 + 32]) == log[512 + 32 : 512 + 40]
    for data in (b"", b"a", b"abc", b"abcd", b"abcdefg"):
        assert marvin32(data) == made.marvin(data)


@pytest.mark.parametrize("split", [None, 1, 2, 3])
def test_a_hive_grows_by_its_logs(states: list[bytes], split: int | None) -> None:
    found = replayed(made.unclosed(states, split=split))
    assert found.data[PAGE:] == states[-1][PAGE:]
    assert judges.dissect(found.data) == judges.dissect(states[-1])
    assert found.done is not None
    assert (found.done.first_entry, found.done.last_entry, found.newest) == (1, 4, 4)


@pytest.mark.foreign
def test_regipy_makes_the_same_of_what_is_made_here(states: list[bytes], tmp_path: Path) -> None:
    # It does not let a hive grow: a key is removed from each state.
    from regipy.recovery import apply_transaction_logs  # noqa: PLC0415 - a judge

    smaller = [states[2]]
    for name in ("Key2", "Key1"):
        hive = read_hive(smaller[-1])
        hive.root.delete_key(name)
        smaller.append(made.with_numbers(write_hive(hive), 1, 1))
    assert len({len(each) for each in smaller}) == 1
    path = made.unclosed(smaller).write(tmp_path / "X")
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        restored, _ = apply_transaction_logs(str(path), f"{path}.LOG1", restored_hive_path=str(tmp_path / "out"))
        gc.collect()
    theirs = Path(restored).read_bytes()
    assert theirs[PAGE:] == replayed(made.unclosed(smaller)).data[PAGE:] == smaller[-1][PAGE:]


def test_a_hive_that_was_closed_ignores_its_logs(states: list[bytes]) -> None:
    assert not is_unclosed(states[0])
    assert is_unclosed(made.with_numbers(states[0], 2, 1))
    assert is_unclosed(states[0][:508] + bytes(4) + states[0][512:])
    assert not is_unclosed(b"")


def test_only_the_log_with_the_newest_entries_mends_a_base_block(states: list[bytes]) -> None:
    unclosed = made.unclosed(states, split=2)
    broken = Unclosed(bytes(100) + unclosed.hive[100:], unclosed.logs)
    found = replayed(broken)
    assert found.done is not None
    assert found.done.logs == ("X.LOG2",)
    assert found.data[:4] == b"regf"
    assert read_hive(found.data).header[28:32] == bytes(4)


def test_an_old_log_lets_a_hive_grow_and_mends_its_base_block(states: list[bytes]) -> None:
    old, new = states[1], states[3]
    log = made.old_log(old, new)
    for hive in (made.with_numbers(old, 2, 1), made.with_numbers(old, 2, 1)[:508] + bytes(4) + old[512:]):
        for end in (".LOG1", ".LOG"):
            found = replayed(Unclosed(hive, {end: log}))
            assert found.done is not None
            assert judges.dissect(found.data) == judges.dissect(new)
            assert found.missing is None


LATER = {
    "both of that time: the first": (0, 0, "LOG1"),
    "the first of another time": (-5, 0, "LOG2"),
    "the second is later, as after an error while the hive was written": (0, 7, "LOG2"),
    "neither": (-5, -5, None),
    "the first is later than the hive": (5, 0, "LOG2"),
}


@pytest.mark.parametrize(("one", "two", "used"), LATER.values(), ids=LATER)
def test_of_two_old_logs_the_one_that_fits_is_used(states: list[bytes], one: int, two: int, used: str | None) -> None:
    time = 1_000_000
    hive = bytearray(made.with_numbers(states[0], 2, 1))
    struct.pack_into("<Q", hive, 12, time)
    unclosed = made.settled(bytes(hive))
    first, second = (
        made.old_log(unclosed, new, time=time + more) for new, more in ((states[1], one), (states[2], two))
    )
    found = replayed(Unclosed(unclosed, {".LOG1": first, ".LOG2": second}))
    assert (None if found.done is None else found.done.logs[0]) == (None if used is None else f"X.{used}")


def test_a_very_old_log_has_its_bitmap_behind_a_larger_base_block(states: list[bytes]) -> None:
    hive = bytearray(made.with_numbers(states[0], 2, 1))
    struct.pack_into("<I", hive, 44, 2)
    unclosed = made.settled(bytes(hive))
    log = made.old_log(unclosed, states[1], kind=2)
    found = replayed(Unclosed(unclosed, {".LOG": log[:512] + bytes(512) + log[512:]}))
    assert judges.dissect(found.data) == judges.dissect(states[1])


def test_the_flag_of_an_entry_is_taken_over(states: list[bytes]) -> None:
    bins = len(states[0]) - PAGE
    for flags, before, after in ((1, 2, 3), (0, 3, 2), (0xFFFFFFFE, 3, 2)):
        hive = bytearray(made.with_numbers(states[0], 2, 1))
        hive[FLAGS_AT] = before
        log = made.base(states[0], 6, 1) + made.entry(1, bins, [], flags=flags)
        assert replayed(Unclosed(made.settled(bytes(hive)), {".LOG1": log})).data[FLAGS_AT] == after


def test_numbers_go_on_from_zero() -> None:
    assert is_later(0, 0xFFFFFFFF)
    assert not is_later(0xFFFFFFFF, 0)
    assert not is_later(5, 5)
    hives = [state(*range(count)) for count in range(1, 4)]
    number = 0xFFFFFFFF
    unclosed = Unclosed(
        made.with_numbers(hives[0], 0, number),
        {".LOG1": made.new_log(hives[1:], 0), ".LOG2": made.new_log(hives[:2], number)},
    )
    found = replayed(unclosed)
    assert found.done is not None
    assert (found.done.logs, found.done.first_entry, found.done.last_entry) == (("X.LOG2", "X.LOG1"), number, 0)
    assert found.data[PAGE:] == hives[-1][PAGE:]


def test_a_new_hive_is_newer_than_all_of_its_logs(states: list[bytes]) -> None:
    unclosed = made.unclosed(states[:2])
    stale = made.base(states[0], 6, 1) + b"".join(made.entry(number, PAGE, []) for number in (1, 2, 70))
    with_stale = Unclosed(unclosed.hive, {".LOG1": unclosed.logs[".LOG1"], ".LOG2": stale})
    found = replayed(with_stale)
    assert found.newest == 70
    hive = read_hive(unclosed.hive, replay=found)
    hive.root.ensure("New")
    written = write_hive(hive)
    assert struct.unpack_from("<II", written, 4) == (71, 71)
    assert not is_unclosed(written)


# ---- what is not whole


def _cut(log: bytes, at: int) -> bytes:
    return log[:at] + bytes([log[at] ^ 1]) + log[at + 1 :]


def test_an_entry_that_was_not_written_to_its_end_is_left_out_as_windows_does(states: list[bytes]) -> None:
    unclosed = made.unclosed(states)
    log = unclosed.logs[".LOG1"]
    for damaged in (log[:-512], _cut(log, len(log) - 700)):
        found = replayed(Unclosed(unclosed.hive, {".LOG1": damaged}))
        assert judges.dissect(found.data) == judges.dissect(states[-2])
        assert found.missing is None
        assert "entry 4" in found.left_out[0]
        hive = read_hive(unclosed.hive, name="SYSTEM", replay=found)
        assert not hive.is_dirty
        assert "it and what follows are left out" in hive.warnings[0]


def test_older_entries_behind_the_last_one_are_no_fault(states: list[bytes]) -> None:
    unclosed = made.unclosed(states[:3], number=7)
    older = made.entry(3, len(states[0]) - PAGE, [(0, bytes(PAGE))])
    found = replayed(Unclosed(unclosed.hive, {".LOG1": unclosed.logs[".LOG1"] + older}))
    assert (found.left_out, found.missing) == ((), None)
    assert found.data[PAGE:] == states[2][PAGE:]


def test_entries_that_are_missing_in_between_are_told_and_keep_the_hive_from_being_written(
    states: list[bytes],
) -> None:
    unclosed = made.unclosed(states, split=2)
    hive = made.with_numbers(states[0], 2, 1)
    found = replayed(Unclosed(hive, {".LOG1": bytes(512), ".LOG2": unclosed.logs[".LOG2"]}))
    assert found.done is not None
    assert "begins with entry 3, and the hive ends with 1: X.LOG1 is damaged, or no log" in (found.missing or "")
    read = read_hive(hive, name="SYSTEM", replay=found)
    assert read.is_dirty
    assert read.warnings[0].startswith("SYSTEM: dirty: it is not whole with the last changes from X.LOG2")


def test_pages_of_an_old_log_that_make_no_bin_end_it(states: list[bytes]) -> None:
    old, new = states[0], states[4]
    last = len(new) - PAGE
    broken = new[:last] + b"none" + new[last + 4 :]
    found = replayed(Unclosed(made.with_numbers(old, 2, 1), {".LOG1": made.old_log(old, broken)}))
    assert "make no bin" in (found.missing or "")
    assert found.data[last : last + 4] == bytes(4)
    assert found.data[PAGE : len(old)] == new[PAGE : len(old)]


BINS = 0x2000
HOSTILE: Mapping[str, tuple[bytes, str]] = {
    "more pages than the entry holds": (made.entry(1, BINS, [], count=1 << 29), "tells of 536870912 pages"),
    "pages that take more than the entry": (
        made.entry(1, BINS, [(0, bytes(PAGE))] * 2)[:24].ljust(40, b"\0"),
        "has 8704 bytes, of which 40 are there",
    ),
    "a page beyond the bins": (made.entry(1, BINS, [(BINS, bytes(PAGE))]), "a page that is not within it"),
    "a page at the end of all numbers": (made.entry(1, BINS, [(0xFFFFFFFF, bytes(8))]), "a page that is not within it"),
    "bins of nearly 4 GiB": (made.entry(1, 0xFFFFF000, []), "tells of 4294963200 bytes of bins"),
    "bins of no whole pages": (made.entry(1, BINS + 512, []), "tells of 8704 bytes of bins"),
    "no size": (b"HvLE" + bytes(4) + made.entry(1, BINS, [])[8:], "has 0 bytes"),
    "a size of no sectors": (b"HvLE" + b"\x11\2\0\0" + made.entry(1, BINS, [])[8:], "has 529 bytes"),
    "another number": (made.entry(9, BINS, []), "has no entry 1"),
    "nothing": (b"", "has no entry 1"),
}


@pytest.mark.parametrize(("body", "says"), HOSTILE.values(), ids=HOSTILE)
def test_an_entry_that_cannot_be_is_not_carried_out(states: list[bytes], body: bytes, says: str) -> None:
    hive = made.with_numbers(states[0], 2, 1)
    tracemalloc.start()
    found = replayed(Unclosed(hive, {".LOG1": made.base(states[0], 6, 1) + body}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.done, found.data) == (None, hive)
    assert says in (found.missing or "")
    assert peak < 4 << 20


@pytest.mark.parametrize("bins", [0xFFFFF000, 0x80000000, 512, 0])
def test_an_old_log_that_tells_of_impossible_bins_is_not_carried_out(states: list[bytes], bins: int) -> None:
    hive = made.with_numbers(states[0], 2, 1)
    log = made.old_log(states[0], states[1])
    changed = made.settled(log[:40] + struct.pack("<I", bins) + log[44:])
    assert replayed(Unclosed(hive, {".LOG1": changed})).done is None


def _check(unclosed: Unclosed) -> None:
    """Replay whatever it is; what comes of it is not larger than all files, and is read or refused as a hive is."""
    found = replayed(unclosed)
    most = len(unclosed.hive) + sum(map(len, unclosed.logs.values())) + 2 * PAGE
    assert len(found.data) <= most
    assert (found.done is None) == (found.data == unclosed.hive) or found.done is not None
    try:
        hive = read_hive(unclosed.hive, replay=found)
        sum(1 for _ in hive.root.walk())
    except InvalidInput:
        pass


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2048), st.binary(max_size=2048), st.binary(max_size=6000))
def test_whatever_the_bytes_are_nothing_but_a_hive_comes_of_them(one: bytes, two: bytes, hive: bytes) -> None:
    _check(Unclosed(hive, {".LOG1": one, ".LOG2": two}))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["NewDirtyHive1", "NewDirtyHive2"]),
    st.lists(st.tuples(st.sampled_from([".LOG1", ".LOG2"]), st.integers(0, 9000), st.binary(min_size=1, max_size=4))),
    st.booleans(),
)
def test_damaged_logs_of_windows_never_break_the_reader(
    folder: str, damage: list[tuple[str, int, bytes]], mends: bool
) -> None:
    unclosed = of_windows(folder)
    logs = {end: bytearray(data) for end, data in unclosed.logs.items()}
    for end, at, data in damage:
        logs[end][at : at + len(data)] = data
    ready = {end: made.settled(bytes(log)) if mends else bytes(log) for end, log in logs.items()}
    _check(Unclosed(unclosed.hive, ready))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.integers(0, 30), max_size=8), min_size=2, max_size=4), st.data())
def test_whatever_was_changed_is_there_after_the_replay(sets: list[set[int]], data: st.DataObject) -> None:
    hives = [state(*sorted(each)) for each in sets]
    split = data.draw(st.none() | st.integers(1, len(hives) - 1))
    found = replayed(made.unclosed(hives, split=split))
    length = len(hives[-1])
    assert found.data[PAGE:length] == hives[-1][PAGE:]
    assert tree_of(read_hive(found.data)) == tree_of(read_hive(hives[-1]))
