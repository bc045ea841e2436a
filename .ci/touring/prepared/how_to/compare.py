"""What docs/how-to/compare.md takes for granted."""

from __future__ import annotations

import subprocess

from touring.stock import osdimage, two_references


def prepare() -> None:
    """Apply an image to a volume."""
    two_references()
    subprocess.run(["truncate", "-s", "256M", "windows.ntfs"], check=True)
    subprocess.run(["/usr/sbin/mkntfs", "-qFQ", "windows.ntfs"], check=True, capture_output=True)
    osdimage("apply", "install.wim", "windows.ntfs", "--name", "Reference 1.1")
