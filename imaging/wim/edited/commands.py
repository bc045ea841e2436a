r"""What an update of an image is made of: commands, carried out in the order in which they are given.

Paths in the image are separated by ``/`` or ``\``, begin at its root with or without a separator, and are compared
without case.  Links in the image are never followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

Contents = Mapping[str, bytes]
"""Contents of files, by their paths."""


@dataclass(frozen=True, slots=True)
class AddTree:
    """Add a file or a directory with all in it.

    A directory that is there is joined with it, and a file of the image that has the path of one that is added is
    replaced.  Hard links within the directory stay; what two commands add are two files, with contents stored once.
    What is added has the times of its source and no security descriptor: on a volume it gets that of its folder.

    Attributes:
        source: a file or directory of this machine; it must stay as it is until the WIM is written.
        path: what it is in the image; the directories above it are made.
        replaces: whether files that are there are replaced; otherwise one is an error.
        dereference: store what symbolic links lead to, in place of the links.
        unix_data: also store owners, modes and what else is of Unix.
        origin: where the command stands, for messages; empty when it is given alone.
    """

    source: Path
    path: str
    replaces: bool = True
    dereference: bool = False
    unix_data: bool = False
    origin: str = ""


@dataclass(frozen=True, slots=True)
class DeletePath:
    """Delete a file, or a directory with all in it.

    Attributes:
        path: of what is deleted; ``*``, ``?`` and ``[...]`` stand for characters within a name, unless something has
            this very name.
        recursive: whether a directory may be deleted, and all in it.
        force: whether nothing at the path is no error.
        origin: as that of :class:`AddTree`.
    """

    path: str
    recursive: bool = False
    force: bool = False
    origin: str = ""


@dataclass(frozen=True, slots=True)
class RenamePath:
    """Give a file or directory another path.

    As with rename(2), a file takes the place of a file, and a directory that of an empty one.

    Attributes:
        old: its path.
        new: the other, whose folder must be there; a path that differs in case only is another.
        origin: as that of :class:`AddTree`.
    """

    old: str
    new: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class EditFile:
    """Replace the contents of a file; its attributes, times, short name and security descriptor stay.

    Attributes:
        path: of the file.
        change: gets the contents and returns the new ones, or None to leave them.
        limit_bytes: the largest file that is taken.
        source: the file that says what is changed, for messages and results; None when there is none.
        origin: as that of :class:`AddTree`.
    """

    path: str
    change: Callable[[bytes], bytes | None]
    limit_bytes: int
    source: Path | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class EditFiles:
    """Replace the contents of files that belong together, such as a hive and its logs; all else about them stays.

    Attributes:
        paths: of the files; the first must be there, and those of the others that are files are taken.
        change: gets the contents by these paths and returns the new ones of the files that are to be changed.
        limit_bytes: the largest file that is taken.
        source, origin: as those of :class:`EditFile`.
    """

    paths: tuple[str, ...]
    change: Callable[[Contents], Contents]
    limit_bytes: int
    source: Path | None = None
    origin: str = ""


Command = AddTree | DeletePath | RenamePath | EditFile | EditFiles


class ChangeKind(Enum):
    """What became of a path."""

    ADD = "add"
    DELETE = "delete"
    RENAME = "rename"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class Change:
    """What a command did to one path of an image.  Sizes in bytes before compression.

    Attributes:
        kind: what was done.
        path: in the image; of what was renamed the new one.
        source: the file of this machine that was added, or says what was edited; the old path of what was renamed.
        directories: how many it was, or it had.
        files: how many files and links.
        size: of their contents, named streams included; of a file in a directory, each hard link has its part.
        replaced: paths of files of the image whose place was taken; the first 10,000.
        excluded: how many files and directories of the source were left out by the configuration.
    """

    kind: ChangeKind
    path: str
    source: str | None
    directories: int
    files: int
    size: int
    replaced: tuple[str, ...] = ()
    excluded: int = 0
