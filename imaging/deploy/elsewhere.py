"""The step of a deployment that makes Windows start from a boot manager on another disk, which keeps all else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from osdimage.imaging.boot.code.kinds import SECTOR_BYTES
from osdimage.imaging.boot.elsewhere import choose_places_on_two, refuse_alike
from osdimage.imaging.boot.files import LOADERS, shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.holdings import refuse_unwritable
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.boot.places import BootPlaces, firmware_of, readable_by
from osdimage.imaging.deploy.boot_plan import InstallBoot, holds, refuse_no_recovery
from osdimage.imaging.deploy.plan import NO_SYSTEM_PARTITION, ApplyToVolume, DeployPlan
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.errors import InvalidRequest, TargetRefused
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.wim.image import WimImage


def start_elsewhere(
    plan: DeployPlan,
    images: Sequence[WimImage],
    system: Disk,
    partition: int | None,
    *,
    options: BootOptions,
    rng: RandomBits,
) -> DeployPlan:
    """Return a plan whose Windows starts from another disk.  Nothing is written.

    Args:
        plan: one that makes nothing start.
        images: those of the plan.
        system: the disk with the boot manager, open.
        partition: the number of its system partition, or None: the EFI system partition, or the active one.
        options: how.
        rng: where the GUIDs of the store come from.

    Raises:
        InvalidRequest: when no image has boot files for such a disk, or the other disk has no such partition.
        TargetRefused: when the other disk cannot be told from this one, or its volume not be written to.
        InvalidInput, StorageError: when the other disk is damaged or cannot be read.
    """
    refuse_alike(plan.table, "the disk", system)
    firmware = firmware_of(plan.table)
    by_index = {each.index: each for each in images}
    steps = [each for each in plan.steps if isinstance(each, ApplyToVolume)]
    started = [each for each in steps if holds(by_index[each.image], LOADERS[firmware])]
    if not started:
        raise InvalidRequest(
            f"{images[0].path}: no image that is applied holds {shown(LOADERS[firmware])}, so that {system.name} could "
            "start nothing"
        )
    added = []
    for step in reversed(started):
        places = choose_places_on_two(plan.table, system.table, step.partition.number, partition)
        _refuse_volume(system, places)
        image = by_index[step.image]
        if options.recovery:
            refuse_no_recovery(image, plan.table)
        language = None if image.info.windows is None else image.info.windows.default_language
        how = replace(options, image_language=language)
        added.append(InstallBoot(places, how, rng.getrandbits(128), system_disk=system.name))
    # That it starts from the other disk is what was asked for.
    told = [each for each in plan.warnings if each != NO_SYSTEM_PARTITION]
    return replace(plan, steps=(*plan.steps, *added), warnings=(*told, *_warnings(system, firmware)))


def _refuse_volume(system: Disk, places: BootPlaces) -> None:
    volume = system.volume_in(places.system)
    valid = readable_by(places.firmware)
    if volume.content not in valid:
        raise TargetRefused(
            f"{volume.name}: holds {volume.described}; valid for the boot manager is "
            f"{' or '.join(each.called for each in valid)}"
        )
    if places.firmware is Firmware.BIOS and system.geometry.sector_size != SECTOR_BYTES:
        raise TargetRefused(
            f"{system.name} has sectors of {system.geometry.sector_size} bytes: no BIOS starts such a disk"
        )
    refuse_unwritable(volume, force=False)


def _warnings(system: Disk, firmware: Firmware) -> Iterator[str]:
    if firmware is Firmware.BIOS:
        yield f"{system.name} gets boot code, which replaces what is there"
