"""What a computer loads first when it starts from the network: iPXE, by the kind of its firmware.

Firmware tells its kind in DHCP option 93.  Sources: IANA, "Processor Architecture Types" (RFC 5970); which of 7 and 9
firmware for x64 sends differs: OVMF sends 7.  What distributions call the files of iPXE: packages ``ipxe`` of Debian
and Arch, ``ipxe-bootimgs`` of Fedora.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.documents import read_limited
from osdimage.imaging.errors import InvalidInput, Means, Remedy, StorageError
from osdimage.imaging.pe import read_pe
from osdimage.imaging.units import MIB

IPXE_FOLDERS = (Path("/usr/lib/ipxe"), Path("/usr/share/ipxe"))
"""Where distributions have iPXE."""
_LARGEST = 16 * MIB


@dataclass(frozen=True, slots=True)
class NetClient:
    """A kind of computer that starts from the network.

    Attributes:
        tag: what configurations call it.
        called: what people call it.
        firmware: of it.
        architecture: of the programs that its firmware starts.
        images: the architectures of the boot images that it can start.
        numbers: what it sends in DHCP option 93 when it asks for TFTP.
        http_numbers: and when it asks for HTTP.
        loaded: the name of its iPXE in the folder.
        found_as: the names that distributions have for that.
    """

    tag: str
    called: str
    firmware: Firmware
    architecture: str
    images: tuple[str, ...]
    numbers: tuple[int, ...]
    http_numbers: tuple[int, ...]
    loaded: str
    found_as: tuple[str, ...]


BIOS = NetClient(
    "bios",
    "BIOS",
    Firmware.BIOS,
    "x86",
    ("x64", "x86"),
    (0,),
    (),
    "undionly.kpxe",
    ("undionly.kpxe",),
)
UEFI_X64 = NetClient(
    "efi64",
    "UEFI for x64",
    Firmware.UEFI,
    "x64",
    ("x64",),
    (7, 9),
    (16,),
    "snponly.efi",
    ("snponly.efi", "ipxe-snponly-x86_64.efi", "x86_64/snponly.efi", "ipxe.efi", "ipxe-x86_64.efi", "x86_64/ipxe.efi"),
)
UEFI_ARM64 = NetClient(
    "arm64",
    "UEFI for arm64",
    Firmware.UEFI,
    "arm64",
    ("arm64",),
    (11,),
    (19,),
    "snponly-arm64.efi",
    ("snponly-arm64.efi", "arm64-efi/snponly.efi", "arm64/snponly.efi", "ipxe-arm64.efi", "arm64-efi/ipxe.efi"),
)
CLIENTS = (BIOS, UEFI_X64, UEFI_ARM64)
"""UEFI of 32 bits has none: iPXE for it is in no distribution."""


@dataclass(frozen=True, slots=True)
class Ipxe:
    """A file of iPXE.

    Attributes:
        client: what loads it.
        path: of the file.
        is_signed: it has a signature for Secure Boot; False of that for a BIOS.
    """

    client: NetClient
    path: Path
    is_signed: bool


def find_ipxe(client: NetClient, folder: str | os.PathLike[str] | None = None) -> Ipxe | None:
    """Return the iPXE that a kind of computer loads, or None when there is none.

    Args:
        client: the kind.
        folder: where it is looked for; None: where distributions have it.

    Raises:
        InvalidInput: when the folder is none, or the file is for another processor.
        StorageError: when it cannot be read.
    """
    if folder is not None and not Path(folder).is_dir():
        raise InvalidInput(f"{folder}: is no folder; valid is one with {client.found_as[0]}")
    for where in IPXE_FOLDERS if folder is None else (Path(folder),):
        for name in client.found_as:
            file = where / name
            if file.is_file():
                return _ipxe(client, file)
    return None


def lacking_ipxe(client: NetClient, folder: str | os.PathLike[str] | None = None) -> InvalidInput:
    """Return what is wrong when there is none."""
    where = " and ".join(map(str, IPXE_FOLDERS)) if folder is None else str(folder)
    return InvalidInput(
        f"{where}: has no {client.found_as[0]}, the iPXE that computers with {client.called} load first",
        remedy=Remedy("install the package ipxe, of Fedora ipxe-bootimgs, or give the folder with {}", (Means.IPXE,)),
    )


def _ipxe(client: NetClient, file: Path) -> Ipxe:
    # Links of a package are followed: Debian's ipxe.efi is in /boot.
    try:
        real = file.resolve(strict=True)
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}", path=file, errno=error.errno) from error
    data = read_limited(real, _LARGEST, kind="files of iPXE")
    if client.firmware is Firmware.BIOS:
        return Ipxe(client, real, is_signed=False)
    facts = read_pe(data, name=str(file))
    if facts.architecture != client.architecture:
        raise InvalidInput(
            f"{file}: is for {facts.architecture}, and {client.called} loads one for {client.architecture}"
        )
    return Ipxe(client, real, facts.is_signed)
