"""Trees with the shape of an applied Windows: its names, made-up contents, and loaders that are PE stubs."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

MACHINES = {"x64": 0x8664, "x86": 0x014C, "arm64": 0xAA64}
FALLBACKS = {"x64": "bootx64.efi", "x86": "bootia32.efi", "arm64": "bootaa64.efi"}


def pe(machine: int, *, version: tuple[int, int] = (10, 0), salt: str = "") -> bytes:
    """Return a program that starts nothing: headers as in Microsoft's "PE Format", PE32+, and bytes that differ."""
    dos = b"MZ" + bytes(58) + struct.pack("<I", 0x80)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", machine, 0, 0, 0, 0, 0xF0, 0x22)
    optional = struct.pack("<H", 0x20B).ljust(40, b"\0") + struct.pack("<HH", *version)
    return dos.ljust(0x80, b"\0") + coff + optional.ljust(0xF0, b"\0") + body(salt, 3000)


def body(path: str, size: int = 700) -> bytes:
    return (hashlib.sha256(path.encode()).digest() * (size // 32 + 1))[:size]


def windows_files(
    architecture: str = "x64",
    *,
    uefi: bool = True,
    bios: bool = True,
    version: tuple[int, int] = (10, 0),
    locales: tuple[str, ...] = ("en-US", "de-DE"),
    signed_2023: bool = False,
) -> dict[str, bytes]:
    """Return the files of a Windows by path, names separated by ``/``."""
    machine = MACHINES[architecture]
    files = {"Windows/System32/ntoskrnl.exe": pe(machine, version=version), "Windows/explorer.exe": b"explorer"}
    boot = [f"Windows/Boot/Fonts/{name}.ttf" for name in ("segoe_slboot", "chs_boot", "wgl4_boot")]
    boot += ["Windows/Boot/Resources/bootres.dll", *(f"Windows/Boot/Resources/{x}/bootres.dll.mui" for x in locales)]
    if uefi:
        files["Windows/System32/winload.efi"] = pe(machine, salt="winload.efi")
        files["Windows/Boot/EFI/bootmgfw.efi"] = pe(machine, salt="bootmgfw")
        boot += ["Windows/Boot/EFI/bootmgr.efi", "Windows/Boot/EFI/memtest.efi", "Windows/Boot/EFI/boot.stl"]
        boot += ["Windows/Boot/EFI/CIPolicies/Active/policy.cip", "Windows/Boot/EFI/winsipolicy.p7b"]
        # Every image has the messages of the boot manager in many languages.
        boot += [f"Windows/Boot/EFI/{x}/bootmgfw.efi.mui" for x in {*locales, "fr-FR", "ja-JP"}]
        boot += [f"Windows/System32/{x}/winload.efi.mui" for x in locales]
    if signed_2023:
        files["Windows/Boot/EFI_EX/bootmgfw_EX.efi"] = pe(machine, salt="signed 2023")
        boot += ["Windows/Boot/EFI_EX/bootmgr_EX.efi", "Windows/Boot/Fonts_EX/chs_boot_EX.ttf"]
    if bios:
        boot += [f"Windows/Boot/PCAT/{x}" for x in ("bootmgr", "bootnxt", "memtest.exe", "bootvhd.dll")]
        boot += [f"Windows/Boot/PCAT/{x}/memtest.exe.mui" for x in locales]
        boot += [f"Windows/System32/{x}/winload.exe.mui" for x in locales]
        files["Windows/System32/winload.exe"] = pe(machine, salt="winload.exe")
    return files | {path: body(path) for path in boot}


def write_tree(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a directory."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
