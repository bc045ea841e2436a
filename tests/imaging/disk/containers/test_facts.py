"""What files say of themselves, as QEMU, which made them, and dissect.hypervisor say it."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from judges import containers as judges
from osdimage.imaging.disk.containers.crc32c import crc32c
from osdimage.imaging.disk.containers.facts import (
    EXTENT,
    RAW,
    ContainerFacts,
    ContainerFormat,
    Link,
    LinkRole,
    OpenBytes,
)
from osdimage.imaging.disk.containers.kinds import HEAD_BYTES, container_of, facts_of, fixed_vhd
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import GIB, MIB

pytestmark = pytest.mark.foreign


def facts(path: Path) -> ContainerFacts:
    with path.open("rb") as file:
        data = OpenBytes(file.fileno())
        form = container_of(data.read(0, HEAD_BYTES))
        assert form is not None
        return facts_of(data, form)


@pytest.mark.parametrize(
    ("form", "options", "variant"),
    [
        pytest.param("qcow2", (), None, id="qcow2"),
        pytest.param("qcow2", ("compat=0.10",), None, id="qcow2-version-2"),
        pytest.param("qcow2", ("extended_l2=on", "cluster_size=2M"), None, id="qcow2-extended-l2"),
        pytest.param("qcow2", ("cluster_size=512",), None, id="qcow2-small-clusters"),
        pytest.param("qcow2", ("compression_type=zstd",), None, id="qcow2-zstd"),
        pytest.param("vhdx", (), "dynamic", id="vhdx"),
        pytest.param("vhdx", ("subformat=fixed",), "fixed", id="vhdx-fixed"),
        pytest.param("vhd", ("force_size=on",), "dynamic", id="vhd"),
        pytest.param("vhd", (), "dynamic", id="vhd-by-geometry"),
        pytest.param("vmdk", (), "monolithicSparse", id="vmdk"),
        pytest.param("vdi", (), "dynamic", id="vdi"),
        pytest.param("vdi", ("static=on",), "fixed", id="vdi-fixed"),
    ],
)
def test_format_and_size_are_those_that_others_read(
    form: str, options: tuple[str, ...], variant: str | None, tmp_path: Path
) -> None:
    path = judges.create(tmp_path / f"disk.{form}", form, "100M", *options)
    found = facts(path)
    assert (found.form, found.variant) == (ContainerFormat(form), variant)
    assert found.size_bytes == judges.info(path, form)["virtual-size"]
    # qemu-img writes "<<< QEMU VM Virtual Disk Image >>>".
    assert form != "vdi" or found.creator == "QEMU VM"
    # Its reader of zstd is another package.
    if options != ("compression_type=zstd",):
        assert found.size_bytes == judges.dissect_size(path)
    assert (found.sector_size, found.links, found.snapshots, found.parent) == (512, (), (), None)
    assert not any((found.unknown, found.is_dirty, found.is_corrupt, found.has_log, found.is_compressed))


def test_other_files_are_named_with_what_they_are(tmp_path: Path) -> None:
    judges.create(tmp_path / "base.qcow2", "qcow2", "10M")
    judges.create(tmp_path / "base.vmdk", "vmdk", "10M")
    for form, driver in ((ContainerFormat.QCOW2, "qcow2"), (ContainerFormat.VMDK, "vmdk")):
        top = tmp_path / f"top.{driver}"
        judges.qemu_img("create", "-q", "-f", driver, "-F", driver, "-b", f"base.{driver}", top)
        assert facts(top).links == (Link(LinkRole.BACKING, f"base.{driver}", form),)
    judges.create(tmp_path / "data.qcow2", "qcow2", "10M", f"data_file={tmp_path / 'plain.img'}", "data_file_raw=on")
    assert facts(tmp_path / "data.qcow2").links == (Link(LinkRole.DATA, str(tmp_path / "plain.img"), RAW, 10 * MIB),)


@pytest.mark.parametrize(
    ("subformat", "size", "names"),
    [
        ("monolithicFlat", "10M", ["disk-flat.vmdk"]),
        ("twoGbMaxExtentFlat", "10M", ["disk-f001.vmdk"]),
        ("twoGbMaxExtentSparse", "5G", ["disk-s001.vmdk", "disk-s002.vmdk", "disk-s003.vmdk"]),
    ],
)
def test_a_descriptor_of_vmware_names_its_extents(subformat: str, size: str, names: list[str], tmp_path: Path) -> None:
    path = judges.create(tmp_path / "disk.vmdk", "vmdk", size, f"subformat={subformat}")
    found = facts(path)
    form = EXTENT if subformat.endswith("Sparse") else RAW
    assert (found.variant, found.size_bytes) == (subformat, judges.info(path, "vmdk")["virtual-size"])
    assert [(each.role, each.name, each.form) for each in found.links] == [(LinkRole.EXTENT, n, form) for n in names]
    if form is EXTENT:
        with pytest.raises(InvalidInput, match="is an extent of a VMDK; valid is the descriptor beside it"):
            facts(tmp_path / names[0])


def test_compressed_and_encrypted_disks_are_seen(tmp_path: Path) -> None:
    raw = tmp_path / "raw.img"
    raw.write_bytes(b"contents" * 100_000)
    stream = judges.convert(raw, tmp_path / "stream.vmdk", "vmdk", "subformat=streamOptimized")
    assert (facts(stream).variant, facts(stream).is_compressed) == ("streamOptimized", True)
    assert facts(judges.convert(raw, tmp_path / "small.qcow2", "qcow2", compress=True)).is_compressed
    locked = judges.create(tmp_path / "locked.qcow2", "qcow2", "10M")
    with locked.open("r+b") as file:
        # "crypt_method" of its header; QEMU takes a second to make a real one.
        file.seek(32)
        file.write((2).to_bytes(4, "big"))
    assert facts(locked).encryption == "LUKS"


def test_snapshots_in_the_file_have_their_names(tmp_path: Path) -> None:
    path = judges.create(tmp_path / "disk.qcow2", "qcow2", "10M")
    judges.snapshot(path, ["clean", "zweiter Zustand ü"])
    theirs = judges.info(path, "qcow2")["snapshots"]
    ours = [(each.identifier, each.name, each.seconds) for each in facts(path).snapshots]
    assert ours == [(each["id"], each["name"], each["date-sec"]) for each in theirs]


def test_a_disk_that_was_not_closed_or_is_damaged_says_so(tmp_path: Path) -> None:
    path = judges.create(tmp_path / "disk.qcow2", "qcow2", "10M")
    for bit, (is_dirty, is_corrupt, unknown) in {
        0: (True, False, ()),
        1: (False, True, ()),
        # The name is in the table of features, which QEMU writes; bit 5 has none.
        5: (False, False, ("bit 5",)),
        63: (False, False, ("bit 63",)),
    }.items():
        with path.open("r+b") as file:
            file.seek(72)
            file.write(struct.pack(">Q", 1 << bit))
        found = facts(path)
        assert (found.is_dirty, found.is_corrupt, found.unknown) == (is_dirty, is_corrupt, unknown)


def test_a_vhdx_with_a_log_says_so(tmp_path: Path) -> None:
    """A writer that is killed leaves its log; QEMU then refuses to open it for reading alone."""
    path = judges.create(tmp_path / "disk.vhdx", "vhdx", "10M")
    data = bytearray(path.read_bytes())
    for at in (0x10000, 0x20000):
        data[at + 48 : at + 64] = b"log of a writer."
        data[at + 4 : at + 8] = bytes(4)
        data[at + 4 : at + 8] = crc32c(bytes(data[at : at + 4096])).to_bytes(4, "little")
    path.write_bytes(data)
    assert facts(path).has_log


def test_the_two_sizes_of_a_vhd_are_both_told_where_its_creator_leaves_doubt(tmp_path: Path) -> None:
    path = judges.create(tmp_path / "disk.vhd", "vhd", "100M")
    data = bytearray(path.read_bytes())

    def change(creator: bytes) -> None:
        for at in (0, len(data) - 512):
            data[at + 28 : at + 32] = creator
            data[at + 48 : at + 56] = (100 * MIB).to_bytes(8, "big")
            data[at + 64 : at + 68] = bytes(4)
            data[at + 64 : at + 68] = (~sum(data[at : at + 512]) & 0xFFFFFFFF).to_bytes(4, "big")
        path.write_bytes(data)

    # 100 MiB in cylinders are 104,865,792 bytes.
    for creator, expected in ((b"qemu", (104865792, 100 * MIB)), (b"win ", (100 * MIB, None))):
        change(creator)
        assert (facts(path).size_bytes, facts(path).other_size_bytes) == expected
        assert judges.info(path, "vhd")["virtual-size"] == expected[0]
    change(b"what")
    assert (facts(path).size_bytes, facts(path).other_size_bytes) == (100 * MIB, 104865792)


def test_a_fixed_vhd_is_a_plain_disk_with_a_footer(tmp_path: Path) -> None:
    path = judges.create(tmp_path / "disk.vhd", "vhd", "10M", "subformat=fixed", "force_size=on")
    with path.open("rb") as file:
        found = fixed_vhd(OpenBytes(file.fileno()))
    assert found is not None
    assert (found.form, found.variant, found.size_bytes) == (ContainerFormat.VHD, "fixed", 10 * MIB)


def test_a_differencing_vhd_names_its_parent(tmp_path: Path) -> None:
    """QEMU opens one as if it stood alone, without a word; the footer at the end decides, as for Windows."""
    path = judges.create(tmp_path / "disk.vhd", "vhd", "10M", "force_size=on")
    data = bytearray(path.read_bytes())
    for at in (0, len(data) - 512):
        data[at + 60 : at + 68] = struct.pack(">II", 4, 0)
        data[at + 64 : at + 68] = (~sum(data[at : at + 512]) & 0xFFFFFFFF).to_bytes(4, "big")
    name = "C:\\base.vhd".encode("utf-16-be")
    data[512 + 64 : 512 + 64 + len(name)] = name
    data[512 + 36 : 512 + 40] = bytes(4)
    data[512 + 36 : 512 + 40] = (~sum(data[512:1536]) & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(data)
    assert (facts(path).variant, facts(path).parent) == ("differencing", "C:\\base.vhd")


def test_a_plain_disk_whose_guest_wrote_a_header_into_its_first_sector_is_no_container(tmp_path: Path) -> None:
    """With it, a guest could choose which files of the host are shown; one with its table behind it is found out."""
    path = judges.create(tmp_path / "disk.qcow2", "qcow2", "10M")
    with path.open("r+b") as file:
        file.seek(510)
        file.write(b"\x55\xaa")
    with pytest.raises(InvalidInput, match="begins as a qcow2 file, and as a plain disk with a partition table"):
        facts(path)


def test_the_first_version_of_qcow_is_named(tmp_path: Path) -> None:
    judges.qemu_img("create", "-q", "-f", "qcow", tmp_path / "old.qcow", "10M")
    with pytest.raises(InvalidInput, match="is a qcow file of version 1; valid are 2 and 3"):
        facts(tmp_path / "old.qcow")


def test_the_checksum_of_vhdx_is_castagnolis() -> None:
    # RFC 3720, B.4.
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_facts_of_a_large_disk_take_no_more_than_its_tables(tmp_path: Path) -> None:
    path = judges.create(tmp_path / "disk.qcow2", "qcow2", "60T", "cluster_size=2M")
    assert facts(path).size_bytes == 60 * 1024 * GIB
    subprocess.run(["qemu-img", "resize", "-q", "-f", "qcow2", path, "65T"], check=True)
    with pytest.raises(InvalidInput, match="valid is up to 70368744177664"):
        facts(path)
