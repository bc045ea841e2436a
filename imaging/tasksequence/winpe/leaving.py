"""Ending a shell with a code: ``exit``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.result import Events, Forecast
from osdimage.imaging.tasksequence.winpe.command import Command, Outcome

_CODE = re.compile(r"-?[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Leave(Command):
    """``exit``: ends the command line.

    Attributes:
        code: with which; None for that of the command before it.
    """

    code: int | None

    @classmethod
    def read(cls, words: tuple[str, ...]) -> Leave:
        """Read the words of the command.

        Raises:
            InvalidRequest: when the code is no number of 32 bits.
        """
        codes = [word for word in words if word.lower() != "/b"]
        if not codes:
            return cls(None)
        if len(codes) > 1 or _CODE.fullmatch(codes[0]) is None or not -(1 << 31) <= int(codes[0]) < 1 << 32:
            raise InvalidRequest("valid is exit CODE, a number of 32 bits")
        return cls(int(codes[0]))

    def foretell(self, machine: Machine) -> Forecast:
        """Tell the code."""
        del machine
        return Forecast("end" if self.code is None else f"end with exit code {self.code}")

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Return the code."""
        del machine, events
        return Outcome(self.code or 0, "ended" if self.code is None else f"ended with exit code {self.code}")
