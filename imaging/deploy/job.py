"""How plans are carried out, what the work on all disks has in common, and what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from osdimage.imaging.apply.bytes import WrittenBytes
from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.apply.supply import Supplies
from osdimage.imaging.boot.install import BootResult
from osdimage.imaging.deploy.driver_plan import PlannedDrivers
from osdimage.imaging.deploy.plan import (
    DeployPlan,
)
from osdimage.imaging.disk.opened import Disk
from osdimage.imaging.disk.tables.backup import TableSaving
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wof import Algorithm


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """How a plan is carried out.

    Attributes:
        sync: wait until everything is on the medium.
        strict: raise when something of an image cannot be kept.
        engine: what fills the NTFS volumes.
        compact: compress files in them as a whole, as Windows does with CompactOS.
    """

    sync: bool = True
    strict: bool = False
    engine: Engine = Engine.AUTO
    compact: Algorithm | None = None

    def of_apply(self, now: datetime | None = None) -> ApplyOptions:
        """Return how each image is applied at that time: to a volume that is marked dirty until all is done."""
        return ApplyOptions(
            sync=self.sync, strict=self.strict, engine=self.engine, is_part=True, compact=self.compact, now=now
        )


@dataclass(frozen=True, slots=True)
class DeployResult:
    """What a deployment did.

    Attributes:
        disk: the disk image or device.
        applied: what was applied, and what of it the volume could not hold.
        saved: the file with the partition table that was on the disk, or None.
        warnings: sentences for people.
        more: what else was applied, when the plan has several images; ``applied`` is the first.
        boot: what was done so that the disk starts, or None when nothing was.
        copied: the images whose bytes were written to partitions.
        replayed: of hives that Windows had not closed, with which changes of their logs they were written.
        drivers: that were brought in, or None.
    """

    disk: Path
    applied: ApplyResult
    saved: Path | None
    warnings: tuple[str, ...]
    more: tuple[ApplyResult, ...] = ()
    boot: BootResult | None = None
    copied: tuple[WrittenBytes, ...] = ()
    replayed: tuple[str, ...] = ()
    drivers: PlannedDrivers | None = None


@dataclass(frozen=True, slots=True)
class DeployJob:
    """What the work on all disks has in common.

    Attributes:
        images: by their indexes.
        now: the time for the names of saved tables.
        saving: whether and where tables are saved.
        options: how.
        supplies: what is known of the images.
        system_disk: the disk with the boot manager, when it is none of those that are deployed to.
        machine: the disks of a machine that are made together, by their numbers, and their plans.
        ignored: of each image that the answer file was put into, what Windows would ignore of it.
    """

    images: dict[int, WimImage]
    now: datetime
    saving: TableSaving
    options: DeployOptions
    supplies: Supplies
    system_disk: Disk | None = None
    machine: Mapping[int, tuple[DeployPlan, Disk]] = field(default_factory=dict)
    ignored: dict[int, Sequence[str]] = field(default_factory=dict)
