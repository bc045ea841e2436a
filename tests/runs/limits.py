"""What a hostile input may take: memory by the kernel's count, and time by the clock."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def limited(more: int) -> Iterator[None]:
    """Let this process have so many bytes more and not one beyond: what takes them ends with a MemoryError.

    The kernel counts, at no cost; tracemalloc takes twice as long as the reading.
    """
    old = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + more, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, old)


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """Fail when it took longer than what nothing of the kind takes on any machine."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds
