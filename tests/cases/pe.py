"""Programs and drivers of Windows that do nothing, with all that a signature leaves out or covers.

Source: Microsoft, "PE Format".  osslsigncode signs them and 7zz looks into them.
"""

from __future__ import annotations

import struct

_MACHINES = {"x86": 0x014C, "amd64": 0x8664, "arm64": 0xAA64}
_OPTIONAL = {32: 224, 64: 240}
_FIRST_SECTION = 0x200


def driver(architecture: str = "amd64", contents: bytes = b"driver", *, tail: bytes = b"") -> bytes:
    """Return a native program of one section.

    Args:
        architecture: ``x86`` (which is PE32), ``amd64`` or ``arm64`` (which are PE32+).
        contents: of the section.
        tail: what lies behind it, such as an archive.
    """
    bits = 32 if architecture == "x86" else 64
    padded = contents + bytes(-len(contents) % 512)
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", _MACHINES[architecture], 1, 0, 0, 0, _OPTIONAL[bits], 0x22)
    optional = struct.pack("<HBBIIIII", 0x10B if bits == 32 else 0x20B, 14, 0, len(padded), 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<II", 0, 0x10000) if bits == 32 else struct.pack("<Q", 0x140000000)
    optional += struct.pack("<IIHHHHHHIIIIHH", 0x1000, 512, 10, 0, 0, 0, 10, 0, 0, 0x2000, _FIRST_SECTION, 0, 1, 0)
    sizes = (0x100000, 0x1000, 0x100000, 0x1000)
    optional += struct.pack("<4I" if bits == 32 else "<4Q", *sizes) + struct.pack("<II", 0, 16)
    optional += bytes(_OPTIONAL[bits] - len(optional))
    section = struct.pack(
        "<8sIIIIIIHHI", b".text", len(contents), 0x1000, len(padded), _FIRST_SECTION, 0, 0, 0, 0, 0x60000020
    )
    head = dos + coff + optional + section
    return head + bytes(_FIRST_SECTION - len(head)) + padded + tail
