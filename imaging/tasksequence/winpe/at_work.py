r"""The command line of a step in Windows PE, as an action: recognized and done here, or refused.

Source: "Run Command Line" of the task sequence steps of Configuration Manager: without a package it runs in
``System32``; the output can become a variable; a step that runs as another user fails in Windows PE.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.paths import insensitive
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import ActionResult, Already, Events, Forecast, LogType, Refusal
from osdimage.imaging.tasksequence.staging.commands import INSTEAD
from osdimage.imaging.tasksequence.staging.run_command_line import CommandStep, read_command_step
from osdimage.imaging.tasksequence.staging.staged import SUCCESS
from osdimage.imaging.tasksequence.winpe.copying import MirrorTree
from osdimage.imaging.tasksequence.winpe.leaving import Leave
from osdimage.imaging.tasksequence.winpe.places import OutsidePath, source_path
from osdimage.imaging.tasksequence.winpe.recognized import CommandLine, recognize


def run_in_pe(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Do what a command line would do in Windows PE; its exit code is that of the program there.

    Raises:
        OsdImageError: when it is not recognized, or something cannot be read or written.
    """
    done = _recognized(env, machine).carry_out(machine, events)
    for text in done.warnings:
        events.log(LogType.WARNING, text)
    return ActionResult(done.code, done.message, warnings=done.warnings)


def forecast_in_pe(env: Environment, machine: Machine) -> Forecast:
    """Tell what a command line would do in Windows PE.

    Raises:
        OsdImageError: when it would fail.
    """
    line = _recognized(env, machine)
    told = line.foretell(machine)
    last = line.commands[-1][1]
    if len(line.commands) == 1 and isinstance(last, Leave) and (last.code or 0) not in SUCCESS:
        return Forecast(told.does, warnings=(f"it ends with exit code {last.code}, whatever else happens",))
    codes = read_command_step(env).success_codes
    if isinstance(last, MirrorTree) and codes is not None and MirrorTree.COPIED not in codes:
        said = f"robocopy ends with {MirrorTree.COPIED} when it has copied files, which the step counts as a failure"
        return replace(told, warnings=(*told.warnings, said))
    return told


def needless_in_pe(env: Environment, machine: Machine) -> Already | None:
    """Tell why nothing needs to be done for a command line in Windows PE, or None when something does."""
    if machine.phase is not Phase.PE:
        return None
    try:
        why = _recognized(env, machine).needless(machine)
    except InvalidRequest:
        return None
    return None if why is None else Already(why)


def refused_in_pe(env: Environment, machine: Machine) -> Refusal | None:
    """Tell why a command line is not one that is done here, or None when it is.

    Of one whose package has no path that is not known; its forecast tells that.
    """
    try:
        _recognized(env, machine)
    except InvalidRequest as error:
        if _lacks_package(env, machine):
            return None
        return Refusal(f"of command lines in Windows PE only plain ones are carried out here: {error.said}", INSTEAD)
    return None


def _lacks_package(env: Environment, machine: Machine) -> bool:
    try:
        package = read_command_step(env).package_id
    except InvalidRequest:
        return False
    return package is not None and not machine.has_package(package)


def _recognized(env: Environment, machine: Machine) -> CommandLine:
    told = read_command_step(env)
    if told.runs_as is not None:
        raise InvalidRequest(f"it runs as another user ({told.runs_as}), which fails in Windows PE")
    if told.output is not None:
        raise InvalidRequest(f"its output is to become {quoted(told.output)}, and it has none here")
    return recognize(told.command, machine, _folder(told, machine))


def _folder(told: CommandStep, machine: Machine) -> Path | None:
    """Return the folder of this machine that the step runs in, or None when it has none here."""
    package = None if told.package_id is None else _package(machine, told.package_id)
    if told.folder is None:
        return package
    place = source_path(told.folder, machine, package)
    # What is on a drive, whole paths lead to.
    return insensitive(place.folder, place.inner) if isinstance(place, OutsidePath) else None


def _package(machine: Machine, package_id: str) -> Path:
    path = machine.package(package_id)
    return path if path.is_dir() else path.parent
