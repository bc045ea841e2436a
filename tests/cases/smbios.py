"""Tables of a firmware, as "System Management BIOS (SMBIOS) Reference Specification" 3.6 lays them out."""

from __future__ import annotations

import struct

_BASE = 0x20
"""Where the dump of dmidecode has the table, behind its entry point."""
UUID = bytes.fromhex("44454c4c420010358052b4c04f564432")


def dump() -> bytes:
    """Return what ``dmidecode --from-dump`` reads: an entry point of SMBIOS 2.8, and a table."""
    structures = [
        _structure(0, struct.pack("<BBHBB", 1, 2, 0xE000, 3, 0) + bytes(12), "Maker", "1.23", "01/02/2020"),
        _structure(
            1, bytes((1, 2, 3, 4)) + UUID + bytes((6, 5, 0)), "HP", "HP ProBook 445 G6", " ", "5CG1234XYZ", "SKU 1"
        ),
        _structure(2, bytes((1, 2, 3, 4)), "HP", "8593", "KBC 1", "B0ARD"),
        _structure(3, bytes((1, 10, 0, 2, 3, 3, 3, 3, 2)), "HP", "CASE1", "A-1"),
        _structure(4, _processor(2100), "CPU0", "AMD", "AMD Ryzen 5"),
        _structure(17, _memory(8192), "DIMM 0"),
        _structure(17, _memory(4096), "DIMM 1"),
        _structure(17, _memory(0), "DIMM 2"),
        _structure(127, b""),
    ]
    table = b"".join(made[:2] + struct.pack("<H", number) + made[4:] for number, made in enumerate(structures))
    inner = b"_DMI_\0" + struct.pack("<HIHB", len(table), _BASE, len(structures), 0x28)
    inner = _summed(inner, 5)
    entry = b"_SM_\0" + struct.pack("<BBBHB5x", 31, 2, 8, 256, 0) + inner
    return _summed(entry, 4).ljust(_BASE, b"\0") + table


def _summed(data: bytes, at: int) -> bytes:
    """Set the byte that makes the sum of all zero."""
    return data[:at] + bytes((-sum(data) & 0xFF,)) + data[at + 1 :]


def _structure(kind: int, body: bytes, *texts: str) -> bytes:
    strings = b"".join(each.encode() + b"\0" for each in texts) or b"\0"
    return struct.pack("<BBH", kind, 4 + len(body), 0) + body + strings + b"\0"


def _system() -> bytes:
    return bytes((1, 2, 3, 4)) + UUID + bytes((6, 5, 0))


def _processor(mhz: int) -> bytes:
    head = bytes((1, 3, 1, 2)) + bytes(8) + bytes((3, 0))
    return head + struct.pack("<HHHBB", 100, mhz, mhz - 100, 0x41, 1) + b"\xff" * 6 + bytes(3)


def _memory(mb: int) -> bytes:
    return struct.pack("<HHHHHBBBBBH", 0xFFFF, 0xFFFE, 64, 64, mb, 9, 0, 1, 1, 0x1A, 0)
