r"""Capture Operating System Image.

Every NTFS and FAT volume of the disk with Windows becomes an image of one WIM, in the order of the partitions; an EFI
system partition too, since the disk does not start without it.  ``OSDTargetSystemRoot`` must be the directory of a
Windows that is supported (2000 and later), with its kernel and its registry, on a volume that is captured.  A WIM that
is there is replaced in one step when the new one is complete, and stays as it was if anything fails.

``OSDCaptureDestination`` is a path of this computer, or a UNC path below a share that has a directory
(:attr:`Machine.shares`).  The account is not used: who runs this must be able to write there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.capture.image import CaptureOptions
from osdimage.imaging.capture.volumes import capture_volumes
from osdimage.imaging.errors import ActionFailed, InvalidRequest
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, Volume
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts, in_volume
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, optional, required
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    LogType,
    RunIn,
    VariableInfo,
)
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.wim.described.properties import ImageProperties
from osdimage.imaging.wim.write import WriteMode

VARIABLES: tuple[VariableInfo, ...] = (
    required("OSDCaptureDestination", "the WIM to write", max_length=255),
    optional("OSDCaptureAccount", "not used here"),
    optional("OSDCaptureAccountPassword", "not used here"),
    optional("OSDImageCreator", "who made the image", max_length=255),
    optional("OSDImageDescription", "a description", max_length=255),
    optional("OSDImageVersion", "a version", max_length=32),
    required("OSDTargetSystemRoot", "the directory of the Windows to capture, such as C:\\Windows"),
)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What will be captured: from which disk, where to, and the Windows on it (None when it is yet to be applied)."""

    disk: int
    destination: Path
    properties: ImageProperties
    volume: Volume
    windows: WindowsFacts | None


@action(VARIABLES)
def capture_operating_system_image(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Capture the volumes of the disk with Windows into a WIM, which replaces one that is there.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong, NOT_SUPPORTED when the directory is that of no Windows that
            can be captured, DISK_FULL or another code when reading or writing failed; the old WIM is as it was.
    """
    plan = _planned(env, machine)
    notes = _notes(machine, plan)
    for text in notes:
        events.log(LogType.WARNING, text)
    with machine.opened(plan.disk) as disk:
        done = capture_volumes(
            disk,
            plan.destination,
            CaptureOptions(mode=WriteMode.OVERWRITE),
            properties=plan.properties,
            progress=events.progress,
        )
    losses = [str(loss) for image in done.images for loss in image.losses]
    warnings = (*notes, *losses, *done.warnings, *(text for image in done.images for text in image.warnings))
    for text in done.skipped:
        events.log(LogType.INFO, f"not captured: {text}")
    partitions = ", ".join(map(str, done.partitions))
    return ActionResult(
        HResult.S_OK,
        f"captured {plan.windows} with partition{'s' if len(done.partitions) > 1 else ''} {partitions} of disk "
        f"{plan.disk} to {plan.destination}",
        warnings=warnings,
    )


@forecast
def forecast_capture_operating_system_image(env: Environment, machine: Machine) -> Forecast:
    """Tell what :func:`capture_operating_system_image` would capture, and which file it would replace."""
    plan = _planned(env, machine)
    names = ", ".join(each.name for each in machine.disk_volumes(plan.disk) if each.is_usable)
    replaced = (f"the old {plan.destination} (once the new file is complete)",) if plan.destination.exists() else ()
    return Forecast(f"capture {names} to {plan.destination}", destroys=replaced)


def _planned(env: Environment, machine: Machine) -> _Plan:
    inputs = Inputs(env, VARIABLES)
    destination = inputs.parsed("OSDCaptureDestination", machine.outside_path)
    where = inputs.parsed("OSDTargetSystemRoot", machine.located)
    creator, description = inputs.text("OSDImageCreator"), inputs.text("OSDImageDescription")
    version = inputs.text("OSDImageVersion")
    inputs.finish()
    if destination is None or where is None:
        raise InvalidRequest("OSDCaptureDestination and OSDTargetSystemRoot are needed")
    folder = destination.absolute().parent
    if not folder.is_dir():
        raise ActionFailed(HResult.FILE_NOT_FOUND, f"OSDCaptureDestination: there is no directory {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ActionFailed(HResult.E_ACCESSDENIED, f"OSDCaptureDestination: {folder} cannot be written")
    _refuse_other_files(destination, machine)
    properties = ImageProperties(description=description, creator=creator, image_version=version)
    volume = machine.volume(where[0])
    if not volume.is_usable:
        raise ActionFailed(
            HResult.NOT_SUPPORTED,
            f"OSDTargetSystemRoot: {volume.name} holds {volume.content or 'no file system'}; NTFS and FAT volumes "
            "are captured",
        )
    planned = volume.place.disk in machine.planned or machine.is_rehearsal
    windows = None if planned else _verified(machine, volume, where[1])
    return _Plan(volume.place.disk, destination, properties, volume, windows)


def _refuse_other_files(destination: Path, machine: Machine) -> None:
    """Refuse to replace what is no WIM file, above all the disk that is captured."""
    if not destination.exists():
        return
    is_disk = (index for index, disk in machine.disks.items() if disk.exists() and destination.samefile(disk))
    what = next((f"disk {index}" for index in is_disk), None if destination.is_file() else "no regular file")
    if what is not None:
        raise InvalidRequest(f"OSDCaptureDestination={destination} is {what}; valid is the path of a WIM file")


def _verified(machine: Machine, volume: Volume, root: str) -> WindowsFacts:
    """Return the Windows in a directory of a volume; refuse what is none, or too old."""
    with machine.opened(volume.place.disk) as disk, open_files(disk.volume(volume.place.partition)) as files:
        found = in_volume(files, root or None)
    if found is None or not found.is_supported:
        what = str(found) if found is not None else "no Windows with its kernel and its registry"
        raise ActionFailed(
            HResult.NOT_SUPPORTED,
            f"OSDTargetSystemRoot: {volume.name}\\{root} holds {what}; Windows 2000 and later can be captured",
        )
    return found


def _notes(machine: Machine, plan: _Plan) -> tuple[str, ...]:
    """Say what a reader of the WIM should know about how the disk starts, and about other disks."""
    notes = []
    volumes = machine.disk_volumes(plan.disk)
    starters = [each for each in volumes if each.is_active or each.is_efi]
    if not starters:
        notes.append(f"disk {plan.disk} has no active and no EFI system partition: nothing on it starts Windows")
    others = sorted({each.place.disk for each in machine.volumes() if each.is_ordinary} - {plan.disk})
    if others:
        numbers = ", ".join(map(str, others))
        notes.append(f"disk {numbers} was not captured: the WIM holds the disk with Windows alone")
    return tuple(notes)


INFO = ActionInfo(
    type_name="SMS_TaskSequence_CaptureSystemImageAction",
    title="Capture Operating System Image",
    run=capture_operating_system_image,
    forecast=forecast_capture_operating_system_image,
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
    destroys="the WIM that is there, once the new one is complete",
)
