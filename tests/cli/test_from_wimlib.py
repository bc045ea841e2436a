"""docs/coming-from/wimlib.md: that what stands beside an option of wimlib-imagex is an option of ours."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import click
import pytest
from osdimage.cli.app import cli
from osdimage.cli.commands import COMMANDS
from runs import imagex

PAGE = Path(__file__).resolve().parents[2] / "docs" / "coming-from" / "wimlib.md"
# The heading of a verb, and ours where it is another.
OURS = {"append": "capture", "dir": "list", "mountrw": "mount"}


def sections() -> dict[str, list[list[str]]]:
    """Return the rows of the tables by the verb that they are of."""
    found: dict[str, list[list[str]]] = {}
    verbs: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            verbs = line.removeprefix("## ").split(", ")
        elif line.startswith("| ") and "wimlib-imagex" not in line:
            for verb in verbs:
                found.setdefault(verb, []).append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def options_of(command: str) -> set[str]:
    context = click.Context(cli)
    found = cli.get_command(context, command)
    assert found is not None, command
    return {name for each in found.params for name in (*each.opts, *each.secondary_opts)}


SECTIONS = sections()


@pytest.mark.parametrize("verb", SECTIONS)
def test_what_stands_beside_an_option_is_one_of_ours(verb: str) -> None:
    command = OURS.get(verb, verb)
    for row in SECTIONS[verb]:
        words = row[1].replace("`osdimage ", "`").split("`")[1:2]
        named = words[0].split()[0] if words and not words[0].startswith("-") else command
        known = options_of(named if named in COMMANDS else command)
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", row[1]):
            assert option in known, (row, option)


@pytest.mark.parametrize("verb", imagex.VERBS)
def test_every_option_that_the_tests_of_wimlib_may_use_is_in_the_table(verb: str) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    imagex.VERBS[verb][0](parser)
    text = " ".join(cell for row in SECTIONS[verb] for cell in row[:1])
    # What other verbs have too stands there.
    text += " ".join(row[0] for row in SECTIONS["capture"])
    for action in parser._actions:
        for option in action.option_strings:
            assert option in text, option
