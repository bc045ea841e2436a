"""The signature in a program or driver, and whether it is one of what is there.

Source: Microsoft, "Windows Authenticode Portable Executable Signature Format" (2008), "SpcIndirectDataContent".
"""

from __future__ import annotations

from dataclasses import replace

from osdimage.imaging.drivers.signed.der import OCTET_STRING, SEQUENCE, Element, NotDer
from osdimage.imaging.drivers.signed.hashes import authenticode_hash, embedded_signature
from osdimage.imaging.drivers.signed.pkcs7 import FileSignature, Verdict, read_signed
from osdimage.imaging.errors import InvalidInput

_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
# The identifier of the algorithm tells no more than the size of the digest.
_ALGORITHMS = {16: "md5", 20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}


def program_signature(data: bytes, *, name: str) -> FileSignature | None:
    """Return the first signature in a program, or None when it has none.

    Raises:
        InvalidInput: when it is no program, or its signature is damaged.
        OsdImageError: when the module that reads it is missing.
    """
    raw = embedded_signature(data, name=name)
    if raw is None:
        return None
    signed = read_signed(raw, name=name)
    if signed.signature is None:
        return None
    if signed.content_type != _INDIRECT_DATA:
        raise InvalidInput(f"{name}: its signature is one of {signed.content_type}, and not of a program")
    try:
        digest = indirect_digest(Element(SEQUENCE, signed.contents, 0, len(signed.contents)))
    except ValueError as error:
        raise InvalidInput(f"{name}: its signature is damaged: {error}") from error
    if authenticode_hash(data, _ALGORITHMS[len(digest)], name=name) != digest:
        return replace(signed.signature, verdict=Verdict.WRONG, reason="the program was changed after it was signed")
    return signed.signature


def indirect_digest(value: Element) -> bytes:
    """Return the digest in a SpcIndirectDataContent, whose second part is a DigestInfo.

    Raises:
        ValueError: when it is none.
    """
    _, info = value.required(SEQUENCE).children()
    _, digest = info.required(SEQUENCE).children()
    found = digest.required(OCTET_STRING).contents
    if len(found) not in _ALGORITHMS:
        raise NotDer(f"a hash of {len(found)} bytes")
    return found
