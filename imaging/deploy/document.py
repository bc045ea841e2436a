"""A deployment's plan as a JSON document, which can be read, kept, and carried out to the letter.

It holds sectors, identifiers and seeds, so that carrying it out twice gives the same disk, and a fingerprint of the
disk when it was made for one that is there.  The partition table in it is the document of ``disk/plan.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from osdimage.imaging.apply.bytes import bytes_of
from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.code.bios import BiosLoader
from osdimage.imaging.boot.code.kinds import Loader
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.boot.places import BootPlaces
from osdimage.imaging.deploy.boot_plan import ForgetDrives, InstallBoot, Moved, MoveDrives
from osdimage.imaging.deploy.driver_plan import AddDrivers, PlannedDrivers
from osdimage.imaging.deploy.plan import ApplyToVolume, DeployPlan, DeployStep, FormatVolume, WriteBytes, WriteTable
from osdimage.imaging.disk import plan as disk_plans
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.fit import Resized
from osdimage.imaging.disk.plan import DiskPlan
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.documents import Fields, parse_json, reason_of, require_version
from osdimage.imaging.drivers.injection.choose import DriverWish
from osdimage.imaging.drivers.injection.plan import InjectionOptions
from osdimage.imaging.errors import ImageNotFound, InvalidDocument, InvalidRequest, Means, Remedy
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

FORMAT = "osdimage-deploy-plan"
FORMAT_OF_SETS = "osdimage-deploy-set"
VERSION = 1
_LONGEST_TIMEOUT_S = 0xFFFFFFFF
_NEVER_FORMATTED = frozenset({Role.MSR, Role.EXTENDED})

_KINDS = {
    WriteTable: "write-table",
    FormatVolume: "format",
    ApplyToVolume: "apply",
    WriteBytes: "write-bytes",
    ForgetDrives: "forget-drives",
    MoveDrives: "move-drives",
    AddDrivers: "add-drivers",
    InstallBoot: "install-boot",
}


def plan_to_document(plan: DeployPlan) -> dict[str, Any]:
    """Return a plan as what :func:`json.dumps` takes."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "disk": disk_plans.to_document(plan.disk),
        "steps": [_step_document(step) for step in plan.steps],
        # It may be carried out somewhere else.
        "unattend": None if plan.unattend is None else str(Path(plan.unattend).absolute()),
        "warnings": list(plan.warnings),
        "resized": [asdict(each) for each in plan.resized],
    }


def _step_document(step: DeployStep) -> dict[str, Any]:
    told = {"step": _KINDS[type(step)], "does": step.describe(), "destroys": step.destroys}
    match step:
        case WriteTable():
            return told
        case FormatVolume():
            facts: dict[str, Any] = {
                "partition": step.partition.number,
                "filesystem": step.filesystem.called,
                "label": step.label,
                "serial": f"{step.serial:x}",
                "quick": step.quick,
                # Of FAT12 and FAT16; whoever reads the plans of earlier versions need not know it.
                **({} if step.cluster_size is None else {"cluster_size": step.cluster_size}),
            }
        case ApplyToVolume():
            facts = {
                "partition": step.partition.number,
                "image": step.image,
                "name": step.name,
                "size": step.size,
                "files": step.files,
                "modified": None if step.modified is None else step.modified.isoformat(),
            }
        case WriteBytes():
            facts = {
                "partition": step.partition.number,
                "image": step.image,
                "name": step.name,
                "size": step.size,
                "modified": None if step.modified is None else step.modified.isoformat(),
            }
        case ForgetDrives():
            facts = {"partition": step.partition.number}
        case MoveDrives():
            facts = {"partition": step.partition.number, "moved": list(map(_moved_document, step.moved))}
        case AddDrivers():
            facts = {"partition": step.partition.number, "image": step.image, **_drivers_document(step.planned)}
        case InstallBoot():
            facts = {
                "firmware": step.places.firmware,
                "system_partition": step.places.system.number,
                "os_partition": step.places.windows.number,
                "options": asdict(step.options),
                "seed": f"{step.seed:x}",
                "origins": [_origin_document(ref, number) for ref, number in step.origins],
                "loader": step.loader,
                "system_disk": step.system_disk,
                "system_number": step.system_number,
                "moved": list(map(_moved_document, step.moved)),
            }
    return told | facts


def plan_from_json(text: str, *, source: str) -> DeployPlan:
    """Read a document and verify that its table can be written.

    Raises:
        InvalidDocument: when it is not a plan of a deployment, is damaged, or contradicts itself.
    """
    try:
        document = Fields.of(parse_json(text))
        if document.values.get("format") == FORMAT_OF_SETS:
            remedy = Remedy("give each of them a disk: {}", (Means.NUMBERED_DISKS,))
            raise InvalidDocument(f"{source} is the plan of the disks of a machine", remedy=remedy)
        if document.values.get("format") != FORMAT:
            raise InvalidDocument(f"{source} is not the plan of a deployment")
        require_version(document, VERSION, source=source)
        plan = plan_of_fields(document, disk_plans.from_fields(document.fields("disk"), source=source))
    except ValueError as error:
        raise InvalidDocument(f"{source} cannot be used: {reason_of(error)}") from error
    refuse_order(plan, source)
    return plan


Machine = Mapping[int, DiskPlan]
"""The tables of all disks that are made together, by the numbers of the disks."""


def plan_of_fields(document: Fields, disk: DiskPlan, machine: Machine = MappingProxyType({})) -> DeployPlan:
    """Read the plan for a disk, which may be one of several.

    Raises:
        ValueError: when it is damaged or contradicts itself.
    """
    return DeployPlan(
        tuple(_step(each, disk, machine) for each in document.each("steps")),
        document.text_or_none("unattend"),
        document.texts("warnings"),
        tuple(map(_resized, document.each("resized") if "resized" in document.values else ())),
    )


def _step(entry: Fields, disk: DiskPlan, machine: Machine) -> DeployStep:
    kinds = {word: kind for kind, word in _KINDS.items()}
    kind = kinds.get(entry.text("step"))
    if kind is None:
        raise ValueError(f"{entry.at('step')} is not known; expected is one of {', '.join(kinds)}")
    if kind is WriteTable:
        return WriteTable(disk)
    if kind is InstallBoot:
        return _install_boot(entry, disk, machine)
    partition = _partition(disk, entry, "partition")
    if kind is FormatVolume:
        return FormatVolume(
            partition,
            entry.parsed("filesystem", FileSystem, "NTFS or FAT32, or FAT16 or FAT12 of a captured disk"),
            entry.text_or_none("label"),
            entry.hexadecimal("serial", 64),
            entry.truth("quick"),
            entry.number("cluster_size", 1) if "cluster_size" in entry.values else None,
        )
    if kind in {ApplyToVolume, WriteBytes}:
        image, size = entry.number("image", 1), entry.number("size")
        modified = entry.parsed_or_none("modified", datetime.fromisoformat, "a date and time")
        if kind is WriteBytes:
            return WriteBytes(partition, image, entry.text("name"), size, modified)
        return ApplyToVolume(partition, image, entry.text("name"), size, entry.number("files"), modified)
    if kind is AddDrivers:
        return AddDrivers(partition, entry.number("image", 1), _drivers(entry))
    return MoveDrives(partition, _moved(entry, machine)) if kind is MoveDrives else ForgetDrives(partition)


def _drivers_document(planned: PlannedDrivers) -> dict[str, Any]:
    wish = planned.wish
    return {
        "from": list(wish.drivers),
        "packages": list(wish.packages),
        "devices": wish.devices,
        "catalog": None if wish.catalog is None else str(wish.catalog),
        "allow_modified": wish.options.allows_modified,
        "drivers": list(planned.folders),
        "boot_enabled": list(planned.enabled),
        "first_start": planned.how,
        "size": planned.size,
    }


def _drivers(entry: Fields) -> PlannedDrivers:
    wish = DriverWish(
        entry.texts("from"),
        entry.texts("packages"),
        entry.text_or_none("devices"),
        options=InjectionOptions(allows_modified=entry.truth("allow_modified")),
        catalog=None if (catalog := entry.text_or_none("catalog")) is None else Path(catalog),
    )
    if wish.is_empty:
        raise ValueError(f"{entry.at('from')} is empty, and so are its packages")
    return PlannedDrivers(
        wish,
        entry.texts("drivers"),
        entry.texts("boot_enabled"),
        entry.text_or_none("first_start"),
        entry.number("size"),
    )


def _install_boot(entry: Fields, disk: DiskPlan, machine: Machine) -> InstallBoot:
    number = entry.number_or_none("system_number") if "system_number" in entry.values else None
    called = entry.text_or_none("system_disk") if "system_disk" in entry.values else None
    if called is not None and number is None:
        raise ValueError("it starts from another disk, which no saved plan knows")
    systems = disk if number is None else _disk_of(machine, number)
    places = BootPlaces(
        entry.parsed("firmware", Firmware, "uefi or bios"),
        _partition(systems, entry, "system_partition"),
        _partition(disk, entry, "os_partition"),
    )
    loader = Loader.BOOTMGR
    if "loader" in entry.values:
        loader = entry.parsed("loader", Loader, f"one of {', '.join(Loader)}")
    return InstallBoot(
        places,
        _options(entry.fields("options")),
        entry.hexadecimal("seed", 128),
        tuple(_origin(each, systems) for each in (entry.each("origins") if "origins" in entry.values else ())),
        loader,
        system_disk=None if number is None else f"disk {number}",
        system_number=number,
        moved=_moved(entry, machine) if "moved" in entry.values else (),
    )


def _disk_of(machine: Machine, number: int) -> DiskPlan:
    found = machine.get(number)
    if found is None:
        known = ", ".join(map(str, machine)) or "no other, as it is the plan of one"
        raise InvalidRequest(f"a step is about disk {number}, and the plan has {known}")
    return found


def _moved(entry: Fields, machine: Machine) -> tuple[Moved, ...]:
    found = []
    for each in entry.each("moved"):
        number = each.number("on_disk")
        old, partition = _origin(each, _disk_of(machine, number))
        found.append(Moved(old, number, partition))
    return tuple(found)


def _moved_document(moved: Moved) -> dict[str, Any]:
    return _origin_document(moved.old, moved.partition) | {"on_disk": moved.disk}


def _resized(entry: Fields) -> Resized:
    return Resized(entry.number("number", 1), entry.number("old_bytes"), entry.number("new_bytes"))


def _origin_document(ref: PartitionRef, number: int) -> dict[str, Any]:
    return {"scheme": ref.scheme, "disk": str(ref.disk), "partition": str(ref.partition), "number": number}


def _origin(entry: Fields, disk: DiskPlan) -> tuple[PartitionRef, int]:
    number = _partition(disk, entry, "number").number
    if entry.parsed("scheme", Scheme, "gpt or mbr") is Scheme.GPT:
        guids = (entry.parsed(name, UUID, "a GUID") for name in ("disk", "partition"))
        return PartitionRef.gpt(*guids), number
    return PartitionRef.mbr(*(entry.parsed(name, int, "a whole number") for name in ("disk", "partition"))), number


def _options(options: Fields) -> BootOptions:
    return BootOptions(
        signed_2023=options.truth("signed_2023"),
        locale=options.text_or_none("locale"),
        image_language=options.text_or_none("image_language"),
        description=options.text_or_none("description"),
        timeout_s=options.number_or_none("timeout_s", 0, _LONGEST_TIMEOUT_S),
        bios_loader=options.parsed("bios_loader", BiosLoader, f"one of {', '.join(BiosLoader)}"),
        recovery=options.truth("recovery"),
        new_store=options.truth("new_store"),
        force=options.truth("force"),
        sync=options.truth("sync"),
        rehearse=options.truth("rehearse"),
    )


def _partition(disk: DiskPlan, entry: Fields, name: str) -> Partition:
    number = entry.number(name)
    found = next((each for each in disk.table.partitions if each.number == number and not each.is_extended), None)
    if found is None:
        raise InvalidRequest(f"a step is about partition {number}, which its table does not have")
    return found


def refuse_order(plan: DeployPlan, source: str) -> None:
    """Refuse a plan that was put together by hand in a way that no plan of ours is.

    Raises:
        InvalidDocument: saying why.
    """
    kinds = [type(step) for step in plan.steps]
    ranks = [list(_KINDS).index(kind) for kind in kinds]
    if kinds.count(WriteTable) != 1 or ApplyToVolume not in kinds or ranks != sorted(ranks):
        raise InvalidDocument(
            f"{source} cannot be used: its steps are not a table, then formats, then at least one image, then what "
            "makes the disk start"
        )
    formatted = {step.partition.number: step for step in plan.steps if isinstance(step, FormatVolume)}
    for each in formatted.values():
        if each.partition.role in _NEVER_FORMATTED:
            raise InvalidDocument(f"{source} cannot be used: partition {each.partition.number} never holds a volume")
        if each.partition.role is Role.EFI and not each.filesystem.is_fat:
            raise InvalidDocument(f"{source} cannot be used: firmware starts from FAT only; valid for EFI is FAT32")
    for step in plan.steps:
        if isinstance(step, ApplyToVolume) and step.partition.number not in formatted:
            raise InvalidDocument(
                f"{source} cannot be used: image {step.image} is for partition {step.partition.number}, which no step "
                "formats"
            )
        if isinstance(step, WriteBytes) and (
            step.partition.number in formatted or step.partition.role in _NEVER_FORMATTED
        ):
            raise InvalidDocument(
                f"{source} cannot be used: the bytes of image {step.image} are for partition {step.partition.number}, "
                "which holds something else"
            )


def images_of(plan: DeployPlan, wim: WimFile) -> tuple[WimImage, ...]:
    """Return the images that a plan applies, in its order; they must be those that it was made for.

    Raises:
        ImageNotFound: when the WIM does not have them, or others under their numbers.
    """
    return tuple(_image_of(step, wim) for step in plan.steps if isinstance(step, ApplyToVolume | WriteBytes))


def _image_of(step: ApplyToVolume | WriteBytes, wim: WimFile) -> WimImage:
    image = next((each for each in wim.images if each.index == step.image), None)
    what = f"{step.size} bytes of a partition"
    if isinstance(step, ApplyToVolume):
        what = f"{step.files} files of {step.size} bytes"
    if image is None or not _is_of(step, image):
        changed = "" if step.modified is None else f", last changed {step.modified:%Y-%m-%d %H:%M:%S}"
        raise ImageNotFound(
            f"{wim.path}: image {step.image} is not the one that the plan was made for: {step.name!r} with "
            f"{what}{changed}"
        )
    return image


def _is_of(step: ApplyToVolume | WriteBytes, image: WimImage) -> bool:
    if isinstance(step, WriteBytes):
        if not image.info.is_of_bytes:
            return False
        return (image.name, bytes_of(image).size, image.info.modified) == (step.name, step.size, step.modified)
    audit = image.audit()
    found = (image.name, audit.size, audit.files, image.info.modified)
    return found == (step.name, step.size, step.files, step.modified)
