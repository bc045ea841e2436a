"""Paths of files that are put where a Windows is to open them.

Source: Microsoft, "Naming Files, Paths, and Namespaces".
"""

from __future__ import annotations

import re

from osdimage.imaging.errors import InvalidRequest, quoted

_LONGEST_UNITS = 255
_UNIT_BYTES = 2
_CHARACTERS = re.compile(r'[<>:"|?*\x00-\x1f]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE | re.DOTALL)


def checked_path(text: str) -> str:
    r"""Return a path in an image or a volume, names separated by ``/`` and none in front; ``\`` separates them, too.

    Raises:
        InvalidRequest: when it has no name, or one that Windows does not open.
    """
    path = text.replace("\\", "/").strip("/")
    if not path:
        raise InvalidRequest(f"{quoted(text)} is no path of a file in an image; valid is one such as /Tools/menu.exe")
    for name in path.split("/"):
        fault = fault_of(name)
        if fault is not None:
            raise InvalidRequest(f"the name {quoted(name)} in {quoted(text)} {fault}, and Windows would not open it")
    return path


def fault_of(name: str) -> str | None:
    """Tell why Windows would not open a name; None when it does."""
    if not name:
        return "is empty"
    if _CHARACTERS.search(name) is not None:
        return 'holds one of < > : " | ? * or a control character'
    if name[-1] in {".", " "}:
        return "ends in a dot or a blank"
    if _DEVICE.fullmatch(name) is not None:
        return "is that of a device"
    try:
        units = len(name.encode("utf-16-le")) // _UNIT_BYTES
    except UnicodeEncodeError:
        return "holds half a surrogate pair"
    return f"has {units} UTF-16 units, of which {_LONGEST_UNITS} are valid" if units > _LONGEST_UNITS else None
