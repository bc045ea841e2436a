"""``boot.ini`` as text.  Expected lines are those of Microsoft's articles, or what was there, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.boot.ntldr.boot_ini import LARGEST, ArcPath, BootIni, encoded
from osdimage.imaging.errors import InvalidInput, InvalidRequest

# Microsoft, KB 289022, "Sample Boot.ini File", with lines of other programs and of people.
SAMPLE = (
    b"; made by hand\r\n"
    b"[boot loader]\r\n"
    b"timeout=30\r\n"
    b"default=multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS\r\n"
    b"redirect=com1\r\n"
    b"[operating systems]\r\n"
    b'multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS="Windows XP Professional" /fastdetect /3GB /userva=2900\r\n'
    b'multi(0)disk(0)rdisk(0)partition(2)\\WINNT="Windows 2000 Professional" /fastdetect\r\n'
    b'signature(8b467c12)disk(0)rdisk(0)partition(2)\\WINDOWS="Server" /fastdetect\r\n'
    b'C:\\CMDCONS\\BOOTSECT.DAT="Microsoft Windows Recovery Console" /cmdcons\r\n'
    b"C:\\grldr=GRUB\n"
    b'  multi(0)disk(0)rdisk(0)partition(3)\\WINDOWS = "\xc9dition" /unknown:x  \r\n'
    b"\r\n"
    b"what is this\r\n"
    b"[other]\r\ntimeout=7\r\n"
)
XP = r"multi(0)disk(0)rdisk(0)partition(1)\WINDOWS"


def read(data: bytes) -> BootIni:
    return BootIni.from_bytes(data, name="boot.ini")


def test_the_menu_is_read_with_its_settings_names_and_options() -> None:
    menu = read(SAMPLE)
    assert (menu.timeout, menu.default) == ("30", XP)
    assert [(each.path, each.called, each.options) for each in menu.entries] == [
        (XP, "Windows XP Professional", "/fastdetect /3GB /userva=2900"),
        (r"multi(0)disk(0)rdisk(0)partition(2)\WINNT", "Windows 2000 Professional", "/fastdetect"),
        (r"signature(8b467c12)disk(0)rdisk(0)partition(2)\WINDOWS", "Server", "/fastdetect"),
        (r"C:\CMDCONS\BOOTSECT.DAT", "Microsoft Windows Recovery Console", "/cmdcons"),
        (r"C:\grldr", "GRUB", ""),
        (r"multi(0)disk(0)rdisk(0)partition(3)\WINDOWS", "Édition", "/unknown:x"),
    ]


@pytest.mark.parametrize(
    "line", ['a={}"x', 'a={}"x" ', 'a{}"', 'a=b{}"', 'a="b"{}x', 'a="b" /x{}\x0b"', "{}timeout={}x"]
)
def test_lines_of_spaces_are_read_at_once(line: str) -> None:
    # Where each space may belong to one part or the next, trying all of that takes longer than anybody waits.
    hostile = line.replace("{}", " " * 500) + "\r\n"
    menu = read(f"[boot loader]\r\n{hostile}[operating systems]\r\n{hostile}{XP}=Windows\r\n".encode())
    assert menu.entries[-1].path == XP
    assert menu.timeout == ("x" if "timeout" in line else None)


def test_what_is_changed_is_the_path_and_all_else_stays() -> None:
    menu = read(SAMPLE)
    new = r"multi(0)disk(0)rdisk(0)partition(4)\WINDOWS"
    # Also as the default, which is the same path.
    assert menu.with_path(menu.entries[0], new).to_bytes() == SAMPLE.replace(XP.encode(), new.encode())
    old = rb"multi(0)disk(0)rdisk(0)partition(3)\WINDOWS"
    assert menu.with_path(menu.entries[5], new).to_bytes() == SAMPLE.replace(old, new.encode())
    assert menu.with_setting("timeout", "5").to_bytes() == SAMPLE.replace(b"timeout=30", b"timeout=5")
    assert menu.with_name(menu.entries[4], "Linux").to_bytes() == SAMPLE.replace(b"\\grldr=GRUB", b'\\grldr="Linux" ')
    assert menu.with_name(menu.entries[1], "2000").to_bytes() == SAMPLE.replace(b"Windows 2000 Professional", b"2000")


def test_a_new_line_is_the_first_of_the_menu() -> None:
    made = read(SAMPLE).with_entry("multi(0)disk(0)rdisk(0)partition(4)\\W", "New", "/fastdetect").to_bytes()
    line = b'multi(0)disk(0)rdisk(0)partition(4)\\W="New" /fastdetect\r\n'
    assert made == SAMPLE.replace(b"[operating systems]\r\n", b"[operating systems]\r\n" + line)


def test_an_empty_file_becomes_one_as_setup_writes_it() -> None:
    made = (
        read(b"").with_entry(XP, "Windows XP", "/fastdetect").with_setting("default", XP).with_setting("timeout", "30")
    )
    assert made.to_bytes().decode() == (
        f'[boot loader]\r\ntimeout=30\r\ndefault={XP}\r\n[operating systems]\r\n{XP}="Windows XP" /fastdetect\r\n'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(XP, ArcPath("multi", 0, 0, 0, 1, "WINDOWS"), id="of-the-bios"),
        pytest.param(XP.upper() + "\\", ArcPath("multi", 0, 0, 0, 1, "WINDOWS"), id="in-upper-case"),
        pytest.param(r"scsi(1)disk(2)rdisk(0)partition(3)\W", ArcPath("scsi", 1, 2, 0, 3, "W"), id="of-a-driver"),
        # KB 227704.
        pytest.param(r"signature(8b467c12)disk(1)rdisk(0)partition(2)\WINNT",
                     ArcPath("signature", 0x8B467C12, 1, 0, 2, "WINNT"), id="of-a-signature"),
        pytest.param("multi(0)disk(0)rdisk(1)partition(1)", ArcPath("multi", 0, 0, 1, 1, ""), id="without-a-folder"),
        pytest.param(r"multi(8b)disk(0)rdisk(0)partition(1)\W", None, id="letters-in-a-number"),
        pytest.param("C:\\", None, id="a-drive"),
        pytest.param(r"multi(0)disk(0)partition(1)\WINDOWS", None, id="a-part-missing"),
    ],
)  # fmt: skip
def test_paths_are_those_of_arc(text: str, expected: ArcPath | None) -> None:
    found = ArcPath.parse(text)
    assert found == expected or (found is not None and expected is not None and found.is_same(expected))
    if found is not None:
        assert ArcPath.parse(str(found)) == found


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("[boot loader]\r\n".encode("utf-16"), id="utf-16"),
        pytest.param(b" " * (LARGEST + 1), id="too-large"),
    ],
)
def test_what_is_no_menu_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"^boot\.ini: valid is a text of 8-bit characters"):
        read(data)


@pytest.mark.parametrize("name", ['"', "a\nb", "Ω"])
def test_a_name_that_the_file_has_no_place_for_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"cannot be a name in boot\.ini"):
        encoded(name)


# ---- properties

_pieces = st.sampled_from(
    [b"[boot loader]", b"[operating systems]", b"timeout=", b"default=", b"30", XP.encode(), b'="Name" ', b"=", b'"',
     b" /fastdetect", b"\r\n", b"\n", b"\r", b" ", b"\x85", b"\x1c", b"C:\\", b";"]
)  # fmt: skip
_texts = st.lists(_pieces | st.binary(max_size=5).map(lambda each: each.replace(b"\0", b"")), max_size=30).map(b"".join)


@given(_texts)
def test_a_file_that_is_not_changed_stays_byte_for_byte(data: bytes) -> None:
    assert read(data).to_bytes() == data


@given(_texts)
def test_changes_leave_all_other_lines_as_they_are(data: bytes) -> None:
    before = read(data)
    after = before.with_entry("multi(0)disk(0)rdisk(0)partition(9)\\NEW", "New", "/fastdetect")
    after = after.with_setting("default", "multi(0)disk(0)rdisk(0)partition(9)\\NEW").with_setting("timeout", "5")
    kept = [each for each in before.lines if not each.strip().lower().startswith(("default", "timeout"))]
    rest = iter(each.rstrip("\r\n") for each in after.lines)
    # In their order, and none is missing; only an end of the last line may be new.
    assert all(any(each.rstrip("\r\n") == other for other in rest) for each in kept)
    assert after.entries[0].called == "New"
    assert (after.default, after.timeout) == ("multi(0)disk(0)rdisk(0)partition(9)\\NEW", "5")
    assert read(after.to_bytes()) == after


@given(_texts)
def test_every_line_of_the_menu_can_be_bound_anew(data: bytes) -> None:
    menu = read(data)
    for each in menu.entries:
        made = menu.with_path(each, "multi(0)disk(0)rdisk(0)partition(7)\\W")
        found = next(other for other in made.entries if other.line == each.line)
        assert (found.path, found.name, found.options) == (
            "multi(0)disk(0)rdisk(0)partition(7)\\W", each.name, each.options,
        )  # fmt: skip
