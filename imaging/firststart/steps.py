"""One step of the first start, and what it is told by ``step.txt``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.volume.windows_names import fault_of

LONGEST_LINE = 8000
"""Characters: cmd.exe takes 8191 in a line, with what it puts there itself (Microsoft, "Command prompt line string
limitation", KB 830473)."""
MOST_STEPS = 9999
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,255}", re.ASCII)
"""The names of variables that the first start takes."""
_NO_LINE = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
_NO_TEXT = re.compile(r"[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")
MOST_RETRIES = 5
"""What the editor of ConfigMgr lets people choose."""
_MOST_SECONDS = (1 << 31) // 1000
"""What the 32 bits of a waiting program hold in milliseconds."""
OWN_FILES = frozenset(
    {"step.cmd", "step.txt", "when.cmd", "when.txt", "secret.cmd", "begin", "end", "end.new", "output.txt"}
)
"""What the folder of a step has already, in lower case."""


@dataclass(frozen=True, slots=True)
class FirstFile:
    """A small file beside the commands of a step.

    Attributes:
        name: of the file.
        text: what it holds, with line feeds.
        is_unicode: whether it is written in UTF-8 with a mark, as PowerShell reads it; else in the code page.
    """

    name: str
    text: str
    is_unicode: bool = False

    def check(self, called: str) -> None:
        """Refuse what cannot be such a file.

        Raises:
            InvalidRequest: when Windows does not open its name, the step has such a file already, or it holds what no
                text does.
        """
        fault = fault_of(self.name) or ("holds a separator" if re.search(r"[\\/]", self.name) else None)
        if fault is not None:
            raise InvalidRequest(f"{called} has a file whose name {quoted(self.name)} {fault}")
        if self.name.lower() in OWN_FILES:
            raise InvalidRequest(f"{called} has a file {quoted(self.name)}, which is a name of the first start")
        if _NO_TEXT.search(self.text):
            raise InvalidRequest(f"{called} has a file {quoted(self.name)} with a control character; a text has none")


@dataclass(frozen=True, slots=True)
class FirstStep:
    """A step of the first start.

    Attributes:
        name: for people, in the plan and in results.
        commands: the lines of a batch file; the exit code of the last command is that of the step.
        success_codes: the exit codes that are success, signed or unsigned; 3010 among them is success and a restart.
            1641 always is: the restart is under way then.
        on_failure: the number of the step to go on with when it fails; None: the first start ends there.
        retries: how often it is begun again when the computer stopped in the middle of it.
        is_wow: whether it runs in the 32-bit shell, where the Windows has one.
        restarts: whether the computer restarts when it has succeeded.
        condition: the lines of a batch file that ends with 0 when the step is to run, with 1 when not; or empty.
        label: what people call its number, such as that in a task sequence; empty: its number here.
        files: that its commands find beside them, in ``%~dp0``.
        timeout_seconds: after which it is ended, with 1460, or None.  Takes PowerShell.
        output_variable: what the last 1000 characters of its output become, or None.  Takes PowerShell.
        sets: names of other variables that it adds to ``vars.txt``.
        is_secret: whether its commands, its condition and its files are deleted when it has ended, with its output, and
            in the end what it has set.
    """

    name: str
    commands: tuple[str, ...]
    success_codes: tuple[int, ...] = (0, 3010)
    on_failure: int | None = None
    retries: int = 0
    is_wow: bool = False
    restarts: bool = False
    condition: tuple[str, ...] = ()
    label: str = ""
    files: tuple[FirstFile, ...] = ()
    timeout_seconds: int | None = None
    output_variable: str | None = None
    sets: tuple[str, ...] = ()
    is_secret: bool = False

    @property
    def secret_variables(self) -> tuple[str, ...]:
        """The variables that may hold a secret after it."""
        return (*self.sets, *((self.output_variable,) if self.output_variable else ())) if self.is_secret else ()

    def called(self, number: int) -> str:
        """Return what messages call it; ``number`` is its own among the steps of the first start."""
        place = f"step {self.label}" if self.label else f"step {number} of the first start"
        return f"{place} ({quoted(self.name)})"

    def check(self, number: int) -> None:
        """Refuse what ``run.cmd`` could not carry out.

        Raises:
            InvalidRequest: when a line is too long or holds control characters, or a number is not valid.
        """
        called = self.called(number)
        if not self.commands:
            raise InvalidRequest(f"{called} has no command")
        self._check_lines(called)
        if not 0 <= self.retries <= MOST_RETRIES:
            raise InvalidRequest(f"{called} is begun again {self.retries} times; valid are 0 to {MOST_RETRIES}")
        if self.on_failure is not None and not number < self.on_failure <= MOST_STEPS + 1:
            raise InvalidRequest(f"{called} goes on with step {self.on_failure}; valid is a later one")
        if not self.success_codes:
            raise InvalidRequest(f"{called} has no exit code that is success")
        for code in self.success_codes:
            if not -(1 << 31) <= code < 1 << 32:
                raise InvalidRequest(f"{called} has the exit code {code}; exit codes have 32 bits")
        self._check_powershell(called)
        self._check_files(called)

    def _check_lines(self, called: str) -> None:
        for line in (self.name, *self.commands, *self.condition):
            if _NO_LINE.search(line):
                raise InvalidRequest(f"{called} has a control character; a batch file has none")
            if len(line) > LONGEST_LINE:
                raise InvalidRequest(f"{called} has a line of {len(line)} characters; valid are {LONGEST_LINE}")

    def _check_powershell(self, called: str) -> None:
        if self.timeout_seconds is not None and not 0 < self.timeout_seconds < _MOST_SECONDS:
            raise InvalidRequest(
                f"{called} is ended after {self.timeout_seconds} seconds; valid are 1 to {_MOST_SECONDS - 1}"
            )
        if self.output_variable is not None and NAME.fullmatch(self.output_variable) is None:
            raise InvalidRequest(
                f"{called}: its output becomes {quoted(self.output_variable[:60])}, which is no name that the first "
                "start takes: letters, digits, _ and -"
            )

    def _check_files(self, called: str) -> None:
        names = [each.name.lower() for each in self.files]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidRequest(f"{called} has two files {quoted(twice)}")
        for each in self.files:
            each.check(called)

    def facts_line(self) -> str:
        """Return the line of ``step.txt``; no part of it is empty, for ``for /f`` would pass over it."""
        codes = " ".join(str(signed(code)) for code in self.success_codes)
        facts = (self.on_failure or 0, codes, self.retries, int(self.is_wow), int(self.restarts))
        return "|".join(map(str, (*facts, self.timeout_seconds or 0, self.output_variable or "-")))


def takes_value(value: str) -> bool:
    """Tell whether steps can get a value: neither control characters nor quotes, and no ``=`` in front."""
    return not (any(each < " " or each in '"\x7f' for each in value) or value.startswith("=") or not value)


def signed(code: int) -> int:
    """Return an exit code as ``%ERRORLEVEL%`` shows it."""
    return code - (1 << 32) if code >= 1 << 31 else code
