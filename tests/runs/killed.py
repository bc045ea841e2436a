"""Processes that are killed at a chosen write: before the first byte of it, with no chance to clean up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from judges.wim import require

from runs.ordinary_user import BECOME_NOBODY

# Stands before the C library; every write of osdimage to a disk image goes through one of these.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long left = -1, seen;

void stop_at(long number) { left = number; seen = 0; }
long writes_seen(void) { return seen; }

static void count(void)
{
	seen++;
	if (left >= 0 && left-- == 0)
		kill(getpid(), SIGKILL);
}

#define WRAP(name, type) \
ssize_t name(int fd, type what, size_t count_, off64_t offset) \
{ \
	static ssize_t (*real)(int, type, size_t, off64_t); \
	if (real == NULL) \
		real = dlsym(RTLD_NEXT, #name); \
	count(); \
	return real(fd, what, count_, offset); \
}
#define WRAPV(name) \
ssize_t name(int fd, const struct iovec *what, int count_, off64_t offset) \
{ \
	static ssize_t (*real)(int, const struct iovec *, int, off64_t); \
	if (real == NULL) \
		real = dlsym(RTLD_NEXT, #name); \
	count(); \
	return real(fd, what, count_, offset); \
}
WRAP(pwrite, const void *)
WRAP(pwrite64, const void *)
WRAPV(pwritev)
WRAPV(pwritev64)
"""

# Imports once and forks for each run, which takes no time then.
IMPORTS = """
import ctypes, importlib, json, os, sys
from osdimage.cli import app
for name in ("wim.apply", "deploy"):
    importlib.import_module("osdimage.cli." + name)
"""
SERVER = """
shim = ctypes.CDLL(None)
for line in sys.stdin:
    arguments, stop = json.loads(line)
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.argv[1:] = arguments
        shim.stop_at(ctypes.c_long(stop))
        try:
            app.run()
        finally:
            os.write(tell, b"%d" % shim.writes_seen())
            os._exit(int(str(sys.exc_info()[1])))
    os.close(tell)
    _, status = os.waitpid(child, 0)
    with open(told, "rb") as file:
        seen = int(file.read() or -1)
    print(json.dumps([os.waitstatus_to_exitcode(status), seen]), flush=True)
"""


class Killer:
    """Runs commands of osdimage up to a write.  Made by :func:`killer`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def writes(self, arguments: Sequence[str]) -> int:
        """Run a command to its end, which must be a good one; return how many writes it made."""
        code, seen = self._run(arguments, -1)
        assert code == 0
        return seen

    def kill(self, arguments: Sequence[str], write: int) -> bool:
        """Kill a command before a write, counted from 0; tell whether it came so far."""
        code, _ = self._run(arguments, write)
        assert code in {0, -signal.SIGKILL}
        return code != 0

    def _run(self, arguments: Sequence[str], stop: int) -> tuple[int, int]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([list(arguments), stop]) + "\n")
        stdin.flush()
        code, seen = json.loads(stdout.readline())
        return code, seen

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


@contextmanager
def killer(folder: Path, *, nobody_in: Path | None = None) -> Iterator[Killer]:
    """Compile what counts and kills, and start the process that it is put into.

    With ``nobody_in`` the commands run there as a user without rights, whose that folder becomes.
    """
    library = folder / "killer.so"
    source = folder / "killer.c"
    source.write_text(SHIM)
    subprocess.run([require("cc"), "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    steps = [IMPORTS, SERVER] if nobody_in is None else [IMPORTS, BECOME_NOBODY, "become_nobody(sys.argv[1])\n", SERVER]
    program = ["-c", "".join(steps), *([] if nobody_in is None else [str(nobody_in)])]
    with Killer(
        subprocess.Popen(
            [sys.executable, *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_PRELOAD": str(library)},
        )
    ) as made:
        yield made
