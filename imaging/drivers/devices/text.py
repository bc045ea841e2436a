"""Texts that Windows and Linux write: their encoding, and their lines."""

from __future__ import annotations

from osdimage.imaging.errors import InvalidInput

_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))


def decoded(data: bytes, name: str) -> str:
    """Return a text in UTF-16 or UTF-8, or with each byte as one character where it is neither.

    What matters here is ASCII in every code page; of the rest, names of devices alone, letters may be others.

    Raises:
        InvalidInput: when it is no text.
    """
    text = _decoded(data)
    if "\0" in text:
        raise InvalidInput(f"{name} is no text: it holds NUL characters")
    return text


def is_text(head: bytes) -> bool:
    """Tell whether a file that begins so is a text."""
    return "\0" not in _decoded(head)


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if len(data) >= 4 and data[1:4:2] == b"\0\0":
        return data.decode("utf-16-le", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def lines_of(text: str) -> list[str]:
    """Return lines without their ends; wmic ends them with two carriage returns and a line feed."""
    # Not splitlines: characters of a code page may look like other ends of lines.
    return [line.rstrip("\r") for line in text.split("\n")]
