"""What a file's name promises of its format: it decides the format of a new file, or is refused."""

from __future__ import annotations

from pathlib import Path

import click

# Suffixes of disk images whose format is made here, and of those that people would take the file for.
FORMATS = {".qcow2": "qcow2", ".vhdx": "vhdx", ".vhd": "vhd"}
_OF_QEMU = FORMATS | {".vhd": "vpc"}
_FOREIGN_DISKS = {".qcow": "QCOW", ".qed": "QED", ".vdi": "VDI", ".vmdk": "VMDK", ".hdd": "Parallels", ".dmg": "DMG"}
_VALID = "valid are .qcow2, .vhdx, .vhd, and any other, such as .img, for a raw disk"


def disk_format(disk: Path, given: str | None) -> str:
    """Return the format of a disk image: as it was asked for, or as the name of a new one says.

    Raises:
        click.UsageError: when the name is that of a format which cannot be made.
    """
    suffix = disk.suffix.lower()
    if given is not None:
        return given
    if disk.exists() and not disk.is_file():
        return "raw"
    if suffix in FORMATS:
        return FORMATS[suffix]
    if suffix in _FOREIGN_DISKS and not disk.exists():
        convert = f"qemu-img convert makes a {suffix} of a raw disk"
        raise click.UsageError(f"{disk}: {_FOREIGN_DISKS[suffix]} disks are not made; {_VALID}; {convert}")
    return "raw"


def refuse_other_than_raw(disk: Path) -> None:
    """Refuse the name of a new disk image that is raw, and is called otherwise.

    Raises:
        click.UsageError: which says how a disk of that format is made.
    """
    suffix = disk.suffix.lower()
    if disk.exists() or suffix not in {*FORMATS, *_FOREIGN_DISKS}:
        return
    made = f"osdimage deploy makes such disks, and qemu-img create -f {_OF_QEMU.get(suffix)} {disk} SIZE an empty one"
    how = made if suffix in FORMATS else f"qemu-img convert makes a {suffix} of it"
    raise click.UsageError(f"{disk}: the new disk image is a raw one; valid is a name such as {disk.stem}.img; {how}")


def refuse_other_than_qcow2(new: Path) -> None:
    """Refuse the name of a new qcow2 file that is one of another format.

    Raises:
        click.UsageError: which says what is valid.
    """
    if new.suffix.lower() in {*FORMATS, *_FOREIGN_DISKS, ".img", ".raw"} - {".qcow2"}:
        raise click.UsageError(f"{new}: the new file is a qcow2 one; valid is a name such as {new.stem}.qcow2")


def refuse_split(wim: Path, how: str = "osdimage split cuts a WIM into parts") -> None:
    """Refuse the name of a part of a split WIM for a new file.

    Args:
        wim: the new file.
        how: says how parts are made.

    Raises:
        click.UsageError: which says what is valid.
    """
    if wim.suffix.lower() == ".swm" and not wim.exists():
        raise click.UsageError(f"{wim}: is the name of a part; valid are .wim, and .esd for a solid one; {how}")


def first_part(path: Path) -> Path:
    """Return the path of the first part of a split WIM that is made; its name may have been given without an ending.

    Raises:
        click.UsageError: when it is that of a folder, or of a whole WIM.
    """
    ending = path.suffix.lower()
    if ending == ".swm":
        return path
    if ending in {".wim", ".esd"}:
        raise click.UsageError(f"{path}: is the name of a whole WIM; valid for its parts is {path.with_suffix('.swm')}")
    if path.is_dir():
        raise click.UsageError(f"{path}: is a folder; name the first part, such as {path / 'install.swm'}")
    return path.with_name(f"{path.name}.swm")
