"""The process behind ``sandbox.py``: imports osdimage once and forks for each request."""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from osdimage.cli.main import main
from osdimage.imaging import (
    ApplyOptions,
    ExportOptions,
    InvalidRequest,
    OsdImageError,
    WimFile,
    apply_image,
    export_images,
    verify_file,
)

MEMORY = 2 << 30
SECONDS = 40
UNDOCUMENTED = 99


def exercise(wim: Path, folder: Path) -> None:
    """Open, list, verify, apply and export a WIM; only the documented exceptions may come out."""

    def attempt(work: Callable[..., object], *arguments: object, **options: object) -> None:
        try:
            work(*arguments, **options)
        except InvalidRequest as error:
            # Nothing was asked for but what the file itself offers.
            raise AssertionError("the file's fault was blamed on the caller") from error
        except OsdImageError:
            pass

    attempt(verify_file, wim, threads=1)
    with suppress(OsdImageError), WimFile.open(wim) as opened:
        for image in opened.images[:2]:
            attempt(image.entries)
            attempt(apply_image, image, folder / f"applied-{image.index}", ApplyOptions(limit_bytes=1 << 24))
        if opened.images:
            attempt(export_images, opened, folder / "exported.wim", ExportOptions(threads=1))


def _child(what: str, arguments: list[str]) -> NoReturn:
    # A sanitizer reserves terabytes of addresses, and limits the memory itself.
    if "ASAN_OPTIONS" not in os.environ:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code: object = 0
    try:
        if what == "cli":
            sys.argv = ["osdimage", *arguments]
            main()
        else:
            exercise(*map(Path, arguments))
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - whatever it was is the answer
        traceback.print_exc()
        code = UNDOCUMENTED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else UNDOCUMENTED)


def serve(what: str, arguments: list[str]) -> tuple[int, str, str]:
    """Do one request in a child; return how it ended and what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            with Path(os.devnull).open("rb") as nothing:
                os.dup2(nothing.fileno(), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            _child(what, arguments)
        handle = os.pidfd_open(child)
        try:
            if not select.select([handle], [], [], SECONDS)[0]:
                os.kill(child, signal.SIGKILL)
        finally:
            os.close(handle)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "backslashreplace"))
        return code, texts[0], texts[1]


if __name__ == "__main__":
    # What every child needs is imported once, before the forks.
    for name in (
        "app",
        "failures",
        "wim.apply",
        "wim.export",
        "wim.extract",
        "wim.info",
        "wim.list",
        "wim.verify",
    ):
        importlib.import_module(f"osdimage.cli.{name}")
    importlib.import_module("osdimage.imaging.wim.edited.edit")
    for request in sys.stdin:
        task, *rest = json.loads(request)
        sys.stdout.write(json.dumps(serve(task, rest)) + "\n")
        sys.stdout.flush()
