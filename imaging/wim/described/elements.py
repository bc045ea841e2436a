"""Paths of elements in what the XML of a WIM says of an image, such as ``WINDOWS/LANGUAGES/LANGUAGE[2]``.

The elements are those that Windows writes ("Windows Imaging File Format (WIM)", Microsoft 2007, "XML data"; those of
``SERVICINGDATA`` and ``BRANCH`` as DISM of Windows 10 writes them).  Other programs have elements of their own, so that
one which is not known here is taken as it is written.
"""

from __future__ import annotations

import re

from osdimage.imaging.errors import InvalidRequest

# What osdimage adds to the XML of an image; other programs keep them and pass them on.
CREATOR_PROPERTY = "OSDIMAGE/CREATOR"
VERSION_PROPERTY = "OSDIMAGE/VERSION"
DISK_ELEMENT = "OSDIMAGE/DISK"

_STEP = re.compile(r"([^\W\d][\w.-]*)(?:\[([1-9]\d{0,3})\])?")
_WINDOWS_TEXTS = (
    "PRODUCTNAME", "EDITIONID", "INSTALLATIONTYPE", "HAL", "PRODUCTTYPE", "PRODUCTSUITE", "SYSTEMROOT",
    "LANGUAGES/LANGUAGE", "LANGUAGES/DEFAULT", "VERSION/BRANCH", "SERVICINGDATA/GDRDUREVISION",
    "SERVICINGDATA/PKEYCONFIGVERSION", "SERVICINGDATA/IMAGESTATE",
)  # fmt: skip
_WINDOWS_NUMBERS = ("ARCH", "VERSION/MAJOR", "VERSION/MINOR", "VERSION/BUILD", "VERSION/SPBUILD", "VERSION/SPLEVEL")
_COUNTS = frozenset({"DIRCOUNT", "FILECOUNT", "TOTALBYTES", "HARDLINKBYTES"})
_NUMBERS = _COUNTS | {"WIMBOOT", *(f"WINDOWS/{each}" for each in _WINDOWS_NUMBERS)}
# The halves of a FILETIME, such as 0x01D0A7B3.
_HALVES = frozenset(
    f"{time}/{half}" for time in ("CREATIONTIME", "LASTMODIFICATIONTIME") for half in ("HIGHPART", "LOWPART")
)
_TEXTS = {"NAME", "DESCRIPTION", "DISPLAYNAME", "DISPLAYDESCRIPTION", "FLAGS", CREATOR_PROPERTY, VERSION_PROPERTY}
_KNOWN = _NUMBERS | _HALVES | _TEXTS | {f"WINDOWS/{each}" for each in _WINDOWS_TEXTS}
# What holds others, and no text.
_FOLDERS = frozenset(path.rpartition("/")[0] for path in _KNOWN if "/" in path) | {"WINDOWS"}
_BY_LOWER = {path.lower(): path for path in _KNOWN | _FOLDERS}
COUNTED = _COUNTS | {f"LASTMODIFICATIONTIME{half}" for half in ("", "/HIGHPART", "/LOWPART")}
"""What libwim sets itself of an image whose files are new (``xml_update_image_info`` of its ``src/xml.c``)."""
_DECIMAL = re.compile(r"\d{1,20}")
_HEXADECIMAL = re.compile(r"0x[0-9A-Fa-f]{1,8}")


def steps_of(path: str) -> list[tuple[str, int]]:
    """Return the names of the elements on the way to one, each with which of its name it is, from 1.

    Raises:
        InvalidRequest: when it is no such path.
    """
    found = [_STEP.fullmatch(step) for step in path.split("/")]
    if not all(found):
        raise InvalidRequest(
            f"{path!r} is no path of an element; write names separated by /, such as WINDOWS/INSTALLATIONTYPE or "
            "WINDOWS/LANGUAGES/LANGUAGE[2]"
        )
    return [(step[1], int(step[2] or 1)) for step in found if step is not None]


def known_path(path: str) -> str:
    """Return a path as Windows writes it, where it knows the element and case alone differs.

    Raises:
        InvalidRequest: when it is no path.
    """
    steps = steps_of(path)
    known = _BY_LOWER.get("/".join(name for name, _ in steps).lower())
    if known is None:
        return path
    numbers = [number for _, number in steps]
    pairs = zip(known.split("/"), numbers, strict=True)
    return "/".join(name if number == 1 else f"{name}[{number}]" for name, number in pairs)


def is_known(path: str) -> bool:
    """Tell whether Windows, or osdimage, writes an element of this path."""
    return "/".join(name for name, _ in steps_of(path)) in _KNOWN


def check_element(path: str, value: str) -> None:
    """Refuse a value that an element cannot have; the empty one removes it.

    Raises:
        InvalidRequest: that says what would be valid.
    """
    plain = "/".join(name for name, _ in steps_of(path))
    if plain == DISK_ELEMENT or plain.startswith(f"{DISK_ELEMENT}/"):
        raise InvalidRequest(f"{path} is the layout of the disk that was captured, which is not changed")
    if plain in _COUNTS:
        raise InvalidRequest(f"{path} is what is counted of the files in the image, and is not set")
    if not value:
        return
    if plain in _FOLDERS:
        inside = sorted(each for each in _KNOWN if each.startswith(f"{plain}/"))
        raise InvalidRequest(f"{path} holds other elements and no text; name one of them, such as {inside[0]}")
    if plain in _NUMBERS and not _DECIMAL.fullmatch(value):
        more = ": 0 for x86, 5 arm, 6 ia64, 9 x64, 12 arm64" if plain == "WINDOWS/ARCH" else ""
        raise InvalidRequest(f"{path} is a number{more}; not {value!r}")
    if plain in _HALVES and not _HEXADECIMAL.fullmatch(value):
        raise InvalidRequest(f"{path} is half a time in hexadecimal digits, such as 0x01D0A7B3; not {value!r}")
