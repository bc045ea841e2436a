"""The steps of a deployment that make the disk start: whether there are any is decided from the image and the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.code.kinds import SECTOR_BYTES
from osdimage.imaging.boot.drives import SYSTEM_HIVE
from osdimage.imaging.boot.files import LOADERS
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.boot.places import BootPlaces, choose_places, readable_by
from osdimage.imaging.boot.recovery import RECOVERY_WIM, choose_recovery
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.wim.image import WimImage


@dataclass(frozen=True, slots=True)
class ForgetDrives:
    """Clear the map of drive letters in the registry of an applied Windows."""

    partition: Partition

    destroys: str = "the drive letters of the machine that the image is from"

    def describe(self) -> str:
        """Say it in one line."""
        return f"clear the map of drive letters (MountedDevices) in the registry on partition {self.partition.number}"


@dataclass(frozen=True, slots=True)
class InstallBoot:
    """Make the disk start an applied Windows.

    Attributes:
        places: the partitions that take part.
        options: how.
        seed: where the GUIDs of the store come from.
        origins: how a store that is applied with an image names partitions, and their numbers on this disk.
    """

    places: BootPlaces
    options: BootOptions
    seed: int
    origins: tuple[tuple[PartitionRef, int], ...] = ()

    destroys: str = "nothing"

    def describe(self) -> str:
        """Say it in one line."""
        system, windows = self.places.system.number, self.places.windows.number
        what = "boot files and BCD store"
        if self.places.firmware is Firmware.BIOS:
            what = "boot files, BCD store and boot code"
        if self.options.recovery:
            what += ", recovery environment"
        return f"make {self.places.firmware.upper()} start partition {windows}: {what} on partition {system}"


def holds(image: WimImage, path: str) -> bool:
    """Tell whether an image holds something at a path; case does not matter."""
    try:
        image.entries(f"/{path}", recursive=False)
    except InvalidRequest:
        return False
    return True


def plan_drives(image: WimImage, target: Partition) -> Iterator[ForgetDrives]:
    """Yield the step that clears the drive letters, when the image has a registry."""
    if holds(image, SYSTEM_HIVE):
        yield ForgetDrives(target)


def plan_boot(
    image: WimImage, table: PartitionTable, target: Partition, options: BootOptions, rng: RandomBits
) -> InstallBoot | str:
    """Return the step that makes the disk start, or a sentence that says why there is none.

    Args:
        image: what is applied.
        table: the partitions that the disk will have.
        target: the partition for the image.
        options: how.
        rng: where GUIDs come from.

    Raises:
        InvalidRequest: when the recovery environment is asked for, and the image or the layout has no place for it.
    """
    try:
        places = choose_places(table, target.number)
    except InvalidRequest as error:
        return f"the disk will not start: {error.said}"
    missing = LOADERS[places.firmware]
    if not holds(image, missing):
        shown = "\\" + missing.replace("/", "\\")
        return (
            f"the disk will not start: image {image.index} does not hold {shown}, which {places.firmware.upper()} needs"
        )
    system = None if places.system.spec is None else places.system.spec.filesystem
    valid = readable_by(places.firmware)
    if system is None or system.content not in valid:
        wanted = " or ".join(each.called for each in valid)
        return f"the disk will not start: the layout does not format partition {places.system.number} with {wanted}"
    if places.firmware is Firmware.BIOS and table.geometry.sector_size != SECTOR_BYTES:
        return f"the disk will not start: no BIOS starts a disk with sectors of {table.geometry.sector_size} bytes"
    if options.recovery:
        _refuse_no_recovery(image, table)
    language = None if image.info.windows is None else image.info.windows.default_language
    return InstallBoot(places, replace(options, image_language=language), rng.getrandbits(128))


def _refuse_no_recovery(image: WimImage, table: PartitionTable) -> None:
    spec = choose_recovery(table).spec
    if spec is None or spec.filesystem is not FileSystem.NTFS:
        raise InvalidRequest("the layout does not format the recovery partition with NTFS for the recovery environment")
    if not holds(image, RECOVERY_WIM):
        shown = "\\" + RECOVERY_WIM.replace("/", "\\")
        raise InvalidRequest(f"image {image.index} does not hold {shown}, the recovery environment that was asked for")
