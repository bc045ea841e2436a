"""The manual pages: that they say what the commands say, that others can show them, and that ``man`` finds them."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
import pytest
from commandline import manpage
from judges import wim as judges
from osdimage.cli.app import cli
from osdimage.cli.commands import help_text
from osdimage.cli.guidance.examples import EXAMPLES
from osdimage.cli.guidance.outcomes import EXIT_CODES, OUTCOMES
from osdimage.cli.guidance.related import RELATED
from osdimage.cli.guidance.surroundings import FILES, VARIABLES
from osdimage.cli.invocation import KEY_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
SHARE = ROOT / "packaging" / "share"
PAGES = sorted((SHARE / "man" / "man1").iterdir())
# How the code calls one that a person chooses: that of --password-env.
_CHOSEN = "variable"


def commands(command: click.Command, *words: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, *words, name)


COMMANDS = dict(commands(cli))


def shown(page: Path) -> str:
    """Return a page as mandoc prints it, without what makes letters bold."""
    return re.sub(".\b", "", judges.output("mandoc", "-T", "utf8", "-O", "width=1000", page))


def test_each_command_has_a_page() -> None:
    assert [page.name for page in PAGES] == sorted(f"{'-'.join(('osdimage', *words))}.1" for words in COMMANDS)


@pytest.mark.foreign
def test_nobody_finds_fault_with_a_page() -> None:
    # Two typesetters, of which the first tells of style, too, and what calls the second for people.
    assert judges.run("mandoc", "-T", "lint", *PAGES) == ""
    assert judges.run("groff", "-k", "-ww", "-z", "-man", "-T", "utf8", *PAGES) == ""
    assert judges.outcome("man", "--warnings", "-l", *PAGES[:3]).stderr == ""


@pytest.mark.foreign
def test_a_page_shows_every_option_as_it_is_typed() -> None:
    for words, command in COMMANDS.items():
        text = shown(SHARE / "man" / "man1" / f"{'-'.join(('osdimage', *words))}.1")
        records = (each.get_help_record(click.Context(command)) for each in command.params)
        spelt = {name for each in records if each is not None for name in re.findall(r"--?\w[\w-]*", each[0])}
        assert spelt <= set(re.findall(r"--?\w[\w-]*", text)), words
        # A command in quotes is set as such, without them.
        assert "`" not in text
        assert all(line in text for line in EXAMPLES.get(" ".join(words), ()))


@pytest.mark.foreign
def test_apropos_gets_a_line_of_each_page() -> None:
    lines = judges.output("lexgrog", *PAGES).splitlines()
    assert len(lines) == len(PAGES)
    assert f'{SHARE}/man/man1/osdimage-doctor.1: "osdimage-doctor - show what is installed, what is missing, and' in (
        "\n".join(lines)
    )


@pytest.mark.foreign
def test_man_and_shells_find_what_is_installed_beside_the_command() -> None:
    distribution = metadata.distribution("osdimage")
    if json.loads(distribution.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        pytest.skip("an install that follows edits has no pages")
    completions = ("bash-completion/completions/osdimage", "zsh/site-functions/_osdimage")
    for name in (*completions, "fish/vendor_completions.d/osdimage.fish"):
        assert Path(sys.prefix, "share", name).read_bytes() == (SHARE / name).read_bytes()
    done = subprocess.run(
        [judges.require("man"), "-w", "osdimage-disk-init"],
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(done.stdout.strip()) == Path(sys.prefix, "share", "man", "man1", "osdimage-disk-init.1")


def read_variables() -> set[str]:
    """Return the names of variables that the code asks ``os.environ`` for."""
    found = set()
    for package in ("cli", "imaging"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "environ" not in text:
                continue
            # The one that is a constant of another module.
            names = {"KEY_VARIABLE": KEY_VARIABLE}
            for node in ast.walk(ast.parse(text)):
                match node:
                    case (
                        ast.Call(func=ast.Attribute(value=ast.Attribute(attr="environ")), args=[name, *_])
                        | ast.Subscript(value=ast.Attribute(attr="environ"), slice=name)
                    ):
                        if ast.unparse(name) != _CHOSEN:
                            found.add(name.value if isinstance(name, ast.Constant) else names[ast.unparse(name)])
    return {str(each) for each in found}


def test_every_variable_that_is_read_is_told_of() -> None:
    read, told = read_variables(), {each.name for each in VARIABLES}
    assert {"OSDIMAGE_STATE_DIR", "OSDIMAGE_CATALOG", "XDG_RUNTIME_DIR"} <= read <= told
    # Those of libraries: tempfile, shutil.get_terminal_size, and click's completion of shells, which is told elsewhere.
    assert told - read <= {"TMPDIR", "COLUMNS", "LC_ALL"}


def test_what_is_told_of_commands_is_about_commands_that_there_are() -> None:
    names = {" ".join(words) for words in COMMANDS}
    options = {name for command in COMMANDS.values() for each in command.params for name in each.opts}
    assert OUTCOMES.keys() | RELATED.keys() | {name for each in RELATED.values() for name in each} <= names
    for each in (*VARIABLES, *FILES):
        assert set(each.commands) <= names
        assert set(each.options) <= options


def test_pages_have_the_day_of_the_version(tmp_path: Path) -> None:
    changelog = tmp_path / "changelog"
    # As of deb-changelog(5), the newest first.
    changelog.write_text("""\
osdimage (0.2.0-1) UNRELEASED; urgency=medium

  * New upstream version (LP: #1).

 -- A. Person <a@example.org>  Tue, 01 Dec 2026 00:30:00 +0100

osdimage (0.1.0-2) unstable; urgency=medium

  * First package.

 -- A. Person <a@example.org>  Mon, 30 Nov 2026 12:00:00 +0000
""")
    assert manpage.day_of("0.2.0", changelog) == "2026-12-01"
    assert manpage.day_of("0.1.0", changelog) == "2026-11-30"
    with pytest.raises(LookupError, match=r"no entry for 0\.3\.0"):
        manpage.day_of("0.3.0", changelog)


def test_writing_pages_leaves_those_of_others(tmp_path: Path) -> None:
    others, gone = (tmp_path / "man" / "man1" / name for name in ("ls.1", "osdimage-gone.1"))
    others.parent.mkdir(parents=True)
    others.touch()
    gone.touch()
    subprocess.run([sys.executable, ROOT / ".ci" / "manual.py", tmp_path], check=True)
    assert {path.name for path in others.parent.iterdir()} == {"ls.1", *(page.name for page in PAGES)}


def test_the_help_has_the_exit_codes() -> None:
    told = help_text().partition("Exit codes: ")[2].partition("\n\n")[0]
    assert re.findall(r"\b\d+(?= )", told) == [each.removesuffix("+N") for each in EXIT_CODES]
    assert set().union(*OUTCOMES.values()) <= set(EXIT_CODES)
