"""Lines of a batch file that ask for something, and jump to where the answer leads.

The shell reads nothing of what is asked for: constants stand between quotation marks, with each percent sign doubled,
and a variable is compared only after it was seen that its value has no quotation mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.wow64 import chosen_views

OPEN = "_fs_open"
"""The variable that a batch file sets where it cannot tell whether a condition holds."""
Put = Callable[[str, str], None]
"""Adds lines that jump to the first label when something holds, and to the second when not."""

_CONTROL = re.compile(r"[\0-\x1f\x7f]")
_NUMBER = re.compile(r"\s*([+-]?\d{1,9})\s*", re.ASCII)
_SYSWOW64 = r'"%SystemRoot%\SysWOW64\cmd.exe"'


@dataclass(slots=True)
class BatchLines:
    """Lines that are put together.

    Attributes:
        env: the variables, as they are known now.
        label: what the names of labels begin with.
        unsure: the variables, in lower case, that are set where the lines run.
        lines: them.
        labels: how many labels there are.
        may_be_open: whether a line goes to the label that says that the answer cannot be told.
    """

    env: Environment
    label: str
    unsure: frozenset[str]
    lines: list[str] = field(default_factory=list)
    labels: int = 0
    may_be_open: bool = False

    def new_label(self) -> str:
        """Return a label that no other line has."""
        self.labels += 1
        return f"{self.label}_{self.labels}"

    @property
    def open_label(self) -> str:
        """Where lines go when the answer cannot be told."""
        return f"{self.label}_open"

    def go_open(self) -> str:
        """Return the line that goes there."""
        self.may_be_open = True
        return f"goto {self.open_label}"

    # Values

    def put_equal(self, name: str, value: str, yes: str, no: str) -> None:
        """Ask whether a variable has a value; one that is not set equals the empty text."""
        if value:
            self.put_text(name, value, yes, no)
        else:
            self.lines += [f"if not defined {name} goto {yes}", f"goto {no}"]

    def put_text(self, name: str, value: str, yes: str, no: str) -> None:
        """Ask whether a variable has a value that is not empty, whatever its case."""
        constant = self.text(value, "what its condition compares with")
        self.lines += [
            f"if not defined {name} goto {no}",
            if_quoted(name, no),
            f'if /i "%{name}%"=="{constant}" goto {yes}',
            f"goto {no}",
        ]

    def put_number(self, name: str, value: str, order: str, yes: str, no: str) -> None:
        """Ask for the order of a variable and a number; one that is not set, or no number, has none.

        Args:
            name: of the variable.
            value: the number.
            order: ``lss``, ``leq``, ``gtr`` or ``geq``.
            yes: where to go when it holds.
            no: where to go when it does not.

        Raises:
            InvalidRequest: when the value is no whole number of up to nine digits.
        """
        match = _NUMBER.fullmatch(value)
        if match is None:
            raise InvalidRequest(
                f"its condition asks for the order of {name} and {quoted(value)}; at the first start only whole "
                "numbers of up to nine digits have one"
            )
        strip, plain = self.new_label(), self.new_label()
        beyond = yes if order in {"gtr", "geq"} else no
        below = no if order in {"gtr", "geq"} else yes
        self.lines += [
            f"if not defined {name} goto {no}",
            if_quoted(name, no),
            f'set "_fs_number=%{name}: =%"',
            f"if not defined _fs_number goto {no}",
            f'if "%_fs_number%"=="-" goto {no}',
            "set _fs_sign=",
            'if "%_fs_number:~0,1%"=="-" set _fs_sign=-',
            'if "%_fs_number:~0,1%"=="-" set "_fs_number=%_fs_number:~1%"',
            'set "_fs_rest=x%_fs_number%"',
            *(f'set "_fs_rest=%_fs_rest:{digit}=%"' for digit in range(10)),
            f'if not "%_fs_rest%"=="x" goto {no}',
            f":{strip}",
            f'if not "%_fs_number:~0,1%"=="0" goto {plain}',
            f'if "%_fs_number%"=="0" goto {plain}',
            'set "_fs_number=%_fs_number:~1%"',
            f"goto {strip}",
            f":{plain}",
            # More digits than the other number has: the shell reckons with 31 bits.
            f'if not "%_fs_number:~0,9%"=="%_fs_number%" if defined _fs_sign goto {below}',
            f'if not "%_fs_number:~0,9%"=="%_fs_number%" goto {beyond}',
            f"if %_fs_sign%%_fs_number% {order} {int(match[1])} goto {yes}",
            f"goto {no}",
        ]

    # 64-bit Windows

    def put_views(self, native: Put, redirected: Put | None, yes: str, no: str) -> None:
        """Ask both views of a 64-bit Windows, or the one that the sequence chooses; a 32-bit one has the first alone.

        Args:
            native: adds the lines that ask what 64-bit programs see.
            redirected: those that ask what 32-bit programs see, where that is something else.
            yes: where to go when it holds.
            no: where to go when it does not.
        """
        views = chosen_views(self.env, native, redirected)
        if redirected is None or redirected not in views:
            native(yes, no)
            return
        if native not in views:
            alone = self.new_label()
            self.lines.append(f"if not exist {_SYSWOW64} goto {alone}")
            redirected(yes, no)
            self.lines.append(f":{alone}")
            native(yes, no)
            return
        first_yes, first_no, then, both, second_yes, second_no = (self.new_label() for _ in range(6))
        native(first_yes, first_no)
        self.lines += [
            f":{first_yes}",
            "set _fs_first=1",
            f"goto {then}",
            f":{first_no}",
            "set _fs_first=0",
            f":{then}",
        ]
        self.lines += [f"if exist {_SYSWOW64} goto {both}", f"if %_fs_first%==1 goto {yes}", f"goto {no}", f":{both}"]
        redirected(second_yes, second_no)
        self.lines += [f":{second_yes}", f"if %_fs_first%==1 goto {yes}", self.go_open()]
        self.lines += [f":{second_no}", f"if %_fs_first%==0 goto {no}", self.go_open()]

    # Texts

    def power_text(self, text: str, what: str) -> str:
        """Return a text as PowerShell has it between apostrophes, in a line of a batch file."""
        return self._unchanged(text, self.text(text.replace("'", "''").replace('"', "'+[char]34+'"), what))

    def text(self, text: str, what: str) -> str:
        """Return a text as a batch file has it between quotation marks."""
        if '"' in text or _CONTROL.search(text) is not None:
            raise InvalidRequest(
                f"{what} holds a quotation mark or a control character, which no batch file can ask for"
            )
        return self._unchanged(text, text.replace("%", "%%"))

    def _unchanged(self, text: str, written: str) -> str:
        """Refuse what would hide a secret from those who look for it, by writing it in another way."""
        if written != text and self.env.mask(text) != text:
            raise InvalidRequest("its condition holds a secret with a character that a batch file cannot have")
        return written


def if_quoted(name: str, to: str) -> str:
    """Return the line that goes on elsewhere when the value of a variable has a quotation mark."""
    return f'if not "%{name}:"=%"=="%{name}:"=\'%" goto {to}'
