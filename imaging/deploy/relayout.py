"""Planning a disk like the one that a WIM was captured from, by the layout in its XML.

The table is the one that the disk had: every type, flag and place, whether osdimage knows what the type is for or not.
On a disk of another size one partition takes what is more, and some give what is less: ``resize.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from osdimage.imaging.apply.bytes import bytes_of
from osdimage.imaging.apply.fat_source import from_image
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.deploy.boot_plan import InstallBoot, plan_boot, plan_drives
from osdimage.imaging.deploy.plan import (
    BOOT,
    ApplyToVolume,
    DeployPlan,
    DeployStep,
    WriteBytes,
    WriteTable,
    application,
    check_fit,
    choose_partition,
    formats,
    misfits,
    plan_one,
    refuse_volumes,
    with_active,
)
from osdimage.imaging.deploy.resize import SizeWish, resize
from osdimage.imaging.disk import roles
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.fat_width import FatWidth
from osdimage.imaging.disk.layouts.fit import Resized, resized
from osdimage.imaging.disk.layouts.layout import FixedSize, PartitionSpec
from osdimage.imaging.disk.layouts.place import MBR_LIMIT
from osdimage.imaging.disk.layouts.rules import LABEL_LIMITS
from osdimage.imaging.disk.plan import DiskIdentity, DiskPlan
from osdimage.imaging.disk.roles import GptAttributes, Role, Scheme
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.disk.tables.write import verify_table
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import InvalidInput, InvalidLayout, Means, Remedy
from osdimage.imaging.randomness import RandomBits, drawn_from
from osdimage.imaging.units import Geometry, format_size
from osdimage.imaging.volume.fat.make import plan_fill
from osdimage.imaging.volume.fat.write import FatOptions
from osdimage.imaging.wim.captured_disks import refuse_several
from osdimage.imaging.wim.described.captured import CapturedDisk, CapturedPartition, Kept
from osdimage.imaging.wim.described.captured_table import numbers_of, table_of
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

# What FAT has no place for in a label becomes this, as does what its code page lacks.
_NOT_IN_LABELS = str.maketrans(dict.fromkeys('"*+,./:;<=>?[\\]|', "_"))


USUAL_SIZES = SizeWish()
"""The volume of Windows takes and gives; see :mod:`osdimage.imaging.deploy.resize`."""


def plan_from_wim(
    wim: WimFile,
    image: WimImage | None,
    geometry: Geometry,
    rng: RandomBits | None = None,
    *,
    partition: int | None = None,
    unattend: str | None = None,
    boot: BootOptions | None = BOOT,
    identity: DiskIdentity | None = None,
    sizes: SizeWish = USUAL_SIZES,
) -> DeployPlan:
    """Decide what it takes to make the disk again that a WIM was captured from.  Nothing is written.

    Args:
        wim: the open WIM.
        image: the one to apply, or None for every image to the partition that it was captured from.
        geometry: of the disk.
        rng: where GUIDs, signatures and serial numbers come from; None: the system.
        partition: the number of the partition for a single image; None for the one that it was captured from.
        unattend: the path of an answer file for a single image, or None.
        boot: how the disk is made to start; None: it is not.
        identity: of a disk that is there, as :func:`~osdimage.imaging.deploy.plan.make_plan` takes it.
        sizes: which partitions change on a disk of another size; usually that of Windows, and on a smaller disk then
            those that have most to spare.

    Raises:
        InvalidInput: when the WIM holds no layout, one that cannot be, or layouts of several disks.
        InvalidRequest: when a partition that is to grow or to shrink is none that can, or the images are of several
            disks of one machine.
        DoesNotFit: when the partitions are larger than the disk, even when they give what they can.
        OsdImageError: as :func:`~osdimage.imaging.deploy.plan.make_plan`.
    """
    rng = drawn_from(rng)
    if image is None:
        refuse_several(wim)
        return plan_disk(list(wim.images), geometry, rng, boot=boot, identity=identity, sizes=sizes)
    laid = _laid_out([image], wim.images, geometry, rng, sizes)
    number = partition if partition is not None else _own_partition(laid.disk)
    target = choose_partition(laid.table, number)
    made = plan_one(image, DiskPlan(laid.table, identity, ()), target, rng, unattend=unattend, boot=boot)
    steps = tuple(_with_origins(each, laid.disk, laid.table) for each in made.steps)
    warnings = (*made.warnings, *laid.told, *_lost(laid.disk, laid.table, [image], is_all=False), *_hints(laid.table))
    return replace(made, steps=steps, warnings=warnings, resized=laid.resized)


def plan_disk(
    images: Sequence[WimImage],
    geometry: Geometry,
    rng: RandomBits,
    *,
    boot: BootOptions | None = BOOT,
    identity: DiskIdentity | None = None,
    sizes: SizeWish = USUAL_SIZES,
) -> DeployPlan:
    """Decide what it takes to make a disk again of all its images; see :func:`plan_from_wim`.

    Raises:
        InvalidInput: also when two images are of one partition.
        OsdImageError: as there.
    """
    laid = _laid_out(images, images, geometry, rng, sizes)
    _refuse_repeated(images)
    made = _plan_all(images, laid.disk, DiskPlan(laid.table, identity, ()), rng, boot)
    told = (*made.warnings, *laid.told, *_lost(laid.disk, laid.table, images, is_all=True), *_hints(laid.table))
    return replace(made, warnings=tuple(dict.fromkeys(told)), resized=laid.resized)


@dataclass(frozen=True, slots=True)
class _LaidOut:
    """A captured disk, its table on the new one, what changed, and what is to be said of that."""

    disk: CapturedDisk
    table: PartitionTable
    resized: tuple[Resized, ...]
    told: tuple[str, ...]


def _laid_out(
    images: Sequence[WimImage], beside: Iterable[WimImage], geometry: Geometry, rng: RandomBits, sizes: SizeWish
) -> _LaidOut:
    """Find the table for the disk of images; ``beside`` are all that tell how much its partitions hold."""
    disk = common_disk(images)
    old = _with_wishes(table_of(disk, rng), disk)
    table, told = resize(old, _captured_images(beside, disk), geometry, sizes)
    table = _checked(_with_sizes(table))
    refuse_volumes(table)
    return _LaidOut(disk, table, resized(old, table), told)


def _refuse_repeated(images: Sequence[WimImage]) -> None:
    """Refuse two images of one partition, of which only one could be there."""
    seen: dict[int, WimImage] = {}
    for each in images:
        source = None if each.info.disk is None else each.info.disk.captured
        if source is None:
            continue
        if (other := seen.get(source.index)) is not None:
            raise InvalidInput(
                f"{each.path}: the images {other.index} and {each.index} are both of partition {source.index}; valid "
                "is one image of each"
            )
        seen[source.index] = each


def _plan_all(
    images: Sequence[WimImage], disk: CapturedDisk, plan: DiskPlan, rng: RandomBits, boot: BootOptions | None
) -> DeployPlan:
    table = plan.table
    actions = [_apply(each, table) for each in images if not each.info.is_of_bytes]
    copies = [_write_bytes(each, table) for each in images if each.info.is_of_bytes]
    if not actions:
        raise InvalidInput(f"{images[0].path}: holds bytes of partitions alone, and no image with files to apply")
    by_index = {each.index: each for each in images}
    pairs = [(by_index[action.image], action.partition) for action in actions]
    steps: list[DeployStep] = [*formats(table, rng), *actions, *copies]
    steps += [step for each, partition in pairs for step in plan_drives(each, partition)]
    told = [text for each, _ in pairs for text in misfits(each, table)]
    if boot is not None:
        filled = {partition.number: each for each, partition in pairs}
        found = [plan_boot(each, table, partition, boot, rng, filled=filled) for each, partition in pairs]
        # The files of the system partition come with their image, and are written again for the new table.  What is
        # made to start last comes first in a menu that is made anew.
        starts = [step for step in reversed(found) if isinstance(step, InstallBoot)]
        steps += [_with_origins(step, disk, table) for step in starts]
        plan = with_active(plan, *starts)
        if not starts:
            told += [step for step in found[:1] if isinstance(step, str)]
    return DeployPlan((WriteTable(plan), *steps), None, (*plan.advice, *told))


def _with_origins(step: DeployStep, disk: CapturedDisk, table: PartitionTable) -> DeployStep:
    """Let the step that makes the disk start know how the store in an image of it names the partitions."""
    return replace(step, origins=origins_of(disk, table)) if isinstance(step, InstallBoot) else step


def origins_of(disk: CapturedDisk, table: PartitionTable) -> tuple[tuple[PartitionRef, int], ...]:
    """Return how the partitions of a captured disk were named, as far as it is known, and their numbers in a table."""
    origins = []
    numbers = numbers_of(disk)
    made = {each.number for each in table.partitions if not each.is_extended}
    for each in disk.partitions:
        number = numbers[each.index]
        if number not in made:
            continue
        if disk.scheme is Scheme.GPT and isinstance(disk.identity, UUID) and each.guid is not None:
            origins.append((PartitionRef.gpt(disk.identity, each.guid), number))
        elif disk.scheme is Scheme.MBR and isinstance(disk.identity, int):
            origins.append((PartitionRef.mbr(disk.identity, each.offset), number))
    return tuple(origins)


def _apply(image: WimImage, table: PartitionTable) -> ApplyToVolume:
    target = _target_of(image, table)
    audit = check_fit(image, table, target)
    spec = target.spec
    if spec is not None and spec.filesystem is not None and spec.filesystem.is_fat:
        # Exact, in whole clusters, since nothing may be found out when the disk is already written.
        source_files = from_image(image)
        room = MemoryTarget(
            Geometry(table.geometry.sector_size, target.extent.count), name=f"partition {target.number}"
        )
        width = FatWidth[spec.filesystem.name]
        plan_fill(room, source_files, FatOptions(0, spec.label, spec.cluster_size, width=width))
    return application(image, target, audit)


def _write_bytes(image: WimImage, table: PartitionTable) -> WriteBytes:
    target, kept = _target_of(image, table), bytes_of(image)
    room = table.size_bytes(target)
    if kept.size > room:
        raise InvalidInput(
            f"{image.path}: image {image.index} holds {kept.size} bytes of a partition, which has {room} on this disk"
        )
    return WriteBytes(target, image.index, image.name, kept.size, image.info.modified)


def _target_of(image: WimImage, table: PartitionTable) -> Partition:
    source = None if image.info.disk is None else image.info.disk.captured
    if source is None or image.info.disk is None:
        raise InvalidInput(f"{image.path}: image {image.index} does not tell which partition it was captured from")
    number = numbers_of(image.info.disk)[source.index]
    return next(each for each in table.partitions if each.number == number)


def common_disk(images: Sequence[WimImage]) -> CapturedDisk:
    """Return the layout of the disk that all images were captured from.

    Raises:
        InvalidInput: when one tells of none that can be used, or two of different ones.
    """
    disks = []
    for image in images:
        if image.info.disk is None:
            why = "" if image.info.disk_fault is None else f": {image.info.disk_fault}"
            raise InvalidInput(
                f"{image.path}: image {image.index} holds no layout of a disk that can be used{why}",
                remedy=None if why else Remedy("{} stores one", (Means.CAPTURE_VOLUMES,)),
            )
        disks.append(image.info.disk)
    plain = {_plain(disk) for disk in disks}
    if len(plain) != 1:
        raise InvalidInput(f"{images[0].path}: its images were captured from {len(plain)} disks; choose one image")
    return disks[0]


def _plain(disk: CapturedDisk) -> CapturedDisk:
    return replace(disk, partitions=tuple(replace(each, captured=False) for each in disk.partitions))


def _captured_images(images: Iterable[WimImage], disk: CapturedDisk) -> dict[int, WimImage]:
    """Return the images of the same disk that have files, by the new numbers of their partitions."""
    numbers = numbers_of(disk)
    found = {}
    for image in images:
        source = None if image.info.disk is None else image.info.disk.captured
        if source is None or image.info.disk is None or image.info.is_of_bytes:
            continue
        if _plain(image.info.disk) == _plain(disk):
            found[numbers[source.index]] = image
    return found


def _own_partition(disk: CapturedDisk) -> int | None:
    """Return the partition that a single image came from, when Windows can be there."""
    source = disk.captured
    if source is None or _filesystem(source) is not FileSystem.NTFS:
        return None
    return numbers_of(disk)[source.index]


def _checked(table: PartitionTable) -> PartitionTable:
    """Refuse a table that cannot be written.

    Raises:
        InvalidInput: saying why.
    """
    try:
        verify_table(table)
    except InvalidLayout as error:
        raise InvalidInput(
            f"the layout of the captured disk cannot be used: {'; '.join(error.problems[:3])}"
        ) from error
    return table


def _lost(disk: CapturedDisk, table: PartitionTable, images: Sequence[WimImage], *, is_all: bool) -> Iterator[str]:
    """Yield what partitions held that no image of the plan has."""
    numbers = numbers_of(disk)
    copied = {
        image.info.disk.captured.index
        for image in images
        if image.info.disk is not None and image.info.disk.captured is not None
    }
    by_number = {each.number: each for each in table.partitions}
    for each in disk.partitions:
        partition = by_number[numbers[each.index]]
        size = format_size(table.size_bytes(partition))
        if each.kept is Kept.NOTHING and not partition.is_extended and partition.type_id != roles.MICROSOFT_RESERVED:
            held = f"held {each.filesystem.lower()}" if each.filesystem else "held something"
            yield (
                f"partition {partition.number} ({partition.type_label}, {size}) is made empty: it {held} when the disk "
                "was captured, which no image of the WIM has"
            )
        elif each.index not in copied and (each.kept is Kept.BYTES or (is_all and each.kept is Kept.FILES)):
            what = f"partition {partition.number} ({partition.type_label}, {size})"
            yield f"{what} is made empty: " + (
                "no image of the WIM is of it" if is_all else "its bytes are not written"
            )


def _hints(table: PartitionTable) -> Iterator[str]:
    if any(each.type_id == roles.MBR_LDM for each in table.partitions):
        yield (
            "the disk was a dynamic one: Windows keeps its volumes in a database outside of the partitions, which no "
            "image has, and will not know them"
        )
    if table.scheme is Scheme.MBR and table.geometry.sector_size != 512:
        yield "Windows does not start in BIOS mode from an MBR disk with 4096-byte sectors"
    if table.scheme is Scheme.MBR and table.geometry.sectors > MBR_LIMIT:
        lost = (table.geometry.sectors - MBR_LIMIT) * table.geometry.sector_size
        yield f"MBR cannot reach the last {format_size(lost)} of this disk; GPT can"


# ---- wishes: what the volumes of a table are like


def _filesystem(source: CapturedPartition) -> FileSystem | None:
    """Return what a captured partition is formatted with; one whose bytes come back is not."""
    if source.kept is not Kept.FILES:
        return None
    return next((each for each in FileSystem if each.called == source.filesystem), None)


def _with_wishes(table: PartitionTable, disk: CapturedDisk) -> PartitionTable:
    """Return a table whose partitions say how they are formatted."""
    sources = {numbers_of(disk)[each.index]: each for each in disk.partitions}
    return replace(
        table, partitions=tuple(replace(each, spec=_spec(each, sources[each.number])) for each in table.partitions)
    )


def _spec(partition: Partition, source: CapturedPartition) -> PartitionSpec | None:
    filesystem = _filesystem(source)
    if filesystem is None or partition.is_extended:
        return None
    label = (source.label or "")[: LABEL_LIMITS[filesystem]]
    if filesystem.is_fat:
        label = label.translate(_NOT_IN_LABELS).encode("cp437", "replace").decode("cp437").replace("?", "_")
    is_gpt = isinstance(partition.type_id, type(roles.BASIC_DATA))
    return PartitionSpec(
        _role(partition, filesystem),
        filesystem=filesystem,
        label=label.strip() or None,
        active=partition.active,
        name=partition.name if is_gpt else None,
        attributes=GptAttributes(partition.attributes),
        origin=f"CapturedPartition{source.index}",
        cluster_size=source.cluster_size,
    )


def _role(partition: Partition, filesystem: FileSystem) -> Role:
    """Return what a volume is for; one in a partition of a type that is no volume of Windows is hidden from it."""
    role = partition.role
    if partition.type_id == roles.MBR_EFI and filesystem.is_fat:
        return Role.EFI
    if role is None or role in {Role.MSR, Role.EXTENDED} or (role is Role.EFI and not filesystem.is_fat):
        return Role.HIDDEN
    return role


def _with_sizes(table: PartitionTable) -> PartitionTable:
    """Put the sizes that were found into the wishes."""
    return replace(
        table,
        partitions=tuple(
            each
            if each.spec is None
            else replace(each, spec=replace(each.spec, size=FixedSize(table.size_bytes(each))))
            for each in table.partitions
        ),
    )
