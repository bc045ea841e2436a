"""From what a user has to the key of the sectors: a protector opens the master key, which opens that one.

A wrong key is told by the tag of what it should open, never by garbage.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from osdimage.imaging.disk.bitlocker.entries import Sealed
from osdimage.imaging.disk.bitlocker.keys import KeyKind, UnlockKey
from osdimage.imaging.disk.bitlocker.layout import BLOCK_BYTES, ENTRY, KEY
from osdimage.imaging.disk.bitlocker.metadata import Metadata, Method
from osdimage.imaging.disk.bitlocker.protectors import Protector, ProtectorKind
from osdimage.imaging.disk.bitlocker.secret import Secret
from osdimage.imaging.errors import InvalidVolume, OsdImageError
from osdimage.native.fve import crypto
from osdimage.native.slices.sources import MovedPart

_ROUNDS = 1 << 20
_MASTER_KEY_BYTES = 32
# How many bytes of the stored key are used; the diffuser has a second key at 32.
_KEY_BYTES = {
    Method.AES_128: 16,
    Method.AES_256: 32,
    Method.XTS_AES_128: 32,
    Method.XTS_AES_256: 64,
}
_DIFFUSER_BYTES = {Method.AES_128_DIFFUSER: 16, Method.AES_256_DIFFUSER: 32}
_DIFFUSER_AT = 32
_KINDS = {
    KeyKind.RECOVERY_PASSWORD: ProtectorKind.RECOVERY_PASSWORD,
    KeyKind.PASSWORD: ProtectorKind.PASSWORD,
    KeyKind.STARTUP_KEY: ProtectorKind.STARTUP_KEY,
}


@dataclass(frozen=True, slots=True)
class SectorKey:
    """What the sectors of a volume are decrypted with.

    Attributes:
        method: how they are encrypted.
        material: the key, as :class:`~osdimage.native.slices.sources.DecryptedSource` takes it.
        protector: the one that was opened for it.
        is_changed: the metadata are not those that BitLocker wrote: who changed them had no key.
    """

    method: crypto.Method
    material: Secret = field(repr=False)
    protector: UUID
    is_changed: bool


def open_clear(metadata: Metadata) -> SectorKey | None:
    """Return the key of a volume whose protection is suspended, which anybody can open; None when it is not.

    Raises:
        InvalidVolume: when what a key opened is damaged, or the sectors are encrypted in a way that is not known.
        OsdImageError: when libcrypto is missing.
    """
    for protector in metadata.protectors:
        if protector.clear_key is not None:
            found = _open(metadata, protector, protector.clear_key)
            if found is not None:
                return found
    return None


def open_with(metadata: Metadata, key: UnlockKey) -> SectorKey | None:
    """Return the key of the sectors that a key opens; None when it opens none of the protectors.

    A recovery password or a password takes a third of a second for each protector of its kind.

    Raises:
        InvalidVolume, OsdImageError: as :func:`open_clear`.
    """
    _require_libcrypto()
    wanted = _KINDS[key.kind]
    for protector in metadata.protectors:
        if protector.kind is not wanted or protector.sealed is None:
            continue
        if wanted is ProtectorKind.STARTUP_KEY:
            found = None
            if protector.identifier == key.identifier:
                found = _open(metadata, protector, key.secret.reveal())
        elif protector.salt is None:
            continue
        else:
            with crypto.wiped(crypto.stretch(key.secret.reveal(), protector.salt, _ROUNDS)) as made:
                found = _open(metadata, protector, made)
        if found is not None:
            return found
    return None


def moved_parts(metadata: Metadata, length: int) -> tuple[MovedPart, ...]:
    """Return the parts of a volume that are not where they are, in order; where two overlap, the hidden ones win.

    Where the metadata are, they say themselves: what the boot sector says may be damaged, and user data be there.

    Args:
        metadata: of the volume.
        length: its size, in bytes.
    """
    hidden = sorted(
        {(place, place + BLOCK_BYTES) for place in metadata.places}
        | {(metadata.moved_to, metadata.moved_to + metadata.moved_bytes)}
    )
    parts: list[MovedPart] = []
    at = 0
    for begin, end in hidden:
        if max(begin, at) < min(end, length):
            parts.append(MovedPart(max(begin, at), min(end, length), None))
        at = max(at, end)
    # The begin of the volume lies before all of them, or the metadata would have been refused.
    first = min(begin for begin, _ in hidden)
    return (MovedPart(0, min(metadata.moved_bytes, first), metadata.moved_to), *parts)


def _open(metadata: Metadata, protector: Protector, key: bytes | bytearray) -> SectorKey | None:
    """Return the key of the sectors, or None when the key is not that of the protector."""
    if protector.sealed is None:
        return None
    _require_libcrypto()
    master = _unseal(protector.sealed, key)
    if master is None:
        return None
    with crypto.wiped(master):
        return _open_sectors(metadata, protector, master)


def _open_sectors(metadata: Metadata, protector: Protector, master: bytearray) -> SectorKey:
    if len(master) != ENTRY.size + KEY.size + _MASTER_KEY_BYTES or metadata.sector_key is None:
        raise InvalidVolume("its BitLocker metadata are damaged: a key opened them, but holds none")
    master_key = memoryview(master)[ENTRY.size + KEY.size :]
    opened = _unseal(metadata.sector_key, master_key)
    if opened is None:
        raise InvalidVolume("its BitLocker metadata are damaged: the key of its sectors is not sealed with that of it")
    with crypto.wiped(opened):
        method = KEY.unpack_from(opened, ENTRY.size)[0] if len(opened) >= ENTRY.size + KEY.size else 0
        with crypto.wiped(_material(method, memoryview(opened)[ENTRY.size + KEY.size :])) as material:
            return SectorKey(_method(method), Secret(material), protector.identifier, _is_changed(metadata, master_key))


def _method(number: int) -> crypto.Method:
    if number in _DIFFUSER_BYTES:
        return crypto.Method.CBC_DIFFUSER
    return crypto.Method.XTS if number in {Method.XTS_AES_128, Method.XTS_AES_256} else crypto.Method.CBC


def _material(number: int, stored: memoryview) -> bytearray:
    """Return the key, or the two keys, that the sectors are decrypted with."""
    try:
        method = Method(number)
    except ValueError:
        raise InvalidVolume(f"its sectors are encrypted in a way that is not known here: 0x{number:04x}") from None
    if method in _DIFFUSER_BYTES:
        size = _DIFFUSER_BYTES[method]
        material = bytearray(stored[:size]) + stored[_DIFFUSER_AT : _DIFFUSER_AT + size]
        needed = 2 * size
    else:
        needed = _KEY_BYTES[method]
        material = bytearray(stored[:needed])
    if len(material) != needed:
        raise InvalidVolume(f"its BitLocker metadata are damaged: a key of {len(stored)} bytes for {method.called}")
    return material


def _is_changed(metadata: Metadata, master_key: memoryview) -> bool:
    """Tell whether the digest of the metadata is not the one that BitLocker sealed."""
    if metadata.seal is None:
        return False
    opened = _unseal(metadata.seal, master_key)
    return opened is None or bytes(opened[ENTRY.size + KEY.size :]) != metadata.digest


def _unseal(sealed: Sealed, key: bytes | bytearray | memoryview) -> bytearray | None:
    return crypto.unseal(key, sealed.nonce, sealed.tag, sealed.data)


def _require_libcrypto() -> None:
    if not crypto.is_here():
        raise OsdImageError("decrypting needs libcrypto of OpenSSL 1.1 or 3 (Debian, Ubuntu: apt-get install libssl3)")
