r"""Commands of an update as text, in the form of wimlib-imagex update.

One command a line (its manual, "AVAILABLE COMMANDS")::

    # a comment
    add [--no-replace] [--dereference] [--unix-data] SOURCE DESTINATION
    delete [--force] [--recursive] PATH
    rename OLD NEW

Blanks separate the words; a word with blanks, or that begins with a quote or ``#``, stands in ``'...'`` or ``"..."``,
where a quote that is written twice stands for itself.  A backslash stands for itself, too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.documents import BLANKS, as_listing, lines_of, read_limited
from osdimage.imaging.errors import InvalidInput, quoted
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.edited.commands import AddTree, Command, DeletePath, RenamePath

MAX_BYTES = 64 * MIB
"""More than any command file has; a larger one is not read."""
_QUOTES = "'\""

# What each command takes: how many paths, and its options.  A directory of Linux has no security descriptors, so what
# wimlib-imagex is told about them changes nothing here or there.
_FORMS = {
    "add": (2, {"--no-replace", "--dereference", "--unix-data", "--no-acls", "--strict-acls"}),
    "delete": (1, {"--force", "--recursive"}),
    "rename": (2, set[str]()),
}


@dataclass(frozen=True, slots=True)
class CommandDefaults:
    """Options that all commands have which can have them.

    Attributes:
        replaces: of commands that add: whether files that are there are replaced.
        dereference: of commands that add: store what symbolic links lead to.
        unix_data: of commands that add: also store what is of Unix.
        recursive: of commands that delete: whether directories may be deleted.
        force: of commands that delete: whether nothing to delete is no error.
    """

    replaces: bool = True
    dereference: bool = False
    unix_data: bool = False
    recursive: bool = False
    force: bool = False

    def add(self, source: Path, path: str, origin: str = "") -> AddTree:
        """Return a command that adds."""
        return AddTree(source, path, self.replaces, self.dereference, self.unix_data, origin)

    def delete(self, path: str, origin: str = "") -> DeletePath:
        """Return a command that deletes."""
        return DeletePath(path, self.recursive, self.force, origin)


def read_commands(path: str | os.PathLike[str], defaults: CommandDefaults = CommandDefaults()) -> tuple[Command, ...]:
    """Read a file of commands.

    Raises:
        StorageError: when it cannot be read.
        InvalidInput: as :func:`decode_commands`.
    """
    path = Path(path)
    return decode_commands(read_limited(path, MAX_BYTES, kind="command files"), str(path), defaults)


def decode_commands(data: bytes, where: str, defaults: CommandDefaults = CommandDefaults()) -> tuple[Command, ...]:
    """Return the commands of a file, UTF-8 or UTF-16; ``where`` names it in messages.

    Raises:
        InvalidInput: with the line, when something in it is no command; or it is larger than 64 MB, or not text.
    """
    text = as_listing(data, MAX_BYTES, source=where, kind="command files")
    return parse_commands(text, where, defaults)


def parse_commands(text: str, where: str, defaults: CommandDefaults = CommandDefaults()) -> tuple[Command, ...]:
    """Return the commands of a text, one a line; ``where`` names it in messages.

    Raises:
        InvalidInput: as :func:`read_commands`.
    """
    lines = lines_of(text, source=where, comments="#")
    return tuple(parse_command(line, f"{where}:{number}", defaults) for number, line in lines)


def parse_command(text: str, where: str, defaults: CommandDefaults = CommandDefaults()) -> Command:
    """Return the command of a text that holds one alone; a quoted word may hold line ends.

    Raises:
        InvalidInput: when it is none; ``where`` names it.
    """
    try:
        name, *words = _words(text) or [""]
        options, paths = _sorted(name, words)
    except ValueError as error:
        raise InvalidInput(f"{where}: {error}") from error
    if name == "add":
        return AddTree(
            Path(paths[0]),
            paths[1],
            defaults.replaces and "--no-replace" not in options,
            defaults.dereference or "--dereference" in options,
            defaults.unix_data or "--unix-data" in options,
            where,
        )
    if name == "delete":
        recursive = defaults.recursive or "--recursive" in options
        return DeletePath(paths[0], recursive, defaults.force or "--force" in options, where)
    return RenamePath(paths[0], paths[1], where)


def _sorted(name: str, words: list[str]) -> tuple[set[str], list[str]]:
    """Return the options of a command, and its paths.

    Raises:
        ValueError: when it is none, or has others than these.
    """
    if name not in _FORMS:
        raise ValueError(f"there is no command {quoted(name)}; valid are add, delete and rename")
    count, known = _FORMS[name]
    options, paths = set(), []
    ended = False
    for word in words:
        if word == "--" and not ended:
            ended = True
        elif word.startswith("--") and not ended:
            if word not in known:
                valid = f"; valid are {', '.join(sorted(known))}" if known else ""
                raise ValueError(f"{name} has no option {quoted(word)}{valid}")
            options.add(word)
        else:
            paths.append(word)
    if len(paths) != count:
        wanted = "one path" if count == 1 else "two paths"
        raise ValueError(f"{name} takes {wanted}, and here are {len(paths)}; one with blanks is quoted")
    if not all(paths):
        raise ValueError(f"{name} has an empty path")
    return options, paths


def _words(text: str) -> list[str]:
    """Return the words of a command.

    Raises:
        ValueError: when a quote has no end, or is followed by anything but a blank.
    """
    found: list[str] = []
    at, end = 0, len(text)
    while True:
        while at < end and text[at] in BLANKS:
            at += 1
        if at == end:
            return found
        if text[at] in _QUOTES:
            word, at = _quoted_word(text, at)
            if at < end and text[at] not in BLANKS:
                raise ValueError(f"after the quoted {quoted(word)} comes no blank but {quoted(text[at])}")
        else:
            begin = at
            while at < end and text[at] not in BLANKS:
                at += 1
            word = text[begin:at]
        found.append(word)


def _quoted_word(text: str, at: int) -> tuple[str, int]:
    """Return the word that begins with the quote at a place, and where it ends."""
    quote, parts = text[at], []
    while True:
        closing = text.find(quote, at + 1)
        if closing < 0:
            raise ValueError(f"the quote {quote} has no end")
        parts.append(text[at + 1 : closing])
        if text[closing + 1 : closing + 2] != quote:
            return quote.join(parts), closing + 1
        at = closing + 1
