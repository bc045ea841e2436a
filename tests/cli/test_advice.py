"""What the library advises, as a user of the command is told to do it."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import osdimage.cli
import osdimage.imaging
import pytest
from osdimage.cli.app import cli
from osdimage.cli.guidance.advice import NAMES, worded
from osdimage.imaging.errors import Means, Remedy, StorageError, explain

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
# Prose goes on with a verb that is none of the command.
COMMAND = re.compile(rf"\bosdimage (?:{'|'.join(cli.list_commands(click.Context(cli)))})\b(?: [a-z]+(?:-[a-z]+)*)*")
VALUES = {Means.BIOS_LOADER: "osdimage", Means.FORMAT_FAT32: "1"}


@pytest.mark.parametrize("means", Means)
def test_each_means_is_a_whole_command_or_an_option_of_one(means: Means) -> None:
    text = re.sub(r" \(.*\)", "", NAMES[means]).replace("{}", VALUES.get(means, __file__))
    if not text.startswith("osdimage "):
        assert set(OPTION.findall(text)) <= _options(cli)
        assert len(OPTION.findall(text)) == 1
        return
    command = _named(text)
    assert not isinstance(command, click.Group)
    # It is parsed as a user would give it, to the last argument.
    words = text.split()[len(_path_of(command)) + 1 :]
    values = {"N": "1", "DISC": __file__, "DISK": __file__, "WIM": __file__, "FILE": __file__, "PATH": __file__}
    command.make_context("osdimage", [values.get(each, each) for each in words], resilient_parsing=False)


def test_every_command_and_option_that_a_message_names_is_there() -> None:
    root = Path(osdimage.cli.__file__).parent
    strange = []
    for path in sorted((*root.rglob("*.py"), *Path(osdimage.imaging.__file__).parent.rglob("*.py"))):
        for line, text in _texts(path):
            own = _options_of_module(path)
            strange += [
                f"{path}:{line}: {each!r} is no command" for each in COMMAND.findall(text) if _named(each) is None
            ]
            if root in path.parents:
                strange += [f"{path}:{line}: {each} is no option" for each in OPTION.findall(text) if each not in own]
            elif path.parts[-2:] == ("netboot", "scripts.py"):
                # What it writes is for iPXE, which has options of its own.
                continue
            elif OPTION.search(text) and not _is_of_another_program(text):
                strange.append(f"{path}:{line}: the library names an option: {text!r}")
    assert not strange, "\n".join(strange)


def _is_of_another_program(text: str) -> bool:
    """Tell whether a text of the library is about a program that it calls, or that another one is told to call."""
    return (
        OPTION.sub("", text).strip("= ") in {"", "(,msdos", "i386-pc"}
        or "=" in text
        or any(each in text for each in ("apt-get", "pip install"))
    )


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that people may read, which its docstrings are not."""
    source = path.read_text(encoding="utf-8")
    if not OPTION.search(source) and not COMMAND.search(source):
        return
    tree = ast.parse(source)
    loose = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for each in ast.walk(tree):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in loose:
            yield each.lineno, each.value


def _options_of_module(path: Path) -> set[str]:
    """Return the options that a module may name: those of its commands, or of all when it has none."""
    found = _by_file().get(path, [])
    return {name for each in found or [cli] for name in _options(each)} | {"--help", "--version", "--debug"}


@functools.cache
def _by_file() -> dict[Path | None, list[click.Command]]:
    found: dict[Path | None, list[click.Command]] = {}
    for each in _commands(cli):
        found.setdefault(_file_of(each), []).append(each)
    return found


def _file_of(command: click.Command) -> Path | None:
    callback = inspect.unwrap(command.callback) if command.callback is not None else None
    return None if callback is None else Path(inspect.getfile(callback))


def _commands(group: click.Group) -> Iterator[click.Command]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from _commands(found)
        elif found is not None:
            yield found


def _named(text: str) -> click.Command | None:
    """Return the command that a text begins with: words of small letters, as far as a group has them."""
    command: click.Command = cli
    for word in text.split()[1:]:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command), word)
        if found is None:
            return None
        command = found
    return command


def _path_of(command: click.Command) -> list[str]:
    def search(group: click.Group) -> list[str] | None:
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            if found is command:
                return [name]
            below = search(found) if isinstance(found, click.Group) else None
            if below is not None:
                return [name, *below]
        return None

    return search(cli) or []


@functools.cache
def _options(command: click.Command) -> set[str]:
    """Return the options of a command, or of all commands of a group."""
    if isinstance(command, click.Group):
        return {name for each in _commands(command) for name in _options(each)}
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts)}


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


def test_what_an_advice_names_stands_as_a_shell_takes_it() -> None:
    remedy = Remedy("see {}", (Means.EXPORT,), ("windows.iso!sources/install.wim",))
    assert worded(remedy) == "see osdimage export 'windows.iso!sources/install.wim' NEW.wim --all"
