"""What ``osdimage help`` tells of that is no command: a table for each, as the manual page of the program has it."""

from __future__ import annotations

from collections.abc import Mapping

import click
from osdimage.cli.guidance.conventions import CONVENTIONS
from osdimage.cli.guidance.outcomes import EXIT_CODES
from osdimage.cli.guidance.surroundings import FILES, VARIABLES
from osdimage.cli.guidance.terms import TERMS

TOPICS: dict[str, tuple[str, Mapping[str, str]]] = {
    "arguments": ("What arguments and options take", TERMS),
    "conventions": ("What all commands have in common", CONVENTIONS),
    "environment": ("Variables of the environment", {each.name: each.text for each in VARIABLES}),
    "exit-codes": ("Exit codes", EXIT_CODES),
    "files": ("Files that osdimage keeps", {each.name: each.text for each in FILES}),
}
"""name -> (heading, table)."""


def topic_text(name: str, width: int) -> str:
    """Return what is told of a topic, in lines of at most so many columns."""
    heading, table = TOPICS[name]
    formatter = click.HelpFormatter(width=width)
    with formatter.section(heading):
        formatter.write_dl(list(table.items()))
    return formatter.getvalue().rstrip("\n")
