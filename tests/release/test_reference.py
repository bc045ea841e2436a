"""The pages of the site about commands, before Sphinx reads them; `make site` wants every link to lead somewhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
from osdimage.cli.app import cli
from osdimage.cli.guidance.outcomes import EXIT_CODES
from osdimage.cli.guidance.surroundings import VARIABLES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pages() -> Iterator[ModuleType]:
    places = [str(ROOT / ".ci"), str(ROOT / "docs" / "_ext")]
    sys.path[:0] = places
    import command_pages  # noqa: PLC0415 - it is not on the path of the tests

    yield command_pages
    for place in places:
        sys.path.remove(place)


def found(words: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word) or command
    return command


def test_a_page_describes_every_option_of_its_command(pages: ModuleType) -> None:
    for command in pages.program().walk():
        text = "\n".join(pages.page(command, []))
        described = set(re.findall(r"--?\w[\w-]*", "".join(re.findall(r"^\.\. option:: .*$", text, re.MULTILINE))))
        records = (each.get_help_record(click.Context(cli)) for each in found(command.words).params)
        shown = {name for each in records if each is not None for name in re.findall(r"--?\w[\w-]*", each[0])}
        assert shown - {"-"} <= described
        assert text.startswith("Commands\n" if not command.words else f"{command.title}\n")


def test_the_pages_of_codes_and_variables_have_all_of_them(pages: ModuleType) -> None:
    codes = "\n".join(pages.exit_codes(pages.program()))
    assert set(EXIT_CODES) <= set(re.findall(r"^   \* - (\S+)$", codes, re.MULTILINE))
    told = "\n".join(pages.environment(pages.program()))
    assert re.findall(r"^\.\. envvar:: (.*)$", told, re.MULTILINE) == [each.name for each in VARIABLES]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("C:\\x and *.name", "C:\\\\x and \\*.name", id="signs"),
        pytest.param("with --yes alone", "with \\ :option:`--yes`\\  alone", id="an option of the command"),
        pytest.param("--other is not here", "``--other``\\  is not here", id="an option of another command"),
        pytest.param("`osdimage disk show` tells", "``osdimage disk show``\\  tells", id="a command"),
    ],
)
def test_texts_are_written_so_that_they_are_read_as_they_are(pages: ModuleType, text: str, written: str) -> None:
    assert pages.inline(text, {"--yes"}) == written


def test_pages_that_show_a_command_most_come_first(pages: ModuleType) -> None:
    show = next(each for each in pages.program().walk() if each.words == ("disk", "show"))
    written = {
        "once": "osdimage disk show x",
        "twice": "osdimage disk show, `osdimage disk show`",
        "other": "disk show-x",
    }
    assert pages.shown_in(show, written) == ["twice", "once"]
