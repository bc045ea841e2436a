"""The command line in this process: the exit code and the output of ``osdimage ARGUMENTS``."""

from __future__ import annotations

import gc
import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from runs.formats import in_containers

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)

    @property
    def facts(self) -> dict[str, Any]:
        """The members of the document that are the command's own."""
        return {name: value for name, value in self.document.items() if name not in {"version", "kind"}}

    @property
    def compared(self) -> dict[str, Any]:
        """What `compare` says of the one thing that it compared."""
        (volume,) = self.document["volumes"]
        assert isinstance(volume, dict)
        return volume

    @property
    def applied(self) -> dict[str, Any]:
        """What `apply` says of the one thing that it filled."""
        (volume,) = self.document["volumes"]
        result = volume["result"]
        assert isinstance(result, dict)
        return result

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def warnings(self) -> list[str]:
        return [line.removeprefix("warning: ") for line in self.err.splitlines() if line.startswith("warning: ")]


@contextmanager
def closing_wims() -> Iterator[None]:
    """Close WIMs as a library does: a command leaves that to its end, but this process goes on, and has 1024 files."""
    from osdimage.native.wim.handles import WimHandle  # noqa: PLC0415 - as below

    with mock.patch.object(WimHandle, "leave_memory"):
        yield


def osdimage(*arguments: str | os.PathLike[str], code: int | None = 0) -> Outcome:
    """Run a command, which must exit with ``code`` unless that is None."""
    from osdimage.cli.main import main  # noqa: PLC0415 - a module of commands must not import the library by itself

    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    words = ["osdimage", *(os.fspath(argument) for argument in arguments)]
    threshold = gc.get_threshold()
    left_with: object = 0
    try:
        with (
            in_containers(words),
            mock.patch.object(sys, "argv", words),
            redirect_stdout(out),
            redirect_stderr(err),
            closing_wims(),
        ):
            main()
    except SystemExit as left:
        left_with = left.code or 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        # A command keeps its garbage to end sooner, but this process goes on: gigabytes, which every fork copied.
        gc.set_threshold(*threshold)
        gc.unfreeze()
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    assert isinstance(left_with, int)
    outcome = Outcome(left_with, *texts)
    assert code is None or outcome.code == code, f"{words} exited {outcome.code}:\n{outcome.out}\n{outcome.err}"
    _judge(words, outcome)
    return outcome


def _judge(words: list[str], outcome: Outcome) -> None:
    """Fail when what was printed for programs is not what its schema says, to the last member."""
    from judges import schemas  # noqa: PLC0415 - few commands print it

    if "--json" in words and outcome.code < 128:
        # Where a WIM goes to stdout, it is on stderr, behind what people read.
        for document in re.findall(r"^\{$.*?^\}$", f"{outcome.out}\n{outcome.err}", re.MULTILINE | re.DOTALL):
            schemas.judge_text(document)
    # A file that is not one of events is refused, and stays what it was; all that is left otherwise is judged.
    if "--events" in words[:-1] and "holds something else than events" not in outcome.err:
        for line in _event_lines(words[words.index("--events") + 1], outcome):
            schemas.judge_event(line)


def _event_lines(name: str, outcome: Outcome) -> list[str]:
    lines = outcome.out.splitlines() if name == "-" else []
    if Path(name).is_file():
        lines = Path(name).read_text(encoding="ascii").splitlines()
    # A command that was stopped may leave a part of the last one.
    return [line for line in lines if line.startswith("{") and line.endswith("}")]
