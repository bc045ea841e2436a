"""What may be wrong with a driver package: the words that scripts see, how much each matters, and what to do."""

from __future__ import annotations

from enum import Enum

from osdimage.imaging.drivers.inf.inf_text import InfTopic
from osdimage.imaging.errors import Remedy
from osdimage.imaging.finding import Finding, Severity

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_AGAIN = "get the package again, whole, from who gave it out"
_AUTHOR = "Windows may still install it; who wrote it can mend it"


class Kind(Enum):
    """A kind of finding: its code, its severity, and what to do."""

    NOT_FINISHED = "inf-not-finished", _ERROR, "take the INF that a build has made of it"
    UNREADABLE = "inf-unreadable", _ERROR, _AGAIN
    UNUSUAL = "inf-unusual", _WARNING, _AUTHOR
    TOKEN = "token-undefined", _WARNING, _AUTHOR
    SECTION = "section-missing", _WARNING, _AUTHOR
    NO_VERSION = "driver-version-missing", _WARNING, "any other driver of its rank comes before it: prefer a newer one"
    NO_CLASS = "class-missing", _WARNING, _AUTHOR
    NO_PROVIDER = "provider-missing", _WARNING, _AUTHOR
    NO_DEVICE = "no-device", _ERROR, "take the package for that Windows and architecture"
    EMPTY_PLATFORM = "platform-empty", _NOTE, "none is needed: it says that there is no driver for this Windows"
    FOR_NO_DEVICE = "primitive-driver", _NOTE, "install it in the Windows that runs: no device brings it in"
    FILE_MISSING = "file-missing", _ERROR, _AGAIN
    FILE_OF_WINDOWS = "file-perhaps-inbox", _NOTE, "none is needed when it is a file of Windows itself"
    NEEDS_WINDOWS = "needs-windows-inf", _NOTE, "none is needed where the Windows has these INFs"
    WRONG_PROCESSOR = "file-wrong-processor", _ERROR, "take the package for the architecture"
    NO_CATALOG = "catalog-none", _WARNING, "take a signed package: a Windows of 64 bits does not load unsigned drivers"
    NO_CATALOG_32 = "catalog-none-32-bit", _NOTE, "none is needed: a Windows of 32 bits asks before it installs it"
    CATALOG_MISSING = "catalog-missing", _WARNING, "take a signed package: a Windows of 64 bits refuses it without"
    CATALOG_UNREADABLE = "catalog-unreadable", _ERROR, _AGAIN
    CATALOG_NOT_CHECKED = "catalog-not-checked", _WARNING, "install it: pip install 'osdimage[drivers]'"
    CATALOG_UNSIGNED = "catalog-unsigned", _WARNING, "have it signed: Windows takes the package for an unsigned one"
    SIGNATURE_WRONG = "signature-wrong", _ERROR, _AGAIN
    SIGNATURE_NOT_CHECKED = "signature-not-checked", _NOTE, "Windows checks it when it installs the driver"
    SIGNATURE_EXPIRED = "signature-without-time", _WARNING, "take a package whose signature has a timestamp"
    HASH_WRONG = "file-not-as-signed", _ERROR, _AGAIN
    HASH_NOT_CHECKED = "file-not-checked", _NOTE, "Windows checks it when it installs the driver"
    DRIVER_CHANGED = "driver-signature-wrong", _ERROR, _AGAIN
    BOOT_DRIVER = (
        "boot-driver-unsigned",
        _WARNING,
        "prefer one with a signature in it: not every loader looks for catalogs",
    )

    @property
    def code(self) -> str:
        """The word for scripts."""
        return self.value[0]

    def finding(self, text: str) -> Finding:
        """Return a finding of this kind."""
        return Finding(self.value[1], self.code, text, Remedy(self.value[2]))


OF_TOPIC = {
    InfTopic.UNDEFINED: Kind.TOKEN,
    InfTopic.SECTION: Kind.SECTION,
    InfTopic.DRIVER_VERSION: Kind.NO_VERSION,
    InfTopic.OTHER: Kind.UNUSUAL,
}
"""Kinds of what the reader of INFs has warned of."""
