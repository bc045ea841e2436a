r"""Manual pages, in the language of man(7): one for each command, ``osdimage-disk-init.1``.

What groff, mandoc and man-db take alike is used, and nothing else.  Every character that typesetters turn into another
is written as itself: an option is copied from a page into a shell.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path

from osdimage.cli.guidance.conventions import CONVENTIONS
from osdimage.cli.guidance.terms import TERMS
from osdimage.imaging.version import VERSION

from commandline.model import PROGRAM, SENTENCE, Command, Option

SECTION = 1
# Each version has an entry there, with its day: pages have a date, and are the same whenever they are made.
_CHANGELOG = Path(__file__).resolve().parents[2] / "packaging" / "debian" / "changelog"
_WIDTH = 79
_HEAD = r".\" Made by .ci/manual.py of the commands and of what cli/guidance tells of them."
# An option that is divided between two lines is none.
_AS_TYPED = (".nh", ".ad l")
_PLAIN = str.maketrans({"\\": r"\e", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"})
# A command in quotes, an option, a word in capitals.
_MARKED = re.compile(r"`(?P<code>[^`]+)`|(?<![\w-])(?P<option>--?[A-Za-z][\w-]*)|(?P<word>\b[A-Z][A-Z]*\b)")
# These are also said of what they are, and not of what stands in their place.
_NOUNS = {"WIM", "N", "M", "A", "B"}


def file_name(words: Sequence[str]) -> str:
    """Return the name of the page of a command."""
    return f"{_joined(words)}.{SECTION}"


def page(command: Command, above: Command | None) -> str:
    """Return the page of a command.

    Args:
        command: the command.
        above: the group that it is in, or None of the program itself.
    """
    marks = _words(command)
    lines = [_HEAD, _title(command), *_AS_TYPED, *_name(command), ".SH SYNOPSIS", *_synopsis(command)]
    lines += [".SH DESCRIPTION", *_description(command, marks)]
    if command.subcommands:
        lines += [".SH COMMANDS", *_commands(command)]
    lines += [".SH OPTIONS", *(line for each in command.options for line in _option(each, marks))]
    if not command.words:
        lines += [".SH ARGUMENTS", *_definitions({f"\\fI{_code(key)}\\fR": text for key, text in TERMS.items()}, set())]
        lines += [".SH CONVENTIONS", *_definitions({_bold(key): text for key, text in CONVENTIONS.items()}, set())]
    lines += [".SH EXIT STATUS", *_definitions({_bold(code): text for code, text in command.outcomes.items()}, marks)]
    named = {_bold(each.name): each.text for each in command.variables}
    lines += [".SH ENVIRONMENT", *_definitions(named, marks)]
    if command.files:
        files = {f"\\fI{_code(each.name)}\\fR": each.text for each in command.files}
        lines += [".SH FILES", *_definitions(files, marks)]
    if command.examples:
        lines += [".SH EXAMPLES", ".nf", *map(_code, command.examples), ".fi"]
    lines += [".SH SEE ALSO", *_see_also(command, above)]
    return "\n".join(lines) + "\n"


@cache
def day_of(version: str, changelog: Path = _CHANGELOG) -> str:
    """Return the day of a version, as 2026-11-30, from a changelog of Debian (deb-changelog(5)).

    Raises:
        LookupError: when the changelog has no entry for it.
    """
    entry = rf"^{PROGRAM} \({re.escape(version)}-[^)]+\) .*?^ -- .*?>  (.+?)$"
    found = re.search(entry, changelog.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"{changelog}: has no entry for {version}, whose day is that of the manual pages; add one")
    return parsedate_to_datetime(found[1]).date().isoformat()


def _title(command: Command) -> str:
    name = _joined(command.words).upper()
    return f'.TH "{name}" {SECTION} {day_of(VERSION)} "{PROGRAM} {VERSION}" "{PROGRAM} manual"'


def _name(command: Command) -> Iterator[str]:
    summary = command.summary.rstrip(".")
    yield ".SH NAME"
    yield from _wrapped(f"{_code(_joined(command.words))} \\- {_text(summary[0].lower() + summary[1:])}")


def _synopsis(command: Command) -> Iterator[str]:
    """Yield the usage: what is written as it is is bold, and what stands for something else slanted."""
    words = (
        _slanted(each) if each.strip("[.").isupper() or each.startswith("[") else _bold(each)
        for each in command.usage.split(" ")
    )
    yield " ".join((_bold(command.title), *words))


def _description(command: Command, marks: set[str]) -> Iterator[str]:
    for number, each in enumerate(command.paragraphs):
        if number:
            yield ".PP"
        yield from _filled(each, marks)


def _commands(command: Command) -> Iterator[str]:
    for each in command.subcommands:
        yield from (".TP", _reference(each.words), *_filled(each.summary, set()))


def _option(option: Option, marks: set[str]) -> Iterator[str]:
    spelling = ", ".join(map(_bold, (*option.names, *option.opposites)))
    yield ".TP"
    yield spelling if option.metavar is None else f"{spelling} {_value(option)}"
    yield from _filled(option.text, marks | _capitals(option.metavar or ""))


def _value(option: Option) -> str:
    if option.taken.is_closed and option.metavar == "|".join(option.taken.words):
        return "|".join(map(_bold, option.taken.words))
    return _slanted(option.metavar or "")


def _definitions(told: Mapping[str, str], marks: set[str]) -> Iterator[str]:
    """Yield terms, which are roff already, with what is said of each."""
    for term, text in told.items():
        yield from (".TP", term, *_filled(text, marks))


def _see_also(command: Command, above: Command | None) -> Iterator[str]:
    told = [() if above is None else above.words, *(tuple(each.split()) for each in command.related)]
    if not command.words:
        told = [each.words for each in command.subcommands]
    # Each once; the page itself is open.
    pages = [each for each in dict.fromkeys(told) if each != command.words]
    if above is not None and above.words:
        pages.insert(0, ())
    yield ",\n".join(map(_reference, pages))


def _reference(words: Sequence[str]) -> str:
    return f"{_bold(_joined(words))}({SECTION})"


def _joined(words: Sequence[str]) -> str:
    return "-".join((PROGRAM, *words))


def _words(command: Command) -> set[str]:
    """Return the words in capitals that stand for something in a text about a command."""
    return {word for each in command.arguments for word in _capitals(each.metavar)}


def _capitals(metavar: str) -> set[str]:
    return set(re.findall(r"[A-Z]+", metavar)) - _NOUNS


def _filled(text: str, marks: set[str]) -> Iterator[str]:
    """Yield the lines of a paragraph, each sentence on its own."""
    for sentence in SENTENCE.split(text):
        yield from _wrapped("".join(_pieces(sentence, marks)))


def _pieces(text: str, marks: set[str]) -> Iterator[str]:
    """Yield a text in pieces, each as roff has it."""
    end = 0
    for match in _MARKED.finditer(text):
        yield _text(text[end : match.start()])
        yield _hidden(_marked(match, marks))
        end = match.end()
    yield _text(text[end:])


def _wrapped(text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return (_begun(line.replace("\0", " ")) for line in lines)


def _marked(match: re.Match[str], marks: set[str]) -> str:
    if match["code"]:
        return _bold(match["code"])
    if match["option"]:
        return _bold(match["option"])
    return f"\\fI{match['word']}\\fR" if match["word"] in marks else match["word"]


def _hidden(text: str) -> str:
    """Keep the words together, so that the lines of a page are not broken within a command."""
    return text.replace(" ", "\0")


def _text(text: str) -> str:
    return text.translate(_PLAIN)


def _code(text: str) -> str:
    """Return what is typed as it is: a minus stays a minus, and not a hyphen."""
    return _begun(text.translate(_PLAIN).replace("-", r"\-"))


def _begun(line: str) -> str:
    """Keep the beginning of a line from being a request."""
    return rf"\&{line}" if line.startswith((".", "'")) else line


def _bold(text: str) -> str:
    return f"\\fB{_code(text)}\\fR"


def _slanted(text: str) -> str:
    return f"\\fI{_code(text)}\\fR"
