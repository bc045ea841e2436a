"""What ``osdimage run --actions`` and ``--explain`` answer: the steps that are known, their variables, and the YAML."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from osdimage.cli import render
from osdimage.cli.guidance.advice import NAMES
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.result import Action, ActionInfo, VariableInfo

_NARROWEST = 40
_YAML, _ANSWERS = "yaml", "answers"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked in place of a run, which is passed as ``asked``."""

    actions: bool
    explain: str | None

    @property
    def is_asked(self) -> bool:
        """Whether anything is."""
        return self.actions or self.explain is not None

    def answer(self, reporter: Reporter) -> None:
        """Print the answer.

        Raises:
            click.UsageError: when there is no such step, with what may have been meant.
        """
        if self.explain is None:
            _list_actions(reporter)
        elif self.explain.lower() in {_YAML, _ANSWERS}:
            _show_yaml(self.explain.lower(), reporter)
        else:
            _explain(self.explain, reporter)


def _known() -> tuple[tuple[ActionInfo, ...], tuple[ActionInfo, ...]]:
    """Return the steps of which something becomes here, and those that are refused."""
    from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE  # noqa: PLC0415
    from osdimage.imaging.tasksequence.steps.actions import ACTIONS  # noqa: PLC0415 - start-up stays cheap

    return ACTIONS, ELSEWHERE


def _list_actions(reporter: Reporter) -> None:
    known, cannot = _known()
    if reporter.as_json:
        render.document({"actions": [_facts(info) for info in (*known, *cannot)]}, kind="run-actions")
        return
    rows = [
        (info.short, _titled(info), " or ".join(_WAYS[way] for way in _ways(info)), info.destroys or "nothing")
        for info in known
    ]
    render.table(["type", "step", "becomes", "what is lost"], rows)
    render.line()
    others = [(info.short, _titled(info), str(info.step_class), info.why_not or "") for info in cannot]
    render.table(["type", "step that cannot be run here", "class", "why"], others)
    render.line()
    render.line("Types and titles are taken in any case, in YAML and by --leave-out, which takes classes too.")
    render.line("Where and how, with the variables: osdimage run --explain STEP; sequences in YAML: --explain yaml")


_WAYS = {"run": "run now", "true": "true already", "first-start": "at first start"}
"""What can become of a step, as documents and as people call it."""


def _ways(info: ActionInfo) -> tuple[str, ...]:
    """Return what can become of steps of a type, by the words of ``class`` in a plan; none are refused."""
    can = {"run": info.run is not None, "true": info.holds is not None, "first-start": info.stage is not None}
    return tuple(way for way, is_possible in can.items() if is_possible)


def _titled(info: ActionInfo) -> str:
    return "" if info.title == info.short else info.title


def _show_yaml(what: str, reporter: Reporter) -> None:
    from osdimage.imaging.tasksequence.forms import answers, yaml  # noqa: PLC0415 - start-up stays cheap

    grammar = yaml.GRAMMAR if what == _YAML else answers.GRAMMAR
    if reporter.as_json:
        render.document({"grammar": grammar}, kind=f"run-{what}")
        return
    for text in grammar.splitlines():
        render.line(text)
    if what == _YAML:
        render.line()
        render.line("Types: osdimage run --actions; the variables and properties of one: osdimage run --explain TYPE")


def _explain(name: str, reporter: Reporter) -> None:
    from osdimage.imaging.tasksequence.judging.kinds import meant, named, words_of  # noqa: PLC0415
    from osdimage.imaging.tasksequence.judging.known import known_actions  # noqa: PLC0415

    actions = known_actions()
    info = named(name, actions)
    if info is None:
        near = meant(name, (*words_of(actions), _YAML, _ANSWERS))
        listed = "; osdimage run --actions lists all, and yaml and answers explain files"
        raise click.UsageError(f"--explain: there is no step {name}{near or listed}")
    if reporter.as_json:
        render.document({**_facts(info), "variables": list(map(_variable_facts, info.variables))}, kind="run-explain")
        return
    for text in _explained(info):
        render.line(text)


def _facts(info: ActionInfo) -> dict[str, object]:
    return {
        "type": info.short,
        "title": info.title,
        "types": (info.type_name, *info.other_types),
        "runs": info.run is not None,
        "becomes": _ways(info),
        "class": info.step_class,
        "why_not": info.why_not,
        "destroys": info.destroys,
    }


def _variable_facts(variable: VariableInfo) -> dict[str, object]:
    return {
        "name": variable.name,
        "needs": variable.needs,
        "valid": variable.valid,
        "default": variable.default,
        "choices": variable.choices,
        "max_length": variable.max_length,
        "numbers": variable.numbers,
        "is_property": variable.is_property,
        "source": variable.source,
    }


def _explained(info: ActionInfo) -> Iterator[str]:
    yield info.title
    yield from (f"  {name}" for name in (info.type_name, *info.other_types))
    yield ""
    if not info.is_known_here:
        yield f"Cannot be run here: {info.why_not}."
        if info.needs:
            yield f"It is refused where this is not given: {_means(info)}."
        yield f"To leave it out: --leave-out {info.step_class}, or {_quoted(info.short)} alone."
        return
    width = max(_NARROWEST, min(shutil.get_terminal_size().columns, 120))
    for text in _where_and_how(info):
        yield from textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    yield f"What is lost: {info.destroys or 'nothing'}."
    if info.variables:
        yield ""
    longest = max((len(each.name) for each in info.variables), default=0)
    for each in info.variables:
        yield from _row(each, longest, width)
    if info.run is not None:
        yield ""
        yield f"In Python: python3 -m pydoc {_public_name(info.run)}"


def _where_and_how(info: ActionInfo) -> Iterator[str]:
    """Tell where a step is run, staged or taken for true, and what would let it be where it is refused."""
    from osdimage.imaging.tasksequence.phases import Phase  # noqa: PLC0415 - start-up stays cheap

    if info.run is not None:
        *others, last = (phase.called for phase in Phase if phase in info.phases)
        yield f"Run now, on the disks: in {', '.join(others)}{' and ' if others else ''}{last}."
    if info.holds is not None:
        yield "True already: where nothing needs to be done; a plan tells why."
    if info.stage is not None:
        yield "At first start: in the new Windows, by a script that is put on its disk."
    if info.needs:
        yield f"Refused where it needs what is not given: {_means(info)}."
    elif info.why_not is not None:
        yield f"Refused elsewhere: {info.why_not}."
    elif info.refuses is not None:
        yield "Refused where it lacks what its settings need; a plan tells what."


def _means(info: ActionInfo) -> str:
    return ", ".join(NAMES[each].format("NAME") for each in info.needs)


def _quoted(word: str) -> str:
    return f"'{word}'" if " " in word else word


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
