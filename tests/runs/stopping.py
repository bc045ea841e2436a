"""Commands that a test stops with a signal, or that end in another way that leaves no record of their coverage."""

from __future__ import annotations

import os

KILLS = int(os.environ.get("OSDIMAGE_KILLS", "6"))
"""How often a test kills a command at a moment of chance; ``make kills`` sets more."""


def unmeasured() -> dict[str, str]:
    """Return the environment of a process whose coverage is not measured.

    A child that is killed or leaves by ``os._exit`` writes no record of it, and measuring takes as long as the work.
    Where the signal interrupts coverage's own code, which holds a lock for a moment, the exception of the signal's
    handler would leave that lock taken, and the process would wait for it forever.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
