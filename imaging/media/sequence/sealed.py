"""Files that a password opens: the variables and the task sequences of a medium.

All numbers are little-endian.  The head is 44 bytes: ``OSDIMENC``; u16 version 1; u8 key derivation 1, which is scrypt
(RFC 7914); u8 binary logarithm of its N; u8 r; u8 p; two zeros; 16 bytes of salt; 12 bytes of nonce.  Behind it is
AES-256-GCM (NIST SP 800-38D) with the head as associated data: the ciphertext, and 16 bytes of tag.  What is encrypted
is a u64 with the length of the contents, the contents, and zeros up to a multiple of 4096, so that not even their
length is seen.

A password is UTF-8 in the composed form of Unicode (NFC).  Who has the file may guess it for as long as they like: each
guess takes what scrypt takes, by default 128 MiB of memory.  Salt and nonce are never drawn from a seed: the same nonce
for two contents would open both.
"""

from __future__ import annotations

import hashlib
import os
import struct
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osdimage.imaging.documents import as_text
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError
from osdimage.imaging.units import GIB, MIB, align_up, format_size

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SUFFIX = ".enc"
"""What the name of a sealed file ends with."""
LARGEST_SEALED = 64 * MIB
LARGEST_PASSWORD_FILE = 4096
LEAST_PASSWORD = 8
"""Characters of a password that is not weak."""

_MAGIC = b"OSDIMENC"
_VERSION = 1
_SCRYPT = 1
_HEAD = struct.Struct("<8sHBBBBH16s12s")
_LENGTH = struct.Struct("<Q")
_TAG_BYTES = 16
_KEY_BYTES = 32
_SALT_BYTES, _NONCE_BYTES = 16, 12
_PADDED_BYTES = 4096
_LONGEST_PASSWORD = 1024
_MOST_LOG_N, _MOST_R, _MOST_P = 20, 16, 4
_MOST_MEMORY = GIB
# Of OpenSSL's bound, which counts more than the table: RFC 7914, section 5, and what hashlib passes on.
_MORE_MEMORY = MIB


@dataclass(frozen=True, slots=True)
class Stretching:
    """How much work a guess of a password is: the parameters of scrypt.

    Attributes:
        log_n: the binary logarithm of N, 1 to 20.
        r: the size of a block, 1 to 16; 128 * N * r bytes of memory are taken, at most 1 GiB.
        p: how often all of it is done, 1 to 4.
    """

    log_n: int = 17
    r: int = 8
    p: int = 1

    @property
    def memory(self) -> int:
        """What deriving a key takes, in bytes."""
        return 128 * self.r << self.log_n

    @property
    def is_bounded(self) -> bool:
        """Whether it is within what is taken for a file of somebody else."""
        return (
            1 <= self.log_n <= _MOST_LOG_N
            and 1 <= self.r <= _MOST_R
            and 1 <= self.p <= _MOST_P
            and self.memory <= _MOST_MEMORY
        )


USUAL_STRETCHING = Stretching()
"""128 MiB, and a third of a second."""


def require_crypto() -> None:
    """Refuse to go on without the module that encrypts, before anything is asked or written.

    Raises:
        OsdImageError: naming the extra that installs it.
    """
    _aes(bytes(_KEY_BYTES))


def checked_password(text: str, *, allow_weak: bool = False) -> bytes:
    """Return a password as it is stretched: in the composed form of Unicode, in UTF-8.

    Args:
        text: as it was typed.
        allow_weak: whether one of fewer than eight characters is taken.

    Raises:
        InvalidRequest: when it is empty, too short, too long, or no single line; it is not shown.
    """
    composed = unicodedata.normalize("NFC", text)
    if not composed:
        raise InvalidRequest("the password is empty; valid is one line of text")
    if any(each in "\r\n\0" for each in composed):
        raise InvalidRequest("the password is not one line of text")
    if len(composed) > _LONGEST_PASSWORD:
        raise InvalidRequest(f"the password has {len(composed)} characters; valid are up to {_LONGEST_PASSWORD}")
    if len(composed) < LEAST_PASSWORD and not allow_weak:
        raise InvalidRequest(
            f"the password has {len(composed)} characters, and who has the medium can try all of that length; valid "
            f"are {LEAST_PASSWORD} and more"
        )
    try:
        return composed.encode("utf-8")
    except UnicodeEncodeError:
        # Without what Python says of it, which has the text.
        raise InvalidRequest("the password is not text: it holds half a surrogate pair") from None


def password_in(data: bytes, *, name: str) -> str:
    """Return the password that a file holds, without the end of its line.

    Args:
        data: what the file holds: UTF-8, or UTF-16 with a mark.
        name: what messages call it.

    Raises:
        InvalidInput: when it is no text, or of several lines.
    """
    if len(data) > LARGEST_PASSWORD_FILE:
        raise InvalidInput(f"{name}: is too large to hold a password: more than {LARGEST_PASSWORD_FILE} bytes")
    text = as_text(data, source=name)
    line = text.removesuffix("\n").removesuffix("\r")
    if "\n" in line or "\r" in line:
        raise InvalidInput(f"{name}: holds several lines; valid is one, which is the password")
    return line


def seal(contents: bytes, password: bytes, *, stretching: Stretching = USUAL_STRETCHING) -> bytes:
    """Return a file that a password opens.

    Args:
        contents: of the file.
        password: of :func:`checked_password`.
        stretching: how much work a guess is.

    Raises:
        InvalidRequest: when the contents are too large, or scrypt does not take the parameters.
        OsdImageError: without the module that encrypts, or the memory.
    """
    if sealed_bytes(len(contents)) > LARGEST_SEALED:
        raise InvalidRequest(
            f"what is to be sealed has {format_size(len(contents))}; it takes up to {format_size(LARGEST_SEALED)}"
        )
    if not stretching.is_bounded:
        raise InvalidRequest(f"the parameters of scrypt are not valid: {_bounds()}")
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    head = _HEAD.pack(_MAGIC, _VERSION, _SCRYPT, stretching.log_n, stretching.r, stretching.p, 0, salt, nonce)
    plain = _LENGTH.pack(len(contents)) + contents
    plain += bytes(align_up(len(plain), _PADDED_BYTES) - len(plain))
    return head + _aes(_key(password, salt, stretching)).encrypt(nonce, plain, head)


def unseal(data: bytes, password: bytes, *, name: str) -> bytes:
    """Return the contents of a file that a password opens.

    Args:
        data: the file.
        password: of :func:`checked_password`.
        name: what messages call the file.

    Raises:
        InvalidInput: when it is no such file, is of a later version, would take more memory than any that is made, or
            does not open: a wrong password and a changed byte are one.
        OsdImageError: without the module that decrypts, or the memory.
    """
    salt, nonce, stretching = _read_head(data, name)
    aes = _aes(_key(password, salt, stretching))
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - it belongs to an extra

    try:
        plain = aes.decrypt(nonce, data[_HEAD.size :], data[: _HEAD.size])
    except InvalidTag:
        raise InvalidInput(f"{name}: does not open: wrong password, or the file was changed") from None
    (length,) = _LENGTH.unpack_from(plain)
    if length > len(plain) - _LENGTH.size:
        raise InvalidInput(f"{name}: is damaged: it says of itself that it holds more than it has")
    return plain[_LENGTH.size : _LENGTH.size + length]


def is_sealed(data: bytes) -> bool:
    """Tell whether bytes begin as a file does that a password opens."""
    return data.startswith(_MAGIC)


def sealed_bytes(size: int) -> int:
    """Return how large a sealed file with contents of a size is."""
    return _HEAD.size + align_up(_LENGTH.size + size, _PADDED_BYTES) + _TAG_BYTES


def _read_head(data: bytes, name: str) -> tuple[bytes, bytes, Stretching]:
    """Return salt, nonce and parameters, all of them within bounds."""
    if len(data) > LARGEST_SEALED:
        raise InvalidInput(f"{name}: is larger than {format_size(LARGEST_SEALED)}; sealed files are not")
    if not is_sealed(data):
        raise InvalidInput(f"{name}: is no file that osdimage sealed: it does not begin with {_MAGIC.decode()}")
    encrypted = len(data) - _HEAD.size - _TAG_BYTES
    if encrypted < _PADDED_BYTES or encrypted % _PADDED_BYTES:
        raise InvalidInput(f"{name}: has {len(data)} bytes, which no sealed file has: it was cut off, or grew")
    _, version, derivation, log_n, r, p, zeros, salt, nonce = _HEAD.unpack_from(data)
    if (version, derivation, zeros) != (_VERSION, _SCRYPT, 0):
        raise InvalidInput(
            f"{name}: is sealed in version {version} with key derivation {derivation}; this osdimage reads version "
            f"{_VERSION} with {_SCRYPT}, which is scrypt"
        )
    stretching = Stretching(log_n, r, p)
    if not stretching.is_bounded:
        raise InvalidInput(f"{name}: asks for scrypt with log2 N = {log_n}, r = {r}, p = {p}; {_bounds()}")
    return salt, nonce, stretching


def _bounds() -> str:
    return (
        f"valid are log2 N from 1 to {_MOST_LOG_N}, r to {_MOST_R} and p to {_MOST_P}, with at most "
        f"{format_size(_MOST_MEMORY)} of memory"
    )


def _key(password: bytes, salt: bytes, stretching: Stretching) -> bytes:
    memory = stretching.memory + 128 * stretching.r * (stretching.p + 2) + _MORE_MEMORY
    try:
        return hashlib.scrypt(
            password,
            salt=salt,
            n=1 << stretching.log_n,
            r=stretching.r,
            p=stretching.p,
            maxmem=memory,
            dklen=_KEY_BYTES,
        )
    except (MemoryError, ValueError) as error:
        # OpenSSL tells of memory that it does not get as of a parameter that it does not take.
        raise OsdImageError(
            f"no key was made of the password: scrypt takes {format_size(stretching.memory)} of memory, and got none"
        ) from error


def _aes(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - it belongs to an extra
    except ImportError as error:
        raise OsdImageError(
            "the Python module cryptography is missing, which the extra osdimage[crypto] installs: passwords of media "
            "need it"
        ) from error
    return AESGCM(key)
