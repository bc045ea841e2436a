"""What the library advises, as a user of the command is told to do it."""

from __future__ import annotations

import re

import click
import pytest
from osdimage.cli.advice import NAMES, worded
from osdimage.cli.app import cli
from osdimage.imaging.errors import Means, Remedy, StorageError, explain


@pytest.mark.parametrize("means", Means)
def test_each_means_is_a_verb_of_the_command_or_an_option_of_one(means: Means) -> None:
    words = re.sub(r" \(.*\)", "", NAMES[means]).split()
    options = _options(cli)
    if words[0] == "osdimage":
        command: click.Command = cli
        while len(words) > 1 and isinstance(command, click.Group):
            del words[0]
            found = command.get_command(click.Context(command), words[0])
            assert found is not None
            command = found
        options = _options(command)
    assert {each.partition("=")[0] for each in words if each.startswith("--")} <= options


def _options(command: click.Command) -> set[str]:
    """Return the options of a command, or of all commands of a group."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        below = [command.get_command(context, name) for name in command.list_commands(context)]
        return {name for each in below if each is not None for name in _options(each)}
    return {name for each in command.params for name in each.opts}


def test_a_remedy_is_worded_by_the_library_and_by_the_command() -> None:
    remedy = Remedy("{}, then {}", (Means.FORMAT_FAT32, Means.INSTALL_BOOT), ("3",))
    assert str(remedy) == "format_fat32, then install_boot"
    assert (
        worded(remedy)
        == "osdimage disk format DISK --partition 3 --fs fat32, then osdimage boot install DISK --partition N"
    )


def test_a_remedy_without_means_may_hold_braces() -> None:
    assert str(Remedy("look at {a}")) == worded(Remedy("look at {a}")) == "look at {a}"


def test_an_error_keeps_what_it_says_apart_from_its_remedy() -> None:
    error = StorageError("disk: no", path="disk", remedy=Remedy("{} makes one", (Means.INITIALIZE,)))
    assert str(error) == "disk: no; initialize makes one"
    explain(error, "nothing was written")
    assert error.said == "disk: no -- nothing was written"
    assert str(error) == "disk: no -- nothing was written; initialize makes one"
