"""Headers that nobody wrote by accident: bounded in time and memory, and refused in one line."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from judges import containers as judges
from osdimage.imaging.disk.containers.facts import ContainerFormat, MemoryBytes
from osdimage.imaging.disk.containers.kinds import HEAD_BYTES, container_of, facts_of
from osdimage.imaging.errors import InvalidInput

pytestmark = pytest.mark.foreign

DESCRIPTOR = b"""# Disk DescriptorFile
version=1
CID=12345678
parentCID=ffffffff
createType="monolithicFlat"
RW 100 FLAT "disk-flat.vmdk" 0
"""


@cache
def made(form: str) -> bytes:
    with TemporaryDirectory() as folder:
        return judges.create(Path(folder) / "disk", form, "2M").read_bytes()


def facts(data: bytes | bytearray) -> object:
    file = MemoryBytes(bytes(data))
    form = container_of(file.read(0, HEAD_BYTES))
    return None if form is None else facts_of(file, form)


def read_or_refuse(data: bytes | bytearray) -> None:
    told = ""
    try:
        facts(data)
    except InvalidInput as error:
        told = str(error)
    assert "\n" not in told
    assert told.encode().decode() == told


@pytest.mark.parametrize("form", judges.DRIVERS)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from([0, 0x200, 0x10000, 0x30000, 0x300000]), st.integers(0, 600), st.binary(max_size=8)),
        max_size=4,
    )
)
def test_any_change_of_a_header_is_read_or_refused(form: str, changes: list[tuple[int, int, bytes]]) -> None:
    data = bytearray(made(form))
    for base, at, new in changes:
        if base + at + len(new) <= len(data):
            data[base + at : base + at + len(new)] = new
    read_or_refuse(data)


@pytest.mark.parametrize("form", judges.DRIVERS)
@given(size=st.integers(0, 70000))
@example(size=0)
@example(size=64)
def test_a_file_that_was_cut_short_is_read_or_refused(form: str, size: int) -> None:
    read_or_refuse(made(form)[:size])


@pytest.mark.parametrize(
    ("form", "at", "new", "said"),
    [
        pytest.param("qcow2", 24, struct.pack(">Q", 1 << 62), "L1 table has 1 entries", id="qcow2-size"),
        pytest.param("qcow2", 20, struct.pack(">I", 30), r"clusters would have 2\^30", id="qcow2-clusters"),
        pytest.param("qcow2", 36, struct.pack(">I", 1 << 31), "L1 table has 2147483648", id="qcow2-l1-count"),
        pytest.param("qcow2", 40, struct.pack(">Q", 1 << 40), "L1 table, 8 bytes at .* is not in", id="qcow2-l1-place"),
        pytest.param("qcow2", 60, struct.pack(">I", 1 << 31), "would hold 2147483648 snaps", id="qcow2-snapshots"),
        pytest.param("qcow2", 60, struct.pack(">IQ", 9, 1 << 60), "snapshot 1 of 9", id="qcow2-snapshots-place"),
        pytest.param("qcow2", 8, struct.pack(">QI", 112, 5000), "longer than 1,023", id="qcow2-backing-name"),
        pytest.param("qcow2", 112, struct.pack(">II", 0x6803F857, 1 << 31), "an extension", id="qcow2-extension"),
        pytest.param("vdi", 368, struct.pack("<Q", 1 << 60), "would have 1152921504606846976", id="vdi-size"),
        pytest.param("vdi", 384, struct.pack("<I", 1), "its map has 1 blocks", id="vdi-blocks"),
        pytest.param("vdi", 340, struct.pack("<I", 1 << 31), "is behind the end of the file", id="vdi-map"),
        pytest.param("vmdk", 12, struct.pack("<Q", 1 << 50), "would have 576460752303423488", id="vmdk-size"),
        pytest.param("vmdk", 56, struct.pack("<Q", 1 << 40), "its grain directory", id="vmdk-directory"),
        pytest.param("vmdk", 12, struct.pack("<Q", 0), "is an extent of a VMDK", id="vmdk-extents-in-its-descriptor"),
        pytest.param("vmdk", 20, struct.pack("<Q", 3), "its grains have 3 sectors", id="vmdk-grain"),
        pytest.param("vhd", 0, b"conectix\1", "checksum of the copy of its footer is wrong", id="vhd-sum"),
        pytest.param("vhd", 512, b"cxsparsf", "no dynamic disk header", id="vhd-header"),
        pytest.param("vhdx", 0x10004, bytes(4), None, id="vhdx-one-header"),
        pytest.param("vhdx", 0x30004, bytes(4), None, id="vhdx-one-region-table"),
        pytest.param("vhdx", 0x300000, b"metadatb", "its metadata table has no mark", id="vhdx-metadata"),
        pytest.param("vhdx", 0x30000A, b"\xff\xff", "or 65535 entries", id="vhdx-items"),
    ],
)
def test_what_a_header_claims_and_the_file_cannot_hold_is_refused(
    form: str, at: int, new: bytes, said: str | None
) -> None:
    data = bytearray(made(form))
    data[at : at + len(new)] = new
    if said is None:
        assert facts(data) is not None
        return
    with pytest.raises(InvalidInput, match=said):
        facts(data)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(b"RW 100 ZERO\n", "neither NAME=VALUE nor an extent", id="zero"),
        pytest.param(b'RDONLY 1 FLAT "x" 0\n', "neither NAME=VALUE nor an extent", id="read-only"),
        pytest.param(b'RW\n1 FLAT "/etc/passwd" 0\n', "line 7 of its descriptor", id="over-two-lines"),
        pytest.param(b'\nRW 1 FLAT "x" 0\n', "behind an empty one; QEMU would take it twice", id="behind-empty-line"),
        pytest.param(b'RW 1 FLAT "x"\n', "not a valid extent", id="no-offset"),
        pytest.param(b'RW 0 VMFS "x"\n', "not a valid extent", id="no-sectors"),
        pytest.param(b'RW 1 VMFS "' + b"x" * 600 + b'"\n', "not a valid extent", id="long-name"),
        pytest.param(b'RW 999999999999999 VMFS "x"\n', "valid is up to", id="large"),
        pytest.param(b"# parentFileNameHint=x\n", "no end of the name of its parent", id="hint-without-end"),
        pytest.param(b'RW 1 VMFS "x"\n' * 1100, "more than 1024 extents", id="many"),
    ],
)
def test_a_descriptor_that_qemu_would_take_otherwise_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        facts(DESCRIPTOR + text)


def test_a_parent_that_only_a_comment_names_is_seen_as_qemu_sees_it() -> None:
    found = facts_of(MemoryBytes(DESCRIPTOR + b'# parentFileNameHint="/etc/passwd"\n'), ContainerFormat.VMDK)
    assert [each.name for each in found.links] == ["disk-flat.vmdk", "/etc/passwd"]
