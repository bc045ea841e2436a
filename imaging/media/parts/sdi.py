r"""boot.sdi: the disk in memory that the boot manager starts a boot image on.

The file says where in it an NTFS volume is, into which the boot manager puts the WIM that begins behind it.  Windows
brings one, always the same; it has no room for files, and holds none.

============  =====================================================================================================
offset        what is there
============  =====================================================================================================
0             ``$SDI0001``
0x70          u64: pages of 4 KiB to whose multiples parts are placed
0x1F8         u8: the 512 bytes add up to 0, modulo 256
0x400         records of 64 bytes: type[8], u64 attributes, u64 offset, u64 size, u64 type of a partition, 24 zero
============  =====================================================================================================

Source: the boot.sdi of Windows 7 to 11 (3,170,304 bytes), byte by byte; "SDI File Format" of Windows Embedded for the
names.  Whether the boot manager takes one that was made here was never tried.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.disk.image import create_image
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput, OsdImageError
from osdimage.imaging.finding import Severity
from osdimage.imaging.logs import logged
from osdimage.imaging.output import REPLACE_IT, new_file, refuse_existing, write_at
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import Extent, Geometry, Lba
from osdimage.imaging.volume.ntfs.check.volume import NtfsCheckOptions, check_ntfs
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs, require_mkntfs

SDI_BYTES = 0x306000
"""Of the file that Windows brings, and of one that is made."""
LARGEST_SDI = 64 << 20
_MAGIC = b"$SDI0001"
_PAGES_AT, _CHECKSUM_AT, _TABLE_AT, _TABLE_END = 0x70, 0x1F8, 0x400, 0x1000
_HEAD_BYTES, _SECTOR_BYTES = 512, 512
_RECORD = struct.Struct("<8s4Q24x")
_PART, _WIM = "PART", "WIM"
_NTFS_TYPE = 7
_ALIGNMENT_PAGES = 2
# The volume of Windows' file: 6173 sectors, and the copy of the boot sector behind them.
_VOLUME_AT, _VOLUME_SECTORS = 0x2000, 6174
_LABEL, _HIDDEN_SECTORS, _HEADS, _SECTORS_PER_TRACK = "Boot", 2, 16, 63
# Of the boot sector: any number, but always the same, so that a medium can be made again to the byte.
_SERIAL = int.from_bytes(_MAGIC, "little")


@dataclass(frozen=True, slots=True)
class SdiPart:
    """A part of the file.

    Attributes:
        kind: ``PART``, the volume, or ``WIM``, where the boot image is put, which is empty in the file.
        offset: where it begins, in bytes.
        size: in bytes; 0 up to the end.
        partition_type: as an MBR has it; 7 is NTFS.
    """

    kind: str
    offset: int
    size: int
    partition_type: int


@dataclass(frozen=True, slots=True)
class SdiFacts:
    """What is in a boot.sdi.

    Attributes:
        size_bytes: of the file.
        parts: that it lists.
        faults: sentences about what is wrong with it; empty when nothing is.
    """

    size_bytes: int
    parts: tuple[SdiPart, ...]
    faults: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def read_sdi(data: bytes, *, name: str, deep: bool = True) -> SdiFacts:
    """Return what is in a boot.sdi, and what is wrong with it.

    Args:
        data: the whole file.
        name: what messages call it.
        deep: also check the files of the volume in it.

    Raises:
        InvalidInput: when it is none.
    """
    if data[: len(_MAGIC)] != _MAGIC:
        raise InvalidInput(f"{name}: is no SDI file, which begins with {_MAGIC.decode()}")
    parts = _parts(data)
    faults = ["the checksum of its head is wrong"] if sum(data[:_HEAD_BYTES]) % 256 else []
    faults += (
        f"the part {each.kind} ends at byte {each.offset + each.size}, and the file has {len(data)}"
        for each in parts
        if each.offset + each.size > len(data)
    )
    volume = next((each for each in parts if each.kind == _PART), None)
    wim = next((each for each in parts if each.kind == _WIM), None)
    if volume is None:
        faults.append("has no volume (a part PART)")
    elif volume.offset + volume.size <= len(data):
        faults += _faults_of_volume(data, volume, deep=deep)
    if wim is None:
        faults.append("has no place for a boot image (a part WIM)")
    elif volume is not None and wim.offset < volume.offset + volume.size:
        faults.append(f"the boot image would begin at byte {wim.offset}, within the volume")
    return SdiFacts(len(data), parts, tuple(faults))


def create_sdi() -> bytes:
    """Make a boot.sdi of the form of Windows' own, which is the same each time.

    Raises:
        OsdImageError: when mkntfs, which makes its volume, is missing or fails.
        StorageError: when there is no room for it in TMPDIR.
    """
    # What it says of the volume that it cannot make would be about a file that nobody has named.
    require_mkntfs("boot.sdi")
    head = bytearray(_HEAD_BYTES)
    head[: len(_MAGIC)] = _MAGIC
    struct.pack_into("<Q", head, _PAGES_AT, _ALIGNMENT_PAGES)
    head[_CHECKSUM_AT] = -sum(head) % 256
    volume_bytes = _VOLUME_SECTORS * _SECTOR_BYTES
    records = _RECORD.pack(_PART.encode(), 0, _VOLUME_AT, volume_bytes, _NTFS_TYPE)
    records += _RECORD.pack(_WIM.encode(), 0, SDI_BYTES, 0, 0)
    with scratch_folder() as folder:
        path = folder / "boot.sdi"
        with create_image(str(path), SDI_BYTES) as target:
            target.write_at(0, bytes(head))
            target.write_at(_TABLE_AT, records)
            wish = NtfsFormat(
                _LABEL,
                cluster_size=_SECTOR_BYTES,
                sector_size=_SECTOR_BYTES,
                serial=_SERIAL,
                hidden_sectors=_HIDDEN_SECTORS,
                heads=_HEADS,
                sectors_per_track=_SECTORS_PER_TRACK,
                is_zero=True,
            )
            format_ntfs(target, Extent(Lba(_VOLUME_AT // _SECTOR_BYTES), _VOLUME_SECTORS), wish)
        return path.read_bytes()


@logged("write {path}")
def write_sdi(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a file that :func:`create_sdi` makes; it appears complete or not at all.

    Args:
        path: the new file.
        overwrite: replace a file that is there.

    Raises:
        TargetRefused: when the file is there, and ``overwrite`` is false.
        StorageError: when it cannot be written.
        OsdImageError: as :func:`create_sdi`.
    """
    target = Path(path)
    if not overwrite:
        refuse_existing(target, REPLACE_IT)
    data = create_sdi()
    with new_file(target, replace=overwrite) as descriptor:
        write_at(descriptor, data, 0)


def _parts(data: bytes) -> tuple[SdiPart, ...]:
    found = []
    for at in range(_TABLE_AT, min(_TABLE_END, len(data) - _RECORD.size + 1), _RECORD.size):
        kind, _, offset, size, partition_type = _RECORD.unpack_from(data, at)
        if not kind.strip(b"\0"):
            break
        name = "".join(chr(each) if 0x20 <= each < 0x7F else "?" for each in kind.rstrip(b"\0"))
        found.append(SdiPart(name, offset, size, partition_type))
    return tuple(found)


def _faults_of_volume(data: bytes, part: SdiPart, *, deep: bool) -> list[str]:
    if part.partition_type != _NTFS_TYPE:
        return [f"its volume has the type {part.partition_type:#x}; that of NTFS is 0x07"]
    sectors = part.size // _SECTOR_BYTES
    if not sectors:
        return [f"its volume has {part.size} bytes"]
    if not deep:
        return []
    target = MemoryTarget(Geometry(_SECTOR_BYTES, sectors), name="volume")
    target.write_at(0, data[part.offset : part.offset + sectors * _SECTOR_BYTES])
    try:
        report = check_ntfs(target.window(Extent(Lba(0), sectors)), NtfsCheckOptions(most=1))
    except OsdImageError as error:
        return [f"its volume cannot be read: {error}"]
    return [f"its volume: {kind.title}" for kind in report.counts if kind.severity is Severity.ERROR]
