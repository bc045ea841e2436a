r"""Starting without iPXE and wimboot: the boot manager of Windows asks the TFTP server for everything itself.

With UEFI the firmware loads ``bootmgfw.efi``, which is signed by Microsoft; a BIOS loads ``pxeboot.n12``, or
``pxeboot.com`` that waits for F12, and that ``bootmgr.exe``.  Both then ask for ``\Boot\BCD``, whose entries name the
rest.  A store has loaders of one firmware, and so one folder serves one firmware in this way.

Sources: logs of what these ask for in reports of others ("bitpixie"; killdisk's manual for PXE).  Chosen here: blocks
that no Ethernet divides, and 16 of them at a time where ConfigMgr's default is one (``RamDiskTFTPWindowSize``).
"""

from __future__ import annotations

from collections.abc import Iterable

from osdimage.imaging.boot.bcd.media import TftpOptions
from osdimage.imaging.boot.files import shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidInput, Means, Remedy
from osdimage.imaging.media.netboot.clients import CLIENTS, NetClient
from osdimage.imaging.media.parts import table
from osdimage.imaging.media.parts.medium import BootParts, MediumFile
from osdimage.imaging.media.parts.places import Place
from osdimage.imaging.media.parts.table import Part

TFTP = TftpOptions(block_bytes=1456, window_blocks=16)
UEFI_LOADER = "bootmgfw.efi"
_ASKING, _MANDATORY = "pxeboot.com", "pxeboot.n12"
_MANAGER = Part("bootmgr.exe", ("Windows/Boot/PXE/bootmgr.exe",), "which a BIOS starts Windows PE with")
_OF_UEFI = "efi/microsoft/boot/"


def native_client(parts: BootParts) -> NetClient:
    """Return the kind of computer that parts for one firmware start."""
    (firmware,) = parts.firmware
    return next(
        each
        for each in CLIENTS
        if each.firmware is firmware and (firmware is Firmware.BIOS or each.architecture == parts.architecture)
    )


def uefi_files(parts: BootParts) -> list[MediumFile]:
    """Return the files that UEFI is served, where the boot manager asks for them."""
    found = []
    for each in parts.files:
        path = each.path.lower()
        if path.startswith("efi/boot/"):
            found.append(moved(each, UEFI_LOADER))
        elif path == table.MEMORY_TESTS[Firmware.UEFI].target:
            # The store names it there.
            found.append(moved(each, path))
        elif path.startswith(_OF_UEFI):
            found.append(moved(each, f"boot/{path.removeprefix(_OF_UEFI)}"))
        elif path.startswith("boot/"):
            found.append(moved(each, path))
    return found


def bios_files(
    parts: BootParts, places: Iterable[Place], made_ns: int, *, is_mandatory: bool
) -> tuple[str, list[MediumFile]]:
    """Return the path of what a BIOS loads first, and the files that it is served.

    Raises:
        InvalidInput: when no place has what starts a BIOS from the network.
    """
    name = _MANDATORY if is_mandatory else _ASKING
    first = Part(name, (f"Windows/Boot/PXE/{name}",), "which a BIOS loads first")
    found = [moved(each, each.path.lower()) for each in parts.files if each.path.lower().startswith("boot/")]
    looked = list(places)
    missing = []
    for part in (first, _MANAGER):
        file = next(
            (each.taken(facts, part.target, made_ns) for each in looked for facts in each.candidates(part)), None
        )
        if file is None:
            missing.append(f"{shown(part.in_image[0])}, {part.use}")
        else:
            found.append(file)
    if missing:
        raise InvalidInput(
            f"{', '.join(each.called for each in looked)}: cannot start a BIOS from the network without iPXE: there is "
            f"no {'; no '.join(missing)}",
            remedy=Remedy("{} takes what is missing from another image of Windows", (Means.BOOT_FILES_FROM,)),
        )
    return name, found


def moved(file: MediumFile, path: str) -> MediumFile:
    """Return a file at another path of the folder."""
    return MediumFile(path, file.contents, file.modified_ns, file.origin)
