"""Planning a disk like the one that a WIM was captured from, by the layout in its XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from osdimage.imaging.apply.fat_source import from_image
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.deploy.boot_plan import InstallBoot, plan_boot, plan_drives
from osdimage.imaging.deploy.plan import (
    BOOT,
    ApplyToVolume,
    DeployPlan,
    DeployStep,
    WriteTable,
    application,
    check_fit,
    formats,
    make_plan,
    misfits,
)
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layout import DiskLayout, FixedSize, PartitionSpec, Remaining, SizeWish
from osdimage.imaging.disk.place import advice, place
from osdimage.imaging.disk.plan import DiskIdentity, DiskPlan
from osdimage.imaging.disk.roles import GptAttributes, Role, Scheme, gpt_type
from osdimage.imaging.disk.rules import LABEL_LIMITS, problems
from osdimage.imaging.disk.table import Partition, PartitionTable
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.errors import DoesNotFit, InvalidInput, Means, Remedy
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.units import MIB, Bytes, Geometry, align_up
from osdimage.imaging.volume.fat.make import plan_fill
from osdimage.imaging.volume.fat.write import Fat32Options
from osdimage.imaging.wim.captured import CapturedDisk, CapturedPartition
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

# What FAT32 has no place for in a label becomes this, as does what its code page lacks.
_NOT_IN_LABELS = str.maketrans(dict.fromkeys('"*+,./:;<=>?[\\]|', "_"))
# Between partitions, for alignment, and for the EBR of a logical one.
_STEP = MIB


def plan_from_wim(
    wim: WimFile,
    image: WimImage | None,
    geometry: Geometry,
    rng: RandomBits,
    *,
    partition: int | None = None,
    unattend: str | None = None,
    boot: BootOptions | None = BOOT,
    identity: DiskIdentity | None = None,
) -> DeployPlan:
    """Decide what it takes to make the disk again that a WIM was captured from.  Nothing is written.

    Args:
        wim: the open WIM.
        image: the one to apply, or None for every image to the volume that it was captured from.
        geometry: of the disk.  When it has another size, the last NTFS partition of Windows or data takes what is left.
        rng: where GUIDs, signatures and serial numbers come from.
        partition: the number of the partition for a single image; None for the one that it was captured from.
        unattend: the path of an answer file for a single image, or None.
        boot: how the disk is made to start; None: it is not.
        identity: of a disk that is there, as :func:`~osdimage.imaging.deploy.plan.make_plan` takes it.

    Raises:
        InvalidInput: when the WIM holds no layout, one that cannot be, or layouts of several disks.
        DoesNotFit: when the partitions are larger than the disk.
        OsdImageError: as :func:`~osdimage.imaging.deploy.plan.make_plan`.
    """
    images = list(wim.images) if image is None else [image]
    disk = _common_disk(wim, images)
    layout = layout_from_captured(disk, geometry)
    if image is not None:
        number = partition
        source = disk.captured
        if number is None and source is not None and _filesystem(source) is FileSystem.NTFS:
            number = _placed(place(layout, geometry, _NoBits()), source).number
        return make_plan(
            image, layout, geometry, rng, partition=number, unattend=unattend, boot=boot, identity=identity
        )
    table = place(layout, geometry, rng)
    actions = [_apply(each, table) for each in images]
    plan = DiskPlan(table, identity, advice(layout, geometry))
    warnings = dict.fromkeys(text for each in images for text in misfits(each, table))
    steps: list[DeployStep] = [WriteTable(plan), *formats(table, rng), *actions]
    pairs = [(each, action.partition) for each, action in zip(images, actions, strict=True)]
    steps += [step for each, partition in pairs for step in plan_drives(each, partition)]
    if boot is not None:
        found = [plan_boot(each, table, partition, boot, rng) for each, partition in pairs]
        # Of the volumes of a captured disk one holds Windows; the files of its system partition come with their image,
        # and are written again for the new table.
        steps += [step for step in found if isinstance(step, InstallBoot)][:1]
        if not any(isinstance(step, InstallBoot) for step in found):
            warnings |= dict.fromkeys(step for step in found[:1] if isinstance(step, str))
    return DeployPlan(tuple(steps), None, (*plan.advice, *warnings))


class _NoBits:
    """Places partitions where the identifiers do not matter."""

    def getrandbits(self, k: int, /) -> int:
        """Return zeros."""
        return k & 0


def _apply(image: WimImage, table: PartitionTable) -> ApplyToVolume:
    source = None if image.info.disk is None else image.info.disk.captured
    if source is None:
        raise InvalidInput(f"{image.path}: image {image.index} does not tell which partition it was captured from")
    target = _placed(table, source)
    audit = check_fit(image, table, target)
    if target.spec is not None and target.spec.filesystem is FileSystem.FAT32:
        # Exact, in whole clusters, since nothing may be found out when the disk is already written.
        source_files = from_image(image)
        room = MemoryTarget(
            Geometry(table.geometry.sector_size, target.extent.count), name=f"partition {target.number}"
        )
        plan_fill(room, source_files, Fat32Options(serial=0, label=target.spec.label))
    return application(image, target, audit)


def _common_disk(wim: WimFile, images: list[WimImage]) -> CapturedDisk:
    disks = []
    for image in images:
        if image.info.disk is None:
            why = "" if image.info.disk_fault is None else f": {image.info.disk_fault}"
            raise InvalidInput(
                f"{wim.path}: image {image.index} holds no layout of a disk that can be used{why}",
                remedy=None if why else Remedy("{} stores one", (Means.CAPTURE_VOLUMES,)),
            )
        disks.append(image.info.disk)
    plain = {
        replace(disk, partitions=tuple(replace(each, captured=False) for each in disk.partitions)) for disk in disks
    }
    if len(plain) != 1:
        raise InvalidInput(f"{wim.path}: its images were captured from {len(plain)} disks; choose one image")
    return disks[0]


def _placed(table: PartitionTable, source: CapturedPartition) -> Partition:
    return next(each for each in table.partitions if each.spec is not None and each.spec.origin == _origin(source))


def _origin(source: CapturedPartition) -> str:
    return f"CapturedPartition{source.index}"


def layout_from_captured(disk: CapturedDisk, geometry: Geometry) -> DiskLayout:
    """Return the wish for a disk like a captured one.

    On a disk of the same size all partitions keep their sizes, if they can be aligned so; otherwise the last NTFS
    partition that is neither hidden nor for recovery (nor the active one of several) takes what the others leave.

    Raises:
        InvalidInput: when the layout cannot be one.
    """
    ordered = sorted(disk.partitions, key=lambda each: (each.offset, each.type != Role.EXTENDED, each.index))
    specs = tuple(_spec(each, disk.scheme) for each in ordered)
    layout = DiskLayout(disk.scheme, specs, add_reserved=False)
    if found := problems(layout):
        raise InvalidInput(f"the layout of the captured disk cannot be used: {'; '.join(found[:3])}")
    if geometry.size_bytes == disk.size:
        try:
            place(layout, geometry, _NoBits())
        except DoesNotFit:
            pass
        else:
            return layout
    return replace(layout, partitions=tuple(_resized(specs)))


def _filesystem(source: CapturedPartition) -> FileSystem | None:
    """Return what a captured partition is formatted with, if osdimage makes it."""
    return next((each for each in FileSystem if each.called == source.filesystem), None)


def _spec(source: CapturedPartition, scheme: Scheme) -> PartitionSpec:
    try:
        role = Role(source.type)
    except ValueError as error:
        raise InvalidInput(
            f"partition {source.index} of the captured disk has the type {source.type!r}, which osdimage does not "
            f"make; valid are {', '.join(Role)}"
        ) from error
    filesystem = _filesystem(source)
    label = source.label or ""
    if filesystem is not None:
        label = label[: LABEL_LIMITS[filesystem]]
    if filesystem is FileSystem.FAT32:
        label = label.translate(_NOT_IN_LABELS).encode("cp437", "replace").decode("cp437").replace("?", "_")
    is_gpt = scheme is Scheme.GPT
    own = gpt_type(role)[1] if is_gpt and role not in {Role.EXTENDED, Role.LOGICAL} else GptAttributes(0)
    return PartitionSpec(
        role,
        FixedSize(Bytes(source.size)),
        filesystem=filesystem,
        label=label.strip() or None if filesystem is not None else None,
        active=source.boot and not is_gpt,
        name=source.name if is_gpt else None,
        attributes=GptAttributes(source.attributes & ~own),
        origin=_origin(source),
    )


def _resized(specs: tuple[PartitionSpec, ...]) -> Iterator[PartitionSpec]:
    """Let one partition, and the extended one around it, take what is left."""
    usable = [
        number
        for number, each in enumerate(specs)
        if each.filesystem is FileSystem.NTFS and each.role in {Role.PRIMARY, Role.LOGICAL}
    ]
    usable = [number for number in usable if not specs[number].active] or usable
    chosen = usable[-1] if usable else len(specs)
    for number, each in enumerate(specs):
        holds = each.role is Role.EXTENDED and chosen < len(specs) and specs[chosen].role is Role.LOGICAL
        if number == chosen or holds:
            yield replace(each, size=_rest(specs[number + 1 :], inside=each.role is Role.LOGICAL))
        else:
            yield each


def _rest(following: tuple[PartitionSpec, ...], *, inside: bool) -> SizeWish:
    """Return all that is left but what the partitions behind take, in the extended partition or outside it."""
    leave = 0
    for each in following:
        if (each.role is Role.LOGICAL) == inside and isinstance(each.size, FixedSize):
            leave += align_up(each.size.size_bytes, _STEP) + (_STEP if inside else 0)
    return Remaining(Bytes(leave))
