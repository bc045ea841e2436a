"""Commands that a test stops with a signal."""

from __future__ import annotations

import os


def unmeasured() -> dict[str, str]:
    """Return the environment of a process whose coverage is not measured.

    Where the signal interrupts coverage's own code, which holds a lock for a moment, the exception of the signal's
    handler would leave that lock taken, and the process would wait for it forever.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
