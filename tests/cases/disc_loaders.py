"""What firmware starts from discs, made of the programs of others in the place of Windows' own."""

from __future__ import annotations

from pathlib import Path

from judges import boot as judges
from judges.wim import run

_HERE = Path(__file__).parent
_MODULES = "fat udf search search_fs_file iorw serial terminal echo probe hashsum gcry_sha256 part_gpt part_msdos"
# It looks for the boot image on all that the firmware has, and prints what it is.
_GRUB_CFG = """\
serial --unit=0
terminal_output serial
echo "EFISYS started"
search --no-floppy --file --set=root /sources/boot.wim
probe --set=fs --fs $root
echo "EFISYS found it on $fs"
hashsum --hash sha256 /sources/boot.wim
outb 0xf4 0x10
"""


def etfsboot(folder: Path) -> bytes:
    """Return what a BIOS starts: it prints ``ALL8`` when all eight sectors of it are there."""
    return judges.nasm(_HERE / "etfsboot.asm", folder / "etfsboot.com")


def loader(folder: Path) -> Path:
    """Write GRUB to a folder, which prints the hash of ``/sources/boot.wim`` and its file system."""
    config, made = folder / "efisys.cfg", folder / "grub.efi"
    config.write_text(_GRUB_CFG, encoding="ascii")
    options = [f"--modules={_MODULES}", f"--install-modules={_MODULES}", "--fonts=", "--locales=", "--themes="]
    run("grub-mkstandalone", "-O", "x86_64-efi", "-o", made, *options, f"boot/grub/grub.cfg={config}")
    return made


def efisys(folder: Path) -> bytes:
    """Return a FAT volume with that."""
    volume = folder / "efisys.bin"
    volume.unlink(missing_ok=True)
    run("mformat", "-C", "-i", volume, "-v", "EFISYS", "-f", "2880", "::")
    run("mmd", "-i", volume, "::/EFI", "::/EFI/BOOT")
    run("mcopy", "-i", volume, loader(folder), "::/EFI/BOOT/BOOTX64.EFI")
    return volume.read_bytes()
