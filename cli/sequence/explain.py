"""What ``osdimage run --actions`` and ``--explain`` print: the steps that are known, and their variables."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.result import Action, ActionInfo, VariableInfo

_NARROWEST = 40


def list_actions(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Print which steps run and what is lost by them, and which are left out; end the command."""
    if not value:
        return
    del param
    from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE  # noqa: PLC0415
    from osdimage.imaging.tasksequence.steps.actions import ACTIONS  # noqa: PLC0415 - start-up stays cheap

    render.table(["step", "what is lost"], [(info.title, info.destroys or "nothing") for info in ACTIONS])
    render.line()
    render.table(["left out", "why"], [(info.title, info.why_not or "") for info in ELSEWHERE])
    render.line()
    render.line("The variables of a step that runs: osdimage run --explain STEP")
    ctx.exit()


def explain(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Print what a step does and its variables; end the command.

    Raises:
        click.BadParameter: when there is no such step, with those that there are.
    """
    if value is None:
        return
    from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE  # noqa: PLC0415
    from osdimage.imaging.tasksequence.steps.actions import ACTIONS  # noqa: PLC0415 - start-up stays cheap

    for info in (*ACTIONS, *ELSEWHERE):
        if value.lower() in _names(info):
            for text in _explained(info):
                render.line(text)
            ctx.exit()
    titles = ", ".join(info.title for info in ACTIONS)
    raise click.BadParameter(f"there is no step {value}; those that run are {titles}", ctx, param)


def _names(info: ActionInfo) -> set[str]:
    """Return what a step may be called, in lower case: its title, its types, and their short form."""
    types = {name.lower() for name in (info.type_name, *info.other_types)}
    short = {name.removeprefix("sms_tasksequence_").removesuffix("action") for name in types}
    return {info.title.lower(), *types, *short}


def _explained(info: ActionInfo) -> Iterator[str]:
    yield info.title
    yield from (f"  {name}" for name in (info.type_name, *info.other_types))
    yield ""
    if info.run is None:
        yield f"Left out: {info.why_not}."
        return
    width = max(_NARROWEST, min(shutil.get_terminal_size().columns, 120))
    yield f"What is lost: {info.destroys or 'nothing'}."
    yield ""
    longest = max(len(each.name) for each in info.variables)
    for each in info.variables:
        yield from _row(each, longest, width)
    yield ""
    yield f"In Python: python3 -m pydoc {_public_name(info.run)}"


def _public_name(run: Action) -> str:
    """Return the name by which programs import an action: that of the face, where it has the action."""
    from osdimage.imaging import tasksequence  # noqa: PLC0415 - start-up stays cheap

    is_public = getattr(tasksequence, run.__name__, None) is run
    return f"{tasksequence.__name__ if is_public else run.__module__}.{run.__name__}"


def _row(variable: VariableInfo, longest: int, width: int) -> Iterator[str]:
    facts = [variable.needs.value]
    if variable.is_property:
        facts.append("property of the step")
    if variable.default is not None:
        facts.append(f"default {variable.default}")
    if variable.max_length is not None:
        facts.append(f"at most {variable.max_length} characters")
    if variable.numbers is not None:
        facts.append(f"{variable.numbers[0]} to {variable.numbers[1]}")
    text = f"{variable.valid} ({'; '.join(facts)})"
    indent = min(longest, width // 2) + 4
    first, *more = textwrap.wrap(
        text, max(_NARROWEST // 2, width - indent), break_long_words=False, break_on_hyphens=False
    )
    name = f"  {variable.name}"
    if len(name) + 2 > indent:
        yield name
        name = ""
    yield name.ljust(indent) + first
    yield from (" " * indent + each for each in more)


explaining = params.add(
    click.option(
        "--actions",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=list_actions,
        help="List the steps that run, and those that are left out.",
    ),
    click.option(
        "--explain",
        metavar="STEP",
        is_eager=True,
        expose_value=False,
        callback=explain,
        help="Show the variables of a step, such as 'Apply Data Image'.",
    ),
)
"""Adds the options that print and end the command."""
