"""What docs/tutorials/media.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from touring.discs import virtio_disc, windows_disc
from touring.starting import starting_files

_ANSWERS = """\
<unattend xmlns="urn:schemas-microsoft-com:unattend">
  <settings pass="windowsPE">
    <component name="Microsoft-Windows-Setup" processorArchitecture="amd64"
      publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">
      <UserData><AcceptEula>true</AcceptEula></UserData>
    </component>
  </settings>
</unattend>
"""


def prepare() -> None:
    """Make a disc of Windows, whose boot images have all that starts one, a disc with drivers, and answers."""
    windows_disc(has=starting_files())
    virtio_disc()
    Path("answers.xml").write_text(_ANSWERS, encoding="ascii")
