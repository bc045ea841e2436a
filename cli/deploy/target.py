"""One of the disks that ``osdimage deploy`` is given: how it is opened, and planned for without writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from osdimage.cli.deploy.wish import Planner
    from osdimage.imaging.deploy.plan import DeployPlan
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.disk.plan import DiskIdentity
    from osdimage.imaging.units import Geometry


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
    def is_named_last(self) -> bool:
        """Whether the disk has its name only when all is done; one of another format than raw."""
        return self.form != "raw" and self.size is not None

    def opened(self, *, replace: bool) -> AbstractContextManager[Disk]:
        """Open the disk, or create the image; one of another format than raw has its name in the end.

        Raises:
            click.UsageError: when it is not there and has no size.
        """
        from osdimage.imaging.deploy.formats import DiskFormat, new_disk  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415

        if self.is_named_last and self.size is not None:
            form = DiskFormat(self.form)
            return new_disk(self.path, form, self.size, sector_size=self.opening.sector_size or 512, replace=replace)
        if self.size is None and not self.path.exists():
            raise click.UsageError(f"{self.path} does not exist; give --size to create an image")
        return open_disk(self.path, write=True, create=self.size, opening=self.opening)

    def planned(self, disk: Disk, planner: Planner) -> DeployPlan:
        """Return the plan for the open disk, if it is the one that was meant.

        Raises:
            TargetRefused: when it is another.
            OsdImageError: when nothing can be planned for it.
        """
        from osdimage.imaging.disk.plan import check_target  # noqa: PLC0415 - start-up stays cheap

        self.check(disk)
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
        with self.looked_at() as looked:
            plan = planner.plan(looked.geometry, looked.identity, place=self.place)
            looked.check(plan)
        return plan

    @contextmanager
    def looked_at(self) -> Iterator[Looked]:
        """Yield what is known of the disk, which is only read, or which would be made.

        Raises:
            click.UsageError: when it is not there and has no size.
            TargetRefused: when it is another than was meant.
            OsdImageError: when it cannot be opened or read.
        """
        from osdimage.imaging.disk.opened import open_disk  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.disk.plan import identify_disk  # noqa: PLC0415
        from osdimage.imaging.units import Geometry  # noqa: PLC0415

        if self.path.exists() and not self.is_named_last:
            with open_disk(self.path, opening=self.opening, require=self.size) as opened:
                self.check(opened)
                yield Looked(self.path, opened.geometry, identify_disk(opened.target, opened.read()), opened)
            return
        if self.size is None:
            raise click.UsageError(f"{self.path} does not exist; give --size to plan for an image")
        yield Looked(self.path, Geometry.of_size(self.size, self.opening.sector_size or 512), None, None)

    def check(self, disk: Disk) -> None:
        """Refuse an open disk that is another than was meant.

        Raises:
            TargetRefused: when its serial number or its size is another.
        """
        from osdimage.imaging.disk.device import check_expected  # noqa: PLC0415 - start-up stays cheap

        check_expected(disk.target, serial=self.serial, size_bytes=self.expected_size)


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known of a disk before anything is done.

    Attributes:
        path: of the disk.
        geometry: of the disk.
        identity: of one that is there.
        disk: open for reading when it is there, or None.
    """

    path: Path
    geometry: Geometry
    identity: DiskIdentity | None
    disk: Disk | None

    def check(self, plan: DeployPlan) -> None:
        """Refuse what carrying the plan out would refuse.

        Raises:
            TargetRefused: when the disk is not the one that the plan is for, or an image whose table nobody could find.
        """
        from osdimage.imaging.deploy.steps import refuse_untold_sectors  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.disk.plan import check_target  # noqa: PLC0415

        if self.disk is not None:
            check_target(plan.disk, self.disk.target, self.disk.read())
        is_image = self.disk is None or not self.disk.target.is_device
        refuse_untold_sectors(plan, str(self.path), is_image=is_image)


def refuse_input(disk: Path, inputs: Iterable[Path | None], patterns: Iterable[str]) -> None:
    """Refuse a disk that is a file which is read, by whatever name: it would be lost with the first byte.

    Raises:
        click.UsageError: naming the disk.
    """
    from osdimage.imaging.disk.device import backing_file  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.placed.on_disc import file_of, paths_fitting  # noqa: PLC0415

    written = backing_file(disk) or disk
    if not written.exists():
        return
    matching = (Path(name) for pattern in patterns for name in paths_fitting(pattern))
    for each in (*inputs, *matching):
        # Of what is on a disc, the disc.
        file = None if each is None else file_of(each)
        if file is None or not file.exists():
            continue
        if (backing_file(file) or file).samefile(written):
            raise click.UsageError(f"{disk} is read by this command; valid is another path for the disk")
