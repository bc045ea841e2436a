"""Media that start as far as files tell: loaders that do nothing, a boot image, and stores that were put together here.

What makes media has no part in them: the stores are made element by element, as the published tables of Windows' own
have them, so that who judges media and who makes them are not wrong together.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from uuid import UUID

from osdimage.imaging.boot.bcd.devices import BootDevice, DeviceElement, RamdiskDevice
from osdimage.imaging.boot.bcd.elements import Content, Element
from osdimage.imaging.boot.bcd.store import BOOTMGR, BcdObject, BcdStore
from osdimage.imaging.disc import BytesContents, DiscSettings, NewFile, plan_disc, write_disc

from cases.boot_images import SYSTEM32, boot_wim, pe_files
from cases.windows_trees import FALLBACKS, MACHINES, pe

TIME_NS = 1_580_702_706_070_000_000
ENTRY = UUID("7619dcc9-fafe-11d9-b411-000476eba25f")
OPTIONS = UUID("7619dcc8-fafe-11d9-b411-000476eba25f")
ETFSBOOT, EFISYS = "boot/etfsboot.com", "efi/microsoft/boot/efisys.bin"
STORES = {"exe": "boot/bcd", "efi": "efi/microsoft/boot/bcd"}


def sdi(*, checksum: int | None = None) -> bytes:
    """Return what has the table of a boot.sdi: its first 512 bytes add up to nothing, unless that is given otherwise.

    Its volume has no file system.
    """
    head = bytearray(512)
    head[:8] = b"$SDI0001"
    struct.pack_into("<Q", head, 0x70, 2)
    head[0x1F8] = -sum(head) & 0xFF if checksum is None else checksum
    records = struct.pack("<8s4Q24x", b"PART", 0, 0x2000, 0x1000, 7) + struct.pack("<8s4Q24x", b"WIM", 0, 0x3000, 0, 0)
    return (bytes(head).ljust(0x400, b"\0") + records).ljust(0x3000, b"\0")


def store(
    ending: str,
    *,
    wim: str = r"\sources\boot.wim",
    elements: dict[int, Content | None] | None = None,
    options: dict[int, Content | None] | None = None,
    order: tuple[UUID, ...] = (ENTRY,),
) -> bytes:
    """Return a store of a medium; elements of its entry and of its options are replaced, or left out when None."""
    device = DeviceElement(RamdiskDevice(wim, BootDevice()), OPTIONS)
    entry: dict[int, Content | None] = {
        0x11000001: device,
        0x12000002: rf"\windows\system32\boot\winload.{ending}",
        0x12000004: "Windows PE",
        0x21000001: device,
        0x22000002: r"\windows",
        0x26000010: True,
        0x26000022: True,
    }
    ramdisk: dict[int, Content | None] = {0x31000003: DeviceElement(BootDevice()), 0x32000004: r"\boot\boot.sdi"}
    manager: dict[int, Content | None] = {0x23000003: ENTRY, 0x24000001: order, 0x25000004: 0}
    made = BcdStore.empty()
    for guid, kind, contents in (
        (BOOTMGR, 0x10100002, manager),
        (ENTRY, 0x10200003, entry | (elements or {})),
        (OPTIONS, 0x30000000, ramdisk | (options or {})),
    ):
        found = tuple(Element(number, content) for number, content in contents.items() if content is not None)
        made.put(BcdObject(guid, kind, found))
    return made.to_bytes()


def store_of_many(ending: str, wims: tuple[str, ...]) -> bytes:
    """Return a store with an entry for each WIM, whose menu has all of them."""
    made = BcdStore.parse(store(ending))
    entry = made.object(ENTRY)
    assert entry is not None
    guids = [UUID(int=number + 1) for number in range(len(wims))]
    for guid, wim in zip(guids, wims, strict=True):
        device = DeviceElement(RamdiskDevice("\\" + wim.replace("/", "\\"), BootDevice()), OPTIONS)
        kept = tuple(each for each in entry.elements if each.id not in {0x11000001, 0x21000001})
        made.put(BcdObject(guid, entry.type, (*kept, Element(0x11000001, device), Element(0x21000001, device))))
    made.set_element(BOOTMGR, Element(0x24000001, (ENTRY, *guids)))
    return made.to_bytes()


def boot_files(architecture: str = "x64") -> dict[str, bytes]:
    """Return the files of a Windows PE with the loaders that the stores name."""
    machine = MACHINES[architecture]
    loaders = {f"{SYSTEM32}/boot/winload.{ending}": pe(machine, salt=ending) for ending in STORES}
    return pe_files(architecture=architecture) | loaders


def medium_files(wim: bytes, architecture: str = "x64", efisys: bytes | None = None) -> dict[str, bytes]:
    """Return the files of a medium that both kinds of firmware start."""
    files = {
        "bootmgr": b"the boot manager of a BIOS",
        ETFSBOOT: b"\xfa\x33\xc0" + bytes(4093),
        "boot/boot.sdi": sdi(),
        f"efi/boot/{FALLBACKS[architecture]}": pe(MACHINES[architecture], salt="bootmgfw"),
        "sources/boot.wim": wim,
        "sources/install.wim": b"none",
        **{path: store(ending) for ending, path in STORES.items()},
    }
    return files if efisys is None else files | {EFISYS: efisys}


def efi_volume(
    folder: Path, architecture: str = "x64", *, name: str | None = None, loader: bytes | None = None
) -> bytes:
    """Return a floppy image with a loader in ``\\EFI\\BOOT``, as programs of others make it."""
    image, program = folder / "efisys.bin", folder / "loader.efi"
    image.unlink(missing_ok=True)
    program.write_bytes(loader or pe(MACHINES[architecture], salt="cdboot"))
    subprocess.run(["mkfs.vfat", "-C", image, "1440"], check=True, capture_output=True)
    subprocess.run(["mmd", "-i", image, "::/EFI", "::/EFI/BOOT"], check=True)
    subprocess.run(["mcopy", "-i", image, program, f"::/EFI/BOOT/{name or FALLBACKS[architecture]}"], check=True)
    return image.read_bytes()


def make_disc(path: Path, files: dict[str, bytes], *, bios: str | None = ETFSBOOT, uefi: str | None = EFISYS) -> Path:
    """Write the files to a disc."""
    settings = DiscSettings("MEDIUM", TIME_NS, bios_image=bios, uefi_image=uefi)
    write_disc(plan_disc([NewFile(each, BytesContents(data), TIME_NS) for each, data in files.items()], settings), path)
    return path


def make_wim(path: Path, architecture: str = "x64") -> bytes:
    """Return a WIM with a Windows PE that starts."""
    return boot_wim(path, boot_files(architecture), boot=1).read_bytes()
