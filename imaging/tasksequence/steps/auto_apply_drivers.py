"""Auto Apply Drivers: the drivers of the catalog that fit the devices of the computer go into the Windows.

Taken are enabled drivers of the categories that ``OSDAutoApplyDriverCategoryList`` names, of all without it; several
categories are one or the other.  The devices of the computer are those that the caller told, for nothing here can ask
it: without them the step cannot be run.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.drivers.ranking.match import match_drivers
from osdimage.imaging.drivers.store.addresses import package_of
from osdimage.imaging.drivers.store.catalog import DriverCatalog
from osdimage.imaging.drivers.store.index import CatalogIndex
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import Means
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    RunIn,
    StepClass,
    VariableInfo,
)
from osdimage.imaging.tasksequence.steps.driver_choice import UNSIGNED, Choice, choose_by_devices
from osdimage.imaging.tasksequence.steps.driver_injection import Chooser, bring_in, devices_of, foretell
from osdimage.imaging.tasksequence.steps.driver_sources import catalog_path, open_drivers

VARIABLES: tuple[VariableInfo, ...] = (
    optional(
        "OSDAutoApplyDriverCategoryList",
        "names of categories of the catalog, separated by , or ;: drivers of any of them; without it, of all",
    ),
    boolean(
        "OSDAutoApplyDriverBestMatch",
        "the best driver of each device; false: all that fit it, among which Windows chooses",
        default=True,
    ),
    UNSIGNED,
)


@action(VARIABLES)
def auto_apply_drivers(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Bring drivers of the catalog that fit the devices of the computer into the Windows that was applied.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong or a category is not there, INVALID_DATA when a driver or
            the Windows is damaged, or another code when the volume or the catalog cannot be read or written.
    """
    return bring_in(machine, events, _chooser(env, machine))


@forecast
def forecast_auto_apply_drivers(env: Environment, machine: Machine) -> Forecast:
    """Tell which drivers :func:`auto_apply_drivers` would bring in, and why each."""
    return foretell(machine, _chooser(env, machine))


def _chooser(env: Environment, machine: Machine) -> Chooser:
    inputs = Inputs(env, VARIABLES)
    wanted = inputs.parsed("OSDAutoApplyDriverCategoryList", category_list) or ()
    is_best_match = inputs.boolean("OSDAutoApplyDriverBestMatch") is not False
    allows_unsigned = inputs.boolean("OSDAllowUnsignedDriver") is True
    inputs.finish()

    def choose(stack: ExitStack, windows: OfflineWindows) -> Choice:
        catalog = open_drivers(stack, machine, wanted)
        choice = choose_of_catalog(machine, catalog, windows.os, wanted, is_best_match=is_best_match)
        return replace(choice, allows_unsigned=allows_unsigned)

    return choose


def choose_of_catalog(
    machine: Machine, catalog: DriverCatalog, os: TargetOs, wanted: tuple[str, ...], *, is_best_match: bool = True
) -> Choice:
    """Choose drivers of categories, of all without any, by the devices of the computer; no INF is read for that.

    Raises:
        OsdImageError: when the catalog, a listing of devices or a driver cannot be read.
    """
    index, known = CatalogIndex(catalog, os, categories=wanted or None), devices_of(machine, os)
    matching = match_drivers(index, known.devices, os)
    choice = choose_by_devices(matching, lambda facts: package_of(catalog, facts.name), is_best_match=is_best_match)
    return replace(choice, warnings=(*known.warnings, *choice.warnings))


def category_list(text: str) -> tuple[str, ...]:
    """Return the names of categories of a list; ValueError when there is none in it."""
    found = tuple(each.strip() for each in text.replace(";", ",").split(",") if each.strip())
    if not found:
        raise ValueError
    return found


def refuse_without_devices(env: Environment, machine: Machine) -> str | None:
    """Return why drivers cannot be chosen by devices on a machine, or None when they can."""
    del env
    if not machine.devices:
        return "drivers are chosen by the devices of the computer, and nothing tells which these are"
    if not catalog_path(machine).exists():
        return f"drivers are chosen from a catalog, and there is none: {catalog_path(machine)}"
    return None


INFO = ActionInfo(
    type_name="SMS_TaskSequence_AutoApplyAction",
    title="Auto Apply Drivers",
    run=auto_apply_drivers,
    forecast=forecast_auto_apply_drivers,
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
    step_class=StepClass.SITE,
    needs=(Means.DEVICES, Means.DRIVER_CATALOG),
    refuses=refuse_without_devices,
)
