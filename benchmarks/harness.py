"""Time pairs of commands against each other: ours and theirs in turn, medians, and the ratio between them.

::

    with workspace() as folder:
        pair = Pair("version", ours=["osdimage", "--version"], theirs=["python3", "-c", "pass"])
        write_report(run_pairs([pair]), "startup")

See README.md beside this file for what the numbers mean, and ``record.py`` for the results that the site shows.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
WORKSPACE = "osdimage-bench-"
"""What the names of folders for inputs and outputs begin with; a report says WORK in their place."""
PLACE = Path(os.environ.get("BENCH_PLACE", "/dev/shm"))  # noqa: S108 - a folder of its own is made below it

# How the programs that we are measured against say which version they are; some say it on stderr, or exit with 1.
_ASKED = {
    **dict.fromkeys(("7zz", "mkfs.vfat"), "--help"),
    **dict.fromkeys(("mcopy", "mkntfs", "ntfscat", "qemu-img", "sfdisk", "sqlite3", "wimlib-imagex"), "--version"),
}
_VERSION = re.compile(r"\d+(\.\d+)+")


@dataclass(frozen=True)
class Pair:
    """Two commands that do the same work.

    Attributes:
        prepare: called before each run, outside the measured time; it removes what the run before has written.
        makes: the file that both write, the size of which is compared too.
    """

    name: str
    ours: list[str]
    theirs: list[str]
    prepare: Callable[[], None] | None = None
    makes: Path | None = None


@dataclass(frozen=True)
class Run:
    """What one run took, with all processes that the command waited for.

    Attributes:
        load: of the machine in the minute before it.
        made_bytes: the size of what the pair makes; None if it names no file.
    """

    wall_s: float
    user_s: float
    system_s: float
    peak_rss_bytes: int
    load: float
    made_bytes: int | None = None

    @property
    def cpu_s(self) -> float:
        """User and system time together."""
        return self.user_s + self.system_s


@dataclass(frozen=True)
class Result:
    """The runs of one pair."""

    pair: Pair
    ours: tuple[Run, ...]
    theirs: tuple[Run, ...]

    @property
    def wall_ratio(self) -> float:
        """Median time of ours in medians of theirs: below 1, ours is faster."""
        return _median(self.ours, "wall_s") / _median(self.theirs, "wall_s")

    @property
    def cpu_ratio(self) -> float:
        """As :attr:`wall_ratio`, of user and system time; 1 when theirs is too short to be measured."""
        theirs = _median(self.theirs, "cpu_s")
        return _median(self.ours, "cpu_s") / theirs if theirs else 1.0

    @property
    def rss_ratio(self) -> float:
        """As :attr:`wall_ratio`, of peak memory."""
        return _median(self.ours, "peak_rss_bytes") / _median(self.theirs, "peak_rss_bytes")

    @property
    def size_ratio(self) -> float | None:
        """As :attr:`wall_ratio`, of the size of what they make; None if the pair names no file."""
        if self.pair.makes is None:
            return None
        return _median(self.ours, "made_bytes") / _median(self.theirs, "made_bytes")


class CommandFailed(Exception):
    """A measured command did not exit with 0; its time means nothing."""


@contextmanager
def workspace() -> Iterator[Path]:
    """Make a folder for inputs and outputs, on tmpfs or in BENCH_PLACE, and remove it at the end."""
    place = PLACE if PLACE.is_dir() and os.access(PLACE, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=WORKSPACE, dir=place) as folder:
        yield Path(folder)


def run_pairs(pairs: Sequence[Pair], runs: int = 5) -> list[Result]:
    """Run each pair's commands in turn: once each to warm up, then ``runs`` times each to measure.

    Raises:
        CommandFailed: a command exited with something other than 0, or is not there.
    """
    results = []
    for pair in pairs:
        ours: list[Run] = []
        theirs: list[Run] = []
        for _ in range(runs + 1):
            # In turn, so that whatever else the machine does meets both alike.
            for command, measured in ((pair.ours, ours), (pair.theirs, theirs)):
                if pair.prepare is not None:
                    pair.prepare()
                run = measure(command)
                measured.append(run if pair.makes is None else replace(run, made_bytes=pair.makes.stat().st_size))
        results.append(Result(pair, tuple(ours[1:]), tuple(theirs[1:])))
    return results


def measure(command: Sequence[str]) -> Run:
    """Run one command with its output thrown away.

    Raises:
        CommandFailed: it exited with something other than 0, or is not there.
    """
    load = os.getloadavg()[0]
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        except OSError as error:
            raise CommandFailed(f"{shlex.join(command)}: {error.strerror}") from error
        # Popen.wait() would throw the resource usage away.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
            raise CommandFailed(f"{shlex.join(command)}: exit code {process.returncode}: {said[-2000:]}")
    return Run(wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024, load)


def write_report(results: Sequence[Result], name: str) -> None:
    """Write ``results/NAME.json`` and ``results/NAME.md``, and print the table."""
    RESULTS.mkdir(exist_ok=True)
    table = _table(results)
    document = {
        "benchmark": name,
        "machine": _machine(),
        "versions": _versions(results),
        # What was asked for in place of what the benchmark does by itself.
        "options": {key: value for key, value in sorted(os.environ.items()) if key.startswith("BENCH_")},
        "pairs": [
            {
                "name": result.pair.name,
                "wall_ratio": result.wall_ratio,
                "cpu_ratio": result.cpu_ratio,
                "rss_ratio": result.rss_ratio,
                "size_ratio": result.size_ratio,
                "ours": {"command": _told(result.pair.ours), "runs": [asdict(run) for run in result.ours]},
                "theirs": {"command": _told(result.pair.theirs), "runs": [asdict(run) for run in result.theirs]},
            }
            for result in results
        ],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(table, encoding="utf-8")
    print(table)


def _table(results: Sequence[Result]) -> str:
    lines = [
        "| pair | ours s (min-max) | theirs s (min-max) | time | user+sys | peak RSS ours / theirs | size | load |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {result.pair.name} | {_times(result.ours)} | {_times(result.theirs)} | {result.wall_ratio:.2f}x "
        f"| {result.cpu_ratio:.2f}x | {_megabytes(result.ours)} / {_megabytes(result.theirs)} "
        f"| {'' if result.size_ratio is None else f'{result.size_ratio:.3f}x'} "
        f"| {_loads((*result.ours, *result.theirs))} |"
        for result in results
    ]
    return "\n".join(lines) + "\n"


def _times(runs: Sequence[Run]) -> str:
    walls = [run.wall_s for run in runs]
    return f"{statistics.median(walls):.3f} ({min(walls):.3f}-{max(walls):.3f})"


def _megabytes(runs: Sequence[Run]) -> str:
    return f"{_median(runs, 'peak_rss_bytes') / (1 << 20):.0f} MB"


def _loads(runs: Sequence[Run]) -> str:
    return f"{min(run.load for run in runs):.1f}-{max(run.load for run in runs):.1f}"


def _median(runs: Sequence[Run], field: str) -> float:
    return float(statistics.median(getattr(run, field) for run in runs))


def _machine() -> dict[str, object]:
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "kernel": platform.release(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        # A command's peak RSS is never below this: the kernel counts the moment before it replaces this process.
        "rss_floor_bytes": measure(["true"]).peak_rss_bytes,
    }


def _told(command: Sequence[str]) -> list[str]:
    """Return a command without the folders of this machine."""
    folder = re.compile(rf"[^\s'\"=]*/{WORKSPACE}\w+")
    near = re.compile("|".join(re.escape(f"{each}/") for each in (Path(sys.executable).parent, ROOT)))
    return [near.sub("", folder.sub("WORK", word)) for word in command]


def _versions(results: Sequence[Result]) -> dict[str, str]:
    """Return the version of osdimage, of Python, and of each other program that a command names and that tells one."""
    words = {word for result in results for word in re.findall(r"[\w.-]+", " ".join(result.pair.theirs))}
    versions = {"osdimage": version("osdimage"), "python": platform.python_version()}
    for program in sorted(words & _ASKED.keys()):
        asked = subprocess.run([program, _ASKED[program]], check=False, capture_output=True, text=True)
        found = _VERSION.search(asked.stdout + asked.stderr)
        if found is not None:
            versions[program] = found[0]
    return versions


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
