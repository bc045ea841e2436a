"""What a fuzzer is: a function of bytes that reads them, or refuses them as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidInput

SEVERAL_LINES = "the message has several lines: "


@dataclass(frozen=True, slots=True)
class Target:
    """A parser under test.

    Attributes:
        name: of the parser, of its folder of kept inputs, and what ``make fuzz`` calls it.
        read: gives it bytes, and asserts what holds of the result: what is written again reads the same.
        seeds: inputs that it understands, made once for each run; they may need other programs.
        refusals: what it may raise.
        largest: bytes of an input; small ones are tried more often.
    """

    name: str
    read: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    refusals: tuple[type[Exception], ...] = (InvalidInput,)
    largest: int = 16 << 10

    @property
    def module(self) -> str:
        """Where it is declared: a process that runs one target alone imports no others."""
        return self.read.__module__

    def attempt(self, data: bytes) -> bool:
        """Give it an input; return whether it was read and not refused.  Anything else is raised: a fault was found."""
        try:
            self.read(data)
        except self.refusals as error:
            # What a user is told is one line, which can be printed.
            told = str(error)
            told.encode()
            assert "\n" not in told, SEVERAL_LINES + told
            assert told
            return False
        return True
