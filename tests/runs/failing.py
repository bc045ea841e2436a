"""Commands of osdimage whose N-th write, sync or cut of a file fails, or is the moment of a signal."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from judges.wim import require

# Stands before the C library; only files in one folder, and the folder itself, are meant.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITE, PWRITE, SYNC, CUT };
enum { CAPACITY = 1000 };

static char folder[4096];
static int kind_to_fail = -1, error_number, signal_number, stays;
static long to_fail, seen, count;
static struct call { long kind, offset, size; } calls[CAPACITY];

/* The N-th call of a kind, from 0, fails with an error or gets a signal; with stays also those after it fail. */
void fail_at(const char *path, int kind, long number, int error, int signal_, int stays_)
{
	snprintf(folder, sizeof folder, "%s", path);
	kind_to_fail = kind;
	to_fail = number;
	error_number = error;
	signal_number = signal_;
	stays = stays_;
	seen = count = 0;
}
long calls_seen(void) { return count; }
long call_seen(long number, int field)
{
	struct call *call = &calls[number];
	return field == 0 ? call->kind : field == 1 ? call->offset : call->size;
}

static int fails(int fd, int kind, long offset, long size)
{
	char link[64], path[4096];
	ssize_t length;

	if (folder[0] == '\0')
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof path - 1);
	if (length < 0 || (size_t)length < strlen(folder) || memcmp(path, folder, strlen(folder)) != 0)
		return 0;
	if (count < CAPACITY)
		calls[count++] = (struct call){ kind, offset, size };
	if (kind != kind_to_fail)
		return 0;
	if (seen++ != to_fail && !(stays && seen > to_fail))
		return 0;
	if (signal_number != 0) {
		kill(getpid(), signal_number);
		return 0;
	}
	errno = error_number;
	return 1;
}

#define REAL(name, ...) \
	static int_or_size (*real)(__VA_ARGS__); \
	if (real == NULL) \
		real = dlsym(RTLD_NEXT, name);
typedef ssize_t int_or_size;

ssize_t write(int fd, const void *data, size_t size)
{
	REAL("write", int, const void *, size_t)
	return fails(fd, WRITE, -1, (long)size) ? -1 : real(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	REAL("pwrite64", int, const void *, size_t, off64_t)
	return fails(fd, PWRITE, (long)offset, (long)size) ? -1 : real(fd, data, size, offset);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return pwrite64(fd, data, size, offset);
}
#define INT(name, kind, parameters, size, arguments) \
int name parameters \
{ \
	static int (*real) parameters; \
	if (real == NULL) \
		real = dlsym(RTLD_NEXT, #name); \
	return fails(fd, kind, 0, size) ? -1 : real arguments; \
}
INT(fsync, SYNC, (int fd), 0, (fd))
INT(fdatasync, SYNC, (int fd), 0, (fd))
INT(ftruncate, CUT, (int fd, off_t size), (long)size, (fd, size))
INT(ftruncate64, CUT, (int fd, off64_t size), (long)size, (fd, size))
"""
KINDS = ("write", "pwrite", "sync", "cut")

# Imports once and forks for each run, which takes no time then.
SERVER = """
import ctypes, importlib, json, os, sys, tempfile
from osdimage.cli import app
for name in ("failures", "registry.set", "wim.capture", "wim.delete", "wim.export", "wim.info"):
    importlib.import_module("osdimage.cli." + name)
importlib.import_module("osdimage.imaging.wim.edited.edit")
importlib.import_module("osdimage.imaging.service.replace")
shim = ctypes.CDLL(None)
for line in sys.stdin:
    arguments, folder, kind, number, error, stop, stays = json.loads(line)
    told, tell = os.pipe()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(said.fileno(), 2)
            sys.argv[1:] = arguments
            shim.fail_at(os.fsencode(folder), kind, ctypes.c_long(number), error, stop, stays)
            try:
                app.run()
            finally:
                code = int(str(sys.exc_info()[1]))
                sys.stderr.flush()
                calls = [[shim.call_seen(ctypes.c_long(each), field) for field in range(3)]
                         for each in range(shim.calls_seen())]
                os.write(tell, json.dumps(calls).encode())
                os._exit(code)
        os.close(tell)
        with open(told, "rb") as file:
            calls = json.loads(file.read() or "[]")
        _, status = os.waitpid(child, 0)
        said.seek(0)
        print(json.dumps([os.waitstatus_to_exitcode(status), said.read().decode(), calls]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at a call: it fails with an error, or a signal arrives.

    Attributes:
        error: of the system, or 0.
        signal: or 0.
        stays: whether the calls after it fail too.
    """

    error: int = 0
    signal: int = 0
    stays: bool = False


FAULTS = {
    "an error once": Fault(error=errno.EIO),
    "a full disk once": Fault(error=errno.ENOSPC),
    "errors from then on": Fault(error=errno.EIO, stays=True),
    "SIGTERM": Fault(signal=signal.SIGTERM),
    "SIGKILL": Fault(signal=signal.SIGKILL),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code, or minus the number of the signal that killed it.
        err: what it printed on stderr.
        calls: kind, offset and size of each call, in their order; none of a command that was killed.
    """

    code: int
    err: str
    calls: tuple[tuple[str, int, int], ...]

    def count(self, kind: str) -> int:
        """Return how many calls there were of a kind."""
        return sum(call[0] == kind for call in self.calls)


class Failing:
    """Runs commands with a fault.  Made by :func:`failing`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self,
        arguments: Sequence[str | Path],
        folder: Path,
        kind: str = "sync",
        number: int = -1,
        fault: Fault | None = None,
    ) -> Ended:
        """Run a command, with a fault at a call of a kind on a file in a folder, counted from 0; -1 for none."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        what = fault or Fault()
        words = [os.fspath(argument) for argument in arguments]
        request = [words, os.fspath(folder), KINDS.index(kind), number, what.error, what.signal, what.stays]
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        code, err, calls = json.loads(stdout.readline())
        return Ended(code, err, tuple((KINDS[kind], offset, size) for kind, offset, size in calls))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


@contextmanager
def failing(folder: Path) -> Iterator[Failing]:
    """Compile what fails, and start the process that it is put into."""
    library, source = folder / "failing.so", folder / "failing.c"
    source.write_text(SHIM)
    subprocess.run([require("cc"), "-shared", "-fPIC", "-O2", "-w", "-o", library, source, "-ldl"], check=True)
    with Failing(
        subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_PRELOAD": str(library)},
        )
    ) as made:
        yield made
