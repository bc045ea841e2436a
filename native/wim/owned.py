"""One owner per ``WIMStruct *``, and what every call on it has in common."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from osdimage.native._wimlib import ffi, lib
from osdimage.native.callbacks import Listener, Relay
from osdimage.native.status import WimlibError, call
from osdimage.native.wim.backing import Backings, Reads, rename


class OwnedWim:
    """Owns one ``WIMStruct *``; see :class:`~osdimage.native.wim.handles.WimHandle`, which knows what to do with it.

    It frees its structure exactly once, keeps alive whatever libwim may still read through it, and refuses two uses
    that would corrupt memory: after close, and from a thread that did not open it (libwim's structures may not be
    shared, even for reading).

    Attributes:
        repairs: what libwim ignored or repaired in the header and the blob table when it opened the file.
        references: the patterns of other files in which blobs are found; ``reference_files`` adds them.
        found: the state of the file just before it was opened for writing, or None.
        trees: the file that the trees of the images are in, where that is not the one with the contents; or None.
    """

    _leaves_memory = False

    def __init__(self, owner: Any, relay: Relay, repairs: tuple[str, ...] = (), *, holds_lock: bool = False) -> None:
        """Take over the structure in ``owner`` (a ``WIMStruct **``); whoever makes it calls this."""
        self.repairs = repairs
        self.references: tuple[str, ...] = ()
        self.found: os.stat_result | None = None
        self.trees: Path | None = None
        self._backings = Backings()
        self._owner = owner
        self._relay = relay
        self._thread = threading.get_ident()
        self._busy = False
        # Whether freeing gives back more than memory and descriptors: the lock of a WIM, or a volume.
        self._holds_more = holds_lock
        # wimlib_export_image() and wimlib_reference_resource_files() keep reading the source through C pointers, and
        # call its progress function, until this handle is freed.
        self._keep_alive: list[OwnedWim | Relay] = [relay]
        # libwim says what it repaired in a tree when it loads the tree, and not again while it keeps it.
        self._repairs: dict[int, tuple[str, ...]] = {}
        self._finalizer = weakref.finalize(self, lib.wimlib_free, owner[0])
        lib.wimlib_register_progress_function(owner[0], ffi.addressof(lib, "osd_progress"), relay.handle)

    def close(self) -> None:
        """Free the structure.  A second call does nothing."""
        if OwnedWim._leaves_memory and not self._holds_more:
            self._finalizer.detach()
        self._finalizer()
        self._keep_alive.clear()

    @classmethod
    def leave_memory(cls) -> None:
        """Let the system take the memory of closed handles when the process ends, which it should do soon.

        It does so at once.  libwim frees a tree file by file, 50,000 files in some 50 ms.
        """
        OwnedWim._leaves_memory = True

    def __enter__(self) -> Self:
        """Return the handle."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return not self._finalizer.alive

    def _pointer(self) -> Any:
        if not self._finalizer.alive:
            raise ValueError("this WIM is closed")
        if threading.get_ident() != self._thread:
            raise RuntimeError("a WIM can be used only by the thread that opened it; open it again in this one")
        if self._busy:
            raise RuntimeError("a WIM cannot be used from inside its own progress function")
        return self._owner[0]

    @contextmanager
    def reading_only(self, hashes: Container[bytes]) -> Iterator[None]:
        """Promise that of contents only those with some SHA-1 are read inside the ``with``.

        It matters for WIMs that something stands in for, of which all contents are copied otherwise.
        """
        self._backings.only = hashes
        try:
            yield
        finally:
            self._backings.only = None

    @property
    def is_backed(self) -> bool:
        """Whether something stands in for a WIM that contents are read from."""
        return bool(self._backings.all)

    def _run(
        self,
        function: Callable[..., int],
        *arguments: Any,
        listener: Listener | None = None,
        reads: Reads = Reads.CONTENTS,
        image: int | None = None,
        with_references: bool = True,
    ) -> tuple[str, ...]:
        """Call a C function on this structure with a listener for its progress; return the warnings.

        It reads what is said of the open WIMs: of an image of this one or of all, with or without the contents of the
        WIMs that this one refers to.
        """
        pointer = self._pointer()
        self._backings.provide(reads, image, listener, with_references=with_references)
        self._relay.listener = listener
        self._busy = True
        try:
            with self._relay:
                return call(function, pointer, *arguments)
        except WimlibError as error:
            rename(error, self._backings.all)
            raise
        finally:
            self._busy = False
            self._relay.listener = None
