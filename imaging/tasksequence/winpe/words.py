r"""Command lines taken apart as Windows does: the words of a program, and the commands of its shell.

ConfigMgr and MDT start a command line without a shell; what is one for the shell names it: ``cmd /c mkdir C:\x``.

Sources: "Parsing C command-line arguments", learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments (words
of a program); "cmd", learn.microsoft.com/windows-server/administration/windows-commands/cmd (which quotation marks
behind ``/c`` stay); "set", the same (without delayed expansion, variables are replaced when a line is read, so that
``%ERRORLEVEL%`` is the code before its first command).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.errors import InvalidRequest, quoted

LONGEST = 8191
"""Characters of the longest command line of the shell ("Command prompt line string limitation", Microsoft 830473)."""

_BLANKS = " \t"
_SPECIAL = frozenset("&<>()@^|")
_SHELL = re.compile(r"(?:x:\\windows\\system32\\)?cmd(?:\.exe)?", re.IGNORECASE | re.ASCII)
_SWITCH = re.compile(r"/([a-z])(?::(?:on|off|[0-9a-f]{1,2}))?", re.IGNORECASE | re.ASCII)
_IN_PE = {
    "errorlevel": "0",
    "systemdrive": "X:",
    "systemroot": r"X:\Windows",
    "windir": r"X:\Windows",
    "temp": r"X:\Windows\Temp",
    "tmp": r"X:\Windows\Temp",
}
"""What the environment of Windows PE holds, and the code before the first command."""
_NAMED = re.compile(r"%([^%\s\"]+)%")
_CONTROL = re.compile(r"[\0-\x1f\x7f]")


class Joint(StrEnum):
    """What joins a command to the one before it: it runs always, if that succeeded, or if that failed."""

    ALWAYS = "&"
    IF_OK = "&&"
    IF_FAILED = "||"


@dataclass(frozen=True, slots=True)
class Part:
    """One command of a line.

    Attributes:
        text: of it, without what joins it and without what sends its output elsewhere.
        joint: what joins it to the one before it.
        is_of_shell: whether a shell has read it.
    """

    text: str
    joint: Joint = Joint.ALWAYS
    is_of_shell: bool = False


def parts_of(line: str) -> tuple[Part, ...]:
    """Return the commands of a command line: one, or those that a shell would run one after the other.

    Raises:
        InvalidRequest: when it is longer than one can be, or has what only a shell of Windows can do.
    """
    if len(line) > LONGEST:
        raise InvalidRequest(f"the command line has {len(line):,} characters; valid are at most {LONGEST:,}")
    if _CONTROL.search(line.strip()) is not None:
        raise InvalidRequest("the command line has a control character; valid is one line of text")
    text = _behind_switch(line.strip())
    if text is None:
        return (Part(line.strip()),)
    return tuple(_split(_with_environment(text)))


def _behind_switch(line: str) -> str | None:
    """Return what the shell is told to run, or None when it is not the shell that is started."""
    program, rest = _first_word(line)
    if _SHELL.fullmatch(program) is None:
        return None
    rest = rest.lstrip(_BLANKS)
    while (switch := _SWITCH.match(rest)) is not None:
        rest = rest[switch.end() :].lstrip(_BLANKS)
        if switch[1].lower() == "c":
            return _unquoted(rest)
        if switch[1].lower() == "k":
            break
    raise InvalidRequest("it starts a shell that stays open; valid is cmd /c COMMAND")


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    end = text.rfind('"')
    inner = text[1:end] if end else ""
    keeps = text.count('"') == 2 and " " in inner and not _SPECIAL & set(text) and inner.lower().endswith(".exe")
    return text if keeps or not end else inner + text[end + 1 :]


def _with_environment(text: str) -> str:
    def value(found: re.Match[str]) -> str:
        known = _IN_PE.get(found[1].lower())
        if known is None:
            raise InvalidRequest(f"there is no variable {quoted(found[1])}")
        return known

    return _NAMED.sub(value, text)


_TOKEN = re.compile(
    r"""(?P<kept>"[^"]*")
    |\^(?P<escaped>.?)
    |(?P<joint>&&?|\|\|?)
    |(?P<stream>(?<![^\ \t])[0-9](?=[<>]))?(?:>>?|<)(?:&[0-9]|[ \t]*(?:"(?P<quoted>[^"]*)"|(?P<target>[^\s"&|<>^]+)))?
    |(?P<open>")
    |(?P<plain>.)""",
    re.VERBOSE | re.DOTALL,
)
_NOWHERE = re.compile(r"nul|x:\\.*", re.IGNORECASE | re.DOTALL)


def _split(text: str) -> Iterator[Part]:
    """Yield the commands of a line, without what sends their output nowhere."""
    joint, held = Joint.ALWAYS, ""
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "joint":
                yield _part(held, joint)
                if token[0] == "|":
                    raise InvalidRequest("it gives the output of one command to another, which only a shell does")
                joint, held = Joint(token[0]), ""
            case "kept" | "plain":
                held += token[0]
            case "escaped":
                held += token["escaped"]
            case "open":
                raise InvalidRequest("the command line has a quotation mark that is not closed")
            case _:
                _refuse_file(token)
    yield _part(held, joint)


def _part(text: str, joint: Joint) -> Part:
    plain = text.strip(_BLANKS).removeprefix("@")
    if not plain:
        raise InvalidRequest(f"the command line has no command beside a {joint.value}")
    if plain.startswith("("):
        raise InvalidRequest("it has a block in parentheses, which only a shell of Windows runs")
    return Part(plain, joint, is_of_shell=True)


def _refuse_file(redirection: re.Match[str]) -> None:
    """Refuse input and output that are from or to a file; the RAM disk of Windows PE is as good as nothing."""
    target = redirection["target"] if redirection["quoted"] is None else redirection["quoted"]
    to_stream = redirection[0][-2:-1] == "&"
    if not to_stream and (target is None or _NOWHERE.fullmatch(target) is None):
        raise InvalidRequest(
            f"it takes input or output from or to a file ({quoted(redirection[0][:40])}); valid are nul and X:"
        )


def _first_word(line: str) -> tuple[str, str]:
    """Return the program of a command line, and what is behind it: quotation marks cannot be escaped in it."""
    word, is_quoted = "", False
    for at, sign in enumerate(line):
        if sign == '"':
            is_quoted = not is_quoted
        elif sign in _BLANKS and not is_quoted:
            return word, line[at:]
        else:
            word += sign
    return word, ""


def program_words(text: str) -> tuple[str, ...]:
    """Return the words that a program finds in a command line, the program first."""
    program, rest = _first_word(text)
    words, word, is_in, is_quoted, at = [program], "", False, False, 0
    while at < len(rest):
        sign = rest[at]
        if sign == "\\":
            count = len(rest[at:]) - len(rest[at:].lstrip("\\"))
            at += count
            is_in = True
            if rest[at : at + 1] == '"':
                word += "\\" * (count // 2)
                if count % 2:
                    word += '"'
                    at += 1
            else:
                word += "\\" * count
            continue
        if sign == '"' and is_quoted and rest[at + 1 : at + 2] == '"':
            word += '"'
            at += 1
        elif sign == '"':
            is_quoted, is_in = not is_quoted, True
        elif sign in _BLANKS and not is_quoted:
            if is_in:
                words.append(word)
            word, is_in = "", False
        else:
            word += sign
            is_in = True
        at += 1
    return (*words, word) if is_in else tuple(words)


def shell_words(text: str) -> tuple[str, ...]:
    """Return the words of a command that is built into the shell, switches apart: ``rd/s/q C:`` has four."""
    words, word, is_quoted, is_in = [], "", False, False
    for sign in text:
        if sign == '"':
            is_quoted, is_in = not is_quoted, True
            continue
        if not is_quoted and (sign in f"{_BLANKS},;=" or sign == "/"):
            if is_in:
                words.append(word)
            word, is_in = "", False
        if is_quoted or sign not in f"{_BLANKS},;=":
            word += sign
            is_in = True
    return (*words, word) if is_in else tuple(words)
