"""The drivers of a deployment, decided by the image before anything is written.

They are brought in when the image is applied, and the disk does not start yet.  What is given is read again then: a
plan that was saved names the files and folders, and is refused when other drivers would come of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.deploy.answer_file import WithAnswers
from osdimage.imaging.disk.tables.table import Partition
from osdimage.imaging.drivers.devices.sources import HOST, QEMU
from osdimage.imaging.drivers.injection.choose import DriverWish, open_drivers
from osdimage.imaging.drivers.injection.plan import InjectionPlan
from osdimage.imaging.drivers.injection.planning import plan_driver_injection, refuse_windows
from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.drivers.store.addresses import is_address
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.units import counted, format_size
from osdimage.imaging.wim.image import WimImage

_NAMED = 8
_NONE = "no driver staged"


@dataclass(frozen=True, slots=True)
class PlannedDrivers:
    r"""What comes of a wish for an image.

    Attributes:
        wish: with whole paths, as the plan may be carried out somewhere else.
        folders: of the drivers below ``\Drivers``, in their order.
        enabled: services that the loader starts.
        how: what installs the drivers when Windows starts first; None when none is staged.
        size: bytes that are written.
        warnings: sentences for people.
    """

    wish: DriverWish
    folders: tuple[str, ...]
    enabled: tuple[str, ...]
    how: str | None
    size: int
    warnings: tuple[str, ...] = ()

    def describe(self) -> str:
        """Say it in one line."""
        staged = f"{counted(len(self.folders), 'driver')} in \\Drivers ({self._named()})" if self.folders else _NONE
        enabled = f"; enabled for booting: {', '.join(self.enabled)}" if self.enabled else ""
        start = "" if self.how is None else f"; at the first start: {self.how}"
        return f"{staged}, {format_size(self.size)}{enabled}{start}"

    def _named(self) -> str:
        more = f" and {len(self.folders) - _NAMED} more" if len(self.folders) > _NAMED else ""
        return f"{', '.join(self.folders[:_NAMED])}{more}"

    def is_like(self, other: PlannedDrivers) -> bool:
        """Tell whether the same drivers come of both."""
        return (self.folders, self.enabled) == (other.folders, other.enabled)


@dataclass(frozen=True, slots=True)
class AddDrivers:
    """Bring drivers into the Windows in a partition, which came of an image."""

    partition: Partition
    image: int
    planned: PlannedDrivers

    destroys: str = "nothing"

    def describe(self) -> str:
        """Say it in one line."""
        return f"bring drivers into partition {self.partition.number}: {self.planned.describe()}"


def plan_drivers(
    image: WimImage, wish: DriverWish, *, unattend: str | None = None, strict: bool = False
) -> PlannedDrivers:
    """Decide which drivers are brought into the Windows of an image.  Nothing is written.

    Args:
        image: it.
        wish: which drivers, and how.
        unattend: the answer file that is placed in it before them, which their command goes into; None for none.
        strict: refuse when there is no driver for a disk controller of the computer.

    Raises:
        Incomplete: with ``strict``, when there is no driver for a disk controller of the computer.
        TargetRefused: when nothing may be brought into it, as into Windows PE.
        InvalidInput: when it holds no Windows, or no driver is for it, or files of drivers are missing.
        InvalidRequest: when there is no driver of a name, or none to choose, or the answer file is full.
        OsdImageError: when something cannot be read.
    """
    files: FileSource = image.files()
    if unattend is not None:
        files = WithAnswers(files, unattend)
    windows = offline_windows(files)
    refuse_windows(windows)
    with open_drivers(wish, windows.os) as chosen:
        made = plan_driver_injection(windows, files, chosen.wanted, wish.options)
        if strict:
            chosen.require_storage()
        return planned_of(made, whole(wish), chosen.warnings)


def planned_of(plan: InjectionPlan, wish: DriverWish, warnings: tuple[str, ...]) -> PlannedDrivers:
    """Return what a plan of an injection comes to."""
    start = plan.first_start
    return PlannedDrivers(
        wish,
        tuple(each.folder for each in plan.drivers),
        tuple(each.driver.service for each in plan.enabled),
        None if start is None else start.how,
        plan.changes.size,
        tuple(dict.fromkeys((*warnings, *plan.warnings))),
    )


def whole(wish: DriverWish) -> DriverWish:
    """Return a wish with whole paths."""
    devices = wish.devices
    if devices is not None and devices not in {HOST, QEMU}:
        devices = str(Path(devices).absolute())
    return replace(
        wish,
        drivers=tuple(map(_whole_path, wish.drivers)),
        packages=tuple(map(_whole_path, wish.packages)),
        devices=devices,
        catalog=None if wish.catalog is None else wish.catalog.absolute(),
    )


def _whole_path(path: str) -> str:
    return path if is_address(path) else str(Path(path).absolute())


def refuse_others(planned: PlannedDrivers, found: PlannedDrivers) -> None:
    """Refuse to bring in other drivers than were planned.

    Raises:
        InvalidRequest: naming both.
    """
    if not planned.is_like(found):
        raise InvalidRequest(
            f"other drivers would be brought in than were planned: {_listed(found)}, in place of {_listed(planned)}; "
            "make the plan anew"
        )


def _listed(planned: PlannedDrivers) -> str:
    return ", ".join((*planned.folders, *(f"{each} (booting)" for each in planned.enabled))) or "none"


def refuse_other_drivers(
    steps: Iterable[object], images: Iterable[WimImage], *, unattend: str | None = None, strict: bool = False
) -> None:
    """Refuse the steps of a saved plan of which other drivers would come now than were planned.

    Raises:
        InvalidRequest: naming both.
        OsdImageError: as :func:`plan_drivers`.
    """
    by_index = {each.index: each for each in images}
    for step in steps:
        if isinstance(step, AddDrivers):
            image = by_index.get(step.image)
            if image is None:
                raise InvalidRequest(f"image {step.image} gets drivers, and is not applied")
            refuse_others(step.planned, plan_drivers(image, step.planned.wish, unattend=unattend, strict=strict))
