"""What several pages take for granted."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cases.offline_windows import Made, make_tree
from cases.windows_trees import windows_files, write_tree
from osdimage.imaging.registry.hive import Key, Value

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


def two_references() -> None:
    """Capture a tree twice, as the images `Reference 1.0` and `Reference 1.1` of install.wim."""
    reference(Path("Reference"))
    osdimage("capture", "Reference", "install.wim", "--name", "Reference 1.0")
    osdimage("capture", "Reference", "install.wim", "--append", "--name", "Reference 1.1")


def windows_disk() -> None:
    """Deploy a Windows to disk.img."""
    osdimage("capture", str(windows(Path("tree"))), "windows.wim", "--name", "Windows 11 Pro")
    osdimage("deploy", "windows.wim", "disk.img", "--preset", "uefi", "--size", "64GB")


def boot_image() -> None:
    """Capture boot.wim, and write files that are put into it."""
    osdimage("capture", str(windows(Path("pe"))), "boot.wim", "--name", "Windows PE")
    Path("startnet.cmd").write_text("wpeinit\r\nipconfig\r\n", encoding="ascii")
    Path("lab.reg").write_text(REG, encoding="ascii")


def reference(folder: Path) -> Path:
    """Make a tree of headers and of text that compresses to half a megabyte."""
    code = {f"{name}.h": f"#define {name.upper()}_H\n".encode() * 40 for name in _HEADERS}
    text = {
        f"doc/{n:02}.txt": "".join(f"{n * k} is {n} times {k}\n" for k in range(9000)).encode() for n in range(1, 21)
    }
    return write_tree(folder, code | text)


def windows(folder: Path) -> Path:
    """Make a tree with the names of a Windows 11 Professional that is generalized, what starts it, and its hives."""
    made = Made(more=_english_with_nvme)
    return write_tree(folder, windows_files() | make_tree(made))


def _english_with_nvme(_root: Key, control_set: Key) -> None:
    control_set.ensure(r"Control\Nls\Language").set(Value.string("InstallLanguage", "0409"))
    service = control_set.ensure(r"Services\stornvme")
    service.set(Value.dword("Start", 3))
    service.set(Value.dword("Type", 1))
    service.set(Value.expand_string("ImagePath", r"System32\drivers\stornvme.sys"))
    service.ensure("Parameters")
