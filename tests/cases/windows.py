"""Trees with the names of Windows that start, with loaders of the tests in the place of Microsoft's."""

from __future__ import annotations

from pathlib import Path

from judges import wim as judges

from cases import windows_trees

GRUB_CFG = Path(__file__).with_name("grub.cfg")
MARKER = "read from NTFS by the loader"
_MODULES = "part_gpt fat ntfs iorw serial regexp probe echo cat test normal configfile"


def grub_loader(to: Path, config: Path = GRUB_CFG, *more: str) -> bytes:
    """Make a program for UEFI out of GRUB with ``grub-mkstandalone``; it does what a configuration says.

    Args:
        to: where the program is written.
        config: what it does.
        more: modules of GRUB, beside those that ``grub.cfg`` needs.
    """
    names = " ".join((_MODULES, *more))
    modules = [f"--modules={names}", f"--install-modules={names}", "--fonts=", "--locales=", "--themes="]
    judges.run("grub-mkstandalone", "-O", "x86_64-efi", "-o", to, *modules, f"boot/grub/grub.cfg={config}")
    return to.read_bytes()


def bootable_tree(folder: Path, *, loader: bytes | None = None, bootmgr: bytes | None = None) -> Path:
    """Make a tree with a loader for UEFI, or a boot manager for a BIOS."""
    files = windows_trees.windows_files(uefi=loader is not None, bios=bootmgr is not None)
    if loader is not None:
        files["Windows/Boot/EFI/bootmgfw.efi"] = loader
    if bootmgr is not None:
        files["Windows/Boot/PCAT/bootmgr"] = bootmgr
    files["Windows/System32/marker.txt"] = f"{MARKER}\n".encode()
    return windows_trees.write_tree(folder, files)
