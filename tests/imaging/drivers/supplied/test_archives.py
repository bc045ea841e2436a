"""Driver files in archives that others made: read as they are, and refused where they are not safe."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import pe
from hypothesis import given
from hypothesis import strategies as st
from judges import archives as judges
from judges.disc import make
from osdimage.imaging.drivers import SupplyLimits, open_supply
from osdimage.imaging.drivers.supplied import programs
from osdimage.imaging.drivers.supplied.members import Member, refuse_bomb, refuse_unsafe
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError
from osdimage.imaging.units import MIB

FILES = {
    "net.inf": b"; an INF",
    "AMD64/Net.sys": b"driver" * 1000,
    "AMD64/empty.dll": b"",
}


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, contents in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(contents)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("files") / "files", FILES)


def zipped(archive: Path, folder: Path) -> Path:
    return judges.seven_zip(archive.with_suffix(".zip"), folder)


def deflate64(archive: Path, folder: Path) -> Path:
    """Return a ZIP as Explorer makes those of large files."""
    return judges.seven_zip(archive.with_suffix(".zip"), folder, "-mm=Deflate64")


def behind_a_program(make: Callable[[Path, Path], Path], archive: Path, folder: Path) -> Path:
    made = make(archive.with_suffix(".7z"), folder)
    program = archive.with_suffix(".exe")
    # Signed ones have something behind the archive, too.
    program.write_bytes(pe.driver(tail=made.read_bytes() + bytes(8)))
    return program


def within_a_program(archive: Path, folder: Path) -> Path:
    """Return a program as IExpress makes them: the cabinet is one of its resources, and not behind it."""
    cabinet = judges.cabinet(archive.with_suffix(".cab"), folder)
    program = archive.with_suffix(".exe")
    program.write_bytes(pe.driver(contents=bytes(64) + cabinet.read_bytes() + bytes(100)))
    return program


MAKERS: dict[str, Callable[[Path, Path], Path]] = {
    "zip": zipped,
    "zip-deflate64": deflate64,
    "7z": lambda archive, folder: judges.seven_zip(archive.with_suffix(".7z"), folder),
    "cab": lambda archive, folder: judges.cabinet(archive.with_suffix(".cab"), folder),
    "msi": lambda archive, folder: judges.installer(archive.with_suffix(".msi"), folder),
    "exe-of-zip": lambda archive, folder: behind_a_program(zipped, archive, folder),
    "exe-of-7z": lambda archive, folder: behind_a_program(judges.seven_zip, archive, folder),
    "exe-of-cab": lambda archive, folder: behind_a_program(judges.cabinet, archive, folder),
    "exe-around-cab": within_a_program,
}


@pytest.mark.foreign
@pytest.mark.parametrize("kind", MAKERS)
def test_an_archive_has_the_files_that_were_put_in(tmp_path: Path, folder: Path, kind: str) -> None:
    archive = MAKERS[kind](tmp_path / "drivers", folder)
    with open_supply(archive) as supply:
        found = {each.path: supply.files.read(each.path) for each in supply.files.walk() if not each.is_directory}
        assert found == FILES
        assert supply.files.read(r"amd64\NET.SYS") == FILES["AMD64/Net.sys"]
        assert supply.files.find("amd64/none") is None
        assert [each.path for each in supply.files.list("AMD64")] == ["AMD64/Net.sys", "AMD64/empty.dll"]
        with pytest.raises(InvalidRequest, match=r"no directory 'net.inf'"):
            supply.files.list("net.inf")
    with open_supply(f"{archive}!amd64") as supply:
        assert supply.folder == "amd64"
    with open_supply(f"{archive}!net.INF") as supply:
        assert (supply.folder, supply.is_inf) == ("net.INF", True)


@pytest.mark.foreign
def test_what_was_extracted_is_gone_afterwards(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = judges.seven_zip(tmp_path / "drivers.7z", folder)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    with open_supply(archive):
        assert len(list((tmp_path / "scratch").rglob("Net.sys"))) == 1
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.foreign
@pytest.mark.parametrize("kind", ["zip", "7z", "cab", "exe-of-7z"])
def test_archives_in_an_archive_without_an_inf_are_folders_once(tmp_path: Path, folder: Path, kind: str) -> None:
    files = tmp_path / "files"
    files.mkdir()
    twice = write_files(tmp_path / "twice", {"a/x": b"x"})
    judges.seven_zip(tmp_path / "twice" / "third.7z", folder)
    # An autorun.inf is none of a driver.
    write_files(files, {"setup.exe": pe.driver(), "readme.txt": b"read me", "Autorun.inf": b"[autorun]\r\n"})
    (files / "Net").mkdir()
    MAKERS[kind](files / "Net" / "Inner", folder)
    judges.seven_zip(files / "twice.zip", twice)
    (inner,) = (each.name for each in (files / "Net").iterdir() if each.name != "Inner.7z" or kind == "7z")
    for name in ("outer.zip", "outer.7z"):
        with open_supply(judges.seven_zip(tmp_path / name, files)) as supply:
            assert supply.files.read(f"net/{inner.lower()}/amd64/net.sys") == FILES["AMD64/Net.sys"]
            assert [each.path for each in supply.files.list(f"Net/{inner}")] == [
                f"Net/{inner}/AMD64",
                f"Net/{inner}/net.inf",
            ]
            assert supply.files.read("twice.zip/a/x") == b"x"
            # Twice is not looked into, and a program that holds nothing stays one.
            assert not supply.files.find("twice.zip/third.7z").is_directory
            assert not supply.files.find("setup.exe").is_directory
            assert {each.path: each.is_directory for each in supply.files.list("Net")}[f"Net/{inner}"]


@pytest.mark.foreign
def test_an_archive_beside_an_inf_stays_a_file(tmp_path: Path, folder: Path) -> None:
    files = write_files(tmp_path / "files", FILES)
    judges.seven_zip(files / "tools.zip", folder)
    with open_supply(judges.seven_zip(tmp_path / "outer.zip", files)) as supply:
        assert not supply.files.find("tools.zip").is_directory


@pytest.mark.foreign
def test_an_archive_on_a_disc_is_opened(tmp_path: Path, folder: Path) -> None:
    files = tmp_path / "disc"
    files.mkdir()
    judges.seven_zip(files / "net.zip", folder)
    iso = make("genisoimage", tmp_path / "drivers.iso", files, "-J", "-R")
    with open_supply(f"{iso}!NET.zip") as supply:
        assert supply.files.read("amd64/net.sys") == FILES["AMD64/Net.sys"]


@pytest.mark.foreign
def test_a_program_that_holds_no_archive_is_refused_and_not_run(tmp_path: Path) -> None:
    setup = tmp_path / "setup.exe"
    for contents in (pe.driver(), b"MZ" + bytes(100)):
        setup.write_bytes(contents)
        with pytest.raises(InvalidInput, match=r"setup.exe: is a program, and holds no archive; extract it on Windows"):
            open_supply(setup).__enter__()


@pytest.mark.foreign
@pytest.mark.parametrize("kind", ["zip", "7z"])
def test_a_link_in_an_archive_is_refused(tmp_path: Path, kind: str) -> None:
    folder = write_files(tmp_path / "files", FILES)
    (folder / "link.sys").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput, match=r"'link.sys' is a link or a device; valid are plain files"):
        open_supply(MAKERS[kind](tmp_path / "drivers", folder)).__enter__()


@pytest.mark.foreign
@pytest.mark.parametrize("options", [("-psecret",), ("-psecret", "-mhe=on")], ids=["files", "names"])
def test_an_encrypted_archive_says_so_and_waits_for_nobody(
    tmp_path: Path, folder: Path, options: tuple[str, ...]
) -> None:
    archive = judges.seven_zip(tmp_path / "drivers.7z", folder, *options)
    with pytest.raises(InvalidInput, match="encrypted"):
        open_supply(archive).__enter__()


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("..\\vil.sys", "leads out of the archive with '..'"),
        ("/etc\\vil", "has an absolute path"),
        ("\\etc\\vil", "has an absolute path"),
        ("C:\\v\\vil", "has a ':' in its path"),
    ],
)
def test_a_cabinet_with_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str, told: str) -> None:
    folder = write_files(tmp_path / "files", {"a" * len(name): b"evil"})
    cabinet = judges.cabinet(tmp_path / "evil.cab", folder)
    data = cabinet.read_bytes()
    assert data.count(b"a" * len(name)) == 1
    cabinet.write_bytes(data.replace(b"a" * len(name), name.encode()))
    with pytest.raises(InvalidInput, match=r"evil.cab: ") as raised:
        open_supply(cabinet).__enter__()
    assert told in str(raised.value)


@pytest.mark.foreign
@pytest.mark.parametrize("name", ["7zz", "cabextract"])
def test_a_cabinet_is_extracted_by_either_program_and_a_missing_one_is_named(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    archive = judges.cabinet(tmp_path / "drivers.cab", folder)
    found = programs.find_program
    monkeypatch.setattr(programs, "find_program", lambda *names: found(name) if name in names else None)
    with open_supply(archive) as supply:
        assert supply.files.read("amd64/net.sys") == FILES["AMD64/Net.sys"]
    monkeypatch.setattr(programs, "find_program", lambda *_: None)
    with pytest.raises(OsdImageError, match=r"drivers.cab: extracting a cabinet needs 7zz, which is not installed"):
        open_supply(archive).__enter__()


@pytest.mark.foreign
def test_a_damaged_archive_says_so(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "files", {"net.inf": os.urandom(5000)})
    for kind in ("zip", "7z", "cab"):
        archive = MAKERS[kind](tmp_path / "drivers", folder)
        data = bytearray(archive.read_bytes())
        data[1000:1100] = bytes(100)
        archive.write_bytes(data)
        with pytest.raises(InvalidInput, match=r"damaged|cannot be extracted"), open_supply(archive) as supply:
            supply.files.read("net.inf")
        archive.write_bytes(data[:2000])
        with pytest.raises(InvalidInput):
            open_supply(archive).__enter__()


# ---- hostile ZIPs


def hostile_zip(path: Path, entries: list[zipfile.ZipInfo]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in entries:
            archive.writestr(each, b"evil")
    return path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../evil.sys", "leads out of the archive"),
        ("a/../../evil.sys", "leads out of the archive"),
        (r"a\..\..\evil.sys", "leads out of the archive"),
        ("/etc/passwd", "has an absolute path"),
        (r"\\server\share\x", "has an absolute path"),
        ("c:/windows/x.sys", "has a ':' in its path"),
        ("net.inf:stream", "has a ':' in its path"),
        ("a\nb.sys", "has a control character in its name"),
        ("x/" * 70 + "x.sys", "is more than 64 folders deep"),
        ("x" * 5000, "has a path of 5000 characters"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str, told: str) -> None:
    archive = hostile_zip(tmp_path / "evil.zip", [zipfile.ZipInfo(name)])
    with pytest.raises(InvalidInput, match=r"evil.zip: ") as raised:
        open_supply(archive).__enter__()
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_nul_in_a_name_hides_nothing(tmp_path: Path) -> None:
    archive = hostile_zip(tmp_path / "evil.zip", [zipfile.ZipInfo("net.infX.exe")])
    archive.write_bytes(archive.read_bytes().replace(b"net.infX.exe", b"net.inf\0.exe"))
    with pytest.raises(InvalidInput, match=r"'net.inf\\x00.exe' has a control character"):
        open_supply(archive).__enter__()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("net.inf", "NET.inf"), "holds 'NET.inf' twice"),
        (("a/net.inf", "a/./net.inf"), "holds 'a/net.inf' twice"),
        (("net.inf", "Net.INF/x"), "holds 'net.inf' as a file and as a folder"),
        (("net.inf", "net.inf/"), "holds 'net.inf' twice"),
    ],
)
def test_two_members_of_one_path_are_refused(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    archive = hostile_zip(tmp_path / "evil.zip", [zipfile.ZipInfo(each) for each in names])
    with pytest.raises(InvalidInput) as raised:
        open_supply(archive).__enter__()
    assert told in str(raised.value)


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """As of D. Fifield's bomb: every entry of the directory leads to the same compressed bytes."""
    data = zlib.compress(bytes(1 << 20), wbits=-15)
    local = struct.pack(
        "<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, zlib.crc32(bytes(1 << 20)), len(data), 1 << 20, 5, 0
    )
    body = local + b"a.inf" + data
    directory = b"".join(
        struct.pack(
            "<IHHHHHHIIIHHHHHII",
            *(0x02014B50, 20, 20, 0, 8, 0, 0, zlib.crc32(bytes(1 << 20)), len(data), 1 << 20, 5, 0, 0, 0, 0, 0, 0),
        )
        + b"%c.inf" % letter
        for letter in b"abc"
    )
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 3, 3, len(directory), len(body), 0)
    archive = tmp_path / "bomb.zip"
    archive.write_bytes(body + directory + end)
    with pytest.raises(InvalidInput, match=r"bomb.zip: 'b.inf' lies within another member"):
        open_supply(archive).__enter__()


def test_a_bomb_is_refused_by_its_ratio_its_size_and_its_count(tmp_path: Path) -> None:
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(5):
            made.writestr(f"{number}.inf", bytes(20 * MIB))
    with pytest.raises(
        InvalidInput,
        match=r"would become 100 MB, more than 300 times its size; where that is meant, extract it yourself",
    ):
        open_supply(archive).__enter__()
    with open_supply(archive, limits=SupplyLimits(ratio=2000)) as supply:
        assert supply.files.find("4.inf").size == 20 * MIB
    with pytest.raises(InvalidInput, match=r"above the limit of 99\.0 MB; where that is meant, extract it yourself"):
        open_supply(archive, limits=SupplyLimits(total_bytes=99 * MIB)).__enter__()
    with pytest.raises(InvalidInput, match=r"more than 4 files and folders; where that is meant, extract it yourself"):
        open_supply(archive, limits=SupplyLimits(members=4)).__enter__()


def test_archives_within_an_archive_are_counted_together(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as made:
            for number in range(3):
                made.writestr(f"{number}.inf", b"")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as outer:
        for name in ("a.zip", "b.zip"):
            outer.write(tmp_path / name, name)
    with open_supply(tmp_path / "outer.zip", limits=SupplyLimits(members=8)) as supply:
        assert supply.files.find("b.zip/2.inf") is not None
    with pytest.raises(InvalidInput, match=r"outer.zip!b.zip: holds more than 2 files and folders"):
        open_supply(tmp_path / "outer.zip", limits=SupplyLimits(members=7)).__enter__()


@pytest.mark.foreign
def test_what_an_archive_becomes_is_watched_where_it_does_not_say(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "files", {"net.inf": b"", "large.sys": os.urandom(3 * MIB)})
    archive = judges.installer(tmp_path / "drivers.msi", folder)
    with pytest.raises(InvalidInput, match=r"above the limit of 2\.0 MB"):
        open_supply(archive, limits=SupplyLimits(total_bytes=2 * MIB)).__enter__()


@pytest.mark.parametrize(("entries", "padding"), [(1001, 0), (40_000, 0), (1, 1 << 21)], ids=["few", "many", "large"])
def test_a_directory_of_a_zip_that_is_too_large_is_not_read(tmp_path: Path, entries: int, padding: int) -> None:
    archive = tmp_path / "many.zip"
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, *[0] * 14)
    directory = entry * entries + bytes(padding)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(directory), 4, 0)
    archive.write_bytes(b"PK\x03\x04" + directory + end)
    with pytest.raises(InvalidInput, match="more than 1000 files and folders"):
        open_supply(archive, limits=SupplyLimits(members=1000)).__enter__()


NAMES = st.text(st.sampled_from("ab./\\:\0\n A"), max_size=12)


@given(st.lists(NAMES, max_size=8))
def test_what_is_not_refused_leads_nowhere_else_and_is_there_once(names: list[str]) -> None:
    members = [Member(name, 1) for name in names]
    try:
        refuse_unsafe("x.zip", members)
    except InvalidInput as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may be refused or not
        return
    top = Path("/top")
    places = [Path(os.path.normpath(top / each.name.replace("\\", "/"))) for each in members]
    assert all(top in each.parents for each in places)
    assert len({str(each).casefold() for each in places}) == len(names)
    assert not any(one in other.parents for one in places for other in places)


@given(st.lists(st.integers(0, 1 << 60), max_size=5), st.integers(0, 1 << 40))
def test_what_is_no_bomb_is_within_all_limits(sizes: list[int], archive_bytes: int) -> None:
    limits = SupplyLimits(total_bytes=1 << 40, members=4, ratio=10)
    members = [Member(str(number), size) for number, size in enumerate(sizes)]
    try:
        total = refuse_bomb("x.zip", members, archive_bytes, limits)
    except InvalidInput:
        assert len(sizes) > 4 or sum(sizes) > 1 << 40 or sum(sizes) > 10 * archive_bytes
        return
    assert total == sum(sizes) <= 1 << 40
    assert len(sizes) <= 4


@given(st.text(st.sampled_from("Path=Size Folder+-\n019L²|.:"), max_size=200))
def test_whatever_a_program_lists_is_read_or_refused(text: str) -> None:
    listed = f"Type = 7z\n----------\n{text}"
    found = programs._seven_zip("x.7z", listed) + programs._cabextract("x.cab", text) + programs._msiextract("x", text)
    assert all(each.size >= 0 for each in found)
