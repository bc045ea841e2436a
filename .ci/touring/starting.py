"""Stand-ins of boot images with all that a medium is started with, as whole as what checks one looks into."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cases import media
from cases.windows_trees import MACHINES, pe
from osdimage.imaging.media.parts.sdi import create_sdi

SETUP_ANSWERS = """\
<unattend xmlns="urn:schemas-microsoft-com:unattend">
  <settings pass="windowsPE">
    <component name="Microsoft-Windows-Setup" processorArchitecture="amd64"
      publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
      <UserData><AcceptEula>true</AcceptEula></UserData>
    </component>
  </settings>
</unattend>
"""
_DVD = "Windows/Boot/DVD"


def starting_files() -> dict[str, bytes]:
    """Return the files of a Windows PE: its RAM disks have their checksums, its volumes for UEFI a loader."""
    scratch = Path("scratch")
    scratch.mkdir()
    loader, volume = scratch / "loader", scratch / "volume"
    loader.write_bytes(pe(MACHINES["x64"], salt="cdboot"))
    for words in (
        ("mformat", "-C", "-i", volume, "-f", "1440", "-N", "20241201", "::"),
        ("mmd", "-i", volume, "::/EFI", "::/EFI/BOOT"),
        ("mcopy", "-i", volume, loader, "::/EFI/BOOT/BOOTX64.EFI"),
    ):
        # The same in each run, which is what compresses alike.
        subprocess.run(words, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1717243200"})
    files = media.boot_files()
    sdi = create_sdi()
    files |= {f"{_DVD}/{firmware}/boot.sdi": sdi for firmware in ("PCAT", "EFI")}
    files |= {f"{_DVD}/EFI/en-US/{name}.bin": volume.read_bytes() for name in ("efisys", "efisys_noprompt")}
    shutil.rmtree(scratch)
    return files
