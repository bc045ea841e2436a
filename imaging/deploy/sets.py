"""Planning the disks of a machine that were captured together: each as if it was alone, but for what leads to another.

That is what makes Windows start when its boot manager is on another of the disks, what boot stores name on other disks,
and the drive letters that the registry has for partitions of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.bcd.store import BcdStore
from osdimage.imaging.boot.code.kinds import SECTOR_BYTES
from osdimage.imaging.boot.files import LOADERS, STORES
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.boot.places import BootPlaces, choose_system, firmware_of, readable_by
from osdimage.imaging.deploy.boot_plan import (
    ForgetDrives,
    InstallBoot,
    Moved,
    MoveDrives,
    holds,
    plan_boot,
    refuse_no_recovery,
)
from osdimage.imaging.deploy.plan import (
    BOOT,
    NO_SYSTEM_PARTITION,
    ApplyToVolume,
    DeployPlan,
    DeployStep,
    WriteTable,
    with_active,
)
from osdimage.imaging.deploy.relayout import common_disk, origins_of, plan_disk
from osdimage.imaging.disk.plan import DiskIdentity
from osdimage.imaging.disk.several import shared_identity
from osdimage.imaging.disk.tables.table import Partition, PartitionTable
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError, explain
from osdimage.imaging.randomness import RandomBits
from osdimage.imaging.units import MIB, Geometry
from osdimage.imaging.wim.captured_disks import require_numbers
from osdimage.imaging.wim.described.captured import CapturedDisk
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

_LARGEST_STORE = 64 * MIB


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What is known of a disk before it is planned for.

    Attributes:
        geometry: of the disk.
        rng: where GUIDs, signature and serial numbers come from.
        identity: of a disk that is there, as :func:`~osdimage.imaging.deploy.plan.make_plan` takes it.
    """

    geometry: Geometry
    rng: RandomBits
    identity: DiskIdentity | None = None


@dataclass(frozen=True, slots=True)
class SetPlan:
    """What will be done on each disk of a machine.

    Attributes:
        plans: by the numbers of the disks, in their order.  A disk is made to start when all are filled.
    """

    plans: Mapping[int, DeployPlan]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know, with the number of the disk that it is about."""
        return tuple(f"disk {number}: {text}" for number, plan in self.plans.items() for text in plan.warnings)

    def refuse_alike(self) -> None:
        """Refuse disks that Windows could not tell apart.

        Raises:
            InvalidRequest: naming two.
        """
        for (one, first), (other, second) in combinations(self.plans.items(), 2):
            shared = shared_identity(first.table, second.table)
            if shared is not None:
                raise InvalidRequest(
                    f"the disks {one} and {other} would have the same {shared}; valid are disks with different ones"
                )


def plan_set(wim: WimFile, targets: Mapping[int, TargetFacts], *, boot: BootOptions | None = BOOT) -> SetPlan:
    """Decide what it takes to make the disks of a machine again.  Nothing is written.

    Args:
        wim: the open WIM, with images of several disks, or of one.
        targets: what is known of each disk, by its number; all of the WIM are needed.
        boot: how they are made to start; None: they are not.

    Raises:
        InvalidRequest: when the numbers are not those of the WIM.
        OsdImageError: as :func:`~osdimage.imaging.deploy.relayout.plan_from_wim`, with the number of the disk.
    """
    images = require_numbers(wim, list(targets))
    planned = []
    for number, own in images.items():
        facts = targets[number]
        try:
            plan = plan_disk(own, facts.geometry, facts.rng, boot=None, identity=facts.identity)
        except OsdImageError as error:
            explain(error, f"this is about disk {number} of the machine")
            raise
        planned.append(_Planned(number, own, common_disk(own), plan, facts.rng))
    made = SetPlan({each.number: plan for each, plan in zip(planned, _Starting(planned, boot).plans(), strict=True)})
    made.refuse_alike()
    return made


@dataclass(frozen=True, slots=True)
class _Planned:
    """A disk, with the plan that it would have alone and without what makes it start."""

    number: int
    images: Sequence[WimImage]
    captured: CapturedDisk
    plan: DeployPlan
    rng: RandomBits

    @property
    def table(self) -> PartitionTable:
        return self.plan.table

    @property
    def pairs(self) -> list[tuple[WimImage, Partition]]:
        """The images with files, and the partitions that they go to."""
        by_index = {each.index: each for each in self.images}
        return [(by_index[each.image], each.partition) for each in self.plan.steps if isinstance(each, ApplyToVolume)]

    @property
    def moved(self) -> tuple[Moved, ...]:
        return tuple(Moved(old, self.number, number) for old, number in origins_of(self.captured, self.table))

    def old_ref(self, partition: Partition) -> PartitionRef | None:
        return next((each.old for each in self.moved if each.partition == partition.number), None)


@dataclass(frozen=True, slots=True)
class _System:
    """A partition that a boot manager can be on, and what the store names that comes with its image."""

    home: _Planned
    firmware: Firmware
    partition: Partition
    names: frozenset[PartitionRef]


class _Starting:
    """Decides how each Windows of a machine starts."""

    def __init__(self, planned: Sequence[_Planned], boot: BootOptions | None) -> None:
        self._planned = planned
        self._boot = boot
        self._moved = tuple(moved for each in planned for moved in each.moved)
        self._systems = [] if boot is None else [found for each in planned for found in _systems(each)]

    def plans(self) -> list[DeployPlan]:
        """Return the plan of each disk, with all that leads to others."""
        starts: list[list[InstallBoot]] = []
        reasons: list[list[str]] = []
        for home in self._planned:
            found = [] if self._boot is None else [self._start(home, *pair, self._boot) for pair in home.pairs]
            # As on one disk: what is made to start last comes first in a menu that is made anew.
            starts.append([each for each in reversed(found) if isinstance(each, InstallBoot)])
            windows = [holds(image, LOADERS[firmware_of(home.table)]) for image, _ in home.pairs]
            told = zip(found, windows, strict=False)
            reasons.append([each for each, is_windows in told if isinstance(each, str) and is_windows])
        if self._boot is not None and not any(starts) and not any(reasons):
            reasons[0] = ["the disk will not start: no image of the machine holds the boot files of a Windows"]
        return [self._with(home, own, why) for home, own, why in zip(self._planned, starts, reasons, strict=True)]

    def _with(self, home: _Planned, starts: Sequence[InstallBoot], reasons: Sequence[str]) -> DeployPlan:
        disk = with_active(home.plan.disk, *(each for each in starts if each.system_number is None))
        steps = [self._on_all(each) for each in home.plan.steps if not isinstance(each, WriteTable)]
        # Of one of several disks it is no news: another one has it.
        told = [each for each in home.plan.warnings if each != NO_SYSTEM_PARTITION]
        return replace(home.plan, steps=(WriteTable(disk), *steps, *starts), warnings=(*told, *reasons))

    def _on_all(self, step: DeployStep) -> DeployStep:
        """Let what forgets drive letters keep those of all disks, where it is known how these were named."""
        return MoveDrives(step.partition, self._moved) if isinstance(step, ForgetDrives) and self._moved else step

    def _start(self, home: _Planned, image: WimImage, target: Partition, options: BootOptions) -> InstallBoot | str:
        system = self._elsewhere(home, image, target)
        if system is None:
            filled = {partition.number: each for each, partition in home.pairs}
            step = plan_boot(image, home.table, target, options, home.rng, filled=filled)
            if isinstance(step, str):
                return step
            return replace(step, origins=origins_of(home.captured, home.table), moved=self._beside(home))
        if options.recovery:
            refuse_no_recovery(image, home.table)
        language = None if image.info.windows is None else image.info.windows.default_language
        return InstallBoot(
            BootPlaces(system.firmware, system.partition, target),
            replace(options, image_language=language),
            home.rng.getrandbits(128),
            origins=origins_of(system.home.captured, system.home.table),
            system_disk=f"disk {system.home.number}",
            system_number=system.home.number,
            moved=self._beside(system.home),
        )

    def _beside(self, home: _Planned) -> tuple[Moved, ...]:
        return tuple(each for each in self._moved if each.disk != home.number)

    def _elsewhere(self, home: _Planned, image: WimImage, target: Partition) -> _System | None:
        """Return where the boot manager of a Windows is, when that is on another disk.

        It is where the store is that names it, or else on its own disk, or else on the first that has a place for it.
        """
        firmware = firmware_of(home.table)
        if not holds(image, LOADERS[firmware]):
            return None
        fitting = [each for each in self._systems if each.firmware is firmware]
        fitting.sort(key=lambda each: each.home is not home)
        named = [each for each in fitting if home.old_ref(target) in each.names]
        chosen = next(iter((*named, *fitting)), None)
        return None if chosen is None or chosen.home is home else chosen


def _systems(home: _Planned) -> Iterator[_System]:
    """Yield the partition of a disk that a boot manager can be on, if there is one."""
    try:
        firmware, partition = choose_system(home.table)
    except InvalidRequest:
        return
    filesystem = None if partition.spec is None else partition.spec.filesystem
    if filesystem is None or filesystem.content not in readable_by(firmware):
        return
    if firmware is Firmware.BIOS and home.table.geometry.sector_size != SECTOR_BYTES:
        return
    image = next((each for each, place in home.pairs if place.number == partition.number), None)
    yield _System(home, firmware, partition, frozenset() if image is None else _names(image, STORES[firmware]))


def _names(image: WimImage, path: str) -> frozenset[PartitionRef]:
    """Return the partitions that a boot store in an image names; of one that cannot be read, none."""
    files = image.files()
    if not files.exists(path):
        return frozenset()
    try:
        store = BcdStore.parse(files.read(path, limit=_LARGEST_STORE), name=f"{files.name}: the BCD store")
        return frozenset(store.partitions)
    except InvalidInput as error:
        # What is no store says nothing; a WIM that is damaged says that.
        if type(error) is InvalidInput:
            return frozenset()
        raise
