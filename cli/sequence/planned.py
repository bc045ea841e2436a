"""What is seen of the plan of a task sequence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import click
from osdimage.cli import render
from osdimage.cli.guidance.advice import worded
from osdimage.cli.render import Reporter, counted
from osdimage.cli.sequence.folding import common, folded, headings, of_group, span
from osdimage.imaging.errors import quoted
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.planned import PlannedStep, RunPlan
from osdimage.imaging.units import format_size


def show_plan(plan: RunPlan, sequence_file: Path, reporter: Reporter, *, strict: bool) -> None:
    """Print what would happen."""
    problems = plan.problems(strict=strict)
    if reporter.as_json:
        for text in plan.warnings:
            reporter.warn(text)
        render.document(
            {
                "name": plan.name,
                "steps": [_facts(step) for step in plan.steps],
                "counts": plan.counts,
                "first_start": plan.first_start,
                "destroys": plan.destroys,
                "problems": problems,
                "remedies": plan.remedies(strict=strict) if problems else (),
                "unchecked": plan.unchecked,
                "unasked": plan.unasked,
                "firmware": plan.firmware,
                "warnings": plan.warnings,
            },
            kind="run-plan",
        )
        return
    for text in (*_head_and_tree(plan, sequence_file), *_first_start(plan)):
        render.wrapped(text, _HANGING)
    remedies = [worded(each) for each in plan.remedies(strict=strict)] if problems else []
    blocks = (("This will be lost:", plan.destroys), ("It cannot begin:", problems), ("What would help:", remedies))
    for heading, texts in blocks:
        if texts:
            render.line()
            render.line(heading)
            for text in texts:
                render.wrapped(f"  {text}", 2)
    if plan.unchecked:
        render.line()
        render.wrapped(f"Not checked, since no step that runs needs them: packages {', '.join(plan.unchecked)}", 2)
    for text in plan.warnings:
        reporter.warn(text)


def _head_and_tree(plan: RunPlan, sequence_file: Path) -> Iterator[str]:
    counts = ((plan.count(decision), decision) for decision in _COUNTED)
    told = ", ".join(f"{count} {_COUNTED[each]}" for count, each in counts if count or each is Decision.REFUSE)
    yield f"plan for {quoted(plan.name or sequence_file.name)}: {counted(len(plan.steps), 'step')}: {told}"
    if plan.firmware == "bios":
        yield "the computer starts by BIOS"
    yield from _planned_tree(plan)


_HANGING = 4
"""How far in stands what a narrow terminal has no room for in the line of a step."""

_PLAN_MARKS = {
    Decision.RUN: "+",
    Decision.STAGE: ">",
    Decision.LATER: "*",
    Decision.HOLDS: "=",
    Decision.SKIP: "-",
    Decision.LEAVE_OUT: "~",
    Decision.REFUSE: "x",
}
_COUNTED = {
    Decision.RUN: "run now",
    Decision.STAGE: "at first start",
    Decision.LATER: "after it",
    Decision.HOLDS: "true already",
    Decision.SKIP: "skipped",
    Decision.LEAVE_OUT: "left out",
    Decision.REFUSE: "refused",
}


def _planned_tree(plan: RunPlan) -> Iterator[str]:
    shown: tuple[str, ...] = ()
    for steps in folded(plan.steps, lambda step: (step.decision, step.reason or "")):
        groups = common(steps)
        yield from headings(shown, groups)
        shown = groups
        if len(steps) == 1:
            yield from _planned(steps[0])
        else:
            mark = _PLAN_MARKS[steps[0].decision]
            yield f"{'  ' * len(groups)}{mark} {span(steps)}. {of_group(steps[0].reason or '')}"


def _planned(step: PlannedStep) -> Iterator[str]:
    indent = "  " * len(step.groups)
    mark = _PLAN_MARKS[step.decision]
    told = step.does if step.decision in {Decision.RUN, Decision.STAGE} else step.reason
    if step.decision is Decision.LATER and step.does is not None:
        told = f"then {step.does}"
    problems, notes = iter(step.problems), iter(() if step.note is None else (step.note,))
    if step.problems:
        told = f"would fail: {next(problems)}"
    elif told is None:
        told = next(notes, None)
    yield f"{indent}{mark} {step.called}. {step.name}: {told}"
    yield from (f"{indent}     {text}" for text in (*problems, *notes))
    if step.decision is Decision.REFUSE and step.may_fail:
        yield f"{indent}     it may fail: the sequence goes on without it"
    if step.remedy is not None:
        yield f"{indent}     {worded(step.remedy)}"
    yield from (f"{indent}     {text}" for text in step.details)


def _facts(step: PlannedStep) -> dict[str, object]:
    """Return a step for a document; beside ``class``, ``decision`` has the old words for it for one release."""
    facts = {each.name: getattr(step, each.name) for each in dataclasses.fields(step)}
    return {**facts, "class": step.becomes}


def _first_start(plan: RunPlan) -> Iterator[str]:
    """Tell what would be put on the disk for the first start, where it can be."""
    start = plan.first_start
    if start is None or start.problems:
        return
    steps = counted(start.steps, "step") if start.steps else "drivers are installed"
    restarts = f", {counted(start.restarts, 'restart')}" if start.restarts else ""
    yield ""
    yield f"At the first start of Windows, which {start.way} begins: {steps}{restarts}"
    yield f"  {format_size(start.size_bytes)} in \\{start.folder}"
    if start.secrets:
        called = ", ".join(step.called for step in plan.steps if step.number in start.secrets)
        yield f"  IN CLEAR TEXT, until each has ended: secrets of step{'' if len(start.secrets) == 1 else 's'} {called}"


def ask(plan: RunPlan, sequence_file: Path, reporter: Reporter, *, strict: bool) -> None:
    """Show a plan and ask.

    Raises:
        click.UsageError: when nobody is there to be asked.
        click.Abort: when the answer is no.
    """
    reporter.refuse_unattended(f"{plan.destroys[0]} would be lost")
    show_plan(plan, sequence_file, reporter, strict=strict)
    click.confirm("Carry it out?", abort=True, err=True)
