"""The log of a task sequence in the form of ``smsts.log``, which CMTrace and other viewers of ConfigMgr's logs open.

One line for each message::

    <![LOG[message]LOG]!><time="HH:MM:SS.mmm+bias" date="MM-DD-YYYY" component="" context="" type="" thread="" file="">

The bias is in minutes, and as in Windows what is added to the local time to get UTC: +300 in New York, -060 in Berlin.
Types are 1 (information), 2 (warning) and 3 (error).  Lines end as in Windows; the text is UTF-8.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from osdimage.imaging.errors import StorageError
from osdimage.imaging.tasksequence.result import LogType

_END = "]LOG]!>"


def _local_now() -> datetime:
    return datetime.now(UTC).astimezone()


def cmtrace_line(text: str, *, when: datetime, component: str, kind: LogType, thread: int, source: str = "") -> str:
    """Return one line, without its end.

    Args:
        text: the message; control characters are escaped, and what would end the message early is parted.
        when: a time with its zone.
        component: which part of the engine speaks.
        kind: how much it matters.
        thread: the number of the thread.
        source: a file and line of source code; may be empty.
    """
    bias = -int((when.utcoffset() or timedelta()).total_seconds() // 60)
    safe = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in " ".join(text.split())
    ).replace(_END, "]LOG]! >")
    time = f"{when:%H:%M:%S}.{when.microsecond // 1000:03d}{bias:+04d}"
    return (
        f'<![LOG[{safe}{_END}<time="{time}" date="{when:%m-%d-%Y}" component="{_attribute(component)}" context="" '
        f'type="{int(kind)}" thread="{thread}" file="{_attribute(source)}">'
    )


def _attribute(text: str) -> str:
    return "".join(character for character in text if character.isprintable() and character not in '"<>')


class SequenceLog:
    """Writes the log; use it as a context manager.

    An existing file is continued, as after a restart.  A file that is made is for its owner alone: even a masked log
    tells much.

    Attributes:
        path: of the file.
        mask: what takes the secrets out of every line.
    """

    def __init__(
        self,
        path: Path,
        *,
        mask: Callable[[str], str] = lambda text: text,
        clock: Callable[[], datetime] = _local_now,
    ) -> None:
        """Open the file.

        Raises:
            StorageError: when it cannot be written.
        """
        self.path = path
        self.mask = mask
        self._clock = clock
        self._file = _continued(path)

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<SequenceLog {self.path}>"

    def __enter__(self) -> Self:
        """Return the log."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def write(self, text: str, *, component: str = "TSManager", kind: LogType = LogType.INFO) -> None:
        """Write a message, masked, and hand it to the system.

        Raises:
            StorageError: when it cannot be written.
        """
        line = cmtrace_line(
            self.mask(text), when=self._clock(), component=component, kind=kind, thread=threading.get_native_id()
        )
        _write(self._file, self.path, line)


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines that are made already into a log, as :class:`SequenceLog` does; a file that is there is continued.

    Raises:
        StorageError: when it cannot be written.
    """
    with _continued(path) as file:
        for line in lines:
            _write(file, path, line)


def _continued(path: Path) -> FileIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
    # Unbuffered: a line is with the system when write returns, and nothing fails when the file is closed.
    return os.fdopen(descriptor, "wb", buffering=0)


def _write(file: FileIO, path: Path, line: str) -> None:
    try:
        rest = (line + "\r\n").encode("utf-8", "backslashreplace")
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error
