"""What crosses between who asks for a mount and the processes that serve it.

It is a module of its own, for what is pickled by a program must not be of the program's main module.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.service.mounts.records import Facts

CLEAN = b"."
"""What the server tells the keeper last when libwim has ended as it should."""
CONFIRMED = b"k"
"""What tells the keeper that whoever asked for the mount knows of it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be mounted.  It crosses to the program as JSON, in one line.

    Attributes:
        facts: what the record is to say.
        refs: patterns of other files with contents.
        allow_other: let other users in.
        unix_data: show and store what is of Unix.
        streams: how named streams are seen, by the value of the enum.
    """

    facts: Facts
    refs: tuple[str, ...] = ()
    allow_other: bool = False
    unix_data: bool = False
    streams: str = "xattr"

    def to_line(self) -> bytes:
        """Return it as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Task:
        """Return what a line says."""
        members = json.loads(line)
        return cls(Facts(**members.pop("facts")), tuple(members.pop("refs")), **members)


@dataclass(frozen=True, slots=True)
class Report:
    """What becomes of it: the process that serves the image, or why there is none.  It crosses back pickled."""

    pid: int | None = None
    error: OsdImageError | None = None
