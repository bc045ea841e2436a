"""Paths of Windows and of its network, as files of this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, quoted

LONGEST_NAME_BYTES = 255
"""NAME_MAX of Linux, whose file systems have no longer ones."""


def outside_path(path: str, shares: Mapping[str, Path]) -> Path:
    r"""Return the file of this machine that a UNC path, or a path of Linux, means.

    Args:
        path: it; a name of it is never a step up.
        shares: directories that stand for network shares, by ``\\server\share``.

    Raises:
        InvalidRequest: when nothing was mapped to the share, or a name is longer than one can be.
    """
    if any(map(is_too_long, re.split(r"[\\/]", path))):
        raise InvalidRequest(f"{quoted(path)} has a name of more than {LONGEST_NAME_BYTES} bytes, which no file has")
    if path.startswith("/") and not path.startswith("//"):
        return Path(path)
    plain = path.replace("/", "\\")
    for share, folder in sorted(shares.items(), key=lambda item: -len(item[0])):
        prefix = share.replace("/", "\\").rstrip("\\") + "\\"
        if plain.lower().startswith(prefix.lower()):
            parts = [part for part in plain[len(prefix) :].split("\\") if part]
            if parts and not any(part in {".", ".."} or "\0" in part for part in parts):
                return folder.joinpath(*parts)
    known = ", ".join(sorted(shares)) or "none"
    raise InvalidRequest(
        f"{quoted(path)} cannot be reached; valid is a path of this computer, or one below a share that has a "
        f"directory ({known})"
    )


def insensitive(folder: Path, name: str) -> Path | None:
    """Return the file that a path of Windows means in a directory of this machine, whatever its case."""
    found = folder
    for part in name.replace("\\", "/").split("/"):
        if part in {"", ".", ".."} or is_too_long(part) or not found.is_dir():
            return None
        same = found / part
        if not same.exists():
            matches = sorted(each for each in found.iterdir() if each.name.lower() == part.lower())
            if not matches:
                return None
            same = matches[0]
        found = same
    return found


def is_too_long(name: str) -> bool:
    """Tell whether a name is one that Linux has for no file, and asked for is an error and not an answer."""
    return len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME_BYTES
