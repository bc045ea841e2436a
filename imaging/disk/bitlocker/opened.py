"""Unlocking a volume that is opened: the one place between all that reads volumes and what is encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from osdimage.imaging.disk.bitlocker.facts import Condition, Encryption, look_at_encryption
from osdimage.imaging.disk.bitlocker.keys import KeyRing, UnlockKey, described, read_keys
from osdimage.imaging.disk.bitlocker.metadata import Metadata
from osdimage.imaging.disk.bitlocker.target import UnlockedTarget
from osdimage.imaging.disk.bitlocker.unlock import SectorKey, open_clear, open_with
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.disk.signatures import identify
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume

_TRIES = 3


def unlocked(volume: OpenVolume, opening: Opening) -> OpenVolume:
    """Return a volume as it reads when it is unlocked; one that cannot be is told what is known of its encryption.

    One that was opened for writing is not unlocked.  A volume that is has a target of its own, which is to be closed.

    Args:
        volume: the volume; any but one of BitLocker is returned as it is.
        opening: the keys, and who is told of what is to be known.

    Raises:
        InvalidVolume: when what a key opened is damaged.
        StorageError: when it cannot be read.
        OsdImageError: when libcrypto is missing.
    """
    if volume.content is not Content.BITLOCKER:
        return volume
    facts, metadata = look_at_encryption(volume.window())
    locked = replace(volume, encryption=facts)
    if metadata is None or facts.condition is Condition.CHANGING or volume.target.is_writable:
        return locked
    ring = opening.keys or KeyRing()
    try:
        key = _find_key(locked, facts, metadata, ring)
    except InvalidVolume as error:
        raise InvalidVolume(error.fault, volume=volume.name) from error
    if key is None:
        given = ring.for_partition(volume.partition)
        return replace(locked, wrong_keys=tuple(described(given))) if given else locked
    _tell(locked, facts, key, opening)
    target = UnlockedTarget(volume.target, volume.extent, metadata, key)
    return replace(locked, target=target, content=identify(target.window(volume.extent)))


def _find_key(volume: OpenVolume, facts: Encryption, metadata: Metadata, ring: KeyRing) -> SectorKey | None:
    found = open_clear(metadata)
    given = iter(ring.for_partition(volume.partition))
    while found is None and (key := next(given, None)) is not None:
        found = open_with(metadata, key)
    if found is None and ring.ask is not None and facts.needs_key:
        found = _ask(volume, facts, metadata, ring)
    return found


def _ask(volume: OpenVolume, facts: Encryption, metadata: Metadata, ring: KeyRing) -> SectorKey | None:
    """Ask for a key until one opens the volume, or there was none, but not for ever."""
    assert ring.ask is not None  # noqa: S101 - for the types
    said = f"{volume.name} is encrypted by BitLocker; what opens it: {facts.opened_by}"
    for _ in range(_TRIES):
        typed = ring.ask(said)
        if typed is None:
            return None
        try:
            with _typed(typed) as keys:
                found = next(filter(None, (open_with(metadata, each) for each in keys)), None)
        except InvalidVolume:
            raise
        except (InvalidInput, InvalidRequest) as error:
            said = error.said
            continue
        if found is not None:
            return found
        said = "that does not open it"
    return None


@contextmanager
def _typed(typed: bytearray) -> Iterator[tuple[UnlockKey, ...]]:
    """Yield the keys that were typed; they are wiped, and what was typed is."""
    keys: tuple[UnlockKey, ...] = ()
    try:
        keys = read_keys(typed, name="what was typed")
        yield keys
    finally:
        typed[:] = bytes(len(typed))
        KeyRing(keys).wipe()


def _tell(volume: OpenVolume, facts: Encryption, key: SectorKey, opening: Opening) -> None:
    texts = [f"{volume.name}: {each}" for each in facts.faults]
    if facts.condition is Condition.SUSPENDED:
        texts.append(f"{volume.name}: BitLocker is suspended; it is read without a key")
    if key.is_changed:
        texts.append(f"{volume.name}: its BitLocker metadata were changed by somebody who had no key")
    for text in texts:
        opening.tell(__name__, text)
