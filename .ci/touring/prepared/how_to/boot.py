"""What docs/how-to/boot.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.stock import osdimage, windows

_TWO_PARTITIONS = """\
OSDDiskIndex=0
OSDPartitionStyle=GPT
OSDGPTBootDisk=true
OSDPartitions=3
OSDPartitions0Type=EFI
OSDPartitions0FileSystem=FAT32
OSDPartitions0Size=260
OSDPartitions0QuickFormat=true
OSDPartitions1Type=Primary
OSDPartitions1FileSystem=NTFS
OSDPartitions1Size=2
OSDPartitions1SizeUnits=GB
OSDPartitions1QuickFormat=true
OSDPartitions2Type=Primary
OSDPartitions2FileSystem=NTFS
OSDPartitions2QuickFormat=true
"""


def prepare() -> None:
    """Make an image of a Windows, a disk that will be a clone, and a disk with two Windows."""
    osdimage("capture", str(windows(Path("tree"))), "install.wim", "--name", "Windows 11 Pro")
    osdimage("deploy", "install.wim", "clone.img", "--preset", "uefi", "--size", "64GB")
    Path("two.vars").write_text(_TWO_PARTITIONS, encoding="ascii")
    osdimage("deploy", "install.wim", "two.img", "--vars", "two.vars", "--size", "64GB", "--partition", "3")
    osdimage("apply", "install.wim", "two.img", "--partition", "4")
