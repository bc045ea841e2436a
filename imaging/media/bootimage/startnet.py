r"""``startnet.cmd``, which Windows PE runs, and the block of lines in it that calls the script of osdimage.

The block stands between two marks, before the first line that runs ``wpeinit``: what is loaded then is there when
wpeinit looks for the network.  It is replaced, never doubled.  All other lines stay as they are.
"""

from __future__ import annotations

import codecs
import re

from osdimage.imaging.errors import InvalidInput

BEGIN = "@rem osdimage begin: osdimage writes anew what is between these two lines"
END = "@rem osdimage end"
CALL = r"@call %SystemRoot%\System32\osdimage-drivers.cmd"
DEFAULT = b"wpeinit\r\n"
"""What Windows PE comes with."""
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|$)")
_WPEINIT = re.compile(rb"(?<![\w.-])wpeinit(?:\.exe)?(?![\w.-])", re.IGNORECASE)
_COMMENT = re.compile(rb"\s*@?\s*(?:rem\b|::)", re.IGNORECASE)


def check_script(data: bytes, name: str) -> None:
    """Refuse what ``cmd`` does not run as it is meant: a file that is not one byte a character.

    Raises:
        InvalidInput: when it has a byte order mark, or holds zeros.
    """
    if data.startswith(_MARKS) or b"\0" in data:
        raise InvalidInput(
            f"{name}: is Unicode text, which cmd.exe does not run; valid is one byte a character, no mark"
        )


def has_block(data: bytes) -> bool:
    """Tell whether a script has the block."""
    return _block(_lines(data)) is not None


def with_block(data: bytes) -> bytes:
    """Return a script with the block: where it is, or else before the first wpeinit, or at the front without one."""
    lines = _lines(data)
    there = _block(lines)
    if there is not None:
        begin, end = there
    else:
        begin = end = next((at for at, line in enumerate(lines) if runs_wpeinit(line)), 0)
    block = [f"{text}\r\n".encode("ascii") for text in (BEGIN, CALL, END)]
    return b"".join([*lines[:begin], *block, *lines[end:]])


def runs_wpeinit(line: bytes) -> bool:
    """Tell whether a line of a script runs wpeinit."""
    return _COMMENT.match(line) is None and _WPEINIT.search(line) is not None


def with_windows_ends(data: bytes) -> bytes:
    """Return a script with the line ends that ``cmd`` needs to find its labels."""
    return re.sub(rb"\r\n|\n|\r", b"\r\n", data)


def _lines(data: bytes) -> list[bytes]:
    return [line for line in _LINE.findall(data) if line]


def _block(lines: list[bytes]) -> tuple[int, int] | None:
    """Return where the block begins and ends; None without one, or where one of its marks is gone."""
    plain = [line.strip().lower() for line in lines]
    first, last = BEGIN.lower().encode("ascii"), END.lower().encode("ascii")
    begin = None
    for at, line in enumerate(plain):
        if line == first:
            begin = at
        elif line == last and begin is not None:
            return begin, at + 1
    return None
