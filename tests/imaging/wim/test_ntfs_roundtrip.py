"""What NTFS has and Unix has not survives NTFS volume -> WIM -> NTFS volume.

The source volume is made, and both volumes are read, by the ntfs-3g driver and its extended attributes ("ntfs-3g
Extended Attributes", github.com/tuxera/ntfs-3g/wiki); dissect.ntfs, which shares no code with it, reads the result too.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import judges
import pytest
from commands import osdimage
from judges import NtfsFile
from osdimage.imaging import ApplyResult, CaptureResult, WimFile, capture

pytestmark = pytest.mark.foreign

# ---- security descriptors ([MS-DTYP] 2.4)


def sid(authority: int, *parts: int) -> bytes:
    return struct.pack("<BB6s", 1, len(parts), authority.to_bytes(6, "big")) + b"".join(
        struct.pack("<I", part) for part in parts
    )


ADMINISTRATORS = sid(5, 32, 544)
SYSTEM = sid(5, 18)
EVERYONE = sid(1, 0)
SOMEBODY = sid(5, 21, 1111111111, 2222222222, 3333333333, 1001)
ALLOW, DENY, AUDIT = 0, 1, 2


def ace(kind: int, flags: int, mask: int, who: bytes) -> bytes:
    return struct.pack("<BBHI", kind, flags, 8 + len(who), mask) + who


def acl(*aces: bytes) -> bytes:
    body = b"".join(aces)
    return struct.pack("<BBHHH", 2, 0, 8 + len(body), len(aces), 0) + body


def descriptor(owner: bytes, group: bytes, dacl: bytes | None, *, sacl: bytes | None = None, control: int = 0) -> bytes:
    offset = 20
    offsets = []
    body = b""
    for part in (sacl, dacl, owner, group):
        offsets.append(0 if part is None else offset + len(body))
        body += part or b""
    flags = 0x8000 | control | (0x4 if dacl is not None else 0) | (0x10 if sacl is not None else 0)
    sacl_at, dacl_at, owner_at, group_at = offsets
    return struct.pack("<BBHIIII", 1, 0, flags, owner_at, group_at, sacl_at, dacl_at) + body


OPEN = descriptor(ADMINISTRATORS, SYSTEM, acl(ace(ALLOW, 0, 0x1F01FF, EVERYONE)))
NOBODY = descriptor(ADMINISTRATORS, ADMINISTRATORS, acl())
DENIED = descriptor(
    SOMEBODY,
    SOMEBODY,
    acl(ace(DENY, 0, 0x10000, EVERYONE), ace(ALLOW, 0x10, 0x1200A9, SOMEBODY)),
    control=0x1400,  # protected, auto-inherited
)
AUDITED = descriptor(
    SYSTEM,
    ADMINISTRATORS,
    acl(ace(ALLOW, 0x3, 0x1F01FF, ADMINISTRATORS), ace(ALLOW, 0x3, 0x1200A9, EVERYONE)),
    sacl=acl(ace(AUDIT, 0xC3, 0xD0156, EVERYONE)),
)

# ---- reparse points ([MS-FSCC] 2.1.2)


def mount_point(target: str, shown: str) -> bytes:
    names = target.encode("utf-16-le") + b"\0\0" + shown.encode("utf-16-le") + b"\0\0"
    lengths = (0, 2 * len(target), 2 * len(target) + 2, 2 * len(shown))
    return struct.pack("<IHH4H", 0xA0000003, 8 + len(names), 0, *lengths) + names


def symbolic_link(target: str, shown: str, *, relative: bool) -> bytes:
    names = target.encode("utf-16-le") + shown.encode("utf-16-le")
    lengths = (0, 2 * len(target), 2 * len(target), 2 * len(shown))
    return struct.pack("<IHH4HI", 0xA000000C, 12 + len(names), 0, *lengths, int(relative)) + names


APP_LINK = struct.pack("<IHH", 0x8000001B, 24, 0) + bytes(range(24))
OF_A_THIRD_PARTY = struct.pack("<IHH", 0x00000042, 10, 0) + UUID(int=42).bytes_le + b"0123456789"

READ_ONLY, HIDDEN, SYSTEM_FILE, ARCHIVE, SPARSE, COMPRESSED, NOT_INDEXED = 0x1, 0x2, 0x4, 0x20, 0x200, 0x800, 0x2000


@dataclass(frozen=True, slots=True)
class Item:
    """A file or directory to make on the source volume."""

    contents: bytes | None = b""
    streams: dict[str, bytes] = field(default_factory=dict)
    attributes: int | None = None
    times: tuple[int, int, int] | None = None
    acl: bytes | None = None
    short_name: str | None = None
    reparse: bytes | None = None
    object_id: bytes | None = None
    links: tuple[str, ...] = ()


def a_folder(**rest: object) -> Item:
    return Item(contents=None, **rest)  # type: ignore[arg-type]


LONG_NAME = "ü" * 255
DEEP_FOLDER = "/".join(["deep " * 8 + str(level) for level in range(8)])
ITEMS: dict[str, Item] = {
    "empty": Item(),
    "resident": Item(b"fits in the MFT record"),
    "large": Item(bytes(range(256)) * 4096),
    "Grüße 日本語 \N{GRINNING FACE}": Item(b"unicode"),
    LONG_NAME: Item(b"255 characters, 510 bytes in UTF-8"),
    "open": Item(b"1", acl=OPEN),
    "nobody": Item(b"2", acl=NOBODY),
    "denied": Item(b"3", acl=DENIED),
    "folder audited": a_folder(acl=AUDITED),
    "folder audited/child": Item(b"4", acl=DENIED),
    "streams": Item(
        b"main", {"small": b"resident stream", "large": bytes(range(256)) * 1024, "empty": b"", "Zone.Identifier": b"3"}
    ),
    "no main but a stream": Item(b"", {"only": b"here"}),
    "folder with a stream": a_folder(streams={"note": b"on a directory"}),
    "A long file name.text": Item(b"5", short_name="ALONGF~1.TEX"),
    "A long folder name": a_folder(short_name="ALONGF~2"),
    "A long folder name/and a child.html": Item(b"6", short_name="ANDACH~1.HTM"),
    "linked": Item(b"three names", {"s": b"and a stream"}, links=("A long folder name/second", "third")),
    "read-only": Item(b"7", attributes=READ_ONLY),
    "hidden system": Item(b"8", attributes=HIDDEN | SYSTEM_FILE),
    "archive, not indexed": Item(b"9", attributes=ARCHIVE | NOT_INDEXED),
    "hidden folder": a_folder(attributes=HIDDEN),
    "not archived": Item(b"10", attributes=0),
    "precise": Item(b"11", times=(116444736000000001, 125911584000000002, 131592384000000003)),
    "of 1601 and 9999": Item(b"12", times=(1, 2650467743999999999, 3)),
    "folder of the future": a_folder(times=(150000000000000007, 150000000000000008, 150000000000000009)),
    "junction": a_folder(reparse=mount_point("\\??\\C:\\A long folder name", "C:\\A long folder name")),
    "junction elsewhere": a_folder(reparse=mount_point("\\??\\D:\\elsewhere", "D:\\elsewhere")),
    "relative link": Item(reparse=symbolic_link("resident", "resident", relative=True)),
    "absolute folder link": a_folder(reparse=symbolic_link("\\??\\C:\\Users", "C:\\Users", relative=False)),
    "app link": Item(reparse=APP_LINK),
    "third party": Item(reparse=OF_A_THIRD_PARTY),
    # Names that NTFS allows and the Windows shell does not.
    "a dot at the end.": Item(b"14"),
    "a space at the end ": Item(b"15"),
    'odd ?*<>|"': Item(b"16"),
    "CON": Item(b"17"),
    "tracked": Item(b"13", object_id=UUID("12345678-9abc-def0-1234-56789abcdef0").bytes_le),
    "everything.data": Item(
        b"contents of everything",
        {"a": b"first", "b": b"second"},
        HIDDEN | READ_ONLY | ARCHIVE,
        (127000000000000001, 128000000000000002, 129000000000000003),
        DENIED,
        "EVERYT~1.DAT",
    ),
    DEEP_FOLDER.split("/", maxsplit=1)[0]: a_folder(),
}
STREAMS = {f"/{name}": tuple(item.streams) for name, item in ITEMS.items() if item.streams}
STREAMS |= {f"/{link}": tuple(item.streams) for item in ITEMS.values() if item.streams for link in item.links}
SPARSE_SIZE = 30 << 20


def fill(mount: Path) -> None:
    """Make the items with the driver."""
    for name, item in ITEMS.items():
        path = mount / name
        if item.contents is None:
            path.mkdir()
        else:
            path.write_bytes(item.contents)
    (mount / DEEP_FOLDER).mkdir(parents=True, exist_ok=True)
    (mount / DEEP_FOLDER / "bottom").write_bytes(b"more than 260 characters down")
    with (mount / "sparse").open("wb") as file:
        file.truncate(SPARSE_SIZE)
        file.seek(20 << 20)
        file.write(b"an island")
    (mount / "compressed folder").mkdir()
    os.setxattr(mount / "compressed folder", "system.ntfs_attrib_be", struct.pack(">I", COMPRESSED))
    (mount / "compressed folder" / "text").write_bytes(b"the same line again\n" * 20_000)
    for name, item in ITEMS.items():
        adorn(mount, mount / name, item)
    for name, item in ITEMS.items():
        if item.times is not None:
            os.setxattr(mount / name, "system.ntfs_times_be", struct.pack(">3Q", *item.times), follow_symlinks=False)


def adorn(mount: Path, path: Path, item: Item) -> None:
    """Give a file what NTFS knows of it, except its times: adding links would change them."""
    for stream, data in item.streams.items():
        Path(f"{path}:{stream}").write_bytes(data)
    for attribute, value in (
        ("system.ntfs_dos_name", item.short_name and item.short_name.encode()),
        ("system.ntfs_object_id", item.object_id),
        ("system.ntfs_acl", item.acl),
        ("system.ntfs_reparse_data", item.reparse),
    ):
        if value:
            os.setxattr(path, attribute, value, follow_symlinks=False)
    if item.attributes is not None:
        os.setxattr(path, "system.ntfs_attrib_be", struct.pack(">I", item.attributes), follow_symlinks=False)
    for link in item.links:
        os.link(path, mount / link)


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
    captured = capture(source_volume, folder / "ntfs.wim")
    assert judges.sha1_of(source_volume) == before, "a capture must only read"
    result_volume = judges.make_ntfs(folder / "result.ntfs")
    with WimFile.open(folder / "ntfs.wim") as wim:
        applied = wim.image(1).apply_to(result_volume)
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
    assert (trip.applied.losses, trip.applied.warnings) == ((), ())


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
    entries = {entry["path"]: entry for entry in osdimage("list", trip.wim, "--json").document}
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
    losses = {loss["what"]: loss["count"] for loss in outcome.document["losses"]}
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
    outcome = osdimage("apply", trip.wim, tmp_path / "target", code=1)
    error = outcome.err.splitlines()[-1]
    assert "File name too long" in error
    assert LONG_NAME in error


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
    osdimage("apply", trip.wim, volume, "--force")
    judges.assert_ntfs_clean(volume)
    assert judges.output("ntfscat", volume, "resident") == "fits in the MFT record"


def test_force_applies_to_a_dirty_volume_and_leaves_it_clean(trip: RoundTrip, tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")
    # ntfsfix schedules a check by Windows: it sets the dirty flag.
    judges.run("ntfsfix", volume)
    assert judges.is_dirty(volume)
    osdimage("apply", trip.wim, volume, code=4)
    osdimage("apply", trip.wim, volume, "--force")
    judges.assert_ntfs_clean(volume)


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
