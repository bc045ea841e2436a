"""A ``qemu-nbd`` that serves one disk to this process, and ends with it.

It is given a socket that listens, as systemd gives one ("socket activation", sd_listen_fds(3)); the connections to that
are made before it is started, and the name of the socket is gone by then.  So nothing is waited for but its first
answer, and nobody else can come to it.

It ends when the last of its clients has left, however that came, if they have all spoken with it before.  Until then it
would wait for ever for a client that was killed, and QEMU loses a SIGTERM that comes while it starts.  So a second
process, a shell, keeps watch meanwhile: it reads from a pipe that ends with this process, and kills the server then,
which has nothing to store yet.
"""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.imaging.disk.containers.qemu import require_program
from osdimage.imaging.errors import InvalidInput, OsdImageError, StorageError, TargetRefused
from osdimage.imaging.logs import ran
from osdimage.imaging.scratch import scratch_folder

if TYPE_CHECKING:
    from io import FileIO

    from osdimage.native.slices.sources import NbdSource

PATIENCE_S = 30
# Of its address space, an end for one that a prepared file leads astray; a sound one takes a tenth of it.
_MEMORY_KIB = 4 << 20
# What becomes the server, when it is told that somebody keeps watch: its standard output is a pipe to read that from.
_SERVE = f"""
read -r line <&1 || exit 1
ulimit -v {_MEMORY_KIB} || exit 1
exec 3<&0 </dev/null >/dev/null
export LISTEN_FDS=1 LISTEN_PID=$$
exec "$@"
"""
_WATCH = 'read -r line || kill -KILL "$1"'
_WORD = b"go on\n"
_LONGEST_SOCKET_NAME = 107
"""Bytes, in sockaddr_un (unix(7))."""
_NAME_IN_FOLDER = 40
_MOST_HEARD = 4096
"""Bytes of what a server says that are kept, before it serves and afterwards."""
_LOCKED = ('Failed to get "write" lock', 'Failed to get shared "write" lock', 'Failed to get "consistent read" lock')
# What stands before a reason: the program, and all options.
_REASON = re.compile(r"\Aqemu-nbd: (Failed to blk_new_open '.*?': )?")
# What it repeats with all its options, behind the words of the format that tell what is wrong.
_AGAIN = re.compile(r"(?<=.); qemu-nbd: Failed to blk_new_open '.*\Z")
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
    def start(
        cls,
        name: str,
        called: str,
        options: Sequence[str],
        *,
        write: bool,
        snapshot: str | None = None,
        files: Sequence[int] = (),
        is_unfinished: bool = False,
    ) -> Server:
        """Start one, and wait until it serves the disk.

        Args:
            name: what messages call the disk.
            called: what people call its format.
            options: the block nodes of QEMU, each option as ``key=value``.  They must name every file and every format,
                so that QEMU looks for none by itself; the caller has checked them.
            write: whether it will be written to.
            snapshot: the number of the snapshot in a qcow2 file that is read; None for its newest state.
            files: open files that the options name by their numbers, as ``/proc/self/fd/N``; above 3, which is the
                socket.
            is_unfinished: nobody has a use for it before it is complete; who waits for its bytes to be on the medium
                does so himself, when it has ended.

        Raises:
            OsdImageError: when a program is missing.
            TargetRefused: when another program has the disk open, so that it cannot be locked.
            InvalidInput: when QEMU cannot open it.
            StorageError: when the system keeps it from that, or it does not answer.
        """
        from osdimage.native.slices.sources import NbdSource  # noqa: PLC0415 - who only looks needs no libwim

        program = require_program("qemu-nbd", name, f"reading {called}")
        command = _command(program, options, write=write, snapshot=snapshot, is_unfinished=is_unfinished)
        with ExitStack() as stack:
            listener, clients = _connected(NbdSource.most_connections)
            stack.callback(listener.close)
            for each in clients:
                stack.callback(each.close)
            try:
                process = _Process(command, listener, files)
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
            # Those that it does not use have gone before anybody can be killed.
            for each in clients:
                each.close()
            process.begin()
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

        One that has nothing to store, and does not end by itself within :data:`PATIENCE_S`, is killed.

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
        if was_writable:
            self._process.join()
        elif not self._process.join(PATIENCE_S):
            self._process.stop()
        if failed is not None:
            text = f"{self.name}: flushing: {self.reason(failed)}"
            raise StorageError(text, path=self.name, errno=failed.errno) from failed
        if was_writable and self._process.has_failed:
            raise StorageError(f"{self.name}: closing: qemu-nbd failed{self._process.why}", path=self.name)


class _Process:
    """The process of a server, what keeps watch while it starts, and a thread that reads what it says.

    Attributes:
        is_left: whether its clients have taken leave of it.
        pid: its number.
    """

    def __init__(self, command: Sequence[str], listener: socket.socket, files: Sequence[int]) -> None:
        """Start it.

        Raises:
            OSError: when the system does not.
        """
        self.is_left = False
        self._command = command
        self._heard = bytearray()
        self._of_opening = 0
        reads, told = os.pipe()
        with os.fdopen(reads, "rb", buffering=0) as begins, os.fdopen(told, "wb", buffering=0) as begin:
            served = ["/bin/sh", "-c", _SERVE, "sh", *command]
            self._process = _started(served, listener, begins, subprocess.PIPE, files)
            self.pid = self._process.pid
            # It ends by itself when this ends before it was told.
            watch = ["/bin/sh", "-c", _WATCH, "sh", str(self.pid)]
            try:
                self._watch = _started(watch, subprocess.PIPE, subprocess.DEVNULL, subprocess.DEVNULL)
            except BaseException:
                with self._process as process:
                    process.kill()
                raise
            with suppress(BrokenPipeError):
                begin.write(_WORD)
        self._thread: threading.Thread | None = None

    @property
    def said(self) -> str:
        """What it has written to its standard error since it serves, or before it came to that, in one line."""
        return "; ".join(self._lines)

    @property
    def _lines(self) -> list[str]:
        lines = self._heard[self._of_opening :].decode("utf-8", "replace").splitlines()
        return [" ".join(each.split()) for each in lines if each.strip()]

    @property
    def has_failed(self) -> bool:
        """Whether it ended otherwise than well, or had an error to tell of; it leaves with 0 all the same."""
        return any("warning:" not in each for each in self._lines) or self._process.returncode != 0

    @property
    def why(self) -> str:
        """Why it has ended, as the end of a sentence; empty when that is not known."""
        if self.said:
            return f": {self.said}"
        code = self._process.returncode
        if code is None or code == 0:
            return ""
        return f" by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f" with exit code {code}"

    def begin(self) -> None:
        """Note that it serves: what it said before was of the file that it opened, and no error."""
        waiting = select.poll()
        waiting.register(self._stderr, select.POLLIN)
        while waiting.poll(0) and self._hear():
            pass
        self._of_opening = len(self._heard)
        self._listen()
        self.dismiss_watch()

    def dismiss_watch(self) -> None:
        """Let nobody keep watch any more; a second call does nothing."""
        if self._watch.stdin is None:
            raise AssertionError("it was started with a pipe")
        with suppress(BrokenPipeError, ValueError):
            self._watch.stdin.write(_WORD)
            self._watch.stdin.close()
        self._watch.wait()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for its end; return whether it has ended."""
        thread = self._listen()
        thread.join(timeout_s)
        if thread.is_alive():
            return False
        # As long as it was not waited for, nobody else has its number, whom the watch could kill.
        self.dismiss_watch()
        if self._process.returncode is None:
            # Its end, and that of the pipe.
            with self._process as process:
                code = process.wait()
            ran(__name__, self._command, code)
        return True

    def stop(self) -> None:
        """End it, whether it has anything to store or not."""
        self._process.kill()
        self.join()

    @property
    def _stderr(self) -> int:
        if self._process.stderr is None:
            raise AssertionError("it was started with a pipe")
        return self._process.stderr.fileno()

    def _listen(self) -> threading.Thread:
        """Let a thread read what it says from now on, to the end."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._hear_all, name="qemu-nbd", daemon=True)
            self._thread.start()
        return self._thread

    def _hear_all(self) -> None:
        while self._hear():
            pass

    def _hear(self) -> bool:
        """Read some of what it says; return whether there may be more."""
        words = os.read(self._stderr, _MOST_HEARD)
        self._heard += words[: self._of_opening + _MOST_HEARD - len(self._heard)]
        return bool(words)


def _started(
    command: Sequence[str], stdin: int | socket.socket, stdout: int | FileIO, stderr: int, files: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    # Ctrl-C of a terminal goes to all processes of a session's foreground: these have to store what they hold.
    environment = {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}
    return subprocess.Popen(
        command,
        stdin=stdin if isinstance(stdin, int) else stdin.fileno(),
        stdout=stdout if isinstance(stdout, int) else stdout.fileno(),
        stderr=stderr,
        env=environment,
        start_new_session=True,
        pass_fds=files,
    )


def _command(
    program: str, options: Sequence[str], *, write: bool, snapshot: str | None, is_unfinished: bool
) -> list[str]:
    return [
        program,
        "--image-opts",
        # In a list of options, a comma is written twice (QEMU's "QemuOpts").
        ",".join(each.replace(",", ",,") for each in options),
        "--shared=8",
        "--discard=unmap",
        "--detect-zeroes=unmap",
        f"--cache={'unsafe' if is_unfinished else 'writeback'}",
        *([] if write else ["--read-only"]),
        *([] if snapshot is None else [f"--load-snapshot=snapshot.id={snapshot.replace(',', ',,')}"]),
    ]


def _connected(count: int) -> tuple[socket.socket, list[socket.socket]]:
    """Return a socket that listens, and so many that are connected to it; it has no name any more."""
    failed: OSError | None = None
    # The last has a short name wherever TMPDIR leads.
    for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - a new folder in it
        if not place or len(os.fsencode(place)) > _LONGEST_SOCKET_NAME - _NAME_IN_FOLDER:
            continue
        listener, clients = socket.socket(socket.AF_UNIX), [socket.socket(socket.AF_UNIX) for _ in range(count)]
        try:
            # Of one that is killed here the folder stays, until the next one comes.
            with scratch_folder(Path(place)) as folder:
                name = str(folder / "nbd")
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
    return InvalidInput(f"{name}: qemu-nbd cannot open it: {_AGAIN.sub('', reason)}")
