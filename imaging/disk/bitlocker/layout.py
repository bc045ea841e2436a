"""How BitLocker's structures lie: declarations alone.

Source: libyal, "BitLocker Drive Encryption (BDE) format", chapters 2 to 5; names are those of that text where it has
any.  All numbers are little-endian.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final
from uuid import UUID

SIGNATURE: Final = b"-FVE-FS-"
SIGNATURE_AT: Final = 3
INFORMATION: Final = UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001")
"""In the boot sector, before the places of the three metadata blocks."""
CHANGING: Final = UUID("92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8")
"""The same of a volume that is being encrypted or decrypted by Windows 8 or later."""
IDENTIFIER_AT: Final = 160
TO_GO_IDENTIFIER_AT: Final = 424
"""Of a removable drive (BitLocker To Go), whose boot sector is that of a FAT32 volume."""
PLACES: Final = struct.Struct("<3Q")
SECTOR_BYTES_AT: Final = 11
BOOT_BYTES: Final = 512

BLOCK_BYTES: Final = 65536
"""What is kept for each metadata block, from Windows 7 on."""
BLOCK: Final = struct.Struct("<8sHHHHQII3QQ")
"""signature, size in 16 bytes, version, state now, state next, encrypted bytes, bytes of the conversion, sectors that
are moved, places of the blocks, where those sectors are."""
DATASET: Final = struct.Struct("<IIII16sIHHQ")
"""size, version, size of this header, size again, identifier, next nonce, method, (unknown), when it was made."""
ENTRY: Final = struct.Struct("<HHHH")
"""size, kind of entry, kind of value, version."""
PROTECTOR: Final = struct.Struct("<16sQHH")
"""identifier, when it was changed, (unknown), protection."""
EXTERNAL: Final = struct.Struct("<16sQ")
"""identifier, when it was changed."""
KEY: Final = struct.Struct("<HH")
"""method, flags; the key follows."""
STRETCH: Final = struct.Struct("<I16s")
"""method, salt."""
SEALED: Final = struct.Struct("<12s16s")
"""nonce, tag; what is sealed follows."""
VALIDATION: Final = struct.Struct("<HHI")
"""size, version, CRC-32 of the block; behind the block."""

VISTA: Final = 1
WINDOWS_7: Final = 2


class EntryKind(IntEnum):
    """What an entry is for."""

    PROPERTY = 0x0000
    PROTECTOR = 0x0002
    SECTOR_KEY = 0x0003
    STARTUP_KEY = 0x0006
    DESCRIPTION = 0x0007


class ValueKind(IntEnum):
    """What an entry holds."""

    KEY = 0x0001
    TEXT = 0x0002
    STRETCH = 0x0003
    SEALED = 0x0005
    PROTECTOR = 0x0008
    EXTERNAL = 0x0009


class State(IntEnum):
    """What BitLocker has done with a volume, or is doing."""

    DECRYPTED = 1
    CHANGING = 2
    PAUSED = 3
    ENCRYPTED = 4
    CHANGING_SMALL = 5


class Protection(IntEnum):
    """What opens a protector: bits, but of the first one, which has none."""

    CLEAR = 0x0000
    TPM = 0x0100
    EXTERNAL = 0x0200
    PIN = 0x0400
    RECOVERY = 0x0800
    CERTIFICATE = 0x1000
    PASSWORD = 0x2000


PROTECTION_BITS: Final = 0xFF00
