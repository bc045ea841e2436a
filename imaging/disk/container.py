"""Files that are no plain copy of a disk, told by their signatures: those of virtual machines, and WIMs.

Sources: QEMU's docs/interop/qcow2.rst; [MS-VHDX] 2.2.1; Microsoft's "Virtual Hard Disk Image Format Specification"
(October 2006), Hard Disk Footer Format; VMware's "Virtual Disk Format 1.1"; VirtualBox's VDICore.h.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, StorageError, TargetRefused

# signature at byte 0: (what people call it, what qemu-img calls it)
_SIGNATURES = {
    b"QFI\xfb": ("qcow2", "qcow2"),
    b"vhdxfile": ("VHDX", "vhdx"),
    b"conectix": ("VHD", "vpc"),
    b"KDMV": ("VMDK", "vmdk"),
}
WIM_MAGICS = (b"MSWIM\0\0\0", b"WLPWM\0\0\0")
"""How a WIM begins, and a pipable one."""
_VDI, _VDI_AT = b"\x7f\x10\xda\xbe", 64

_FOOTER_BYTES = 512
_CHECKSUM = slice(0x40, 0x44)
_DISK_TYPE = slice(0x3C, 0x40)
_FIXED = 2


def is_wim(path: Path) -> bool:
    """Tell whether a file begins as a WIM does.

    Raises:
        StorageError: when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(8) in WIM_MAGICS
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def container_of(head: bytes) -> tuple[str, str] | None:
    """Return what people and what qemu-img call the container that begins with these bytes (68 tell), or None."""
    if head.startswith(b"<<<") and head[_VDI_AT : _VDI_AT + len(_VDI)] == _VDI:
        return "VDI", "vdi"
    return next((names for mark, names in _SIGNATURES.items() if head.startswith(mark)), None)


def disk_bytes(path: str, descriptor: int, size_bytes: int, *, write: bool) -> int:
    """Return how many bytes of an image are the disk: all but the footer of a fixed VHD.

    Raises:
        InvalidInput: when the file is a WIM, or a container, in which the sectors of the disk are not in their order.
        TargetRefused: the same, for writing.
    """
    head = os.pread(descriptor, _VDI_AT + len(_VDI), 0)
    if head.startswith(WIM_MAGICS):
        text = f"{path} is a WIM, not an image of a disk"
        raise TargetRefused(f"{text}; it is not written over") if write else InvalidInput(text)
    found = container_of(head)
    if found is not None:
        text = (
            f"{path} is a {found[0]} file, not a plain image of a disk: "
            f"convert it first, qemu-img convert -f {found[1]} -O raw {shlex.quote(path)} NEW.img"
        )
        raise TargetRefused(text) if write else InvalidInput(text)
    if size_bytes > _FOOTER_BYTES and _is_fixed_vhd(os.pread(descriptor, _FOOTER_BYTES, size_bytes - _FOOTER_BYTES)):
        return size_bytes - _FOOTER_BYTES
    return size_bytes


def _is_fixed_vhd(footer: bytes) -> bool:
    if not footer.startswith(b"conectix") or int.from_bytes(footer[_DISK_TYPE], "big") != _FIXED:
        return False
    # Without the check, the word at the end of an ordinary disk would hide its last sector.
    total = sum(footer) - sum(footer[_CHECKSUM])
    return int.from_bytes(footer[_CHECKSUM], "big") == ~total & 0xFFFFFFFF
