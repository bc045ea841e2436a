"""Which steps of a sequence may run from stand-alone media, and which packages they need, on whatever computer.

Nobody knows yet what the computers are: a step counts unless it is disabled, or its condition cannot hold on such media
(``_SMSTSMediaType notEquals FullMedia``), whatever the computer.  Source: "Task Sequence Built-in Variables" of
Operating System Deployment in Configuration Manager 2007: ``_SMSTSAdvertID`` and ``_SMSTSClientGUID`` are not set on
stand-alone media.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from osdimage.imaging.errors import OsdImageError, quoted
from osdimage.imaging.tasksequence.conditions import evaluate
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import comma_list
from osdimage.imaging.tasksequence.judging.judgement import around, groups_of, numbered
from osdimage.imaging.tasksequence.judging.kinds import ActionTable, find_action
from osdimage.imaging.tasksequence.result import ActionInfo
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step

FULL_MEDIA = "FullMedia"
"""``_SMSTSMediaType`` of stand-alone media."""
_KNOWN_ON_MEDIA = frozenset({"_smstsmediatype", "_smstsadvertid", "_smstsclientguid"})
_LISTS = ("OSDDownloadDownloadPackages",)
_LISTED_PROGRAM = re.compile(r"([A-Z0-9]{1,64}):.+", re.DOTALL)
_MOST_LISTED = 999


@dataclass(frozen=True, slots=True)
class MediaStep:
    """A step that may run from the media.

    Attributes:
        number: from 1, over all steps of the sequence.
        label: what messages call it.
        step: it.
        info: what is known of its type, or None.
        packages: the IDs of those that it needs.
        unclear: texts that name packages by variables which are not known yet.
    """

    number: int
    label: str
    step: Step
    info: ActionInfo | None
    packages: tuple[str, ...]
    unclear: tuple[str, ...] = ()


def steps_on_media(sequence: Sequence, env: Environment, actions: ActionTable) -> tuple[MediaStep, ...]:
    """Return the steps that may run from stand-alone media, in their order.

    Args:
        sequence: the task sequence.
        env: what is known before the first step, with ``_SMSTSMediaType``.
        actions: what is known of types of steps.
    """
    groups, labels = groups_of(sequence), sequence.labels
    is_out = {place: _never_runs(group, env) for place, group in groups.items()}
    listed = _Listed(sequence.packages)
    found = []
    for index, (place, step) in enumerate(numbered(sequence)):
        if any(is_out[each] for each in around(place)) or _never_runs(step, env):
            continue
        info = find_action(step, actions)
        named = dict.fromkeys(_named(step, info, env, listed))
        found.append(
            MediaStep(
                index + 1,
                f"step {labels[index]} {quoted(env.mask(step.name))}",
                step,
                info,
                tuple(each for each in named if "%" not in each),
                tuple(env.mask(each) for each in named if "%" in each),
            )
        )
    return tuple(found)


def _never_runs(member: Group | Step, env: Environment) -> bool:
    """Tell whether a member is disabled, or its condition cannot hold on stand-alone media."""
    if member.is_disabled:
        return True
    verdict = evaluate(member.condition, env, _unknown_yet)
    return verdict.is_known and not verdict.holds


def _unknown_yet(name: str) -> str | None:
    return None if name in _KNOWN_ON_MEDIA else f"{name}, which only the run knows"


class _Listed:
    """The packages that a sequence says it refers to, wherever a step names one."""

    def __init__(self, packages: Iterable[str]) -> None:
        self._names = {each.lower(): each for each in packages}
        any_of = "|".join(map(re.escape, sorted(self._names, key=len, reverse=True)))
        self._pattern = re.compile(rf"(?<![a-z0-9])(?:{any_of})(?![a-z0-9])") if any_of else None

    def within(self, text: str) -> Iterator[str]:
        if self._pattern is not None:
            yield from (self._names[each] for each in self._pattern.findall(text.lower()))


def _named(step: Step, info: ActionInfo | None, env: Environment, listed: _Listed) -> Iterator[str]:
    """Yield the packages that a step names, and texts with ``%`` that name some."""
    try:
        with env.step_defaults(step.defaults, step.told):
            if info is not None:
                yield from info.packages_named(env).values()
                yield from () if info.more_packages is None else info.more_packages(env)
            for name in _LISTS:
                yield from comma_list(env.text(name) or "")
            yield from _programs(env)
            for text in (*env.properties.values(), *(env.text(name) or "" for name in step.defaults)):
                yield from listed.within(text)
    except OsdImageError:
        # What is wrong with a step, the rehearsal tells.
        yield from listed.within(" ".join((*step.told.values(), *step.defaults.values())))


def _programs(env: Environment) -> Iterator[str]:
    """Yield the packages of a list of programs, ``BASE001`` and those after it, as far as it is known."""
    base = env.properties.get("BaseVariableName")
    for number in range(1, _MOST_LISTED + 1) if base else ():
        value = env.text(f"{base}{number:03}")
        if value is None:
            return
        match = _LISTED_PROGRAM.fullmatch(value)
        if match is not None:
            yield match[1]
