"""The command line on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time

PROGRAM = [sys.executable, "-c", "from osdimage.cli.main import main; main()"]


def on_a_terminal(arguments: list[str], *, whole: bool = False, **environment: str) -> tuple[int, str, str]:
    """Run a command with its stderr on a pseudo-terminal; return its exit code, stdout, and what the terminal got.

    With ``whole`` its stdout is on the terminal too, and nothing is returned of it apart.
    """
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(
            [*PROGRAM, *arguments],
            stdout=slave if whole else subprocess.PIPE,
            stderr=slave,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120", **environment},
        ) as process:
            os.close(slave)
            shown = bytearray()
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                if select.select([master], [], [], 0.2)[0]:
                    try:
                        piece = os.read(master, 65536)
                    except OSError:  # the other end is closed
                        break
                    if not piece:
                        break
                    shown += piece
                elif process.poll() is not None:
                    break
            out, _ = process.communicate(timeout=30)
            return process.returncode, (out or b"").decode(), shown.decode("utf-8", "replace")
    finally:
        os.close(master)
