"""Stopping work from outside of it: from another thread, from a signal handler, from asyncio.

All long work tells how far it is, and an exception of whoever listens ends it: native code returns, what had been begun
is removed or stays marked unfinished, and the exception comes out unchanged.  A token stands between the work and the
listener, and raises :class:`Cancelled` there::

    token = CancellationToken()
    button.on_click(token.cancel)
    apply_image(image, disk.volume(3), progress=token.watch(show))

asyncio cannot stop a thread: a task that is cancelled leaves it at work.  :func:`in_thread` stops that too, and waits
for its end::

    await in_thread(capture_image, source, "all.wim", progress=show)
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from osdimage.imaging.progress import ProgressEvent

__all__ = ["CancellationToken", "Cancelled", "in_thread"]

_Event = TypeVar("_Event")
_Result = TypeVar("_Result")


class Cancelled(Exception):
    """Work was stopped by its token.  What was written is as after any other exception of that work."""


class CancellationToken:
    """Says once, to any number of works in any threads, that they shall stop."""

    def __init__(self) -> None:
        """Make a token that lets everything pass."""
        self._event = threading.Event()

    def __repr__(self) -> str:
        """Return what it says."""
        return f"<CancellationToken {'cancelled' if self.cancelled else 'not cancelled'}>"

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Stop what watches this token, and whatever begins to watch it later.  Does not wait for the end."""
        self._event.set()

    def raise_if_cancelled(self) -> None:
        """Raise when the token is cancelled: for loops of one's own between two works.

        Raises:
            Cancelled: when :meth:`cancel` was called.
        """
        if self._event.is_set():
            raise Cancelled("cancelled")

    def watch(self, listener: Callable[[_Event], None] | None = None) -> Callable[[_Event], None]:
        """Return what to hand to work as ``progress`` (or ``observer``): it passes events on, or stops the work.

        The last event, at 100 %, stops nothing: the work is done, and its result is not thrown away.

        Args:
            listener: receives the events, in the thread that works; None when nobody wants them.
        """

        def pass_on(event: _Event) -> None:
            if not (isinstance(event, ProgressEvent) and event.percent >= 100):
                self.raise_if_cancelled()
            if listener is not None:
                listener(event)

        return pass_on


async def in_thread(
    work: Callable[..., _Result],
    /,
    *arguments: object,
    progress: Callable[[_Event], None] | None = None,
    channel: str = "progress",
    **options: object,
) -> _Result:
    """Run long work in a thread; when the task that waits for it is cancelled, stop the work and wait for its end.

    A WIM or a disk belongs to the thread that opened it, so ``work`` opens what it works on.

    Args:
        work: the function.
        arguments: its arguments.
        progress: receives its events, in the thread that works; ``loop.call_soon_threadsafe`` takes them further.
        channel: under which name the function takes a listener; ``run_sequence`` calls it ``observer``.
        options: its other arguments by name.

    Raises:
        asyncio.CancelledError: when the task was cancelled, once the work has ended; its cause is what else went wrong
            then, if anything did.
    """
    token = CancellationToken()
    options[channel] = token.watch(progress)
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **options))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError as stop:
        token.cancel()
        while not running.done():
            # Whoever is impatient cancels again; the thread cannot be left behind all the same.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        failed = running.exception()
        if failed is None or isinstance(failed, Cancelled):
            raise
        raise stop from failed
