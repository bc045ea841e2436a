"""One step of the first start, and its files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest, quoted

LONGEST_LINE = 8000
"""Characters: cmd.exe takes 8191 in a line, with what it puts there itself (Microsoft, "Command prompt line string
limitation", KB 830473)."""
MOST_STEPS = 9999
_NO_LINE = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
_MOST_RETRIES = 5
"""What the editor of ConfigMgr lets people choose."""


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
    """

    name: str
    commands: tuple[str, ...]
    success_codes: tuple[int, ...] = (0, 3010)
    on_failure: int | None = None
    retries: int = 0
    is_wow: bool = False
    restarts: bool = False
    condition: tuple[str, ...] = ()

    def check(self, number: int) -> None:
        """Refuse what ``run.cmd`` could not carry out.

        Raises:
            InvalidRequest: when a line is too long or holds control characters, or a number is not valid.
        """
        called = f"step {number} of the first start ({quoted(self.name)})"
        if not self.commands:
            raise InvalidRequest(f"{called} has no command")
        for line in (self.name, *self.commands, *self.condition):
            if _NO_LINE.search(line):
                raise InvalidRequest(f"{called} has a control character; a batch file has none")
            if len(line) > LONGEST_LINE:
                raise InvalidRequest(f"{called} has a line of {len(line)} characters; valid are {LONGEST_LINE}")
        if not 0 <= self.retries <= _MOST_RETRIES:
            raise InvalidRequest(f"{called} is begun again {self.retries} times; valid are 0 to {_MOST_RETRIES}")
        if self.on_failure is not None and not number < self.on_failure <= MOST_STEPS + 1:
            raise InvalidRequest(f"{called} goes on with step {self.on_failure}; valid is a later one")
        if not self.success_codes:
            raise InvalidRequest(f"{called} has no exit code that is success")
        for code in self.success_codes:
            if not -(1 << 31) <= code < 1 << 32:
                raise InvalidRequest(f"{called} has the exit code {code}; exit codes have 32 bits")

    def facts_line(self) -> str:
        """Return the line of ``step.txt``; no part of it is empty, for ``for /f`` would pass over it."""
        codes = " ".join(str(signed(code)) for code in self.success_codes)
        flags = "restart" if self.restarts else "-"
        return f"{self.on_failure or 0}|{codes}|{self.retries}|{int(self.is_wow)}|{flags}"


def signed(code: int) -> int:
    """Return an exit code as ``%ERRORLEVEL%`` shows it."""
    return code - (1 << 32) if code >= 1 << 31 else code
