"""What messages call a volume."""

from __future__ import annotations

from pathlib import Path


def title_of(path: Path, partition: int | None) -> str:
    """Return what messages call a volume: a partition of a disk, or a file or device that holds nothing else."""
    return str(path) if partition is None else f"{path} partition {partition}"
