"""Computers, WIMs and Windows for the actions of task sequences."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Mapping
from pathlib import Path

from judges import wim as judges
from osdimage.imaging.disk import create_image
from osdimage.imaging.tasksequence.computer.machine import Firmware, Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import Action, ActionResult, Events, LogType

MIB = 1 << 20

MACHINES = {"x86": 0x14C, "x64": 0x8664, "arm64": 0xAA64}
ARCHITECTURES = {"x86": 0, "x64": 9, "arm64": 12}
"""PROCESSOR_ARCHITECTURE_* of winnt.h, as the XML of a WIM has them."""

GPT: dict[str, str] = {
    "OSDDiskIndex": "0",
    "OSDPartitionStyle": "GPT",
    "OSDGPTBootDisk": "true",
    "OSDPartitions": "4",
    "OSDPartitions0Type": "EFI",
    "OSDPartitions0FileSystem": "FAT32",
    "OSDPartitions0Size": "100",
    "OSDPartitions0QuickFormat": "true",
    "OSDPartitions0VolumeName": "SYSTEM",
    "OSDPartitions1Type": "MSR",
    "OSDPartitions1Size": "16",
    "OSDPartitions2Type": "Primary",
    "OSDPartitions2FileSystem": "NTFS",
    "OSDPartitions2Size": "60",
    "OSDPartitions2SizeUnits": "Percent",
    "OSDPartitions2QuickFormat": "true",
    "OSDPartitions2VolumeName": "Windows",
    "OSDPartitions2VolumeLetterVariable": "OSDisk",
    "OSDPartitions3Type": "Primary",
    "OSDPartitions3FileSystem": "FAT32",
    "OSDPartitions3QuickFormat": "true",
    "OSDPartitions3VolumeName": "DATA",
    "OSDPartitions3VolumeLetterVariable": "DataDrive",
}
MBR: dict[str, str] = {
    "OSDDiskIndex": "0",
    "OSDPartitionStyle": "MBR",
    "OSDGPTBootDisk": "false",
    "OSDPartitions0Type": "Primary",
    "OSDPartitions0FileSystem": "NTFS",
    "OSDPartitions0Bootable": "TRUE",
    "OSDPartitions0QuickFormat": "TRUE",
    "OSDPartitions0VolumeName": "OSDisk",
}


def kernel(major: int, minor: int, architecture: str) -> bytes:
    """Return the headers of a kernel (Microsoft, "PE Format": the version is at 40 of the optional header)."""
    coff = struct.pack("<HHIIIHH", MACHINES[architecture], 0, 0, 0, 0, 240, 0x22)
    optional = struct.pack("<H38xHH", 0x20B, major, minor).ljust(240, b"\0")
    return b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + coff + optional


def windows_tree(
    folder: Path, *, version: tuple[int, int] = (10, 0), architecture: str = "x64", root: str = "Windows"
) -> Path:
    """Make the files by which a Windows is known, and some more."""
    system = folder / root / "System32"
    (system / "config").mkdir(parents=True)
    (system / "ntoskrnl.exe").write_bytes(kernel(*version, architecture))
    for hive in ("SYSTEM", "SOFTWARE"):
        (system / "config" / hive).write_bytes(b"not a hive that libwim reads")
    (folder / root / "Größe 😀.txt").write_text("contents", encoding="utf-8")
    (folder / root / "big.bin").write_bytes(random.Random(1).randbytes(300_000))
    return folder


def capture(tree: Path, wim: Path, name: str = "Reference", *, append: bool = False) -> Path:
    """Capture with wimlib-imagex."""
    judges.wimlib("append" if append else "capture", tree, wim, name)
    return wim


def tell(wim: Path, index: int, version: str, architecture: str, root: str = "WINDOWS") -> None:
    """Write what a WIM says of the Windows in it, as Windows' own tools do."""
    major, minor, build = version.split(".")
    facts = {
        "ARCH": str(ARCHITECTURES[architecture]),
        "VERSION/MAJOR": major,
        "VERSION/MINOR": minor,
        "VERSION/BUILD": build,
        "SYSTEMROOT": root,
    }
    words = [f"--image-property=WINDOWS/{name}={value}" for name, value in facts.items()]
    judges.wimlib("info", wim, str(index), *words)


def blank_disk(path: Path, size: int = 300 * MIB) -> Path:
    create_image(os.fspath(path), size).close()
    return path


def computer(*disks: Path, firmware: Firmware = Firmware.UEFI, **packages: Path) -> Machine:
    """Return a machine; its identifiers are the same every time."""
    return Machine.start(dict(enumerate(disks)), packages=packages, firmware=firmware, rng=random.Random(7))


class Log:
    """Collects what an action tells."""

    def __init__(self) -> None:
        self.lines: list[tuple[LogType, str]] = []
        self.percents: list[float] = []

    @property
    def events(self) -> Events:
        return Events(
            progress=lambda event: self.percents.append(event.percent),
            log=lambda kind, text: self.lines.append((kind, text)),
        )


def run(
    action: Action,
    env: Environment,
    machine: Machine,
    variables: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
    *,
    log: Log | None = None,
) -> ActionResult:
    """Run an action as a step: its variables are defaults that live for it alone."""
    with env.step_defaults(variables or {}, properties or {}):
        result = action(env, machine, (log or Log()).events)
    assert result.ok
    return result


def stamp(path: Path) -> tuple[int, int]:
    """Return what a write to a file changes: the time of its last change, and how much of it is stored."""
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_blocks
