"""Changes that are carried out all or not at all, whichever of the writes fails or is the last."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.disk.target import Data, MemoryTarget
from osdimage.imaging.errors import StorageError
from osdimage.imaging.units import Geometry
from osdimage.imaging.volume import pending
from osdimage.imaging.volume.pending import SECTOR, Change

SECTORS = 256
POINTER, ROOM, MARK = 31 * SECTOR + 448, 200 * SECTOR, 5 * SECTOR


# Head and three changes written down, flushed, the pointer written, flushed: all that is needed.
POINTED = 7


class Stopped(Exception):
    """The moment has come."""


class Counting(MemoryTarget):
    """A volume in memory that fails from its N-th write or flush on, or for that one alone."""

    def __init__(self) -> None:
        super().__init__(Geometry(SECTOR, SECTORS), name="v")
        self.left: int | None = None
        self.error: Callable[[], Exception] = Stopped
        self.once = False
        for sector in range(SECTORS):
            super()._write(sector * SECTOR, bytes([sector % 251]) * SECTOR)

    def flush(self) -> None:
        self._count()

    def _write(self, offset_bytes: int, data: Data) -> None:
        self._count()
        super()._write(offset_bytes, data)

    def _count(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left == -1 or (self.left < 0 and not self.once):
            raise self.error()

    def contents(self) -> bytes:
        """All but the room, which nothing uses, and the mark."""
        data = bytearray(self.read_at(0, SECTORS * SECTOR))
        data[MARK : MARK + 1] = b"m"
        return bytes(data[:ROOM])


CHANGES = (
    Change(10 * SECTOR, b"a" * SECTOR),
    Change(40 * SECTOR, b"b" * 3 * SECTOR),
    Change(MARK, b"c" * SECTOR, group=1, is_guarded=False),
)


def carry_out(volume: Counting, changes: Sequence[Change] = CHANGES) -> None:
    pending.carry_out(
        volume, changes, pointer=POINTER, room=ROOM, mark=lambda: volume.write_at(MARK, b"dirty".ljust(SECTOR))
    )


def failed() -> StorageError:
    return StorageError("v: Input/output error", path="v", errno=errno.EIO)


def whole() -> bytes:
    volume = Counting()
    for change in CHANGES:
        volume.write_at(change.offset, change.data)
    return volume.contents()


def count() -> int:
    volume = Counting()
    volume.left = 1000
    carry_out(volume)
    assert volume.left is not None
    return 1000 - volume.left


def test_all_is_carried_out_and_nothing_stays_pending() -> None:
    volume = Counting()
    carry_out(volume)
    assert volume.contents() == whole()
    assert pending.find(volume, POINTER) is None


def test_whichever_call_is_the_last_the_volume_is_old_or_can_be_finished() -> None:
    old, new, outcomes = Counting().contents(), whole(), []
    for number in range(count()):
        volume = Counting()
        volume.left = number
        with pytest.raises(Stopped):
            carry_out(volume)
        volume.left = None
        found = pending.find(volume, POINTER)
        if found is None:
            assert volume.contents() in {old, new}, number
            outcomes.append("old" if volume.contents() == old else "new")
            continue
        seen = pending.overlaid(volume, found).read_at(0, ROOM)
        assert pending.finish(volume, POINTER)
        assert volume.contents() == new, number
        # Read before it was finished: all but the pointer itself.
        assert seen[:POINTER] == volume.read_at(0, POINTER)
        assert not pending.finish(volume, POINTER)
        outcomes.append("pending")
    assert set(outcomes) >= {"old", "pending"}
    assert outcomes == sorted(outcomes, key=["old", "pending", "new"].index)


def test_what_a_finish_itself_did_not_end_the_next_one_ends() -> None:
    volume = Counting()
    volume.left = POINTED
    with pytest.raises(Stopped):
        carry_out(volume)
    for number in range(4):
        volume.left = number
        with pytest.raises(Stopped):
            pending.finish(volume, POINTER)
        volume.left = None
        assert pending.find(volume, POINTER) is not None
    assert pending.finish(volume, POINTER)
    assert volume.contents() == whole()


@pytest.mark.parametrize("once", [True, False], ids=["once", "from then on"])
def test_an_error_says_truly_what_became_of_the_change(once: bool) -> None:
    for number in range(count()):
        volume = Counting()
        volume.left, volume.error, volume.once = number, failed, once
        with pytest.raises(StorageError) as caught:
            carry_out(volume)
        volume.left = None
        is_pending = pending.find(volume, POINTER) is not None
        if "as they were" in str(caught.value):
            assert not is_pending
            assert volume.contents() == Counting().contents()
        else:
            assert "written down in v" in str(caught.value)
            assert is_pending or volume.contents() in {whole(), Counting().contents()}


@pytest.mark.parametrize("sector", [10, 42])
def test_what_somebody_else_has_written_since_is_left_alone(sector: int) -> None:
    volume = Counting()
    volume.left = POINTED
    with pytest.raises(Stopped):
        carry_out(volume)
    volume.left = None
    assert pending.find(volume, POINTER) is not None
    volume.write_at(sector * SECTOR, b"theirs".ljust(SECTOR))
    before = volume.contents()
    assert not pending.finish(volume, POINTER)
    assert volume.contents() == before


def test_on_a_full_volume_the_change_is_made_at_once() -> None:
    volume = Counting()
    pending.carry_out(volume, CHANGES, pointer=POINTER, room=None, mark=lambda: None)
    assert volume.contents() == whole()


@given(st.binary(min_size=64, max_size=64), st.binary(max_size=2 * SECTOR))
def test_no_bytes_are_taken_for_a_change_that_are_none(pointer: bytes, room: bytes) -> None:
    volume = Counting()
    volume.write_at(POINTER, pointer)
    volume.write_at(ROOM, room)
    assert pending.find(volume, POINTER) is None
    volume.write_at(POINTER, b"osdimage pending" + pointer[16:])
    assert pending.find(volume, POINTER) is None


def test_a_sector_may_be_changed_twice() -> None:
    volume = Counting()
    old = volume.read_at(10 * SECTOR, SECTOR)
    # Taken and given back: the second is what is there now, and must be carried out all the same.
    twice = pending.trimmed(volume, [Change(10 * SECTOR, b"a" * SECTOR), Change(10 * SECTOR, old, 1)])
    assert [each.data for each in twice] == [b"a" * SECTOR, old]
    for number in range(POINTED, POINTED + 4):
        volume = Counting()
        volume.left = number - 1
        with pytest.raises(Stopped):
            carry_out(volume, twice)
        volume.left = None
        assert pending.finish(volume, POINTER)
        assert volume.read_at(10 * SECTOR, SECTOR) == old


def test_of_what_is_the_same_nothing_is_written() -> None:
    volume = Counting()
    same = volume.read_at(7 * SECTOR, 4 * SECTOR)
    other = same[:SECTOR] + b"x" * SECTOR + same[2 * SECTOR :]
    assert pending.trimmed(volume, [Change(7 * SECTOR, same)]) == []
    assert pending.trimmed(volume, [Change(7 * SECTOR, other)]) == [Change(8 * SECTOR, b"x" * SECTOR)]
