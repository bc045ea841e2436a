"""README and docs/: every command that a page names is one of ours, and so is every option that stands behind it.

``make tour`` runs what stands in blocks of a console.  This reads all else, too: tables, commands that need a device or
a network, and what a sentence names in passing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from osdimage.cli.app import cli
from osdimage.cli.guidance.hints import FOREIGN

ROOT = Path(__file__).resolve().parents[2]
PAGES = [path.relative_to(ROOT) for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))]
# A command: in a span of code, or from a prompt, a pipe or the start of a line of a block on.
_SPAN = re.compile(r"`(?:sudo )?(osdimage [^`]+)`")
_LINE = re.compile(r"(?:^|[|&;(] *)(?:\$ |- run: )?(?:ssh \S+ |sudo |[A-Z_]+=\S+ )?(osdimage .*)$", re.MULTILINE)
_BLOCK = re.compile(r"^ *```.*?^ *```|^ {4}\S[^\n]*\bosdimage [^\n]*$|^ {4}osdimage [^\n]*$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_BEHIND = re.compile(r"[|&;<>()\n]|\s#")
_OPTION = re.compile(r"`(--[a-z][a-z-]*)[^`]*`")


def commands_of(text: str) -> Iterator[str]:
    """Yield what a page lets its readers run, with the lines that go on joined."""
    text = text.replace("\\\n", " ")
    for span in _SPAN.finditer(_BLOCK.sub("", text)):
        yield span[1].replace("\n", " ")
    for block in _BLOCK.finditer(text):
        for line in _LINE.finditer(re.sub(r"^ {4}", "", block[0], flags=re.MULTILINE)):
            yield line[1]


def words_of(command: str) -> list[str]:
    """Return the words behind ``osdimage``, up to where a shell begins with something else."""
    return _BEHIND.split(_QUOTED.sub("x", command))[0].split()[1:]


def resolved(words: list[str]) -> tuple[click.Command | None, list[str]]:
    """Return the command that words name, None where they name none on purpose, and what stands behind it."""
    command: click.Command = cli
    for number, word in enumerate(words):
        if not isinstance(command, click.Group):
            return command, words[number:]
        if word.startswith(("-", "...", "*")) or word.isupper():
            break
        found = command.get_command(click.Context(command), word)
        if found is None:
            assert word.lower() in FOREIGN, f"osdimage {' '.join(words)}"
            return None, []
        command = found
    return command, []


def options_of(command: click.Command) -> set[str]:
    names = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    return names | {"--help", "-h"}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_and_options_that_a_page_names_are_there(page: Path) -> None:
    for text in commands_of((ROOT / page).read_text(encoding="utf-8")):
        command, rest = resolved(words_of(text))
        if command is not None:
            named = {word.partition("=")[0].rstrip(",.:") for word in rest if re.match("--?[a-z]", word)}
            assert named <= options_of(command), text


@pytest.mark.parametrize("page", [each for each in PAGES if each.parent.name == "coming-from"], ids=str)
def test_an_option_behind_a_command_in_a_cell_is_one_of_the_command(page: Path) -> None:
    for row in (ROOT / page).read_text(encoding="utf-8").splitlines():
        for cell in re.split(r"(?<!\\) \| ", row)[1:] if row.startswith("| ") else ():
            command: click.Command | None = None
            for span in re.finditer(r"`([^`]+)`", cell):
                if span[1].startswith("osdimage "):
                    command = resolved(words_of(span[1]))[0]
                elif command is not None and (option := _OPTION.fullmatch(span[0])):
                    assert option[1] in options_of(command), row


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        # A bar in a span of code ends a cell, too, unless there is a backslash in front of it.
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table
