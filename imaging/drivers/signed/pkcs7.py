"""PKCS#7: who signed something, when, and whether the signature fits what is there.

Sources: RFC 2315 and RFC 5652 (SignedData), RFC 8017, 8.2.2 (RSA with PKCS #1 v1.5), RFC 3161 (timestamps); Microsoft,
"Windows Authenticode Portable Executable Signature Format" for what of these it takes.  The module asn1crypto reads the
structures, and belongs to the extra ``drivers``.  Certificates are not followed to any root, so that nothing here is
trusted: a signature is right when the key in the certificate beside it made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from osdimage.imaging.drivers.signed.der import CONTEXT_0, OID, dotted, element_at
from osdimage.imaging.errors import InvalidInput, OsdImageError

if TYPE_CHECKING:
    from asn1crypto import cms, x509

_UNCHECKED = "is not checked here"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_SIGNING_TIME = "1.2.840.113549.1.9.5"
_COUNTERSIGNATURE = "1.2.840.113549.1.9.6"
_DATA = "1.2.840.113549.1.7.1"
_TIMESTAMP = "1.3.6.1.4.1.311.3.3.1"
_DIGESTS = frozenset({"md5", "sha1", "sha256", "sha384", "sha512"})
# DigestInfo of RFC 8017, 9.2, before the digest.
_DIGEST_INFO = {
    "md5": "3020300c06082a864886f70d020505000410",
    "sha1": "3021300906052b0e03021a05000414",
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
}
_LARGEST_KEY_BITS = 16384
_LARGEST_EXPONENT_BITS = 64
# What asn1crypto raises for structures that are none.
_DAMAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class _NoCertificate(ValueError):
    """The certificate of a signer is missing, by which alone anything is known of him."""

    def __init__(self) -> None:
        super().__init__("the certificate of its signer is not in it")


class Verdict(StrEnum):
    """What became of a comparison."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True)
class FileSignature:
    """A signature, of which the first one counts where there are several.

    Attributes:
        signer: whom the certificate names.
        issuer: who issued that.
        valid_from: since when it is valid.
        valid_until: until when.
        algorithm: of the digest, such as ``sha256``.
        verdict: whether the signature is one of the contents, by the key in the certificate; that of nobody known.
        reason: why it is wrong, or was not checked; ``""`` when it is right.
        time: when it was there at the latest, as somebody else has signed; None when nobody has.
        time_authority: who has.
    """

    signer: str
    issuer: str
    valid_from: datetime
    valid_until: datetime
    algorithm: str
    verdict: Verdict
    reason: str = ""
    time: datetime | None = None
    time_authority: str | None = None


@dataclass(frozen=True, slots=True)
class SignedContents:
    """What is signed.

    Attributes:
        content_type: an object identifier.
        contents: the value without its tag and length, which are not signed.
        signature: of it; None when nobody has signed.
    """

    content_type: str
    contents: bytes
    signature: FileSignature | None


def missing_module() -> str | None:
    """Return a sentence that says what is missing to read signatures, or None."""
    try:
        import asn1crypto  # noqa: F401, PLC0415 - it belongs to an extra
    except ImportError:
        return "the Python module asn1crypto is missing, which the extra osdimage[drivers] installs"
    return None


def read_signed(data: bytes, *, name: str) -> SignedContents:
    """Read what is signed, and its signature.

    Raises:
        InvalidInput: when it is no PKCS#7, or damaged.
        OsdImageError: when the module that reads it is missing.
    """
    fault = missing_module()
    if fault is not None:
        raise OsdImageError(f"{name}: cannot be read: {fault}")
    # The second one adds types to the first one's tables, which must not have been looked into by then.
    from asn1crypto import cms, tsp  # noqa: F401, PLC0415 - they belong to an extra

    try:
        outer = cms.ContentInfo.load(data)
        if outer["content_type"].native != "signed_data":
            raise InvalidInput(f"{name}: is PKCS#7, and not what is signed")
        return _read(outer["content"])
    except _NoCertificate as error:
        raise InvalidInput(f"{name}: {error}") from error
    except _DAMAGE as error:
        raise InvalidInput(f"{name}: is no PKCS#7 that is signed, or a damaged one") from error


def _read(signed: cms.SignedData) -> SignedContents:
    content_type, contents = _contents_of(signed)
    infos = list(signed["signer_infos"])
    certificates = _certificates_in(signed)
    signature = None if not infos else _signature(infos[0], contents, content_type, certificates)
    return SignedContents(content_type, contents, signature)


def _contents_of(signed: cms.SignedData) -> tuple[str, bytes]:
    """Return what the contents are, and their bytes without tag and length: the same of PKCS #7 and of CMS."""
    raw = signed["encap_content_info"].dump()
    kind, *rest = element_at(raw, 0, len(raw)).children()
    (value,) = rest[0].required(CONTEXT_0).children() if rest else (None,)
    return dotted(kind.required(OID).contents), b"" if value is None else value.contents


def _certificates_in(signed: cms.SignedData) -> list[x509.Certificate]:
    return [each.chosen for each in signed["certificates"] or () if each.name == "certificate"]


def _signature(
    info: cms.SignerInfo, contents: bytes, content_type: str, certificates: list[x509.Certificate]
) -> FileSignature:
    """Return what is known of a signature of contents.

    Raises:
        _NoCertificate: when there is none of its signer.
    """
    certificate = _certificate_of(info, certificates)
    reason = _fault(info, contents, content_type, certificate)
    algorithm = str(info["digest_algorithm"]["algorithm"].native)
    verdict = Verdict.RIGHT
    if reason:
        verdict = Verdict.NOT_CHECKED if reason.startswith(_UNCHECKED) else Verdict.WRONG
    time, authority = _timestamp(info, certificates)
    validity = certificate["tbs_certificate"]["validity"]
    return FileSignature(
        signer=_called(certificate.subject),
        issuer=_called(certificate.issuer),
        valid_from=_moment(validity["not_before"].native),
        valid_until=_moment(validity["not_after"].native),
        algorithm=algorithm,
        verdict=verdict,
        reason=reason,
        time=time,
        time_authority=authority,
    )


def _certificate_of(info: cms.SignerInfo, certificates: list[x509.Certificate]) -> x509.Certificate:
    sid = info["sid"]
    for each in certificates:
        if sid.name == "issuer_and_serial_number":
            named = sid.chosen
            if each.serial_number == named["serial_number"].native and each.issuer.dump() == named["issuer"].dump():
                return each
        elif each.key_identifier == sid.chosen.native:
            return each
    raise _NoCertificate


def _fault(info: cms.SignerInfo, contents: bytes, content_type: str, certificate: x509.Certificate) -> str:
    """Return what is wrong with a signature, or why that is not known; ``""`` when nothing is."""
    algorithm = str(info["digest_algorithm"]["algorithm"].native)
    if algorithm not in _DIGESTS:
        return f"{_UNCHECKED}: its digest is {algorithm}"
    attributes = info["signed_attrs"]
    signed = contents
    if attributes:
        named = {str(each["type"].dotted): each["values"] for each in attributes}
        if _MESSAGE_DIGEST not in named or named[_MESSAGE_DIGEST][0].native != _digest(algorithm, contents):
            return "the contents are not those that were signed"
        if _CONTENT_TYPE in named and named[_CONTENT_TYPE][0].dotted != content_type:
            return "it is a signature of contents of another type"
        signed = attributes.untag().dump()
    return _key_fault(info, algorithm, signed, certificate)


def _key_fault(info: cms.SignerInfo, algorithm: str, signed: bytes, certificate: x509.Certificate) -> str:
    """Compare a signature with the key of a certificate, when that is RSA with PKCS #1 v1.5; see :func:`_fault`."""
    method = info["signature_algorithm"].signature_algo
    key = certificate.public_key
    if method != "rsassa_pkcs1v15" or key.algorithm != "rsa":
        return f"{_UNCHECKED}: its key is of another kind than RSA with PKCS #1 v1.5"
    numbers = key["public_key"].parsed
    modulus, exponent = numbers["modulus"].native, numbers["public_exponent"].native
    if not 512 <= modulus.bit_length() <= _LARGEST_KEY_BITS or not 2 < exponent < 1 << _LARGEST_EXPONENT_BITS:
        return f"{_UNCHECKED}: its key has {modulus.bit_length()} bits"
    size = (modulus.bit_length() + 7) // 8
    signature = info["signature"].native
    found = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    if len(signature) != size or found not in _encoded(algorithm, _digest(algorithm, signed), size):
        return "the key of the certificate has not made it"
    return ""


def _encoded(algorithm: str, digest: bytes, size: int) -> Iterator[bytes]:
    """Yield what a signature of a digest may hold, which is padded to the size of the key.

    The parameters of the algorithm may be missing (RFC 8017, appendix A.2.4), and Symantec's old timestamps hold the
    digest alone, as CryptSignHash makes it with CRYPT_NOHASHOID.
    """
    info = bytes.fromhex(_DIGEST_INFO[algorithm])
    bare = bytes((info[0], info[1] - 2, info[2], info[3] - 2)) + info[4:-4] + info[-2:]
    for told in (info + digest, bare + digest, digest):
        if size >= len(told) + 11:
            yield b"\0\1" + b"\xff" * (size - len(told) - 3) + b"\0" + told


def _timestamp(info: cms.SignerInfo, certificates: list[x509.Certificate]) -> tuple[datetime | None, str | None]:
    """Return when a signature was there, and who says so, of the first one who says so with a right signature.

    Nobody has signed what stands there: what is damaged says nothing, and takes nothing from the signature itself.
    """
    signature = info["signature"].native
    for each in info["unsigned_attrs"] or ():
        kind = str(each["type"].dotted)
        for value in each["values"]:
            found = None
            with suppress(*_DAMAGE):
                if kind == _TIMESTAMP:
                    found = _of_token(value, signature)
                elif kind == _COUNTERSIGNATURE:
                    found = _of_countersignature(value, signature, certificates)
            if found is not None:
                return found
    return None, None


def _of_token(value: cms.ContentInfo, signature: bytes) -> tuple[datetime, str] | None:
    from asn1crypto import cms, tsp  # noqa: PLC0415 - it belongs to an extra

    signed = cms.ContentInfo.load(value.dump())["content"]
    content_type, contents = _contents_of(signed)
    token = tsp.TSTInfo.load(contents)
    imprint = token["message_imprint"]
    algorithm = str(imprint["hash_algorithm"]["algorithm"].native)
    if algorithm not in _DIGESTS or imprint["hashed_message"].native != _digest(algorithm, signature):
        return None
    info = signed["signer_infos"][0]
    certificate = _certificate_of(info, _certificates_in(signed))
    if _fault(info, contents, content_type, certificate):
        return None
    return _moment(token["gen_time"].native), _called(certificate.subject)


def _of_countersignature(
    value: cms.SignerInfo, signature: bytes, certificates: list[x509.Certificate]
) -> tuple[datetime, str] | None:
    certificate = _certificate_of(value, certificates)
    if _fault(value, signature, _DATA, certificate):
        return None
    times = [each["values"][0].native for each in value["signed_attrs"] or () if each["type"].dotted == _SIGNING_TIME]
    return (_moment(times[0]), _called(certificate.subject)) if times else None


def _digest(algorithm: str, data: bytes) -> bytes:
    return hashlib.new(algorithm, data, usedforsecurity=False).digest()


def _moment(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError("a time that is none")
    return value


def _called(name: x509.Name) -> str:
    """Return what people call somebody: the common name, or all that there is."""
    native = name.native
    found = native.get("common_name") or name.human_friendly
    text = found if isinstance(found, str) else ", ".join(map(str, found))
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]
