"""The steps of a deployment that make the disk start: whether there are any is decided from the image and the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.code.kinds import SECTOR_BYTES, Loader
from osdimage.imaging.boot.drives import SYSTEM_HIVES
from osdimage.imaging.boot.files import LOADERS, shown
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.boot.ntldr.files import NTLDR, folders_of, is_compressed, missing_files
from osdimage.imaging.boot.ntldr.install import READABLE, refuse_gpt
from osdimage.imaging.boot.ntldr.windows import BOOT, KERNEL, ROOTS, NtWindows, find_nt_windows
from osdimage.imaging.boot.places import BootPlaces, choose_places, firmware_of, readable_by
from osdimage.imaging.boot.recovery import RECOVERY_WIM, choose_recovery
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.wim.image import WimImage


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a partition of a machine whose disks are made again.

    Attributes:
        old: how it was named.
        disk: the number of its disk.
        partition: its number there.
    """

    old: PartitionRef
    disk: int
    partition: int


@dataclass(frozen=True, slots=True)
class ForgetDrives:
    """Clear the map of drive letters in the registry of an applied Windows."""

    partition: Partition

    destroys: str = "the drive letters of the machine that the image is from"

    def describe(self) -> str:
        """Say it in one line."""
        return f"clear the map of drive letters (MountedDevices) in the registry on partition {self.partition.number}"


@dataclass(frozen=True, slots=True)
class MoveDrives:
    """Let the map of drive letters of an applied Windows name the disks that are made, which are all of the machine.

    Attributes:
        partition: with Windows.
        moved: what became of the partitions that have letters.
    """

    partition: Partition
    moved: tuple[Moved, ...]

    destroys: str = "the drive letters of what is on none of the disks"

    def describe(self) -> str:
        """Say it in one line."""
        return (
            f"let the map of drive letters (MountedDevices) in the registry on partition {self.partition.number} name "
            "the new disks"
        )


@dataclass(frozen=True, slots=True)
class InstallBoot:
    """Make the disk start an applied Windows.

    Attributes:
        places: the partitions that take part.
        options: how.
        seed: where the GUIDs of the store come from.
        origins: how a store that is applied with an image names partitions, and their numbers on the disk of the system
            partition.
        system_disk: what messages call the disk of the system partition, when it is another one; or None.
        loader: what the boot sector starts under a BIOS: the boot manager, or NTLDR of a Windows before Vista.
        system_number: the number of that other disk, when it is made along with this one; or None.
        moved: what became of the partitions of other disks that are made along with that of the system partition.
    """

    places: BootPlaces
    options: BootOptions
    seed: int
    origins: tuple[tuple[PartitionRef, int], ...] = ()
    loader: Loader = Loader.BOOTMGR
    system_disk: str | None = None
    system_number: int | None = None
    moved: tuple[Moved, ...] = ()

    destroys: str = "nothing"

    def describe(self) -> str:
        """Say it in one line."""
        system, windows = self.places.system.number, self.places.windows.number
        what = "boot files and BCD store"
        if self.places.firmware is Firmware.BIOS:
            what = "boot files, BCD store and boot code"
        if self.loader is Loader.NTLDR:
            what = "NTLDR, boot.ini and boot code"
        if self.options.recovery:
            what += ", recovery environment"
        there = "" if self.system_disk is None else f" of {self.system_disk}"
        return f"make {self.places.firmware.upper()} start partition {windows}: {what} on partition {system}{there}"


def holds(image: WimImage, path: str) -> bool:
    """Tell whether an image holds something at a path; case does not matter."""
    try:
        image.entries(f"/{path}", recursive=False)
    except InvalidRequest:
        return False
    return True


def plan_drives(image: WimImage, target: Partition) -> Iterator[ForgetDrives]:
    """Yield the step that clears the drive letters, when the image has a registry."""
    if any(holds(image, each) for each in SYSTEM_HIVES):
        yield ForgetDrives(target)


def plan_boot(
    image: WimImage,
    table: PartitionTable,
    target: Partition,
    options: BootOptions,
    rng: RandomBits,
    *,
    filled: Mapping[int, WimImage] = MappingProxyType({}),
) -> InstallBoot | str:
    """Return the step that makes the disk start, or a sentence that says why there is none.

    Args:
        image: what is applied.
        table: the partitions that the disk will have.
        target: the partition for the image.
        options: how.
        rng: where GUIDs come from.
        filled: the images that are applied to partitions of other numbers.

    Raises:
        InvalidRequest: when the recovery environment is asked for, and the image or the layout has no place for it, or
            when a Windows that NTLDR starts goes to a GPT.
    """
    older = _needs_ntldr(image)
    if older is not None:
        refuse_gpt(firmware_of(table), "the disk")
    try:
        places = choose_places(table, target.number)
    except InvalidRequest as error:
        return f"the disk will not start: {error.said}"
    lacks = (
        _missing(image, places.firmware)
        if older is None
        else _missing_of_ntldr(image, older, filled.get(places.system.number))
    )
    if lacks is not None:
        return f"the disk will not start: image {image.index} does not hold {lacks}"
    system = None if places.system.spec is None else places.system.spec.filesystem
    valid = readable_by(places.firmware) if older is None else READABLE
    if system is None or system.content not in valid:
        wanted = " or ".join(each.called for each in valid)
        return f"the disk will not start: the layout does not format partition {places.system.number} with {wanted}"
    if places.firmware is Firmware.BIOS and table.geometry.sector_size != SECTOR_BYTES:
        return f"the disk will not start: no BIOS starts a disk with sectors of {table.geometry.sector_size} bytes"
    if options.recovery:
        refuse_no_recovery(image, table)
    language = None if image.info.windows is None else image.info.windows.default_language
    loader = Loader.BOOTMGR if older is None else Loader.NTLDR
    whole = image if places.system == places.windows else filled.get(places.system.number)
    if older is not None and whole is not None and is_compressed(whole.files()):
        return f"the disk will not start: {shown(NTLDR)} is compressed in image {whole.index}"
    return InstallBoot(places, replace(options, image_language=language), rng.getrandbits(128), loader=loader)


def _needs_ntldr(image: WimImage) -> NtWindows | None:
    """Return the Windows of an image when NTLDR starts it."""
    roots = (root for root in ROOTS if holds(image, f"{root}/{KERNEL}") and not holds(image, f"{root}/{BOOT}"))
    return find_nt_windows(image.files()) if any(roots) else None


def _missing(image: WimImage, firmware: Firmware) -> str | None:
    """Return what an image lacks for its boot manager, with what needs it, or None."""
    path = LOADERS[firmware]
    return None if holds(image, path) else f"{shown(path)}, which {firmware.upper()} needs"


def _missing_of_ntldr(image: WimImage, windows: NtWindows, beside: WimImage | None) -> str | None:
    """Return what an image, and that of the system partition if there is one, lack for NTLDR, or None."""
    missing = [each for each in missing_files(image.files(), windows) if beside is None or not holds(beside, each)]
    if not missing:
        return None
    places = " and ".join(map(shown, folders_of(windows)[1:]))
    return f"{' and '.join(map(shown, missing))}, also in {places}, by which Windows before Vista starts"


def refuse_no_recovery(image: WimImage, table: PartitionTable) -> None:
    """Refuse a recovery environment that the image does not hold, or the layout has no place for.

    Raises:
        InvalidRequest: which says so.
    """
    spec = choose_recovery(table).spec
    if spec is None or spec.filesystem is not FileSystem.NTFS:
        raise InvalidRequest("the layout does not format the recovery partition with NTFS for the recovery environment")
    if not holds(image, RECOVERY_WIM):
        shown = "\\" + RECOVERY_WIM.replace("/", "\\")
        raise InvalidRequest(f"image {image.index} does not hold {shown}, the recovery environment that was asked for")
