"""The completion for zsh: a function for each command, which ``_arguments`` works on."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.cli.commands import COMMANDS

from commandline.completion import HEAD, brief
from commandline.model import PROGRAM, Argument, Command, Option, Paths, Sign, Taken

_HELPERS = r"""
# Words, or a path.
_osdimage_or_files() {
    _alternative "words:word:($*)" 'files:file:_files'
}

# N=DISK: a path behind the first =.
_osdimage_after_sign() {
    if compset -P 1 '*='; then
        _files "$@"
    else
        _message 'number or name, then ='
    fi
}

# SRC=DST: a path before the =.
_osdimage_before_sign() {
    if compset -P 1 '*='; then
        _message 'path in the image'
    else
        _files -S '=' "$@"
    fi
}

# A command, and those below it, as the program itself takes them; or some words.
_osdimage_again() {
    (( CURRENT > 1 )) || compadd -- "$@"
    words=(osdimage "${words[@]}")
    (( CURRENT += 1 ))
    _osdimage
}
"""


def script(program: Command) -> str:
    """Return the script for ``zsh/site-functions``."""
    functions = "\n".join("\n".join((*_function(each), "")) for each in program.walk())
    begin = (
        f'if [[ $funcstack[1] == _{PROGRAM} ]]; then\n    _{PROGRAM} "$@"\nelse\n    compdef _{PROGRAM} {PROGRAM}\nfi\n'
    )
    return f"#compdef {PROGRAM}\n# {HEAD}\n{_HELPERS}\n{functions}\n{begin}"


def _function(command: Command) -> Iterator[str]:
    name = "_".join((f"_{PROGRAM}", *command.words))
    options = [_quoted(each) for option in command.options for each in _option(option)]
    yield f"{name}() {{"
    if command.subcommands:
        yield "    local curcontext=$curcontext context state state_descr line"
        yield "    typeset -A opt_args"
        rest = [_quoted("1:command:->command"), _quoted("*::argument:->argument")]
        yield from _call("_arguments -C -S", [*options, *rest])
        yield from ("    case $state in", "        command)")
        yield f"            local -a commands=({' '.join(map(_quoted, map(_described, command.subcommands)))})"
        yield f"            _describe -t commands '{command.title} command' commands"
        yield from ("            ;;", "        argument)")
        yield f"            (( ! $+functions[{name}_$line[1]] )) || {name}_$line[1]"
        yield from ("            ;;", "    esac")
    else:
        arguments = list(_arguments(command.arguments))
        if command.words == ("help",):
            topics = " ".join(word for word in command.words_taken if word not in COMMANDS)
            arguments = [f"*::command: _{PROGRAM}_again {topics}"]
        yield from _call("_arguments -S", [*options, *map(_quoted, arguments)])
    yield "}"


def _call(function: str, words: list[str]) -> Iterator[str]:
    yield f"    {function} \\"
    yield from (f"        {word} \\" for word in words[:-1])
    yield f"        {words[-1]}"


def _described(command: Command) -> str:
    return f"{command.words[-1]}:{brief(command.summary)}"


def _option(option: Option) -> Iterator[str]:
    """Yield a specification for each spelling, which excludes the others."""
    several = "*" if option.is_repeatable else ""
    told = f"[{_escaped(brief(option.text))}]"
    excluded = "" if option.is_repeatable else f"({' '.join(option.names + option.opposites)})"
    for name in option.names + option.opposites:
        if option.metavar is None:
            yield f"{excluded}{several}{name}{told}"
        else:
            yield f"{excluded}{several}{name}={told}:{_escaped(option.metavar)}:{_action(option.taken)}"


def _arguments(arguments: tuple[Argument, ...]) -> Iterator[str]:
    for number, each in enumerate(arguments, 1):
        # What follows one that may be there more than once is of the same kind.
        place = "*" if each.is_repeatable else number
        yield f"{place}:{_escaped(each.metavar)}:{_action(each.taken)}"
        if each.is_repeatable:
            return


def _action(taken: Taken) -> str:
    """Return what ``_arguments`` does for a value; one that is free is told of, and not completed."""
    paths = {Paths.NONE: " ", Paths.FILES: "_files", Paths.FOLDERS: "_files -/"}[taken.paths]
    if taken.sign is Sign.AFTER:
        return "_osdimage_after_sign" + paths.removeprefix("_files")
    if taken.sign is Sign.BEFORE:
        return "_osdimage_before_sign"
    if taken.words and taken.paths is not Paths.NONE:
        return f" _osdimage_or_files {' '.join(taken.words)}"
    return f"({' '.join(taken.words)})" if taken.words else paths


def _escaped(text: str) -> str:
    """Return a text that does not end where ``_arguments`` divides what it is given."""
    for character in "\\[]:":
        text = text.replace(character, f"\\{character}")
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
