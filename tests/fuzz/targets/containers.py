"""Headers of the files of virtual machines' disks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from judges import containers as judges
from osdimage.imaging.disk.containers.crc32c import crc32c
from osdimage.imaging.disk.containers.facts import LARGEST_DISK, ContainerFormat, MemoryBytes, shown
from osdimage.imaging.disk.containers.kinds import HEAD_BYTES, container_of, facts_of, fixed_vhd
from osdimage.imaging.disk.target import BlockTarget, MemoryTarget
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import Geometry

from fuzz.places import as_disk, from_disk
from fuzz.target import Target

_VHDX_SUMS = ((0x10000, 4096, b"head"), (0x20000, 4096, b"head"), (0x30000, 65536, b"regi"))


def _mend(disk: BlockTarget) -> None:
    """Write the checksums of VHDX and VHD: by chance nobody finds one."""
    size = disk.geometry.size_bytes
    for at, length, mark in _VHDX_SUMS:
        if at + length <= size and disk.read_at(at, 4) == mark:
            disk.write_at(at + 4, bytes(4))
            disk.write_at(at + 4, crc32c(disk.read_at(at, length)).to_bytes(4, "little"))
    for at, length, place, mark in ((0, 512, 64, b"cone"), (512, 1024, 36, b"cxsp"), (size - 512, 512, 64, b"cone")):
        if 0 <= at <= size - length and disk.read_at(at, len(mark)) == mark:
            disk.write_at(at + place, bytes(4))
            disk.write_at(at + place, (~sum(disk.read_at(at, length)) & 0xFFFFFFFF).to_bytes(4, "big"))


def _facts(data: bytes) -> None:
    disk = as_disk(data)
    _mend(disk)
    file = MemoryBytes(disk.read_at(0, disk.geometry.size_bytes))
    fixed_vhd(file)
    form = container_of(file.read(0, HEAD_BYTES))
    if form is None:
        raise InvalidInput("no container")
    found = facts_of(file, form)
    assert 0 < found.size_bytes <= LARGEST_DISK
    assert all(each.name for each in found.links)
    assert shown("".join((found.creator or "", found.parent or "", *found.unknown))).isprintable()


def _descriptor(data: bytes) -> None:
    """Take the text of a descriptor alone: no table is between a fuzzer and its lines."""
    facts_of(MemoryBytes(b"# Disk DescriptorFile\n" + data), ContainerFormat.VMDK)


def _seeds() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for form in judges.DRIVERS:
            judges.create(folder / f"disk.{form}", form, "2M")
        judges.snapshot(folder / "disk.qcow2", ["one"])
        judges.qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "disk.vdi", folder / "top.qcow2")
        for path in sorted(folder.iterdir()):
            data = path.read_bytes()
            disk = MemoryTarget(Geometry.of_size(-(-len(data) // 4096) * 4096, 512))
            disk.write_at(0, data)
            yield from_disk(disk)


def _descriptors() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as name:
        for subformat in ("monolithicFlat", "twoGbMaxExtentSparse"):
            path = judges.create(Path(name) / f"{subformat}.vmdk", "vmdk", "3G", f"subformat={subformat}")
            yield path.read_bytes().partition(b"\n")[2]


TARGETS = (
    Target("container", _facts, _seeds, (InvalidInput,), largest=48 << 10),
    Target("vmdk-descriptor", _descriptor, _descriptors, (InvalidInput,), largest=4 << 10),
)
