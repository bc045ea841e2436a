"""Volumes that others made have no fault, and what is counted of them is what their own programs count."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from cases.ntfs_patient import Bytes, Patient
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.progress import Phase, ProgressEvent
from osdimage.imaging.units import Extent, Lba
from osdimage.imaging.volume import NtfsCheckOptions, NtfsFormat, NtfsReport, check_ntfs, format_ntfs

pytestmark = pytest.mark.foreign
MIB = 1 << 20


def check(path: Path, *, is_fresh: bool = False) -> NtfsReport:
    with open_target(str(path)) as target:
        return check_ntfs(target, NtfsCheckOptions(is_fresh=is_fresh))


@pytest.mark.parametrize(("cluster", "sector", "size"), [
    (512, 512, 4), (1024, 512, 4), (2048, 1024, 4), (4096, 4096, 8), (8192, 512, 8), (65536, 512, 32),
    (2 * MIB, 512, 8192), (4096, 512, 3000),
])  # fmt: skip
def test_what_mkntfs_makes(cluster: int, sector: int, size: int, tmp_path: Path) -> None:
    path = judges.make_ntfs(tmp_path / "v", size * MIB, "-c", str(cluster), "-s", str(sector), "-p0", "-H0", "-S0")
    report = check(path)
    assert report.counts == {}
    assert report.clusters == int(ntfs_judges.ntfsinfo(path)["Volume Size in Clusters"])


@pytest.mark.parametrize("cluster", [None, 512, 65536])
def test_what_we_make_is_right_in_its_copies_too(cluster: int | None, tmp_path: Path) -> None:
    with create_image(str(tmp_path / "v"), 32 * MIB) as target:
        format_ntfs(
            target, Extent(Lba(0), target.geometry.sectors), NtfsFormat("Fresh", cluster, serial=1, is_zero=True)
        )
    assert check(tmp_path / "v", is_fresh=True).counts == {}


@pytest.fixture
def saved(healthy: Patient, tmp_path: Path) -> Path:
    path = tmp_path / "volume.ntfs"
    path.write_bytes(healthy.data)
    return path


def test_clusters_are_counted_as_ntfsinfo_counts_them(healthy: Patient, saved: Path) -> None:
    facts = ntfs_judges.ntfsinfo(saved)
    report = check_ntfs(Bytes(healthy.data))
    assert report.clusters == int(facts["Volume Size in Clusters"])
    assert report.clusters - report.used == int(facts["Free Clusters"].split()[0])


def test_records_are_counted_as_dissect_counts_them(healthy: Patient, saved: Path) -> None:
    report = check_ntfs(Bytes(healthy.data))
    with saved.open("rb") as stream:
        volume = ntfs_judges.dissect(stream)
        segments = [each for each in volume.mft.segments() if each.header.Flags & 1]
    base = [each for each in segments if not each.header.BaseFileRecordSegment.SegmentNumberLowPart]
    assert (report.records, report.files) == (len(segments), len(base))
    assert report.directories == sum(bool(each.header.Flags & 2) for each in base)


def test_descriptors_of_which_ntfssecaudit_says_the_same(healthy: Patient, saved: Path) -> None:
    said = judges.output("ntfssecaudit", "-a", "-v", saved, code=None)
    assert "All keys are present in all lists" in said
    # Of the stream it says nothing that can be relied on: it goes on behind the end, in what is left of its buffer.
    assert {"0 errors in $SII", "0 errors in $SDH"} <= set(said.splitlines())
    assert check_ntfs(Bytes(healthy.data)).is_sound


def test_a_volume_of_which_others_changed_files_is_sound(saved: Path, tmp_path: Path) -> None:
    with judges.mounted_ntfs(saved, tmp_path / "mount") as mount:
        (mount / "new folder").mkdir()
        for number in range(200):
            (mount / "new folder" / f"{number} of many files").write_bytes(b"x" * number)
        for number in range(0, 60, 2):
            (mount / "folder" / f"a file with a name of some length {number}").unlink()
        (mount / "large").rename(mount / "new folder" / "large")
    report = check(saved)
    assert report.counts == {}
    assert ntfs_judges.ntfsfix(saved)


@pytest.mark.parametrize("name", ["fs/ul_fs_ntfs.img.xz", "reports/links/links.ntfs.xz"])
def test_volumes_of_the_corpus(name: str, tmp_path: Path) -> None:
    found = judges.corpus() / name
    if not found.exists():
        pytest.skip(f"the corpus has no {name}")
    (tmp_path / "v").write_bytes(lzma.decompress(found.read_bytes()))
    assert check(tmp_path / "v").counts == {}


def test_progress_goes_over_records_and_directories(healthy: Patient) -> None:
    events: list[ProgressEvent] = []
    check_ntfs(Bytes(healthy.data), progress=events.append)
    assert {each.phase for each in events} == {Phase.SCAN, Phase.READ}
    assert [each.percent for each in events] == sorted(each.percent for each in events)
    assert events[-1].percent == 100
