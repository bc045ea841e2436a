"""What is wished of a run in Windows PE, and what becomes of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.tasksequence.sequence import Sequence

PACKAGES = "osdimage/packages"
"""Where packages are on a medium, each in a folder with its ID."""
FOLDER = "osdimage"
"""Where scripts are in the boot image."""


@dataclass(frozen=True, slots=True)
class PeWish:
    """What is to run in Windows PE.

    Attributes:
        sequences: of which one is chosen at the computer where there are several.
        packages: files and folders of this machine, by the IDs of packages.
        variables: those of the medium.
        hidden: names of variables whose values are secrets.
        firmware: what starts the medium.
        launch_mode: ``_SMSTSLaunchMode``: ``CD`` or ``UFD``.
        media_type: ``_SMSTSMediaType``.
        medium_id: the set that the medium is of, by which others on the computer are told apart; None takes any.
        is_unattended: whether nobody is asked before disks are written.
        prestart: a command line that runs before the medium is looked for, or None.
    """

    sequences: tuple[Sequence, ...]
    packages: Mapping[str, Path] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    hidden: Iterable[str] = ()
    firmware: frozenset[Firmware] = frozenset(Firmware)
    launch_mode: str = "CD"
    media_type: str = "FullMedia"
    medium_id: UUID | None = None
    is_unattended: bool = False
    prestart: str | None = None


@dataclass(frozen=True, slots=True)
class PeFile:
    """A file that goes into the boot image.

    Attributes:
        path: in it, names with ``/`` between them.
        data: what it holds.
    """

    path: str
    data: bytes = field(repr=False)


class PeFate(StrEnum):
    """What becomes of a step.

    RUN: Windows PE does it.  KNOWN: it is done already, when the medium is made: a variable is set.  SKIP: it is
    disabled, or a condition does not hold whatever computer it is.
    """

    RUN = "run"
    KNOWN = "known"
    SKIP = "skipped"


@dataclass(frozen=True, slots=True)
class PeStep:
    """A step, and what becomes of it.

    Attributes:
        label: what people call its number.
        name: of the step.
        fate: what becomes of it.
        does: what it does, or why it does not run.
        destroys: what is lost by it.
        warnings: sentences about what is done in another way than a task sequence would.
    """

    label: str
    name: str
    fate: PeFate
    does: str
    destroys: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """What messages call it."""
        return f'step {self.label} "{self.name}"'


@dataclass(frozen=True, slots=True)
class PeScript:
    """A sequence, for computers that start in one way.

    Attributes:
        name: of the sequence.
        firmware: how they start.
        steps: all of its steps; empty where it is refused.
        refused: why it does not run on such computers, or None.
        letters: the drive letters that its new volumes get.
        holds_secrets: whether a script has the value of a secret in it.
    """

    name: str
    firmware: Firmware
    steps: tuple[PeStep, ...]
    refused: str | None = None
    letters: tuple[str, ...] = ()
    holds_secrets: bool = False

    @property
    def destroys(self) -> tuple[str, ...]:
        """All that is lost."""
        return tuple(dict.fromkeys(text for step in self.steps for text in step.destroys))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know of it."""
        return tuple(f"{step.called}: {text}" for step in self.steps for text in step.warnings)


@dataclass(frozen=True, slots=True)
class PeRun:
    """What goes into a boot image so that it carries out sequences.

    Attributes:
        files: of the boot image, in the order of their paths.
        scripts: each sequence under each firmware.
    """

    files: tuple[PeFile, ...] = field(repr=False)
    scripts: tuple[PeScript, ...]

    @property
    def destroys(self) -> tuple[str, ...]:
        """All that is lost on a computer that it runs on."""
        return tuple(dict.fromkeys(text for script in self.scripts for text in script.destroys))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should know of it, each once."""
        refused = (
            f"{script.name}: does not run on computers that start by {script.firmware.value.upper()}: {script.refused}"
            for script in self.scripts
            if script.refused is not None
        )
        return tuple(dict.fromkeys((*(text for script in self.scripts for text in script.warnings), *refused)))

    def started_by(self, firmware: Collection[Firmware]) -> PeRun:
        """Return the same for media that only these kinds of firmware start."""
        return PeRun(self.files, tuple(each for each in self.scripts if each.firmware in firmware))

    @property
    def holds_secrets(self) -> bool:
        """Whether anybody who has the medium can read a secret in it."""
        return any(script.holds_secrets for script in self.scripts)
