"""Device elements: their bytes, as others documented them, and what is read of them."""

from __future__ import annotations

import struct
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.boot.bcd.devices import (
    BootDevice,
    Device,
    DeviceElement,
    FileDevice,
    LocateDevice,
    PartitionDevice,
    RamdiskDevice,
    RawDevice,
    VirtualDiskDevice,
    describe,
    partition_of,
    plain,
    replace_partitions,
)
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.errors import InvalidRequest

DISK, PART = UUID("0b2394a9-095e-487d-8d48-719ecd4d78ca"), UUID("8e0f2c38-e4ea-47ba-b7fc-9d8c74dccf0b")
RECOVERY = UUID("6cdfcd69-de75-4490-8f99-5a84bf264917")
GPT = PartitionRef.gpt(DISK, PART)
MBR = PartitionRef.mbr(0xB3EBA8F1, 0x15F00000)

# Elements of a store that Windows 10 wrote (osdevice of the loader; device of the recovery environment).
WINDOWS_GPT = bytes.fromhex(
    "000000000000000000000000000000000600000000000000480000000000000038"
    "2c0f8eeae4ba47b7fc9d8c74dccf0b"
    "0000000000000000a994230b5e097d488d48719ecd4d78ca00000000000000000000000000000000"
)
WINDOWS_RAMDISK = bytes.fromhex(
    "e7623b7308f6eb11825cc112f60133ab0000000001000000b8000000000000000300000000000000000000000000000000000000000000000100"
    "000090000000050000000600000000000000480000000000000069cddf6c75de90448f995a84bf2649170000000000000000a994230b5e097d48"
    "8d48719ecd4d78ca000000000000000000000000000000005c005200650063006f0076006500720079005c00570069006e0064006f0077007300"
    "520045005c00570069006e00720065002e00770069006d000000"
)
# What bcdedit exported of a BIOS store: mistyprojects.co.uk, BCDEdit, "device partition=".
PUBLISHED_MBR = bytes.fromhex(
    "00000000000000000000000000000000060000000000000048000000000000000000f015000000000000000000000000"
    "0000000001000000f1a8ebb300000000000000000000000000000000000000000000000000000000"
)


@pytest.mark.parametrize(
    ("element", "data"),
    [
        pytest.param(plain(GPT), WINDOWS_GPT, id="gpt"),
        pytest.param(plain(MBR), PUBLISHED_MBR, id="mbr"),
        pytest.param(
            DeviceElement(
                RamdiskDevice(r"\Recovery\WindowsRE\Winre.wim", PartitionDevice(PartitionRef.gpt(DISK, RECOVERY))),
                UUID("733b62e7-f608-11eb-825c-c112f60133ab"),
            ),
            WINDOWS_RAMDISK,
            id="ramdisk",
        ),
        pytest.param(DeviceElement(BootDevice()), bytes(16) + struct.pack("<4I", 5, 0, 0x48, 0) + bytes(56), id="boot"),
    ],
)
def test_elements_are_byte_for_byte_those_of_windows(element: DeviceElement, data: bytes) -> None:
    assert element.to_bytes() == data
    assert DeviceElement.parse(data) == element


def test_a_partition_of_a_gpt_is_where_the_layout_says() -> None:
    data = plain(GPT).to_bytes()
    assert len(data) == 88
    kind, flags, size, unknown = struct.unpack_from("<4I", data, 0x10)
    assert (kind, flags, size, unknown) == (6, 0, 0x48, 0)
    assert UUID(bytes_le=data[0x20:0x30]) == PART
    assert struct.unpack_from("<2I", data, 0x30) == (0, 0)
    assert UUID(bytes_le=data[0x38:0x48]) == DISK
    assert not any(data[0x48:])


def test_a_partition_of_an_mbr_is_where_the_layout_says() -> None:
    data = plain(PartitionRef.mbr(0x12345678, 101 << 20)).to_bytes()
    assert len(data) == 88
    assert struct.unpack_from("<2Q2I2I", data, 0x20) == (101 << 20, 0, 0, 1, 0x12345678, 0)
    assert not any(data[0x3C:])


def test_a_virtual_disk_and_locate_are_as_bcdedit_wrote_them() -> None:
    # A store that bcdedit wrote for "vhd=[locate]": locate by element 12000002, its parent at 0x1e, a local device of
    # type 6 with 20 zero bytes, a file of type 5 in it, and a path of type 5 that begins with the partition.
    vhd = VirtualDiskDevice(FileDevice(r"\w.vhd", PartitionDevice(GPT)))
    data = DeviceElement(LocateDevice(0, 0x12000002, "", vhd)).to_bytes()[16:]
    assert struct.unpack_from("<4I3I2s", data) == (8, 0, len(data), 0, 0, 0x12000002, 0x1E, b"\0\0")
    inner = data[0x1E:]
    assert struct.unpack_from("<5I", inner) == (0, 0, len(inner), 0, 6)
    assert not any(inner[20:40])
    file = inner[40:]
    assert struct.unpack_from("<8I", file) == (0, 0, len(file), 0, 5, 1, len(file) - 20, 5)
    assert file[32 : 32 + 72] == WINDOWS_GPT[16:]
    assert file[104:] == "\\w.vhd\0".encode("utf-16-le")


refs = st.one_of(
    st.builds(PartitionRef.gpt, st.uuids(), st.uuids()),
    st.builds(PartitionRef.mbr, st.integers(1, 0xFFFFFFFF), st.integers(0, (1 << 64) - 1)),
)
paths = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=12)
simple: st.SearchStrategy[Device] = st.one_of(st.just(BootDevice()), st.builds(PartitionDevice, refs))
devices: st.SearchStrategy[Device] = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.builds(RamdiskDevice, paths, inner),
        st.builds(FileDevice, paths, inner),
        st.builds(VirtualDiskDevice, inner),
        st.builds(LocateDevice, st.integers(0, 1), st.integers(0, 0xFFFFFFFF), paths, st.one_of(st.none(), inner)),
    ),
    max_leaves=3,
)


@given(devices, st.one_of(st.none(), st.uuids().filter(lambda guid: guid.int != 0)))
def test_any_device_comes_back(device: Device, options: UUID | None) -> None:
    element = DeviceElement(device, options)
    data = element.to_bytes()
    read = DeviceElement.parse(data)
    assert read is not None
    assert read.to_bytes() == data
    # Nested deeper than any that was ever seen stays raw.
    assert read == element or isinstance(read.device, RawDevice)
    assert struct.unpack_from("<I", data, 0x18)[0] == len(data) - 16
    assert describe(device)


@given(st.binary(max_size=200))
def test_any_bytes_come_back(data: bytes) -> None:
    read = DeviceElement.parse(data)
    assert (read is None) == (len(data) < 32)
    assert read is None or read.to_bytes() == data


@given(
    st.sampled_from([WINDOWS_GPT, WINDOWS_RAMDISK, PUBLISHED_MBR]),
    st.lists(st.tuples(st.integers(0, 87), st.integers(0, 255)), max_size=4),
    st.integers(32, 200),
)
def test_any_change_to_real_bytes_comes_back(data: bytes, changes: list[tuple[int, int]], size: int) -> None:
    changed = bytearray(data)
    for at, value in changes:
        changed[at] = value
    read = DeviceElement.parse(bytes(changed[:size]))
    assert read is not None
    assert read.to_bytes() == bytes(changed[:size])


def test_what_is_not_understood_is_kept_as_it_is() -> None:
    data = bytearray(WINDOWS_GPT)
    # Bytes behind the GUID of the disk have no known meaning.
    data[0x50] = 7
    read = DeviceElement.parse(bytes(data))
    assert read == DeviceElement(RawDevice(bytes(data[16:])))
    assert partition_of(RawDevice(b"")) is None
    assert describe(RawDevice(b"123")) == "a device of an unknown kind (3 bytes)"


def test_partitions_are_replaced_wherever_they_are() -> None:
    other = PartitionRef.mbr(1, 1 << 20)
    inside = [
        PartitionDevice(GPT),
        RamdiskDevice("r", PartitionDevice(GPT)),
        VirtualDiskDevice(FileDevice("f", PartitionDevice(GPT))),
        LocateDevice(0, 1, "", PartitionDevice(GPT)),
    ]
    for device in inside:
        assert partition_of(device) == GPT
        changed = replace_partitions(device, {GPT: other})
        assert partition_of(changed) == other
        assert replace_partitions(changed, {GPT: MBR}) == changed
    assert replace_partitions(BootDevice(), {GPT: other}) == BootDevice()
    assert partition_of(LocateDevice(0, 1, "", None)) is None


def test_references_that_no_disk_has_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="GUIDs of the disk and of the partition"):
        PartitionRef(Scheme.GPT, 5, PART)
    with pytest.raises(InvalidRequest, match="signature and its own offset"):
        PartitionRef(Scheme.MBR, DISK, 1)
    with pytest.raises(InvalidRequest, match="beyond 32 and 64 bits"):
        PartitionRef.mbr(1 << 32, 0)


def test_people_are_told_which_partition() -> None:
    assert str(MBR) == "partition at byte 368050176 of MBR disk B3EBA8F1"
    assert str(GPT) == f"partition {{{PART}}} of GPT disk {{{DISK}}}"
    assert describe(LocateDevice(0, 0x12000002, "", None)) == "the partition that holds the file of element 12000002"
    assert describe(None) == "nothing"
