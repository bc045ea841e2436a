"""Secrets in what a step would put on the disk."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.staging.commands import unescaped
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedCondition


def texts_of(command: StagedCommand, conditions: tuple[StagedCondition, ...] = ()) -> Iterator[str]:
    """Yield all that a step puts on the disk as text: lines and scripts as they are written, and what they say."""
    lines = (*command.lines, *(line for each in conditions for line in each.lines))
    for text in (*lines, *(each.text for each in command.files)):
        yield text
        yield _unquoted(text)
        yield from map(unescaped, text.split("\n"))


def _unquoted(text: str) -> str:
    """Return what the literals of PowerShell in a text say, where quotes are written as two, or as their code."""
    return text.replace("'+[char]34+'", '"').replace("''", "'")


def holds_secret(env: Environment, command: StagedCommand, conditions: tuple[StagedCondition, ...] = ()) -> bool:
    """Tell whether what a step puts on the disk holds a value that must not be shown."""
    return any(env.mask(text) != text for text in texts_of(command, conditions))


def secrets_in(env: Environment, command: StagedCommand, conditions: tuple[StagedCondition, ...] = ()) -> str:
    """Return what people call the secrets that a step would put on the disk: their variables, where they have one."""
    whole = "\n".join(texts_of(command, conditions))
    names = [name for name in env if env.is_secret(name) and (env.text(name) or "\0") in whole]
    return ", ".join(names) or "a secret value"
