"""NTFS volumes that lie: the reader says so, or reads what is there, in bounded time and memory."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from cases import ntfs_items, ntfs_volumes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging import Geometry, InvalidInput, InvalidVolume
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.volume.ntfs.compress import decompress
from osdimage.imaging.volume.ntfs.read import NtfsVolume
from runs import drawn
from runs.limits import hurried, limited

pytestmark = pytest.mark.foreign

MIB = 1 << 20
CLUSTER, RECORD = 4096, 1024
# Far above what the volume needs, far below what a bomb takes.
MEMORY = 64 * MIB
SECONDS = 20
PIECES = 64


class Bytes(BlockTarget):
    """A volume in memory."""

    def __init__(self, data: bytes | bytearray) -> None:
        super().__init__("bytes", Geometry.of_size(len(data), 512))
        self._data = data

    def flush(self) -> None: ...

    def _read(self, offset_bytes: int, size_bytes: int) -> bytes:
        return bytes(self._data[offset_bytes : offset_bytes + size_bytes])

    def _write(self, offset_bytes: int, data: bytes) -> None:
        raise AssertionError(f"the reader writes {len(data)} bytes at {offset_bytes}")


def read_all(data: bytes | bytearray) -> list[str]:
    """Read everything of a volume, but of each stream only so much: a sparse one may say that it has 8 EiB."""
    volume = NtfsVolume(Bytes(data))
    paths = []
    for entry in volume.entries():
        paths.append(entry.path)
        for stream in entry.streams:
            volume.position(stream)
            for number, _ in enumerate(volume.pieces(stream)):
                if number >= PIECES:
                    break
    return paths


@dataclass(frozen=True, slots=True)
class Sample:
    """A volume that is sound, and where its MFT lies."""

    data: bytes
    mft: int
    records: dict[str, int]

    def record(self, number: int) -> int:
        return self.mft + number * RECORD


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("hostile")
    path = judges.make_ntfs(folder / "volume.ntfs", 6 * MIB, "-c", str(CLUSTER))
    with judges.mounted_ntfs(path, folder / "mount") as mount:
        (mount / "folder").mkdir()
        for number in range(60):
            (mount / "folder" / f"a file with a name of some length {number}").write_bytes(b"%d" % number)
        for number in range(40):
            (mount / f"name {number} of a file with an attribute list").touch()
        (mount / "one").write_bytes(b"one")
        for number in range(40):
            (mount / "folder" / f"another name, number {number}, of the file called one").hardlink_to(mount / "one")
        (mount / "large").write_bytes(bytes(range(256)) * 256)
        (mount / "packed").mkdir()
        os.setxattr(mount / "packed", "system.ntfs_attrib_be", struct.pack(">I", ntfs_volumes.COMPRESSED))
        (mount / "packed" / "text").write_bytes(b"the same line again\n" * 4000)
        ntfs_items.adorn(mount, mount / "large", ntfs_items.ITEMS["streams"])
        ntfs_items.adorn(mount, mount / "folder", ntfs_items.ITEMS["folder audited"])
        (mount / "link").touch()
        ntfs_items.adorn(mount, mount / "link", ntfs_items.ITEMS["relative link"])
    data = path.read_bytes()
    mft = struct.unpack_from("<Q", data, 48)[0] * CLUSTER
    entries = {entry.path: entry.record for entry in NtfsVolume(Bytes(data)).entries()}
    assert len(read_all(data)) == len(entries) > 140
    return Sample(data, mft, entries)


# ---- anything anywhere

_VALUES = st.one_of(
    st.sampled_from([0, 1, 2, 5, 24, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
_CHANGE = st.tuples(st.integers(0, 1 << 30), st.sampled_from([1, 2, 4, 8]), _VALUES)


@drawn.examples(100, 400)
def test_a_changed_volume_is_read_or_refused(sample: Sample, examples: int) -> None:
    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])
    @given(changes=st.lists(_CHANGE, min_size=1, max_size=6), where=st.sampled_from(["boot", "mft", "anywhere"]))
    def check(changes: list[tuple[int, int, int]], where: str) -> None:
        data = bytearray(sample.data)
        begin, size = {
            "boot": (11, 73),
            "mft": (sample.mft, 200 * RECORD),
            "anywhere": (0, len(data) - 8),
        }[where]
        for place, width, value in changes:
            at = begin + place % size
            data[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
        try:
            with hurried(SECONDS), limited(MEMORY):
                read_all(data)
        except InvalidInput as error:
            assert str(error)  # noqa: PT017 - both outcomes are good

    check()


@settings(max_examples=300)
@given(data=st.binary(max_size=5000), size=st.sampled_from([4096, 65536]))
def test_any_compressed_data(data: bytes, size: int) -> None:
    with suppress(InvalidVolume):
        assert len(decompress(data, size)) == size


# ---- lies of one kind


def attribute(data: bytearray, record: int, kind: int) -> int:
    """Return where an attribute of a record begins."""
    at = record + struct.unpack_from("<H", data, record + 20)[0]
    while struct.unpack_from("<I", data, at)[0] != kind:
        assert struct.unpack_from("<I", data, at)[0] != 0xFFFFFFFF
        at += struct.unpack_from("<I", data, at + 4)[0]
    return at


def value_of(data: bytearray, at: int) -> int:
    return at + int(struct.unpack_from("<H", data, at + 20)[0])


def own_child(data: bytearray, sample: Sample) -> None:
    """Let a folder lie in itself: nothing leads to it any more."""
    number = sample.records["/packed"]
    at = value_of(data, attribute(data, sample.record(number), 0x30))
    data[at : at + 6] = number.to_bytes(6, "little")
    data[at + 6 : at + 8] = data[sample.record(number) + 16 : sample.record(number) + 18]


def outside_run(data: bytearray, sample: Sample) -> None:
    at = attribute(data, sample.record(sample.records["/large"]), 0x80)
    runs = at + struct.unpack_from("<H", data, at + 32)[0]
    # The highest byte of the first cluster.
    data[runs + (data[runs] & 15) + (data[runs] >> 4)] = 0x7F


def endless_mft(data: bytearray, sample: Sample) -> None:
    at = attribute(data, sample.record(0), 0x80)
    data[at + 40 : at + 64] = struct.pack("<3Q", 1 << 62, 1 << 62, 1 << 62)


def loop_in_index(data: bytearray, sample: Sample) -> None:
    """Let a node of an index lead to itself."""
    for at in range(0, len(data), CLUSTER):
        # INDEX_NODE: there are nodes below.
        if data[at : at + 4] == b"INDX" and data[at + 36] & 1 and at != sample.mft:
            entry = at + 24 + struct.unpack_from("<I", data, at + 24)[0]
            length = struct.unpack_from("<H", data, entry + 8)[0]
            data[entry + length - 8 : entry + length] = data[at + 16 : at + 24]
            return
    raise AssertionError("no index is deep enough")


def index_block_beyond(data: bytearray, sample: Sample) -> None:
    root = value_of(data, attribute(data, sample.record(sample.records["/folder"]), 0x90))
    end = root + 16 + struct.unpack_from("<I", data, root + 20)[0]
    data[end - 8 : end] = struct.pack("<Q", 1 << 40)


def zero_length_attribute(data: bytearray, sample: Sample) -> None:
    at = attribute(data, sample.record(sample.records["/one"]), 0x10)
    data[at + 4 : at + 8] = bytes(4)


def slash_in_name(data: bytearray, sample: Sample) -> None:
    at = value_of(data, attribute(data, sample.record(sample.records["/large"]), 0x30))
    data[at + 66 : at + 68] = b"/\0"


def two_names_of_a_folder(data: bytearray, sample: Sample) -> None:
    """Say that a file with many names is a folder."""
    data[sample.record(sample.records["/one"]) + 22] |= 2


def no_root(data: bytearray, sample: Sample) -> None:
    data[sample.record(5) + 22] = 0


def unknown_descriptor(data: bytearray, sample: Sample) -> None:
    at = value_of(data, attribute(data, sample.record(sample.records["/folder"]), 0x10))
    data[at + 52 : at + 56] = struct.pack("<I", 0x7FFFFFFF)


def changed_descriptor(data: bytearray, _: Sample) -> None:
    at = data.index(ntfs_items.AUDITED)
    data[at + 30] ^= 1


def record_of_another_place(data: bytearray, sample: Sample) -> None:
    source, target = (sample.record(sample.records[path]) for path in ("/large", "/link"))
    data[target : target + RECORD] = data[source : source + RECORD]


def deleted_from_mft_only(data: bytearray, sample: Sample) -> None:
    data[sample.record(sample.records["/link"]) + 22] = 0


def part_not_there(data: bytearray, sample: Sample) -> None:
    at = attribute(data, sample.record(sample.records["/one"]), 0x20)
    is_mapped = data[at + 8]
    start = value_of(data, at)
    if is_mapped:
        runs = at + struct.unpack_from("<H", data, at + 32)[0]
        width = data[runs] & 15
        start = int.from_bytes(data[runs + 1 + width : runs + 1 + width + (data[runs] >> 4)], "little") * CLUSTER
    data[start + 16 : start + 20] = struct.pack("<I", 3)


def sectors_beyond(data: bytearray, _: Sample) -> None:
    data[40:48] = struct.pack("<Q", 1 << 40)


def bitlocker(data: bytearray, _: Sample) -> None:
    data[3:11] = b"-FVE-FS-"


LIES: dict[Callable[[bytearray, Sample], None], str] = {
    own_child: "does not fit its files: the index alone has 'packed'",
    outside_run: "a run at clusters",
    endless_mft: "impossible size",
    loop_in_index: "twice",
    index_block_beyond: "none at",
    zero_length_attribute: "the attribute at byte",
    slash_in_name: "no file can have",
    two_names_of_a_folder: "has no root|two names",
    no_root: "no root directory",
    unknown_descriptor: "security id",
    changed_descriptor: "does not match its hash",
    record_of_another_place: "another one",
    deleted_from_mft_only: "does not fit its files",
    part_not_there: "which is not there",
    sectors_beyond: "there are only",
    bitlocker: "not an NTFS volume",
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_is_named(sample: Sample, lie: Callable[[bytearray, Sample], None]) -> None:
    data = bytearray(sample.data)
    lie(data, sample)
    with pytest.raises(InvalidVolume, match=LIES[lie]):
        read_all(data)


def test_a_volume_that_is_cut_short(sample: Sample) -> None:
    for size in (512, 4096, CLUSTER * 5, len(sample.data) // 2):
        with pytest.raises(InvalidVolume):
            read_all(sample.data[:size])


def test_damaged_contents_concern_one_file_only(sample: Sample) -> None:
    data = bytearray(sample.data)
    outside_run(data, sample)
    volume = NtfsVolume(Bytes(data))
    entries = {entry.path: entry for entry in volume.entries()}
    assert set(entries) == set(sample.records)
    with pytest.raises(InvalidVolume, match="a run at clusters"):
        list(volume.pieces(entries["/large"].streams[0]))
    assert b"".join(volume.pieces(entries["/one"].streams[0])) == b"one"
