"""What docs/how-to/disk-layouts.md takes for granted."""

from __future__ import annotations

from pathlib import Path

_BAD = """\
OSDDiskIndex=0
OSDPartitionStyle=GPT
OSDPartitions0Type=Primary
OSDPartitions0Size=1
OSDPartitions0SizeUnits=TB
OSDPartitions1Type=Extnded
"""


def prepare() -> None:
    """Write variables with two mistakes."""
    Path("bad.vars").write_text(_BAD, encoding="ascii")
