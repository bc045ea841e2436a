"""GRUB as the boot code of an NTFS volume: it starts BOOTMGR or NTLDR there, as Microsoft's own boot sector does.

Three parts work in turn.  The boot sector of the volume gets GRUB's ``boot.img`` around the description of the volume;
it reads the first sector of GRUB's core, and that the rest of it.  The core is in the gap between the MBR and the first
partition, and ends in the command ``ntldr /bootmgr`` for that volume.  So the MBR keeps its own code and the active
flag decides as ever; and ``bootsect /nt60`` in Windows replaces the boot sector and with it all of GRUB.

GRUB (GPL-3.0-or-later) is called as a program and is not part of osdimage.  Sources: its boot/i386/pc/boot.S and
diskboot.S, include/grub/offsets.h (where the sector numbers are), util/setup.c (what grub-bios-setup writes there).
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import construct as c
from osdimage.imaging.boot.code.kinds import SECTOR_BYTES, SIGNATURE, Loader, refuse_large_sectors
from osdimage.imaging.boot.code.ntfs import read_boot_sector, replace_boot_sector
from osdimage.imaging.disk.roles import Scheme
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.tables.write import Flush, Write, run_steps
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import OsdImageError, StorageError, TargetRefused
from osdimage.imaging.logs import ran
from osdimage.imaging.programs import find_program
from osdimage.imaging.scratch import scratch_folder

# ---- declaration ----

MARK_STRUCT = c.Struct(
    "Magic" / c.Const(b"osdimage GRUB core\0\0"),
    "Sectors" / c.Int32ul,
)
"""The sector before the core: so many sectors behind it belong to osdimage, which may replace what is in them."""

# ---- behaviour ----

_PROGRAMS = ("grub-mkimage", "grub2-mkimage")
_FOLDER = Path("/usr/lib/grub/i386-pc")
_MODULES = ("biosdisk", "part_msdos", "ntfs", "ntldr")
_MARK_LBA = 1
_CORE_LBA = 2
_TIMEOUT_S = 60
# offsets.h: GRUB_BOOT_MACHINE_KERNEL_SECTOR, _DRIVE_CHECK; from byte 3 to 59h boot.img is free for a description.
_KERNEL_SECTOR = 0x5C
_DRIVE_CHECK = 0x66
# setup.c: a BIOS that passes a wrong drive is put right where two instructions take the place of a jump.
_DRIVE_CHECK_ON = b"\x90\x90"
# offsets.h: GRUB_BOOT_MACHINE_LIST_SIZE; a list of first sector (64 bits), count and segment (16 bits each).
_LIST_STRUCT = c.Struct("Start" / c.Int64ul, "Length" / c.Int16ul, "Segment" / c.Int16ul)
_LIST_AT = SECTOR_BYTES - _LIST_STRUCT.sizeof()


@dataclass(frozen=True, slots=True)
class GrubTools:
    """What of GRUB is needed.

    Attributes:
        mkimage: the program that makes a core.
        folder: where its modules for BIOS machines are.
    """

    mkimage: Path
    folder: Path = _FOLDER


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was written.

    Attributes:
        first_lba: the first sector of the gap that is in use.
        sectors: how many of them.
    """

    first_lba: int
    sectors: int


def find_grub() -> GrubTools | None:
    """Return GRUB for BIOS machines, or None when it is not installed."""
    found = find_program(*_PROGRAMS)
    if found is None or not (_FOLDER / "boot.img").is_file() or not (_FOLDER / "ntldr.mod").is_file():
        return None
    return GrubTools(Path(found))


def install_grub_chain(
    target: BlockTarget,
    table: PartitionTable,
    partition: Partition,
    *,
    loader: Loader = Loader.BOOTMGR,
    tools: GrubTools | None = None,
) -> ChainReport:
    """Make GRUB start BOOTMGR or NTLDR from an NTFS volume, when the code in the MBR starts that volume's boot sector.

    The boot sector of the volume is replaced but for its description, and the gap behind the MBR is used.

    Args:
        target: the disk.
        table: the partitions that are on it.
        partition: the one with the volume.
        loader: what is started.
        tools: GRUB; by default what :func:`find_grub` finds.

    Raises:
        OsdImageError: when GRUB is not installed or fails.
        TargetRefused: when the disk has no MBR or sectors of another size than 512 bytes, or when the gap behind the
            MBR is too small or holds something that is not known; nothing was written.
        InvalidVolume: when the partition holds no NTFS volume; nothing was written.
        StorageError: when writing failed.
    """
    refuse_large_sectors(target)
    if table.scheme is not Scheme.MBR or partition.is_extended or partition.is_logical:
        raise TargetRefused(f"{target.name}: GRUB is for a primary partition of a disk with an MBR")
    tools = tools or find_grub()
    if tools is None:
        raise OsdImageError(
            f"{target.name}: GRUB for BIOS machines is not installed (Debian, Ubuntu: grub-common grub-pc-bin)"
        )
    volume = target.window(partition.extent)
    read_boot_sector(volume)
    boot, core = _boot_image(tools), _core_image(tools, partition.number, loader)
    count = len(core) // SECTOR_BYTES
    _refuse_gap(target, table, count)
    mark = MARK_STRUCT.build({"Sectors": count}).ljust(SECTOR_BYTES, b"\0")
    # The mark is first, so that sectors of an interrupted run are known as well.
    gap = Write(_MARK_LBA * SECTOR_BYTES, mark, "mark of osdimage"), Flush()
    run_steps(target, (*gap, Write(_CORE_LBA * SECTOR_BYTES, core, "GRUB behind the MBR"), Flush()))
    replace_boot_sector(volume, boot, b"", hidden_sectors=partition.extent.first)
    return ChainReport(_MARK_LBA, 1 + count)


def has_grub_chain(target: BlockTarget) -> bool:
    """Tell whether :func:`install_grub_chain` has left GRUB behind the MBR."""
    try:
        MARK_STRUCT.parse(target.read_sectors(_MARK_LBA))
    except c.ConstructError:
        return False
    return True


def _refuse_gap(target: BlockTarget, table: PartitionTable, count: int) -> None:
    """Make sure that sectors 1 to ``1 + count`` are before every partition, and hold zeros or an older core."""
    begin = min(each.extent.first for each in table.partitions)
    if begin < _CORE_LBA + count:
        raise TargetRefused(
            f"{target.name}: the first partition begins at sector {begin}, which leaves no room for GRUB behind the "
            f"MBR; valid is sector {_CORE_LBA + count} and beyond, as partitions aligned to 1 MB have"
        )
    own = _own_sectors(target, begin)
    data = target.read_sectors(_MARK_LBA + own, 1 + count - own) if own < 1 + count else b""
    if any(data):
        where = next(at for at, byte in enumerate(data) if byte) // SECTOR_BYTES + _MARK_LBA + own
        raise TargetRefused(
            f"{target.name}: sector {where} behind the MBR is in use, by another boot loader perhaps; GRUB needs "
            f"sectors {_MARK_LBA} to {_CORE_LBA + count - 1} to hold zeros, or what osdimage wrote"
        )


def _own_sectors(target: BlockTarget, begin: int) -> int:
    """Return how many sectors of the gap osdimage has marked as its own, the mark included."""
    try:
        mark = MARK_STRUCT.parse(target.read_sectors(_MARK_LBA))
    except c.ConstructError:
        return 0
    return 1 + int(mark.Sectors) if mark.Sectors <= begin - _CORE_LBA else 0


def _boot_image(tools: GrubTools) -> bytes:
    """Return ``boot.img``, told where the core begins."""
    image = bytearray(_read(tools.folder / "boot.img"))
    if len(image) != SECTOR_BYTES or not image.endswith(SIGNATURE) or image[0] != 0xEB:
        raise OsdImageError(f"{tools.folder / 'boot.img'} is not the boot sector of GRUB that is known here")
    image[_KERNEL_SECTOR : _KERNEL_SECTOR + 8] = _CORE_LBA.to_bytes(8, "little")
    image[_DRIVE_CHECK : _DRIVE_CHECK + 2] = _DRIVE_CHECK_ON
    return bytes(image)


def _core_image(tools: GrubTools, number: int, loader: Loader) -> bytes:
    """Return a core, in whole sectors, told where all but its first sector is."""
    with scratch_folder() as folder:
        commands, made = folder / "grub.cfg", folder / "core.img"
        try:
            commands.write_text(f"ntldr /{loader}\nboot\n", encoding="ascii")
        except OSError as error:
            raise StorageError(f"{commands}: {error.strerror}", path=commands, errno=error.errno) from error
        # A prefix without a drive is on the one that the BIOS started.
        options = [f"--directory={tools.folder}", f"--prefix=(,msdos{number})/boot", f"--config={commands}"]
        _run([str(tools.mkimage), "--format=i386-pc", *options, f"--output={made}", *_MODULES])
        core = bytearray(_read(made))
    core += bytes(-len(core) % SECTOR_BYTES)
    count = len(core) // SECTOR_BYTES
    first = _LIST_STRUCT.parse(core[_LIST_AT:SECTOR_BYTES]) if count > 1 else None
    if first is None or first.Length != count - 1:
        raise OsdImageError(f"{tools.mkimage}: made a core of {len(core)} bytes that is not of the kind known here")
    first.Start = _CORE_LBA + 1
    core[_LIST_AT:SECTOR_BYTES] = _LIST_STRUCT.build(first)
    return bytes(core)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OsdImageError(f"{command[0]} cannot be run: {error}") from error
    ran(__name__, command, done.returncode)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise OsdImageError(f"{command[0]} failed ({done.returncode}): {said[-1] if said else 'without a word'}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OsdImageError(f"{path}: {error.strerror}") from error
