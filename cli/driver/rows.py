"""How the commands that look into driver packages tell of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osdimage.imaging.drivers.checking.package import CheckedDriver
    from osdimage.imaging.drivers.shown import ShownDriver

_WIDTH = 11


def heading(driver: ShownDriver | CheckedDriver) -> str:
    """Return what stands above all that is told of a package."""
    version = ", ".join(filter(None, (driver.date, driver.driver_version))) or "no version"
    return f"{driver.path}: {driver.class_name or 'no class'}, {driver.provider or 'no provider'}, {version}"


def row(name: str, value: str) -> str:
    """Return a line below that; without a name it belongs to the one above."""
    return f"  {name + ':' if name else '':<{_WIDTH}} {value}"
