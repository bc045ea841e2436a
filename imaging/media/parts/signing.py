"""Which of Microsoft's certificates a loader is signed with."""

from __future__ import annotations

from osdimage.imaging.drivers.signed.pkcs7 import Verdict, missing_module
from osdimage.imaging.drivers.signed.program import program_signature
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.media.parts.medium import SignedBy

_ISSUERS = {each.called.lower(): each for each in (SignedBy.CA_2011, SignedBy.CA_2023)}


def signed_by(program: bytes) -> SignedBy:
    """Return who has issued the certificate of the first signature of a loader.

    It is not known of a program without a signature, with one of somebody else, or that was changed after it was
    signed; nor where the module asn1crypto is missing, which the extra ``drivers`` installs.
    """
    if missing_module() is not None:
        return SignedBy.UNKNOWN
    try:
        found = program_signature(program, name="loader")
    except InvalidInput:
        return SignedBy.UNKNOWN
    if found is None or found.verdict is Verdict.WRONG:
        return SignedBy.UNKNOWN
    return _ISSUERS.get(found.issuer.lower(), SignedBy.UNKNOWN)
