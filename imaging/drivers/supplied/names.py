r"""Paths of driver files: those of an INF, with ``\``, on what Linux and others keep."""

from __future__ import annotations

from osdimage.imaging.errors import InvalidRequest, quoted


def split(path: str) -> tuple[str, ...]:
    """Return the names of a path; other than on a volume of Windows a ``:`` may be in one.

    Raises:
        InvalidRequest: when it leads out of where it begins.
    """
    parts = tuple(part for part in path.replace("\\", "/").split("/") if part)
    if any(part in {".", ".."} or "\0" in part for part in parts):
        raise InvalidRequest(f"{quoted(path)} is no path of a file below a folder; valid is one such as amd64\\x.sys")
    return parts


def is_reachable(name: str) -> bool:
    """Tell whether a path can lead to a name: not to one that holds what separates names."""
    return name not in {"", ".", ".."} and not {"/", "\\", "\0"} & {*name}
