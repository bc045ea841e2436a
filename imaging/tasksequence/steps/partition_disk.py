r"""Format and Partition Disk.

Everything on the disk is lost.  The layout is checked as a whole before anything is written.  Formatted volumes get the
next free drive letters from ``C:`` in the order of the array; ``VolumeLetterVariable`` receives the letter with its
colon.  The step fails when the task sequence keeps its packages on this disk (``_SMSTSClientCache``), or its user state
(``_SMSTSUserStatePath``): they would be lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from osdimage.imaging.deploy.plan import formats, refuse_volumes
from osdimage.imaging.deploy.steps import format_partition
from osdimage.imaging.disk.init import initialize, losses
from osdimage.imaging.disk.layouts.layout import MAX_DISK_INDEX, DiskLayout
from osdimage.imaging.disk.layouts.place import advice, place
from osdimage.imaging.disk.layouts.variables import layout_from_variables
from osdimage.imaging.disk.roles import Role
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import ActionFailed, DoesNotFit, InvalidRequest
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, Place
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import boolean, optional, required
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, LogType, RunIn
from osdimage.imaging.units import Geometry, counted

_PREFIXES = ("osdpartition", "osddiskindex", "osddiskpart", "osdgptbootdisk")
_KEPT_HERE = ("_SMSTSClientCache", "_SMSTSUserStatePath")
_WITHOUT_LETTER = frozenset({Role.EFI, Role.MSR, Role.HIDDEN, Role.RECOVERY, Role.EXTENDED})

VARIABLES = (
    required("OSDDiskIndex", "the number of the disk", numbers=(0, MAX_DISK_INDEX), source="CM07, CB"),
    optional("DiskIndexVariable", "a variable that holds the number of the disk", is_property=True, source="CB"),
    required("OSDPartitionStyle", "MBR or GPT", choices=("MBR", "GPT")),
    boolean("OSDGPTBootDisk", "add an EFI system partition to a GPT disk that has none", default=False),
    boolean(
        "OSDDiskpartBiosCompatibilityMode", "the layout of Windows XP, without alignment (MBR only)", default=False
    ),
    optional("OSDPartitions", "the number of elements", numbers=(1, 4096), source="exports of ConfigMgr and MDT"),
    required(
        "OSDPartitions<N>Type",
        "Primary, Extended, Logical, Hidden, EFI, MSR or Recovery",
        choices=("Primary", "Extended", "Logical", "Hidden", "EFI", "MSR", "Recovery"),
        source="CM07, SDK",
    ),
    optional("OSDPartitions<N>FileSystem", "NTFS or FAT32; without it not formatted", choices=("NTFS", "FAT32")),
    boolean("OSDPartitions<N>Bootable", "make it the active partition (MBR only)", default=False),
    boolean("OSDPartitions<N>QuickFormat", "format without writing every sector", default=False),
    optional("OSDPartitions<N>VolumeName", "the volume label; NTFS 32, FAT32 11 characters"),
    optional("OSDPartitions<N>Size", "in units of SizeUnits; without it all that is left", numbers=(1, 0xFFFFFFFF)),
    optional(
        "OSDPartitions<N>SizeUnits",
        "MB, GB or Percent of what is left (1 to 100)",
        default="MB",
        choices=("MB", "GB", "Percent", "%"),
    ),
    optional("OSDPartitions<N>VolumeLetterVariable", "a variable that receives the drive letter, such as C:"),
    boolean("OSDPartitions<N>AssignVolumeLetter", "give the volume a drive letter", default=True, source="SDK"),
)


@action(VARIABLES)
def partition_disk(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Partition and format a disk.  Everything on it is lost.

    Raises:
        ActionFailed: E_UNEXPECTED when a partition is larger than what is left, E_INVALIDARG when a variable is wrong,
            E_ACCESSDENIED when the disk holds the sequence's own files, or another code when writing failed.
    """
    layout, index = _request(env, machine)
    with machine.opened(index, write=True) as disk:
        table = _placed(layout, disk.geometry, machine)
        for text in (found := advice(layout, disk.geometry)):
            events.log(LogType.WARNING, text)
        report = initialize(disk.target, table, now=datetime.now(UTC), save=machine.saves_tables)
        if report.saved is not None:
            events.log(LogType.INFO, f"the table that was on the disk is saved in {report.saved}")
        # What the letters were is no more true from here on, even if formatting fails.
        machine.forget_disk(index)
        for each in formats(table, machine.rng):
            events.log(LogType.INFO, each.describe())
            format_partition(disk, each)
        disk.target.flush()
    outputs = tuple(_assign_letters(env, machine, index, table))
    count = len(table.partitions)
    return ActionResult(
        HResult.S_OK,
        f"disk {index} has a new {table.scheme.upper()} table with {counted(count, 'partition')}",
        outputs=outputs,
        warnings=(*found, *report.warnings),
    )


@forecast
def forecast_partition_disk(env: Environment, machine: Machine) -> Forecast:
    """Tell what :func:`partition_disk` would make, and what would be lost."""
    layout, index = _request(env, machine)
    path = machine.disk(index)
    with machine.opened(index) as disk:
        table = _placed(layout, disk.geometry, machine)
        lost = [] if index in machine.planned else list(losses(disk.target, disk.read()))
    machine.forget_disk(index)
    machine.planned[index] = table
    list(_assign_letters(env, machine, index, table))
    parts = ", ".join(_described(each) for each in table.partitions)
    return Forecast(
        f"partition disk {index} ({path}) as {table.scheme.upper()}: {parts}",
        destroys=(f"everything on disk {index} ({path})", *(f"disk {index} {each}" for each in lost)),
    )


def _request(env: Environment, machine: Machine) -> tuple[DiskLayout, int]:
    """Read the variables; refuse a disk that the sequence needs."""
    values = {name: env.text(name) or "" for name in env if name.lower().startswith(_PREFIXES)}
    named = env.properties.get("DiskIndexVariable")
    if named:
        number = env.text(named)
        if number is None:
            raise InvalidRequest(f"DiskIndexVariable={named}: there is no such variable")
        values = {name: value for name, value in values.items() if name.lower() != "osddiskindex"}
        values["OSDDiskIndex"] = number
    layout = layout_from_variables(values)
    if layout.disk_index is None:
        raise InvalidRequest("OSDDiskIndex is missing")
    index = layout.disk_index
    machine.writable_disk(index)
    for name in _KEPT_HERE:
        path = env.text(name)
        if path and _lies_on(machine, path, index):
            raise ActionFailed(
                HResult.E_ACCESSDENIED,
                f"disk {index} holds {name} ({path}): partitioning would destroy what the task sequence still needs",
            )
    return layout, index


def _lies_on(machine: Machine, path: str, index: int) -> bool:
    """Tell whether a path of the sequence may be on a disk; one whose letter is not known may be anywhere."""
    try:
        place_of_path, _ = machine.located(path)
    except InvalidRequest:
        return len(machine.disks) == 1 and path[1:2] == ":" and path[:1].upper() != "X"
    return place_of_path.disk == index


def _placed(layout: DiskLayout, geometry: Geometry, machine: Machine) -> PartitionTable:
    """Place the partitions whose volumes can be made; say it in ConfigMgr's words when they do not fit."""
    try:
        table = place(layout, geometry, machine.rng)
    except DoesNotFit as error:
        origins = [each.origin for each in layout.partitions]
        number = origins.index(error.partition) + 1 if error.partition in origins else 0
        wanted = "all that is left" if error.wanted_bytes is None else error.wanted_bytes
        raise ActionFailed(
            HResult.E_UNEXPECTED,
            f"Partition {number} larger than remaining disk space. Requested partition size: {wanted}, remaining size: "
            f"{error.left_bytes} (bytes; {error.partition}). Invalid configuration specified. Please ensure that the "
            "task sequence is properly configured.",
        ) from error
    refuse_volumes(table)
    return table


def _assign_letters(env: Environment, machine: Machine, index: int, table: PartitionTable) -> Iterator[str]:
    """Give letters to the volumes of a new table; set the variables that ask for them, and yield their names."""
    for each in table.partitions:
        spec = each.spec
        if spec is None or spec.filesystem is None or not spec.assign_letter:
            continue
        if spec.letter_variable is None and spec.role in _WITHOUT_LETTER:
            continue
        letter = machine.assign_letter(Place(index, each.number))
        if spec.letter_variable is not None:
            if letter is None:
                raise InvalidRequest(f"{spec.origin}VolumeLetterVariable: all drive letters are taken")
            env[spec.letter_variable] = f"{letter}:"
            yield spec.letter_variable


def _described(partition: Partition) -> str:
    spec = partition.spec
    kind = partition.role.value if partition.role is not None else partition.type_label
    if spec is None or spec.filesystem is None:
        return kind
    return f"{kind} {spec.filesystem.called}{'' if spec.quick_format else ' in full'}"


INFO = ActionInfo(
    type_name="SMS_TaskSequence_PartitionDiskAction",
    title="Format and Partition Disk",
    run=partition_disk,
    forecast=forecast_partition_disk,
    other_types=("ZTIDiskpart",),
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
    destroys="everything on the disk",
)
