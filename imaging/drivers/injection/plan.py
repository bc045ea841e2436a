"""What bringing drivers into a Windows takes: data.

A plan has only what differs from what is there: that of a Windows into which the drivers were brought is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.drivers.inf.models import Model
from osdimage.imaging.drivers.injection.changes import Changes
from osdimage.imaging.drivers.injection.first_start import FirstStart
from osdimage.imaging.drivers.injection.staging import StagedDriver
from osdimage.imaging.drivers.offline.boot_enable import BootEnabling
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.drivers.packages import DriverPackage


class Method(StrEnum):
    """How drivers are brought in.

    ``AUTO`` stages all of them and enables those that the loader needs; the others do one of the two.
    """

    AUTO = "auto"
    STAGE = "stage"
    BOOT = "boot"


@dataclass(frozen=True, slots=True)
class InjectionOptions:
    """How it is done.

    Attributes:
        method: see there.
        keeps_drivers: leave the folders of the drivers when Windows has installed them.
        force: overwrite the values of services that are there already.
        at_first_start: a step of its first start (``firststart``) installs the staged drivers, not the pass specialize
            of its setup; the caller puts :func:`~osdimage.imaging.drivers.injection.script.driver_step` there.
        allows_modified: bring in drivers whose files are not those that their catalogs vouch for, and warn of them.
        allows_unsigned: do not warn of drivers without a catalog.
    """

    method: Method = Method.AUTO
    keeps_drivers: bool = False
    force: bool = False
    at_first_start: bool = False
    allows_modified: bool = False
    allows_unsigned: bool = False


@dataclass(frozen=True, slots=True)
class WantedDriver:
    """A driver that is to be brought in.

    Attributes:
        package: it.
        devices: names of the devices that it was chosen for; none when it was simply named.
        boot_model: the device whose driver the loader must have, or None.
    """

    package: DriverPackage
    devices: tuple[str, ...] = ()
    boot_model: Model | None = None


@dataclass(frozen=True, slots=True)
class InjectionPlan:
    """What will be done.

    Attributes:
        windows: it.
        options: how.
        wanted: the drivers, in the order of ``drivers``.
        drivers: in their folders; none when they are not staged.
        enabled: what enables those that the loader needs.
        first_start: what installs the staged ones; None when none is staged.
        changes: all that is written.
        warnings: sentences for people.
    """

    windows: OfflineWindows
    options: InjectionOptions
    wanted: tuple[WantedDriver, ...]
    drivers: tuple[StagedDriver, ...]
    enabled: tuple[BootEnabling, ...]
    first_start: FirstStart | None
    changes: Changes
    warnings: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether all of it is there already."""
        return self.changes.is_empty
