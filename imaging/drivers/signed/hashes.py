"""The hashes of files that catalogs and signatures hold.

Source: Microsoft, "Windows Authenticode Portable Executable Signature Format" (2008), "Calculating the PE Image Hash",
and "PE Format": "Attribute Certificate Table".
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass

import construct as c
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.pe import read_pe

# ---- declaration ----

ALGORITHMS = ("sha1", "sha256")
"""By what catalogs know files; hashlib's names."""

_E_LFANEW = 60
_COFF_BYTES = 24
_CHECKSUM_AT = 64
# Of the optional header: its magic number, where the table of directories begins, and the number before it.
_DIRECTORIES_AT = {0x10B: 96, 0x20B: 112}
_SECURITY = 4
_DIRECTORY_STRUCT = c.Struct("VirtualAddress" / c.Int32ul, "Size" / c.Int32ul)
_CERTIFICATE_STRUCT = c.Struct("Length" / c.Int32ul, "Revision" / c.Int16ul, "CertificateType" / c.Int16ul)
_PKCS_SIGNED_DATA = 2
_ALIGNED = 8

# ---- behaviour ----


@dataclass(frozen=True, slots=True)
class PeParts:
    """What of a program its hash leaves out, in bytes from its beginning.

    Attributes:
        checksum_at: its checksum, of four bytes.
        entry_at: where it says where its certificates are, of eight; None when it has no room for that.
        certificates: first byte and size of those; None when it has none.
    """

    checksum_at: int
    entry_at: int | None
    certificates: tuple[int, int] | None


def pe_parts(data: bytes, *, name: str) -> PeParts:
    """Find what the hash of a program leaves out.

    Raises:
        InvalidInput: when it is no program, or contradicts itself.
    """
    read_pe(data, name=name)
    optional = int.from_bytes(data[_E_LFANEW : _E_LFANEW + 4], "little") + _COFF_BYTES
    directories = _DIRECTORIES_AT.get(int.from_bytes(data[optional : optional + 2], "little"))
    if directories is None:
        raise InvalidInput(f"{name}: is neither PE32 nor PE32+")
    checksum_at = optional + _CHECKSUM_AT
    entry_at = optional + directories + _SECURITY * _DIRECTORY_STRUCT.sizeof()
    count = int.from_bytes(data[optional + directories - 4 : optional + directories], "little")
    if checksum_at + 4 > len(data):
        raise InvalidInput(f"{name}: ends within its headers")
    if count <= _SECURITY or entry_at + _DIRECTORY_STRUCT.sizeof() > len(data):
        return PeParts(checksum_at, None, None)
    entry = _DIRECTORY_STRUCT.parse(data[entry_at:])
    # Of this directory alone the address is a place in the file.
    begin, size = int(entry.VirtualAddress), int(entry.Size)
    if not size:
        return PeParts(checksum_at, entry_at, None)
    if begin < entry_at + _DIRECTORY_STRUCT.sizeof() or begin + size > len(data):
        raise InvalidInput(f"{name}: its certificates are to be at bytes {begin} to {begin + size} of {len(data)}")
    return PeParts(checksum_at, entry_at, (begin, size))


def authenticode_hash(data: bytes, algorithm: str, *, name: str) -> bytes:
    """Return the hash of a program that is the same with and without a signature in it.

    Raises:
        InvalidInput: as :func:`pe_parts`.
    """
    parts = pe_parts(data, name=name)
    view = memoryview(data)
    made = hashlib.new(algorithm, usedforsecurity=False)
    made.update(view[: parts.checksum_at])
    here = parts.checksum_at + 4
    if parts.entry_at is not None:
        made.update(view[here : parts.entry_at])
        here = parts.entry_at + _DIRECTORY_STRUCT.sizeof()
    if parts.certificates is None:
        made.update(view[here:])
        # What signs puts the certificates at a multiple of eight, and hashes what it put before them.
        made.update(bytes(-len(data) % _ALIGNED))
        return made.digest()
    begin, size = parts.certificates
    made.update(view[here:begin])
    made.update(view[begin + size :])
    return made.digest()


def embedded_signature(data: bytes, *, name: str) -> bytes | None:
    """Return the PKCS#7 of the first signature in a program, or None when it has none.

    Raises:
        InvalidInput: as :func:`pe_parts`, or when what is there is no signature.
    """
    found = pe_parts(data, name=name).certificates
    if found is None:
        return None
    begin, size = found
    head = _CERTIFICATE_STRUCT.sizeof()
    if size < head:
        raise InvalidInput(f"{name}: has {size} bytes for its certificates, and one has {head} at least")
    certificate = _CERTIFICATE_STRUCT.parse(data[begin : begin + head])
    if not head <= certificate.Length <= size or certificate.CertificateType != _PKCS_SIGNED_DATA:
        raise InvalidInput(
            f"{name}: its signature is of type {certificate.CertificateType} and {certificate.Length} bytes; valid is "
            f"type {_PKCS_SIGNED_DATA} of at most {size}"
        )
    return data[begin + head : begin + int(certificate.Length)]


def hashes_of(data: bytes, *, name: str) -> frozenset[bytes]:
    """Return all hashes under which a catalog may know a file: of its bytes, and of a program its own one, too."""
    found = {hashlib.new(each, data, usedforsecurity=False).digest() for each in ALGORITHMS}
    if data[:2] == b"MZ":
        # A program of MS-DOS has no other hash.
        with suppress(InvalidInput):
            found |= {authenticode_hash(data, each, name=name) for each in ALGORITHMS}
    return frozenset(found)
