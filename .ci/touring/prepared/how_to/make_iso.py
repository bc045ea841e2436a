"""What docs/how-to/make-iso.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from cases import media
from cases.boot_images import setup_files
from cases.driver_packages import below, package
from cases.windows_trees import windows_files, write_tree

from touring.starting import SETUP_ANSWERS
from touring.stock import osdimage


def prepare() -> None:
    """Make a boot image, a disc of Windows, drivers, tools, an answer file and a script."""
    media.boot_image(Path("boot.wim"))
    media.boot_image(Path("bare.wim"), media.boot_files(dvd=False))
    media.boot_image(Path("install.wim"), windows_files() | media.dvd_files(), boot=0)
    # The boot image of a Windows disc has nothing that starts a disc; the disc itself has it.
    media.boot_image(Path("setup/sources/boot.wim"), setup_files() | media.boot_files(dvd=False))
    write_tree(Path("setup"), {**media.medium_files(), "sources/install.wim": bytes(900_000)})
    osdimage("media", "iso", "Windows.iso", "--source", "setup", "--label", "CCCOMA_X64FRE_EN-US_DV9")
    write_tree(Path("Drivers"), below("disk", package("vioscsi")))
    write_tree(Path("tools"), {"menu.exe": b"MZ", "docs/menu.txt": b"A menu.\r\n"})
    Path("answers.xml").write_text(SETUP_ANSWERS, encoding="ascii")
    Path("startnet.cmd").write_bytes(b"wpeinit\r\nX:\\Tools\\menu.exe\r\n")
