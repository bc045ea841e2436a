r"""What Apply Operating System and Apply Data Image have in common: where the image goes, and what a wipe leaves.

The destination is one of: ``DestinationDisk`` (from 0) and ``DestinationPartition`` (from 1, as Windows counts);
``DestinationLogicalDrive`` (``C:``); ``DestinationVariable``, the name of a variable that holds ``1,2`` or ``C:``.
With none of them, it is the next formatted volume that no Apply step of this sequence has filled.
"""

from __future__ import annotations

from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.deploy.plan import check_fit
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import ActionFailed, InvalidRequest, TooSmall
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere, Place, Volume
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.inputs import Inputs, optional
from osdimage.imaging.tasksequence.result import Events, LogType, VariableInfo
from osdimage.imaging.units import counted, format_size
from osdimage.imaging.wim.image import WimImage

_FORMS = ("DestinationDisk", "DestinationLogicalDrive", "DestinationVariable")
_KEPT = ("_SMSTSUserStatePath", "OSDStateStorePath", "_SMSTSClientCache", "_SMSTSLogPath")

DESTINATION: tuple[VariableInfo, ...] = (
    optional("DestinationDisk", "the number of the disk", numbers=(0, 99), is_property=True, source="SDK"),
    optional(
        "DestinationPartition",
        "the number of the partition as Windows counts; needed with DestinationDisk",
        numbers=(1, 99),
        is_property=True,
        source="SDK",
    ),
    optional("DestinationLogicalDrive", "a drive such as C:", is_property=True, source="SDK"),
    optional(
        "DestinationVariable",
        "the name of a variable that holds disk,partition or a drive",
        is_property=True,
        source="SDK",
    ),
    optional("_SMSTSUserStatePath", "a folder that a wipe leaves, such as C:\\_SMSTaskSequence\\UserState"),
    optional("OSDStateStorePath", "a folder that a wipe leaves"),
)


def has_destination(env: Environment) -> bool:
    """Tell whether the step names its destination."""
    return any(env.properties.get(name) for name in (*_FORMS, "DestinationPartition"))


def choose_volume(env: Environment, machine: Machine, inputs: Inputs) -> Volume:
    """Return the volume that the image goes to.

    Raises:
        InvalidRequest: when the step names two destinations, or one that is not there.
        ActionFailed: NOT_SUPPORTED when it is no NTFS or FAT volume, E_ACCESSDENIED when it cannot be written.
    """
    given = [name for name in _FORMS if env.properties.get(name)]
    if len(given) > 1:
        raise InvalidRequest(f"{' and '.join(given)} are two destinations; valid is one of them, or none")
    if env.properties.get("DestinationPartition") and given != ["DestinationDisk"]:
        # The next free volume, or a drive, would be another one than is meant, and be wiped.
        raise InvalidRequest("DestinationPartition goes with DestinationDisk alone; valid: both of them, or neither")
    if not given:
        return machine.next_volume()
    if given[0] == "DestinationDisk":
        disk, partition = inputs.number("DestinationDisk"), inputs.number("DestinationPartition")
        if partition is None and not inputs.problems:
            inputs.problems.append("DestinationPartition is missing; valid: the number of the partition, from 1")
        inputs.finish()
        volume = _numbered(machine, disk or 0, partition or 0)
    elif given[0] == "DestinationLogicalDrive":
        volume = machine.volume(machine.lettered(env.properties["DestinationLogicalDrive"]))
    else:
        volume = _from_variable(env, machine)
    if not volume.is_usable:
        held = volume.content or "no file system"
        raise ActionFailed(
            HResult.NOT_SUPPORTED, f"{volume.name} holds {held}; an image is applied to an NTFS or FAT volume"
        )
    machine.writable_disk(volume.place.disk)
    return volume


def _numbered(machine: Machine, disk: int, partition: int) -> Volume:
    found = machine.disk_volumes(disk)
    for each in found:
        if each.number == partition:
            return each
    numbers = ", ".join(str(each.number) for each in found) or "none"
    raise NotThere(f"disk {disk} has no partition {partition}; it has: {numbers}")


def _from_variable(env: Environment, machine: Machine) -> Volume:
    name = env.properties["DestinationVariable"]
    value = env.text(name)
    if value is None:
        raise InvalidRequest(f"DestinationVariable={name}: there is no such variable")
    disk, comma, partition = value.partition(",")
    if comma:
        numbers = disk.strip(), partition.strip()
        if not all(each.isascii() and each.isdigit() and len(each) <= 5 for each in numbers):
            raise InvalidRequest(
                f"{name}={env.mask(value)}: valid is disk,partition such as 0,1, or a drive such as C:"
            )
        return _numbered(machine, int(numbers[0]), int(numbers[1]))
    return machine.volume(machine.lettered(value))


def kept_paths(env: Environment, machine: Machine, place: Place) -> tuple[str, ...]:
    """Return the paths of a volume that a wipe must leave, besides those that it always leaves."""
    found = []
    for name in _KEPT:
        path = env.text(name)
        if not path:
            continue
        try:
            where, inner = machine.located(path)
        except InvalidRequest:
            # On the network, on X:, or on a volume that is no more.
            continue
        if where == place and inner:
            found.append(inner)
    return tuple(found)


def apply_options(
    machine: Machine, volume: OpenVolume, *, wipe: bool, keep: tuple[str, ...], force: bool
) -> ApplyOptions:
    """Return how an image goes to a volume; files are compressed as a whole on NTFS only."""
    compact = machine.compact if volume.content is Content.NTFS else None
    return ApplyOptions(wipe=wipe, keep=keep, force=force, compact=compact)


def log_applied(events: Events, done: ApplyResult) -> tuple[str, ...]:
    """Log what an image lost, and what compressing has saved; return the sentences that warn."""
    texts = (*map(str, done.losses), *done.warnings)
    for text in texts:
        events.log(LogType.WARNING, text)
    if done.compacted is not None:
        stored, size = (format_size(each) for each in (done.compacted.stored, done.compacted.size))
        events.log(LogType.INFO, f"compressed {counted(done.compacted.files, 'file')}: {stored} in place of {size}")
    return texts


def refuse_large(image: WimImage, machine: Machine, volume: Volume) -> None:
    """Refuse an image that can never fit.

    Raises:
        TooSmall: with both sizes.
        UnsafeName, MissingParts, CorruptWim: when the image cannot be applied.
    """
    table = machine.planned.get(volume.place.disk)
    if table is not None:
        planned = next(each for each in table.partitions if each.number == volume.place.partition)
        check_fit(image, table, planned)
        return
    audit = image.audit()
    needed = audit.size - audit.sparse_size + audit.named_stream_size
    if needed > volume.size:
        raise TooSmall(f"{volume.name} has {format_size(volume.size)}, image {image.index} needs {format_size(needed)}")
