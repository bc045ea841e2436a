"""What an action is, and what it gives back.

An action is a plain function ``(env, machine, events) -> ActionResult``.  It is told everything by the variables and
the step's properties in the environment, sets its outputs there, and works on the disks of the machine.  It is used by
the runner and, as well, without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import TYPE_CHECKING

from osdimage.imaging.errors import Means, Remedy
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.phases import IN_NEW, IN_PE, Phase, RestartTarget

if TYPE_CHECKING:
    from pathlib import Path

    from osdimage.imaging.tasksequence.computer.machine import Machine
    from osdimage.imaging.tasksequence.environment import Environment
    from osdimage.imaging.tasksequence.staging.staged import StagedCommand


class LogType(IntEnum):
    """How much a line of the log matters; the numbers are those of CMTrace."""

    INFO = 1
    WARNING = 2
    ERROR = 3


class StepClass(StrEnum):
    """Why a step cannot be run here: what it would take.

    WINDOWS: only a running Windows can do it, the installed one or Windows PE.  SITE: it needs a ConfigMgr site, or
    what only a site has.  UNKNOWN: nothing is known of its type.
    """

    WINDOWS = "windows"
    SITE = "site"
    UNKNOWN = "unknown"


class RunIn(StrEnum):
    """Where a step can run, as ``runIn`` says it."""

    WINPE = "WinPE"
    FULL_OS = "FullOS"
    BOTH = "WinPEandFullOS"


def _no_log(kind: LogType, text: str) -> None:
    del kind, text


@dataclass(frozen=True, slots=True)
class Events:
    """Whom an action tells about its work.

    Attributes:
        progress: receives the progress of long work, 0 to 100 % of this action; or None.
        log: receives a line for the log.  Secrets are masked behind it.
        is_repeated: whether the step may have been begun before and not have ended, in a run that is resumed or a step
            that is tried again: what it writes to may hold half of its work.
    """

    progress: ProgressCallback | None = None
    log: Callable[[LogType, str], None] = _no_log
    is_repeated: bool = False


SILENT = Events()
"""Tells nobody."""


@dataclass(frozen=True, slots=True)
class ActionResult:
    """How an action ended.

    Attributes:
        code: an HRESULT; for the code of a command any number.  What counts as success the step's ``successCodeList``
            says, 0 without one.
        message: one sentence about what was done, or why not.
        outputs: names of the variables that were set.
        warnings: sentences about what was left out or lost.
        restart: the restart that is asked for after this step, or None.
        stages: what of it waits for the first start of the new Windows, or None.
    """

    code: int
    message: str
    outputs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    restart: RestartTarget | None = None
    stages: StagedCommand | None = None

    @property
    def ok(self) -> bool:
        """Whether the code is 0."""
        return self.code == HResult.S_OK


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an action would do, found out without changing anything.

    Attributes:
        does: one sentence, such as "partition disk 0 (GPT): 3 partitions".
        destroys: what would be lost; empty when nothing.
        problems: what would make it fail, each naming the variable, its value and what is valid.
        unknown: a sentence about what cannot be known before the steps before it have run, or None.
        hangs: a problem that is none when a step before it does what it now cannot do: something is not there; or None.
        warnings: what will be left out or lost.
        unmapped: packages that it needs and that have no path, besides those that its properties name.
        details: sentences about the parts of what it does, such as each driver and why.
        serves: names of devices of the computer for which it brings a driver.
        lacks: names of its disk controllers for which it brings none, nor has Windows one.
        restart: the restart that it asks for, or None.
        stages: what of it would wait for the first start of the new Windows, or None.
    """

    does: str
    destroys: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    unknown: str | None = None
    hangs: str | None = None
    warnings: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    restart: RestartTarget | None = None
    stages: StagedCommand | None = None


Action = Callable[["Environment", "Machine", Events], ActionResult]
"""Does the work of one step.

It returns a result whose code is 0, or raises :class:`~osdimage.imaging.errors.ActionFailed`.  Any other error of
osdimage that passes through it gets a code from :func:`~osdimage.imaging.tasksequence.failures.code_of`.
"""

ForecastAction = Callable[["Environment", "Machine"], Forecast]
"""Tells what the action would do.

The environment is a copy with the step's defaults in place: outputs may be set in it, so that later steps are
forecast with them.  The machine is a rehearsal of the real one, of which nothing is written:
:meth:`~osdimage.imaging.tasksequence.computer.machine.Machine.rehearsal`.
"""


@dataclass(frozen=True, slots=True)
class Already:
    """What makes a step needless: what it would do is true here.

    Attributes:
        why: one sentence, such as "package ABC00001 is mapped to packages/client".
        sets: the variables that the step would set.
        warnings: sentences about what is not as it would be.
        drives: folders of this machine, by the drives such as ``Z:`` that stand for them from here on.
    """

    why: str
    sets: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    drives: Mapping[str, Path] = field(default_factory=dict)


Holds = Callable[["Environment", "Machine"], Already | None]
"""Tells why nothing needs to be done for a step, or None when something does; changes nothing."""

Stage = Callable[["Environment", "Machine"], "StagedCommand"]
"""Tells what a step becomes at the first start of the new Windows; changes nothing.

Raises :class:`~osdimage.imaging.errors.InvalidRequest` when that cannot be: the step is refused with what it says.
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step cannot be run with the settings that it has on this machine.

    Attributes:
        reason: a sentence.
        remedy: what would let it run, or None.
    """

    reason: str
    remedy: Remedy | None = None


class Needs(Enum):
    """Whether a variable must be there."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class VariableInfo:
    """One variable of an action, or one property of its step, for checks and for the documentation.

    Attributes:
        name: as documented; ``<N>`` stands for the number of an element.
        needs: whether it must be there.
        valid: its valid values, in words.
        default: the value that counts when it is not there, or None.
        choices: the only valid values, compared without case; empty when there is no such list.
        max_length: in characters, or None when only the limit of all variables counts.
        is_property: a property of the step, which is no variable.
        numbers: the smallest and the largest valid number; None when it is no number.
        source: where that is documented: CM07 = "Operating System Deployment in Configuration Manager 2007", task
            sequence action variables; CB = "Task sequence variables" and SDK = the classes of the step in the
            documentation of Configuration Manager current branch.
    """

    name: str
    needs: Needs
    valid: str
    default: str | None = None
    choices: tuple[str, ...] = ()
    max_length: int | None = None
    is_property: bool = False
    numbers: tuple[int, int] | None = None
    source: str = "CM07"


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """What is known of one type of step.

    Attributes:
        type_name: the WMI class, ``SMS_TaskSequence_...Action``.
        title: what the editor calls it.
        run: the action, or None when it cannot be done here.
        phases: in which systems ``run`` does what the step does there; in the new Windows only what changes variables.
        keeps_order: whether it waits for the first start of the new Windows, too, once a step before it does, though
            ``run`` would do it there until then.
        stages_in: in which systems ``stage`` is what becomes of the step, where ``run`` does not do it.
        holds: tells why nothing needs to be done, or None when something always does.
        stage: tells what it becomes at the first start of the new Windows, or None when it cannot be carried out there.
        why_not: why it cannot be run here, as a sentence for the user.
        step_class: what it would take to run it, when ``run`` is None or ``refuses`` tells why; None is ``windows``.
        refuses: tells why a step cannot be run with the settings that it has on this machine, or None when it can;
            where ``run`` is None, why it is not true there.
        needs: what would let it run where ``refuses`` tells why not, and no more.
        forecast: tells what ``run`` would do, or None when it changes nothing that can be forecast.
        other_types: types and scripts of MDT that do the same.
        variables: what it reads and sets.
        runs_in: where it can run.
        package_properties: the properties of the step that name packages it needs, such as ``ImagePackageID``.
        more_packages: tells the packages that a step needs besides these, which its forecast looks at, or None.
        destroys: what it destroys, in words for the documentation, or None.
        pauses: tells whether such a step of the new Windows waits until that was started, and has done what waits for
            it; None for never.
        enters: the system in which the sequence goes on after it, or None for the same; the failure of such a step ends
            the sequence, whatever the error settings say.
    """

    type_name: str
    title: str
    run: Action | None
    why_not: str | None = None
    forecast: ForecastAction | None = None
    other_types: tuple[str, ...] = ()
    variables: tuple[VariableInfo, ...] = ()
    runs_in: RunIn = RunIn.BOTH
    package_properties: tuple[str, ...] = ()
    more_packages: Callable[[Environment], Iterable[str]] | None = None
    destroys: str | None = None
    step_class: StepClass | None = None
    refuses: Callable[[Environment, Machine], Refusal | str | None] | None = None
    needs: tuple[Means, ...] = ()
    phases: frozenset[Phase] = IN_PE
    keeps_order: bool = False
    stages_in: frozenset[Phase] = IN_NEW
    holds: Holds | None = None
    stage: Stage | None = None
    pauses: Callable[[Environment], bool] | None = None
    enters: Phase | None = None

    @property
    def must_succeed(self) -> bool:
        """Whether its failure ends the sequence, whatever the error settings say."""
        return self.enters is not None

    def packages_named(self, env: Environment) -> dict[str, str]:
        """Return the packages that the step at work needs, by the properties that name them."""
        named = {name: env.properties.get(name) or "" for name in self.package_properties}
        return {name: package for name, package in named.items() if package}

    @property
    def is_known_here(self) -> bool:
        """Whether it is done now, staged for the first start, or found to be true, with settings that allow it."""
        return self.run is not None or self.stage is not None or self.holds is not None

    @property
    def short(self) -> str:
        """Its type as it is written by hand: ``PartitionDisk`` for ``SMS_TaskSequence_PartitionDiskAction``."""
        return short_type(self.type_name)

    @property
    def names(self) -> frozenset[str]:
        """All that it may be called, in lower case: its title, its types, and their short forms."""
        types = (self.type_name, *self.other_types)
        return frozenset(each.lower() for each in (self.title, *types, *map(short_type, types)))


_PREFIX, _SUFFIX = "SMS_TaskSequence_", "Action"


def short_type(type_name: str) -> str:
    """Return the short form of a WMI class of ConfigMgr; other types are as short as they can be."""
    if not type_name.lower().startswith(_PREFIX.lower()):
        return type_name
    rest = type_name[len(_PREFIX) :]
    return rest[: -len(_SUFFIX)] if rest.lower().endswith(_SUFFIX.lower()) else rest
