"""Waiting for other processes, which are no children of this one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

_SECONDS = 30.0
_LOOK_SECONDS = 0.01


def runs(pid: int) -> bool:
    """Tell whether a process is there, not only its number, which its parent has not taken note of yet."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    # The name, in brackets, may hold anything.
    return facts.rpartition(b") ")[2][:1] not in {b"Z", b"X"}


def wait_until(is_so: Callable[[], bool]) -> bool:
    """Wait until something is so; False when that takes half a minute."""
    until = time.monotonic() + _SECONDS
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_SECONDS)
    return True
