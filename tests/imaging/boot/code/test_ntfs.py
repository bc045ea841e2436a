from __future__ import annotations

import random
from pathlib import Path

import pytest
from cases.boot import START
from hypothesis import given
from hypothesis import strategies as st
from judges import ntfs as ntfs_judges
from judges import wim as judges
from osdimage.imaging.boot.code.kinds import BootCode, Loader
from osdimage.imaging.boot.code.ntfs import (
    CANDIDATES,
    NtfsBootCode,
    find_ntfs_boot_code,
    ntfs_boot_code,
    ntfs_boot_code_from,
    ntfs_boot_loader,
    write_ntfs_boot_code,
)
from osdimage.imaging.disk.image import create_image, open_image
from osdimage.imaging.errors import InvalidRequest, InvalidVolume, TargetRefused
from osdimage.imaging.units import MIB, Extent, Lba

SECTORS = 64 * MIB // 512


def made_up(*, sectors: int = 16, seed: int = 1) -> bytes:
    """Return what has the marks of Microsoft's code, none of which is here, and is otherwise random.

    The marks: D. Sedory, "An Examination of the NTFS Volume Boot Record of Windows 7".
    """
    code = bytearray(random.Random(seed).randbytes(sectors * 512))
    code[:11] = bytes.fromhex("eb52904e54465320202020")
    code[0x54:0x5C] = bytes.fromhex("fa33c08ed0bc007c")
    code[0x80:0x82] = bytes.fromhex("cd13")
    code[510:512] = bytes.fromhex("55aa")
    code[512:538] = bytes.fromhex("0700 42004f004f0054004d0047005200 0400 2400490033003000")
    return bytes(code)


def library(code: bytes, *, before: int = 70_001, after: int = 5_000) -> bytes:
    """Return a library with the code somewhere inside."""
    return b"MZ" + bytes(before) + code + b"\x90" * after


# ---- finding it


def test_the_code_is_found_wherever_it_is_in_the_file() -> None:
    code = made_up()
    assert find_ntfs_boot_code(library(code), source="untfs.dll") == NtfsBootCode(code, "untfs.dll")


def test_at_most_16_sectors_are_taken_and_fewer_where_the_file_ends() -> None:
    found = find_ntfs_boot_code(library(made_up(sectors=20)))
    assert found is not None
    assert len(found.data) == 8192
    short = find_ntfs_boot_code(library(made_up(sectors=9), after=300))
    assert short is not None
    assert len(short.data) == 9 * 512


def test_the_first_that_is_whole_counts() -> None:
    broken, whole = bytearray(made_up(seed=2)), made_up(seed=3)
    broken[510] = 0
    found = find_ntfs_boot_code(library(bytes(broken) + whole + made_up(seed=4)))
    assert found is not None
    assert found.data == whole


def changed(at: int, data: bytes) -> bytes:
    code = bytearray(made_up())
    code[at : at + len(data)] = data
    return bytes(code)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(library(b""), id="a-library-without-it"),
        pytest.param(library(changed(0, b"\xeb\x58\x90")), id="another-jump"),
        pytest.param(library(changed(3, b"MSDOS5.0")), id="boot-code-of-fat"),
        pytest.param(library(changed(510, b"\0\0")), id="no-signature"),
        pytest.param(library(changed(514, "NTLDR\0\0".encode("utf-16-le"))), id="code-of-windows-xp"),
        pytest.param(library(changed(512, b"\x08")), id="another-length"),
        pytest.param(library(changed(0x54, bytes(0x1FE - 0x54))), id="no-code"),
        pytest.param(made_up()[:1023], id="cut-in-the-second-sector"),
    ],
)
def test_what_is_not_boot_code_is_not_taken_for_it(data: bytes) -> None:
    assert find_ntfs_boot_code(data) is None


def of_windows_xp() -> bytes:
    """Return what has the marks of the code of Windows XP.

    D. Sedory, "NTFS Boot Sector of Windows 2000 and XP": its second sector begins 05 00 4E 00 54 00 4C 00 44 00 52 00
    04 00 24 00 49 00 33 00 30 00.
    """
    return changed(512, bytes.fromhex("0500 4e0054004c0044005200 0400 2400490033003000").ljust(30, b"\0"))


def test_the_code_of_windows_xp_is_found_when_ntldr_is_to_be_started() -> None:
    both = library(made_up() + of_windows_xp())
    assert find_ntfs_boot_code(both) == NtfsBootCode(both[70_003 : 70_003 + 8192], "")
    found = find_ntfs_boot_code(both, source="untfs.dll", loader=Loader.NTLDR)
    assert found == NtfsBootCode(of_windows_xp(), "untfs.dll", Loader.NTLDR)
    assert find_ntfs_boot_code(library(of_windows_xp())) is None
    assert find_ntfs_boot_code(library(made_up()), loader=Loader.NTLDR) is None


@pytest.mark.foreign
def test_what_the_code_on_a_volume_starts_is_told(tmp_path: Path) -> None:
    path = judges.make_ntfs(tmp_path / "volume.img", SECTORS * 512)
    with open_image(str(path), write=True) as volume:
        assert ntfs_boot_loader(volume) is None
        write_ntfs_boot_code(volume, NtfsBootCode(of_windows_xp(), "", Loader.NTLDR), hidden_sectors=START)
        assert (ntfs_boot_code(volume), ntfs_boot_loader(volume)) == (BootCode.MICROSOFT, Loader.NTLDR)
        write_ntfs_boot_code(volume, NtfsBootCode(made_up(), ""), hidden_sectors=START)
        assert (ntfs_boot_code(volume), ntfs_boot_loader(volume)) == (BootCode.MICROSOFT, Loader.BOOTMGR)
        with pytest.raises(InvalidRequest, match="not boot code of NTFS"):
            write_ntfs_boot_code(volume, NtfsBootCode(made_up(), "x", Loader.NTLDR), hidden_sectors=START)


@given(st.binary(max_size=3000), st.integers(0, 8191), st.binary(min_size=1, max_size=40))
def test_any_data_is_searched_without_an_error(around: bytes, at: int, patch: bytes) -> None:
    code = bytearray(made_up())
    code[at : at + len(patch)] = patch
    found = find_ntfs_boot_code(around + bytes(code) + around)
    assert found is None or 1024 <= len(found.data) <= 8192


def test_the_files_of_windows_are_asked_in_order_until_one_holds_the_code() -> None:
    asked = []
    files = {CANDIDATES[0]: library(b""), CANDIDATES[2]: library(made_up())}

    def read(path: str) -> bytes | None:
        asked.append(path)
        return files.get(path)

    found = ntfs_boot_code_from(read)
    assert found is not None
    assert found.source == "Windows/System32/winsetup.dll"
    assert asked == list(CANDIDATES[:3])
    assert ntfs_boot_code_from(lambda path: None) is None  # noqa: ARG005


# ---- writing it


@pytest.mark.foreign
def test_the_volume_keeps_its_description_and_its_files(tmp_path: Path) -> None:
    path = judges.make_ntfs(tmp_path / "volume.img", SECTORS * 512, "-p", "63", "-H", "255", "-S", "63")
    before = path.read_bytes()
    code = NtfsBootCode(made_up(sectors=9), "untfs.dll")
    with open_image(str(path), write=True) as volume:
        assert ntfs_boot_code(volume) is BootCode.NONE
        write_ntfs_boot_code(volume, code, hidden_sectors=START)
        assert ntfs_boot_code(volume) is BootCode.MICROSOFT
    after = path.read_bytes()
    assert after[3:0x1C] == before[3:0x1C]
    assert after[0x1C:0x20] == START.to_bytes(4, "little")
    assert after[0x20:0x54] == before[0x20:0x54]
    assert after[:3] + after[0x54:4608] == code.data[:3] + code.data[0x54:]
    # The rest of $Boot is empty again, the copy in the last sector fits, and nothing else differs.
    assert not any(after[4608:8192])
    assert after[-512:] == after[:512]
    assert after[8192:-512] == before[8192:-512]
    ntfs_judges.ntfsfix(path)
    with path.open("rb") as stream:
        assert ntfs_judges.dissect(stream).mft.get(7).open().read() == after[:8192]


@pytest.mark.foreign
def test_a_volume_that_leaves_sectors_of_its_partition_has_its_copy_behind_its_own_last_one(tmp_path: Path) -> None:
    path = judges.make_ntfs(tmp_path / "volume.img", SECTORS * 512)
    with path.open("r+b") as file:
        file.truncate(SECTORS * 512 + 100 * 512)
    with open_image(str(path), write=True) as volume:
        write_ntfs_boot_code(volume, NtfsBootCode(made_up(), ""), hidden_sectors=START)
    data = path.read_bytes()
    assert data[(SECTORS - 1) * 512 : SECTORS * 512] == data[:512]
    assert not any(data[SECTORS * 512 :])


@pytest.mark.foreign
def test_a_volume_without_a_copy_gets_none(tmp_path: Path) -> None:
    path = judges.make_ntfs(tmp_path / "volume.img", SECTORS * 512)
    with open_image(str(path), write=True) as target:
        target.write_at((SECTORS - 1) * 512, b"\x11" * 512)
        write_ntfs_boot_code(target, NtfsBootCode(made_up(), ""), hidden_sectors=START)
        assert target.read_sectors(SECTORS - 1) == b"\x11" * 512
        # The partition ends where the volume does.
        window = target.window(Extent(Lba(0), SECTORS - 1))
        write_ntfs_boot_code(window, NtfsBootCode(made_up(seed=5), ""), hidden_sectors=START)


@pytest.mark.foreign
def test_what_is_not_a_volume_for_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    code = NtfsBootCode(made_up(), "untfs.dll")
    with (
        create_image(str(tmp_path / "empty.img"), 1 << 20) as target,
        pytest.raises(InvalidVolume, match="not an NTFS"),
    ):
        write_ntfs_boot_code(target, code, hidden_sectors=START)
    with (
        create_image(str(tmp_path / "large.img"), 1 << 20, sector_size=4096) as target,
        pytest.raises(TargetRefused, match="sectors of 4096 bytes: no BIOS"),
    ):
        write_ntfs_boot_code(target, code, hidden_sectors=START)
    other = judges.make_ntfs(tmp_path / "volume4k.img", SECTORS * 512, "-s", "4096")
    with open_image(str(other), write=True) as volume, pytest.raises(TargetRefused, match="has sectors of 4096 bytes"):
        write_ntfs_boot_code(volume, code, hidden_sectors=START)
    path = judges.make_ntfs(tmp_path / "volume.img", SECTORS * 512)
    before = path.read_bytes()
    with open_image(str(path), write=True) as volume:
        with pytest.raises(InvalidRequest, match="first 2 TB"):
            write_ntfs_boot_code(volume, code, hidden_sectors=1 << 32)
        for data in (b"", made_up(sectors=17), made_up()[:-1]):
            with pytest.raises(InvalidRequest, match=f"{len(data)} bytes are not boot code of NTFS"):
                write_ntfs_boot_code(volume, NtfsBootCode(data, "x"), hidden_sectors=START)
        with pytest.raises(InvalidVolume, match="claims"):
            write_ntfs_boot_code(volume.window(Extent(Lba(0), 1000)), code, hidden_sectors=START)
    assert path.read_bytes() == before
