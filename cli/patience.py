"""What ends the process when a library does not answer a signal.

Python runs the handler of a signal between two of its own instructions, so a call into libwim or libntfs-3g that takes
long delays it: a chunk of 64 MiB that LZMS compresses takes half a minute.  A thread is told of the signal too.  It
looks where the main thread is, and when that stays in one call of a library it ends the process as a crash would.
Everything that osdimage writes is made for that: a new file is gone, a WIM that is changed holds what it held, a volume
that is written stays marked dirty.  What osdimage itself has to undo is waited for.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType

PATIENCE = 1.5
"""How long a call may take after a signal, in seconds."""
_LOOKS = 0.1
_LIBRARIES = "osdimage.native."


class Patience:
    """Watches the main thread from the first signal on, until :meth:`end`; for a program whose handlers raise."""

    def __init__(self) -> None:
        """Begin; to be called by the main thread."""
        self._main = threading.get_ident()
        reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(reader, True)
        self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reader,), name="osdimage-patience", daemon=True).start()

    def end(self) -> None:
        """End; a second call does nothing."""
        if self._writer >= 0:
            signal.set_wakeup_fd(self._before)
            writer, self._writer = self._writer, -1
            os.close(writer)

    def _watch(self, reader: int) -> None:
        with os.fdopen(reader, "rb", buffering=0) as told:
            number = told.read(1)
        if number:
            self._wait(number[0])

    def _wait(self, number: int) -> None:
        """Wait until the main thread has ended the watch, and end the process when it stays in a library."""
        at: tuple[int, int] | None = None
        since = time.monotonic()
        while self._writer >= 0:
            frame = sys._current_frames().get(self._main)  # noqa: SLF001 - documented, for debuggers
            if frame is None:
                return
            place = (id(frame), frame.f_lasti) if _is_in_library(frame) else None
            if place is None or place != at:
                at, since = place, time.monotonic()
            elif time.monotonic() - since >= PATIENCE:
                _leave(number)
            # Nothing of the main thread may live longer because it was looked at.
            del frame
            time.sleep(_LOOKS)


def _is_in_library(frame: FrameType) -> bool:
    """Tell whether what runs is a function of the native layer: one that waits for C, but for an instant."""
    return str(frame.f_globals.get("__name__", "")).startswith(_LIBRARIES)


def _leave(number: int) -> None:
    """End the process at once."""
    text = (
        f"osdimage: stopped by {signal.Signals(number).name} in the midst of a library's work -- as after a crash, a "
        "new file is gone, a WIM holds what it held, and a volume that was written stays marked dirty\n"
    )
    try:
        os.write(2, text.encode())
    finally:
        os._exit(128 + number)
