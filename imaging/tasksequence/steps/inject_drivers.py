"""Inject Drivers, of MDT: drivers of a selection profile and of groups go into the Windows.

The catalog has no selection profiles: a profile is the category of its name, and so is each group (``DriverGroup001``
and so on); what is in either is taken.  ``All Drivers`` and ``Everything`` are all categories, ``Nothing`` is none.

MDT's templates have the step twice: before Install Operating System, where it only chooses, and as ``ZTIDrivers.wsf``
after it, where what was chosen is brought in.  What is chosen before there is a Windows is noted here, and goes in with
the operating system; the step after it then finds it there.

Source: "DriverSelectionProfile", "DriverGroup" and "DriverInjectionMode" in the property reference of MDT; "Configure
Task Sequences to Deploy Device Drivers in Selection Profiles", that profiles and groups are added up.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, replace

from osdimage.imaging.drivers.offline.windows import OfflineWindows
from osdimage.imaging.errors import Means
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, optional
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    RunIn,
    StepClass,
    VariableInfo,
)
from osdimage.imaging.tasksequence.steps.auto_apply_drivers import choose_of_catalog, refuse_without_devices
from osdimage.imaging.tasksequence.steps.driver_choice import Choice, choose_all
from osdimage.imaging.tasksequence.steps.driver_injection import Chooser, bring_in, devices_of, foretell
from osdimage.imaging.tasksequence.steps.driver_sources import catalog_path, drivers_in, open_drivers

_AUTO, _ALL = "AUTO", "ALL"
_EVERYTHING = frozenset({"all drivers", "everything"})
_NOTHING = "nothing"
_PROFILE, _MODE = "DriverSelectionProfile", "DriverInjectionMode"
_MOST_GROUPS = 999
_NOTED, _IN = "_OSDImageDriversNoted", "_OSDImageDriversIn"
"""What a step has chosen before there was a Windows, and that it went in with that."""
_THERE = "the drivers that were chosen before went in with the operating system"

VARIABLES: tuple[VariableInfo, ...] = (
    optional(
        _PROFILE,
        "a category of the catalog; All Drivers or Everything: all of them; Nothing: none",
        default="All Drivers",
        source="MDT",
    ),
    optional(
        _MODE,
        "AUTO: the drivers that fit a device of the computer; ALL: all of the profile and the groups",
        default=_AUTO,
        choices=(_AUTO, _ALL),
        source="MDT",
    ),
    optional("DriverGroup001", "another category, and so on with DriverGroup002; Nothing: none", source="MDT"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a step asks for.

    Attributes:
        categories: of the catalog; none for all of them.
        takes_all: whether all drivers in them go in, whatever the devices.
        is_nothing: whether no driver is asked for.
    """

    categories: tuple[str, ...]
    takes_all: bool
    is_nothing: bool = False


@action(VARIABLES)
def inject_drivers(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Bring drivers of a selection profile and of groups into the Windows that was applied, or note them for it.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong or a category is not there, INVALID_DATA when a driver or
            the Windows is damaged, or another code when the volume or the catalog cannot be read or written.
    """
    wish = _wish(env)
    if machine.system is None:
        return ActionResult(HResult.S_OK, _note(env, wish), outputs=(_NOTED,))
    if _is_in(env):
        return ActionResult(HResult.S_OK, _THERE)
    return bring_in(machine, events, _chooser(machine, wish))


@forecast
def forecast_inject_drivers(env: Environment, machine: Machine) -> Forecast:
    """Tell which drivers :func:`inject_drivers` would bring in, and why each."""
    wish = _wish(env)
    if machine.system is None:
        return Forecast(_note(env, wish))
    return Forecast(_THERE) if _is_in(env) else foretell(machine, _chooser(machine, wish))


def bring_in_noted(env: Environment, machine: Machine, events: Events, applied: ActionResult) -> ActionResult:
    """Bring in what was noted before there was a Windows; return the result of its installation with that.

    Raises:
        OsdImageError: as :func:`inject_drivers`.
    """
    wish = _noted(env)
    if wish is None:
        return applied
    result = bring_in(machine, events, _chooser(machine, wish))
    env.set_read_only(_IN, "true")
    return replace(
        applied,
        message=f"{applied.message}; {result.message}",
        warnings=(*applied.warnings, *result.warnings),
        outputs=(*applied.outputs, _IN),
    )


def foretell_noted(env: Environment, machine: Machine, told: Forecast) -> Forecast:
    """Tell the same of what :func:`bring_in_noted` would bring in.

    Raises:
        OsdImageError: as :func:`inject_drivers`.
    """
    wish = _noted(env)
    if wish is None:
        return told
    more = foretell(machine, _chooser(machine, wish))
    env.set_read_only(_IN, "true")
    return replace(
        told,
        does=f"{told.does}; {more.does}",
        warnings=(*told.warnings, *more.warnings),
        details=(*told.details, *more.details),
        serves=more.serves,
        lacks=more.lacks,
    )


def _note(env: Environment, wish: Wish) -> str:
    env.set_read_only(_NOTED, json.dumps([wish.takes_all, wish.is_nothing, *wish.categories]))
    return f"choose {_said(wish)}, which go in with the operating system"


def _said(wish: Wish) -> str:
    if wish.is_nothing:
        return "no drivers"
    which = f"drivers of {' and '.join(wish.categories)}" if wish.categories else "drivers of the catalog"
    return f"all {which}" if wish.takes_all else f"the {which} that fit a device"


def _noted(env: Environment) -> Wish | None:
    text = env.get(_NOTED)
    if text is None:
        return None
    takes_all, is_nothing, *categories = json.loads(text)
    return Wish(tuple(categories), takes_all=takes_all, is_nothing=is_nothing)


def _is_in(env: Environment) -> bool:
    """Tell whether a step without settings of its own has nothing left to bring in."""
    return env.get(_IN) is not None and not any(env.properties.get(name) for name in (_PROFILE, _MODE))


def _chooser(machine: Machine, wish: Wish) -> Chooser:
    def choose(stack: ExitStack, windows: OfflineWindows) -> Choice:
        if wish.is_nothing:
            return Choice((), ())
        catalog = open_drivers(stack, machine, wish.categories)
        if not wish.takes_all:
            return choose_of_catalog(machine, catalog, windows.os, wish.categories)
        known = devices_of(machine, windows.os)
        choice = choose_all(drivers_in(catalog, wish.categories), known.devices, windows.os)
        return replace(choice, warnings=(*known.warnings, *choice.warnings))

    return choose


def _wish(env: Environment) -> Wish:
    inputs = Inputs(env, VARIABLES)
    names, takes_all = [inputs.text(_PROFILE) or ""], inputs.text(_MODE) == _ALL
    inputs.finish()
    for number in range(1, _MOST_GROUPS + 1):
        group = env.text(f"DriverGroup{number:03}")
        if group is None:
            break
        names.append(group)
    if any(each.lower() in _EVERYTHING for each in names):
        return Wish((), takes_all=takes_all)
    categories = tuple(each for each in names if each.lower() != _NOTHING)
    return Wish(categories, takes_all=takes_all, is_nothing=not categories)


def _refuse(env: Environment, machine: Machine) -> str | None:
    wish = _wish(env)
    if wish.is_nothing or _is_in(env):
        return None
    if not wish.takes_all:
        return refuse_without_devices(env, machine)
    return None if catalog_path(machine).exists() else f"there is no catalog of drivers: {catalog_path(machine)}"


INFO = ActionInfo(
    type_name="BDD_InjectDrivers",
    title="Inject Drivers",
    run=inject_drivers,
    forecast=forecast_inject_drivers,
    other_types=("ZTIDrivers", "PSDDrivers"),
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
    step_class=StepClass.WINDOWS,
    needs=(Means.DEVICES, Means.DRIVER_CATALOG),
    refuses=_refuse,
)
