"""Catalogs: for which files somebody has signed.

A ``.cat`` is PKCS#7 with a certificate trust list, of which each entry is a file: the hash by which it is looked up,
and attributes with that hash again, its name and the Windows that it is for.

Sources: [MS-CAESO], 2.2.4 (CertificateTrustList); wintrust.h and mscat.h of the Windows SDK (CAT_NAMEVALUE,
SPC_INDIRECT_DATA_CONTENT); the catalog of MakeCat among the tests of osslsigncode, measured.  Page hashes, which are
beside that of a program, are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from osdimage.imaging.drivers.signed.der import (
    CONTEXT_0,
    GENERALIZED_TIME,
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    SET,
    UTC_TIME,
    Element,
    NotDer,
    dotted,
    element_at,
)
from osdimage.imaging.drivers.signed.pkcs7 import FileSignature, read_signed
from osdimage.imaging.drivers.signed.program import indirect_digest
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.units import MIB

CATALOG_BYTES = 64 * MIB
"""More has no catalog of a driver: one with 10,000 files has 3 MiB."""

_CTL = "1.3.6.1.4.1.311.10.1"
_CATALOG_LIST = "1.3.6.1.4.1.311.12.1.1"
_NAME_VALUE = "1.3.6.1.4.1.311.12.2.1"
_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
# SHA-1, SHA-256, SHA-384 and SHA-512 by their sizes: the identifier of the digest tells no more.
_DIGEST_BYTES = frozenset({20, 32, 48, 64})
# CRYPTCAT_ATTR_DATABASE64: the value is not text.
_BASE64 = 0x00020000


@dataclass(frozen=True, slots=True)
class CatalogMember:
    """A file that a catalog vouches for.

    Attributes:
        hashes: of it; a catalog that an old Windows reads has several.
        file: the name that it had; None when the catalog does not tell.
        os_attribute: the Windows that it is for, such as ``2:6.1,2:10.0``; None when the catalog does not tell.
    """

    hashes: frozenset[bytes]
    file: str | None
    os_attribute: str | None


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog.

    Attributes:
        name: what messages call it.
        members: the files that it vouches for.
        made: when it says to have been made, which nobody else vouches for.
        os_attribute: the Windows that all of it is for; None when it does not tell.
        signature: None when nobody has signed it.
    """

    name: str
    members: tuple[CatalogMember, ...]
    made: datetime | None
    os_attribute: str | None
    signature: FileSignature | None

    def all_hashes(self) -> frozenset[bytes]:
        """Return the hashes of all members."""
        return frozenset(each for member in self.members for each in member.hashes)


def read_catalog(data: bytes, *, name: str) -> Catalog:
    """Read a catalog.

    Raises:
        InvalidInput: when it is none, or damaged.
        OsdImageError: when the module that reads it is missing.
    """
    if len(data) > CATALOG_BYTES:
        raise InvalidInput(f"{name}: has {len(data)} bytes; a catalog has at most {CATALOG_BYTES}")
    signed = read_signed(data, name=name)
    if signed.content_type != _CTL:
        raise InvalidInput(f"{name}: is no catalog: it holds {signed.content_type}, and not {_CTL}")
    try:
        return _read(signed.contents, signed.signature, name)
    except (NotDer, ValueError) as error:
        raise InvalidInput(f"{name}: is a damaged catalog: {error}") from error


def _read(contents: bytes, signature: FileSignature | None, name: str) -> Catalog:
    """Read CertificateTrustList; what comes before the usage is its version, and what comes between is not needed."""
    values = list(Element(SEQUENCE, contents, 0, len(contents)).children())
    if values and values[0].tag == INTEGER:
        values.pop(0)
    if not values:
        raise NotDer("it is empty")
    usages = [dotted(each.required(OID).contents) for each in values.pop(0).required(SEQUENCE).children()]
    if _CATALOG_LIST not in usages:
        raise InvalidInput(f"{name}: is a certificate trust list for {', '.join(usages)}, and no catalog")
    times = [each for each in values if each.tag in {UTC_TIME, GENERALIZED_TIME}]
    # The identifier of what the entries are, and then the entries.
    lists = [each for each in values if each.tag == SEQUENCE]
    entries = list(lists[1].children()) if len(lists) > 1 else []
    attributes = [each for each in values if each.tag == CONTEXT_0]
    return Catalog(
        name,
        tuple(filter(None, map(_member, entries))),
        _time(times[0]) if times else None,
        _os_attribute(attributes[0]) if attributes else None,
        signature,
    )


def _member(entry: Element) -> CatalogMember | None:
    """Read TrustedSubject; None for an entry without a hash of a file, as those of pages are."""
    identifier, *rest = entry.required(SEQUENCE).children()
    hashes = set()
    named: dict[str, str] = {}
    is_file = False
    for attribute in rest[0].required(SET).children() if rest else ():
        kind, values = attribute.required(SEQUENCE).children()
        oid = dotted(kind.required(OID).contents)
        for value in values.required(SET).children():
            if oid == _INDIRECT_DATA:
                hashes.add(indirect_digest(value))
                is_file = True
            elif oid == _NAME_VALUE:
                key, text = _name_value(value.required(SEQUENCE))
                named[key] = text
                is_file = True
    if not is_file:
        return None
    hashes |= _tag(identifier.required(OCTET_STRING).contents)
    return CatalogMember(frozenset(hashes), named.get("file"), named.get("osattr"))


def _tag(identifier: bytes) -> set[bytes]:
    """Return the hash that an entry is looked up by: as it is, or in hexadecimal digits of UTF-16 in older catalogs.

    A name that the maker of a catalog chose is none.
    """
    if len(identifier) in _DIGEST_BYTES:
        return {identifier}
    try:
        found = bytes.fromhex(identifier.decode("utf-16-le").rstrip("\0"))
    except (UnicodeDecodeError, ValueError):
        return set()
    return {found} if len(found) in _DIGEST_BYTES else set()


def _name_value(value: Element) -> tuple[str, str]:
    """Read CAT_NAMEVALUE: a name, how its value is recorded, and the value, which ends with a NUL."""
    key, flags, text = value.children()
    name = key.contents.decode("utf-16-be", "replace").lower()
    contents = text.required(OCTET_STRING).contents
    if int.from_bytes(flags.required(INTEGER).contents, "big") & _BASE64:
        return name, contents.decode("utf-8", "replace").rstrip("\0")
    return name, contents.decode("utf-16-le", "replace").rstrip("\0")


def _os_attribute(extensions: Element) -> str | None:
    """Return the Windows that all members are for, of the extensions of the list."""
    for each in _extensions(extensions):
        oid, *rest = each.required(SEQUENCE).children()
        if dotted(oid.required(OID).contents) != _NAME_VALUE or not rest:
            continue
        value = rest[-1].required(OCTET_STRING)
        key, text = _name_value(element_at(value.data, value.begin, value.end).required(SEQUENCE))
        if key == "osattr":
            return text
    return None


def _extensions(wrapped: Element) -> Iterator[Element]:
    for each in wrapped.children():
        yield from each.required(SEQUENCE).children()


def _time(value: Element) -> datetime | None:
    text = value.contents.decode("ascii")
    form = "%y%m%d%H%M%SZ" if value.tag == UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text, form).replace(tzinfo=UTC)
