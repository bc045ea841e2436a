"""A ``qemu-nbd`` that serves one disk to this process, and ends with it.

It is given a socket that listens, as systemd gives one ("socket activation", sd_listen_fds(3)); the connections to that
are made before it is started, and the name of the socket is gone by then.  So nothing is waited for but its first
answer, and nobody else can come to it.

It ends when the last of its clients has left, if one of them has ever spoken with it.  For a process that is killed
before, the server asks the system for a signal of its end.  That signal comes with the end of the *thread* that started
it (prctl(2), PR_SET_PDEATHSIG), so it has a thread of its own, which stays with it and reads what it says.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.distribution import Distribution, Packages
from osdimage.imaging.errors import InvalidInput, OsdImageError, StorageError, TargetRefused
from osdimage.imaging.logs import ran
from osdimage.imaging.programs import find_program

if TYPE_CHECKING:
    from osdimage.native.slices.sources import NbdSource

PATIENCE_S = 30
_PACKAGES = {
    "qemu-nbd": Packages(debian="qemu-utils", fedora="qemu-img", arch="qemu-img"),
    "setpriv": Packages(debian="util-linux", fedora="util-linux", arch="util-linux"),
}
# Of its address space, an end for one that a prepared file leads astray; a sound one takes a tenth of it.
_MEMORY_KIB = 4 << 20
# A process that was started by one that has ended meanwhile was not told; its parent is another one now.
_SCRIPT = f"""
test "$PPID" = "$1" || exit 1
shift
ulimit -v {_MEMORY_KIB} || exit 1
exec 3<&0 </dev/null
export LISTEN_FDS=1 LISTEN_PID=$$
exec "$@"
"""
_LONGEST_SOCKET_NAME = 107
"""Bytes, in sockaddr_un (unix(7))."""
_LINES_KEPT = 20
_LOCKED = ('Failed to get "write" lock', 'Failed to get shared "write" lock', 'Failed to get "consistent read" lock')
# What stands before a reason: the program, and all options.
_REASON = re.compile(r"\Aqemu-nbd: (Failed to blk_new_open '.*?': )?")
# What the machine, and not the file, is at fault for.
_OF_THE_MACHINE = (errno.EACCES, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOENT, errno.ENOMEM, errno.EROFS)


class Server:
    """A server of one disk.  Call :meth:`end`.

    Attributes:
        name: what messages call the disk.
        source: its bytes.
    """

    def __init__(self, name: str, process: _Process, source: NbdSource) -> None:
        """Take over a process and its source; use :meth:`start` in place of this."""
        self.name = name
        self.source = source
        self._process = process

    @classmethod
    def start(cls, name: str, called: str, options: Sequence[str], *, write: bool) -> Server:
        """Start one, and wait until it serves the disk.

        Args:
            name: what messages call the disk.
            called: what people call its format.
            options: the block nodes of QEMU, each option as ``key=value``.  They must name every file and every format,
                so that QEMU looks for none by itself; the caller has checked them.
            write: whether it will be written to.

        Raises:
            OsdImageError: when a program is missing.
            TargetRefused: when another program has the disk open, so that it cannot be locked.
            InvalidInput: when QEMU cannot open it.
            StorageError: when the system keeps it from that, or it does not answer.
        """
        from osdimage.native.slices.sources import NbdSource  # noqa: PLC0415 - who only looks needs no libwim

        command = [
            *(_program("setpriv", name, called), "--pdeathsig", "TERM"),
            *("/bin/sh", "-c", _SCRIPT, "sh", str(os.getpid())),
            *_command(_program("qemu-nbd", name, called), options, write=write),
        ]
        with ExitStack() as stack:
            listener, clients = _connected(NbdSource.most_connections)
            stack.callback(listener.close)
            for each in clients:
                stack.callback(each.close)
            try:
                process = _Process(command, listener)
            except OSError as error:
                text = f"{name}: qemu-nbd cannot be started: {error.strerror}"
                raise StorageError(text, path=name, errno=error.errno) from error
            # Were it open here, too, clients of a server that has ended would wait in it.
            listener.close()
            try:
                source = NbdSource.over(clients, patience_s=PATIENCE_S)
            except OSError as error:
                raise _not_started(name, process, error) from error
            except BaseException:
                process.stop()
                raise
        return cls(name, process, source)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def reason(self, error: OSError) -> str:
        """Return what to say of an error of the source."""
        if error.errno == errno.EPROTO:
            return "its server, qemu-nbd, gave an answer that is none"
        if error.errno != errno.ENOTCONN:
            return error.strerror or "failed"
        # It has ended, or closed its connections on the way to that.
        self._process.join(PATIENCE_S)
        return f"its server, qemu-nbd, has ended{self._process.why}"

    def end(self) -> None:
        """Let it store what it holds, and wait for its end.  A second call does nothing.

        Raises:
            StorageError: when it could not store everything.
        """
        if self._process.is_left:
            return
        self._process.is_left = True
        was_writable = not self.source.is_read_only
        failed: OSError | None = None
        try:
            self.source.sync()
        except OSError as error:
            failed = error
        self.source.end()
        self.source.close()
        self._process.join()
        if failed is not None:
            text = f"{self.name}: flushing: {self.reason(failed)}"
            raise StorageError(text, path=self.name, errno=failed.errno) from failed
        if was_writable and self._process.has_failed:
            raise StorageError(f"{self.name}: closing: qemu-nbd failed{self._process.why}", path=self.name)


class _Process:
    """The process of a server, and the thread that started it, reads what it says, and waits for it.

    Attributes:
        is_left: whether its clients have taken leave of it.
    """

    def __init__(self, command: Sequence[str], listener: socket.socket) -> None:
        """Start it.

        Raises:
            OSError: when the system does not.
        """
        self.is_left = False
        self._command = command
        self._listener = listener
        self._said: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._error: OSError | None = None
        self._has_started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="qemu-nbd", daemon=True)
        self._thread.start()
        self._has_started.wait()
        if self._error is not None:
            raise self._error

    @property
    def pid(self) -> int:
        """Its number."""
        if self._process is None:
            raise AssertionError("it was started")
        return self._process.pid

    @property
    def said(self) -> str:
        """What it has written to its standard error, in one line."""
        return "; ".join(self._said)

    @property
    def has_failed(self) -> bool:
        """Whether it ended otherwise than well, or had an error to tell of; it leaves with 0 all the same."""
        lines = [each for each in self._said if "warning:" not in each]
        return bool(lines) or self._process is None or self._process.returncode != 0

    @property
    def why(self) -> str:
        """Why it has ended, as the end of a sentence; empty when that is not known."""
        if self.said:
            return f": {self.said}"
        code = None if self._process is None else self._process.returncode
        if code is None or code == 0:
            return ""
        return f" by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f" with exit code {code}"

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for its end; return whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End it, whether it has anything to store or not."""
        if self._process is not None:
            self._process.kill()
        self.join()

    def _run(self) -> None:
        # Ctrl-C of a terminal goes to all processes of a session's foreground: this one has to store what it holds.
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=self._listener.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env={"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
            )
        except OSError as error:
            self._error = error
            return
        finally:
            self._has_started.set()
        with self._process as process:
            if process.stderr is None:
                raise AssertionError("it was started with a pipe")
            for line in process.stderr:
                if len(self._said) < _LINES_KEPT and line.strip():
                    self._said.append(" ".join(line.split()))
        ran(__name__, self._command, process.returncode)


def _program(program: str, name: str, called: str) -> str:
    path = find_program(program)
    if path is None:
        how = Distribution.current().install_command(_PACKAGES[program])
        install = f" ({how})" if how is not None else ""
        raise OsdImageError(f"{name}: reading {called} needs {program}, which is not installed{install}")
    return path


def _command(program: str, options: Sequence[str], *, write: bool) -> list[str]:
    return [
        program,
        "--image-opts",
        # In a list of options, a comma is written twice (QEMU's "QemuOpts").
        ",".join(each.replace(",", ",,") for each in options),
        "--shared=8",
        "--discard=unmap",
        "--detect-zeroes=unmap",
        "--cache=writeback",
        *([] if write else ["--read-only"]),
    ]


def _connected(count: int) -> tuple[socket.socket, list[socket.socket]]:
    """Return a socket that listens, and so many that are connected to it; it has no name any more."""
    failed: OSError | None = None
    # The last has a short name wherever TMPDIR leads.
    for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - a new folder in it
        if not place or len(os.fsencode(place)) > _LONGEST_SOCKET_NAME - 32:
            continue
        listener, clients = socket.socket(socket.AF_UNIX), [socket.socket(socket.AF_UNIX) for _ in range(count)]
        try:
            with tempfile.TemporaryDirectory(prefix="osdimage-", dir=place) as folder:
                name = str(Path(folder, "nbd"))
                listener.bind(name)
                listener.listen(count)
                for each in clients:
                    each.connect(name)
        except OSError as error:
            failed = error
            for each in (listener, *clients):
                each.close()
            continue
        return listener, clients
    raise StorageError(
        f"no folder for a socket: {failed.strerror if failed else 'their names are too long'}",
        path=tempfile.gettempdir(),
        errno=failed.errno if failed else errno.ENAMETOOLONG,
    )


def _not_started(name: str, process: _Process, error: OSError) -> OsdImageError:
    """Return what to raise for a server that did not come to serve the disk."""
    if error.errno != errno.ENOTCONN or not process.join(PATIENCE_S):
        process.stop()
        text = f"{name}: qemu-nbd does not serve it: {error.strerror}"
        return StorageError(text, path=name, errno=error.errno)
    said = process.said
    if any(each in said for each in _LOCKED):
        return TargetRefused(f"{name} is in use by another program (QEMU's lock)")
    reason = _REASON.sub("", said)
    for number in _OF_THE_MACHINE:
        if reason.endswith(os.strerror(number)):
            return StorageError(f"{name}: qemu-nbd cannot open it: {reason}", path=name, errno=number)
    if not reason:
        return OsdImageError(f"{name}: qemu-nbd has ended{process.why} before it served it")
    return InvalidInput(f"{name}: qemu-nbd cannot open it: {reason}")
