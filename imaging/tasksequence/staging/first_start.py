"""Putting what waits for the first start on the disk of the Windows that was deployed, when the sequence has ended.

All of it is put there at one moment, behind the last step: nothing starts that is not whole, and what a step after it
changes in the Windows, such as its answer file, is there before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.drivers.injection.script import driver_step
from osdimage.imaging.drivers.offline.windows import OfflineWindows, offline_windows
from osdimage.imaging.errors import ActionFailed, InvalidInput, InvalidRequest, Remedy, StorageError, TargetRefused
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.folder import FOLDER
from osdimage.imaging.firststart.packages import count_packages
from osdimage.imaging.firststart.plan import FirstStartPlan, carry_out, plan_first_start
from osdimage.imaging.firststart.starting import read_windows
from osdimage.imaging.firststart.steps import MOST_RETRIES, FirstFile, FirstStep, takes_value
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import FirstBoot
from osdimage.imaging.tasksequence.computer.target_files import files_of
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.staging.batch import OPEN
from osdimage.imaging.tasksequence.staging.secrets import holds_secret
from osdimage.imaging.tasksequence.staging.staged import Position, StagedCondition, StagedStep
from osdimage.imaging.units import counted, format_size
from osdimage.imaging.volume.filesystems import open_files


@dataclass(frozen=True, slots=True)
class PackageForecast:
    """A package that would be put on a disk.

    Attributes:
        id: what it is called there.
        files: how many it has.
        bytes: of all of them.
    """

    id: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class StartForecast:
    """What would be put on a disk for the first start.

    Attributes:
        way: what starts it.
        folder: where it is on the volume of Windows.
        steps: how many of the sequence wait; drivers that are installed before them do not count.
        restarts: how many of them ask for a restart themselves.
        size_bytes: of all that is written.
        secrets: the numbers of the steps that put a secret on the disk.
        problems: why it cannot be put there.
        warnings: what may keep it from running.
        packages: that the steps need.
        remedy: what would help where it cannot be put there, or None.
    """

    way: str
    folder: str
    steps: int
    restarts: int = 0
    size_bytes: int = 0
    secrets: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    packages: tuple[PackageForecast, ...] = ()
    remedy: Remedy | None = None


def foresee_first_start(machine: Machine, env: Environment) -> StartForecast | None:
    """Tell what :func:`put_first_start` would write; None when nothing waits.  Nothing is changed.

    Args:
        machine: after all steps; in a rehearsal, the image is looked at that would be in the volume.
        env: the variables.
    """
    if not _waits(machine):
        return None
    restarts = sum(1 for step in machine.staged if step.command.restarts)
    secrets = tuple(step.number for step in machine.staged if holds_secret(env, step.command, step.conditions))
    told = StartForecast("", FOLDER, len(machine.staged), restarts, secrets=secrets)
    if machine.system is None:
        return _refused(told, "no Windows was applied by the sequence, at whose first start steps could run")
    try:
        with files_of(machine, machine.system) as files:
            plan = _plan(files, offline_windows(files), machine, env)
        room = machine.volume(machine.system.place).size
    except (InvalidRequest, InvalidInput, StorageError, TargetRefused, ActionFailed) as error:
        return replace(
            _refused(told, env.mask(error.said)), remedy=None if error.remedy is None else error.remedy.masked(env.mask)
        )
    if plan.size > room:
        return _refused(told, f"there is no room for it: {format_size(plan.size)} in a volume of {format_size(room)}")
    packages = tuple(PackageForecast(each.name, len(each.files), each.size) for each in plan.packages)
    return replace(told, way=plan.starts_by.value, size_bytes=plan.size, warnings=plan.warnings, packages=packages)


def _refused(told: StartForecast, why: str) -> StartForecast:
    return replace(told, problems=(f"what waits for the first start: {why}",))


def put_first_start(
    machine: Machine, env: Environment, *, is_repeated: bool = False, progress: ProgressCallback | None = None
) -> str:
    """Write what waits for the first start into the Windows that was applied.

    Args:
        machine: whose ``staged`` steps are written.
        env: the variables.
        is_repeated: whether it may have been begun before, and have left the volume in the middle of it.
        progress: receives events while packages are written, 0 to 100 % of it.

    Returns:
        One sentence about what was written, "" when nothing waits.

    Raises:
        InvalidRequest: when no Windows was applied, or what waits cannot run in it.
        InvalidInput: when the Windows cannot be read.
        TargetRefused: when its volume is not to be written to.
        StorageError: when writing failed.
    """
    if not _waits(machine):
        return ""
    system = machine.system
    if system is None:
        raise InvalidRequest("no Windows was applied by the sequence, at whose first start steps could run")
    with machine.opened(system.place.disk, write=True) as disk:
        volume = disk.volume(system.place.partition)
        return _put(volume, machine, env, is_repeated=is_repeated, progress=progress)


def _put(
    volume: OpenVolume, machine: Machine, env: Environment, *, is_repeated: bool, progress: ProgressCallback | None
) -> str:
    with open_files(volume) as files:
        windows = offline_windows(files)
        plan = _plan(files, windows, machine, env)
    carry_out(plan, volume, root=windows.folder, now=datetime.now(UTC), force=is_repeated, progress=progress)
    steps = len(machine.staged) + machine.installs_drivers
    return f"{counted(steps, 'step')} put on the disk for the first start, which {plan.starts_by} begins"


def _waits(machine: Machine) -> bool:
    return bool(machine.staged) or machine.installs_drivers


def _plan(files: FileSource, windows: OfflineWindows, machine: Machine, env: Environment) -> FirstStartPlan:
    facts = read_windows(
        files,
        windows.system,
        windows.software,
        root=windows.folder,
        version=windows.os.version,
        is_generalized=windows.is_generalized,
    )
    before = (driver_step(),) if machine.installs_drivers else ()
    steps = (*before, *first_steps(machine.staged, env, first=len(before) + 1))
    wanted = [(each.name, each.path) for step in machine.staged for each in step.command.packages]
    return plan_first_start(
        files,
        facts,
        steps,
        _variables(machine, env),
        packages=count_packages(wanted),
        at_logon=machine.supplies.first_boot is FirstBoot.LOGON,
    )


def _variables(machine: Machine, env: Environment) -> dict[str, str]:
    """Return what is known now of the variables that the first start sets, for the steps before that."""
    known = {name: env.text(name) for name in sorted(machine.unsure) if not name.startswith("_")}
    return {
        name: value
        for name, value in known.items()
        if value and takes_value(value) and not _is_secret(env, name, value)
    }


def _is_secret(env: Environment, name: str, value: str) -> bool:
    return env.is_secret(name) or env.mask(value) != value


def first_steps(staged: Sequence[StagedStep], env: Environment, *, first: int = 1) -> tuple[FirstStep, ...]:
    """Return the steps as the first start carries them out, one for each.

    Args:
        staged: in their order.
        env: what tells secrets; those that a step holds are deleted when it has ended.
        first: the number that the first of them gets there.
    """
    return tuple(
        FirstStep(
            name=env.mask(step.name),
            label=step.called,
            commands=step.command.lines,
            success_codes=step.success_codes,
            on_failure=_after_failure(staged, index, first),
            retries=min(step.retries, MOST_RETRIES),
            is_wow=step.command.is_wow,
            restarts=step.command.restarts,
            condition=_asked(step.conditions),
            files=tuple(FirstFile(each.name, each.text, each.is_unicode) for each in step.command.files),
            timeout_seconds=step.command.timeout_seconds,
            output_variable=step.command.output_variable,
            sets=step.command.sets,
            is_secret=holds_secret(env, step.command, step.conditions),
        )
        for index, step in enumerate(staged)
    )


def _after_failure(staged: Sequence[StagedStep], index: int, first: int) -> int | None:
    """Return the step to go on with: the next one, or the first after the innermost group that may fail."""
    step = staged[index]
    if step.may_fail:
        return first + index + 1
    if not step.tolerant:
        return None
    group = step.tolerant[-1]
    after = (later for later in range(index + 1, len(staged)) if staged[later].place[: len(group)] != group)
    return first + next(after, len(staged))


def _asked(conditions: tuple[StagedCondition, ...]) -> tuple[str, ...]:
    """Join conditions: all must hold; that of a group is asked by the first of its steps, and kept for the others.

    Where one cannot be told, the file ends with 2, and the step fails.
    """
    if not conditions:
        return ()
    calls, bodies = [], []
    for number, each in enumerate(conditions, 1):
        calls += [f"call :ask{number}", f"if defined {OPEN} exit /b 2", 'if not "%errorlevel%"=="0" exit /b 1']
        bodies += [f":ask{number}", *(each.lines if each.group is None else _once(each.group, number, each.lines))]
    return ("@echo off", *calls, "exit /b 0", *bodies)


def group_answer(files: FileSource, group: Position) -> bool | None:
    """Return whether the condition of a group held at the first start; None when that has not asked for it.

    Args:
        files: of the volume of its Windows.
        group: the place of the group in the sequence.
    """
    kept = rf"{FOLDER}\{_kept_name(group)}"
    return True if files.exists(f"{kept}.yes") else False if files.exists(f"{kept}.no") else None


def _kept_name(group: Position) -> str:
    return "group-" + "-".join(map(str, group))


def _once(group: Position, number: int, lines: tuple[str, ...]) -> tuple[str, ...]:
    kept = _kept_name(group)
    return (
        f"if exist {kept}.yes exit /b 0",
        f"if exist {kept}.no exit /b 1",
        f"call :once{number}",
        f"if defined {OPEN} exit /b 1",
        f'if not "%errorlevel%"=="0" (>{kept}.no echo no& exit /b 1)',
        f">{kept}.yes echo yes",
        "exit /b 0",
        f":once{number}",
        *lines,
    )
