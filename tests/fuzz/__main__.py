"""Fuzz every parser for some minutes: ``make fuzz MINUTES=n``.

Each target gets an equal share of the time, in a process of its own that Atheris watches: an input that raises what the
target does not promise, takes more than ten seconds or two gigabytes, or ends the process, is kept in ``FOLDER/found``
and told with the command that repeats it.  What has led to new places is kept in ``FOLDER/corpus``, and is where the
next run begins.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fuzz.registry import TARGETS
from fuzz.target import Target

_ROOT = Path(__file__).parents[2]
_INPUTS = Path(__file__).parent / "inputs"
# Where there is one, no disk is worn out by some million files.
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a private name is made in it
_INPUT_SECONDS = 10
_MEMORY_MIB = 2048
# Starting takes some seconds, which come on top.
_LEAST_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Result:
    """What a process of a target has left: how often it read an input, and what it found."""

    target: Target
    runs: int
    found: tuple[Path, ...]
    log: Path
    code: int


def main() -> int:
    """Run the targets; 0 when nothing was found."""
    given = _arguments()
    if importlib.util.find_spec("atheris") is None:
        told = "Atheris is not installed: pip install '.[fuzz]'; there are wheels for CPython 3.11 to 3.13 on x86-64"
        print(told, file=sys.stderr)
        return 2
    seconds = max(_LEAST_SECONDS, round(given.minutes * 60 * given.jobs / len(given.names)))
    print(
        f"{len(given.names)} targets, {seconds} s each, {given.jobs} at a time; everything is in {given.folder}",
        flush=True,
    )
    with ThreadPoolExecutor(given.jobs) as pool:
        running = [pool.submit(_fuzz, TARGETS[name], given.folder, seconds) for name in given.names]
        results = []
        for each in running:
            results.append(each.result())
            _tell(results[-1])
    failed = sum(bool(each.found) or each.code != 0 for each in results)
    print(f"{sum(each.runs for each in results):,} inputs read, {failed} of {len(results)} targets failed")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(TARGETS), metavar="TARGET", help="of all, only these")
    parser.add_argument("--minutes", type=float, default=10, help="of all targets together (default 10)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a processor)")
    parser.add_argument("--folder", type=Path, default=_ROOT / "build" / "fuzz", help="for inputs and logs")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(TARGETS))
    if unknown or given.jobs < 1:
        parser.error(f"no target {unknown[0]}; there are {', '.join(TARGETS)}" if unknown else "--jobs is 1 or more")
    given.folder = given.folder.absolute()
    return given


def _fuzz(target: Target, folder: Path, seconds: int) -> Result:
    corpus, found, log = (folder / kind / target.name for kind in ("corpus", "found", "logs"))
    for each in (corpus, found, log.parent):
        each.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    known = set(found.iterdir())
    options = {
        "max_total_time": seconds,
        "max_len": target.largest,
        "timeout": _INPUT_SECONDS,
        "rss_limit_mb": _MEMORY_MIB,
        "artifact_prefix": f"{found}/",
        "print_final_stats": 1,
        # Inputs of the largest size from the start: the seeds are what parsers understand already.
        "len_control": 0,
    }
    command = [sys.executable, "-m", "fuzz.one", target.module, target.name]
    command += [f"-{name}={value}" for name, value in options.items()]
    folders = [str(each) for each in (corpus, _INPUTS / target.name) if each.is_dir()]
    # libFuzzer ends a process without its clean-up.
    scratch = tempfile.TemporaryDirectory(prefix="osdimage-fuzz-", dir=_MEMORY)
    with log.open("wb") as file, scratch as temporary:
        done = subprocess.run(
            [*command, *folders], stdout=file, stderr=subprocess.STDOUT, check=False, env=_environment(temporary)
        )
    new = tuple(sorted(each for each in found.iterdir() if each not in known))
    return Result(target, _runs(log), new, log, done.returncode)


def _environment(temporary: str) -> dict[str, str]:
    paths = (str(_ROOT / "tests"), os.environ.get("PYTHONPATH", ""))
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "TMPDIR": temporary}


def _runs(log: Path) -> int:
    for line in reversed(log.read_text(encoding="utf-8", errors="replace").splitlines()):
        if line.startswith("stat::number_of_executed_units:"):
            return int(line.split()[-1])
    return 0


def _tell(result: Result) -> None:
    state = "ok" if not result.found and result.code == 0 else f"failed, see {result.log}"
    print(f"{result.target.name:20} {result.runs:>10,} inputs  {state}", flush=True)
    for path in result.found:
        command = shlex.join([sys.executable, "-m", "fuzz.repeat", result.target.name, str(path)])
        print(f"    PYTHONPATH={shlex.quote(str(_ROOT / 'tests'))} {command}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
