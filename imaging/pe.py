"""The header of a program of Windows or of UEFI: which processor it is for, and for which Windows it was built.

Source: Microsoft, "PE Format": "MS-DOS Stub", "COFF File Header", "Optional Header Windows-Specific Fields".
"""

from __future__ import annotations

from dataclasses import dataclass

import construct as c
from osdimage.imaging.errors import InvalidInput

_DOS_STRUCT = c.Struct("e_magic" / c.Const(b"MZ"), c.Padding(58), "e_lfanew" / c.Int32ul)
_PE_STRUCT = c.Struct(
    "Signature" / c.Const(b"PE\0\0"),
    "Machine" / c.Int16ul,
    "NumberOfSections" / c.Int16ul,
    "TimeDateStamp" / c.Int32ul,
    "PointerToSymbolTable" / c.Int32ul,
    "NumberOfSymbols" / c.Int32ul,
    "SizeOfOptionalHeader" / c.Int16ul,
    "Characteristics" / c.Int16ul,
)
# At the same place in PE32 and PE32+: 40 bytes into the optional header.
_VERSION_STRUCT = c.Struct(c.Padding(40), "Major" / c.Int16ul, "Minor" / c.Int16ul)

# The table of data directories is behind fields whose width differs: its number in the optional header by its magic.
_DIRECTORIES = {0x10B: 92, 0x20B: 108}
_SECURITY = 4

MACHINES = {0x014C: "x86", 0x8664: "x64", 0x01C4: "arm", 0xAA64: "arm64"}
"""IMAGE_FILE_MACHINE_* and what osdimage calls the architecture."""
HEAD_BYTES = 4096
"""So much of the beginning of a program holds its headers."""


@dataclass(frozen=True, slots=True)
class PeFacts:
    """What the headers say.

    Attributes:
        architecture: ``x86``, ``x64``, ``arm`` or ``arm64``.
        os_version: the least version of Windows it is for, or None when the header has no room for it.
        is_signed: it has a signature in itself, whatever that is worth.
    """

    architecture: str
    os_version: tuple[int, int] | None
    is_signed: bool = False


def read_pe(data: bytes, *, name: str) -> PeFacts:
    """Read the headers at the beginning of a program.

    Raises:
        InvalidInput: when it is no program, or is for a processor that no Windows of this kind runs on.
    """
    try:
        at = _DOS_STRUCT.parse(data).e_lfanew
        header = _PE_STRUCT.parse(data[at:])
    except c.ConstructError as error:
        raise InvalidInput(f"{name}: is no program: it has no PE header") from error
    architecture = MACHINES.get(header.Machine)
    if architecture is None:
        known = ", ".join(f"{number:#06x} ({word})" for number, word in MACHINES.items())
        raise InvalidInput(f"{name}: is for machine {header.Machine:#06x}; valid are {known}")
    start = at + _PE_STRUCT.sizeof()
    optional = data[start : start + header.SizeOfOptionalHeader]
    version = None
    if len(optional) >= _VERSION_STRUCT.sizeof():
        found = _VERSION_STRUCT.parse(optional)
        version = (int(found.Major), int(found.Minor))
    return PeFacts(architecture, version, _is_signed(optional))


def _is_signed(optional: bytes) -> bool:
    """Tell whether the table of data directories has one with certificates."""
    at = _DIRECTORIES.get(int.from_bytes(optional[:2], "little"))
    if at is None:
        return False
    count = int.from_bytes(optional[at : at + 4], "little")
    entry = optional[at + 4 + 8 * _SECURITY : at + 12 + 8 * _SECURITY]
    return count > _SECURITY and len(entry) == 8 and bool(int.from_bytes(entry[4:], "little"))
