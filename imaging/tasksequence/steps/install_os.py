r"""Install Operating System, the step of MDT (LTIApply).

The image is that of the operating system whose GUID ``OSGUID`` holds: a package that is called by the GUID, or what the
list of operating systems of a deployment share tells.  It goes to the volume that MDT's Lite Touch would choose:

* ``DestinationOSInstallType=BYVARIABLE``: the drive in the variable that ``DestinationOSVariable`` names;
  ``BYDRIVELETTER``: ``DestinationOSDriveLetter``; ``NEXTPARTITION``: the first that an operating system fits.
* else ``DestinationDisk`` and ``DestinationPartition``, counted as WMI does, without a Microsoft reserved partition.
  When that one has less than 15 GB, it is taken for a system partition: the second one, or the first that is large
  enough, takes its place.  The variable ``OSDisk``, which MDT's partitioning steps set, decides before the latter.

The answer file is that of the task sequence in the deployment share, ``Control\TaskSequenceID\Unattend.xml``, where
there is one.  All else is as with Apply Operating System.  Source: ``GetOSTargetDriveLetterEx`` of ZTIUtility.vbs (MDT
6.3.8456) and ``GetMinimumDiskPartitionSizeMB`` of ZTIDiskUtility.vbs.  Chosen here: where no partition has 15 GB, as in
a laboratory, the one that ``OSDisk`` or the numbers name is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from osdimage.imaging.disk.roles import MICROSOFT_RESERVED
from osdimage.imaging.errors import ActionFailed, ImageNotFound, InvalidRequest, InvalidTable
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere, Volume
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, optional, output, required
from osdimage.imaging.tasksequence.mdt.configure import configure_noted, foretell_noted_settings
from osdimage.imaging.tasksequence.mdt.operating_systems import find_system
from osdimage.imaging.tasksequence.mdt.share import share_of
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, RunIn, VariableInfo
from osdimage.imaging.tasksequence.steps.inject_drivers import bring_in_noted, foretell_noted
from osdimage.imaging.tasksequence.steps.windows_image import WindowsPlan, carry_out, foretell, plan_windows
from osdimage.imaging.wim.file import WimFile

VARIABLES: tuple[VariableInfo, ...] = (
    required("OSGUID", "the GUID of the operating system: that of a package, or in the list of a share", source="MDT"),
    optional("ImageIndex", "the number of the image, where no list tells it", numbers=(1, 0x7FFFFFFF), source="MDT"),
    optional(
        "DestinationOSInstallType",
        "how the volume is named: BYDISKPARTITION, BYVARIABLE, BYDRIVELETTER or NEXTPARTITION",
        default="BYDISKPARTITION",
        choices=("BYDISKPARTITION", "BYVARIABLE", "BYDRIVELETTER", "NEXTPARTITION"),
        source="MDT",
    ),
    optional("DestinationDisk", "the number of the disk", default="0", numbers=(0, 99), source="MDT"),
    optional(
        "DestinationPartition",
        "the number of the partition, counted without a Microsoft reserved one",
        default="1",
        numbers=(1, 128),
        source="MDT",
    ),
    optional("DestinationOSDriveLetter", "a drive such as C:", source="MDT"),
    optional("DestinationOSVariable", "the name of a variable that holds a drive", source="MDT"),
    optional("TaskSequenceID", "by which the deployment share has its answer file", source="MDT"),
    output("OSDisk", "the drive of the volume with Windows, such as C:", source="MDT"),
    output("OSDTargetSystemDrive", "the same", source="CB"),
    output("OSDTargetSystemRoot", "the directory of Windows, such as C:\\Windows", source="CB"),
)

_MOST_TOLD = 10
_LEAST_BYTES = 15 * 1000 * 1000 * 1000
"""What MDT takes for the smallest volume of an operating system; what is smaller is for the system partition."""


@action(VARIABLES)
def install_operating_system(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Apply the image of an operating system of MDT to a volume; what that held is lost.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong, DISK_FULL when the volume is too small, INVALID_DATA when
            the image holds no Windows or is damaged, or another code when reading or writing failed.
    """
    with _planned(env, machine) as plan:
        result = carry_out(env, machine, plan, events)
        _tell(env, machine)
    configured = configure_noted(env, machine, events, result)
    return bring_in_noted(env, machine, events, configured)


@forecast
def forecast_install_operating_system(env: Environment, machine: Machine) -> Forecast:
    """Tell what :func:`install_operating_system` would apply, and what would be lost."""
    guid = env.text("OSGUID")
    if guid and find_system(machine, guid) is None:
        return Forecast(does="fails", problems=(_nowhere(machine, guid),), unmapped=(guid,))
    with _planned(env, machine) as plan:
        told = foretell(env, machine, plan)
        _tell(env, machine)
    return foretell_noted(env, machine, foretell_noted_settings(env, machine, told))


def _nowhere(machine: Machine, guid: str) -> str:
    known = ", ".join(sorted(machine.packages)) or "none"
    told = f"OSGUID={guid}: there is no path for it; packages with one: {known}"
    share = share_of(machine)
    if share is None:
        return told
    listed = ", ".join(each.called for each in islice(share.items("OperatingSystems.xml"), _MOST_TOLD)) or "none"
    return f"{told}; operating systems of {share.root}: {listed}"


@contextmanager
def _planned(env: Environment, machine: Machine) -> Iterator[WindowsPlan]:
    inputs = Inputs(env, VARIABLES)
    guid, index = inputs.text("OSGUID"), inputs.number("ImageIndex")
    inputs.finish()
    system = find_system(machine, guid or "")
    if system is None:
        raise InvalidRequest(_nowhere(machine, guid or ""))
    number = system.index or index
    with WimFile.open(system.wim) as wim:
        if number is None and len(wim) > 1:
            there = tuple(f"{each.index}: {each.name}" for each in wim.images)
            raise ImageNotFound(f"ImageIndex is missing; {system.wim} has {len(wim)} images:", candidates=there)
        image = wim.image(number or 1)
        pair = (image, _destination(env, machine, inputs))
        yield plan_windows(machine, (pair,), _answer_file(machine, inputs.text("TaskSequenceID")))


def _answer_file(machine: Machine, sequence: str | None) -> Path | None:
    """Return the answer file that the deployment share has for a task sequence, or None."""
    share = share_of(machine)
    found = None if share is None or sequence is None else share.find(f"Control\\{sequence}\\Unattend.xml")
    return found if found is not None and found.is_file() else None


def _tell(env: Environment, machine: Machine) -> None:
    env["OSDisk"] = env["OSDTargetSystemDrive"]
    # Lite Touch prepares each Windows that it applies to go on with the sequence.
    machine.is_set_up = True


def _destination(env: Environment, machine: Machine, inputs: Inputs) -> Volume:
    way = inputs.text("DestinationOSInstallType")
    letter, name = inputs.text("DestinationOSDriveLetter"), inputs.text("DestinationOSVariable")
    disk, number = inputs.number("DestinationDisk") or 0, inputs.number("DestinationPartition") or 1
    inputs.finish()
    if way == "BYDRIVELETTER" and letter:
        volume = machine.volume(machine.lettered(f"{letter[:1]}:"))
    elif way == "BYVARIABLE" and name and env.text(name):
        volume = machine.volume(machine.lettered((env.text(name) or "")[:2]))
    else:
        volume = _on_disk(env, machine, disk, None if way == "NEXTPARTITION" else number)
    if not volume.is_usable:
        raise ActionFailed(
            HResult.NOT_SUPPORTED,
            f"{volume.name} holds {volume.content or 'no file system'}; an image is applied to an NTFS or FAT volume",
        )
    machine.writable_disk(volume.place.disk)
    return volume


def _on_disk(env: Environment, machine: Machine, disk: int, number: int | None) -> Volume:
    """Return the volume of a disk that is meant by a number, or that an operating system fits."""
    volumes = _counted(machine, disk)
    ordinary = [each for each in volumes if each.is_ordinary]
    large = [each for each in ordinary if each.size >= _LEAST_BYTES]
    meant: Volume | None = volumes[number - 1] if number is not None and number <= len(volumes) else None
    if meant is not None and meant in large:
        return meant
    if number == 1 and len(volumes) > 1 and volumes[1] in large:
        return volumes[1]
    candidates = [_of_variable(env, machine, ordinary), *large]
    candidates += [meant if meant in ordinary else None] if number is not None else ordinary
    found = next((each for each in candidates if each is not None), None)
    if found is not None:
        return found
    numbers = ", ".join(str(index) for index, each in enumerate(volumes, 1) if each in ordinary) or "none"
    raise NotThere(
        f"DestinationDisk={disk}, DestinationPartition={number}: no volume for an operating system; those of the disk "
        f"are partitions {numbers}"
    )


def _counted(machine: Machine, disk: int) -> list[Volume]:
    """Return the volumes of a disk as WMI counts partitions."""
    try:
        reserved = {each.number for each in machine.table(disk).partitions if each.type_id == MICROSOFT_RESERVED}
    except InvalidTable:
        reserved = set()
    return [each for each in machine.disk_volumes(disk) if each.place.partition not in reserved]


def _of_variable(env: Environment, machine: Machine, ordinary: list[Volume]) -> Volume | None:
    """Return the volume whose drive ``OSDisk`` holds, when it is one of these."""
    try:
        place = machine.lettered((env.text("OSDisk") or "")[:2])
    except InvalidRequest:
        return None
    return next((each for each in ordinary if each.place == place), None)


INFO = ActionInfo(
    type_name="BDD_InstallOS",
    title="Install Operating System",
    run=install_operating_system,
    forecast=forecast_install_operating_system,
    other_types=("LTIApply", "PSDApplyOS"),
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
    destroys="all files of the volume, but the folders of the task sequence",
)
