"""How a command tells what it takes: its help, what shells complete, and ``python -m``."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from judges import wim as judges
from osdimage.cli.app import cli
from osdimage.cli.guidance.examples import EXAMPLES
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
        pytest.param(("osdimage", "schema", "disk-b"), ["plain,disk-backup"], id="kind"),
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("caputre", "did you mean osdimage capture?"),
        ("disk shwo", "did you mean osdimage disk show?"),
        ("disk capture", "did you mean osdimage capture?"),
        ("shw", "did you mean osdimage boot show?"),
        ("format", "did you mean osdimage disk format?"),
        # Verbs of wimlib-imagex 1.13.6 (`wimlib-imagex --help`) and of DISM.
        ("append", "did you mean osdimage capture --append?"),
        ("dir", "did you mean osdimage list?"),
        ("mount-image", "did you mean osdimage mount?"),
        ("mountrw", "did you mean osdimage mount --read-write?"),
        ("umount", "did you mean osdimage unmount?"),
        ("wimunmount", "did you mean osdimage unmount?"),
        ("wimupdate", "did you mean osdimage update?"),
        ("wimverify", "did you mean osdimage verify?"),
        # Of drivers: DISM, PowerShell (Get-WindowsDriver, Export-WindowsDriver), pnputil, drvload, and plain words.
        ("/Get-DriverInfo", "did you mean osdimage driver show?"),
        ("/Export-Driver", "did you mean osdimage driver export-installed?"),
        ("pnputil", "osdimage driver installed lists them"),
        ("drvload", "did you mean osdimage bootimage add-driver?"),
        ("driver verify", "did you mean osdimage driver check?"),
        ("driver delete", "osdimage driver remove takes drivers out of the catalog"),
        ("driver export", "osdimage driver package export writes drivers of the catalog"),
        ("driver package rm", "did you mean osdimage driver package delete?"),
        ("bootimage inject", "did you mean osdimage bootimage add-driver?"),
        # Verbs of reg.exe (`reg /?`) and diskpart (`help`).
        ("registry delete", "did you mean osdimage registry set --delete?"),
        ("registry query", "did you mean osdimage registry get?"),
        ("disk list", "did you mean osdimage disk show?"),
        # Of media: what people look for under other names.
        ("media check", "did you mean osdimage media verify?"),
        ("media create", "osdimage media usb sticks, osdimage media standalone those with a task sequence"),
        ("media pxe", "did you mean osdimage media netboot?"),
        ("/Capture-Image", "did you mean osdimage capture?"),
        ("/Get-ImageInfo", "did you mean osdimage info?"),
        ("/Split-Image", "did you mean osdimage split?"),
    ],
)
def test_a_command_that_there_is_not_is_told_with_the_one_that_was_meant(words: str, said: str) -> None:
    refused = osdimage(*words.split(), code=2)
    assert refused.out == ""
    (line,) = refused.err.splitlines()
    assert line.startswith(f"osdimage: there is no command {words.rsplit(maxsplit=1)[-1]!r}; ")
    assert said in line


@pytest.mark.parametrize(
    ("words", "command"), [("apply a.wim b --keep", "apply"), ("disk format a --fs", "disk format")]
)
def test_an_option_without_its_value_names_the_help_of_its_command(words: str, command: str) -> None:
    said = osdimage(*words.split(), code=2).err
    assert said.endswith(f" requires an argument; see osdimage {command} --help\n")


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ("arguments", "1 GB is 1024 MB"),
        ("conventions", "which begins with osdimage:"),
        ("environment", "OSDIMAGE_STATE_DIR"),
        ("exit-codes", "130 is Ctrl-C"),
        ("files", "DISK.table-*.json"),
    ],
)
def test_help_tells_of_what_is_no_command(topic: str, told: str) -> None:
    assert told in osdimage("help", topic).out
    assert topic in osdimage("help", "--help").out


def test_the_help_of_a_command_says_where_to_read_on() -> None:
    assert osdimage("disk", "backup", "--help").out.endswith("\n\n  See also: osdimage disk restore\n")


def test_a_word_like_no_command_gets_no_advice() -> None:
    assert osdimage("frobnicate", code=2).err == "osdimage: there is no command 'frobnicate'; see osdimage --help\n"


@pytest.mark.foreign
def test_every_verb_of_wimlib_imagex_is_a_command_or_is_told_of() -> None:
    words = re.findall(r"^ +wimlib-imagex (\w+) ", judges.output("wimlib-imagex", "--help"), flags=re.MULTILINE)
    assert {"capture", "mountrw", "update"} < set(words)
    for word in sorted(set(words) - {name for (name, *_), _ in verbs(cli)}):
        refused = osdimage(word, code=2).err
        assert refused.removeprefix(f"osdimage: there is no command {word!r}; ") != refused
        assert not refused.startswith(f"osdimage: there is no command {word!r}; see osdimage --help")


def test_options_are_told_with_those_that_were_meant() -> None:
    assert "Did you mean '--overwrite'?" in osdimage("capture", "a", "b", "--overwrit", code=2).err


@pytest.mark.parametrize(
    ("command", "option", "meant"),
    [
        ("extract", "--dest-dir", "--to"),
        ("extract", "--preserve-dir-structure", "--keep-directories"),
        ("extract", "--no-wildcards", "--no-globs"),
        # One thing, of which each command has its own name.
        ("deploy", "--for", "--drivers-for"),
        ("driver match", "--drivers-for", "--for"),
        ("driver add", "--drivers", "--driver"),
        ("capture", "--solid-compress", "--compress"),
        ("apply", "--norpfix", "--no-rpfix"),
        ("export", "--nocheck", "--no-integrity"),
    ],
)
def test_options_of_wimlib_imagex_are_told_with_ours(command: str, option: str, meant: str) -> None:
    refused = osdimage(*command.split(), "a", "b", option, code=2)
    assert f"No such option '{option}'. Did you mean '{meant}'?" in refused.err


@pytest.mark.parametrize(
    ("command", "option", "said"),
    [
        ("iso", "--password-file", "osdimage media standalone"),
        ("iso", "--update", "--from ISO makes one of another one"),
        ("usb", "--media-size", "as large as --size says"),
        ("usb", "--overwrite", "--yes writes to what is there"),
    ],
)
def test_an_option_of_another_medium_is_told_with_what_does_it_here(command: str, option: str, said: str) -> None:
    assert said in osdimage("media", command, "a", option, code=2).err


@pytest.mark.parametrize(
    ("words", "command"), list(verbs(cli)), ids=lambda each: "-".join(each) if isinstance(each, tuple) else ""
)
def test_the_help_of_each_command_has_examples_that_it_takes(words: tuple[str, ...], command: click.Command) -> None:
    lines = EXAMPLES[" ".join(words)]
    shown = osdimage(*words, "--help").out
    for line in lines:
        assert f"\n    {line}\n" in f"{shown}\n"
        program, *given = shlex.split(line.partition(" > ")[0])
        assert (program, *given[: len(words)]) == ("osdimage", *words)
        # The parser of the command refuses options that it has not, and those without their value.
        context = click.Context(command, info_name=words[-1])
        _, left, _ = command.make_parser(context).parse_args(given[len(words) :])
        assert left == []


@pytest.mark.parametrize("words", ["list", "info", "export", "delete", "doctor", "boot check", "disk backup"])
def test_verbose_is_an_option_only_where_it_shows_more(words: str) -> None:
    assert "--verbose" not in osdimage(*words.split(), "--help").out
    assert "No such option" in osdimage(*words.split(), "-v", code=2).err


@pytest.mark.parametrize("words", [(), ("disk",), ("disk", "show"), ("capture",)])
def test_help_shows_what_the_option_shows(words: tuple[str, ...]) -> None:
    assert osdimage("help", *words).out == osdimage(*words, "--help").out


@pytest.mark.parametrize("words", [("caputre",), ("disk", "shwo"), ("info", "x")])
def test_help_of_what_is_no_command_is_refused(words: tuple[str, ...]) -> None:
    assert osdimage("help", *words, code=2).err.startswith("osdimage: ")


def test_the_version_is_one_line_and_that_of_the_libraries_on_request() -> None:
    version = osdimage("--version").out
    assert re.fullmatch(r"osdimage \d+\.\d+\.\d+\n", version)
    assert osdimage("-V").out == version
    names = [line.split()[0] for line in osdimage("--version", "--verbose").out.splitlines()]
    assert names == ["osdimage", "libwim", "libntfs-3g", "Python"]
    assert osdimage("-Vv").out.startswith(version)


def test_python_runs_the_command_as_a_module() -> None:
    command = [sys.executable, "-m", "osdimage.cli", "--version"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert text == osdimage("--version").out


def test_the_list_of_commands_fits_on_a_terminal_of_80_columns() -> None:
    assert max(map(len, osdimage("--help").out.splitlines())) <= 80


def test_what_reads_a_disk_takes_the_options_that_its_refusals_name() -> None:
    lacking = [
        " ".join(words)
        for words, command in verbs(cli)
        if "--allow-linked" in (names := {name for each in command.params for name in each.opts})
        and "--replay-log" not in names
    ]
    assert lacking == []


# Of click 8.1, which Debian 13 has, a group without a command ended with success.
def test_a_group_without_a_command_is_an_error_of_usage_that_shows_its_help() -> None:
    outcome = osdimage("disk", code=2)
    assert outcome.out == ""
    assert outcome.err.startswith("Usage: osdimage disk [OPTIONS] COMMAND")
