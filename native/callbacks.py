"""What libwim calls back, and how an exception gets out.

The protocol, after pygit2's ``callbacks.py``: a C callback never raises.  The functions below are the only ones that C
reaches; each finds its :class:`Relay` through the context pointer, runs the Python function in a ``try``, and on an
exception stores it there and tells libwim to stop.  libwim unwinds (removing what it had begun to write), and the call
that started it all raises the stored exception in place of libwim's ``ABORTED_BY_PROGRESS``.  Ctrl-C is such an
exception: Python raises KeyboardInterrupt inside the callback, as the first Python code that runs after the signal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self, cast

from osdimage.native._wimlib import ffi, lib
from osdimage.native.text import from_c, titled


class Stage(Enum):
    """What libwim is doing when it reports."""

    SCAN = "scan"
    WRITE_DATA = "write data"
    WRITE_METADATA = "write metadata"
    CALCULATE_INTEGRITY = "calculate integrity"
    CHECK_INTEGRITY = "check integrity"
    CREATE_FILES = "create files"
    EXTRACT_DATA = "extract data"
    SET_METADATA = "set metadata"
    VERIFY_DATA = "verify data"


class Omission(Enum):
    """Why a scan left a file out."""

    EXCLUDED = "excluded"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Report:
    """One progress message of libwim: how much of a stage is done, in bytes or (create files, set metadata) files."""

    stage: Stage
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Omitted:
    """A scan left a file out.  The path is the one on this machine."""

    path: str
    reason: Omission


@dataclass(frozen=True, slots=True)
class Replaced:
    """A file that is added takes the place of one that is there.  The path is the one in the image."""

    path: str


@dataclass(frozen=True, slots=True)
class Copied:
    """How much of a WIM that has no name of its own was copied to where libwim reads it, of so many bytes.

    Attributes:
        name: what messages call the WIM.
        folder: where the copy is, for as long as the WIM is open.
        done: bytes; the first message has 0.
        total: bytes.
    """

    name: str
    folder: str
    done: int
    total: int


Message = Report | Omitted | Replaced | Copied
Listener = Callable[[Message], None]


class Relay:
    """Carries messages from C to a Python function, and the first exception back.

    Use it around each long call: ``with relay: call(...)``.  Leaving raises what the function raised.
    """

    def __init__(self) -> None:
        self.handle: Any = ffi.new_handle(self)
        self.listener: Listener | None = None
        self.on_item: Callable[[Any], None] | None = None
        self._stored: BaseException | None = None

    def __enter__(self) -> Self:
        """Forget an exception of an earlier call."""
        self._stored = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise the exception that a callback stored, in place of the error that stopping caused."""
        stored, self._stored = self._stored, None
        if stored is not None:
            try:
                raise stored from None
            finally:
                # Its traceback has this frame; with its name in it, they hold the frames of all callers together.
                del stored

    def run(self, function: Callable[[], None]) -> bool:
        """Run a function for a C callback; False when C should stop."""
        if self._stored is not None:
            return False
        try:
            function()
        except BaseException as error:  # noqa: BLE001 - nothing may pass into C, KeyboardInterrupt included
            self._stored = error
            return False
        return True

    def keep(self, error: BaseException) -> None:
        """Store an exception that was raised outside :meth:`run`."""
        if self._stored is None:
            self._stored = error


def _extract(stage: Stage) -> Callable[[Any], Report]:
    def convert(info: Any) -> Report:
        if stage is Stage.EXTRACT_DATA:
            return Report(stage, info.extract.completed_bytes, info.extract.total_bytes)
        return Report(stage, info.extract.current_file_count, info.extract.end_file_count)

    return convert


def _bytes(stage: Stage, member: str) -> Callable[[Any], Report]:
    def convert(info: Any) -> Report:
        part = getattr(info, member)
        return Report(stage, part.completed_bytes, part.total_bytes)

    return convert


def _scan(info: Any) -> Report | Omitted:
    reasons = {
        lib.WIMLIB_SCAN_DENTRY_EXCLUDED: Omission.EXCLUDED,
        lib.WIMLIB_SCAN_DENTRY_UNSUPPORTED: Omission.UNSUPPORTED,
    }
    reason = reasons.get(info.scan.status)
    if reason is not None:
        return Omitted(titled(from_c(info.scan.cur_path) or ""), reason)
    return _scanned(info)


def _replaced(info: Any) -> Replaced:
    return Replaced(from_c(info.replace.path_in_wim) or "")


def _scanned(info: Any) -> Report:
    return Report(Stage.SCAN, info.scan.num_bytes_scanned, None)


_CONVERTERS: dict[int, Callable[[Any], Message]] = {
    lib.WIMLIB_PROGRESS_MSG_SCAN_BEGIN: lambda _: Report(Stage.SCAN, 0, None),
    lib.WIMLIB_PROGRESS_MSG_SCAN_DENTRY: _scan,
    lib.WIMLIB_PROGRESS_MSG_SCAN_END: _scanned,
    lib.WIMLIB_PROGRESS_MSG_REPLACE_FILE_IN_WIM: _replaced,
    lib.WIMLIB_PROGRESS_MSG_WRITE_STREAMS: _bytes(Stage.WRITE_DATA, "write_streams"),
    lib.WIMLIB_PROGRESS_MSG_WRITE_METADATA_BEGIN: lambda _: Report(Stage.WRITE_METADATA, 0, None),
    lib.WIMLIB_PROGRESS_MSG_WRITE_METADATA_END: lambda _: Report(Stage.WRITE_METADATA, 1, 1),
    lib.WIMLIB_PROGRESS_MSG_CALC_INTEGRITY: _bytes(Stage.CALCULATE_INTEGRITY, "integrity"),
    lib.WIMLIB_PROGRESS_MSG_VERIFY_INTEGRITY: _bytes(Stage.CHECK_INTEGRITY, "integrity"),
    lib.WIMLIB_PROGRESS_MSG_VERIFY_STREAMS: _bytes(Stage.VERIFY_DATA, "verify_streams"),
    lib.WIMLIB_PROGRESS_MSG_EXTRACT_FILE_STRUCTURE: _extract(Stage.CREATE_FILES),
    lib.WIMLIB_PROGRESS_MSG_EXTRACT_STREAMS: _extract(Stage.EXTRACT_DATA),
    lib.WIMLIB_PROGRESS_MSG_EXTRACT_METADATA: _extract(Stage.SET_METADATA),
}


def _keep_early(_kind: Any, error: Any, trace: Any) -> None:
    """Store an exception that struck before the callback's own ``try``, as Ctrl-C can."""
    context = trace.tb_frame.f_locals.get("context") if trace is not None else None
    if context is not None:
        ffi.from_handle(context).keep(error)


def _extern(*, error: int) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Make a function the body of the ``extern "Python"`` declaration of the same name; ``error`` tells C to stop."""
    return cast("Callable[[Callable[..., int]], Callable[..., int]]", ffi.def_extern(error=error, onerror=_keep_early))


@_extern(error=lib.WIMLIB_PROGRESS_STATUS_ABORT)
def osd_on_progress(kind: int, info: Any, context: Any) -> int:
    """Translate one progress message and pass it on."""
    relay: Relay = ffi.from_handle(context)
    convert = _CONVERTERS.get(kind)
    listener = relay.listener
    if convert is None or listener is None:
        return int(lib.WIMLIB_PROGRESS_STATUS_CONTINUE)
    goes_on = relay.run(lambda: listener(convert(info)))
    return int(lib.WIMLIB_PROGRESS_STATUS_CONTINUE if goes_on else lib.WIMLIB_PROGRESS_STATUS_ABORT)


@_extern(error=-1)
def osd_on_entry(entry: Any, context: Any) -> int:
    """Pass one entry of an image's tree on."""
    return _pass_item(entry, context)


@_extern(error=-1)
def osd_on_blob(blob: Any, context: Any) -> int:
    """Pass one entry of the blob table on."""
    return _pass_item(blob, context)


@_extern(error=-1)
def osd_on_paths(text: Any, length: int, context: Any) -> int:
    """Pass paths on that end with a NUL byte each, in one piece."""
    return _pass_item(bytes(ffi.buffer(text, length)), context)


@_extern(error=-1)
def osd_on_removed(removed: int, context: Any) -> int:
    """Pass on how much of a volume was emptied."""
    return _pass_item(removed, context)


def _pass_item(item: Any, context: Any) -> int:
    relay: Relay = ffi.from_handle(context)
    on_item = relay.on_item
    if on_item is None:
        return 0
    return 0 if relay.run(lambda: on_item(item)) else -1
