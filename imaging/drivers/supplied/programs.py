"""The programs that extract archives: what they list, and how they are called.

Their lists are judged before they extract anything (``members.py``), and what they left is looked at again.  An
archive is never run, whatever it says to be.

Sources: 7-Zip 26 (``7zz l -slt``), cabextract 1.9 and msitools 0.101, measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from osdimage.imaging.distribution import Distribution, Packages
from osdimage.imaging.drivers.supplied.members import Member
from osdimage.imaging.errors import InvalidInput, OsdImageError, Remedy
from osdimage.imaging.programs import find_program


class ArchiveKind(Enum):
    """What a file is by its first bytes; the value is what messages call it."""

    ZIP = "ZIP"
    CABINET = "cabinet"
    SEVEN_ZIP = "7z archive"
    MSI = "MSI"
    PROGRAM = "program"

    @classmethod
    def of(cls, head: bytes) -> ArchiveKind | None:
        """Return what begins so, or None when it is none of these."""
        return next((kind for mark, kind in _MARKS if head.startswith(mark)), None)


_MARKS = (
    (b"PK\x03\x04", ArchiveKind.ZIP),
    # Of an empty one.
    (b"PK\x05\x06", ArchiveKind.ZIP),
    (b"MSCF\0\0\0\0", ArchiveKind.CABINET),
    (b"7z\xbc\xaf\x27\x1c", ArchiveKind.SEVEN_ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ArchiveKind.MSI),
    (b"MZ", ArchiveKind.PROGRAM),
)
MARK_BYTES = max(len(mark) for mark, _ in _MARKS)
"""So many bytes of the beginning tell what a file is."""


@dataclass(frozen=True, slots=True)
class Extractor:
    """A program that extracts archives.

    Attributes:
        programs: its names; the first one is what messages call it.
        kinds: what it extracts.
        packages: that have it.
        listing: the arguments that make it list; the archive comes behind them.
        extracting: the arguments that make it extract; ``{}`` stands for the folder.
        parse: makes members of the list; it takes what messages call the archive, and the list.
        attempts: more arguments of a program that may hold an archive, one after the other.
    """

    programs: tuple[str, ...]
    kinds: frozenset[ArchiveKind]
    packages: Packages
    listing: tuple[str, ...]
    extracting: tuple[str, ...]
    parse: Callable[[str, str], list[Member]]
    attempts: tuple[tuple[str, ...], ...] = ((),)


def extractor_for(kind: ArchiveKind, name: str) -> tuple[str, Extractor]:
    """Return the path of the program that extracts archives of a kind, and how it is called.

    Raises:
        OsdImageError: when there is none, naming the package that has it.
    """
    fitting = [each for each in _EXTRACTORS if kind in each.kinds]
    for each in fitting:
        program = find_program(*each.programs)
        if program is not None:
            return program, each
    how = Distribution.current().install_command(fitting[0].packages)
    install = f" ({how})" if how is not None else ""
    raise OsdImageError(
        f"{name}: extracting a {kind.value} needs {fitting[0].programs[0]}, which is not installed{install}"
    )


class NoArchive(InvalidInput):
    """A program that is to be run, which is not done here."""


def no_archive(name: str) -> NoArchive:
    """Return the error of a program that holds no archive, with what to do with it."""
    return NoArchive(
        f"{name}: is a program, and holds no archive",
        remedy=Remedy(
            "extract it on Windows, as many do with SETUP.EXE /extract, and give the folder: it is never run here"
        ),
    )


def _seven_zip(name: str, listed: str) -> list[Member]:
    """Read what ``7zz l -slt`` prints: the archive's own facts, a line of hyphens, and a block for each member.

    Raises:
        NoArchive: when it is an archive of a kind that holds no driver files, or none.
    """
    own, _, rest = listed.partition("\n----------\n")
    kinds = re.findall(r"^Type = (.*)$", own, re.MULTILINE)
    if not kinds or kinds[-1] not in _TYPES:
        raise no_archive(name)
    found = []
    for block in rest.strip("\n").split("\n\n"):
        facts = dict(_pairs(block.split("\n")))
        if "Path" not in facts:
            continue
        letters = facts.get("Attributes", "")
        # Such as "D drwxr-xr-x" or "A -rw-r--r--"; of Windows only the first part.
        windows, _, unix = letters.partition(" ")
        is_directory = facts.get("Folder") == "+" or "D" in windows or unix.startswith("d")
        found.append(
            Member(
                facts["Path"],
                _size(facts.get("Size", "")),
                is_directory=is_directory,
                is_plain="L" not in windows
                and unix[:1] in {"", "-", "d"}
                and not any(facts.get(each) for each in ("Symbolic Link", "Hard Link", "Alternate Stream")),
                is_encrypted=facts.get("Encrypted") == "+",
            )
        )
    return found


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        key, mark, value = line.partition(" = ")
        if mark:
            yield key, value


def _cabextract(name: str, listed: str) -> list[Member]:
    """Read what ``cabextract -l`` prints: size, date and name between bars, below a line of hyphens."""
    del name
    found = re.findall(r"^ *(\d+) \| [0-9.]+ [0-9:]+ \| (.*)$", listed, re.MULTILINE)
    return [Member(path, _size(size)) for size, path in found]


def _size(text: str) -> int:
    """Return a size; 0 where none is told."""
    return int(text) if _SIZE.fullmatch(text) else 0


def _msiextract(name: str, listed: str) -> list[Member]:
    """Read what ``msiextract -l`` prints: a path in each line, without sizes."""
    del name
    return [Member(line, 0) for line in listed.split("\n") if line]


_SIZE = re.compile(r"[0-9]{1,20}")
# What 7zz calls archives that hold files as they are; others are disks, or programs with resources.
_TYPES = frozenset({"7z", "Cab", "zip", "Nsis", "Rar", "Rar5"})
_EXTRACTORS = (
    Extractor(
        ("7zz", "7z"),
        frozenset({ArchiveKind.CABINET, ArchiveKind.SEVEN_ZIP, ArchiveKind.PROGRAM, ArchiveKind.ZIP}),
        Packages(debian="7zip", fedora="7zip-standalone-all", arch="7zip"),
        # An empty password: none is asked for.
        ("l", "-slt", "-sccUTF-8", "-p", "--"),
        ("x", "-y", "-bd", "-bb0", "-sccUTF-8", "-p", "-o{}", "--"),
        _seven_zip,
        # What IExpress made has its cabinet among its resources, which is looked for only when it is asked for.
        attempts=((), ("-tcab",)),
    ),
    Extractor(
        ("cabextract",),
        frozenset({ArchiveKind.CABINET}),
        Packages(debian="cabextract", fedora="cabextract", arch="cabextract"),
        ("-l", "--"),
        ("-q", "-d", "{}", "--"),
        _cabextract,
    ),
    # 7zz gives files of an MSI the names that its tables call them by, which no INF knows.
    Extractor(
        ("msiextract",),
        frozenset({ArchiveKind.MSI}),
        Packages(debian="msitools", fedora="msitools", arch="msitools"),
        ("-l", "--"),
        ("-C", "{}", "--"),
        _msiextract,
    ),
)
