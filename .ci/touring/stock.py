"""What several pages take for granted."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cases.windows_trees import windows_files, write_tree
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive

ROOT = Path(__file__).resolve().parents[2]

_HEADERS = [
    "assert",
    "ctype",
    "errno",
    "fenv",
    "float",
    "limits",
    "locale",
    "math",
    "signal",
    "stdio",
    "stdlib",
    "string",
]
# What enables a service before Windows starts first, as people import it.
REG = """\
Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\added]
"Start"=dword:00000000
"""


def osdimage(*words: str) -> None:
    """Run a command that prepares something, in the current directory."""
    subprocess.run(["osdimage", *words, "-q"], check=True)


def reference(folder: Path) -> Path:
    """Make a tree of headers and of text that compresses to half a megabyte."""
    code = {f"{name}.h": f"#define {name.upper()}_H\n".encode() * 40 for name in _HEADERS}
    text = {
        f"doc/{n:02}.txt": "".join(f"{n * k} is {n} times {k}\n" for k in range(9000)).encode() for n in range(1, 21)
    }
    return write_tree(folder, code | text)


def windows(folder: Path) -> Path:
    """Make a tree with the names of a Windows, and two hives."""
    hive = new_hive("SYSTEM")
    hive.root.ensure("Select").set(Value.dword("Current", 1))
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    hive.root.ensure(r"ControlSet001\Control\Nls\Language").set(Value.string("InstallLanguage", "0409"))
    service = hive.root.ensure(r"ControlSet001\Services\stornvme")
    service.set(Value.dword("Start", 3))
    service.set(Value.dword("Type", 1))
    service.set(Value.expand_string("ImagePath", r"System32\drivers\stornvme.sys"))
    service.ensure("Parameters")
    software = new_hive("SOFTWARE")
    software.root.ensure(r"Microsoft\Windows NT\CurrentVersion").set(Value.string("ProductName", "Windows"))
    config = "Windows/System32/config"
    hives = {f"{config}/SYSTEM": write_hive(hive), f"{config}/SOFTWARE": write_hive(software)}
    return write_tree(folder, windows_files() | hives)
