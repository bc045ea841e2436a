"""The processes that serve a mounted image: ``python -m osdimage.imaging.service.mounts.keeper``.

libwim mounts in the process that calls it and goes on in a child of it, which a program with threads, or one that has
other things to do, cannot bear.  So :func:`~osdimage.imaging.service.mounts.mount.mount_image` starts this program, and
hands it what is to be mounted.  It becomes two processes:

* the *server*, which opens the WIM and is libwim's daemon until the image is unmounted;
* the *keeper*, which tells whoever asked for the mount how it went, and then waits for the end of the server: when that
  was killed or has crashed, it unmounts, so that no directory is left that answers every look with an error.

Both have the lock of the record of the mount.  The keeper knows by a pipe when the server ends, of which that alone has
the other end.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

from osdimage.imaging.errors import OsdImageError
from osdimage.imaging.service.mounts.leftovers import detach, holds_files
from osdimage.imaging.service.mounts.needs import why_fuse_failed
from osdimage.imaging.service.mounts.records import Facts, Kept
from osdimage.imaging.service.mounts.table import MountState, processes, row_at, state_of
from osdimage.imaging.service.mounts.tasks import CLEAN, CONFIRMED, Report, Task

_LARGEST_REPORT = 1 << 16


def main() -> None:
    """Mount what standard input tells, report on standard output, and stay as long as the mount does."""
    if os.fork():
        # Who started the program waits for this one alone.
        return
    task = Task.from_line(sys.stdin.buffer.readline())
    read_end, write_end = os.pipe()
    said = os.memfd_create("osdimage-mount")
    try:
        kept = Kept(task.facts)
    except OSError as error:
        _report(Report(error=OsdImageError(f"the record of the mount cannot be written: {error}")))
        return
    if _forked(read_end, said):
        os.close(write_end)
        _keep(task, kept, read_end, said)
    else:
        _serve(task, write_end)


def _forked(read_end: int, said: int) -> bool:
    """Become two; True in the keeper, when the server has mounted, or has failed."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return True
    os.close(read_end)
    os.dup2(said, 2)
    return False


# ---- the server


def _serve(task: Task, write_end: int) -> None:
    """Be libwim's daemon."""
    own = os.getpid()
    # FUSE lets a signal unmount only where it has its default.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    outcome = CLEAN
    try:
        _mount(task)
    except Exception as error:  # noqa: BLE001 - it crosses to who asked for the mount
        if os.getpid() == own:
            outcome = pickle.dumps(Report(error=_as_known(error)))[:_LARGEST_REPORT]
    os.write(write_end, outcome)


def _as_known(error: Exception) -> OsdImageError:
    return error if isinstance(error, OsdImageError) else OsdImageError(f"{type(error).__name__}: {error}")


def _mount(task: Task) -> None:
    from osdimage.imaging.wim.failures import wim_errors  # noqa: PLC0415 - the keeper has no use for libwim
    from osdimage.imaging.wim.file import other_parts, reference_files  # noqa: PLC0415
    from osdimage.imaging.wim.fuse import MountSettings, StreamInterface, serve_image  # noqa: PLC0415
    from osdimage.imaging.wim.opening import open_wim  # noqa: PLC0415

    facts = task.facts
    path = Path(facts.wim)
    settings = MountSettings(
        read_write=facts.read_write,
        allow_other=task.allow_other,
        unix_data=task.unix_data,
        streams=StreamInterface(task.streams),
        staging=None if facts.staging is None else Path(facts.staging),
    )
    with wim_errors(path), open_wim(path, write=facts.read_write) as handle:
        reference_files(handle, (*task.refs, *other_parts(path, task.refs)))
        serve_image(path, handle, facts.index, Path(facts.directory), settings)


# ---- the keeper


def _keep(task: Task, kept: Kept, read_end: int, said: int) -> None:
    """Report, wait for the server's end, and clear away what it leaves."""
    directory = Path(task.facts.directory)
    pid = _other_end_of(read_end)
    if pid is None:
        error = _failure(directory, os.read(read_end, _LARGEST_REPORT), os.pread(said, 4096, 0))
        _clear_away(task.facts, kept, is_clean=True)
        _report(Report(error=error))
        return
    kept.write(replace(task.facts, pid=pid))
    _pass_signals_on(pid)
    if not _report(Report(pid=pid)) or sys.stdin.buffer.read(1) != CONFIRMED:
        # Nobody knows of the mount: who asked for it was stopped.
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    _leave_terminal()
    last = os.read(read_end, _LARGEST_REPORT)
    _clear_away(task.facts, kept, is_clean=last.startswith(CLEAN))


def _other_end_of(read_end: int) -> int | None:
    """Return the process that has the other end of a pipe, or None when there is none: the server has ended."""
    pipe = Path(f"/proc/self/fd/{read_end}").readlink()
    for pid in processes():
        if pid == os.getpid():
            continue
        with suppress(OSError):
            if any(each.readlink() == pipe for each in Path(f"/proc/{pid}/fd").iterdir()):
                return pid
    return None


def _failure(directory: Path, told: bytes, said: bytes) -> OsdImageError:
    """Return why the server did not mount."""
    from osdimage.imaging.wim.fuse import FuseFailed  # noqa: PLC0415 - as above

    error: OsdImageError | None = None
    with suppress(pickle.UnpicklingError, EOFError):
        report = pickle.loads(told)  # noqa: S301 - of our own child, by a pipe that nobody else has
        error = report.error
    text = said.decode("utf-8", "replace")
    if error is None or isinstance(error, FuseFailed):
        return why_fuse_failed(directory, text)
    return error


def _report(report: Report) -> bool:
    """Tell who asked for the mount; False when nobody is there to be told."""
    try:
        os.write(1, pickle.dumps(report))
    except OSError:
        return False
    # Its end says that it is complete.
    _to_nothing(1)
    return True


def _pass_signals_on(pid: int) -> None:
    """Let a signal that is to end the keeper end the server; the keeper ends after it."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _leave_terminal() -> None:
    """Hold no directory, and no stream of who asked for the mount."""
    os.chdir("/")
    for number in range(3):
        _to_nothing(number)


def _to_nothing(number: int) -> None:
    descriptor = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(descriptor, number)
    os.close(descriptor)


def _clear_away(facts: Facts, kept: Kept, *, is_clean: bool) -> None:
    """Remove what a server leaves that has ended; the record stays when files of a read-write mount do."""
    directory = Path(facts.directory)
    row = row_at(directory)
    if row is not None and row.is_image and state_of(directory) is MountState.DEAD:
        with suppress(OsdImageError):
            detach(directory)
    staging = None if facts.staging is None else Path(facts.staging)
    if staging is not None and not is_clean and holds_files(staging):
        return
    if staging is not None:
        shutil.rmtree(staging, ignore_errors=True)
    kept.remove()


if __name__ == "__main__":
    main()
