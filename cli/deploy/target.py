"""One of the disks that ``osdimage deploy`` is given: how it is opened, and planned for without writing."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from osdimage.cli.deploy.wish import Planner
    from osdimage.imaging.deploy.plan import DeployPlan
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.disk.opening import Opening


@dataclass(frozen=True, slots=True)
class DiskWish:
    """What the options say of a disk.

    Attributes:
        path: of the disk.
        form: the format, such as ``raw``.
        size: in bytes, of an image that is to be made; None for a disk that is there.
        opening: how it is opened; of an image that is made, the size of its sectors.
        serial: the serial number that it must have, or None.
        expected_size: the size in bytes that it must have, or None.
        place: its place among the disks, from 1.
    """

    path: Path
    form: str
    size: int | None
    opening: Opening
    serial: str | None
    expected_size: int | None
    place: int = 1

    @property
    def is_converted(self) -> bool:
        """Whether the disk is made of a raw one once all is done."""
        return self.form != "raw" and self.size is not None

    def opened(self, *, replace: bool) -> AbstractContextManager[Disk]:
        """Open the disk, or create the image; one that has another format than raw becomes the disk in the end.

        Raises:
            click.UsageError: when it is not there and has no size.
        """
        from osdimage.imaging.deploy.convert import DiskFormat, raw_beside  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415

        if self.is_converted and self.size is not None:
            form = DiskFormat(self.form)
            return raw_beside(self.path, form, self.size, sector_size=self.opening.sector_size or 512, replace=replace)
        if self.size is None and not self.path.exists():
            raise click.UsageError(f"{self.path} does not exist; give --size to create an image")
        return open_disk(self.path, write=True, create=self.size, opening=self.opening)

    def planned(self, disk: Disk, planner: Planner) -> DeployPlan:
        """Return the plan for the open disk, if it is the one that was meant.

        Raises:
            TargetRefused: when it is another.
            OsdImageError: when nothing can be planned for it.
        """
        from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.disk.plan import check_target  # noqa: PLC0415

        check_expected(disk.target, serial=self.serial, size_bytes=self.expected_size)
        plan = planner.plan(disk.geometry, place=self.place)
        if planner.saved is not None:
            check_target(plan.disk, disk.target, disk.read(), is_saved=True)
        return plan

    def rehearsed(self, planner: Planner) -> DeployPlan:
        """Return the plan without making or writing anything; refuse what would be refused then.

        Raises:
            click.UsageError: when it is not there and has no size.
            OsdImageError: as :meth:`planned`.
        """
        from osdimage.imaging.deploy.execute import refuse_untold_sectors  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415
        from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415
        from osdimage.imaging.disk.plan import check_target, identify_disk  # noqa: PLC0415
        from osdimage.imaging.units import Geometry  # noqa: PLC0415

        if self.path.exists() and self.form == "raw":
            with open_disk(self.path, opening=self.opening, require=self.size) as opened:
                check_expected(opened.target, serial=self.serial, size_bytes=self.expected_size)
                identity = identify_disk(opened.target, opened.read())
                plan = planner.plan(opened.geometry, identity, place=self.place)
                check_target(plan.disk, opened.target, opened.read())
                is_image = not opened.target.is_device
        elif self.size is None:
            raise click.UsageError(f"{self.path} does not exist; give --size to plan for an image")
        else:
            geometry = Geometry.of_size(self.size, self.opening.sector_size or 512)
            plan, is_image = planner.plan(geometry, place=self.place), True
        refuse_untold_sectors(plan, str(self.path), is_image=is_image)
        return plan


def refuse_input(disk: Path, inputs: Iterable[Path | None], patterns: Iterable[str]) -> None:
    """Refuse a disk that is a file which is read, by whatever name: it would be lost with the first byte.

    Raises:
        click.UsageError: naming the disk.
    """
    from osdimage.imaging.disk.device import backing_file  # noqa: PLC0415 - start-up stays cheap

    written = backing_file(disk) or disk
    if not written.exists():
        return
    matching = (Path(name) for pattern in patterns for name in glob.glob(pattern))  # noqa: PTH207 - absolute ones too
    for each in (*inputs, *matching):
        if each is not None and each.exists() and each.samefile(written):
            raise click.UsageError(f"{disk} is read by this command; valid is another path for the disk")
