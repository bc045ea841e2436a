"""Capture folders in processes, so that each has a libwim of its own: python processes.py FOLDER...

Paths, options, results and errors cross processes; what is open does not.  Processes are started with "spawn": one that
is forked while threads work may inherit a lock that nobody will ever open.
"""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from osdimage.imaging import CaptureOptions, OsdImageError, capture_image
from osdimage.imaging.capture import CaptureResult


def capture(folder: str, options: CaptureOptions) -> CaptureResult:
    """Capture one folder, in a process."""
    return capture_image(folder, f"{folder}.wim", options)


def capture_all(folders: list[str]) -> dict[str, CaptureResult | OsdImageError]:
    """Return what came of each."""
    results: dict[str, CaptureResult | OsdImageError] = {}
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {folder: pool.submit(capture, folder, CaptureOptions()) for folder in folders}
        for folder, job in jobs.items():
            try:
                results[folder] = job.result()
            except OsdImageError as error:
                results[folder] = error
    return results


if __name__ == "__main__":
    for name, result in capture_all(sys.argv[1:]).items():
        print(f"{name}: {result}")
