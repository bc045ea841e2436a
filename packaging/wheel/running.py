"""Running the programs that make a release."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

_LINES_OF_A_FAILURE = 40


class ReleaseError(Exception):
    """What keeps a release from being made, in one sentence that a person can act on."""


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end; return what it printed.

    Raises:
        ReleaseError: with the last of what it printed, when it fails; when it is not there.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            # A path may be of any bytes.
            errors="surrogateescape",
            env=environment,
        )
    except OSError as error:
        raise ReleaseError(f"{command[0]}: cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-_LINES_OF_A_FAILURE:])
        raise ReleaseError(f"{said}\n{' '.join(command)} ended with {done.returncode}")
    return done.stdout


def plain_environment() -> dict[str, str]:
    """Return the environment of programs that make a part of a release: nothing in it changes what they make."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C"}
