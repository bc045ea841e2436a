# ruff: noqa: T201 - it is a command of its own
"""Every command that writes, with a fault at each of its calls; what is there afterwards is judged by foreign programs.

``make faults`` runs all of it on all cores and prints a table::

    python -m runs.fault_matrix [--only TEXT] [--fault NAME] [--at N] [--sample N] [--jobs N]

A run is right when

* the target is as it was, or as the whole command leaves it, or says by itself that it is not finished;
* the message and the exit code are true: refused (2, 3, 4) or "nothing" only where no byte differs, done (0) only where
  all is done;
* after an error nothing stays that is no result; and
* the same command again, or with what the messages advise, ends the work and leaves nothing else.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cases.writing import Observed, Unfinished, Writing, digest, make_material, writings

from runs.faults import FAULTS, Action, Call, Ended, Fault, Faulty, Kind, faulty

_REFUSED = {2, 3, 4}
_UNCHANGED = re.compile(
    r"nothing (on (?P<target>\S+) )?was (changed|written)|is as it was|was not made|not written:|"
    r"cut back to what it held before"
)
# Of a volume, of which only bytes that nothing uses may be others.
_FILES_UNCHANGED = re.compile(r"the files in (?P<target>\S+) .*are as they were|the files in .* are as they were")


_ENDS = 5
_CRASHED = 99
_TEMPORARY = "/tmp/"  # noqa: S108 - in the folder of the command


class State(StrEnum):
    """What a command left."""

    OLD = "old"
    NEW = "new"
    UNFINISHED = "unfinished"


class Violation(Exception):
    """A run that was not right."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found at one command with one fault: outcomes with how often, and violations with how to repeat them."""

    writing: str
    fault: str
    calls: int
    outcomes: Counter[str]
    violations: list[str] = field(default_factory=list)


class Trial:
    """One command, and what it does when nothing fails."""

    def __init__(self, writing: Writing, faults: Faulty, material: Path, folder: Path) -> None:
        """Run it once without a fault."""
        self.writing = writing
        self._faults = faults
        self._material = material
        self._folder = folder
        writing.prepare(material, folder)
        self._old_bytes = _results_of(folder)
        self._cannot_remove = False
        self._old = writing.observe(folder)
        ended = faults.run(writing.arguments, folder)
        if ended.code != 0:
            raise Violation(f"{writing.name} without a fault: {_told(ended)}")
        self.calls = ended.calls
        self._new = writing.observe(folder)
        if self._new == self._old or writing.strangers(folder):
            raise Violation(f"{writing.name} without a fault: no change, or strangers {writing.strangers(folder)}")

    def moments(self, fault: Fault) -> list[int]:
        """Return the calls that a fault is for."""
        temporary = [number for number, call in enumerate(self.calls) if _is_temporary(call)]
        # mkntfs writes hundreds of pieces into a file without a name, one like the other.
        passed = set(temporary[_ENDS:-_ENDS])
        return [number for number, call in enumerate(self.calls) if call.kind in fault.kinds and number not in passed]

    def run(self, fault: Fault, at: int) -> str:
        """Run the command with a fault, judge what it left, run it again, and return the outcome.

        Raises:
            Violation: when it is not right.
        """
        self.writing.prepare(self._material, self._folder)
        ended = self._faults.run(self.writing.arguments, self._folder, at=at, fault=fault)
        if not ended.hits:
            return "not reached"
        self._cannot_remove = fault.stays or ended.calls[at].kind is Kind.UNNAME
        state = self._judge(fault, at, ended)
        self._repeat(state, ended)
        return f"{ended.code}: {state}"

    def _state(self, told: str) -> State:
        try:
            seen = self.writing.observe(self._folder)
        except Unfinished:
            return State.UNFINISHED
        except Exception as error:
            # Also what a judge in Python stumbles over.  On a disk that is made anew old volumes may show, and while it
            # is made to start a boot sector and its copy differ.
            if self.writing.boots and self._does_not_start():
                return State.UNFINISHED
            raise Violation(f"a judge finds a fault: {' '.join(repr(error).split())[:600]}\n    {told}") from error
        if seen == self._new:
            return State.NEW
        if seen == self._old:
            return State.OLD
        if self.writing.partial and _is_between(seen, self._old, self._new):
            return State.UNFINISHED
        if self.writing.boots and self._does_not_start():
            return State.UNFINISHED
        raise Violation(f"neither old nor new: {_difference(seen, self._old, self._new)}\n    {told}")

    def _does_not_start(self) -> bool:
        return self._faults.run(("boot", "check", *self.writing.started), self._folder).code in {1, 3}

    def _judge(self, fault: Fault, at: int, ended: Ended) -> State:
        told = _told(ended)
        killed = ended.code == -signal.SIGKILL
        if ended.code < 0 and not killed:
            raise Violation(f"hung, or ended by a signal: {told}")
        if ended.code == _CRASHED or "Traceback" in ended.err:
            raise Violation(f"a traceback: {told}")
        left = _results_of(self._folder)
        state = self._state(told)
        if not killed:
            problem = self._leftovers(ended, state) or self._untruth(fault, at, ended, state, left)
            if problem is not None:
                raise Violation(f"{problem}: {told}")
        return state

    def _leftovers(self, ended: Ended, state: State) -> str | None:
        """Say what is there that is no result, and could have been removed or named."""
        strangers = self.writing.strangers(self._folder)
        can_remove = not self._cannot_remove
        if strangers and can_remove:
            return f"left {strangers}"
        if any(name not in ended.err for name in strangers if not name.startswith("tmp/")):
            return f"left {strangers} without a word"
        is_begun = "not written to its end" in ended.err
        if ended.code and state is State.OLD and can_remove and self._is_new_name() and not is_begun:
            return "left what it made"
        return None

    def _untruth(self, fault: Fault, at: int, ended: Ended, state: State, left: dict[str, object]) -> str | None:
        """Say what of the message and the exit code is not true."""
        if ended.code == 0 and state is not State.NEW:
            return f"done, but {state}"
        if ended.code == 0 and self._must_fail(fault, at, ended):
            return f"done, although {ended.calls[at]} failed"
        if ended.code and not ended.err.strip():
            return "no message"
        if ended.code in _REFUSED and left != self._old_bytes:
            return "refused, but bytes differ"
        unchanged = _FILES_UNCHANGED.search(ended.err)
        # Of a volume that an earlier step, or an image that was applied, has changed, it is that which is as it was.
        earlier = ("the image is applied to", "step 2 of ")
        is_of_old = unchanged and not self.writing.boots and not any(each in ended.err for each in earlier)
        if unchanged and is_of_old and state is not State.OLD and not self._is_old(unchanged["target"]):
            return f"says that files are as they were, but {state}"
        said = _UNCHANGED.search(ended.err)
        if said and len(self.writing.judges) > 1 and said["target"] in self.writing.judges:
            # Of several results it is about this one.
            is_changed = left.get(said["target"]) != self._old_bytes.get(said["target"])
        else:
            is_changed = said is not None and self._is_changed(left)
        return f"says {said[0]!r}, but bytes differ" if said and is_changed else None

    def _is_changed(self, left: dict[str, object]) -> bool:
        """Tell whether anything is not as it was, but for what is saved before a disk is changed."""
        new = {name for name in left if name not in self._old_bytes and name.startswith(self.writing.saved)}
        return {name: each for name, each in left.items() if name not in new} != self._old_bytes

    def _is_old(self, name: str | None) -> bool:
        """Tell whether one of several results is as it was, whatever became of the others."""
        if name not in self.writing.judges or len(self.writing.judges) == 1:
            return False
        try:
            return self.writing.judges[name](self._folder / name) == self._old.get(name)
        except Unfinished:
            return False

    def _is_new_name(self) -> bool:
        """Tell whether there is a result that was not there before, although nothing is in it."""
        return any((self._folder / name).exists() for name in self.writing.judges if name not in self.writing.files)

    def _must_fail(self, fault: Fault, at: int, ended: Ended) -> bool:
        """Tell whether a fault is one that nobody may take for a success."""
        if fault.action is Action.SHORT or "warning: " in ended.err:
            return False
        call = ended.calls[at]
        if self.writing.by_sqlite and call.kind is Kind.SYNC and not call.path:
            return False
        return call.kind in {Kind.WRITE, Kind.SYNC} and not call.path.startswith(_TEMPORARY)

    def _repeat(self, state: State, ended: Ended) -> None:
        """Run the same command again; where it is refused, as the messages advise."""
        again = self._faults.run(self.writing.arguments, self._folder)
        told = f"{_told(ended)}\n    again: {_told(again)}"
        if state is State.NEW:
            # It is done, and may say so (the name is taken, there is nothing to delete), or be done twice (--append).
            with suppress(Unfinished):
                self.writing.observe(self._folder)
            self._refuse_strangers(told)
            return
        for cure in self.writing.cures:
            if again.code == 0:
                break
            again = self._faults.run((*self.writing.arguments, *cure), self._folder)
            told += f"\n    with {' '.join(cure)}: {_told(again)}"
            if again.code == 0 and "--wipe" in cure:
                # What was there is gone with it, as was asked for.
                self.writing.observe(self._folder)
                return
        if again.code != 0 and self.writing.keeps and "inconsistent" in again.err:
            return
        if again.code != 0:
            raise Violation(f"after {state} not to be ended: {told}")
        after = self._state(told)
        if after is State.UNFINISHED and self.writing.cures and "marked dirty" in again.err + again.out:
            self._refuse_strangers(told)
            return
        if after is not State.NEW and state is not State.NEW:
            raise Violation(f"after {state} ended, but {after}: {told}")
        self._refuse_strangers(told)

    def _refuse_strangers(self, told: str) -> None:
        strangers = self.writing.strangers(self._folder)
        if self._cannot_remove:
            # The next one that works there sweeps it up, and the same command again need not come so far.
            strangers = [name for name in strangers if not name.startswith("tmp/")]
        if strangers:
            raise Violation(f"still there: {strangers}: {told}")


def _results_of(folder: Path) -> dict[str, object]:
    """Return the bytes of all but temporary files: Python itself tries whether it can write such a one."""
    found = digest(folder)
    if not isinstance(found, dict):
        raise TypeError(f"{folder} is a folder")
    return {name: each for name, each in found.items() if not name.startswith("tmp/")}


def _is_temporary(call: Call) -> bool:
    return call.kind is Kind.WRITE and call.path.startswith(_TEMPORARY) and call.path.endswith("(deleted)")


def _is_between(seen: Observed, old: Observed, new: Observed) -> bool:
    """Tell whether all that differs are files of a folder that is filled, or whole volumes of a disk."""
    return all(
        value == new[name]
        or isinstance(value, dict)
        or value == old.get(name)
        or _is_mixture(value, old.get(name), new[name])
        for name, value in seen.items()
    )


def _is_mixture(disk: object, old: object, new: object) -> bool:
    """Tell whether each volume of a disk is the old or the new one; see ``as_disk``."""
    if not (isinstance(disk, tuple) and isinstance(old, tuple) and isinstance(new, tuple)):
        return False
    *table, volumes = disk
    return table in (list(old[:-1]), list(new[:-1])) and all(
        each in pair for each, pair in zip(volumes, zip(old[-1], new[-1], strict=True), strict=True)
    )


def _told(ended: Ended) -> str:
    return f"exit {ended.code}, {' '.join(ended.err.split())[:700]}"


def _difference(seen: Observed, old: Observed, new: Observed) -> str:
    parts = []
    for name in sorted({*seen, *new}):
        mine = seen.get(name)
        if mine not in (old.get(name), new.get(name)):
            parts.append(f"{name}: {str(mine)[:300]} / old {str(old.get(name))[:300]} / new {str(new.get(name))[:300]}")
    return "; ".join(parts) or f"a mixture: {sorted(seen)}"


# ---- many of them


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the matrix is run: names of commands and faults that hold a text, one call, or a sample of all."""

    only: str = ""
    faults: tuple[str, ...] = tuple(FAULTS)
    at: int | None = None
    sample: int | None = None
    seed: int = 0


def run_writing(name: str, wish: Wish, material: Path) -> list[Report]:
    """Run one command with all faults, in a process of its own."""
    writing = next(each for each in writings() if each.name == name)
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        (folder / "shim").mkdir()
        with faulty(folder / "shim") as faults:
            return list(_reports(Trial(writing, faults, material, folder / "work"), wish))
    except Violation as error:
        return [Report(name, "none", 0, Counter(), [str(error)])]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reports(trial: Trial, wish: Wish) -> Iterator[Report]:
    rng = random.Random(f"{wish.seed} {trial.writing.name}")
    cells = [(name, at) for name in wish.faults for at in trial.moments(FAULTS[name]) if wish.at in {None, at}]
    if wish.sample is not None and len(cells) > wish.sample:
        cells = sorted(rng.sample(cells, wish.sample), key=lambda cell: list(FAULTS).index(cell[0]))
    for name in wish.faults:
        moments = [at for fault, at in cells if fault == name]
        report = Report(trial.writing.name, name, len(moments), Counter())
        for at in moments:
            try:
                report.outcomes[trial.run(FAULTS[name], at)] += 1
            except Violation as error:
                report.outcomes["VIOLATION"] += 1
                report.violations.append(
                    f"{trial.writing.name!r} with {name!r} at call {at}, {trial.calls[at]}:\n    {error}"
                )
        if moments:
            yield report


def row(report: Report) -> str:
    """Return a line of the table."""
    outcomes = ", ".join(f"{count} x {outcome}" for outcome, count in sorted(report.outcomes.items()))
    return f"{report.writing:36} {report.fault:10} {report.calls:5}  {outcomes}"


def _run_all(wish: Wish, jobs: int, folder: Path) -> int:
    material = folder / "material"
    material.mkdir()
    make_material(material)
    chosen = [each.name for each in writings() if wish.only in each.name]
    began, runs, violations = time.monotonic(), 0, []
    print(f"{'command':36} {'fault':10} calls  outcomes: exit code (or signal) and state of the target")
    with ProcessPoolExecutor(jobs) as pool:
        for reports in pool.map(run_writing, chosen, [wish] * len(chosen), [material] * len(chosen)):
            for report in reports:
                print(row(report), flush=True)
                runs += report.calls
                violations += [(report, text) for text in report.violations]
    for report, text in violations:
        at = re.search(r"at call (\d+)", text)
        again = f"--only '{report.writing}' --fault '{report.fault}' --at {at[1] if at else 0}"
        print(f'\n{text}\n    make faults FAULTS_ARGS="{again}"')
    print(f"\n{len(chosen)} commands, {runs} faults, {len(violations)} violations, {time.monotonic() - began:.0f} s")
    return 1 if violations else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the matrix, or a part of it; return 1 when something was not right."""
    parser = argparse.ArgumentParser(prog="make faults", description=main.__doc__)
    parser.add_argument("--only", default="", help="commands whose name holds this")
    parser.add_argument("--fault", action="append", choices=list(FAULTS), help="this fault only; repeatable")
    parser.add_argument("--at", type=int, help="at this call only")
    parser.add_argument("--sample", type=int, help="so many calls of each command, drawn over all faults")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=2, help="commands at once")
    wanted = parser.parse_args(arguments)
    wish = Wish(wanted.only, tuple(wanted.fault or FAULTS), wanted.at, wanted.sample, wanted.seed)
    place = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(prefix="osdimage-faults-", dir=place if place.is_dir() else None) as folder:
        tempfile.tempdir = folder
        with suppress(KeyboardInterrupt):
            return _run_all(wish, wanted.jobs, Path(folder))
    return 130


if __name__ == "__main__":
    sys.exit(main())
