"""What a deployment will do, decided before anything is touched.

A plan is data: the exact partition table, and the steps in their order, each with what it destroys.  Making one reads
the WIM and the facts of the target and writes nothing; carrying it out (``execute.py``) decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from osdimage.imaging.apply.bytes import refuse_bytes
from osdimage.imaging.apply.names import refuse_for_volume
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.deploy.answer_file import check_unattend
from osdimage.imaging.deploy.boot_plan import ForgetDrives, InstallBoot, MoveDrives, plan_boot, plan_drives
from osdimage.imaging.deploy.driver_plan import AddDrivers, PlannedDrivers
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.fit import Resized
from osdimage.imaging.disk.layouts.layout import DiskLayout
from osdimage.imaging.disk.layouts.place import advice, place
from osdimage.imaging.disk.plan import DiskIdentity, DiskPlan
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidRequest, TooSmall
from osdimage.imaging.randomness import RandomBits, drawn_from
from osdimage.imaging.units import KIB, MIB, Geometry, counted, format_size
from osdimage.imaging.volume.filesystems import FormatWish, refuse_impossible, serial_bits
from osdimage.imaging.wim.checks.audit import refuse_dropped_names, refuse_missing, refuse_unsafe_names
from osdimage.imaging.wim.entries import Audit
from osdimage.imaging.wim.image import WimImage

# NTFS takes for itself: the log file (up to 64 MB, less on a small volume), the MFT, its mirror and roots of indexes;
# the bitmap, a bit for each cluster; and 1.5 KB of records and indexes for each file (measured on Windows images).
# mkntfs --quick, then ntfsinfo -m, free clusters: 64 MB takes 2.5 MB, 2 GB 11 MB, 8 GB 42 MB, 60 GB 66 MB.
_NTFS_LEAST, _NTFS_MOST, _NTFS_SHARE = 4 * MIB, 72 * MIB, 128
_NTFS_BITMAP = 8 * 4 * KIB
_NTFS_PER_FILE = 3 * KIB // 2

NO_SYSTEM_PARTITION = "the layout has no EFI system partition: firmware cannot start from this disk"
"""What is said of a disk that needs another one to start."""

# ConfigMgr's own name for the variable that holds the drive of Windows; the presets use it too.
_WINDOWS_VARIABLE = "osdisk"

# Firmware in UEFI mode starts loaders of its own architecture only, and there is no 32-bit UEFI on machines for sale;
# Windows for ARM knows no BIOS at all.
_NOT_UNDER_BIOS = frozenset({"arm", "arm64"})


@dataclass(frozen=True, slots=True)
class WriteTable:
    """Write the partition table."""

    disk: DiskPlan

    destroys: str = "everything on the disk"

    def describe(self) -> str:
        """Say it in one line."""
        table = self.disk.table
        return f"write a {table.scheme.upper()} table with {counted(len(table.partitions), 'partition')}"


@dataclass(frozen=True, slots=True)
class FormatVolume:
    """Make a file system in a partition.

    ``serial`` is the volume's serial number, and ``cluster_size`` in bytes, or None for what is usual for its size.
    """

    partition: Partition
    filesystem: FileSystem
    label: str | None
    serial: int
    quick: bool
    cluster_size: int | None = None

    destroys: str = "what the partition held"

    def describe(self) -> str:
        """Say it in one line."""
        label = f" {self.label!r}" if self.label else ""
        full = "" if self.quick else ", in full: zeros are written over all that it held"
        return f"format partition {self.partition.number}{label} as {self.filesystem.called}{full}"


@dataclass(frozen=True, slots=True)
class ApplyToVolume:
    """Apply an image of the WIM to a partition.

    ``size`` is what it expands to, in bytes; ``modified`` when it was last changed, or None when nobody knows.
    """

    partition: Partition
    image: int
    name: str
    size: int
    files: int
    modified: datetime | None = None

    destroys: str = "nothing"

    def describe(self) -> str:
        """Say it in one line."""
        return (
            f"apply image {self.image} {self.name!r} to partition {self.partition.number}: "
            f"{counted(self.files, 'file')}, {format_size(self.size)}"
        )


@dataclass(frozen=True, slots=True)
class WriteBytes:
    """Write the bytes of a partition that an image of the WIM is; ``size`` and ``modified`` as for files."""

    partition: Partition
    image: int
    name: str
    size: int
    modified: datetime | None = None

    destroys: str = "what the partition held"

    def describe(self) -> str:
        """Say it in one line."""
        return (
            f"write the bytes of image {self.image} {self.name!r} to partition {self.partition.number}: "
            f"{format_size(self.size)}"
        )


DeployStep = (
    WriteTable | FormatVolume | ApplyToVolume | WriteBytes | ForgetDrives | MoveDrives | AddDrivers | InstallBoot
)

BOOT = BootOptions()
"""How a deployed disk is made to start, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class DeployPlan:
    r"""What will be done, in this order.

    Attributes:
        steps: in their order.
        unattend: the answer file that is placed in the image as ``\Windows\Panther\unattend.xml``, or None.
        warnings: what the user should know.
        resized: the partitions of a captured disk that get another size than they had.
    """

    steps: tuple[DeployStep, ...]
    unattend: str | None
    warnings: tuple[str, ...]
    resized: tuple[Resized, ...] = ()

    @property
    def disk(self) -> DiskPlan:
        """The partition table that will be written."""
        return next(step.disk for step in self.steps if isinstance(step, WriteTable))

    @property
    def table(self) -> PartitionTable:
        """The partition table that will be written."""
        return self.disk.table

    def describe(self) -> Iterator[str]:
        """Yield one line for each step, and for each partition that changes its size."""
        for step in self.steps:
            yield step.describe()
            if isinstance(step, WriteTable):
                yield from (str(each) for each in self.resized)
            if isinstance(step, ApplyToVolume) and self.unattend is not None:
                yield f"with {self.unattend} as \\Windows\\Panther\\unattend.xml"


def make_plan(
    image: WimImage,
    layout: DiskLayout,
    geometry: Geometry,
    rng: RandomBits | None = None,
    *,
    partition: int | None = None,
    unattend: str | None = None,
    boot: BootOptions | None = BOOT,
    identity: DiskIdentity | None = None,
) -> DeployPlan:
    """Decide what deploying an image to a disk takes.  Nothing is written.

    Args:
        image: of an open WIM.
        layout: the partitions to make.
        geometry: of the disk.
        rng: where GUIDs, signatures and serial numbers come from; the same seed gives the same plan.  None:
            the system.
        partition: the number of the partition for the image; None for the one that the layout means for Windows.
        unattend: the path of an answer file, or None; warnings of the plan say what Windows would ignore of it.
        boot: how the disk is made to start; None: it is not.  An image without boot files is deployed all the same,
            and a warning of the plan says so.
        identity: of a disk that is there, so that the plan is refused when the disk has changed since.

    Raises:
        InvalidRequest: when no partition, or not the named one, can hold the image.
        DoesNotFit, InvalidLayout: when the layout cannot be placed.
        TooSmall: when the image is too large for the partition.
        UnsafeName, MissingParts, CorruptWim: when the image cannot be applied.
        InvalidInput: when Windows Setup would refuse the answer file.
        StorageError: when it cannot be read.
    """
    rng = drawn_from(rng)
    table = place(layout, geometry, rng)
    target = choose_partition(table, partition)
    disk = DiskPlan(table, identity, advice(layout, geometry))
    return plan_one(image, disk, target, rng, unattend=unattend, boot=boot)


def plan_one(
    image: WimImage,
    disk: DiskPlan,
    target: Partition,
    rng: RandomBits,
    *,
    unattend: str | None,
    boot: BootOptions | None,
) -> DeployPlan:
    """Decide what deploying an image to a partition of a table takes; see :func:`make_plan`."""
    ignored = () if unattend is None else check_unattend(unattend, image)
    table = disk.table
    audit = check_fit(image, table, target)
    steps: list[DeployStep] = [
        *formats(table, rng),
        application(image, target, audit),
        *plan_drives(image, target),
    ]
    warnings = [*disk.advice, *misfits(image, table), *ignored]
    if boot is not None:
        step = plan_boot(image, table, target, boot, rng)
        if isinstance(step, InstallBoot):
            steps.append(step)
            disk = with_active(disk, step)
        else:
            warnings.append(step)
    return DeployPlan((WriteTable(disk), *steps), unattend, tuple(warnings))


def with_drivers(plan: DeployPlan, image: WimImage, drivers: PlannedDrivers) -> DeployPlan:
    """Return a plan that also brings drivers into the Windows of an image, before the disk is made to start.

    Raises:
        InvalidRequest: when the plan does not apply the image.
        TooSmall: when the partition has no room for them.
    """
    applied = next((each for each in plan.steps if isinstance(each, ApplyToVolume) and each.image == image.index), None)
    if applied is None:
        raise InvalidRequest(f"image {image.index} is not applied, and gets no drivers")
    room = plan.table.size_bytes(applied.partition)
    if applied.size + drivers.size > room:
        raise TooSmall(
            f"partition {applied.partition.number} has {format_size(room)}, image {image.index} and its drivers need "
            f"{format_size(applied.size + drivers.size)}; choose a larger disk or another layout"
        )
    step = AddDrivers(applied.partition, image.index, replace(drivers, warnings=()))
    at = next((n for n, each in enumerate(plan.steps) if isinstance(each, InstallBoot)), len(plan.steps))
    warnings = tuple(dict.fromkeys((*plan.warnings, *drivers.warnings)))
    return replace(plan, steps=(*plan.steps[:at], step, *plan.steps[at:]), warnings=warnings)


def with_active(disk: DiskPlan, *starts: InstallBoot) -> DiskPlan:
    """Return the plan of a disk with the active flag that making it start under a BIOS will set."""
    table = disk.table
    systems = {each.places.system.number for each in starts if each.places.firmware is Firmware.BIOS}
    if not systems or any(each.active for each in table.partitions if not each.is_logical):
        return disk
    partitions = tuple(replace(each, active=each.active or each.number in systems) for each in table.partitions)
    return replace(disk, table=replace(table, partitions=partitions))


def application(image: WimImage, target: Partition, audit: Audit) -> ApplyToVolume:
    """Return the step that applies an image."""
    return ApplyToVolume(target, image.index, image.name, audit.size, audit.files, image.info.modified)


def check_fit(image: WimImage, table: PartitionTable, target: Partition) -> Audit:
    """Refuse an image that cannot be applied, or is too large for its partition; return what is in it.

    Raises:
        OsdImageError: as :func:`make_plan`.
    """
    refuse_bytes(image)
    audit = image.audit()
    refuse_dropped_names(image.path, image.index, audit)
    refuse_unsafe_names(image.path, image.index, audit)
    refuse_missing(image.path, image.index, audit)
    filesystem = None if target.spec is None else target.spec.filesystem
    if filesystem is not None:
        refuse_for_volume(image.path, image.index, audit, filesystem)
    is_ntfs = filesystem is FileSystem.NTFS
    room = table.size_bytes(target)
    needed = needed_bytes(audit, room, is_ntfs=is_ntfs)
    if needed > room:
        raise TooSmall(
            f"partition {target.number} has {format_size(room)}, image {image.index} needs {format_size(needed)}"
            f"{' with what NTFS takes for itself' if is_ntfs else ''}; choose a larger disk or another layout"
        )
    return audit


def needed_bytes(audit: Audit, room: int, *, is_ntfs: bool) -> int:
    """Return how much the files of an image need of a volume of ``room`` bytes, with what NTFS takes for itself."""
    needed = audit.size - audit.sparse_size + audit.named_stream_size
    if is_ntfs:
        needed += min(_NTFS_MOST, _NTFS_LEAST + room // _NTFS_SHARE) + room // _NTFS_BITMAP
        needed += (audit.files + audit.directories) * _NTFS_PER_FILE
    return needed


def choose_partition(table: PartitionTable, number: int | None) -> Partition:
    """Return the partition for Windows.

    Without a number: of the NTFS partitions that are neither hidden nor for recovery, the one whose drive letter goes
    to the variable ``OSDisk``; else the first that is not the active one of several, as a system partition is.

    Raises:
        InvalidRequest: when there is none, or the named one is not an NTFS partition of the layout.
    """
    formatted = [each for each in table.partitions if each.spec is not None and each.spec.filesystem is FileSystem.NTFS]
    if number is not None:
        chosen = [each for each in formatted if each.number == number]
        if not chosen:
            numbers = ", ".join(str(each.number) for each in formatted) or "none"
            raise InvalidRequest(f"partition {number} is not formatted with NTFS by this layout; those are: {numbers}")
        return chosen[0]
    usable = [each for each in formatted if each.spec is not None and each.spec.role in {Role.PRIMARY, Role.LOGICAL}]
    if not usable:
        raise InvalidRequest("the layout has no NTFS partition for the image; valid is a Primary or Logical one")
    marked = [each for each in usable if each.spec and (each.spec.letter_variable or "").lower() == _WINDOWS_VARIABLE]
    if len(marked) == 1:
        return marked[0]
    inactive = [each for each in usable if not each.active]
    return (inactive or usable)[0]


def formats(table: PartitionTable, rng: RandomBits) -> Iterator[FormatVolume]:
    """Yield how the volumes of a table are made.

    Raises:
        InvalidRequest: when one cannot be made, before the first is yielded.
    """
    refuse_volumes(table)
    for each in table.partitions:
        if each.spec is not None and each.spec.filesystem is not None:
            bits = serial_bits(each.spec.filesystem)
            yield FormatVolume(
                each,
                each.spec.filesystem,
                each.spec.label,
                rng.getrandbits(bits),
                each.spec.quick_format,
                each.spec.cluster_size,
            )


def refuse_volumes(table: PartitionTable) -> None:
    """Refuse a table whose volumes cannot be made: too small for their file system, or with a label that is none.

    Raises:
        InvalidRequest: naming the partition.
    """
    for each in table.partitions:
        if each.spec is not None and each.spec.filesystem is not None:
            wish = FormatWish(0, each.spec.label, each.spec.cluster_size)
            refuse_volume(each, each.spec.filesystem, wish, table.geometry)


def refuse_volume(partition: Partition, filesystem: FileSystem, wish: FormatWish, disk: Geometry) -> None:
    """Refuse a volume that cannot be made in a partition of a disk.

    Raises:
        InvalidRequest: naming the partition.
    """
    try:
        refuse_impossible(filesystem, wish, Geometry(disk.sector_size, partition.extent.count))
    except InvalidRequest as error:
        raise InvalidRequest(f"partition {partition.number}: {error.said}", remedy=error.remedy) from error


def misfits(image: WimImage, table: PartitionTable) -> Iterator[str]:
    """Yield what keeps the image from starting on a machine that fits the disk."""
    architecture = image.info.windows.architecture if image.info.windows is not None else None
    if table.scheme is Scheme.MBR and architecture in _NOT_UNDER_BIOS:
        yield f"the image is for {architecture}, which starts from GPT disks under UEFI only; this disk is MBR"
    if table.scheme is Scheme.GPT and architecture == "x86":
        yield "the image is for x86: only machines with a 32-bit UEFI start it from a GPT disk"
    if table.scheme is Scheme.GPT and not any(each.role is Role.EFI for each in table.partitions):
        yield NO_SYSTEM_PARTITION
