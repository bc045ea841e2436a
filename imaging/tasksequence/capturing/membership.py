r"""Whether a Windows is in a domain or a workgroup, as its local security authority keeps it in the hive SECURITY.

``Policy\PolPrDmN`` holds the NetBIOS name of the domain or the name of the workgroup, ``PolPrDmS`` the identifier of
the domain, which a workgroup has none of, and ``PolDnDDN`` the DNS name of a domain that has one.  Names are an
LSA_UNICODE_STRING: the bytes of the text, the bytes of the buffer, and where the text begins, here from the front of
the value.  Looked at in the hive SECURITY of a Windows 10, which is in a workgroup; that Windows XP has the same is
what programs that read it rely on.
"""

from __future__ import annotations

import struct

from osdimage.imaging.answers.settings import Membership
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.errors import InvalidInput, TargetRefused
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.beside import read_beside
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.places import MAX_HIVE_BYTES

_NAME, _IDENTIFIER, _DNS_NAME = "PolPrDmN", "PolPrDmS", "PolDnDDN"
_STRING = struct.Struct("<HHI")


def membership_of(files: FileSource, windows: OfflineWindows) -> Membership:
    """Return the domain, by its DNS name where it has one, or the workgroup of a Windows; without an account.

    Raises:
        InvalidInput: when there is no hive SECURITY, or it does not tell.
        TargetRefused: when Windows did not close it, and its logs do not complete it.
        StorageError: when it cannot be read.
    """
    path = windows.hive_path("SECURITY")
    name = f"{files.name}: {path}"
    if not files.exists(path):
        raise InvalidInput(f"{name} is not there; it tells the domain or workgroup")
    hive = read_beside(files, path, limit=MAX_HIVE_BYTES, name=name)
    if hive.is_dirty:
        raise TargetRefused(f"{name}: Windows did not close it, and its logs do not complete it; start Windows once")
    return membership_in(hive, name)


def membership_in(hive: Hive, name: str) -> Membership:
    """Return what a hive SECURITY tells.

    Args:
        hive: it.
        name: what messages call it.

    Raises:
        InvalidInput: when it does not tell.
    """
    called = _text(_policy(hive, _NAME), name)
    if not called:
        raise InvalidInput(rf"{name}: does not tell the domain or workgroup (Policy\{_NAME})")
    if not _policy(hive, _IDENTIFIER):
        return Membership(workgroup=called)
    return Membership(domain=_text(_policy(hive, _DNS_NAME), name) or called)


def _policy(hive: Hive, key: str) -> bytes:
    found = hive.root.find(rf"Policy\{key}")
    value = None if found is None else found.value("")
    return b"" if value is None else value.data


def _text(data: bytes, name: str) -> str:
    if not data:
        return ""
    if len(data) >= _STRING.size:
        size, _, start = _STRING.unpack_from(data)
        if size % 2 == 0 and start >= _STRING.size and start + size <= len(data):
            text: str = data[start : start + size].decode("utf-16-le", "surrogatepass")
            return text.split("\0", 1)[0]
    raise InvalidInput(f"{name}: the name of the domain or workgroup does not lie in its value")
