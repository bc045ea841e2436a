"""What the options of ``osdimage deploy`` say of the plan."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from osdimage.cli import params, values
from osdimage.cli.boot import params as boot_params
from osdimage.cli.boot.params import SystemWish
from osdimage.cli.deploy.target import DiskWish
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.params import LayoutSource
from osdimage.cli.driver import catalog as catalog_params
from osdimage.cli.driver import wish as driver_wish

if TYPE_CHECKING:
    from osdimage.imaging.boot.install import BootOptions
    from osdimage.imaging.deploy.plan import DeployPlan
    from osdimage.imaging.disk.opened import Disk
    from osdimage.imaging.disk.plan import DiskIdentity
    from osdimage.imaging.drivers.injection.choose import DriverWish
    from osdimage.imaging.units import Geometry
    from osdimage.imaging.wim.file import WimFile
    from osdimage.imaging.wim.image import WimImage
    from osdimage.imaging.wim.select import ImageSelector as Selector

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class DeployWish:
    """What the options say of the plan."""

    source: LayoutSource
    plan_file: Path | None
    from_wim: bool
    all_volumes: bool
    selector: Selector
    partition: int | None
    unattend: Path | None
    seed: str | None
    boot: BootOptions | None
    grow: int | None = None
    shrink: int | None = None
    system: SystemWish | None = None
    drivers: DriverWish | None = None

    @property
    def files(self) -> tuple[Path | None, ...]:
        """The files that are read."""
        wish = self.drivers
        given = () if wish is None else (*wish.drivers, *wish.packages, *filter(None, [wish.devices]))
        return self.unattend, self.source.vars_file, self.plan_file, *map(Path, given)

    def refuse_contradictions(self) -> None:
        """Refuse options that say two things.

        Raises:
            click.UsageError: naming them.
        """
        from osdimage.imaging.deploy.plan import BOOT  # noqa: PLC0415 - start-up stays cheap

        if self.system is not None and (self.plan_file is not None or self.boot is None):
            raise click.UsageError("--system says where the disk starts from; it goes with no --plan and no --no-boot")
        is_chosen = self.partition is not None or self.unattend is not None or self.selector != type(self.selector)()
        is_laid_out = self.source.is_given or self.source.recovery is not None
        if self.drivers is not None and (self.plan_file is not None or self.all_volumes):
            raise click.UsageError("--driver and --driver-package go with no --plan and no --all-volumes")
        if not self.from_wim and (self.grow is not None or self.shrink is not None):
            raise click.UsageError("--grow and --shrink go with --layout-from-wim: they are about its partitions")
        if self.plan_file is not None:
            if (
                is_chosen
                or is_laid_out
                or self.from_wim
                or self.all_volumes
                or self.seed is not None
                or self.boot != BOOT
            ):
                raise click.UsageError("--plan is complete; it goes with no choice of layout, image, seed and start")
            return
        if self.all_volumes and is_chosen:
            raise click.UsageError("--all-volumes takes every image; it goes with no choice, and no --unattend")
        if self.from_wim and is_laid_out:
            raise click.UsageError(
                "--layout-from-wim is a whole layout; it does not go with --preset, --vars and --var"
            )
        if self.all_volumes and not self.from_wim:
            raise click.UsageError("--all-volumes goes with --layout-from-wim")

    def refuse_for_machine(self) -> None:
        """Refuse options that are about one disk, where the disks of a machine are given.

        Raises:
            click.UsageError: naming them.
        """
        if not (self.from_wim or self.plan_file is not None):
            raise click.UsageError("--disk N=DISK goes with --layout-from-wim, which knows the disks, or with --plan")
        is_chosen = self.partition is not None or self.unattend is not None or self.selector != type(self.selector)()
        is_changed = self.grow is not None or self.shrink is not None or self.drivers is not None
        if is_chosen or is_changed or self.system is not None:
            raise click.UsageError(
                "--disk takes every image of a machine; it goes with no choice, and no --partition, --unattend, "
                "--driver, --driver-package, --grow, --shrink and --system"
            )

    def planner(self, wim: WimFile, *, strict: bool) -> Planner:
        """Read the saved plan, or find the layout and the images; ``strict`` as the option says."""
        from osdimage.imaging.deploy.answer_file import check_unattend  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.deploy.document import images_of, plan_from_json  # noqa: PLC0415
        from osdimage.imaging.deploy.driver_plan import plan_drivers, refuse_other_drivers  # noqa: PLC0415
        from osdimage.imaging.documents import read_document  # noqa: PLC0415
        from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415

        if self.plan_file is not None:
            saved = plan_from_json(read_document(self.plan_file), source=str(self.plan_file))
            images = images_of(saved, wim)
            if saved.unattend is not None:
                # The file may be another one than when the plan was made.
                found = dict.fromkeys((*saved.warnings, *check_unattend(saved.unattend, images[0])))
                saved = replace(saved, warnings=tuple(found))
            refuse_other_drivers(saved.steps, images, unattend=saved.unattend, strict=strict)
            return Planner(wim, images, saved=saved)
        layout = None if self.from_wim else self.source.load("--plan", "--layout-from-wim")
        image = wim.select(ImageSelector(index=1) if self.all_volumes else self.selector)
        answer_file = None if self.unattend is None else str(self.unattend)
        if answer_file is not None:
            # Before the disk is looked at, or made: the plan has the warnings.
            check_unattend(answer_file, image)
        drivers = None
        if self.drivers is not None:
            drivers = plan_drivers(image, self.drivers, unattend=answer_file, strict=strict)

        def make(geometry: Geometry, identity: DiskIdentity | None, place: int) -> DeployPlan:
            from osdimage.imaging.deploy.plan import make_plan, with_drivers  # noqa: PLC0415 - start-up stays cheap
            from osdimage.imaging.deploy.relayout import plan_from_wim  # noqa: PLC0415
            from osdimage.imaging.deploy.resize import SizeWish  # noqa: PLC0415

            rng = disk_params.random_bits(seed_of(self.seed, place))
            boot = self.boot if self.system is None else None
            if layout is None:
                one = None if self.all_volumes else image
                plan = plan_from_wim(
                    wim,
                    one,
                    geometry,
                    rng,
                    partition=self.partition,
                    unattend=answer_file,
                    boot=boot,
                    identity=identity,
                    sizes=SizeWish(self.grow, self.shrink),
                )
            else:
                plan = make_plan(
                    image,
                    layout,
                    geometry,
                    rng,
                    partition=self.partition,
                    unattend=answer_file,
                    boot=boot,
                    identity=identity,
                )
            return plan if drivers is None else with_drivers(plan, image, drivers)

        images = tuple(wim.images) if self.all_volumes else (image,)
        return Planner(
            wim, images, make=make, wish=self, captured_sectors=captured_sectors(image) if self.from_wim else None
        )


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes the plan for a disk, or has it."""

    wim: WimFile
    images: tuple[WimImage, ...]
    saved: DeployPlan | None = None
    make: Callable[[Geometry, DiskIdentity | None, int], DeployPlan] | None = None
    captured_sectors: int | None = None
    wish: DeployWish | None = None
    system_disk: Disk | None = None

    @property
    def now(self) -> datetime:
        """The time that what is made bears."""
        return disk_params.made_at(None if self.wish is None else self.wish.seed)

    def plan(self, geometry: Geometry, identity: DiskIdentity | None = None, *, place: int = 1) -> DeployPlan:
        """Return the plan for a disk; ``place`` is its place among several."""
        if self.saved is not None or self.make is None:
            return cast("DeployPlan", self.saved)
        made = self.make(geometry, identity, place)
        wish = self.wish
        if self.system_disk is None or wish is None or wish.system is None or wish.boot is None:
            return made
        from osdimage.imaging.deploy.elsewhere import start_elsewhere  # noqa: PLC0415 - start-up stays cheap

        # Beside what the disk itself is drawn from: the same disk as without.
        rng = disk_params.random_bits(None if wish.seed is None else f"{wish.seed}#system")
        chosen = wish.system.partition
        return start_elsewhere(made, self.images, self.system_disk, chosen, options=wish.boot, rng=rng)

    def completed(self, wish: DiskWish) -> DiskWish:
        """Return the wish with what the plan knows of an image that is to be made.

        That is its size, and the size of its sectors; those of a disk that is made again are as they were.
        """
        size, sector_size = wish.size, wish.opening.sector_size
        if self.saved is not None:
            geometry = self.saved.table.geometry
            if size is None and self.saved.disk.disk is None and not wish.path.exists():
                size = geometry.size_bytes
            sector_size = sector_size or geometry.sector_size
        elif sector_size is None and not wish.path.exists():
            sector_size = self.captured_sectors
        return replace(wish, size=size, opening=replace(wish.opening, sector_size=sector_size))


def seed_of(seed: str | None, place: int) -> str | None:
    """Return the seed of one of several disks; with it alone, the disk can be made once more."""
    return seed if seed is None or place == 1 else f"{seed}#{place}"


def captured_sectors(image: WimImage) -> int | None:
    """Return the size of the sectors of a captured disk; an image with an MBR could not tell that they are not 512."""
    disk = image.info.disk
    return None if disk is None or disk.scheme != "gpt" else disk.sector_size


def options(command: Command) -> Command:
    """Add the options that say what the plan is, and pass a :class:`DeployWish` as ``wish``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        source: LayoutSource,
        plan_file: Path | None,
        layout_from_wim: bool,
        all_volumes: bool,
        seed: str | None,
        selector: Selector,
        partition: int | None,
        unattend: Path | None,
        no_boot: bool,
        grow: int | None,
        shrink: int | None,
        system: SystemWish | None,
        drivers: tuple[str, ...],
        packages: tuple[str, ...],
        devices: str | None,
        catalog: Path | None,
        allow_modified: bool,
        boot_options: Callable[..., BootOptions],
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        boot = _boot(boot_options(), no_boot=no_boot)
        wish = DeployWish(
            source,
            plan_file,
            layout_from_wim,
            all_volumes,
            selector,
            partition,
            unattend,
            seed,
            boot,
            grow=grow,
            shrink=shrink,
            system=system,
            drivers=_drivers(drivers, packages, devices, catalog, allow_modified=allow_modified),
        )
        wish.refuse_contradictions()
        return command(*args, wish=wish, **kwargs)

    return params.add(
        disk_params.layout,
        click.option(
            "--plan", "plan_file", type=values.EXISTING, metavar="FILE", help="Carry out exactly a saved plan."
        ),
        click.option(
            "--layout-from-wim", is_flag=True, help="Lay the disk out as the captured one that the WIM tells of."
        ),
        click.option("--all-volumes", is_flag=True, help="With --layout-from-wim: put every image where it is from."),
        click.option(
            "--grow",
            type=click.IntRange(min=1),
            metavar="N",
            help="With --layout-from-wim: the partition that takes what a larger disk has more.  Default: Windows.",
        ),
        click.option(
            "--shrink",
            type=click.IntRange(min=1),
            metavar="N",
            help="The one that gives what a smaller disk has less.  Default: Windows, then what has most to spare.",
        ),
        disk_params.seed,
        params.selector,
        click.option(
            "--partition",
            type=click.IntRange(min=1),
            metavar="N",
            help="The partition for the image.  Default: that of Windows.",
        ),
        click.option(
            "--unattend", type=values.EXISTING, metavar="FILE", help=r"Place it as \Windows\Panther\unattend.xml."
        ),
        driver_wish.driver,
        driver_wish.package,
        driver_wish.devices("--drivers-for"),
        catalog_params.catalog,
        driver_wish.allow_modified,
        click.option(
            "--no-boot", is_flag=True, help="Do not make the disk start: no boot files, BCD store and boot code."
        ),
        boot_params.other_system,
        boot_params.options,
    )(run)


def _drivers(
    drivers: tuple[str, ...],
    packages: tuple[str, ...],
    devices: str | None,
    catalog: Path | None,
    *,
    allow_modified: bool,
) -> DriverWish | None:
    if not (drivers or packages):
        if catalog is not None:
            raise click.UsageError("--catalog says where catalog:NAME is; give that with --driver or --driver-package")
        if devices is not None:
            raise click.UsageError("--drivers-for says which devices drivers are for; give them with --driver")
        if allow_modified:
            raise click.UsageError("--allow-modified is about the drivers of --driver and --driver-package")
        return None
    from osdimage.imaging.drivers.injection.choose import DriverWish  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.drivers.injection.plan import InjectionOptions  # noqa: PLC0415

    options = InjectionOptions(allows_modified=allow_modified)
    return DriverWish(drivers, packages, devices, options=options, catalog=catalog)


def _boot(options: BootOptions, *, no_boot: bool) -> BootOptions | None:
    if no_boot and options != type(options)():
        raise click.UsageError("--no-boot makes nothing start; it goes with no option of how the disk starts")
    return None if no_boot else options
