"""What is seen of the plan of a task sequence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from osdimage.cli import render
from osdimage.cli.guidance.advice import worded
from osdimage.cli.render import Reporter, counted
from osdimage.cli.sequence.folding import common, folded, headings, of_group, span
from osdimage.imaging.errors import quoted
from osdimage.imaging.tasksequence.judging.judge import Decision
from osdimage.imaging.tasksequence.plan import PlannedStep, RunPlan


def show_plan(plan: RunPlan, sequence_file: Path, reporter: Reporter, *, strict: bool) -> None:
    """Print what would happen."""
    problems = plan.problems(strict=strict)
    if reporter.as_json:
        for text in plan.warnings:
            reporter.warn(text)
        render.document(
            {
                "name": plan.name,
                "steps": plan.steps,
                "destroys": plan.destroys,
                "problems": problems,
                "unchecked": plan.unchecked,
                "firmware": plan.firmware,
                "warnings": plan.warnings,
            },
            kind="run-plan",
        )
        return
    for text in _head_and_tree(plan, sequence_file):
        render.line(text)
    for heading, texts in (("This will be lost:", plan.destroys), ("It cannot begin:", problems)):
        if texts:
            render.line()
            render.line(heading)
            for text in texts:
                render.line(f"  {text}")
    remedy = plan.remedy_for(strict=strict)
    if problems and remedy is not None:
        render.line(f"  {worded(remedy)}")
    if plan.unchecked:
        render.line()
        render.line(f"Not checked, since no step that runs needs them: packages {', '.join(plan.unchecked)}")
    for text in plan.warnings:
        reporter.warn(text)


def _head_and_tree(plan: RunPlan, sequence_file: Path) -> Iterator[str]:
    counts = ((plan.count(decision), word) for decision, word in _COUNTED.items())
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    yield f"plan for {quoted(plan.name or sequence_file.name)}: {counted(len(plan.steps), 'step')}: {told or 'none'}"
    if plan.firmware == "bios":
        yield "the computer starts by BIOS"
    yield from _planned_tree(plan)


_PLAN_MARKS = {
    Decision.RUN: "+",
    Decision.STAGE: ">",
    Decision.HOLDS: "=",
    Decision.SKIP: "-",
    Decision.LEAVE_OUT: "~",
    Decision.REFUSE: "x",
}
_COUNTED = {
    Decision.RUN: "run now",
    Decision.STAGE: "at first start",
    Decision.HOLDS: "true already",
    Decision.SKIP: "skipped",
    Decision.LEAVE_OUT: "left out",
    Decision.REFUSE: "refused",
}


def _planned_tree(plan: RunPlan) -> Iterator[str]:
    shown: tuple[str, ...] = ()
    for steps in folded(plan.steps, lambda step: step.reason):
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
    yield f"{indent}{mark} {step.number}. {step.name}: {step.does if step.decision is Decision.RUN else step.reason}"
    if step.note is not None:
        yield f"{indent}     {step.note}"
    yield from (f"{indent}     {text}" for text in step.details)


def ask(plan: RunPlan, sequence_file: Path, reporter: Reporter, *, strict: bool) -> None:
    """Show a plan and ask.

    Raises:
        click.UsageError: when nobody is there to be asked.
        click.Abort: when the answer is no.
    """
    reporter.refuse_unattended(f"{plan.destroys[0]} would be lost")
    show_plan(plan, sequence_file, reporter, strict=strict)
    click.confirm("Carry it out?", abort=True, err=True)
