"""Verify WIMs in an asyncio program, at most two at once, each within a time: python service.py 600 a.wim b.wim"""

import asyncio
import sys
from pathlib import Path

from osdimage.imaging import OsdImageError, in_thread, verify_file
from osdimage.imaging.progress import ProgressEvent


async def verify(path: str, seconds: float, turns: asyncio.Semaphore, events: asyncio.Queue[ProgressEvent]) -> str:
    """Return the verdict.  When the time is over, the work is stopped, and its thread has ended."""
    loop = asyncio.get_running_loop()

    def tell(event: ProgressEvent) -> None:
        # Called in the thread that works: the queue belongs to the loop.
        loop.call_soon_threadsafe(events.put_nowait, event)

    async with turns:
        try:
            async with asyncio.timeout(seconds):
                report = await in_thread(verify_file, Path(path), progress=tell)
        except TimeoutError:
            return "stopped: it takes too long"
        except OsdImageError as error:
            return str(error)
    return "; ".join(problem.message for problem in report.problems) or "sound"


async def verify_all(paths: list[str], seconds: float) -> dict[str, str]:
    """Return the verdicts of all."""
    turns = asyncio.Semaphore(2)
    events: asyncio.Queue[ProgressEvent] = asyncio.Queue()
    verdicts = await asyncio.gather(*(verify(path, seconds, turns, events) for path in paths))
    print(f"{events.qsize()} events")
    return dict(zip(paths, verdicts, strict=True))


if __name__ == "__main__":
    for name, verdict in asyncio.run(verify_all(sys.argv[2:], float(sys.argv[1]))).items():
        print(f"{name}: {verdict}")
