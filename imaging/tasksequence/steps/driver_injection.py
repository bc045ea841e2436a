r"""What the steps of drivers have in common: into which Windows they go, what is told before, and carrying it out.

The drivers are put below ``\Drivers`` of the volume that Apply Operating System has filled, and are installed when
Windows starts first; what it needs to find its disk is enabled (``drivers/injection``).  Before the run, the plan is
made with the files of the image that the sequence will apply.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from osdimage.imaging.drivers.devices.device import Device
from osdimage.imaging.drivers.devices.sources import read_devices
from osdimage.imaging.drivers.injection.into_volume import VolumeTarget
from osdimage.imaging.drivers.injection.plan import InjectionOptions, InjectionPlan
from osdimage.imaging.drivers.injection.planning import plan_driver_injection
from osdimage.imaging.drivers.offline.windows import OfflineWindows, offline_windows
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.files import FileSource
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere
from osdimage.imaging.tasksequence.computer.system import TargetSystem
from osdimage.imaging.tasksequence.computer.target_files import files_of
from osdimage.imaging.tasksequence.result import ActionResult, Events, Forecast, LogType
from osdimage.imaging.tasksequence.steps.driver_choice import Choice

Chooser = Callable[[ExitStack, OfflineWindows], Choice]
"""Chooses drivers for a Windows; what it opens stays open until the stack is closed."""


@dataclass(frozen=True, slots=True)
class Injection:
    """What a step would bring in.

    Attributes:
        choice: the drivers.
        plan: None when there is none.
        waits: whether a step of the first start installs them; else a pass of the setup does, or nothing.
    """

    choice: Choice
    plan: InjectionPlan | None = None
    waits: bool = False


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
        # What the first start does is put on the disk behind the last step of the sequence.
        machine.installs_drivers |= found.waits
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
    with ExitStack() as stack, files_of(machine, _system(machine)) as files:
        found = _plan(stack, machine, files, choose)
    machine.installs_drivers |= found.waits
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
    return Injection(choice, plan, waits=machine.at_first_start and bool(plan.drivers))


def _told(found: Injection, verb: str) -> str:
    plan = found.plan
    if plan is None:
        return "no driver is needed"
    how = "" if plan.first_start is None else f"; {plan.first_start.how}"
    enabled = [each.driver.service for each in plan.enabled]
    needed = f"; Windows starts with {', '.join(enabled)}" if enabled else ""
    return f"{verb} {found.choice}{needed}{how}"


def _warnings(found: Injection) -> tuple[str, ...]:
    return (*found.choice.warnings, *(() if found.plan is None else found.plan.warnings))


def _system(machine: Machine) -> TargetSystem:
    if machine.system is None:
        raise NotThere(
            "there is no Windows: Apply Operating System must come before the steps that bring drivers into it"
        )
    return machine.system
