"""What NTFS has and Unix has not survives NTFS volume -> WIM -> NTFS volume.

The source volume is made, and both volumes are read, by the ntfs-3g driver and its extended attributes ("ntfs-3g
Extended Attributes", github.com/tuxera/ntfs-3g/wiki); dissect.ntfs, which shares no code with it, reads the result too.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases.ntfs_items import (
    ARCHIVE,
    DENIED,
    HIDDEN,
    ITEMS,
    LONG_NAME,
    NOT_INDEXED,
    READ_ONLY,
    STREAMS,
    SYSTEM_FILE,
    fill,
)
from judges import wim as judges
from judges.wim import NtfsFile
from osdimage.imaging import WimFile, capture_image
from osdimage.imaging.apply import ApplyResult
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.capture import CaptureResult
from runs.commands import osdimage

pytestmark = pytest.mark.foreign


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Both volumes as the judges read them, and what the library said."""

    source: dict[str, NtfsFile]
    result: dict[str, NtfsFile]
    volume: Path
    wim: Path
    captured: CaptureResult
    applied: ApplyResult
    result_volume: Path
    allocated: tuple[int, int]
    source_descriptors: dict[str, bytes]


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> RoundTrip:
    folder = tmp_path_factory.mktemp("ntfs")
    source_volume = judges.make_ntfs(folder / "source.ntfs")
    with judges.mounted_ntfs(source_volume, folder / "mount") as mount:
        fill(mount)
    judges.assert_ntfs_clean(source_volume)
    with judges.mounted_ntfs(source_volume, folder / "mount", read_only=True) as mount:
        source = judges.read_ntfs(mount, STREAMS)
        source_blocks = (mount / "sparse").stat().st_blocks
    before = judges.sha1_of(source_volume)
    captured = capture_image(source_volume, folder / "ntfs.wim")
    assert judges.sha1_of(source_volume) == before, "a capture must only read"
    result_volume = judges.make_ntfs(folder / "result.ntfs")
    with WimFile.open(folder / "ntfs.wim") as wim:
        applied = apply_image(wim.image(1), result_volume)
    with judges.mounted_ntfs(result_volume, folder / "mount", read_only=True) as mount:
        result = judges.read_ntfs(mount, STREAMS)
        result_blocks = (mount / "sparse").stat().st_blocks
    return RoundTrip(
        source,
        result,
        source_volume,
        folder / "ntfs.wim",
        captured,
        applied,
        result_volume,
        (source_blocks, result_blocks),
        judges.ntfs_descriptors(source_volume),
    )


def test_the_source_holds_what_this_module_means_to_test(trip: RoundTrip) -> None:
    for name, item in ITEMS.items():
        found = trip.source[f"/{name}"]
        if item.acl is not None:
            assert trip.source_descriptors[f"/{name}"] == item.acl, name
        if item.times is not None:
            assert found.times[:3] == item.times, name
        if item.short_name is not None:
            assert found.short_name == item.short_name.encode(), name
        if item.reparse is not None:
            assert found.reparse == item.reparse, name
        if item.object_id is not None:
            assert found.object_id is not None, name
        if item.attributes is not None:
            kept = READ_ONLY | HIDDEN | SYSTEM_FILE | ARCHIVE | NOT_INDEXED
            assert found.attributes & kept == item.attributes, name
        assert set(found.streams) == set(item.streams), name


def test_no_path_is_lost_or_added(trip: RoundTrip) -> None:
    assert set(trip.result) == set(trip.source)


def test_contents_and_streams(trip: RoundTrip) -> None:
    for path, expected in trip.source.items():
        found = trip.result[path]
        assert (found.size, found.sha1, found.streams) == (expected.size, expected.sha1, expected.streams), path


def test_security_descriptors(trip: RoundTrip) -> None:
    assert trip.source_descriptors["/denied"] == DENIED
    assert judges.ntfs_descriptors(trip.result_volume) == trip.source_descriptors


def test_security_descriptors_as_the_driver_shows_them(trip: RoundTrip) -> None:
    assert {path: item.acl for path, item in trip.result.items()} == {
        path: item.acl for path, item in trip.source.items()
    }


def test_short_names(trip: RoundTrip) -> None:
    assert {path: item.short_name for path, item in trip.result.items()} == {
        path: item.short_name for path, item in trip.source.items()
    }


def test_reparse_points(trip: RoundTrip) -> None:
    assert {path: item.reparse for path, item in trip.result.items()} == {
        path: item.reparse for path, item in trip.source.items()
    }


def test_attributes(trip: RoundTrip) -> None:
    assert {path: hex(item.attributes) for path, item in trip.result.items()} == {
        path: hex(item.attributes) for path, item in trip.source.items()
    }


def test_times_to_100_nanoseconds(trip: RoundTrip) -> None:
    # Creation, last write, last access.  The fourth, of the MFT record, has no place in a WIM.
    assert {path: item.times[:3] for path, item in trip.result.items()} == {
        path: item.times[:3] for path, item in trip.source.items()
    }


def test_object_ids(trip: RoundTrip) -> None:
    assert {path: item.object_id for path, item in trip.result.items()} == {
        path: item.object_id for path, item in trip.source.items()
    }


def test_hard_links(trip: RoundTrip) -> None:
    assert {path: item.links for path, item in trip.result.items()} == {
        path: item.links for path, item in trip.source.items()
    }
    assert trip.result["/linked"].links == 3


def test_a_hole_stays_a_hole(trip: RoundTrip) -> None:
    before, after = trip.allocated
    assert before * 512 < 1 << 20
    assert after * 512 < 1 << 20


def test_the_volume_is_left_clean(trip: RoundTrip) -> None:
    judges.assert_ntfs_clean(trip.result_volume)
    assert not judges.is_dirty(trip.result_volume)


def test_nothing_is_reported_lost(trip: RoundTrip) -> None:
    assert (trip.captured.losses, trip.captured.warnings) == ((), ())
    # Stored and applied, and told all the same: Windows cannot open them.
    assert {(loss.kind, loss.examples) for loss in trip.captured.odd_names} == {
        ("name-character", ('/odd ?*<>|"',)),
        ("name-end", ("/a dot at the end.", "/a space at the end ")),
        ("name-device", ("/CON",)),
    }
    assert (trip.applied.losses, trip.applied.warnings) == ((), ())


def test_a_capture_counts_as_wimlib_does(trip: RoundTrip) -> None:
    theirs = judges.wimlib_info(trip.wim).images[0]
    assert trip.captured.directories == int(theirs["Directory Count"])
    assert trip.captured.files == int(theirs["File Count"])
    assert trip.captured.size == int(theirs["Total Bytes"]) - int(theirs["Hard Link Bytes"])


def test_dissect_reads_the_same_contents_and_streams(trip: RoundTrip) -> None:
    from dissect.ntfs import NTFS  # noqa: PLC0415 - a judge
    from dissect.ntfs.c_ntfs import ATTRIBUTE_TYPE_CODE  # noqa: PLC0415

    with trip.result_volume.open("rb") as file:
        volume = NTFS(file)
        for name, item in ITEMS.items():
            if item.reparse is not None:
                continue
            record = volume.mft.get(name.replace("/", "\\"))
            streams = {
                attribute.name: record.open(attribute.name).read()
                for attribute in record.attributes.get(ATTRIBUTE_TYPE_CODE.DATA, [])
            }
            main = streams.pop("", b"")
            assert main == (item.contents or b""), name
            assert streams == item.streams, name


def test_a_listing_tells_what_the_driver_tells(trip: RoundTrip) -> None:
    entries = {entry["path"]: entry for entry in osdimage("list", trip.wim, "--json").document["entries"]}
    assert set(entries) == set(trip.source)
    for path, expected in trip.source.items():
        entry = entries[path]
        assert (entry["short_name"] or "").encode() == (expected.short_name or b""), path
        assert bytes.fromhex(entry["security_descriptor"]) == trip.source_descriptors[path], path
        # The driver counts a short name as a link of its own.
        assert entry["links"] == expected.links - (expected.short_name is not None and expected.size is not None), path
        if expected.reparse is not None:
            tag = struct.unpack_from("<I", expected.reparse)[0]
            assert entry["reparse_tag"] == f"{tag:#010x}", path
        else:
            assert entry["reparse_tag"] is None, path
        if expected.size:
            assert (entry["streams"][0]["size"], entry["streams"][0]["sha1"]) == (expected.size, expected.sha1), path
        named = {stream["name"]: stream["sha1"] for stream in entry["streams"] if stream["name"] is not None}
        empty = hashlib.sha1(usedforsecurity=False).hexdigest()
        assert {name: sha1 or empty for name, sha1 in named.items()} == expected.streams, path


def test_applying_to_a_directory_counts_every_class_of_loss(trip: RoundTrip, tmp_path: Path) -> None:
    short = tmp_path / "short.wim"
    osdimage("capture", trip.volume, short, "--exclude", LONG_NAME)
    outcome = osdimage("apply", short, tmp_path / "target", "--json")
    losses = {loss["what"]: loss["count"] for loss in outcome.applied["losses"]}
    # By path: a file with three names loses its stream three times.
    assert losses["named data streams not kept"] == sum(
        len(item.streams) * (1 + len(item.links)) for item in ITEMS.values()
    )
    assert losses["short names not kept"] == sum(item.short_name is not None for item in ITEMS.values())
    assert losses["reparse points other than links not kept"] == 2
    assert losses["object ids not kept"] == 1
    assert losses["security descriptors not kept"] > 0
    for what, count in losses.items():
        assert f"{what}: {count}" in outcome.warnings
    osdimage("apply", short, tmp_path / "strict", "--strict", code=1)


def test_a_name_too_long_for_the_directory_is_named(trip: RoundTrip, tmp_path: Path) -> None:
    # Linux file systems allow 255 bytes, NTFS 255 characters.
    outcome = osdimage("apply", trip.wim, tmp_path / "target", code=4)
    error = outcome.err.splitlines()[-1]
    assert "the file system holds 255" in error
    assert LONG_NAME in error
    assert not (tmp_path / "target").exists()


def test_an_apply_that_fails_leaves_the_volume_dirty(trip: RoundTrip, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.wim"
    contents = bytearray(trip.wim.read_bytes())
    # The first blob begins behind the header; its compressed bytes are no longer what they were.
    contents[208:400] = bytes(192)
    damaged.write_bytes(contents)
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    outcome = osdimage("apply", damaged, volume, code=3)
    assert "stays marked dirty" in outcome.err
    assert judges.is_dirty(volume)
    refused = osdimage("apply", trip.wim, volume, code=4)
    assert "dirty" in refused.err
    osdimage("apply", trip.wim, volume, "--force", "--wipe", "--yes")
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "resident") == "fits in the MFT record"


def test_force_applies_to_a_dirty_volume_and_leaves_the_check_to_windows(trip: RoundTrip, tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    # ntfsfix schedules a check by Windows: it sets the dirty flag.
    judges.run("ntfsfix", volume)
    assert judges.is_dirty(volume)
    osdimage("apply", trip.wim, volume, code=4)
    osdimage("apply", trip.wim, volume, "--force")
    assert "processed successfully" in judges.run("ntfsfix", "-n", volume)
    assert judges.is_dirty(volume)


@pytest.mark.parametrize("name", ["resident", "RESIDENT", LONG_NAME.upper()])
def test_a_file_of_the_image_replaces_what_has_its_name(trip: RoundTrip, tmp_path: Path, name: str) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        (mount / name).write_bytes(b"older than the image")
    osdimage("apply", trip.wim, volume)
    judges.assert_ntfs_clean(volume)
    theirs = LONG_NAME if name == LONG_NAME.upper() else "resident"
    with judges.mounted_ntfs(volume, tmp_path / "mount", read_only=True) as mount:
        assert [path.name for path in mount.iterdir() if path.name.lower() == name.lower()] == [theirs]
        assert (mount / theirs).read_bytes() != b"older than the image"


def test_a_folder_of_the_image_is_joined_with_what_has_its_name(trip: RoundTrip, tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        (mount / "a LONG folder name" / "below").mkdir(parents=True)
        (mount / "a LONG folder name" / "below" / "kept").write_bytes(b"was here before")
    osdimage("apply", trip.wim, volume)
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "A long folder name/below/kept") == "was here before"
    assert judges.output("ntfscat", volume, "resident") == "fits in the MFT record"


def test_what_is_on_the_volume_stays(trip: RoundTrip, tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    with judges.mounted_ntfs(volume, tmp_path / "mount") as mount:
        (mount / "kept").write_bytes(b"was here before")
    osdimage("apply", trip.wim, volume)
    assert judges.output("ntfscat", volume, "kept") == "was here before"
    assert judges.output("ntfscat", volume, "resident") == "fits in the MFT record"


def test_names_that_differ_only_in_case(tmp_path: Path) -> None:
    names = {"Folder": None, "Folder/Name": b"1", "Folder/name": b"2", "folder": None, "folder/NAME": b"3"}
    source = judges.make_ntfs(tmp_path / "source.ntfs")
    with judges.mounted_ntfs(source, tmp_path / "mount") as mount:
        for name, contents in names.items():
            (mount / name).mkdir() if contents is None else (mount / name).write_bytes(contents)
        expected = judges.read_ntfs(mount, {})
    osdimage("capture", source, tmp_path / "x.wim")
    result = judges.make_ntfs(tmp_path / "result.ntfs")
    osdimage("apply", tmp_path / "x.wim", result)
    with judges.mounted_ntfs(result, tmp_path / "mount", read_only=True) as mount:
        found = judges.read_ntfs(mount, {})
    assert {path: item.sha1 for path, item in found.items()} == {path: item.sha1 for path, item in expected.items()}
    assert set(found) == {"/", *(f"/{name}" for name in names)}


@pytest.mark.parametrize("cluster", ["512", "4096", "65536"])
def test_every_cluster_size(trip: RoundTrip, tmp_path: Path, cluster: str) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs", 96 << 20, "-c", cluster)
    osdimage("apply", trip.wim, volume)
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "resident") == "fits in the MFT record"
