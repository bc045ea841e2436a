"""Formatting a partition of a disk as NTFS.

mkntfs makes the volume in a sparse temporary file of the partition's exact size, and only what it wrote is copied into
the partition.  The boot sector comes last: until then the partition holds no volume, whatever interrupts the work, and
what it is to become is known to osdimage alone (``disk/unfinished.py``).
"""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from dataclasses import dataclass

from osdimage.imaging.disk import signatures
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.target import DiskTarget, Window
from osdimage.imaging.disk.unfinished import Unfinished
from osdimage.imaging.errors import InvalidRequest, OsdImageError, StorageError, explain
from osdimage.imaging.logs import ran
from osdimage.imaging.output import path_of, require_proc, write_at
from osdimage.imaging.programs import find_program
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import MIB, Extent, Geometry, format_size
from osdimage.native import holes
from osdimage.native.ntfs import volume

HEADS, SECTORS_PER_TRACK = 255, 63
"""The geometry that every BIOS with LBA and Windows assume."""

_LARGEST_LABEL = 32  # characters, as Windows allows
_CLUSTERS = frozenset(512 << shift for shift in range(13))  # to 2 MiB, as Windows 10 1709 and later allow
_SMALLEST = MIB  # without the last sector, which holds the copy of the boot sector (mkntfs)
BOOT_BYTES = 8192
"""The size of $Boot: the boot sector, and the code that it loads."""
# What a boot sector tells of its volume is between these; before and behind it is code.
_TOLD_AT, _CODE_AT = 0x03, 0x54
_SERIAL_AT = 0x48  # in the boot sector and its copy (Microsoft, "NTFS boot sector")
_U32 = 0xFFFFFFFF
_TIMEOUT_S = 600
_PIECE = MIB
_REPORTED = 64 * MIB  # zeros between two events
_ZEROS = bytes(_PIECE)


@dataclass(frozen=True, slots=True)
class NtfsFormat:
    """How a volume is to be made.

    Attributes:
        label: the volume label, at most 32 characters; empty for none.
        cluster_size: in bytes; None for what mkntfs takes for the size (4 KiB up to 16 TiB).
        sector_size: in bytes, as the boot sector tells it; None for that of the disk, the only one that Windows takes.
        serial: the 64-bit serial number; None for a random one.  With one the volume is the same byte for byte each
            time, and its own files bear the date 1970.
        quick: leave the free space as it is; otherwise write zeros everywhere, which finds sectors that cannot be
            written.
        hidden_sectors: how many sectors are before the volume, for boot code; None for the partition's place on the
            disk, and 0 where that is too large for the field.
        heads: of a cylinder, for boot code.
        sectors_per_track: the same.
        is_zero: the partition is known to hold nothing but zeros, as in a disk image that was just made.
        is_dirty: mark it dirty: whoever makes it has more to write, and takes the mark away.
        boot_code: the first :data:`BOOT_BYTES` of another volume, whose boot code the new one gets; None for that of
            mkntfs, which says that the volume does not start.
    """

    label: str = ""
    cluster_size: int | None = None
    sector_size: int | None = None
    serial: int | None = None
    quick: bool = True
    hidden_sectors: int | None = None
    heads: int = HEADS
    sectors_per_track: int = SECTORS_PER_TRACK
    is_zero: bool = False
    is_dirty: bool = False
    boot_code: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse what NTFS or Windows does not know."""
        # Characters that FAT forbids are good here (Microsoft, the command "label").
        if len(self.label) > _LARGEST_LABEL or not self.label.isprintable():
            raise InvalidRequest(
                f"the volume label {self.label!r} is not valid: at most {_LARGEST_LABEL} printable characters"
            )
        if self.cluster_size is not None and self.cluster_size not in _CLUSTERS:
            raise InvalidRequest(
                f"clusters of {self.cluster_size} bytes are not possible; valid are powers of two from 512 to 2097152"
            )
        if self.serial is not None and not 0 <= self.serial < 1 << 64:
            raise InvalidRequest(f"the serial number {self.serial:#x} does not fit into 64 bits")


def format_ntfs(
    target: DiskTarget, extent: Extent, wish: NtfsFormat | None = None, *, progress: ProgressCallback | None = None
) -> None:
    """Make an NTFS volume in a partition of a disk.  What the partition held is lost; nothing outside it is touched.

    Args:
        target: the disk, open for writing.
        extent: the sectors of the partition.
        wish: how.
        progress: receives the progress.

    Raises:
        InvalidRequest: when the partition is too small, or mkntfs cannot make such a volume.
        StorageError: when the disk or the temporary file cannot be written.
        OsdImageError: when mkntfs is missing or fails.
    """
    wish = wish or NtfsFormat()
    meter = Meter(progress, {Phase.WRITE_METADATA: 1} if wish.quick else {Phase.WIPE: 95, Phase.WRITE_METADATA: 5})
    window = target.window(extent)
    size = window.geometry.size_bytes
    refuse_too_small(window.geometry)
    try:
        # Without a name, so that nothing is left of it whatever ends the program.
        with tempfile.TemporaryFile() as made:
            made.truncate(size)
            sector_size = wish.sector_size or window.geometry.sector_size
            _run_mkntfs(target.name, made.fileno(), _arguments(extent, sector_size, wish))
            if wish.serial is not None:
                _set_serial(made.fileno(), size, sector_size, wish.serial)
            if wish.boot_code is not None:
                _set_boot_code(made.fileno(), size, sector_size, wish.boot_code)
            if wish.is_dirty:
                volume.set_dirty(path_of(made.fileno()), dirty=True)
            _put_in_place(target, extent, made.fileno(), wish, meter)
    except StorageError:
        # Of the disk, not of the file.
        raise
    except OSError as error:
        raise StorageError(
            f"a temporary file cannot be written: {error.strerror}", path=tempfile.gettempdir(), errno=error.errno
        ) from error


def refuse_too_small(geometry: Geometry) -> None:
    """Refuse a volume of a size that NTFS cannot have.

    Raises:
        InvalidRequest: naming the smallest.
    """
    size, least = geometry.size_bytes, _SMALLEST + geometry.sector_size
    if size < least:
        raise InvalidRequest(f"{format_size(size)} ({size} bytes) is too small for NTFS; valid are {least} and more")


# ---- mkntfs


def _arguments(extent: Extent, sector_size: int, wish: NtfsFormat) -> list[str]:
    hidden = wish.hidden_sectors
    if hidden is None:
        hidden = extent.first if extent.first <= _U32 else 0
    # Always without filling: the temporary file is zeros already.
    arguments = ["--quick", "--force", "--quiet", f"--sector-size={sector_size}", f"--partition-start={hidden}"]
    arguments += [f"--heads={wish.heads}", f"--sectors-per-track={wish.sectors_per_track}", f"--label={wish.label}"]
    if wish.cluster_size is not None:
        arguments.append(f"--cluster-size={wish.cluster_size}")
    if wish.serial is not None:
        arguments.append("--zero-time")
    return arguments


def require_mkntfs(name: str) -> str:
    """Return where mkntfs is.

    Raises:
        OsdImageError: when it is missing, or could not open what it is given; the disk is called ``name``.
    """
    program = find_program("mkntfs")
    if program is None:
        raise OsdImageError(f"{name}: cannot be formatted: mkntfs is not installed (Debian, Ubuntu: ntfs-3g)")
    require_proc()
    return program


def _run_mkntfs(name: str, descriptor: int, arguments: list[str]) -> None:
    program = require_mkntfs(name)
    try:
        done = subprocess.run(
            [program, *arguments, path_of(descriptor)],
            pass_fds=(descriptor,),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
            # mkntfs reads the label in the encoding of the locale.
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise OsdImageError(f"{name}: mkntfs was not done after {_TIMEOUT_S} s") from error
    ran(__name__, done.args, done.returncode)
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        said = [line for line in lines if "forced anyway" not in line and "is not a block device" not in line]
        raise OsdImageError(f"{name}: mkntfs failed ({done.returncode}): {'; '.join(said[-3:]) or 'without a word'}")


def _set_serial(descriptor: int, size: int, sector_size: int, serial: int) -> None:
    """Write the serial number into the boot sector and its copy in the last sector, which mkntfs draws at random."""
    for sector_at in (0, (size // sector_size - 1) * sector_size):
        if os.pread(descriptor, 8, sector_at + 3) != b"NTFS    ":
            raise OsdImageError(f"mkntfs wrote no boot sector at byte {sector_at}")
        write_at(descriptor, struct.pack("<Q", serial), sector_at + _SERIAL_AT)


def _set_boot_code(descriptor: int, size: int, sector_size: int, code: bytes) -> None:
    """Write boot code around what the boot sector tells of the volume, and the same into its copy."""
    told = os.pread(descriptor, _CODE_AT, 0)
    boot = code[:_TOLD_AT] + told[_TOLD_AT:] + code[_CODE_AT:BOOT_BYTES]
    write_at(descriptor, boot, 0)
    write_at(descriptor, boot[:sector_size], (size // sector_size - 1) * sector_size)


# ---- into the partition


def _put_in_place(target: DiskTarget, extent: Extent, descriptor: int, wish: NtfsFormat, meter: Meter) -> None:
    window = target.window(extent)
    sector_size = window.geometry.sector_size
    boot = os.pread(descriptor, sector_size, 0)
    window.write_at(0, Unfinished(Content.NTFS, wish.label, boot).sector(sector_size))
    try:
        window.flush()
        _copy(target, extent, descriptor, wish, meter)
        window.flush()
        window.write_at(0, boot)
        window.flush()
    except BaseException as error:
        explain(error, f"{target.name}: the partition at sector {extent.first} was not finished and holds no volume")
        raise
    meter.finish()


def _copy(target: DiskTarget, extent: Extent, descriptor: int, wish: NtfsFormat, meter: Meter) -> None:
    """Copy all that mkntfs wrote but the boot sector; the first sector stays as it is."""
    window = target.window(extent)
    size, sector_size = window.geometry.size_bytes, window.geometry.sector_size
    ranges = [(max(begin, sector_size), end) for begin, end in holes.data_ranges(descriptor, 0, size)]
    if not wish.quick:
        # A hole of a disk image is zeros already, and takes no room.
        for begin, end in list(window.data_ranges(0, size)):
            for at in range(begin, end, _REPORTED):
                meter.step(Phase.WIPE, at, size)
                _fill(window, max(at, sector_size), min(at + _REPORTED, end))
        meter.step(Phase.WIPE, size, size)
    elif not wish.is_zero and not target.punch((extent.first + 1) * sector_size, size - sector_size):
        _erase_marks(window)
        # Where the file system makes holes of zeros that mkntfs wrote, they are wanted all the same.
        for begin, end in volume.allocated_ranges(path_of(descriptor)):
            for gap_begin, gap_end in holes.hole_ranges(descriptor, begin, min(end, size)):
                _fill(window, max(gap_begin, sector_size), gap_end)
    done, total = 0, sum(max(0, end - begin) for begin, end in ranges)
    for begin, end in ranges:
        for at in range(begin, end, _PIECE):
            meter.step(Phase.WRITE_METADATA, done, total)
            done += min(_PIECE, end - at)
            window.write_at(at, os.pread(descriptor, min(_PIECE, end - at), at))


def _fill(window: Window, begin: int, end: int) -> None:
    for at in range(begin, end, _PIECE):
        window.write_at(at, _ZEROS[: min(_PIECE, end - at)])


def _erase_marks(window: Window) -> None:
    """Erase what would make a program take the partition for the file system that was there."""
    for at, content in list(signatures.find_marks(window)):
        if content is not Content.UNFINISHED:
            window.write_at(at, bytes(8))
