"""The command line as facts: every command with its options, arguments, examples and what else is told of it.

Man pages, completions and the pages of the site are made of these alone, so that they say the same.  The facts come
from the click commands and the tables in ``osdimage.cli.guidance``, which the help shows, too; nothing is taken from
the help as click lays it out, which differs between its versions.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

import click
from osdimage.cli.app import cli
from osdimage.cli.commands import help_text
from osdimage.cli.guidance.examples import EXAMPLES
from osdimage.cli.guidance.outcomes import outcomes_of
from osdimage.cli.guidance.related import RELATED
from osdimage.cli.guidance.surroundings import FILES, VARIABLES, Surrounding
from osdimage.cli.lazy import LazyGroup
from osdimage.cli.params import OldSpelling
from osdimage.cli.schemas import schema_names

PROGRAM = "osdimage"
# Where a sentence begins behind another.
SENTENCE = re.compile(r"(?<=[.?!]) +(?=[A-Z\-(*\\/])")


class Paths(Enum):
    """Which paths complete a word."""

    NONE = "none"
    FILES = "files"
    FOLDERS = "folders"


class Sign(Enum):
    """Where in a word a path is, as of ``N=DISK`` and ``SRC=DST``."""

    WHOLE = "whole"
    AFTER = "after ="
    BEFORE = "before ="


@dataclass(frozen=True, slots=True)
class Taken:
    """What an option or argument takes.

    Attributes:
        words: those that it may be; of others too, unless ``is_closed``.
        paths: which paths it may be.
        sign: where in the word the path is.
        is_closed: whether nothing but ``words`` is valid.
    """

    words: tuple[str, ...] = ()
    paths: Paths = Paths.NONE
    sign: Sign = Sign.WHOLE
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """An option.

    Attributes:
        names: its spellings, the short one first, as ``("-q", "--quiet")``.
        opposites: those that say no, as ``("--no-wipe",)``.
        metavar: what its value is called, or None for a switch.
        text: what it does, in sentences, with its default and limits.
        taken: what its value may be; of a switch, nothing.
        is_required: whether the command is nothing without it.
        is_repeatable: whether it may be given more than once.
    """

    names: tuple[str, ...]
    opposites: tuple[str, ...]
    metavar: str | None
    text: str
    taken: Taken
    is_required: bool
    is_repeatable: bool

    @property
    def name(self) -> str:
        """The long spelling."""
        return max(self.names, key=len)


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument: how the usage writes it, and what it may be."""

    metavar: str
    taken: Taken
    is_repeatable: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A command, a group of them, or the program itself.

    Attributes:
        words: how it is called, without the program: ``("disk", "init")``; nothing for the program itself.
        summary: one sentence for lists, with a full stop.
        paragraphs: what it does, the first is one sentence.
        options: in the order of the help.
        arguments: in their order.
        subcommands: of a group.
        examples: whole lines for a shell.
        outcomes: exit code -> what it means.
        variables: of the environment, those that it has to do with.
        files: the same.
        related: the names of others, such as ``disk init``.
    """

    words: tuple[str, ...]
    summary: str
    paragraphs: tuple[str, ...]
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    subcommands: tuple[Command, ...]
    examples: tuple[str, ...]
    outcomes: dict[str, str]
    variables: tuple[Surrounding, ...]
    files: tuple[Surrounding, ...]
    related: tuple[str, ...]

    @property
    def name(self) -> str:
        """How it is called behind the program; nothing for the program itself."""
        return " ".join(self.words)

    @property
    def title(self) -> str:
        """How it is called."""
        return " ".join((PROGRAM, *self.words))

    @property
    def words_taken(self) -> tuple[str, ...]:
        """The words that its arguments may be."""
        return tuple(dict.fromkeys(word for each in self.arguments for word in each.taken.words))

    @property
    def usage(self) -> str:
        """What follows its title: options that are required, and arguments."""
        required = [f"{each.name} {each.metavar}" for each in self.options if each.is_required]
        arguments = ["COMMAND"] if self.subcommands else [each.metavar for each in self.arguments]
        return " ".join((*required, "[OPTION]...", *arguments))

    def walk(self) -> Iterator[Command]:
        """Yield it, and all below it, in the order of the help."""
        yield self
        for each in self.subcommands:
            yield from each.walk()


def program() -> Command:
    """Return the program with all its commands.

    Raises:
        LookupError: when a value is of a kind that ``_TEXTS`` does not have.
    """
    return _command((), cli, click.Context(cli, info_name=PROGRAM, help_option_names=["-h", "--help"]))


def _command(words: tuple[str, ...], command: click.Command, context: click.Context) -> Command:
    name = " ".join(words)
    options = tuple(_option(each, context) for each in command.get_params(context) if isinstance(each, click.Option))
    arguments = tuple(_argument(each, context) for each in command.params if isinstance(each, click.Argument))
    taken = {spelling for each in options for spelling in each.names}
    is_group = isinstance(command, LazyGroup)
    subcommands = tuple(_below(words, command, context)) if isinstance(command, LazyGroup) else ()
    if is_group:
        # Its pages are about all that is below it.
        taken |= {spelling for each in subcommands for option in each.options for spelling in option.names}
    names = {name, *(one.name for each in subcommands for one in each.walk())}
    paragraphs = tuple(_paragraphs(command.help or "") if words else _about())
    return Command(
        words,
        summary=paragraphs[0],
        paragraphs=paragraphs,
        options=options,
        arguments=arguments,
        subcommands=subcommands,
        examples=EXAMPLES.get(name, ()),
        outcomes=outcomes_of(name),
        variables=tuple(each for each in VARIABLES if any(each.concerns(one, taken) for one in names)),
        files=tuple(each for each in FILES if any(each.concerns(one, taken) for one in names)),
        related=RELATED.get(name, ()),
    )


def _below(words: tuple[str, ...], group: LazyGroup, context: click.Context) -> Iterator[Command]:
    for name, (_, summary) in group.table.items():
        command = group.get_command(context, name)
        if command is None:
            raise LookupError(f"{' '.join((*words, name))} is in a table of commands and is none")
        found = _command((*words, name), command, click.Context(command, info_name=name, parent=context))
        # What lists say is in the table; what the help begins with says it of the arguments.
        yield replace(found, summary=summary)


def _paragraphs(text: str) -> Iterator[str]:
    for each in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if each.strip():
            yield " ".join(each.split())


def _about() -> Iterator[str]:
    """Yield what the help of the program says of it; the exit codes have a table of their own."""
    about = help_text().partition("\nOptions:")[0].partition("\n\n")[2]
    return (each for each in _paragraphs(about) if not each.startswith("Exit codes:"))


def _option(option: click.Option, context: click.Context) -> Option:
    shown = slice(1) if isinstance(option, OldSpelling) else slice(None)
    is_switch = option.is_flag or option.count
    metavar = None if is_switch else _metavar(option)
    # Some say their default as click does.
    text = re.sub(r"\[default: (.*)\]$", r"Default: \1.", " ".join((option.help or "").split()))
    return Option(
        names=tuple(sorted(option.opts[shown], key=len)),
        opposites=tuple(option.secondary_opts[shown]),
        metavar=metavar,
        text=" ".join((text, *_limits(option))),
        taken=Taken() if metavar is None else _taken_by_option(option, metavar, context),
        is_required=option.required,
        is_repeatable=option.multiple,
    )


def _limits(option: click.Option) -> Iterator[str]:
    """Yield what click's help has in brackets, as sentences."""
    if option.show_default is True and isinstance(option.default, (str, int)) and not option.is_flag:
        yield f"Default: {option.default}."
    kind = option.type
    if isinstance(kind, click.IntRange):
        if kind.max is not None:
            yield f"From {kind.min} to {kind.max}."
        elif kind.min not in {None, 1}:
            yield f"From {kind.min} on."
    if option.required:
        yield "Required."


def _metavar(option: click.Option) -> str:
    if option.metavar is not None:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.type.name.upper()


def _argument(argument: click.Argument, context: click.Context) -> Argument:
    written = argument.metavar
    if written is None:
        # As click, which asks for a context in newer versions alone.
        name = (argument.name or "").upper()
        written = f"{name if argument.required else f'[{name}]'}{'...' * (argument.nargs != 1)}"
    bare = written.removesuffix("...")
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    return Argument(written, _taken(argument, bare, context), is_repeatable=argument.nargs == -1)


_COMPUTER, _COMPUTERS = "SOURCE", ("host", "qemu")
_MODELS = ("host", "qemu", "vmware", "hyper-v", "virtualbox")
_FILE = Taken(paths=Paths.FILES)
_AFTER = Taken(paths=Paths.FILES, sign=Sign.AFTER)
_FREE = Taken()
# What a text is that an option takes, by what its value is called.
_TEXTS: dict[str, Taken] = {
    "FILE|-": _FILE,
    "GLOB": _FILE,
    "DIR|-": Taken(paths=Paths.FOLDERS),
    "[N=]FILE|-": _FILE,
    "[PRECEDENCE=]FILE": _FILE,
    "[ID=]XML": _FILE,
    "MEDIUM[,MEDIUM...]": _FILE,
    "PATH|catalog:NAME": _FILE,
    "N=DISK": _AFTER,
    "ID=FILE": _AFTER,
    "ID=PATH": _AFTER,
    "\\\\SERVER\\SHARE=DIR": Taken(paths=Paths.FOLDERS, sign=Sign.AFTER),
    "SRC=DST": Taken(paths=Paths.FILES, sign=Sign.BEFORE),
    "SRC=NAME": Taken(paths=Paths.FILES, sign=Sign.BEFORE),
    "DISK": _FILE,
    "DISK[:M]": _FILE,
    "WIM[:IMAGE]": _FILE,
    "WIM[:N]": _FILE,
    "cd|dvd|dvd-dl|bd|bd-dl|SIZE": Taken(("cd", "dvd", "dvd-dl", "bd", "bd-dl", "unlimited")),
    "[WIM:]IMAGE": _FILE,
    _COMPUTER: Taken(_COMPUTERS, Paths.FILES),
    "FILE|NAME": Taken(_MODELS, Paths.FILES),
    "ARCH": Taken(("x86", "amd64", "arm", "arm64")),
    "NONE|XPRESS|LZX|LZMS[:LEVEL]": Taken(("none", "xpress", "lzx", "lzms")),
    "KIND": Taken(tuple(schema_names()), is_closed=True),
    "STEP|yaml|answers": Taken(("yaml", "answers")),
    "NAME|PATH": Taken(("SYSTEM", "SOFTWARE", "DEFAULT", "SAM", "SECURITY")),
    "NAME=WIM[:N]": Taken(paths=Paths.FILES, sign=Sign.AFTER),
    "any|inf|LIST": Taken(("any", "inf")),
    "STEP|TYPE|CLASS": Taken(("windows", "site", "unknown")),
    **dict.fromkeys(
        (
            *(
                "+NAME,-NAME",
                "A=B",
                "COMMAND",
                "DATA",
                "DATE",
                "DRIVER",
                "DRIVER...",
                "HEX",
                "ID",
                "ADDRESS",
                "ID:NAME=COMMAND",
                "INF",
                "KEY",
            ),
            *("FIRST-LAST/PREFIX", "LIST", "NETWORK", "URL"),
            *("M", "MB", "N", "NAME", "NAME=COMMAND", "NAME=ID", "NAME=VALUE", "PATH", "PATH=TEXT"),
            *("PATTERN", "SECONDS", "SIZE", "STEP=COMMAND", "TEXT", "VERSION", "[N=]SIZE"),
        ),
        _FREE,
    ),
}


def _taken_by_option(option: click.Option, metavar: str, context: click.Context) -> Taken:
    # What tells of a computer: a path is not all that it may be, whatever its type.
    return _TEXTS[metavar] if metavar == _COMPUTER else _taken(option, metavar, context)


def _taken(parameter: click.Parameter, metavar: str, context: click.Context) -> Taken:
    kind = parameter.type
    if isinstance(kind, click.Choice):
        return Taken(tuple(map(str, kind.choices)), is_closed=True)
    if isinstance(kind, click.Path):
        is_folder = not kind.file_okay or metavar in {"DIR", "DIR|-"}
        return Taken(paths=Paths.FOLDERS if is_folder else Paths.FILES)
    words = tuple(each.value for each in parameter.shell_complete(context, ""))
    if words:
        return Taken(words, is_closed=True)
    try:
        return _TEXTS[metavar]
    except KeyError as error:
        raise LookupError(f"{metavar}: say in {__name__} what such a value is") from error
