"""What is seen of a task sequence that has run: how each of its steps ended."""

from __future__ import annotations

import dataclasses
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from osdimage.cli import render
from osdimage.cli.render import Reporter, counted
from osdimage.cli.sequence.folding import common, folded, headings, of_group, span
from osdimage.cli.streams import one_line, say
from osdimage.imaging.tasksequence.report import RunEnd, RunReport, StepState

_WORDS = {
    StepState.SUCCEEDED: "done",
    StepState.FAILED: "FAILED",
    StepState.TOLERATED: "failed, goes on",
    StepState.SKIPPED: "skipped",
    StepState.LEFT_OUT: "left out",
    StepState.NOT_RUN: "not run",
}

_OTHERS = {
    StepState.FAILED: "failed",
    StepState.LATER: "after it",
    StepState.SKIPPED: "skipped",
    StepState.NOT_RUN: "not run",
}


def show_report(report: RunReport, path: Path, words: tuple[str, ...], reporter: Reporter) -> None:
    """Print how the steps ended.

    Args:
        report: it.
        path: of the file of the sequence, or of the medium, which the sequence is called by when it has no name.
        words: what said on the command line which sequence it was.
        reporter: says how it is printed.
    """
    if reporter.as_json:
        facts = {each.name: getattr(report, each.name) for each in dataclasses.fields(report)}
        more = {"succeeded": report.succeeded, "left_out": report.left_out, "waiting": report.waiting}
        render.document({**facts, **more, "counts": report.counts})
        return
    if not reporter.quiet:
        render.table(["", "step", "result", "code", "time", ""], _rows(report), right=(0, 4), cut=True, below=8)
        render.line()
        render.wrapped(f"{report.name or path.name}: {_end(report)}", 2)
        if report.first_start:
            render.line(report.first_start)
        if report.waiting and report.end is RunEnd.DONE:
            render.note("when the disk was started and shut down, osdimage run --collect DISK tells how they ended")
    if report.end is RunEnd.PAUSED and report.state_file is not None and not reporter.quiet:
        render.note("start this computer; when its first start has ended, run Sysprep in it, which shuts it down")
        render.note(f"{how_to_go_on(words, report.state_file)} --collected")
    if report.end is not RunEnd.FAILED:
        return
    failed = next((step for step in reversed(report.steps) if step.state is StepState.FAILED), None)
    why = "" if failed is None else f": {failed.message}"
    say(one_line(f"{report.message}{why} (0x{report.code:08X})"))
    if report.state_file is not None and not reporter.quiet:
        render.note(how_to_go_on(words, report.state_file))


def _end(report: RunReport) -> str:
    """Say how a run ended, with counts that are all steps.

    It succeeded only when steps ran, and none was left out or failed.
    """
    counts = Counter(step.state for step in report.steps)
    done, failed = counts[StepState.SUCCEEDED], counts[StepState.TOLERATED]
    left_out = f", {counted(report.left_out, 'step')} left out" if report.left_out else ""
    passed_over = f", {counted(failed, 'step')} failed and passed over" if failed else ""
    if report.end is RunEnd.FAILED:
        word, ran = "FAILED", "done"
    elif report.end is RunEnd.PAUSED:
        word, ran = "paused for the first start", "done"
    elif left_out or passed_over or not (done or report.waiting or counts[StepState.HOLDS]):
        word, ran = "done", "ran"
    else:
        word, ran = "succeeded", "done"
    took = sum(step.seconds for step in report.steps)
    waits = "waits" if report.waiting == 1 else "wait"
    waiting = f", {report.waiting} {waits} for the first start" if report.waiting else ""
    true = f", {counts[StepState.HOLDS]} true already" if counts[StepState.HOLDS] else ""
    others = "".join(f", {counts[state]} {word}" for state, word in _OTHERS.items() if counts[state])
    restarts = f", {counted(report.restarts, 'restart')} recorded" if report.restarts else ""
    return (
        f"{word}{left_out}{passed_over}, {counted(done, 'step')} {ran}{true}{waiting}{others} ({took:.1f} s){restarts}"
    )


def how_to_go_on(words: tuple[str, ...], state_file: Path) -> str:
    """Say how a run that stopped is resumed; ``words`` are as in :func:`show_report`."""
    return f"to go on: osdimage run {shlex.join((*words, '--resume', str(state_file)))}"


def _rows(report: RunReport) -> Iterator[tuple[str, ...]]:
    shown: tuple[str, ...] = ()
    passed = {StepState.SKIPPED, StepState.LEFT_OUT}
    for steps in folded(report.steps, lambda step: (step.state, step.message if step.state in passed else "")):
        groups = common(steps)
        yield from (("", heading, "", "", "", "") for heading in headings(shown, groups))
        shown = groups
        step = steps[0]
        word = _WORDS.get(step.state, step.state.value)
        if len(steps) > 1:
            yield span(steps), "  " * len(groups) + counted(len(steps), "step"), word, "", "", of_group(step.message)
            continue
        code = "" if step.code is None else f"0x{step.code:08X}"
        took = f"{step.seconds:.1f} s" if step.tries else ""
        yield step.called, "  " * len(groups) + step.name, word, code, took, step.message
