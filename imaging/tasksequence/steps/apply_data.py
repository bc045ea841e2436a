"""Apply Data Image.

The image goes to one volume (which, ``applying.py`` tells).  No boot files and no answer
file are written.  Without a wipe, the files that the image has too are replaced and all others stay; a FAT volume
must then be empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.errors import quoted
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, Volume
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, required
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    RunIn,
    VariableInfo,
)
from osdimage.imaging.tasksequence.steps.applying import (
    DESTINATION,
    apply_options,
    choose_volume,
    kept_paths,
    log_applied,
    refuse_large,
)
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

VARIABLES: tuple[VariableInfo, ...] = (
    required("ImagePackageID", "the ID of the package with the WIM", is_property=True, source="SDK"),
    required("OSDDataImageIndex", "the number of the image", numbers=(1, 0x7FFFFFFF)),
    boolean("OSDWipeDestinationPartition", "delete the files of the volume first", default=True),
    *DESTINATION,
)


@action(VARIABLES)
def apply_data_image(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Apply an image of data to a volume; unless ``OSDWipeDestinationPartition`` is false, what it held is lost.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong, DISK_FULL when the volume is too small, NOT_SUPPORTED for a
            volume that cannot be used, INVALID_DATA when the WIM is damaged, or another code when writing failed.
    """
    with _planned(env, machine) as (image, volume, wipe), ExitStack() as machines:
        disk = machines.enter_context(machine.opened(volume.place.disk, write=True))
        target, keep = disk.volume(volume.place.partition), kept_paths(env, machine, volume.place)
        options = apply_options(machine, target, wipe=wipe, keep=keep, force=events.is_repeated)
        done = apply_image(image, target, options, progress=events.progress)
        message = f"applied image {image.index} {quoted(image.name)} to {volume.name}"
    machine.mark_used(volume.place)
    return ActionResult(HResult.S_OK, message, warnings=log_applied(events, done))


@forecast
def forecast_apply_data_image(env: Environment, machine: Machine) -> Forecast:
    """Tell what :func:`apply_data_image` would apply, and what would be lost."""
    with _planned(env, machine) as (image, volume, wipe):
        machine.mark_used(volume.place)
        lost = (f"everything on {volume.name} but the task sequence's folders",) if wipe else ()
        return Forecast(f"apply image {image.index} {quoted(image.name)} to {volume.name}", destroys=lost)


@contextmanager
def _planned(env: Environment, machine: Machine) -> Iterator[tuple[WimImage, Volume, bool]]:
    inputs = Inputs(env, VARIABLES)
    package, index = inputs.text("ImagePackageID"), inputs.number("OSDDataImageIndex")
    wipe = inputs.boolean("OSDWipeDestinationPartition")
    inputs.finish()
    with WimFile.open(machine.image_file(package or "")) as wim:
        image = wim.image(index or 1)
        volume = choose_volume(env, machine, inputs)
        inputs.finish()
        refuse_large(image, machine, volume)
        yield image, volume, wipe is not False


INFO = ActionInfo(
    type_name="SMS_TaskSequence_ApplyDataImageAction",
    title="Apply Data Image",
    run=apply_data_image,
    forecast=forecast_apply_data_image,
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
    package_properties=("ImagePackageID",),
    destroys="all files of the volume, but the folders of the task sequence; nothing without a wipe",
)
