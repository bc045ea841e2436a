"""Catalogs as MakeCat of the Windows SDK makes them, which nobody has signed yet.

Source: [MS-CAESO] 2.2.4, wintrust.h, and the bytes of ``tests/files/unsigned.cat`` of osslsigncode, which MakeCat wrote
(``openssl asn1parse``); osslsigncode signs what is made here, and finds files in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SEQUENCE, SET, OID, OCTETS, INTEGER, UTC_TIME, BMP, NULL = 0x30, 0x31, 0x06, 0x04, 0x02, 0x17, 0x1E, 0x05
SIGNED_DATA = "1.2.840.113549.1.7.2"
CTL = "1.3.6.1.4.1.311.10.1"
DIGESTS = {20: "1.3.14.3.2.26", 32: "2.16.840.1.101.3.4.2.1"}


@dataclass(frozen=True)
class Entry:
    """A file of a catalog: its hash, and what is told of it."""

    digest: bytes
    file: str | None = None
    os_attribute: str | None = None
    is_program: bool = False


def der(tag: int, *contents: bytes) -> bytes:
    """Return a value."""
    body = b"".join(contents)
    if len(body) < 128:
        return bytes((tag, len(body))) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + len(body).to_bytes(size, "big") + body


def oid(text: str) -> bytes:
    """Return an object identifier."""
    first, second, *rest = map(int, text.split("."))
    body = b""
    for number in (40 * first + second, *rest):
        part = bytes((number & 0x7F,))
        while number := number >> 7:
            part = bytes((0x80 | number & 0x7F,)) + part
        body += part
    return der(OID, body)


def name_value(name: str, value: str) -> bytes:
    """Return CAT_NAMEVALUE, in plain text, authenticated, of a name: 0x10010001."""
    text = (value + "\0").encode("utf-16-le")
    return der(SEQUENCE, der(BMP, name.encode("utf-16-be")), der(INTEGER, bytes.fromhex("10010001")), der(OCTETS, text))


def attribute(kind: str, value: bytes) -> bytes:
    """Return an attribute with one value."""
    return der(SEQUENCE, oid(kind), der(SET, value))


def _subject(entry: Entry, version: int) -> bytes:
    digest = entry.digest
    # SPC_PE_IMAGE_DATA or SPC_CAB_DATA, which MakeCat takes for all that is no program.
    data = (
        der(SEQUENCE, oid("1.3.6.1.4.1.311.2.1.15"), der(SEQUENCE, der(0x03, b"\0"), der(0xA0, der(0xA2, der(0x80)))))
        if entry.is_program
        else der(SEQUENCE, oid("1.3.6.1.4.1.311.2.1.25"), der(0xA2, der(0x80)))
    )
    info = der(SEQUENCE, der(SEQUENCE, oid(DIGESTS[len(digest)]), der(NULL)), der(OCTETS, digest))
    attributes = [attribute("1.3.6.1.4.1.311.2.1.4", der(SEQUENCE, data, info))]
    if entry.file is not None:
        attributes.append(attribute("1.3.6.1.4.1.311.12.2.1", name_value("File", entry.file)))
    if entry.os_attribute is not None:
        attributes.append(attribute("1.3.6.1.4.1.311.12.2.1", name_value("OSAttr", entry.os_attribute)))
    if version == 1:
        guid = "{C689AAB8-8E78-11D0-8C47-00C04FC295EE}".encode("utf-16-be")
        attributes.append(attribute("1.3.6.1.4.1.311.12.2.2", der(SEQUENCE, der(BMP, guid), der(INTEGER, b"\2\0"))))
        tag = (digest.hex().upper() + "\0").encode("utf-16-le")
    else:
        attributes.append(attribute("1.3.6.1.4.1.311.12.2.3", der(0x82)))
        tag = digest
    return der(SEQUENCE, der(OCTETS, tag), der(SET, *sorted(attributes)))


def catalog(entries: Sequence[Entry], *, version: int = 2, os_attribute: str | None = "2:10.0") -> bytes:
    """Return a catalog that nobody has signed.

    Args:
        entries: its files.
        version: 1 is for SHA-1, and looks files up by the digits of it; 2 by the hash itself.
        os_attribute: of all files.
    """
    members = der(SEQUENCE, *(_subject(each, version) for each in entries))
    parts = [
        der(SEQUENCE, oid("1.3.6.1.4.1.311.12.1.1")),
        der(OCTETS, bytes(range(16))),
        der(UTC_TIME, b"250605080048Z"),
        der(SEQUENCE, oid(f"1.3.6.1.4.1.311.12.1.{version + 1}"), der(NULL)),
        members,
    ]
    if os_attribute is not None:
        value = name_value("OSAttr", os_attribute)
        parts.append(der(0xA0, der(SEQUENCE, der(SEQUENCE, oid("1.3.6.1.4.1.311.12.2.1"), der(OCTETS, value)))))
    contents = der(SEQUENCE, oid(CTL), der(0xA0, der(SEQUENCE, *parts)))
    signed = der(SEQUENCE, der(INTEGER, b"\1"), der(SET), contents, der(SET))
    return der(SEQUENCE, oid(SIGNED_DATA), der(0xA0, signed))
