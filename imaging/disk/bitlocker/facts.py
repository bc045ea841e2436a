"""What can be said of a BitLocker volume without any key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.disk.bitlocker.metadata import Metadata, Method, read_metadata
from osdimage.imaging.disk.bitlocker.protectors import Protector, ProtectorKind
from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume


class Condition(StrEnum):
    """In which condition the encryption is; the values are those of documents."""

    ENCRYPTED = "encrypted"
    SUSPENDED = "suspended"
    CHANGING = "changing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a volume is encrypted.

    Attributes:
        condition: whether it can be unlocked, and whether that needs a key.
        method: how the sectors are encrypted, as Windows calls it; None when that is not known.
        protectors: what opens it.
        description: the computer, the name of the volume and a date, as Windows wrote them; None when there is none.
        faults: what is wrong with it, in sentences.
    """

    condition: Condition
    method: str | None = None
    protectors: tuple[Protector, ...] = ()
    description: str | None = None
    faults: tuple[str, ...] = ()

    @property
    def opened_by(self) -> str:
        """The protectors but a clear key in words, those that cannot be used here last; empty when there is none."""
        keyed = [each for each in self.protectors if each.kind is not ProtectorKind.CLEAR_KEY]
        usable = [each.described for each in keyed if each.kind.is_usable]
        others = [each.kind.called for each in keyed if not each.kind.is_usable]
        return ", ".join([*usable, *(f"{each} (not here)" for each in dict.fromkeys(others))])

    @property
    def needs_key(self) -> bool:
        """Whether a key that a user has may open it."""
        return self.condition is Condition.ENCRYPTED and any(each.kind.is_usable for each in self.protectors)

    @property
    def has_tpm(self) -> bool:
        """Whether the machine that it comes from opens it by itself, and no other one."""
        return any(each.kind.has_tpm for each in self.protectors)

    @property
    def closed_because(self) -> str:
        """Why it is not read, for the end of a sentence: a volume that ..."""
        if self.condition is Condition.CHANGING:
            return "is being encrypted or decrypted; let Windows finish that first"
        if self.condition is Condition.UNREADABLE:
            return self.faults[0] if self.faults else "cannot be read"
        if not self.needs_key:
            return f"cannot be opened here; what opens it: {self.opened_by or 'nothing'}"
        return f"needs a key; what opens it: {self.opened_by}"


def look_at_encryption(volume: BlockTarget) -> tuple[Encryption, Metadata | None]:
    """Return what is to be said of a BitLocker volume, and its metadata when they can be used.

    Args:
        volume: its window.

    Raises:
        StorageError: when it cannot be read.
    """
    try:
        metadata = read_metadata(volume)
    except InvalidVolume as error:
        return Encryption(Condition.UNREADABLE, faults=(error.fault,)), None
    if not metadata.is_encrypted:
        condition = Condition.CHANGING
    elif any(each.kind is ProtectorKind.CLEAR_KEY for each in metadata.protectors):
        condition = Condition.SUSPENDED
    else:
        condition = Condition.ENCRYPTED
    known = {each.value: each.called for each in Method}
    facts = Encryption(
        condition, known.get(metadata.method), metadata.protectors, metadata.description, metadata.faults
    )
    return facts, metadata
