"""Make the pages of the command reference, of the facts that manual pages and completions are made of, too.

There is a page for each command, whose options can be linked to, one for the exit codes, and one for the environment.
They are written into the folder that Sphinx reads, which is a copy of docs/: see ``.ci/site.sh``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from commandline.model import PROGRAM, Command, Option, program
from json_pages import kinds_of
from osdimage.cli.guidance.conventions import CONVENTIONS
from osdimage.cli.guidance.outcomes import EXIT_CODES, OUTCOMES
from osdimage.cli.guidance.surroundings import FILES, VARIABLES, Surrounding
from osdimage.cli.guidance.terms import TERMS

if TYPE_CHECKING:
    # The pages are made without it, too.
    from sphinx.application import Sphinx

REFERENCE = "reference"
FOLDER = f"{REFERENCE}/commands"
# Pages that show a command most, of those that have more.
_SHOWN_IN = 6
# A command in quotes, an option, and what the signs of reStructuredText would change.
_MARKED = re.compile(r"`(?P<code>[^`]+)`|(?<![\w-])(?P<option>--?[A-Za-z][\w-]*)|(?P<sign>[\\*`_|])")


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the pages before Sphinx looks which there are."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Sphinx) -> None:
    """Write all of them."""
    source = Path(app.srcdir)
    written = {
        page.relative_to(source).with_suffix("").as_posix(): page.read_text(encoding="utf-8")
        for page in source.rglob("*.md")
    }
    whole = program()
    (source / FOLDER).mkdir(parents=True, exist_ok=True)
    for command in whole.walk():
        text = "\n".join(page(command, shown_in(command, written)))
        (source / f"{page_of(command.words)}.rst").write_text(text + "\n", encoding="utf-8")
    (source / f"{REFERENCE}/exit-codes.rst").write_text("\n".join(exit_codes(whole)) + "\n", encoding="utf-8")
    (source / f"{REFERENCE}/environment.rst").write_text("\n".join(environment(whole)) + "\n", encoding="utf-8")


def page_of(words: Iterable[str]) -> str:
    """Return the page of a command, from the root of the site and without its ending."""
    return f"{FOLDER}/{'-'.join(words) or 'index'}"


def shown_in(command: Command, written: Mapping[str, str]) -> list[str]:
    """Return the pages that show a command, those that do most first.

    Args:
        command: the command.
        written: page -> its text, of those that people wrote.
    """
    if command.subcommands:
        return []
    said = re.compile(rf"(?<![\w-]){re.escape(command.title)}(?![\w-])")
    counts = {name: len(said.findall(text)) for name, text in written.items()}
    return sorted(filter(counts.get, counts), key=lambda name: (-counts[name], name))[:_SHOWN_IN]


def page(command: Command, pages: Iterable[str]) -> Iterator[str]:
    """Yield the lines of the page of a command.

    Args:
        command: the command.
        pages: those that show it, without their endings.
    """
    options = {name for each in command.options for name in each.names + each.opposites}
    yield from heading(command.title if command.words else "Commands", "=")
    yield from (
        f".. program:: {command.title}",
        "",
        ".. code-block:: text",
        "",
        f"   {command.title} {command.usage}",
        "",
    )
    for each in command.paragraphs:
        yield from (inline(each, options), "")
    if command.subcommands:
        yield from _subcommands(command)
    if command.examples:
        yield from (*heading("Examples", "-"), ".. code-block:: console", "")
        yield from (*(f"   $ {line}" for line in command.examples), "")
    yield from heading("Options", "-")
    for option in command.options:
        yield from _option(option, options)
    if not command.words:
        yield from heading("Arguments", "-")
        yield from (line for term, text in TERMS.items() for line in (_literal(term), f"   {inline(text, set())}", ""))
        yield from heading("Conventions", "-")
        yield from (line for name, text in CONVENTIONS.items() for line in (name, f"   {inline(text, set())}", ""))
    yield from _outcomes(command)
    yield from _documents(command)
    yield from _surroundings(command)
    yield from _see_also(command, pages)


def heading(text: str, line: str) -> tuple[str, str, str]:
    """Return a heading, underlined."""
    return text, line * len(text), ""


def inline(text: str, options: set[str]) -> str:
    """Return a text in which options are set as such; those that the page describes are links to where it does."""

    def marked(match: re.Match[str]) -> str:
        if match["sign"]:
            return f"\\{match['sign']}"
        if match["option"] in options:
            # Behind an invisible space: a role begins with a word.
            return f"\\ :option:`{match['option']}`\\ "
        return f"\\ {_literal(match['code'] or match['option'])}\\ "

    return _MARKED.sub(marked, text).removeprefix("\\ ").removesuffix("\\ ")


def _literal(text: str) -> str:
    return f"``{text}``"


def _command(words: Iterable[str]) -> str:
    title = " ".join((PROGRAM, *words))
    return f":doc:`{title} </{page_of(words)}>`"


def _subcommands(command: Command) -> Iterator[str]:
    yield from (".. list-table::", "   :widths: 30 70", "   :width: 100%", "")
    for each in command.subcommands:
        yield from (f"   * - {_command(each.words)}", f"     - {inline(each.summary, set())}")
    yield from ("", ".. toctree::", "   :hidden:", "")
    yield from (f"   {each.title} </{page_of(each.words)}>" for each in command.subcommands)
    yield ""


def _option(option: Option, options: set[str]) -> Iterator[str]:
    names = option.names + option.opposites
    value = "" if option.metavar is None else f" <{option.metavar}>"
    yield from (
        f".. option:: {', '.join(f'{name}{value}' for name in names)}",
        "",
        f"   {inline(option.text, options)}",
        "",
    )


def _outcomes(command: Command) -> Iterator[str]:
    yield from heading("Exit codes", "-")
    own = command.outcomes if not command.words else OUTCOMES.get(command.name, {})
    if own:
        yield from (".. list-table::", "   :widths: 12 88", "   :width: 100%", "")
        for code in EXIT_CODES:
            if code in own:
                yield from (f"   * - {code}", f"     - {inline(own[code], set())}")
        yield ""
    more = "What the others mean" if own else "What they mean"
    yield from (f"{more} is the same for all commands: :doc:`/{REFERENCE}/exit-codes`.", "")


def _documents(command: Command) -> Iterator[str]:
    kinds = [] if command.subcommands else kinds_of(command.words)
    if kinds:
        told = ", ".join(f":doc:`{kind} </{REFERENCE}/json/{kind}>`" for kind in kinds)
        yield from (*heading("JSON", "-"), f"With ``--json`` it prints: {told}.", "")


def _surroundings(command: Command) -> Iterator[str]:
    own = [each for each in command.variables if each.options or each.commands]
    if own:
        yield from heading("Environment", "-")
        yield from (f"* :envvar:`{each.name}`: {inline(each.text, set())}" for each in own)
        yield from ("", f"Those that all commands read: :doc:`/{REFERENCE}/environment`.", "")
    if command.files:
        yield from heading("Files", "-")
        yield from (line for each in command.files for line in _file(each))


def _file(file: Surrounding) -> Iterator[str]:
    yield from (_literal(file.name), f"   {inline(file.text, set())}", "")


def _see_also(command: Command, pages: Iterable[str]) -> Iterator[str]:
    related = [_command(each.split()) for each in command.related]
    above = [_command(command.words[:-1])] if len(command.words) > 1 else []
    if related or above:
        yield from (*heading("See also", "-"), ", ".join((*related, *above)), "")
    if pages:
        yield from (*heading("Pages that show it", "-"), *(f"* :doc:`/{name}`" for name in pages), "")


def exit_codes(whole: Command) -> Iterator[str]:
    """Yield the page of the exit codes: what each means, and where a command means something of its own."""
    yield from heading("Exit codes", "=")
    yield from (
        "Every command ends with one of these, and another code for the same is a break: :doc:`/library/contract`.",
        "",
    )
    yield from (".. list-table::", "   :widths: 12 88", "   :width: 100%", "")
    for code, text in EXIT_CODES.items():
        yield from (f"   * - {code}", f"     - {inline(text, set())}")
    yield from (
        "",
        "With ``--json`` an error is a document on standard output as well, whose ``code`` is the exit code.",
        "",
    )
    yield from heading("Where a command means something of its own", "-")
    yield from (".. list-table::", "   :widths: 30 10 60", "   :width: 100%", "")
    for command in whole.walk():
        own = OUTCOMES.get(command.name, {})
        for code in filter(own.__contains__, EXIT_CODES):
            yield from (f"   * - {_command(command.words)}", f"     - {code}", f"     - {inline(own[code], set())}")
    yield ""


def environment(whole: Command) -> Iterator[str]:
    """Yield the page of the variables that commands read, and of the files that they keep."""
    yield from heading("Environment and files", "=")
    yield from heading("Variables", "-")
    for each in VARIABLES:
        yield from (f".. envvar:: {each.name}", "", f"   {inline(each.text, set())}", "")
        if each.options or each.commands:
            concerned = [_command(one.words) for one in whole.walk() if not one.subcommands and each in one.variables]
            yield from (f"   {', '.join(concerned)}", "")
    yield from heading("Files", "-")
    yield from (line for each in FILES for line in _file(each))
