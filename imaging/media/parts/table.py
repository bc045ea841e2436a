r"""Which files a medium starts with, where a Windows medium has them, and where an image of Windows keeps them.

A file of an image is mostly in ``\Windows\Boot``; ``*`` stands for a folder of a language.  Some images of boot.wim
have no ``\Windows\Boot\DVD``, which alone has what starts from a disc.

Sources: wimboot 2.9.0, ``src/main.c`` and ``src/efifile.c``, which take the same files out of a WIM; the manifests of
the components that bring ``%windir%\boot``; listings of media of Windows 7 to 11; for the files signed with "Windows
UEFI CA 2023" Microsoft's "Make2023BootableMedia.ps1".
"""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.boot.files import fallback_path
from osdimage.imaging.boot.firmware import Firmware

_BOOT = "Windows/Boot"


@dataclass(frozen=True, slots=True)
class Part:
    """A file that a medium starts with.

    Attributes:
        target: where it is on the medium.
        in_image: where an image of Windows may have it, the best place first.
        in_medium: where else another medium may have it, before ``target``.
        use: what it is needed for, as the end of a sentence that names it.
    """

    target: str
    in_image: tuple[str, ...]
    use: str = ""
    in_medium: tuple[str, ...] = ()

    @property
    def places_on_medium(self) -> tuple[str, ...]:
        """Where another medium may have it."""
        return (*self.in_medium, self.target)


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder that a medium has with all that is in it.

    Attributes:
        target: where it is on the medium.
        in_image: where an image of Windows has it.
        ending: files with other names are left out; ``""`` takes all.
        is_by_language: take of ``in_image`` what its folders of languages hold.
        newer: a folder of an image whose files take the places of those of the same name, without ``_EX`` at its end.
    """

    target: str
    in_image: str
    ending: str = ""
    is_by_language: bool = False
    newer: str | None = None


BOOTMGR = Part("bootmgr", (f"{_BOOT}/PCAT/bootmgr",), "which a BIOS starts Windows PE with")
ETFSBOOT = Part(
    "boot/etfsboot.com",
    (f"{_BOOT}/DVD/PCAT/etfsboot.com", f"{_BOOT}/DVD/PCAT/*/etfsboot.com"),
    "which a BIOS starts from a disc",
)
BOOTFIX = Part("boot/bootfix.bin", (f"{_BOOT}/DVD/PCAT/bootfix.bin", f"{_BOOT}/DVD/PCAT/*/bootfix.bin"))
"""It asks a person at a BIOS to press a key; without it nobody is asked."""
BOOT_SDI = Part(
    "boot/boot.sdi",
    (f"{_BOOT}/DVD/PCAT/boot.sdi", f"{_BOOT}/DVD/EFI/boot.sdi", "sms/boot/boot.sdi"),
    "in which the boot manager puts the boot image",
)
BOOT_STL = Part("efi/microsoft/boot/boot.stl", (f"{_BOOT}/EFI/boot.stl",))
"""Windows 11 24H2 and later do not start by UEFI without it."""
BOOT_STL_BUILD = 26100
"""The build of Windows 11 24H2."""
MEMORY_TESTS = {
    Firmware.BIOS: Part("boot/memtest.exe", (f"{_BOOT}/PCAT/memtest.exe",)),
    Firmware.UEFI: Part("efi/microsoft/boot/memtest.efi", (f"{_BOOT}/EFI/memtest.efi",)),
}
STORES = {Firmware.BIOS: "boot/bcd", Firmware.UEFI: "efi/microsoft/boot/bcd"}
"""Where the boot manager looks for its store."""
OS_LOADERS = {
    Firmware.BIOS: ("Windows/System32/boot/winload.exe", "Windows/System32/winload.exe"),
    Firmware.UEFI: ("Windows/System32/boot/winload.efi", "Windows/System32/winload.efi"),
}
"""What the boot manager starts in a boot image: it has the one in ``boot`` for starting from memory."""
TREES = {
    Firmware.BIOS: (
        Tree("boot/fonts", f"{_BOOT}/Fonts", ".ttf"),
        Tree("boot/resources", f"{_BOOT}/Resources"),
        Tree("boot", f"{_BOOT}/PCAT", ".mui", is_by_language=True),
    ),
    Firmware.UEFI: (
        Tree("efi/microsoft/boot/fonts", f"{_BOOT}/Fonts", ".ttf"),
        Tree("efi/microsoft/boot/resources", f"{_BOOT}/Resources"),
        Tree("efi/microsoft/boot", f"{_BOOT}/EFI", ".mui", is_by_language=True),
    ),
}
"""Fonts and texts of the menu."""
TREES_2023 = (
    Tree("efi/microsoft/boot/fonts", f"{_BOOT}/Fonts", ".ttf", newer=f"{_BOOT}/Fonts_EX"),
    *TREES[Firmware.UEFI][1:],
)


def loader_part(architecture: str, *, signed_2023: bool) -> Part:
    """Return what UEFI starts by itself."""
    new, old = f"{_BOOT}/EFI_EX/bootmgfw_EX.efi", f"{_BOOT}/EFI/bootmgfw.efi"
    return Part(fallback_path(architecture).lower(), (new if signed_2023 else old,), "which UEFI starts")


def manager_part(*, signed_2023: bool) -> Part:
    """Return the boot manager beside the loader, which media have and need not."""
    new, old = f"{_BOOT}/EFI_EX/bootmgr_EX.efi", f"{_BOOT}/EFI/bootmgr.efi"
    return Part("bootmgr.efi", (new if signed_2023 else old,))


def disc_loader_part(*, is_prompting: bool, signed_2023: bool) -> Part:
    """Return the volume in which UEFI finds a loader on a disc; one of both kinds asks a person to press a key."""
    name = "efisys" if is_prompting else "efisys_noprompt"
    target = f"efi/microsoft/boot/{name}.bin"
    use = "which UEFI starts from a disc"
    if signed_2023:
        folder = f"{_BOOT}/DVD_EX/EFI"
        in_image = (f"{folder}/en-US/{name}_EX.bin", f"{folder}/*/{name}_EX.bin", f"{folder}/{name}_EX.bin")
        return Part(target, in_image, use, (f"efi/microsoft/boot/{name}_EX.bin",))
    folder = f"{_BOOT}/DVD/EFI"
    return Part(target, (f"{folder}/en-US/{name}.bin", f"{folder}/*/{name}.bin", f"{folder}/{name}.bin"), use)
