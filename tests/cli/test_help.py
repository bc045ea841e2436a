"""How a command tells what it takes: its help, what shells complete, and ``python -m``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from osdimage.cli.app import cli
from runs.commands import osdimage


def verbs(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from verbs(command, *above, name)
        else:
            yield (*above, name), command


def completed(*words: str) -> list[str]:
    """Return what click's functions for bash, zsh and fish get for words, the last of which is begun."""
    environment = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    code = "import atexit, sys, osdimage.cli.main as main; atexit.register(lambda: print(*sys.modules)); main.main()"
    command = [sys.executable, "-c", code]
    shell = {"_OSDIMAGE_COMPLETE": "bash_complete"}
    lines = subprocess.run(command, env=os.environ | environment | shell, check=True, capture_output=True, text=True)
    *answers, modules = lines.stdout.splitlines()
    # Completing is as quick as the help: nothing heavy is imported.
    assert not {"construct", "cffi", "osdimage.native._wimlib", "yaml"} & set(modules.split())
    return answers


@pytest.mark.parametrize(("words", "command"), list(verbs(cli)))
def test_every_option_says_what_it_is(words: tuple[str, ...], command: click.Command) -> None:
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert [each.opts[0] for each in options if not each.help] == []
    text = osdimage(*words, "--help").out
    assert "INTEGER" not in text
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        pytest.param(("osdimage", "de"), ["plain,delete", "plain,deploy"], id="command"),
        pytest.param(("osdimage", "registry", "i"), ["plain,import"], id="verb"),
        pytest.param(("osdimage", "capture", "--comp"), ["plain,--compress"], id="option"),
        pytest.param(("osdimage", "disk", "format", "x", "--fs", ""), ["plain,ntfs", "plain,fat32"], id="choice"),
        pytest.param(("osdimage", "apply", "inst"), ["file,inst"], id="file"),
    ],
)
def test_shells_complete(words: tuple[str, ...], answers: list[str]) -> None:
    assert completed(*words) == answers


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_their_function(shell: str) -> None:
    command = [sys.executable, "-m", "osdimage.cli"]
    environment = os.environ | {"_OSDIMAGE_COMPLETE": f"{shell}_source"}
    text = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert f"_OSDIMAGE_COMPLETE={shell}_complete" in text


def test_python_runs_the_command_as_a_module() -> None:
    command = [sys.executable, "-m", "osdimage.cli", "--version"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert text == osdimage("--version").out
