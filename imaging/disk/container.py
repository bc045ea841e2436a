"""Disk images that are no plain copy of a disk: the files of virtual machines, told by their signatures.

Sources: QEMU's docs/interop/qcow2.rst; [MS-VHDX] 2.2.1; Microsoft's "Virtual Hard Disk Image Format Specification"
(October 2006), Hard Disk Footer Format; VMware's "Virtual Disk Format 1.1"; VirtualBox's VDICore.h.
"""

from __future__ import annotations

import os
import shlex

from osdimage.imaging.errors import InvalidInput, TargetRefused

# signature at byte 0: (what people call it, what qemu-img calls it)
_SIGNATURES = {
    b"QFI\xfb": ("qcow2", "qcow2"),
    b"vhdxfile": ("VHDX", "vhdx"),
    b"conectix": ("VHD", "vpc"),
    b"KDMV": ("VMDK", "vmdk"),
}
_VDI, _VDI_AT = b"\x7f\x10\xda\xbe", 64

_FOOTER_BYTES = 512
_CHECKSUM = slice(0x40, 0x44)
_DISK_TYPE = slice(0x3C, 0x40)
_FIXED = 2


def container_of(head: bytes) -> tuple[str, str] | None:
    """Return what people and what qemu-img call the container that begins with these bytes (68 tell), or None."""
    if head.startswith(b"<<<") and head[_VDI_AT : _VDI_AT + len(_VDI)] == _VDI:
        return "VDI", "vdi"
    return next((names for mark, names in _SIGNATURES.items() if head.startswith(mark)), None)


def disk_bytes(path: str, descriptor: int, size_bytes: int, *, write: bool) -> int:
    """Return how many bytes of an image are the disk: all but the footer of a fixed VHD.

    Raises:
        InvalidInput: when the file is a container, in which the sectors of the disk do not lie in their order.
        TargetRefused: the same, for writing.
    """
    found = container_of(os.pread(descriptor, _VDI_AT + len(_VDI), 0))
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
