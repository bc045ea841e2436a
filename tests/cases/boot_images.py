"""WIMs with the shape of boot.wim and winre.wim: the names and the keys of a Windows PE, with made-up contents."""

from __future__ import annotations

import struct
from pathlib import Path

from osdimage.imaging.registry.edits import import_edits
from osdimage.imaging.registry.reg_file import parse_reg
from osdimage.imaging.registry.write import new_hive, write_hive

from cases.windows_trees import MACHINES, body, pe, write_tree

SYSTEM32 = "Windows/System32"
STARTNET = f"{SYSTEM32}/startnet.cmd"
WINPESHL_INI = f"{SYSTEM32}/winpeshl.ini"

_SYSTEM = r"""Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\Select]
"Current"=dword:00000001
"Default"=dword:00000001

[HKEY_LOCAL_MACHINE\SYSTEM\Setup]
"CmdLine"="winpeshl.exe"

[HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\FBWF]
"ImagePath"="System32\\drivers\\fbwf.sys"
"Start"=dword:00000000
"""
_CBS = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages"
_SOFTWARE = rf"""Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion]
"CurrentBuildNumber"="22621"
"CurrentMajorVersionNumber"=dword:0000000a
"CurrentMinorVersionNumber"=dword:00000000
"CurrentVersion"="6.3"
"EditionID"="WindowsPE"
"UBR"=dword:00000001

[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\WinPE]
"InstRoot"="X:\\"

[{_CBS}\WinPE-WMI-Package~31bf3856ad364e35~amd64~~10.0.22621.1]
"CurrentState"=dword:00000070

[{_CBS}\WinPE-WMI-Package~31bf3856ad364e35~amd64~en-US~10.0.22621.1]
"CurrentState"=dword:00000070

[{_CBS}\WinPE-Fonts-Legacy~31bf3856ad364e35~amd64~~10.0.22621.1]
"CurrentState"=dword:00000040
"""


def hive(name: str, *texts: str) -> bytes:
    """Return a hive with what registration files say."""
    made = new_hive(name)
    for text in texts:
        import_edits(made, parse_reg(text.encode("utf-16")), rf"HKEY_LOCAL_MACHINE\{name}")
    return write_hive(made)


def pe_files(
    *, architecture: str = "x64", lower: bool = False, system: str = "", software: str = ""
) -> dict[str, bytes]:
    """Return the files of a Windows PE by path; with ``lower`` in ``windows/system32``, as media of 2016 have it.

    ``system`` and ``software`` are more for their hives, as registration files.
    """
    machine = MACHINES[architecture]
    more = [text for text in (system, software) if text]
    assert all(text.startswith("Windows Registry Editor") for text in more)
    files = {
        f"{SYSTEM32}/ntoskrnl.exe": pe(machine),
        f"{SYSTEM32}/winpeshl.exe": pe(machine, salt="winpeshl"),
        f"{SYSTEM32}/wpeinit.exe": pe(machine, salt="wpeinit"),
        STARTNET: b"wpeinit\r\n",
        f"{SYSTEM32}/winpe.jpg": b"\xff\xd8\xff\xe0" + body("winpe.jpg") + b"\xff\xd9",
        f"{SYSTEM32}/config/SYSTEM": hive("SYSTEM", _SYSTEM, *([system] if system else [])),
        f"{SYSTEM32}/config/SOFTWARE": hive("SOFTWARE", _SOFTWARE, *([software] if software else [])),
        "Windows/INF/oem0.inf": b"[Version]\r\n",
        "Windows/INF/machine.inf": b"[Version]\r\n",
    }
    if not lower:
        return files
    return {
        path.replace(SYSTEM32, "windows/system32").replace("Windows/", "windows/"): data for path, data in files.items()
    }


def setup_files(*, lower: bool = False) -> dict[str, bytes]:
    """Return the files of a Windows Setup: those of a Windows PE, and Setup."""
    machine = MACHINES["x64"]
    return pe_files(lower=lower) | {
        "setup.exe": pe(machine, salt="setup"),
        "sources/setup.exe": pe(machine, salt="sources"),
    }


def recovery_files() -> dict[str, bytes]:
    """Return the files of a Windows RE."""
    start = b"[LaunchApp]\r\nAppPath=X:\\sources\\recovery\\recenv.exe\r\n"
    return pe_files() | {
        "sources/recovery/RecEnv.exe": pe(MACHINES["x64"], salt="recenv"),
        WINPESHL_INI: start,
        f"{SYSTEM32}/winre.jpg": b"\xff\xd8\xff\xe0" + body("winre.jpg") + b"\xff\xd9",
    }


def boot_wim(path: Path, *images: dict[str, bytes], boot: int = 0) -> Path:
    """Make a WIM of images; ``boot`` is the number of the one that starts, 0 for none."""
    # What makes trees alone needs no command.
    from runs.commands import osdimage  # noqa: PLC0415

    for number, files in enumerate(images, start=1):
        tree = write_tree(path.with_name(f"{path.stem}-{number}"), files)
        more = (["--append"] if number > 1 else []) + (["--boot"] if number == boot else [])
        osdimage("capture", tree, path, "--name", f"Image {number}", *more)
    return path


def jpeg(width: int = 1024, height: int = 768) -> bytes:
    """Return a JPEG of a size, as far as its markers go (ITU T.81, annex B): a frame, a scan, and the end."""
    frame = struct.pack(">BBHBHHB", 0xFF, 0xC0, 11, 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\x34" * 100
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(9) + frame + scan + b"\xff\xd9"
