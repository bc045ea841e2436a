"""boot.sdi: what is made, judged by programs of others, and what is wrong with what others made."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import ntfs as judges
from judges.wim import output
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.media import SdiFacts, SdiPart, create_sdi, read_sdi
from runs.commands import osdimage

# Of the boot.sdi that Windows 7 to 11 bring, read with xxd: size, head, table, and what `ntfsinfo -m` says of
# `dd if=boot.sdi bs=512 skip=16 count=6174`.
WINDOWS_BYTES = 3_170_304
WINDOWS_HEAD = {0x00: b"$SDI0001", 0x70: struct.pack("<Q", 2), 0x1F8: b"\x39"}
WINDOWS_PARTS = (SdiPart("PART", 0x2000, 0x303C00, 7), SdiPart("WIM", 0x306000, 0, 0))
WINDOWS_VOLUME = {"Volume Name": "Boot", "Volume Version": "3.1", "Sector Size": "512", "Cluster Size": "512"}


@pytest.fixture(scope="module")
def made() -> bytes:
    return create_sdi()


def test_it_has_the_form_of_windows_own(made: bytes) -> None:
    assert len(made) == WINDOWS_BYTES
    assert {at: made[at : at + len(data)] for at, data in WINDOWS_HEAD.items()} == WINDOWS_HEAD
    # Nothing else is in the head.
    assert sum(map(bool, made[:512])) == sum(len(data.strip(b"\0")) for data in WINDOWS_HEAD.values())
    assert read_sdi(made, name="x") == SdiFacts(WINDOWS_BYTES, WINDOWS_PARTS, ())
    # BIOS parameter block: hidden sectors 2, and 6173 sectors without the copy of the boot sector.
    assert struct.unpack_from("<I", made, 0x2000 + 0x1C) == (2,)
    assert struct.unpack_from("<Q", made, 0x2000 + 0x28) == (6173,)


@pytest.mark.foreign
def test_its_volume_is_one_for_others(made: bytes, tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(made[0x2000 : 0x2000 + 0x303C00])
    said = judges.ntfsinfo(tmp_path / "v")
    assert {name: said[name] for name in WINDOWS_VOLUME} == WINDOWS_VOLUME
    assert said["Volume Size in Clusters"] == "6173"
    judges.ntfsfix(tmp_path / "v")
    assert judges.contents(tmp_path / "v") == {}
    (tmp_path / "boot.sdi").write_bytes(made)
    said = output("7zz", "l", tmp_path / "boot.sdi")
    assert all(each in said for each in ("Type = NTFS", "Offset = 8192", "Physical Size = 3161088", "Label = Boot"))


def test_it_is_the_same_each_time(made: bytes) -> None:
    assert hashlib.sha256(create_sdi()).digest() == hashlib.sha256(made).digest()


def changed(data: bytes, at: int, new: bytes, *, mend: bool = True) -> bytes:
    """Return it with other bytes, and a head whose sum is right."""
    found = bytearray(data)
    found[at : at + len(new)] = new
    if mend:
        found[0x1F8] = (found[0x1F8] - sum(found[:512])) % 256
    return bytes(found)


@pytest.mark.parametrize(("at", "new", "mend", "fault"), [
    pytest.param(0x70, b"\x03", False, "the checksum of its head is wrong", id="checksum"),
    pytest.param(0x400, b"BOOT", True, "has no volume (a part PART)", id="no volume"),
    pytest.param(0x440, b"GAP\0", True, "has no place for a boot image (a part WIM)", id="no place"),
    pytest.param(0x418, struct.pack("<Q", 1 << 40), True, "the part PART ends at byte 1099511635968", id="too long"),
    pytest.param(0x420, b"\x0c", True, "its volume has the type 0xc; that of NTFS is 0x07", id="another type"),
    pytest.param(0x418, struct.pack("<Q", 100), True, "its volume has 100 bytes", id="too short"),
    pytest.param(0x450, struct.pack("<Q", 0x3000), True, "the boot image would begin at byte 12288", id="within"),
    pytest.param(0x2000, bytes(512), True, "its volume: the boot sector is damaged", id="no boot sector"),
])  # fmt: skip
def test_what_is_wrong_is_told(made: bytes, at: int, new: bytes, mend: bool, fault: str) -> None:
    faults = read_sdi(changed(made, at, new, mend=mend), name="x").faults
    assert any(each.startswith(fault) for each in faults), faults


def test_another_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^x: is no SDI file"):
        read_sdi(b"MSWIM\0\0\0", name="x")


@settings(max_examples=60, deadline=None)
@given(head=st.binary(max_size=1024), table=st.binary(max_size=512), tail=st.binary(max_size=4096))
def test_hostile_bytes_are_read_to_the_end(head: bytes, table: bytes, tail: bytes) -> None:
    data = (b"$SDI0001" + head).ljust(0x400, b"\0")[:0x400] + table + tail
    assert read_sdi(data, name="x").size_bytes == len(data)


# ---- the command


@pytest.fixture(scope="module")
def file(made: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sdi") / "boot.sdi"
    path.write_bytes(made)
    return path


def test_the_command_shows_what_is_in_a_file(file: Path) -> None:
    assert osdimage("media", "sdi", file).out == (
        f"{file}: boot.sdi, 3.0 MB\n"
        "  PART: at byte 8,192, 3.0 MB, partition type 0x07\n"
        "  WIM: at byte 3,170,304, up to the end\n"
    )
    document = osdimage("media", "sdi", file, "--check", "--json").document
    assert (document["is_sound"], document["created"], document["faults"]) == (True, False, [])


def test_the_command_leaves_with_3_only_when_it_is_to_check(made: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(changed(made, 0x70, b"\x03", mend=False))
    assert "warning: " in osdimage("media", "sdi", tmp_path / "x").err
    done = osdimage("media", "sdi", tmp_path / "x", "--check", "--json", code=3)
    assert done.document["faults"] == ["the checksum of its head is wrong"]


def test_the_command_makes_a_file_and_replaces_one_only_when_that_is_said(made: bytes, tmp_path: Path) -> None:
    target = tmp_path / "boot.sdi"
    assert osdimage("media", "sdi", target, "--create", "--json").document["created"]
    assert target.read_bytes() == made
    target.write_bytes(b"old")
    assert "exists already" in osdimage("media", "sdi", target, "--create", code=4).err
    assert target.read_bytes() == b"old"
    osdimage("media", "sdi", target, "--create", "--overwrite")
    assert target.read_bytes() == made
    assert [each.name for each in tmp_path.iterdir()] == ["boot.sdi"]


def test_options_at_odds_are_refused(tmp_path: Path) -> None:
    osdimage("media", "sdi", tmp_path / "x", "--create", "--check", code=2)
    osdimage("media", "sdi", tmp_path / "x", "--overwrite", code=2)
    osdimage("media", "sdi", tmp_path / "x", code=1)
