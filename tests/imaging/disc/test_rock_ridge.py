"""What Rock Ridge can tell and no program here writes without root; the expected values are those of IEEE P1282."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cases import iso
from osdimage.imaging.disc.facts import DiscFile, FileKind, TreeKind
from osdimage.imaging.disc.opened import open_disc

SECOND = 10**9
_FILE = iso.mode(stat.S_IFREG | 0o644)


def only_file(path: Path, more: bytes, *, root_list: bytes = iso.ROOT_LIST + iso.mode(0o40755)) -> DiscFile:
    node = iso.Node(b"F.;1", b"1", more=more)
    path.write_bytes(iso.build(iso.Node(children=[node]), root_list=root_list).data)
    with open_disc(path) as disc:
        (file,) = disc.children(disc.root())
    return file


def device(high: int, low: int) -> bytes:
    return iso.entry(b"PN", iso.both_32(high) + iso.both_32(low))


@pytest.mark.parametrize(
    ("high", "low", "numbers"),
    # The last two as Linux reads them, in fs/isofs/rock.c.
    [(8, 1, (8, 1)), (259, 70000, (259, 70000)), (0, 0x0803, (8, 3)), (0, 5, (0, 5))],
)
@pytest.mark.parametrize("kind", [stat.S_IFBLK, stat.S_IFCHR])
def test_the_numbers_of_a_device_are_told(
    tmp_path: Path, kind: int, high: int, low: int, numbers: tuple[int, int]
) -> None:
    file = only_file(tmp_path / "disc.iso", iso.mode(kind | 0o600) + device(high, low))
    assert file.kind is FileKind.SPECIAL
    assert file.unix is not None
    assert file.unix.device is not None
    assert (os.major(file.unix.device), os.minor(file.unix.device)) == numbers


def test_what_is_no_device_has_no_numbers(tmp_path: Path) -> None:
    file = only_file(tmp_path / "disc.iso", _FILE + device(8, 1))
    assert file.unix is not None
    assert file.unix.device is None


# 2020-02-03 04:05:06, one hour before UTC, and 2021, and 2022.
_SHORT = [bytes((year, 2, 3, 4, 5, 6, 4)) for year in (120, 121, 122)]
_LONG = [b"%d020304050607" % year + b"\x04" for year in (2020, 2021, 2022)]
_NS = [each * SECOND for each in (1_580_699_106, 1_612_321_506, 1_643_857_506)]


@pytest.mark.parametrize(
    ("data", "times"),
    [
        (b"\x07" + b"".join(_SHORT), _NS),
        (b"\x87" + b"".join(_LONG), [each + 70_000_000 for each in _NS]),
        # The change of attributes, backup and so on stand behind and are passed over.
        (b"\x7d" + _SHORT[0] + _SHORT[2] + _SHORT[1] * 4, [_NS[0], None, _NS[2]]),
        (b"\x01" + bytes((120, 13, 3, 4, 5, 6, 4)), [None, None, None]),
        (b"\x81" + b"2020020304050x07\x04", [None, None, None]),
        (b"\x07" + _SHORT[0] + b"cut", [_NS[0], None, None]),
    ],
    ids=["short", "long", "others", "no month", "no digits", "cut"],
)
def test_times_are_read_in_both_forms(tmp_path: Path, data: bytes, times: list[int | None]) -> None:
    file = only_file(tmp_path / "disc.iso", _FILE + iso.entry(b"TF", data))
    # The record's own time stands in for that of the last change.
    created, modified, accessed = times
    recorded = _NS[0] if modified is None else modified
    assert (file.created_ns, file.modified_ns, file.accessed_ns) == (created, recorded, accessed)


def test_what_stands_before_the_lists_is_passed_over(tmp_path: Path) -> None:
    # As of CD-ROM XA; the mark of the root says how much that is (IEEE P1281, 5.3).
    root_list = b"SP\x07\x01\xbe\xef\x0e" + iso.mode(0o40755)
    file = only_file(tmp_path / "disc.iso", b"x" * 14 + iso.entry(b"NM", b"\0name") + _FILE, root_list=root_list)
    assert file.name == "name"


def test_a_mark_alone_is_no_rock_ridge(tmp_path: Path) -> None:
    path = tmp_path / "disc.iso"
    file = only_file(path, b"", root_list=iso.ROOT_LIST)
    with open_disc(path) as disc:
        assert disc.facts.kind is TreeKind.ISO_9660
    assert file.name == "F"


def test_a_name_that_is_not_utf_8_is_taken_for_latin_1(tmp_path: Path) -> None:
    links = iso.entry(b"NM", b"\0caf\xe9") + iso.entry(b"SL", b"\0\0\4caf\xe9")
    file = only_file(tmp_path / "disc.iso", iso.mode(stat.S_IFLNK | 0o777) + links)
    assert (file.name, file.target, file.kind) == ("café", "café", FileKind.LINK)


@pytest.mark.parametrize(
    ("data", "target"),
    [
        (b"\0\x08\0\0\1a", "/a"),
        (b"\0\x04\0\x02\0\0\1a", ".././a"),
        (b"\1\0\1a", "a"),
        (b"\0\1\2ab\0\2cd\0\1e", "abcd/e"),
    ],
)
def test_a_link_is_a_path_of_components(tmp_path: Path, data: bytes, target: str) -> None:
    file = only_file(tmp_path / "disc.iso", iso.mode(stat.S_IFLNK | 0o777) + iso.entry(b"SL", data))
    assert file.target == target
