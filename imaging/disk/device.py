"""Block devices of Linux: what they are, who uses them, and telling the kernel about new partitions.

Sources: linux/fs.h (BLK ioctls), linux/blkpg.h, Documentation/ABI/stable/sysfs-block, proc(5) for mountinfo and swaps,
and systemd's "Locking Block Device Access" for the lock.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import re
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.disk.image import FileTarget, open_image
from osdimage.imaging.disk.locking import lock, look_for_qemu
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.target import DiskTarget
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, StorageError, TargetRefused
from osdimage.imaging.units import Bytes, Geometry, format_size

_BLKROGET, _BLKRRPART, _BLKGETSIZE64, _BLKSSZGET, _BLKPG = 0x125E, 0x125F, 0x80081272, 0x1268, 0x1269
_BLKPG_ADD, _BLKPG_DEL = 1, 2
_SYS = Path("/sys")
_PROC = Path("/proc")
# A controller in the path of a device, as usb1.
_USB_BUS = re.compile(r"usb[0-9]+")
_NODE_WAIT_S = 5.0
_NODE_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a block device is.

    Attributes:
        path: the name it was opened by.
        kernel_name: what the kernel calls it, such as ``sda`` or ``loop0``.
        geometry: its sectors.
        serial: the serial number, or None when it has none.
        wwn: the world-wide name, or None.
        model: the model, or None.
        backing_file: the file behind a loop device, or None.
    """

    path: str
    kernel_name: str
    geometry: Geometry
    serial: str | None = None
    wwn: str | None = None
    model: str | None = None
    backing_file: str | None = None


class DeviceTarget(FileTarget):
    """An open block device."""

    def __init__(self, descriptor: int, facts: DeviceFacts) -> None:
        """Take over the descriptor."""
        super().__init__(facts.path, descriptor, facts.geometry)
        self.facts = facts


def open_target(path: str, *, write: bool = False, opening: Opening = AS_FOUND, share: bool = False) -> DiskTarget:
    """Open a disk image or a block device.

    For writing, a device is opened exclusively and both are locked; an image that a loop device uses is refused.  What
    is only read is locked with ``share``, as readers lock.

    Raises:
        StorageError: when it cannot be opened.
        TargetRefused: when it is neither, is a partition, is in use, or is read-only.
        InvalidRequest: when it is a directory, or the size of its sectors is not that of the device.
    """
    try:
        facts = Path(path).stat()
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    if stat.S_ISBLK(facts.st_mode):
        opening.require_disk(path)
        return _open_device(path, facts.st_rdev, write=write, opening=opening, share=share)
    if stat.S_ISDIR(facts.st_mode):
        raise InvalidRequest(f"{path} is a directory: valid is a disk image or a block device")
    if not stat.S_ISREG(facts.st_mode):
        # Asked before it is opened: opening a pipe would wait for somebody at its other end.
        raise TargetRefused(f"{path} is not a disk: valid is a disk image or a block device")
    if write:
        _refuse_looped(path, facts)
    return open_image(path, write=write, share=share, opening=opening)


def _open_device(path: str, number: int, *, write: bool, opening: Opening, share: bool) -> DeviceTarget:
    folder = _sys_folder(number)
    if (folder / "partition").exists():
        raise TargetRefused(f"{path} is a partition; give the whole disk, /dev/{folder.parent.name}")
    if write and (users := list(usage(folder))):
        raise TargetRefused(f"{path} is in use: {'; '.join(users)}")
    try:
        descriptor = os.open(path, (os.O_RDWR | os.O_EXCL if write else os.O_RDONLY) | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.EBUSY, errno.EROFS}:
            raise TargetRefused(f"{path} cannot be opened for writing: {error.strerror}") from error
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    try:
        if write or share:
            lock(descriptor, path, shared=not write)
        look_for_qemu(path, descriptor, write=write, opening=opening)
        geometry = _geometry(path, descriptor, write, opening.sector_size)
        return DeviceTarget(descriptor, _facts(path, folder, geometry))
    except BaseException:
        os.close(descriptor)
        raise


def _geometry(path: str, descriptor: int, write: bool, sector_size: int | None) -> Geometry:  # noqa: FBT001
    if write:
        refuse_unwritable(path, descriptor)
    logical = _ioctl_int(descriptor, _BLKSSZGET)
    if sector_size is not None and sector_size != logical:
        raise InvalidRequest(f"{path} has sectors of {logical} bytes, and cannot have sectors of {sector_size}")
    size = struct.unpack("Q", fcntl.ioctl(descriptor, _BLKGETSIZE64, bytes(8)))[0]
    return Geometry.of_size(size, logical)


def refuse_unwritable(path: str, descriptor: int) -> None:
    """Refuse a device that is read-only, and a file that a loop device uses.

    Raises:
        TargetRefused: that says so.
    """
    facts = os.fstat(descriptor)
    if not stat.S_ISBLK(facts.st_mode):
        _refuse_looped(path, facts)
    elif _ioctl_int(descriptor, _BLKROGET):
        raise TargetRefused(f"{path} is read-only")


def backing_file(path: Path) -> Path | None:
    """Return the file that a loop device shows, or None for everything else."""
    with suppress(OSError):
        facts = path.stat()
        if stat.S_ISBLK(facts.st_mode):
            return Path((_sys_folder(facts.st_rdev) / "loop" / "backing_file").read_text().rstrip("\n"))
    return None


def _refuse_looped(path: str, facts: os.stat_result) -> None:
    for loop in _loops_of(facts):
        raise TargetRefused(f"{path} is in use by /dev/{loop}: detach it (losetup -d), or give /dev/{loop} instead")


def _ioctl_int(descriptor: int, request: int) -> int:
    value: int = struct.unpack("i", fcntl.ioctl(descriptor, request, bytes(4)))[0]
    return value


def _sys_folder(number: int) -> Path:
    return (_SYS / "dev" / "block" / f"{os.major(number)}:{os.minor(number)}").resolve()


def _facts(path: str, folder: Path, geometry: Geometry) -> DeviceFacts:
    udev = _udev_properties(folder)
    return DeviceFacts(
        path=path,
        kernel_name=folder.name,
        geometry=geometry,
        serial=_first_text(folder / "serial", folder / "device" / "serial") or udev.get("ID_SERIAL_SHORT"),
        wwn=_first_text(folder / "wwid", folder / "device" / "wwid") or udev.get("ID_WWN"),
        model=_first_text(folder / "device" / "model") or udev.get("ID_MODEL"),
        backing_file=_first_text(folder / "loop" / "backing_file"),
    )


def _first_text(*paths: Path) -> str | None:
    for path in paths:
        with suppress(OSError):
            if text := path.read_text(errors="replace").strip("\0 \n\t"):
                return text
    return None


def _udev_properties(folder: Path) -> dict[str, str]:
    with suppress(OSError):
        number = (folder / "dev").read_text().strip()
        lines = Path(f"/run/udev/data/b{number}").read_text(errors="replace").splitlines()
        return dict(line[2:].split("=", 1) for line in lines if line.startswith("E:") and "=" in line)
    return {}


def check_expected(target: DiskTarget, *, serial: str | None, size_bytes: int | None) -> None:
    """Make sure that a target is the disk that was meant.

    ``serial`` is compared, without case, with the serial number and the WWN.

    Raises:
        TargetRefused: when one of them differs, or the target has no serial number.
    """
    if size_bytes is not None and target.geometry.size_bytes != size_bytes:
        have = target.geometry.size_bytes
        raise TargetRefused(
            f"{target.name} has {have} bytes ({format_size(have)}), expected were {size_bytes} "
            f"({format_size(Bytes(size_bytes))})"
        )
    if serial is None:
        return
    known = [target.facts.serial, target.facts.wwn] if isinstance(target, DeviceTarget) else []
    names = [name for name in known if name is not None]
    if not names:
        raise TargetRefused(f"{target.name} has no serial number, expected was {serial}")
    if serial.lower() not in {name.lower() for name in names}:
        raise TargetRefused(f"{target.name} has serial number {' or '.join(names)}, expected was {serial}")


def refuse_fixed(target: DiskTarget) -> None:
    """Refuse a device that stays in its computer: one that is neither removable nor on USB, nor a memory card.

    Files are taken, and devices that show a file.

    Raises:
        TargetRefused: that says so.
    """
    if not isinstance(target, DeviceTarget) or target.facts.backing_file is not None:
        return
    folder = (_SYS / "class" / "block" / target.facts.kernel_name).resolve()
    if _first_text(folder / "removable") == "1" or _first_text(folder / "device" / "type") == "SD":
        return
    if any(_USB_BUS.fullmatch(part) for part in folder.parts):
        return
    model = f" ({target.facts.model})" if target.facts.model is not None else ""
    raise TargetRefused(
        f"{target.name}{model} is no stick: it is neither removable nor on USB",
        remedy=Remedy("{} writes to it all the same", (Means.FIXED_DISK,)),
    )


# ---- who uses it ----


def usage(folder: Path) -> Iterator[str]:
    """Yield who uses a disk, or a partition of it: mounts, swap, holders such as LVM, RAID and encryption."""
    numbers: dict[str, str] = {}
    for each in (folder, *_partition_folders(folder)):
        with suppress(OSError):
            numbers[(each / "dev").read_text().strip()] = each.name
            holders = sorted(holder.name for holder in (each / "holders").iterdir())
            if holders:
                yield f"{each.name} is held by {', '.join(holders)}"
    for line in (_PROC / "self" / "mountinfo").read_text(errors="replace").splitlines():
        fields = line.split(" ")
        source = fields[fields.index("-") + 2] if "-" in fields else ""
        # btrfs reports a device number of its own, so the source is looked at as well.
        name = numbers.get(fields[2]) or numbers.get(_device_number(source))
        if name is not None:
            yield f"{name} is mounted on {_unescape(fields[4])}"
    for line in (_PROC / "swaps").read_text(errors="replace").splitlines()[1:]:
        name = numbers.get(_device_number(line.split()[0]))
        if name is not None:
            yield f"{name} is swap space"


def _partition_folders(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if (each / "partition").exists()] if folder.is_dir() else []


def _device_number(path: str) -> str:
    with suppress(OSError, ValueError):
        facts = Path(_unescape(path)).stat()
        if stat.S_ISBLK(facts.st_mode):
            return f"{os.major(facts.st_rdev)}:{os.minor(facts.st_rdev)}"
    return ""


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _loops_of(facts: os.stat_result) -> Iterator[str]:
    """Yield the loop devices that use a file, by whatever name they do."""
    for backing in (_SYS / "block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            if os.path.samestat(Path(backing.read_text().rstrip("\n")).stat(), facts):
                yield backing.parent.parent.name


# ---- telling the kernel ----


def announce(target: DeviceTarget, table: PartitionTable) -> tuple[str, ...]:
    """Make the kernel read the new table and wait for the device nodes.

    BLKRRPART first; where the kernel refuses that, every partition is announced by BLKPG.  What did not work is
    returned as sentences: the table is on the disk all the same.
    """
    folder = _SYS / "class" / "block" / target.facts.kernel_name
    with suppress(OSError):
        fcntl.ioctl(target.descriptor, _BLKRRPART)
    if _kernel_view(folder) != _expected_view(table):
        try:
            _announce_each(target, table, folder)
        except OSError as error:
            hint = "; a loop device needs losetup -P" if target.facts.backing_file is not None else ""
            return (f"{target.name}: the kernel did not take the new partitions ({error.strerror}){hint}",)
    return _wait_for_nodes(folder, table)


def _announce_each(target: DeviceTarget, table: PartitionTable, folder: Path) -> None:
    size = table.geometry.sector_size
    for number in sorted(_kernel_view(folder), reverse=True):
        _blkpg(target.descriptor, _BLKPG_DEL, number, 0, 0)
    for partition in table.partitions:
        _blkpg(
            target.descriptor,
            _BLKPG_ADD,
            partition.number,
            partition.extent.first * size,
            _kernel_sectors(partition, size) * 512,
        )


def _blkpg(descriptor: int, operation: int, number: int, start_bytes: int, length_bytes: int) -> None:
    # struct blkpg_partition: start, length, pno, devname[64], volname[64]
    partition = array.array("b", struct.pack("qqi64s64s4x", start_bytes, length_bytes, number, b"", b""))
    address, count = partition.buffer_info()
    fcntl.ioctl(descriptor, _BLKPG, struct.pack("iiiP", operation, 0, count, address))


def _kernel_sectors(partition: Partition, sector_size: int) -> int:
    """Return how large the kernel makes a partition, in units of 512 bytes; an extended one is cut to 1 KiB."""
    sectors = partition.extent.count * (sector_size // 512)
    return min(sectors, max(2, sector_size // 512)) if partition.is_extended else sectors


def _expected_view(table: PartitionTable) -> dict[int, tuple[int, int]]:
    scale = table.geometry.sector_size // 512
    return {
        each.number: (each.extent.first * scale, _kernel_sectors(each, table.geometry.sector_size))
        for each in table.partitions
    }


def _kernel_view(folder: Path) -> dict[int, tuple[int, int]]:
    """Return start and size of the partitions that the kernel knows, in units of 512 bytes, by number."""
    view = {}
    for each in _partition_folders(folder.resolve()):
        with suppress(OSError, ValueError):
            number = int((each / "partition").read_text())
            view[number] = (int((each / "start").read_text()), int((each / "size").read_text()))
    return view


def _wait_for_nodes(folder: Path, table: PartitionTable) -> tuple[str, ...]:
    deadline = time.monotonic() + _NODE_WAIT_S
    while True:
        view = _kernel_view(folder)
        names = [each.name for each in _partition_folders(folder.resolve())]
        missing = [name for name in names if not Path("/dev", name).exists()]
        if view == _expected_view(table) and not missing:
            return ()
        if time.monotonic() > deadline:
            break
        time.sleep(_NODE_POLL_S)
    if view != _expected_view(table):
        return (f"{folder.name}: the kernel sees other partitions than were written; run partprobe, or restart",)
    return (f"the device nodes {', '.join('/dev/' + name for name in sorted(missing))} did not appear",)
