"""What the completions of all three shells have in common.

They are tables: nothing is run to complete a word, so that it costs a shell a moment, and not the start of Python.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator

from commandline.model import SENTENCE, Command, Option, Taken

HEAD = "Made by .ci/manual.py of the commands."
_BRIEF = 80


def brief(text: str) -> str:
    """Return what a list of options has room for: the first sentence, or its beginning."""
    first = SENTENCE.split(text)[0].removesuffix(".").replace("`", "")
    return textwrap.shorten(first, _BRIEF, placeholder=" ...")


def spellings(option: Option) -> tuple[str, ...]:
    """Return all words that an option may be."""
    return option.names + option.opposites


def usual(program: Command) -> dict[str, Taken]:
    """Return what each option that takes a value takes in most of its commands.

    Raises:
        ValueError: when a short option takes a value: no script here looks for one.
    """
    found: dict[str, Counter[Taken]] = {}
    for _, option in values_of(program):
        if len(option.names) > 1:
            raise ValueError(f"{option.names}: completions know long options with values alone")
        found.setdefault(option.name, Counter())[option.taken] += 1
    return {name: counts.most_common(1)[0][0] for name, counts in sorted(found.items())}


def values_of(program: Command) -> Iterator[tuple[Command, Option]]:
    """Yield each option that takes a value, with its command."""
    for command in program.walk():
        yield from ((command, each) for each in command.options if each.metavar is not None)
