r"""Command lines of steps, as lines of a batch file.

Model: ConfigMgr starts a command line without a shell; here the shell of a batch file does.  So what the shell would
read for itself is taken from it: outside of quotation marks a caret goes before each character that is one of its
operators, and a percent sign is doubled everywhere, so that the program gets the line as it was written.  What the line
asks a shell for (``cmd /c copy a b > c``), the shell that it names then finds.

``%NAME%`` is replaced before, where the sequence has the variable.  A variable that the first start sets is read there.
Any other stays as it is, as in ConfigMgr; but in the name of the program, and in a folder, where it could only fail,
those that every Windows has are replaced at the first start.

Sources: Microsoft, "CreateProcessW" (which part of a command line is the program); "cmd", "Escape Characters,
Delimiters, and Operators" and KB 830473 (what the shell reads, and how long a line may be); "Run Command Line" of the
task sequence steps of Configuration Manager.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from osdimage.imaging.errors import InvalidRequest, Means, Remedy
from osdimage.imaging.errors import quoted as plainly_quoted
from osdimage.imaging.firststart.steps import LONGEST_LINE, takes_value
from osdimage.imaging.tasksequence.layers import utf16_units
from osdimage.imaging.tasksequence.staging.staged import SUCCESS, StagedCommand

SYSTEM_FOLDER = r"%SystemRoot%\System32"
"""Where commands start that have no folder: there ConfigMgr's own program has been started."""
PACKAGES = r"%~dp0..\packages"
"""The packages, as the batch file of a step finds them."""
VARIABLES = r"%~dp0..\vars.txt"
"""The variables that steps set, as the batch file of a step finds them."""
INSTEAD = Remedy("let the first start run another command in place of step N: {}", (Means.REPLACE_STEP,), ("N",))
"""What helps where nothing here carries a step out; one for all such steps, of which a sequence may have many."""
PATH_NOT_FOUND = 3
"""ERROR_PATH_NOT_FOUND, with which a step ends whose folder is not there."""

_OPERATORS = frozenset("&|<>^()")
_BLANKS = " \t"
_FIRST_WORD = re.compile(f"[{_BLANKS}]")
_CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
_PLAIN_PROGRAM = re.compile(r"[A-Za-z0-9_.\\:-]+", re.ASCII)
# A path that has blanks and no quotation marks goes on to the first part that ends as a program does.
_PATH_WITH_BLANKS = re.compile(
    r"(?:[A-Za-z]:\\|\\\\|%[^%\s]+%\\)[^\"<>|*?:/]*?\\[^\"<>|*?:/\\]*?\.(?:exe|com|bat|cmd)(?=[ \t]|$)",
    re.ASCII | re.IGNORECASE,
)
_NAMED = re.compile(r"%([A-Za-z_][A-Za-z0-9_-]*)%", re.ASCII)
WINDOWS_NAMES = frozenset({
    "allusersprofile", "commonprogramfiles", "commonprogramfiles(x86)", "comspec", "programdata", "programfiles",
    "programfiles(x86)", "public", "systemdrive", "systemroot", "temp", "tmp", "windir",
})  # fmt: skip
"""Variables that every Windows has, in lower case."""
_OF_THE_SHELL = frozenset({
    "assoc", "break", "call", "cd", "chdir", "cls", "color", "copy", "date", "del", "dir", "echo", "endlocal", "erase",
    "exit", "for", "ftype", "goto", "if", "md", "mkdir", "mklink", "move", "path", "pause", "popd", "prompt", "pushd",
    "rd", "rem", "ren", "rename", "rmdir", "set", "setlocal", "shift", "start", "time", "title", "type", "ver",
    "verify", "vol",
})  # fmt: skip


def command_line(command: str, unsure: Collection[str] = ()) -> str:
    """Return the line of a batch file that starts what a command line starts without a shell.

    Args:
        command: with its variables replaced.
        unsure: names of variables, in lower case, that are read when the line runs.

    Raises:
        InvalidRequest: when no line of a batch file can be that, or it begins with a command of the shell.
    """
    text = _checked(command.strip(_BLANKS + "\r\n"), "its command line")
    program, rest, is_quoted = _divided(text)
    if program.lower() in _OF_THE_SHELL:
        raise InvalidRequest(
            f"its command line begins with {quoted(program)}, a command of the shell and no program; valid is "
            f"cmd.exe /c {program}"
        )
    named = _percents(program, {*unsure, *WINDOWS_NAMES})
    line = f'"{named}"' if is_quoted or _PLAIN_PROGRAM.fullmatch(program) is None else named
    return _checked(f"{line}{_without_operators(_percents(rest, unsure))}", "its command line")


def arguments(start: str, text: str, unsure: Collection[str] = ()) -> str:
    """Return the line of a batch file that starts a program of osdimage's own choice, with what a step tells it.

    Args:
        start: the beginning of the line, as a batch file has it, with quotation marks that end.
        text: the rest, with its variables replaced; or empty.
        unsure: names of variables, in lower case, that are read when the line runs.

    Raises:
        InvalidRequest: when no line of a batch file can be that.
    """
    rest = _without_operators(_percents(text.strip(_BLANKS + "\r\n"), unsure))
    return _checked(f"{start} {rest}" if rest else start, "its command line")


def quoted_argument(text: str, names: Collection[str] = ()) -> str:
    """Return a text as one argument of a program, with its quotation marks.

    Args:
        text: with its variables replaced.
        names: of variables, in lower case, that are read when the line runs.

    Raises:
        InvalidRequest: when it has quotation marks or control characters.
    """
    if '"' in text:
        raise InvalidRequest("one of its settings has a quotation mark, which no batch file can hand over")
    # A program reads a backslash before the quotation mark as one that belongs to that.
    slashes = text[len(text.rstrip("\\")) :]
    return _checked(f'"{_percents(text, names)}{slashes}"', "one of its settings")


def checked_path(path: str) -> str:
    """Return a path below a folder as a batch file has it, between quotation marks.

    Raises:
        InvalidRequest: when it has quotation marks or control characters.
    """
    plain = path.replace("/", "\\").strip("\\")
    if not plain or '"' in plain:
        raise InvalidRequest(f"{quoted(path)} is no path of a file; valid is one without quotation marks")
    return _checked(_percents(plain, ()), "its path")


def folder_lines(folder: str, unsure: Collection[str] = (), *, below: str | None = None) -> tuple[str, ...]:
    r"""Return the first lines of a batch file that works in a folder, and ends with 3 when it is not there.

    Args:
        folder: a path of the new Windows, with its variables replaced.
        unsure: names of variables, in lower case, that are read when the lines run.
        below: the folder that it is in, as a batch file has it; None for a whole path.

    Raises:
        InvalidRequest: when it is no path.
    """
    inner = folder.strip().strip('"')
    if not inner or '"' in inner:
        raise InvalidRequest(f"{quoted(folder)} is no folder; valid is a path without quotation marks")
    path = _checked(_percents(inner, {*unsure, *WINDOWS_NAMES}), "its folder")
    return entering(path if below is None else rf"{below}\{path}")


def entering(folder: str) -> tuple[str, ...]:
    """Return these lines for a folder that is written as a batch file has it."""
    return ("@echo off", f'pushd "{folder}"', f"if errorlevel 1 exit /b {PATH_NOT_FOUND}")


def setting_lines(name: str, value: str, unsure: Collection[str] = ()) -> tuple[str, ...]:
    r"""Return the lines of a batch file that set a variable for the steps after it, in ``vars.txt``.

    Args:
        name: of the variable.
        value: with its variables replaced; empty to delete it.
        unsure: names of variables, in lower case, that are read when the lines run.

    Raises:
        InvalidRequest: when the value has quotation marks or control characters.
    """
    if not value:
        return ("@echo off", f'>>"{VARIABLES}" echo {name}=')
    # ``set`` shows all variables whose names begin so, which have their values there already.
    return ("@echo off", assignment(name, value, unsure), f'>>"{VARIABLES}" set {name}')


def assignment(name: str, value: str, unsure: Collection[str] = ()) -> str:
    """Return the line of a batch file that sets a variable of its own.

    Args:
        name: of the variable.
        value: with its variables replaced; empty to delete it.
        unsure: names of variables, in lower case, that are read when the line runs.

    Raises:
        InvalidRequest: when the value has quotation marks or control characters.
    """
    if not value:
        return f"set {name}="
    if not takes_value(value):
        raise InvalidRequest(
            f"the value of {name} cannot be set by a script; valid is a text without quotation marks and "
            "control characters that does not begin with ="
        )
    # Between quotation marks the shell reads no operator, neither in the text nor in what it puts there.
    return _checked(f'set "{name}={_percents(value, unsure)}"', f"the value of {name}")


def quoted(text: str) -> str:
    """Quote a text for a message; line ends, which would make two lines of it, become escapes."""
    return plainly_quoted(text) if text.isprintable() else ascii(text)


def read_later(text: str, unsure: Collection[str]) -> tuple[str, ...]:
    """Return the names of the variables in a text that are read at the first start, as they are written there."""
    return tuple(dict.fromkeys(name for name in _NAMED.findall(text) if name.lower() in unsure))


def replacing_command(command: str) -> StagedCommand:
    """Return what runs a command line that the caller gives in place of a step, as a shell takes it.

    The exit codes of success are those of Run Command Line, 0 and 3010, since those of the step are of another command.

    Raises:
        InvalidRequest: when it is no line of a batch file.
    """
    line = _checked(command.strip(), "the command line in its place")
    return StagedCommand(f"run {line}", (*entering(SYSTEM_FOLDER), line), success_codes=SUCCESS)


def _divided(text: str) -> tuple[str, str, bool]:
    """Return the program of a command line, the rest, which begins with a blank, and whether the program was quoted."""
    if not text:
        raise InvalidRequest("it has no command line")
    if text.startswith('"'):
        program, end, rest = text[1:].partition('"')
        if not end or not program.strip():
            raise InvalidRequest("its command line begins with a quotation mark that ends no name of a program")
        return program, rest if rest[:1] in _BLANKS else f" {rest}", True
    match = _PATH_WITH_BLANKS.match(text)
    program = match[0] if match is not None else _FIRST_WORD.split(text, maxsplit=1)[0]
    if '"' in program:
        raise InvalidRequest("its command line has a quotation mark inside the name of its program")
    return program, text[len(program) :], False


def _percents(text: str, names: Collection[str]) -> str:
    """Double percent signs, but those around names that the shell is to replace."""
    pieces: list[str] = []
    rest = 0
    while (start := text.find("%", rest)) >= 0:
        end = text.find("%", start + 1)
        is_read = end > start and text[start + 1 : end].lower() in names
        pieces += [text[rest:start], text[start : end + 1] if is_read else "%%"]
        # The second sign of a name that is left alone may be the first of one that is read.
        rest = end + 1 if is_read else start + 1
    return "".join([*pieces, text[rest:]])


def _without_operators(text: str) -> str:
    return "".join(_escaped(text))


def _escaped(text: str) -> Iterator[str]:
    # The shell knows no escaped quotation mark: each begins or ends a text in which it reads no operator.
    is_inside = False
    for each in text:
        if each == '"':
            is_inside = not is_inside
        yield f"^{each}" if each in _OPERATORS and not is_inside else each


def unescaped(line: str) -> str:
    """Return what a line of a batch file says: without what :func:`command_line` has added for the shell."""
    pieces: list[str] = []
    is_inside = is_taken = False
    for each in line:
        if each == "^" and not is_inside and not is_taken:
            is_taken = True
            continue
        if each == '"' and not is_taken:
            is_inside = not is_inside
        pieces.append(each)
        is_taken = False
    return "".join(pieces).replace("%%", "%")


def _checked(line: str, called: str) -> str:
    if _CONTROL.search(line):
        raise InvalidRequest(f"{called} has a line break or another control character, which a batch file cannot hold")
    if utf16_units(line) > LONGEST_LINE:
        raise InvalidRequest(f"{called} has {utf16_units(line)} characters in a batch file; valid are {LONGEST_LINE}")
    return line
