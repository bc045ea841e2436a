"""A program of Windows that writes the command line that it was started with: what a shell really hands over.

Source of the format: Microsoft, "PE Format"; of the calls: Microsoft, "GetCommandLineW", "WriteFile".
"""

from __future__ import annotations

import struct

# Machine code for amd64, by as and objcopy (GNU binutils 2.40): GetCommandLineW; count its characters with the NUL;
# WriteFile of them to GetStdHandle(-11), without an OVERLAPPED; ExitProcess(0).  The table of calls is behind it.
_CODE = bytes.fromhex(
    "4883ec48 ff1546000000 4889c6 31db 83c302 66837c1efe00 75f5 b9f5ffffff ff1533000000 4889c1 4889f2 4189d8"
    "4c8d4c2430 48c744242000000000 ff151e000000 31c9 ff151e000000 660f1f440000"
)
_CALLS = ("GetCommandLineW", "GetStdHandle", "WriteFile", "ExitProcess")
_SECTION, _AT, _RAW = 0x1000, 0x200, 0x400


def telling_program() -> bytes:
    """Return the program: for amd64, in a console; it writes its command line in UTF-16, with a NUL at its end."""
    thunks = len(_CODE)
    hints = thunks + 8 * (len(_CALLS) + 1)
    names, places = b"", []
    for each in _CALLS:
        places.append(_SECTION + hints + len(names))
        names += bytes(2) + each.encode() + bytes(1)
    table = struct.pack(f"<{len(_CALLS) + 1}Q", *places, 0)
    library = hints + len(names)
    imports = library + len(b"kernel32.dll\0")
    body = _CODE + table + names + b"kernel32.dll\0"
    body += struct.pack("<5I", 0, 0, 0, _SECTION + library, _SECTION + thunks) + bytes(20)
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, 1, 0, 0, 0, 240, 0x22)
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, _RAW, 0, 0, _SECTION, _SECTION)
    optional += struct.pack("<QIIHHHHHHIIIIHH", 0x140000000, 0x1000, 512, 6, 0, 0, 0, 6, 0, 0, 0x2000, _AT, 0, 3, 0)
    optional += struct.pack("<4Q", 0x100000, 0x1000, 0x100000, 0x1000) + struct.pack("<II", 0, 16)
    optional += bytes(8) + struct.pack("<II", _SECTION + imports, 40) + bytes(14 * 8)
    section = struct.pack("<8sIIIIIIHHI", b".text", len(body), _SECTION, _RAW, _AT, 0, 0, 0, 0, 0xE0000020)
    head = dos + coff + optional + section
    return head.ljust(_AT, b"\0") + body.ljust(_RAW, b"\0")
