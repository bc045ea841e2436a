"""The completions, asked of the shells themselves: bash and zsh at a terminal, fish by its own command for it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import pytest
from judges import shells
from judges import wim as judges
from osdimage.cli.app import cli

pytestmark = pytest.mark.foreign

SHARE = Path(__file__).resolve().parents[2] / "packaging" / "share"
BASH = SHARE / "bash-completion" / "completions" / "osdimage"
ZSH = SHARE / "zsh" / "site-functions" / "_osdimage"
FISH = SHARE / "fish" / "vendor_completions.d" / "osdimage.fish"
SCRIPTS = {
    # As bash-completion does when the command is first completed, and as what a shell's start-up reads.
    "bash": f"source {BASH}\n",
    "zsh": f"fpath=({ZSH.parent} $fpath)\nautoload -Uz _osdimage\ncompdef _osdimage osdimage\n",
    "fish": f"source {FISH}\n",
}
Ask = Callable[[Sequence[str]], list[list[str]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    for name in ("install.wim", "disk.img", "my disk.img", "odd "):
        (folder / name).touch()
    (folder / "images").mkdir()
    return folder


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def ask(request: pytest.FixtureRequest, folder: Path) -> Iterator[Ask]:
    """Yield what returns, for each line, what its last word may become, in order."""
    name = request.param
    if name == "fish":
        yield lambda lines: [
            sorted(each.rstrip("/") for each in one) for one in shells.fish(folder, SCRIPTS[name], lines)
        ]
        return
    with shells.shell(name, folder, SCRIPTS[name]) as shell:

        def answers(lines: Sequence[str]) -> list[list[str]]:
            found = []
            for line in lines:
                *before, last = line.split(" ")
                words = shell.completed(line)
                assert words[: len(before)] == before
                # A word to which nothing was added was not completed.
                found.append(sorted(each.rstrip("/") for each in words[len(before) :] if each != last))
            return found

        yield answers


TYPED = {
    "osdimage de": ["delete", "deploy"],
    "osdimage disk ": ["backup", "check", "format", "init", "plan", "restore", "show"],
    "osdimage driver package e": ["export"],
    "osdimage help disk in": ["init"],
    "osdimage help ex": ["exit-codes", "export", "extract"],
    # Options, those with two names, and those that another command's options are not.
    "osdimage capture --comp": ["--compress"],
    "osdimage driver list --dis": ["--disabled"],
    "osdimage export --boot inst": ["install.wim"],
    "osdimage info --boot ": ["no", "yes"],
    # The values that an option may have, and of some also files.
    "osdimage disk format x --fs ": ["fat32", "ntfs"],
    "osdimage disk format x --fs=n": ["--fs=ntfs"],
    "osdimage capture --compress x": ["xpress"],
    "osdimage driver add --for q": ["qemu"],
    "osdimage run --drivers-for ": ["disk.img", "host", "images", "install.wim", "my disk.img", "odd ", "qemu"],
    "osdimage run --drivers-for od": ["odd "],
    # Files and folders, where they are expected.
    "osdimage apply inst": ["install.wim"],
    "osdimage apply install.wim ": ["disk.img", "images", "install.wim", "my disk.img", "odd "],
    "osdimage apply install.wim --index 1 im": ["images"],
    "osdimage apply my": ["my disk.img"],
    "osdimage capture disk.img inst": ["install.wim"],
    "osdimage extract install.wim --to ": ["images"],
    "osdimage deploy --disk 0=di": ["0=disk.img"],
    "osdimage update --add inst": ["install.wim"],
    # A number is to be made up by whoever types it.
    "osdimage info install.wim --index ": [],
    "osdimage driver package show ": [],
}


def test_the_shell_completes_what_is_typed(ask: Ask) -> None:
    # zsh puts the = behind the path, too, of what goes on behind it.
    found = [[each.removesuffix("=") for each in one] for one in ask(list(TYPED))]
    assert dict(zip(TYPED, found, strict=True)) == TYPED


def options_by_command(command: click.Command, *words: str) -> Iterator[tuple[str, set[str]]]:
    context = click.Context(command, help_option_names=["-h", "--help"])
    records = (each.get_help_record(context) for each in command.get_params(context))
    # The old names of some options are taken, and shown nowhere.
    shown = {name for each in records if each is not None for name in re.findall(r"--[\w-]+", each[0])}
    yield " ".join(("osdimage", *words)), shown
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from options_by_command(found, *words, name)


def test_every_option_of_every_command_is_offered(ask: Ask) -> None:
    expected = dict(options_by_command(cli))
    # `help` shows what its own words are about.
    del expected["osdimage help"]
    found = ask([f"{words} --" for words in expected])
    assert {words: set(one) for words, one in zip(expected, found, strict=True)} == expected


def test_nothing_is_wrong_with_the_scripts() -> None:
    assert judges.run("shellcheck", BASH) == ""
    assert judges.run("zsh", "-n", ZSH) == ""
    assert judges.run("fish", "--no-execute", FISH) == ""


def test_bash_needs_nothing_but_itself() -> None:
    # bash-completion is a package of its own, and not everywhere.
    done = subprocess.run(
        [judges.require("bash"), "--norc", "--noprofile", "-c", f"source {BASH} && complete -p osdimage"],
        env={"PATH": "/nowhere"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("complete -F _osdimage osdimage\n", "")
