"""Commands of osdimage of whose calls that change files one fails, or is the moment of a signal.

``faults.c`` counts the calls below one folder, those of programs that a command starts too.  A server imports the
commands once and forks for each run, which takes no time then.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

from judges.wim import require

SECONDS = 60
"""After which a command hangs."""


class Kind(IntEnum):
    """What a call does; the order is that of ``faults.c``."""

    CREATE = 0
    WRITE = 1
    CUT = 2
    ALLOCATE = 3
    SYNC = 4
    NAME = 5
    UNNAME = 6
    FOLDER = 7
    FACTS = 8


class Action(IntEnum):
    """What happens at a call; the order is that of ``faults.c``."""

    NOTHING = 0
    FAIL = 1
    FAIL_AFTER = 2
    SHORT = 3
    SIGNAL = 4
    SIGNAL_AFTER = 5
    SIGNAL_WITHIN = 6


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at a call.

    Attributes:
        action: what.
        error: errno of a call that fails, or the number of a signal.
        kinds: the kinds of calls that it is for.
        stays: whether all calls of these kinds after it fail too, as when a disk is full or a device is gone.
    """

    action: Action
    error: int
    kinds: frozenset[Kind]
    stays: bool = False


_ALL = frozenset(Kind)
_GROWING = frozenset({Kind.CREATE, Kind.WRITE, Kind.ALLOCATE, Kind.NAME, Kind.FOLDER})
_NAMING = frozenset({Kind.NAME, Kind.UNNAME})
FAULTS = {
    "error": Fault(Action.FAIL, errno.EIO, _ALL),
    "errors": Fault(Action.FAIL, errno.EIO, _ALL, stays=True),
    # As a network file system, or a sync, tells of what it has done.
    "late error": Fault(Action.FAIL_AFTER, errno.EIO, _ALL - {Kind.CREATE, Kind.FOLDER}),
    "full": Fault(Action.FAIL, errno.ENOSPC, _GROWING, stays=True),
    # An immutable file, a sticky folder, a mount point.
    "forbidden": Fault(Action.FAIL, errno.EPERM, _NAMING),
    "busy": Fault(Action.FAIL, errno.EBUSY, _NAMING),
    "short": Fault(Action.SHORT, 0, frozenset({Kind.WRITE})),
    "term": Fault(Action.SIGNAL, signal.SIGTERM, _ALL),
    "kill": Fault(Action.SIGNAL, signal.SIGKILL, _ALL),
    "kill after": Fault(Action.SIGNAL_AFTER, signal.SIGKILL, _ALL),
    "torn": Fault(Action.SIGNAL_WITHIN, signal.SIGKILL, frozenset({Kind.WRITE})),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was counted: what it did, at which offset (-1: at the file's own), how much, and to what."""

    kind: Kind
    offset: int
    size: int
    path: str

    def __str__(self) -> str:
        """Return it for people."""
        size = f" {self.size} bytes" if self.size else ""
        at = f" at {self.offset}" if self.kind in {Kind.WRITE, Kind.ALLOCATE} else ""
        return f"{self.kind.name.lower()}{size}{at} {self.path}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code, or minus the number of the signal that ended it (``SIGALRM``: it hung).
        out: what it printed on stdout.
        err: what it printed on stderr.
        calls: those that were counted, in their order.
        hits: how many of them the fault met.
    """

    code: int
    out: str
    err: str
    calls: tuple[Call, ...]
    hits: int


# The face of `struct control`.
_PATH_BYTES, _CAPACITY = 128, 6000
_HEAD = struct.Struct("=4096sqiiiiqq")
_CALL = struct.Struct(f"=qqq{_PATH_BYTES}s")

SERVER = f"""
import importlib, json, os, pkgutil, signal, sys, tempfile
import osdimage.cli, osdimage.imaging
from osdimage.cli import app
for package in (osdimage.cli, osdimage.imaging):
    for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if each.name.rpartition(".")[2] not in ("__main__", "main", "pytest_plugin", "sgdisk"):
            importlib.import_module(each.name)
for line in sys.stdin:
    arguments, folder, temporary, state = json.loads(line)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir(folder)
            tempfile.tempdir = None
            os.environ |= {{"TMPDIR": temporary, "XDG_STATE_HOME": state}}
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm({SECONDS})
            sys.argv[1:] = arguments
            try:
                app.run()
            finally:
                left = sys.exc_info()[1]
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(left.code if isinstance(left, SystemExit) and isinstance(left.code, int) else 99)
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        print(json.dumps([os.waitstatus_to_exitcode(status), *texts]), flush=True)
"""


class Faulty:
    """Runs commands with a fault.  Made by :func:`faulty`."""

    def __init__(self, process: subprocess.Popen[str], control: mmap.mmap) -> None:
        """Take over both."""
        self._process = process
        self._control = control

    def run(
        self, arguments: Sequence[str | os.PathLike[str]], folder: Path, *, at: int = -1, fault: Fault | None = None
    ) -> Ended:
        """Run a command in a folder, with a fault at one of its calls, counted from 0; -1 for none.

        Its temporary files are in ``tmp`` and its state in ``state`` of the folder.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        for name in ("tmp", "state"):
            (folder / name).mkdir(exist_ok=True)
        kinds = 0 if fault is None else sum(1 << kind for kind in fault.kinds)
        what = (0, 0, 0) if fault is None else (fault.action, fault.error, fault.stays)
        head = _HEAD.pack(os.fsencode(folder.resolve()), at, *what, kinds, 0, 0)
        self._control[: len(head)] = head
        words = [os.fspath(argument) for argument in arguments]
        stdin.write(json.dumps([words, str(folder), str(folder / "tmp"), str(folder / "state")]) + "\n")
        stdin.flush()
        code, out, err = json.loads(stdout.readline())
        *_, count, hits = _HEAD.unpack_from(self._control)
        assert count <= _CAPACITY, "make the table of faults.c larger"
        self._control[:1] = b"\0"
        return Ended(code, out, err, tuple(self._calls(count)), hits)

    def _calls(self, count: int) -> Iterator[Call]:
        for number in range(count):
            kind, offset, size, path = _CALL.unpack_from(self._control, _HEAD.size + number * _CALL.size)
            yield Call(Kind(kind), offset, size, path.split(b"\0")[0].decode(errors="replace"))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the server."""
        self._process.communicate()
        self._control.close()


@contextmanager
def faulty(folder: Path) -> Iterator[Faulty]:
    """Compile what fails into a folder, which no command may write to, and start the process that it is put into."""
    library, control = folder / "faults.so", folder / "control"
    source = Path(__file__).with_name("faults.c")
    subprocess.run([require("cc"), "-shared", "-fPIC", "-O2", "-w", "-o", library, source, "-ldl"], check=True)
    with control.open("w+b") as file:
        file.truncate(_HEAD.size + _CAPACITY * _CALL.size)
        mapped = mmap.mmap(file.fileno(), 0)
    with Faulty(
        subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_PRELOAD": str(library), "OSDIMAGE_FAULTS": str(control)},
        ),
        mapped,
    ) as made:
        yield made
