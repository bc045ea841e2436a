"""A maker of BitLocker volumes, which shares no line with what reads them; the judges open what it makes.

Source: libyal, "BitLocker Drive Encryption (BDE) format"; Niels Ferguson, "AES-CBC + Elephant diffuser".
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from Crypto.Cipher import AES

INFORMATION = UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001")
CHANGING = UUID("92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8")
BLOCK = 65536
SALT = bytes(range(16))
PASSWORD = "correct horse £"  # noqa: S105 - it opens what is made here alone
RECOVERY = "000011-440000-720885-135795-000000-008547-344707-597531"
# By dissect.fve.bde.key: stretch of derive_user_key(PASSWORD), and of derive_recovery_key(RECOVERY), with SALT.
STRETCHED_PASSWORD = bytes.fromhex("61175c13461a3ef6e269d8e30d150f18f217f8bfa74b2f2919c9e4c50a0c36ce")
STRETCHED_RECOVERY = bytes.fromhex("ba77d09bc83f2c0d416ae22d2da2628e8381dd49b79e0911f47282f864e4e4af")
CLEAR_KEY = hashlib.sha256(b"clear").digest()
EXTERNAL_KEY = hashlib.sha256(b"external").digest()
MASTER_KEY = hashlib.sha256(b"master").digest()
MATERIAL = hashlib.sha512(b"sectors").digest()
STARTED = 132_000_000_000_000_000


@dataclass(frozen=True)
class Protector:
    name: str
    protection: int
    key: bytes
    inner: bytes = b""

    @property
    def identifier(self) -> UUID:
        return UUID(bytes_le=hashlib.md5(self.name.encode(), usedforsecurity=False).digest())


def entry(kind: int, value: int, data: bytes) -> bytes:
    return struct.pack("<HHHH", 8 + len(data), kind, value, 1) + data


def text(value: str) -> bytes:
    return value.encode("utf-16-le") + b"\0\0"


def stretched() -> bytes:
    return entry(0, 3, struct.pack("<HH", 0x1000, 0) + SALT)


PASSWORD_PROTECTOR = Protector("password", 0x2000, STRETCHED_PASSWORD, stretched())
RECOVERY_PROTECTOR = Protector("recovery", 0x0800, STRETCHED_RECOVERY, stretched())
STARTUP_PROTECTOR = Protector("startup", 0x0200, EXTERNAL_KEY, entry(0, 4, struct.pack("<HH", 0x2002, 0)))
CLEAR_PROTECTOR = Protector("clear", 0x0000, CLEAR_KEY, entry(0, 1, struct.pack("<HH", 0x2000, 0) + CLEAR_KEY))
# What a TPM has sealed is of its own kind.
TPM_PROTECTOR = Protector("tpm", 0x0100, hashlib.sha256(b"tpm").digest(), entry(0, 6, bytes(4) + b"sealed" * 20))
ALL_PROTECTORS = (TPM_PROTECTOR, PASSWORD_PROTECTOR, RECOVERY_PROTECTOR, STARTUP_PROTECTOR)

XTS_128, XTS_256, CBC_128, CBC_256, DIFFUSER_128, DIFFUSER_256 = 0x8004, 0x8005, 0x8002, 0x8003, 0x8000, 0x8001
SIZES = {XTS_128: 32, XTS_256: 64, CBC_128: 16, CBC_256: 32, DIFFUSER_128: 64, DIFFUSER_256: 64}


@dataclass(frozen=True)
class Wish:
    """What kind of volume; ``places`` are those of the metadata and of the moved sectors, in bytes."""

    places: tuple[int, int, int]
    moved_to: int
    method: int = XTS_128
    sector_size: int = 512
    protectors: Sequence[Protector] = (CLEAR_PROTECTOR,)
    used_only: bool = False
    to_go: bool = False
    identifier: UUID = INFORMATION
    state: int = 4
    next_state: int = 4
    moved_bytes: int = 8192
    # Bytes of the metadata before they are sealed, and of the whole.
    change_block: Callable[[bytearray], None] = field(default=lambda _: None)


def startup_key() -> bytes:
    """Return the file of the startup key."""
    inner = entry(0, 2, text("ExternalKey")) + entry(0, 1, struct.pack("<HH", 0x2002, 0) + EXTERNAL_KEY)
    data = entry(6, 9, STARTUP_PROTECTOR.identifier.bytes_le + struct.pack("<Q", STARTED) + inner)
    return dataset(data, STARTUP_PROTECTOR.identifier, 0) + data


def dataset(entries: bytes, identifier: UUID, method: int) -> bytes:
    size = 48 + len(entries)
    return struct.pack("<IIII16sIHHQ", size, 1, 48, size, identifier.bytes_le, 9, method, 0, STARTED)


def seal(key: bytes, counter: int, method: int, data: bytes) -> bytes:
    """Return a nonce, a tag, and a key with its header, encrypted."""
    nonce = struct.pack("<QI", STARTED, counter)
    plain = entry(0, 1, struct.pack("<HH", method, 0) + data)
    sealed, tag = AES.new(key, AES.MODE_CCM, nonce=nonce).encrypt_and_digest(plain)
    return nonce + tag + sealed


def block(wish: Wish, size: int) -> bytes:
    entries = entry(7, 2, text("MACHINE C: 1/2/2026"))
    for number, each in enumerate(wish.protectors):
        inner = each.inner
        if each is not TPM_PROTECTOR:
            inner += entry(0, 5, seal(each.key, number, 0x2003, MASTER_KEY))
        about = each.identifier.bytes_le + struct.pack("<QHH", STARTED, 0, each.protection)
        entries += entry(2, 8, about + inner)
    entries += entry(3, 5, seal(MASTER_KEY, 20, wish.method, MATERIAL[: SIZES[wish.method]]))
    entries += entry(15, 15, struct.pack("<QQ", wish.moved_to, wish.moved_bytes))
    held = dataset(entries, UUID(int=7), wish.method) + entries
    units = -(-(64 + len(held)) // 16)
    head = (b"-FVE-FS-", units, 2, wish.state, wish.next_state, size, 0, wish.moved_bytes // wish.sector_size)
    made = bytearray(struct.pack("<8sHHHHQII3QQ", *head, *wish.places, wish.moved_to) + held)
    made += bytes(units * 16 - len(made))
    wish.change_block(made)
    digest = seal(MASTER_KEY, 21, 0x2005, hashlib.sha256(made).digest())
    validation = entry(4, 5, digest)
    return bytes(made) + struct.pack("<HHI", 8 + len(validation), 1, zlib.crc32(made)) + validation


def boot_sector(wish: Wish) -> bytes:
    sector = bytearray(512)
    sector[:11] = b"\xeb\x58\x90" + (b"MSWIN4.1" if wish.to_go else b"-FVE-FS-")
    struct.pack_into("<HB", sector, 11, wish.sector_size, 8)
    sector[21] = 0xF8
    if wish.to_go:
        sector[82:90] = b"FAT32   "
    at = 424 if wish.to_go else 160
    sector[at : at + 40] = wish.identifier.bytes_le + struct.pack("<3Q", *wish.places)
    sector[510:] = b"\x55\xaa"
    return bytes(sector)


def hidden(wish: Wish) -> list[tuple[int, int]]:
    """Return what of the volume reads as zeros."""
    return [*((each, each + BLOCK) for each in wish.places), (wish.moved_to, wish.moved_to + wish.moved_bytes)]


def expected(plain: bytes, wish: Wish) -> bytes:
    """Return what the volume reads as."""
    seen = bytearray(plain)
    for begin, end in hidden(wish):
        seen[begin:end] = bytes(end - begin)
    return bytes(seen)


def make(plain: bytes, wish: Wish) -> bytes:
    """Encrypt a volume; where the metadata come it must hold nothing."""
    for begin, end in hidden(wish):
        assert not any(plain[begin:end]), "the place of the metadata is not free"
    made = bytearray(len(plain))
    encrypt = _encryption(wish)

    def put(to: int, sector: bytes) -> None:
        if any(sector) or not wish.used_only:
            made[to : to + wish.sector_size] = encrypt(to, sector)

    for at in range(wish.moved_bytes, len(plain), wish.sector_size):
        put(at, plain[at : at + wish.sector_size])
    for at in range(0, wish.moved_bytes, wish.sector_size):
        put(wish.moved_to + at, plain[at : at + wish.sector_size])
    made[: wish.moved_bytes] = boot_sector(wish).ljust(wish.moved_bytes, b"?")
    return with_metadata(made, wish)


def with_metadata(made: bytes | bytearray, wish: Wish) -> bytes:
    """Return an encrypted volume with other metadata."""
    changed = bytearray(made)
    for place in wish.places:
        changed[place : place + BLOCK] = block(wish, len(made)).ljust(BLOCK, b"\0")
    return bytes(changed)


def _encryption(wish: Wish) -> Callable[[int, bytes], bytes]:
    material = MATERIAL[: SIZES[wish.method]]
    if wish.method in {XTS_128, XTS_256}:
        half = len(material) // 2
        blocks, tweaks = AES.new(material[:half], AES.MODE_ECB), AES.new(material[half:], AES.MODE_ECB)

        def xts(at: int, sector: bytes) -> bytes:
            """Encrypt a sector (IEEE 1619, 5.3.2)."""
            tweak = int.from_bytes(tweaks.encrypt((at // wish.sector_size).to_bytes(16, "little")), "little")
            mask = 0
            for number in range(len(sector) // 16):
                mask |= tweak << 128 * number
                tweak = (tweak << 1) ^ (0x87 | 1 << 128 if tweak >> 127 else 0)
            mixed = (int.from_bytes(sector, "little") ^ mask).to_bytes(len(sector), "little")
            encrypted = int.from_bytes(blocks.encrypt(mixed), "little") ^ mask
            return encrypted.to_bytes(len(sector), "little")

        return xts
    size = 16 if wish.method in {CBC_128, DIFFUSER_128} else 32
    key = material[:size]
    first, second = AES.new(key, AES.MODE_ECB), AES.new((material[32:] or key)[:size], AES.MODE_ECB)

    def cbc(at: int, sector: bytes) -> bytes:
        place = at.to_bytes(16, "little")
        if wish.method in {DIFFUSER_128, DIFFUSER_256}:
            sector_key = second.encrypt(place) + second.encrypt(place[:15] + b"\x80")
            mask = int.from_bytes(sector_key * (len(sector) // 32), "little")
            sector = diffused((int.from_bytes(sector, "little") ^ mask).to_bytes(len(sector), "little"))
        return bytes(AES.new(key, AES.MODE_CBC, first.encrypt(place)).encrypt(sector))

    return cbc


def diffused(sector: bytes) -> bytes:
    """Mix a sector as the diffuser does, A and then B."""
    count = len(sector) // 4
    words = list(struct.unpack(f"<{count}I", sector))
    for rounds, turns, sign in ((5, (9, 0, 13, 0), -1), (3, (0, 10, 0, 25), 1)):
        for _ in range(rounds):
            for i in range(count - 1, -1, -1):
                near, far = words[(i + 2 * sign) % count], words[(i + 5 * sign) % count]
                turn = turns[i % 4]
                rotated = (far << turn | far >> (32 - turn)) & 0xFFFFFFFF
                words[i] = (words[i] - (near ^ rotated)) & 0xFFFFFFFF
    return struct.pack(f"<{count}I", *words)
