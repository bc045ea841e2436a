"""Stand-ins of boot images with all that a medium is started with, as whole as what checks one looks into."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from cases import media, started_media
from cases.windows_trees import MACHINES, pe

_DVD = "Windows/Boot/DVD"


def starting_files() -> dict[str, bytes]:
    """Return the files of a Windows PE: its RAM disks have their checksums, its volumes for UEFI a loader."""
    scratch = Path("scratch")
    scratch.mkdir()
    loader, volume = scratch / "loader", scratch / "volume"
    loader.write_bytes(pe(MACHINES["x64"], salt="cdboot"))
    for words in (
        ("mformat", "-C", "-i", volume, "-f", "1440", "::"),
        ("mmd", "-i", volume, "::/EFI", "::/EFI/BOOT"),
        ("mcopy", "-i", volume, loader, "::/EFI/BOOT/BOOTX64.EFI"),
    ):
        subprocess.run(words, check=True)
    files = media.boot_files()
    files |= {f"{_DVD}/{firmware}/boot.sdi": started_media.sdi() for firmware in ("PCAT", "EFI")}
    files |= {f"{_DVD}/EFI/en-US/{name}.bin": volume.read_bytes() for name in ("efisys", "efisys_noprompt")}
    shutil.rmtree(scratch)
    return files
