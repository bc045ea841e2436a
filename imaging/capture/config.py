r"""What a capture leaves out.

The rules are those of Microsoft's ``WimScript.ini`` ("DISM Configuration List and WimScript.ini Files"): sections of
patterns, one a line.  A pattern that begins with ``\`` is a path from the root of the volume and stands for all below
it too; one without a separator is a file name anywhere; ``*`` and ``?`` stand for characters; case does not matter,
unless it is told apart for a directory of Linux.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.documents import read_document
from osdimage.imaging.errors import InvalidInput, InvalidRequest

_EXCLUSIONS, _EXCEPTIONS = "exclusionlist", "exclusionexception"
_UNCOMPRESSED = ("compressionexclusionlist", "compressionfolderlist")
# [PrepopulateList] and [CompressionExclusionList] steer WIMBoot and ImageX; neither changes what is captured.
_KNOWN = (_EXCLUSIONS, _EXCEPTIONS, *_UNCOMPRESSED, "prepopulatelist", "alignmentlist")

# Each file is compared with each pattern: more would take longer than to read it.
_LARGEST_FILE = 4 << 20
_MOST_PATTERNS = 10_000


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """Patterns of what is left out.

    Attributes:
        exclusions: what is left out.
        exceptions: what is captured although it fits an exclusion.
        uncompressed: patterns of ``[CompressionExclusionList]`` and ``[CompressionFolderList]``.  libwim stores a file
            that does not shrink as it is, and has no way to be told in advance; the content of the image is the same.
        match_case: whether names that differ in case only are told apart.
    """

    exclusions: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    uncompressed: tuple[str, ...] = ()
    match_case: bool = False

    def excluding(self, *patterns: str) -> CaptureConfig:
        """Return a configuration that leaves more out.

        Raises:
            InvalidRequest: when a pattern cannot be one.
        """
        for pattern in patterns:
            problem = _problem(pattern)
            if problem is not None:
                raise InvalidRequest(f"exclusion {pattern!r}: {problem}")
        return replace(self, exclusions=self.exclusions + patterns)

    def to_text(self) -> str:
        """Return the exclusions in the form of WimScript.ini."""
        lines = ["[ExclusionList]", *(f'"{pattern}"' for pattern in self.exclusions)]
        lines += ["", "[ExclusionException]", *(f'"{pattern}"' for pattern in self.exceptions)]
        return "\n".join(lines) + "\n"


# DISM's own list (learn.microsoft.com, "DISM Configuration List and WimScript.ini Files", default [ExclusionList]), the
# recycle bins of later Windows versions, and the working folders of a ConfigMgr task sequence.
DEFAULT_CONFIG = CaptureConfig(
    exclusions=(
        r"\$ntfs.log",
        r"\hiberfil.sys",
        r"\pagefile.sys",
        r"\swapfile.sys",
        r"\System Volume Information",
        r"\RECYCLER",
        r"\RECYCLED",
        r"\$Recycle.Bin",
        r"\Windows\CSC",
        r"\_SMSTaskSequence",
        r"\SMSTSLog",
    )
)


def read_config(path: str | os.PathLike[str]) -> CaptureConfig:
    """Read a capture configuration file, UTF-8 or UTF-16 with a byte-order mark.

    Raises:
        StorageError: when the file cannot be read.
        InvalidInput: when it is larger than 1 MB or not text, has an unknown section, or a pattern that cannot be one.
    """
    text = read_document(Path(path), _LARGEST_FILE)
    return parse_config(text, os.fspath(path))


def parse_config(text: str, where: str) -> CaptureConfig:
    """Parse the text of a capture configuration; ``where`` names it in errors.

    Raises:
        InvalidInput: as :func:`read_config`.
    """
    found: dict[str, list[str]] = {name: [] for name in _KNOWN}
    section: str | None = None
    for number, raw_line in enumerate(text.splitlines(), start=1):
        line = raw_line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            section = line.strip("[]").strip().lower()
            if line[-1] != "]" or section not in _KNOWN:
                raise InvalidInput(
                    f"{where}:{number}: unknown section {line!r}; known are [ExclusionList], [ExclusionException], "
                    "[CompressionExclusionList], [CompressionFolderList] and [PrepopulateList]"
                )
            continue
        if section is None:
            raise InvalidInput(f"{where}:{number}: a pattern before the first section such as [ExclusionList]")
        pattern = _without_drive(line.strip("\"'"))
        problem = _problem(pattern)
        if problem is not None and section in {_EXCLUSIONS, _EXCEPTIONS}:
            raise InvalidInput(f"{where}:{number}: {pattern!r}: {problem}")
        found[section].append(pattern)
    if len(found[_EXCLUSIONS]) + len(found[_EXCEPTIONS]) > _MOST_PATTERNS:
        raise InvalidInput(f"{where}: has more than the {_MOST_PATTERNS} patterns of a configuration")
    return CaptureConfig(
        exclusions=tuple(found[_EXCLUSIONS]),
        exceptions=tuple(found[_EXCEPTIONS]),
        uncompressed=tuple(pattern for name in _UNCOMPRESSED for pattern in found[name]),
    )


def _without_drive(pattern: str) -> str:
    r"""Strip a drive letter from an absolute pattern: ``C:\x`` means ``\x`` of the volume that is captured."""
    return re.sub(r"^[A-Za-z]:(?=[\\/])", "", pattern)


def _problem(pattern: str) -> str | None:
    """Say why a pattern cannot be one, or None."""
    if not pattern:
        return "an empty pattern fits nothing"
    if not pattern.strip("\\/"):
        return "the root itself cannot be left out; name what is in it"
    if re.match(r"[A-Za-z]:", pattern):
        return "a path on a drive is written from its root, as C:\\folder"
    if any(character in pattern for character in '"\0\r\n'):
        return "a pattern cannot hold quotes, line breaks or NUL"
    if pattern[0] not in "\\/" and re.search(r"[\\/]", pattern):
        return f"a path begins at the root; write \\{pattern}, or a file name without separators"
    return None
