"""What a command line does that is recognized: foretold, found needless, or carried out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.result import Events, Forecast


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: its exit code, as the program of Windows would end with it.
        message: one sentence about what it did, or why not.
        warnings: sentences about what it left out.
    """

    code: int
    message: str
    warnings: tuple[str, ...] = ()


class Command(ABC):
    """One command that is recognized; reading it has changed nothing."""

    def needless(self, machine: Machine) -> str | None:
        """Return why nothing needs to be done for it, as one sentence, or None when something does."""
        del machine
        return None

    @abstractmethod
    def foretell(self, machine: Machine) -> Forecast:
        """Tell what it would do; changes nothing but what a rehearsal knows.

        Raises:
            NotThere: when a volume that it needs is not there, which a step before it may make.
            OsdImageError: when it would fail.
        """

    @abstractmethod
    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Do it, and return how it ended; what the program of Windows would report as a failure is one there.

        Raises:
            OsdImageError: when something cannot be read or written.
        """


IN_RAM = "X: is the RAM disk of Windows PE, which is gone after it"
"""Why nothing is done there."""
