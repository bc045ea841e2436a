r"""The keys that users have: a recovery password, a password, or the file of a startup key.

They come as the bytes of a file, or as what somebody typed.  What they are is told by their form:

* a startup key (``.BEK``) by its header;
* a recovery password by its eight groups of six digits, also in the middle of a text, as in the one that Windows saves
  ("BitLocker Recovery Key ....TXT");
* a password is any other single line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from osdimage.imaging.disk.bitlocker.entries import entries_of, first, key_in
from osdimage.imaging.disk.bitlocker.layout import DATASET, EXTERNAL, EntryKind, ValueKind
from osdimage.imaging.disk.bitlocker.secret import Secret
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume

LARGEST_KEY_FILE = 64 << 10
"""Bytes; a startup key has below 200, and what Windows saves beside a recovery password below 2,000."""
_GROUPS, _DIGITS, _DIVISOR = 8, 6, 11
_LONGEST_PASSWORD = 256
_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))
_RECOVERY = re.compile(r"(?<![0-9-])[0-9]{6}(?:-[0-9]{6}){7}(?![0-9-])")
# What was meant as one: right or not, no password has this form by accident.
_MEANT = re.compile(r"[0-9]+(?:[- ][0-9]+){5,9}")


class KeyKind(StrEnum):
    """What a key is."""

    RECOVERY_PASSWORD = "recovery password"  # noqa: S105 - a name
    PASSWORD = "password"  # noqa: S105 - a name
    STARTUP_KEY = "startup key"


@dataclass(frozen=True, slots=True)
class UnlockKey:
    """A key, in the form in which it opens a protector.

    Attributes:
        kind: what it is.
        secret: of a startup key the key itself, of the others the hash that is stretched.
        identifier: of the protector that a startup key opens; None for the others.
        partition: the number of the only partition that it is for; None for any.
    """

    kind: KeyKind
    secret: Secret = field(repr=False)
    identifier: UUID | None = None
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What there is to open volumes with.

    Attributes:
        keys: those that were given.
        ask: asks for the key of a volume that none of them opens, which it is told of; returns what :func:`read_keys`
            takes, which is wiped, or None.  None when nobody can be asked.
    """

    keys: tuple[UnlockKey, ...] = ()
    ask: Callable[[str], bytearray | None] | None = None

    def for_partition(self, number: int | None) -> tuple[UnlockKey, ...]:
        """Return the keys that a partition may have, those for it alone first."""
        chosen = [each for each in self.keys if each.partition is None or each.partition == number]
        return tuple(sorted(chosen, key=lambda each: each.partition is None))

    def wipe(self) -> None:
        """Wipe all keys."""
        for each in self.keys:
            each.secret.wipe()


def read_keys(data: bytes | bytearray, *, name: str, partition: int | None = None) -> tuple[UnlockKey, ...]:
    """Return the keys in the bytes of a file, or in what was typed; there is at least one.

    Args:
        data: the bytes, which are the caller's to wipe.
        name: what messages call the place that they are from.
        partition: the number of the only partition that they are for; None for any.

    Raises:
        InvalidRequest: when a recovery password has a wrong group, which is named by its number, or a password is none.
        InvalidInput: when a startup key is damaged, or a text of several lines has no recovery password.
    """
    if len(data) >= DATASET.size and _is_startup_key(data):
        return (_startup_key(bytes(data), name, partition),)
    text = _text(data, name)
    found = list(dict.fromkeys(_RECOVERY.findall(text)))
    if found:
        return tuple(_recovery(each, name, partition) for each in found)
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        raise InvalidInput(f"{name}: holds {len(lines)} lines and no recovery password, which has 8 groups of 6 digits")
    line = lines[0] if lines else ""
    if _MEANT.fullmatch(line.strip()):
        return (_recovery(line.strip(), name, partition),)
    if not 1 <= len(line) <= _LONGEST_PASSWORD:
        raise InvalidRequest(f"{name}: holds no key; valid is a recovery password, a password or a startup key")
    return (_password(line, partition),)


def _is_startup_key(data: bytes | bytearray) -> bool:
    size, version, begin, end = DATASET.unpack_from(data)[:4]
    return bool(version == 1 and begin == DATASET.size and size == end)


def _text(data: bytes | bytearray, name: str) -> str:
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        # Without what Python says of it, which has the bytes.
        raise InvalidInput(f"{name}: is neither a startup key nor text in UTF-8 or UTF-16") from None


def _recovery(text: str, name: str, partition: int | None) -> UnlockKey:
    """Return the key of a recovery password: each group is eleven times a number of 16 bits."""
    groups = re.split("[- ]", text)
    if len(groups) != _GROUPS:
        raise InvalidRequest(f"{name}: a recovery password has {_GROUPS} groups of {_DIGITS} digits, not {len(groups)}")
    numbers = bytearray()
    try:
        for number, group in enumerate(groups, start=1):
            if len(group) != _DIGITS:
                raise InvalidRequest(
                    f"{name}: group {number} of the recovery password has {len(group)} digits, not {_DIGITS}"
                )
            quotient, rest = divmod(int(group), _DIVISOR)
            if rest or quotient >= 1 << 16:
                raise InvalidRequest(f"{name}: group {number} of the recovery password is wrong: a digit was mistyped")
            numbers += quotient.to_bytes(2, "little")
        return UnlockKey(KeyKind.RECOVERY_PASSWORD, _hashed(numbers, times=1), partition=partition)
    finally:
        numbers[:] = bytes(len(numbers))


def _password(text: str, partition: int | None) -> UnlockKey:
    units = bytearray(text.encode("utf-16-le", "surrogatepass"))
    try:
        return UnlockKey(KeyKind.PASSWORD, _hashed(units, times=2), partition=partition)
    finally:
        units[:] = bytes(len(units))


def _hashed(data: bytearray, *, times: int) -> Secret:
    from osdimage.native.fve.crypto import sha256, wiped  # noqa: PLC0415 - with Secret

    if times > 1:
        with wiped(sha256(data)) as once:
            return _hashed(once, times=times - 1)
    with wiped(sha256(data)) as digest:
        return Secret(digest)


def _startup_key(data: bytes, name: str, partition: int | None) -> UnlockKey:
    size = DATASET.unpack_from(data)[0]
    if size > len(data):
        raise InvalidInput(f"{name}: the startup key is cut: it has {len(data)} of {size} bytes")
    try:
        found = first(entries_of(data[DATASET.size : size]), EntryKind.STARTUP_KEY, ValueKind.EXTERNAL)
        if found is None or len(found.data) < EXTERNAL.size:
            raise InvalidInput(f"{name}: the startup key holds no key")
        inner = first(found.inside(EXTERNAL.size), EntryKind.PROPERTY, ValueKind.KEY)
    except InvalidVolume:
        raise InvalidInput(f"{name}: the startup key is damaged") from None
    key = None if inner is None else key_in(inner.data)
    if key is None:
        raise InvalidInput(f"{name}: the startup key holds no key of 32 bytes")
    identifier = UUID(bytes_le=EXTERNAL.unpack_from(found.data)[0])
    return UnlockKey(KeyKind.STARTUP_KEY, Secret(key), identifier, partition)


def described(keys: tuple[UnlockKey, ...]) -> Iterator[str]:
    """Yield what the keys are, each once, without saying more of them."""
    yield from dict.fromkeys(each.kind.value for each in keys)
