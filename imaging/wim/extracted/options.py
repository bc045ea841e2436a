"""How files are taken out of an image."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.wim.checks.names import Names


@dataclass(frozen=True, slots=True)
class ExtractOptions:
    """How files are taken out of an image.

    Attributes:
        keep_directories: recreate the directories above each path; otherwise ``/a/b/c`` becomes ``c``.
        globs: let patterns stand for what fits them; otherwise each path is a name as it is written.
        may_be_absent: pass over what fits nothing, with a warning; also no path at all.
        unix_data: also set owner, group, mode and extended attributes of files that were captured with them, and make
            FIFOs, sockets and devices.
        limit_bytes: refuse to write more bytes.
        names: what becomes of names that no Windows image may hold, or that the directory does not take.
    """

    keep_directories: bool = False
    globs: bool = True
    may_be_absent: bool = False
    unix_data: bool = False
    limit_bytes: int | None = None
    names: Names = Names.REFUSE
