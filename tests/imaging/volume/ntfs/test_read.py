"""The reader of NTFS volumes finds what the ntfs-3g driver and dissect.ntfs find, which share no code with it."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import ntfs_volumes
from cases.ntfs_items import STREAMS, fill
from judges import wim as judges
from judges.wim import NtfsFile
from osdimage.imaging import InvalidVolume
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.units import Extent, Lba
from osdimage.imaging.volume.ntfs.read import NtfsEntry, NtfsStream, NtfsVolume

pytestmark = pytest.mark.foreign


@dataclass(frozen=True, slots=True)
class Read:
    """A volume as this reader reads it: its entries, and the SHA-1 of every stream by path and name."""

    entries: dict[str, NtfsEntry]
    hashes: dict[tuple[str, str], str]
    is_dirty: bool


def read(path: Path) -> Read:
    with open_target(str(path)) as target:
        volume = NtfsVolume(target)
        entries = {entry.path: entry for entry in volume.entries()}
        hashes = {
            (entry.path, stream.name or ""): sha1_of(volume, stream)
            for entry in entries.values()
            for stream in entry.streams
        }
        return Read(entries, hashes, volume.is_dirty)


def sha1_of(volume: NtfsVolume, stream: NtfsStream) -> str:
    digest, size = hashlib.sha1(usedforsecurity=False), 0
    for piece in volume.pieces(stream):
        digest.update(piece)
        size += len(piece)
    assert size == stream.size
    return digest.hexdigest()


def make(path: Path, fill: Callable[[Path], None], size: int, *options: str) -> Path:
    volume = judges.make_ntfs(path / "volume.ntfs", size, *options)
    with judges.mounted_ntfs(volume, path / "mount") as mount:
        fill(mount)
    judges.assert_ntfs_clean(volume)
    return volume


@pytest.fixture(scope="module", params=["512", "1024", "4096", "65536"])
def rich(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a volume with a file of every kind, for each size of cluster."""
    return make(tmp_path_factory.mktemp("rich"), fill, 96 << 20, "-c", request.param)


@pytest.fixture(scope="module")
def ours(rich: Path) -> Read:
    return read(rich)


@pytest.fixture(scope="module")
def theirs(rich: Path) -> dict[str, NtfsFile]:
    with judges.mounted_ntfs(rich, rich.parent / "mount", read_only=True) as mount:
        return judges.read_ntfs(mount, STREAMS)


def test_every_name_is_found(ours: Read, theirs: dict[str, NtfsFile]) -> None:
    assert set(ours.entries) == set(theirs)


def test_contents_and_streams_are_those_of_the_driver(ours: Read, theirs: dict[str, NtfsFile]) -> None:
    for path, expected in theirs.items():
        streams = {name: sha1 for (at, name), sha1 in ours.hashes.items() if at == path and name}
        assert streams == expected.streams, path
        if expected.sha1 is not None:
            assert ours.hashes[path, ""] == expected.sha1, path
            assert next(s.size for s in ours.entries[path].streams if s.name is None) == expected.size, path


def test_contents_and_streams_are_those_of_dissect(ours: Read, rich: Path) -> None:
    theirs = ntfs_volumes.dissect_contents(rich)
    assert len(theirs) > 40
    assert ours.hashes == theirs


def test_attributes(ours: Read, theirs: dict[str, NtfsFile]) -> None:
    # The driver adds the directory's bit, and says NORMAL where there is none.
    found = {
        path: entry.attributes | (0x10 if entry.is_directory else 0) or 0x80 for path, entry in ours.entries.items()
    }
    assert found == {path: item.attributes for path, item in theirs.items()}


def test_times(ours: Read, theirs: dict[str, NtfsFile]) -> None:
    found = {path: (e.created, e.modified, e.accessed, e.changed) for path, e in ours.entries.items()}
    assert found == {path: item.times for path, item in theirs.items()}


def test_security_descriptors(ours: Read, rich: Path) -> None:
    found = {path: entry.security_descriptor for path, entry in ours.entries.items()}
    assert found == judges.ntfs_descriptors(rich)


def test_short_names(ours: Read, theirs: dict[str, NtfsFile]) -> None:
    found = {path: entry.short_name for path, entry in ours.entries.items() if entry.short_name}
    assert found == {path: item.short_name.decode() for path, item in theirs.items() if item.short_name}


def test_reparse_points(ours: Read, theirs: dict[str, NtfsFile]) -> None:
    found = {path: entry.reparse for path, entry in ours.entries.items()}
    assert found == {path: item.reparse for path, item in theirs.items()}
    assert sum(value is not None for value in found.values()) == 6


def test_object_ids(ours: Read, theirs: dict[str, NtfsFile]) -> None:
    found = {path: entry.object_id for path, entry in ours.entries.items() if entry.object_id}
    # The driver shows the three other ids behind it too.
    assert found == {path: item.object_id[:16] for path, item in theirs.items() if item.object_id}
    assert set(found) == {"/tracked"}


def test_hard_links(ours: Read, theirs: dict[str, NtfsFile]) -> None:
    # The driver counts a DOS name as a link.
    links = {path: item.links - (item.short_name is not None and item.links > 1) for path, item in theirs.items()}
    assert {path: entry.links for path, entry in ours.entries.items()} == links
    records = {ours.entries[path].record for path in ("/linked", "/third", "/A long folder name/second")}
    assert len(records) == 1


def test_the_dirty_flag(ours: Read, rich: Path, tmp_path: Path) -> None:
    assert not ours.is_dirty
    copy = tmp_path / "copy.ntfs"
    judges.run("cp", "--sparse=always", rich, copy)
    # ntfsfix schedules a check by Windows: it sets the flag.
    judges.run("ntfsfix", copy)
    assert read(copy).is_dirty


def assert_dissect_reads_the_same(volume: Path) -> Read:
    found = read(volume)
    assert found.hashes == ntfs_volumes.dissect_contents(volume)
    return found


@pytest.mark.parametrize("cluster", ["512", "4096"])
def test_compressed_files(tmp_path: Path, cluster: str) -> None:
    volume = make(tmp_path, ntfs_volumes.fill_with_compression, 64 << 20, "-c", cluster)
    found = assert_dissect_reads_the_same(volume)
    assert len(found.hashes) == 9
    flags = {path: e.streams[0].contents.parts[0].flags & 0xFF for path, e in found.entries.items() if e.streams}
    assert sum(flags.values()) == 9, "the driver did not compress"
    with judges.mounted_ntfs(volume, tmp_path / "mount", read_only=True) as mount:
        for path, _ in found.hashes:
            assert found.hashes[path, ""] == judges.sha1_of(mount / path[1:]), path


@pytest.mark.parametrize("cluster", ["512", "4096"])
def test_attributes_in_several_records(tmp_path: Path, cluster: str) -> None:
    volume = make(tmp_path, ntfs_volumes.fill_with_parts, 64 << 20, "-c", cluster)
    found = assert_dissect_reads_the_same(volume)
    links = [path for path, entry in found.entries.items() if entry.links == ntfs_volumes.LINKS + 1]
    assert len(links) == ntfs_volumes.LINKS + 1
    (islands,) = found.entries["/islands"].streams
    assert len(islands.contents.parts) > 1, "the file is not fragmented enough to test anything"
    assert len(found.entries["/many streams"].streams) == 121
    assert "Record allocated" not in judges.run("ntfsfix", "-n", volume)


@pytest.mark.matrix
@pytest.mark.slow
def test_a_fragmented_mft(tmp_path: Path) -> None:
    from dissect.ntfs import NTFS  # noqa: PLC0415 - a judge
    from dissect.ntfs.c_ntfs import ATTRIBUTE_TYPE_CODE  # noqa: PLC0415 - a judge

    # At this size the runs of the MFT do not fit into its own record.
    volume = make(tmp_path, ntfs_volumes.fill_with_fragments, 24 << 20, "-c", "512")
    with volume.open("rb") as file:
        mft = NTFS(file).mft.get(0)
        assert len(mft.dataruns()) > 50, "the MFT is not fragmented"
        assert ATTRIBUTE_TYPE_CODE.ATTRIBUTE_LIST in mft.attributes
    found = assert_dissect_reads_the_same(volume)
    assert len(found.entries) > 1000
    assert len(found.entries) == len({entry.record for entry in found.entries.values()})


def test_a_volume_that_others_made(tmp_path: Path) -> None:
    packed = judges.corpus() / "fs" / "ul_fs_ntfs.img.xz"
    if not packed.is_file():
        pytest.skip("the corpus has no NTFS volume")
    path = tmp_path / "volume.ntfs"
    path.write_bytes(lzma.decompress(packed.read_bytes()))
    found = read(path)
    assert set(found.entries) == {"/"}
    assert found.entries["/"].security_descriptor == judges.ntfs_descriptors(path)["/"]


def test_a_volume_in_the_middle_of_a_disk(tmp_path: Path, rich: Path) -> None:
    disk = tmp_path / "disk.img"
    sectors = rich.stat().st_size // 512
    with create_image(str(disk), (sectors + 5000) * 512):
        pass
    judges.run("dd", f"if={rich}", f"of={disk}", "bs=512", "seek=2048", "conv=notrunc,sparse", "status=none")
    with open_target(str(disk)) as target:
        window = target.window(Extent(Lba(2048), sectors))
        found = {entry.path: entry.record for entry in NtfsVolume(window).entries()}
        assert found == {path: entry.record for path, entry in read(rich).entries.items()}
        with pytest.raises(InvalidVolume, match="there are only"):
            NtfsVolume(target.window(Extent(Lba(2048), sectors - 100)))
        with pytest.raises(InvalidVolume, match="not an NTFS volume"):
            NtfsVolume(target.window(Extent(Lba(0), sectors)))
