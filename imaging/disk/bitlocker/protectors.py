"""The protectors of a BitLocker volume: each holds its master key, sealed with what one user or one machine has."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from osdimage.imaging.disk.bitlocker.entries import Entry, Sealed, first, key_in
from osdimage.imaging.disk.bitlocker.layout import PROTECTION_BITS, PROTECTOR, STRETCH, EntryKind, Protection, ValueKind
from osdimage.imaging.errors import InvalidVolume


class ProtectorKind(StrEnum):
    """What opens a protector; the values are those of documents."""

    CLEAR_KEY = "clear-key"
    RECOVERY_PASSWORD = "recovery-password"  # noqa: S105 - a name
    PASSWORD = "password"  # noqa: S105 - a name
    STARTUP_KEY = "startup-key"
    TPM = "tpm"
    TPM_PIN = "tpm-pin"
    TPM_STARTUP_KEY = "tpm-startup-key"
    TPM_PIN_STARTUP_KEY = "tpm-pin-startup-key"
    CERTIFICATE = "certificate"
    UNKNOWN = "unknown"

    @property
    def called(self) -> str:
        """Its name, as people write it."""
        return _CALLED[self]

    @property
    def is_usable(self) -> bool:
        """Whether it can be opened here: what a machine or a smart card has cannot."""
        return self in _USABLE

    @property
    def has_tpm(self) -> bool:
        """Whether it opens on one machine alone."""
        return self.value.startswith("tpm")


_CALLED = {
    ProtectorKind.CLEAR_KEY: "clear key",
    ProtectorKind.RECOVERY_PASSWORD: "recovery password",
    ProtectorKind.PASSWORD: "password",
    ProtectorKind.STARTUP_KEY: "startup key",
    ProtectorKind.TPM: "TPM",
    ProtectorKind.TPM_PIN: "TPM and PIN",
    ProtectorKind.TPM_STARTUP_KEY: "TPM and startup key",
    ProtectorKind.TPM_PIN_STARTUP_KEY: "TPM, PIN and startup key",
    ProtectorKind.CERTIFICATE: "certificate",
    ProtectorKind.UNKNOWN: "an unknown one",
}
_USABLE = {
    ProtectorKind.CLEAR_KEY,
    ProtectorKind.RECOVERY_PASSWORD,
    ProtectorKind.PASSWORD,
    ProtectorKind.STARTUP_KEY,
}
_OF = {
    Protection.CLEAR: ProtectorKind.CLEAR_KEY,
    Protection.TPM: ProtectorKind.TPM,
    Protection.EXTERNAL: ProtectorKind.STARTUP_KEY,
    Protection.TPM | Protection.EXTERNAL: ProtectorKind.TPM_STARTUP_KEY,
    Protection.TPM | Protection.PIN: ProtectorKind.TPM_PIN,
    Protection.TPM | Protection.PIN | Protection.EXTERNAL: ProtectorKind.TPM_PIN_STARTUP_KEY,
    Protection.RECOVERY: ProtectorKind.RECOVERY_PASSWORD,
    Protection.CERTIFICATE: ProtectorKind.CERTIFICATE,
    Protection.PASSWORD: ProtectorKind.PASSWORD,
}


@dataclass(frozen=True, slots=True)
class Protector:
    """One protector.

    Attributes:
        identifier: which BitLocker shows beside a recovery password, and which is the name of a startup key's file.
        kind: what opens it.
        salt: what the key of a recovery password or a password is stretched with; None for others.
        sealed: the master key of the volume; None for a protector that is not opened here.
        clear_key: the key of a clear one, which anybody may read.
    """

    identifier: UUID
    kind: ProtectorKind
    salt: bytes | None = field(default=None, repr=False)
    sealed: Sealed | None = field(default=None, repr=False)
    clear_key: bytes | None = field(default=None, repr=False)

    @property
    def described(self) -> str:
        """What it is called, with what tells it from others of its kind."""
        return f"{self.kind.called} {str(self.identifier).upper()}"

    @classmethod
    def of(cls, entry: Entry) -> Protector:
        """Return what an entry of the metadata says.

        Raises:
            InvalidVolume: when it is damaged.
        """
        if len(entry.data) < PROTECTOR.size:
            raise InvalidVolume(f"a protector of {len(entry.data)} bytes")
        identifier, _, _, protection = PROTECTOR.unpack_from(entry.data)
        inner = tuple(entry.inside(PROTECTOR.size))
        stretch = first(iter(inner), EntryKind.PROPERTY, ValueKind.STRETCH)
        sealed = first(iter(inner), EntryKind.PROPERTY, ValueKind.SEALED)
        clear = first(iter(inner), EntryKind.PROPERTY, ValueKind.KEY)
        kind = _OF.get(protection & PROTECTION_BITS, ProtectorKind.UNKNOWN)
        return cls(
            UUID(bytes_le=identifier),
            kind,
            None if stretch is None or len(stretch.data) < STRETCH.size else STRETCH.unpack_from(stretch.data)[1],
            None if sealed is None else Sealed.of(sealed.data),
            None if clear is None or kind is not ProtectorKind.CLEAR_KEY else key_in(clear.data),
        )
