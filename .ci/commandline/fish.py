"""The completion for fish: a line for each option of each command."""

from __future__ import annotations

from collections.abc import Iterator

from commandline.completion import HEAD, brief
from commandline.model import PROGRAM, Command, Option, Paths, Taken

_HELPERS = f"""
# The words behind {PROGRAM}, without options, up to the cursor; help is followed by a command, as if it were not there.
function __{PROGRAM}_given
    set -l given (string match --invert -- '-*' (commandline --tokenize --current-process --cut-at-cursor)[2..])
    test "$given[1]" = help; and set -e given[1]
    printf '%s\n' $given
end

# Whether these words are the command that is given; words behind it are its arguments.
function __{PROGRAM}_in
    set -l given (__{PROGRAM}_given)
    string match --quiet -- "$argv *" "$given "
end

# Whether these words are the group whose command comes next.
function __{PROGRAM}_at
    set -l given (__{PROGRAM}_given)
    test "$given" = "$argv"
end

# Whether the next word is the first behind help.
function __{PROGRAM}_helps
    set -l words (commandline --tokenize --current-process --cut-at-cursor)
    test "$words[2..]" = help
end

complete --command {PROGRAM} --no-files
"""


def script(program: Command) -> str:
    """Return the script for ``fish/vendor_completions.d``."""
    return f"# {HEAD}\n{_HELPERS}" + "".join(f"{line}\n" for line in _lines(program))


def _lines(program: Command) -> Iterator[str]:
    for command in program.walk():
        yield ""
        if not command.words:
            condition = f"--condition __{PROGRAM}_at"
        elif command.subcommands:
            condition = f"--condition '__{PROGRAM}_at {command.name}'"
        else:
            condition = f"--condition '__{PROGRAM}_in {command.name}'"
        begin = f"complete --command {PROGRAM} {condition}"
        for each in command.subcommands:
            yield f"{begin} --arguments {each.words[-1]} --description {_quoted(brief(each.summary))}"
        if command.words == ("help",):
            begin = f"complete --command {PROGRAM} --condition __{PROGRAM}_helps"
        if command.words_taken:
            yield f"{begin} --arguments {_quoted(' '.join(command.words_taken))}"
        if any(each.taken.paths is not Paths.NONE for each in command.arguments):
            yield f"{begin} --force-files"
        for option in command.options:
            yield from (f"{begin} {line}" for line in _option(option))


def _option(option: Option) -> Iterator[str]:
    told = f"--description {_quoted(brief(option.text))}"
    short = [name.lstrip("-") for name in option.names if not name.startswith("--")]
    long = [name.lstrip("-") for name in option.names if name.startswith("--")]
    names = [*(f"--short-option {name}" for name in short), *(f"--long-option {name}" for name in long)]
    yield " ".join((*names, *_value(option), told))
    yield from (f"--long-option {name.lstrip('-')} {told}" for name in option.opposites)


def _value(option: Option) -> Iterator[str]:
    if option.metavar is None:
        return
    taken: Taken = option.taken
    # Behind N= fish completes paths by itself.
    yield "--require-parameter"
    if taken.paths is Paths.NONE:
        yield "--no-files"
    elif taken.paths is Paths.FILES:
        yield "--force-files"
    words = [_quoted(" ".join(taken.words))] if taken.words else []
    if taken.paths is Paths.FOLDERS:
        words.append("'(__fish_complete_directories (commandline --current-token))'")
        yield "--no-files"
    yield from (f"--arguments {each}" for each in words)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
