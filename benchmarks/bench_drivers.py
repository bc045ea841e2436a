"""A catalog of drivers: importing generated INFs, and matching the devices of a computer, over how many there are.

Goals on two idle cores: at most 1 ms a kilobyte of INFs imported, and 0.3 s for a match of 60 devices with 10,000
drivers, the start of Python not counted.  Ours is put beside what there is at least to be done: the same files read and
hashed by Python, the same id looked for by sqlite3.  Nobody syncs on tmpfs.  ``BENCH_COUNTS`` is how many INFs there
are, ``BENCH_PLACE`` measures on a disk.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import RESULTS, Pair, run_pairs, workspace, write_report

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from cases.driver_files import NET, SCSI, inf_text, write_driver
from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.ranking.match import match_drivers
from osdimage.imaging.drivers.store.catalog import open_catalog
from osdimage.imaging.drivers.store.importing import import_drivers
from osdimage.imaging.drivers.store.index import CatalogIndex
from osdimage.imaging.drivers.target_os import Architecture, TargetOs

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
COUNTS = tuple(map(int, os.environ.get("BENCH_COUNTS", "100,1000,10000").split(",")))
DEVICES = 60
WINDOWS = TargetOs(10, 0, 22631, Architecture.AMD64)
# What a vendor's INF has: two platforms, twenty models of two ids each.
MODELS = 20
HASHED = (
    "import hashlib, pathlib, sys; [hashlib.sha256(f.read_bytes()) for f in pathlib.Path(sys.argv[1]).rglob('*.*')]"
)


@dataclass(frozen=True)
class Point:
    """What was measured with so many INFs: medians, and each run."""

    infs: int
    kilobytes: float
    import_s: float
    import_ms_per_kilobyte: float
    match_s: float
    match_runs: tuple[float, ...]
    load: float


def make_drivers(folder: Path, count: int) -> float:
    """Write so many drivers; return the kilobytes of their INFs."""
    size = 0
    for number in range(count):
        vendor, first = 0x1000 + number % 1000, number // 1000 * MODELS
        plain = [f"PCI\\VEN_{vendor:04X}&DEV_{first + model:04X}" for model in range(MODELS)]
        ids = tuple(f"{each}&SUBSYS_{number:08X}, {each}" for each in plain)
        text = inf_text(
            f"driver{number}",
            ids,
            device=f"Device {number}",
            kind=NET if number % 2 else SCSI,
            decorations=("NTamd64.10.0", "NTx86.6.1"),
        )
        place = folder / f"vendor{number % 100}" / f"driver{number}"
        size += write_driver(place, text, stem=f"driver{number}", payload=b"MZ%d" % number * 200).stat().st_size
    return size / 1024


def devices(count: int) -> list[Device]:
    """Return the devices of a computer, of which two thirds have a driver."""
    chance = random.Random(1)
    made = []
    for number in range(DEVICES):
        vendor, device = 0x1000 + chance.randrange(min(count, 1000)), chance.randrange(MODELS)
        if number % 3 == 0:
            vendor = 0xF000 + number
        best = f"PCI\\VEN_{vendor:04X}&DEV_{device:04X}"
        hardware = (f"{best}&SUBSYS_12345678&REV_01", f"{best}&SUBSYS_12345678", f"{best}&CC_020000", f"{best}&CC_0200")
        compatible = (f"{best}&REV_01", best, f"PCI\\VEN_{vendor:04X}&CC_020000", f"PCI\\VEN_{vendor:04X}")
        made.append(Device(best, hardware, (*compatible, "PCI\\CC_020000", "PCI\\CC_0200")))
    return made


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(folder: Path, count: int) -> Point:
    """Import so many drivers, and match devices with them."""
    kilobytes = make_drivers(folder / f"d{count}", count)
    load = os.getloadavg()[0]
    path = folder / f"{count}.db"
    with open_catalog(path, creates=True) as catalog:
        import_s = timed(lambda: import_drivers(catalog, [folder / f"d{count}"]))
    wanted = devices(count)

    def match() -> None:
        with open_catalog(path) as catalog:
            match_drivers(CatalogIndex(catalog, WINDOWS), wanted, WINDOWS)

    runs = tuple(timed(match) for _ in range(RUNS))
    return Point(count, kilobytes, import_s, import_s * 1000 / kilobytes, statistics.median(runs), runs, load)


def curve(points: Sequence[Point]) -> str:
    """Return the points as a table."""
    lines = ["| INFs | KB of INFs | import s | ms a KB | match of 60 s (min-max) | load |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {each.infs:,} | {each.kilobytes:,.0f} | {each.import_s:.2f} | {each.import_ms_per_kilobyte:.2f} "
        f"| {each.match_s:.3f} ({min(each.match_runs):.3f}-{max(each.match_runs):.3f}) | {each.load:.1f} |"
        for each in points
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure the curve and the pairs, and write the reports."""
    with workspace() as folder:
        points = [measure(folder, count) for count in COUNTS]
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "drivers-curve.json").write_text(json.dumps([asdict(each) for each in points], indent=2) + "\n")
        (RESULTS / "drivers-curve.md").write_text(curve(points))
        print(curve(points))
        drivers, catalog = folder / f"d{COUNTS[0]}", folder / "new.db"

        def fresh() -> None:
            catalog.unlink(missing_ok=True)

        importing = [OSDIMAGE, "driver", "import", str(drivers), "--catalog", str(catalog), "--quiet"]
        largest = str(folder / f"{COUNTS[-1]}.db")
        listing = [OSDIMAGE, "driver", "list", "--catalog", largest, "--id", "PCI\\VEN_1003&DEV_0001", "--quiet"]
        query = "SELECT DISTINCT section FROM model WHERE folded LIKE 'pci\\ven_1003&dev_0001%'"
        write_report(
            run_pairs(
                [
                    Pair(
                        f"import {COUNTS[0]}; read and hash",
                        importing,
                        [sys.executable, "-c", HASHED, str(drivers)],
                        fresh,
                    ),
                    Pair(f"list of an id among {COUNTS[-1]}; sqlite3", listing, ["sqlite3", largest, query]),
                ],
                runs=RUNS,
            ),
            "drivers",
        )


if __name__ == "__main__":
    main()
