r"""What the steps of drivers have in common: into which Windows they go, what is told before, and carrying it out.

The drivers are put below ``\Drivers`` of the volume that Apply Operating System has filled, and are installed when
Windows starts first; what it needs to find its disk is enabled (``drivers/injection``).  Before the run, the plan is
made with the files of the image that the sequence will apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.sources import read_devices
from osdimage.imaging.drivers.injection.into_volume import VolumeTarget
from osdimage.imaging.drivers.injection.plan import InjectionOptions, InjectionPlan
from osdimage.imaging.drivers.injection.planning import plan_driver_injection
from osdimage.imaging.drivers.injection.script import driver_step
from osdimage.imaging.drivers.offline.windows import OfflineWindows, offline_windows
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.plan import FirstStartPlan, carry_out, plan_first_start
from osdimage.imaging.firststart.starting import read_windows
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.machine import Machine, NotThere, TargetSystem
from osdimage.imaging.tasksequence.result import ActionResult, Events, Forecast, LogType
from osdimage.imaging.tasksequence.steps.driver_choice import Choice
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.wim.file import WimFile

Chooser = Callable[[ExitStack, OfflineWindows], Choice]
"""Chooses drivers for a Windows; what it opens stays open until the stack is closed."""


@dataclass(frozen=True, slots=True)
class Injection:
    """What a step would bring in.

    Attributes:
        choice: the drivers.
        plan: None when there is none.
        start: what installs them at the first start; None when a pass of the setup does, or nothing.
    """

    choice: Choice
    plan: InjectionPlan | None = None
    start: FirstStartPlan | None = None


@dataclass(frozen=True, slots=True)
class KnownDevices:
    """The devices of the computer, and what is to be said of what told them."""

    devices: tuple[Device, ...]
    warnings: tuple[str, ...] = ()


def bring_in(machine: Machine, events: Events, choose: Chooser) -> ActionResult:
    """Bring the drivers that are chosen into the Windows that was applied.

    Raises:
        NotThere: when none was applied.
        OsdImageError: when it, or a driver, cannot be read, or the volume cannot be written.
    """
    system = _system(machine)
    with ExitStack() as stack:
        disk = stack.enter_context(machine.opened(system.place.disk, write=True))
        volume, now = disk.volume(system.place.partition), datetime.now(UTC)
        target = VolumeTarget(volume)
        with target.opened() as files:
            found = _plan(stack, machine, files, choose)
        if found.plan is not None and not found.plan.is_empty:
            target.carry_out(found.plan.changes, now=now, force=events.is_repeated)
        if found.plan is not None and found.start is not None:
            root = found.plan.windows.folder
            carry_out(found.start, volume, root=root, now=now, force=events.is_repeated)
    for text in found.choice.reasons:
        events.log(LogType.INFO, text)
    warnings = _warnings(found)
    for text in warnings:
        events.log(LogType.WARNING, text)
    return ActionResult(HResult.S_OK, _told(found, "brought in"), warnings=warnings)


def foretell(machine: Machine, choose: Chooser) -> Forecast:
    """Tell which drivers :func:`bring_in` would bring in, and why each.

    Raises:
        NotThere: when no Windows would have been applied.
        OsdImageError: as :func:`bring_in`.
    """
    with ExitStack() as stack, _files_of(machine, _system(machine)) as files:
        found = _plan(stack, machine, files, choose)
    choice = found.choice
    told, warnings = _told(found, "bring in"), _warnings(found)
    return Forecast(told, warnings=warnings, details=choice.reasons, serves=choice.serves, lacks=choice.lacks)


def devices_of(machine: Machine, os: TargetOs) -> KnownDevices:
    """Return the devices of the computer, as far as they were told.

    Raises:
        InvalidRequest, InvalidInput, StorageError: as :func:`~osdimage.imaging.drivers.devices.sources.read_devices`.
    """
    found = [read_devices(source, os) for source in machine.devices]
    devices = tuple(device for each in found for device in each.devices)
    return KnownDevices(devices, tuple(text for each in found for text in each.warnings))


def _plan(stack: ExitStack, machine: Machine, files: FileSource, choose: Chooser) -> Injection:
    windows = offline_windows(files)
    choice = choose(stack, windows)
    if not (choice.wanted or choice.loaders):
        return Injection(choice)
    options = InjectionOptions(
        at_first_start=machine.at_first_start,
        allows_modified=machine.allows_modified,
        allows_unsigned=choice.allows_unsigned,
    )
    plan = plan_driver_injection(windows, files, choice.wanted, options, loaders=choice.loaders)
    if not (machine.at_first_start and plan.drivers):
        return Injection(choice, plan)
    facts = read_windows(
        files,
        windows.system,
        windows.software,
        root=windows.folder,
        version=windows.os.version,
        is_generalized=windows.is_generalized,
    )
    return Injection(choice, plan, plan_first_start(files, facts, (driver_step(),)))


def _told(found: Injection, verb: str) -> str:
    plan = found.plan
    if plan is None:
        return "no driver is needed"
    how = "" if plan.first_start is None else f"; {plan.first_start.how}"
    enabled = [each.driver.service for each in plan.enabled]
    needed = f"; Windows starts with {', '.join(enabled)}" if enabled else ""
    by = "" if found.start is None else f", by {found.start.starts_by}"
    return f"{verb} {found.choice}{needed}{how}{by}"


def _warnings(found: Injection) -> tuple[str, ...]:
    plan, start = found.plan, found.start
    of_start = () if start is None else start.warnings
    return (*found.choice.warnings, *(() if plan is None else plan.warnings), *of_start)


def _system(machine: Machine) -> TargetSystem:
    if machine.system is None:
        raise NotThere(
            "there is no Windows: Apply Operating System must come before the steps that bring drivers into it"
        )
    return machine.system


@contextmanager
def _files_of(machine: Machine, system: TargetSystem) -> Iterator[FileSource]:
    """Open the files of the Windows: in a rehearsal those of the image that would be there."""
    if system.image is not None:
        with WimFile.open(system.image.path) as wim:
            yield wim.image(system.image.index).files()
        return
    with (
        machine.opened(system.place.disk) as disk,
        open_files(disk.volume(system.place.partition)) as files,
    ):
        yield files
