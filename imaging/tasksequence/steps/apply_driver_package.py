"""Apply Driver Package: all drivers of a package that are for the Windows go into it.

The package is a folder, a disc or an archive with drivers, or a package of the catalog.  Each INF below it that is for
the Windows is taken, whatever the devices of the computer; ``Recurse`` makes no difference, since which of them the
package lists only its site knows.

Before Windows Vista, four variables name a driver of disks in a ``txtsetup.oem`` of the package; all of them or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from osdimage.imaging.drivers.injection.choose import not_enabled
from osdimage.imaging.drivers.offline.boot_driver import BootDriver, oem_boot_driver
from osdimage.imaging.drivers.offline.txtsetup import FILE_NAME, read_txtsetup
from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.drivers.supplied.opened import Supply
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import ActionFailed, InvalidRequest, quoted
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, RunIn, VariableInfo
from osdimage.imaging.tasksequence.steps.driver_choice import UNSIGNED, Choice, choose_all
from osdimage.imaging.tasksequence.steps.driver_injection import Chooser, bring_in, devices_of, foretell
from osdimage.imaging.tasksequence.steps.driver_sources import drivers_of_package, supply_of

_CRITICAL = (
    "OSDApplyDriverBootCriticalContentUniqueID",
    "OSDApplyDriverBootCriticalINFFile",
    "OSDApplyDriverBootCriticalHardwareComponent",
    "OSDApplyDriverBootCriticalID",
)
_FIRST_WITHOUT = (6, 0)
_COMMAND = re.compile(r"/install:\"?([A-Za-z0-9{}_.-]+)", re.IGNORECASE)

VARIABLES: tuple[VariableInfo, ...] = (
    optional("DriverPackageID", "the ID of the driver package", is_property=True, source="SDK"),
    optional("OSDApplyDriverPackageID", "the same, as exports have it; the command line's /install: counts without it"),
    boolean("OSDRecurse", "not used: all drivers below the package are taken", source="CB"),
    optional("OSDInstallDriversAdditionalOptions", "not used: options of DISM", source="CB"),
    UNSIGNED,
    optional(_CRITICAL[0], "before Vista: the content with a driver of disks; with the three others, or none of them"),
    optional(_CRITICAL[1], f"before Vista: the {FILE_NAME} of that driver, or an INF beside it"),
    optional(_CRITICAL[2], "before Vista: scsi", choices=("scsi",)),
    optional(_CRITICAL[3], f"before Vista: the key of that driver in the section scsi of {FILE_NAME}"),
)


@action(VARIABLES)
def apply_driver_package(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Bring the drivers of a package into the Windows that was applied.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong, the package was not mapped, or its ``txtsetup.oem`` does
            not have the driver that the variables name; INVALID_DATA when there is no driver for the Windows in it, or
            one is damaged; or another code when something cannot be read or written.
    """
    return bring_in(machine, events, _chooser(env, machine))


@forecast
def forecast_apply_driver_package(env: Environment, machine: Machine) -> Forecast:
    """Tell which drivers :func:`apply_driver_package` would bring in."""
    package = _package(env)
    if package is not None and machine.driver_package(package) is None:
        try:
            machine.package(package)
        except InvalidRequest as error:
            return Forecast(does="fails", problems=(error.said,), unmapped=(package,))
    return foretell(machine, _chooser(env, machine))


def _package(env: Environment) -> str | None:
    command = _COMMAND.search(env.properties.get("CommandLine") or "")
    named = env.text("OSDApplyDriverPackageID") or env.properties.get("DriverPackageID")
    return named or (None if command is None else command[1])


def _packages(env: Environment) -> Iterator[str]:
    package = _package(env)
    if package is not None:
        yield package


def _chooser(env: Environment, machine: Machine) -> Chooser:
    inputs = Inputs(env, VARIABLES)
    package = _package(env)
    allows_unsigned = inputs.boolean("OSDAllowUnsignedDriver") is True
    critical = tuple(inputs.text(name) for name in _CRITICAL)
    if package is None:
        inputs.problems.append("DriverPackageID is missing; valid: the ID of the driver package")
    missing = [name for name in _CRITICAL if env.text(name) is None]
    if 0 < len(missing) < len(_CRITICAL):
        inputs.problems.append(f"{' and '.join(missing)} missing; valid: all four of {_CRITICAL[0]} and so on, or none")
    inputs.finish()
    wanted = None if missing else (critical[0] or "", critical[3] or "")

    def choose(stack: ExitStack, windows: OfflineWindows) -> Choice:
        packages = drivers_of_package(stack, machine, package or "")
        known = devices_of(machine, windows.os)
        choice = choose_all(packages, known.devices, windows.os)
        choice = replace(choice, warnings=(*known.warnings, *choice.warnings), allows_unsigned=allows_unsigned)
        if wanted is None:
            unneeded = () if known.devices else not_enabled((each.package for each in choice.wanted), windows.os)
            return replace(choice, warnings=(*choice.warnings, *unneeded))
        if windows.os.version >= _FIRST_WITHOUT:
            text = f"{_CRITICAL[3]} and the three with it are for Windows before Vista, and not used"
            return replace(choice, warnings=(*choice.warnings, text))
        driver = _critical_driver(supply_of(stack, machine, package or ""), windows.os, *wanted)
        return replace(choice, loaders=(driver,))

    return choose


def _critical_driver(supply: Supply, os: TargetOs, content: str, component: str) -> BootDriver:
    """Return the driver of disks that the variables name.

    Raises:
        ActionFailed: E_INVALIDARG when there is none in the package.
    """
    found = [each.path for each in supply.files.walk(supply.folder) if each.name.lower() == FILE_NAME]
    # The content is a folder of the package where the site has made one for each.
    inside = [path for path in found if content.lower() in path.lower().split("/")]
    for path in inside or found:
        setup = read_txtsetup(supply.files.read(path), name=f"{supply.name}: {path}")
        known = setup.component(component)
        if known is not None:
            return oem_boot_driver(setup, known, os, supply.files, path.rpartition("/")[0])
    where = ", ".join(found) or f"there is no {FILE_NAME}"
    raise ActionFailed(
        HResult.E_INVALIDARG,
        f"{_CRITICAL[3]}={component}: no {FILE_NAME} of {supply.name} has {quoted(component)} in its section scsi: "
        f"{where}",
    )


INFO = ActionInfo(
    type_name="SMS_TaskSequence_ApplyDriverPackageAction",
    title="Apply Driver Package",
    run=apply_driver_package,
    forecast=forecast_apply_driver_package,
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
    more_packages=_packages,
)
