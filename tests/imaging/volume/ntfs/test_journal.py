"""Whether the journal of a volume was closed: what the restart pages say is what ntfs-3g makes of them."""

from __future__ import annotations

import errno
import os
import shutil
import struct
from pathlib import Path

import pytest
from cases import journals
from cases.journals import CACHED, CLEAN, UNCLEAN, Page, probed, write_journal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges import wim as judges
from judges.ntfs import dissect, is_dirty, ntfscat, ntfsfix
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.units import MIB
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.volume.hazards import hazards
from osdimage.imaging.volume.ntfs import state
from osdimage.imaging.volume.ntfs.journal import Journal, JournalState, read_journal
from osdimage.native.ntfs import volume as ntfs

pytestmark = pytest.mark.foreign
GIVEN_UP = Opening(discards_journal=True)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judges.make_ntfs(tmp_path_factory.mktemp("ntfs") / "fresh.ntfs", 16 * MIB)


@pytest.fixture
def volume(fresh: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(fresh, tmp_path / "volume.ntfs"))


def read(path: Path) -> Journal:
    with open_volume(path) as opened:
        return read_journal(opened.window())


def refused(path: Path, opening: Opening, match: str, *, force: bool = False) -> None:
    """Try to write to a volume, which must be refused."""
    with (
        open_volume(path, write=True, opening=opening) as opened,
        pytest.raises(TargetRefused, match=match),
        open_files(opened, write=True, force=force),
    ):
        raise AssertionError


CASES = {
    "both closed": ((Page(clean=True), Page(clean=True)), "clean", CLEAN),
    "both open": ((Page(), Page()), "open", UNCLEAN),
    "no client, as Windows 2000 leaves it": ((Page(in_use=False),) * 2, "clean", CLEAN),
    "the second is newer": ((Page(clean=True, sequence=1), Page(sequence=2)), "open", UNCLEAN),
    "the first is newer": ((Page(clean=True, sequence=3), Page(sequence=2)), "clean", CLEAN),
    "both are as new": ((Page(clean=True, sequence=3), Page(sequence=3)), "clean", CLEAN),
    "of Windows 8, open": ((Page(version=(2, 0)),) * 2, "open", CACHED),
    "of Windows 8, said to be clean": ((Page(version=(2, 0), clean=True),) * 2, "open", CACHED),
    "checked by chkdsk": ((Page(magic=b"CHKD", clean=True),) * 2, "clean", CLEAN),
    "torn, and the other whole": ((Page(torn=True, area_at=0x1E0), Page(clean=True)), "clean", CLEAN),
    "torn where it does not matter": ((Page(torn=True), Page(clean=True, sequence=1)), "open", UNCLEAN),
    "both torn where it does not matter": ((Page(torn=True, clean=True),) * 2, "open", UNCLEAN),
    "the first lost": ((b"RSTR" + b"\x11" * 4092, Page(clean=True)), "clean", CLEAN),
    "the first emptied": ((b"\xff" * 4096, Page(clean=True)), "clean", CLEAN),
    "both lost": ((b"RSTR" + b"\x11" * 8188,), "damaged", UNCLEAN),
    "zeros": ((bytes(8192),), "damaged", UNCLEAN),
    "a version that nobody knows": ((Page(version=(3, 0)),) * 2, "damaged", UNCLEAN),
    "of another size, which is not compared": ((Page(log_size=5),) * 2, "open", UNCLEAN),
    "more clients than there is room for": ((Page(clients=40),) * 2, "damaged", UNCLEAN),
}


@pytest.mark.parametrize(("pages", "expected", "probe"), CASES.values(), ids=list(CASES))
def test_a_journal_is_what_ntfs_3g_takes_it_for(
    pages: tuple[Page | bytes, ...], expected: str, probe: int, volume: Path
) -> None:
    write_journal(volume, *pages)
    found = read(volume)
    assert found.state == expected
    assert probed(volume) == probe
    assert ntfs.volume_facts(volume).has_open_log == (not found.is_closed)
    assert not ntfs.volume_facts(volume).is_hibernated
    assert (found.hazard("v") is None) == found.is_closed


def test_a_journal_that_was_emptied_is_clean(volume: Path) -> None:
    assert read(volume).state is JournalState.EMPTY
    write_journal(volume, *journals.UNSHUT)
    assert read(volume) == Journal(JournalState.OPEN, (1, 1))
    # ntfsfix -n says what it would do, without the option it empties the journal.
    judges.run("ntfsfix", volume)
    assert read(volume).state is JournalState.EMPTY


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 0x100), st.binary(min_size=1, max_size=8)), max_size=3),
    magic=st.sampled_from([b"", b"RSTR", b"CHKD", b"\xff\xff\xff\xff", b"RCRD"]),
    clean=st.booleans(),
    version=st.sampled_from([(1, 1), (2, 0)]),
)
def test_whatever_is_in_the_pages_libntfs_3g_judges_alike(
    changes: list[tuple[int, bytes]], magic: bytes, clean: bool, version: tuple[int, int], volume: Path
) -> None:
    _, size = journals.log_place(volume)
    page = bytearray(Page(clean=clean, version=version).bytes(size))
    page[: len(magic)] = magic
    for at, data in changes:
        page[at : at + len(data)] = data
    write_journal(volume, bytes(page), bytes(page))
    assert ntfs.volume_facts(volume).has_open_log == (not read(volume).is_closed)


def test_a_journal_of_no_clusters_is_damaged_for_good(volume: Path) -> None:
    # Record 2 of the MFT and of its mirror, whose $DATA is said to have 4096 bytes.
    data = bytearray(volume.read_bytes())
    _, size = journals.log_place(volume)
    sizes = struct.pack("<QQQ", size, size, size)
    for _ in range(data.count(sizes)):
        struct.pack_into("<QQ", data, data.index(sizes) + 8, 4096, 4096)
    volume.write_bytes(data)
    found = read(volume)
    assert (found.state, found.can_be_emptied) == (JournalState.DAMAGED, False)
    assert probed(volume) == UNCLEAN
    before = volume.read_bytes()
    refused(volume, GIVEN_UP, r"has 4096 bytes.*format it")
    assert volume.read_bytes() == before


# ---- giving it up


@pytest.mark.parametrize("version", [(1, 1), (2, 0)], ids=["1.1", "2.0"])
def test_a_journal_that_is_given_up_is_empty_and_the_volume_dirty(version: tuple[int, int], volume: Path) -> None:
    write_journal(volume, *(Page(version=version),) * 2)
    told: list[str] = []
    opening = Opening(discards_journal=True, told=told.append)
    with (
        open_volume(volume, write=True, opening=opening) as opened,
        open_files(opened, write=True) as files,
    ):
        files.write("file", b"contents")
    assert told == [f"{volume}: {state.GIVEN_UP}"]
    assert probed(volume) == CLEAN
    assert is_dirty(volume)
    ntfsfix(volume)
    assert "contents" in ntfscat(volume, "file")


def test_the_mark_is_on_the_medium_before_the_journal_is_touched(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_journal(volume, *journals.UNSHUT)

    class Stopped:
        """libntfs-3g, which stops where it is to empty the journal."""

        def __getattr__(self, name: str) -> object:
            return getattr(lib, name)

        def ntfs_logfile_reset(self, _volume: object) -> int:
            ntfs.ffi.errno = errno.EIO
            return -1

    lib = ntfs.lib
    monkeypatch.setattr(ntfs, "lib", Stopped())
    with (
        open_volume(volume, write=True, opening=GIVEN_UP) as opened,
        opened.sliced(read_only=False) as piece,
        pytest.raises(OSError, match=os.strerror(errno.EIO)),
    ):
        ntfs.give_up_log(piece.name)
    assert is_dirty(volume)
    assert probed(volume) == UNCLEAN


@pytest.mark.parametrize("force", [False, True], ids=["", "force"])
def test_without_leave_a_volume_that_was_not_shut_down_is_left_as_it_is(force: bool, volume: Path) -> None:
    write_journal(volume, *journals.UNSHUT)
    before = volume.read_bytes()
    refused(volume, AS_FOUND, r"not shut down.*shutdown /s /f /t 0", force=force)
    assert volume.read_bytes() == before


def test_what_contradicts_itself_without_its_journal_is_left_as_it_is(volume: Path) -> None:
    with open_volume(volume, write=True) as opened, open_files(opened, write=True) as files:
        files.write("file", b"x" * 100_000)
    # The bitmap, record 6, in which all clusters of the file are free again.
    with volume.open("rb") as stream:
        ntfs_volume = dissect(stream)
        ((cluster, count),) = ntfs_volume.mft.get("file").dataruns()
        ((bitmap, _),) = ntfs_volume.mft.get(6).dataruns()
        at = bitmap * ntfs_volume.cluster_size
    data = bytearray(volume.read_bytes())
    for number in range(cluster, cluster + count):
        data[at + number // 8] &= ~(1 << number % 8) & 0xFF
    volume.write_bytes(data)
    write_journal(volume, *journals.UNSHUT)
    before = volume.read_bytes()
    refused(volume, GIVEN_UP, r"the bitmap calls some of them free")
    assert volume.read_bytes() == before


# ---- reading


def test_reading_tells_of_it_once_and_that_alone(volume: Path) -> None:
    told: list[str] = []
    with open_volume(volume, opening=Opening(told=told.append)) as opened, open_files(opened) as files:
        assert files.list() == []
    assert told == []
    write_journal(volume, *journals.UNSHUT)
    with open_volume(volume, opening=Opening(told=told.append)) as opened, open_files(opened) as files:
        assert files.list() == []
        assert hazards(opened) == tuple(told)
    said = "the volume was not shut down: its journal holds changes that are not in it"
    assert told == [f"{volume}: {said}; files that were written last may be old"]
