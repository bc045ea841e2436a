"""A folder for network boot: whether what its scripts name, or its store, is in it.

A script of a computer may be somebody's own, and name what another server has; what it names here and is not there is
therefore a warning.  Addresses with a variable of iPXE or another server in them are passed over.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileSource
from osdimage.imaging.finding import Finding, Severity, error, warning
from osdimage.imaging.media.checked.stores import ANEW, check_store
from osdimage.imaging.units import KIB

ENTRY = "boot.ipxe"
_STORE = "boot/bcd"
_LOADED_FIRST = {
    "undionly.kpxe": Firmware.BIOS,
    "snponly.efi": Firmware.UEFI,
    "snponly-arm64.efi": Firmware.UEFI,
}
_NATIVE = {"pxeboot.n12": Firmware.BIOS, "pxeboot.com": Firmware.BIOS, "bootmgfw.efi": Firmware.UEFI}
_OF_COMPUTERS = ("by-mac/", "by-uuid/")
_LARGEST_SCRIPT = 64 * KIB
_NAMED = re.compile(r"(?:^|\|\||&&)\s*(?:chain(?: -\S+)*|kernel|initrd(?: -\S+ \S+)?) (\S+)", re.MULTILINE)


def check_netboot(files: FileSource) -> tuple[frozenset[Firmware], tuple[Finding, ...]]:
    """Return what firmware is served, and what is wrong with what it is served; an error may keep all from starting.

    Raises:
        StorageError: when the folder cannot be read.
    """
    if not files.exists(ENTRY):
        served = frozenset(firmware for name, firmware in _NATIVE.items() if files.exists(name))
        return served, tuple(finding for each in sorted(served) for finding in check_store(files, _STORE, each)[1])
    served = frozenset(firmware for name, firmware in _LOADED_FIRST.items() if files.exists(name))
    found = tuple(_script_findings(files))
    if not served:
        names = ", ".join(_LOADED_FIRST)
        found = (*found, error("no-first-file", f"{files.name}: has nothing that computers load first: {names}", ANEW))
    return served, found


def is_kept_from_starting(findings: tuple[Finding, ...]) -> bool:
    """Tell whether an error is among findings."""
    return any(each.severity is Severity.ERROR for each in findings)


def _script_findings(files: FileSource) -> Iterator[Finding]:
    for each in files.walk():
        if each.is_directory or each.is_link or not each.path.endswith(".ipxe"):
            continue
        name = f"{files.name}: {each.path}"
        try:
            text = files.read(each.path, limit=_LARGEST_SCRIPT).decode("utf-8", "replace")
        except InvalidInput as problem:
            yield error("script-unread", problem.said, ANEW)
            continue
        told = warning if each.path.startswith(_OF_COMPUTERS) else error
        for named in _NAMED.findall(text):
            if "$" in named or "://" in named:
                continue
            path = posixpath.normpath(posixpath.join(posixpath.dirname(each.path), unquote(named)))
            if path.startswith("..") or not files.exists(path):
                yield told("script-names-nothing", f"{name} names {named}, which is not there", ANEW)
