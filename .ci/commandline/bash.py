"""The completion for bash, with or without the package bash-completion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from commandline.completion import HEAD, spellings, usual, values_of
from commandline.model import Command, Paths, Sign, Taken

_BODY = r"""
# The words up to the cursor as the command gets them: bash divides them at = and : too.
_osdimage_words() {
    local line=${COMP_LINE:0:COMP_POINT} rest number word
    words=()
    for ((number = 0; number <= COMP_CWORD; number++)); do
        rest=${line#"${line%%[![:space:]]*}"}
        word=${COMP_WORDS[number]}
        ((number < COMP_CWORD)) || word=$rest
        if ((number == 0)) || [[ $rest != "$line" ]]; then
            words+=("$word")
        else
            words[${#words[@]} - 1]+=$word
        fi
        line=${rest#"$word"}
    done
}

# Offer some words and paths: "words|files", of which either may be missing; files is files or folders.
_osdimage_offer() {
    local given=$2 candidates=${1%%|*} paths=${1##*|} each
    if [[ -n $candidates ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$given")
    fi
    if [[ -n $candidates && -n $paths ]]; then
        while IFS= read -r each; do
            COMPREPLY+=("$each")
        done < <(compgen -f -- "$given")
        compopt -o filenames
    elif [[ $paths == files ]]; then
        # What readline itself offers; it knows quotes and ~.
        compopt -o default
    elif [[ $paths == folders ]]; then
        compopt -o dirnames
    fi
}

_osdimage() {
    COMPREPLY=()
    local IFS=$' \t\n'
    local words current given command='' option='' ended='' position=0 number word commands options takes arguments
    _osdimage_words
    current=${words[${#words[@]} - 1]}
    _osdimage_command ''
    for ((number = 1; number < ${#words[@]} - 1; number++)); do
        word=${words[number]}
        if [[ -n $option ]]; then
            option=''
        elif [[ -z $ended && $word == -- ]]; then
            ended=yes
        elif [[ -z $command && $word == help ]]; then
            # A command follows, as if it were not there, or one of its own words.
            _osdimage_command help
            commands=${arguments%%|*}
            commands=${commands//,/ }
            arguments=''
        elif [[ -z $ended && $word == -* ]]; then
            [[ $word == *=* ]] || { _osdimage_value "$command" "$word" && option=$word; }
        elif [[ -n $commands && " $commands " == *" $word "* ]]; then
            command+=${command:+ }$word
            _osdimage_command "$command"
        else
            ((position += 1))
        fi
    done
    # Readline replaces what is behind the last of the characters that divide words.
    given=$current
    [[ $COMP_WORDBREAKS != *=* ]] || given=${given##*=}
    [[ $COMP_WORDBREAKS != *:* ]] || given=${given##*:}
    if [[ -n $option ]]; then
        _osdimage_value "$command" "$option"
        _osdimage_offer_value "$current" "$given"
    elif [[ -z $ended && $current == --*=* ]]; then
        _osdimage_value "$command" "${current%%=*}" && _osdimage_offer_value "${current#*=}" "$given"
    elif [[ -z $ended && $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif [[ -n $commands ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
    else
        # The last may be there more than once.
        while [[ $arguments == *' '* ]] && ((position > 0)); do
            arguments=${arguments#* }
            ((position -= 1))
        done
        takes=${arguments%% *}
        if [[ $takes != *+ ]] && ((position > 0)); then
            takes=''
        fi
        takes=${takes//,/ }
        _osdimage_offer "${takes%+}" "$given"
    fi
}

# The value of an option, of which a path may be before or behind a =.
_osdimage_offer_value() {
    case $takes in
        after:*) [[ $1 != *=* ]] || _osdimage_offer "|${takes#after:}" "$2" ;;
        before:*) [[ $1 == *=* ]] || _osdimage_offer "|${takes#before:}" "$2" ;;
        *) _osdimage_offer "$takes" "$2" ;;
    esac
}

complete -F _osdimage osdimage
"""


def script(program: Command) -> str:
    """Return the script for ``bash-completion/completions``."""
    return "\n".join((f"# {HEAD}", "# shellcheck shell=bash disable=SC2034", "", *_tables(program))) + _BODY


def _tables(program: Command) -> Iterator[str]:
    yield "# What follows a command: other commands, options, and what its arguments are, a word for each."
    yield from ("_osdimage_command() {", "    commands='' options='' arguments=''", "    case $1 in")
    for command in program.walk():
        yield f"        '{command.name}')"
        if command.subcommands:
            yield f"            commands='{' '.join(each.words[-1] for each in command.subcommands)}'"
        yield f"            options='{' '.join(_sorted(command))}'"
        arguments = " ".join(_argument(each.taken, is_repeatable=each.is_repeatable) for each in command.arguments)
        if arguments.strip("|+ "):
            yield f"            arguments='{arguments}'"
        yield "            ;;"
    yield from (
        "    esac",
        "}",
        "",
        "# What the value of an option is; a failure if it has none.",
        "_osdimage_value() {",
    )
    yield from ("    takes=''", '    case "$1 $2" in')
    most = usual(program)
    others = {
        f"'{command.name} {option.name}'": _value(option.taken)
        for command, option in values_of(program)
        if option.taken != most[option.name]
    }
    yield from _cases(others)
    # A command may have the switch that elsewhere takes a value.
    switches = sorted(
        f"'{command.name} {each.name}'"
        for command in program.walk()
        for each in command.options
        if each.metavar is None and each.name in most
    )
    yield f"        {' | '.join(switches)}) return 1 ;;"
    yield from _cases({f"*' {name}'": _value(taken) for name, taken in most.items()})
    yield from ("        *) return 1 ;;", "    esac", "}")


def _cases(told: dict[str, str]) -> Iterator[str]:
    """Yield a case for each value, with all patterns that have it."""
    for value in dict.fromkeys(told.values()):
        patterns = " | ".join(pattern for pattern, taken in told.items() if taken == value)
        yield f"        {patterns}) takes='{value}' ;;"


def _sorted(command: Command) -> Iterable[str]:
    """Return the options of a command; of two spellings, both."""
    return [name for each in command.options for name in reversed(spellings(each))]


def _value(taken: Taken) -> str:
    paths = "" if taken.paths is Paths.NONE else taken.paths.value
    if taken.sign is Sign.WHOLE:
        return f"{' '.join(taken.words)}|{paths}" if paths or taken.words else ""
    return f"{'after' if taken.sign is Sign.AFTER else 'before'}:{paths}"


def _argument(taken: Taken, *, is_repeatable: bool) -> str:
    return f"{','.join(taken.words)}|{'' if taken.paths is Paths.NONE else taken.paths.value}{'+' * is_repeatable}"
