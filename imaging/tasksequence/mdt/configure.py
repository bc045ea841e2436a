"""Configure (ZTIConfigure): variables of MDT go into the answer file of the Windows that the sequence deploys.

MDT's templates have the step twice: before Install Operating System, where it changes the answer file of the task
sequence, and after it, where it changes that of the Windows.  What is told before there is a Windows goes in with the
operating system here.

PSD, which takes MDT's place, has it once, as the last step before the restart into the new Windows.

Source: ZTIConfigure.xml of MDT 8456 (which variable is which setting), as FriendsOfMDT/PSD carries it.  Chosen here:
the password of the Administrator is written as Windows System Image Manager writes it, nobody is logged on by itself,
and settings of the screen, the telephone and the start page of the browser, which MDT takes too, are left out with a
warning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from osdimage.imaging.answers.settings import Locales, Membership, WindowsSettings
from osdimage.imaging.answers.time_zones import canonical
from osdimage.imaging.answers.unattend import obfuscated
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, optional, output
from osdimage.imaging.tasksequence.judging.facts import PHASES
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, RunIn, VariableInfo
from osdimage.imaging.tasksequence.steps.answer_files import AnswerFile, change_answer_file, rehearse_change
from osdimage.imaging.tasksequence.steps.apply_windows import computer_name, keyboards, language
from osdimage.imaging.tasksequence.steps.membership import described, domain_name, unit_name, workgroup_name

VARIABLES: tuple[VariableInfo, ...] = (
    optional("OSDComputerName", "the name of the computer", max_length=15, source="MDT; length: NetBIOS"),
    optional("FullName", "the registered user", max_length=255, source="MDT"),
    optional("OrgName", "the registered organization", max_length=255, source="MDT"),
    optional("ProductKey", "the product key", max_length=255, source="MDT"),
    optional("OverrideProductKey", "a product key that counts in its place", max_length=255, source="MDT"),
    optional("AdminPassword", "of the local Administrator, who is enabled then", max_length=255, source="MDT"),
    optional("JoinDomain", "the domain to join; it counts before a workgroup", max_length=255, source="MDT"),
    optional("MachineObjectOU", "the unit in the domain, such as OU=A,DC=B", max_length=32767, source="MDT"),
    optional("DomainAdmin", "who may join computers to the domain", source="MDT"),
    optional("DomainAdminDomain", "the domain of that account", source="MDT"),
    optional("DomainAdminPassword", "of that account", source="MDT"),
    optional("JoinWorkgroup", "the workgroup to join", max_length=32, source="MDT"),
    optional("TimeZoneName", "the name of a time zone, such as W. Europe Standard Time", source="MDT"),
    optional("KeyboardLocale", "languages with keyboards, such as de-DE or 0407:00000407", source="MDT"),
    optional("UserLocale", "the language of dates, numbers and programs without Unicode, such as de-DE", source="MDT"),
    optional("UILanguage", "the language of the user interface, such as en-US", source="MDT"),
)
PSD_VARIABLES: tuple[VariableInfo, ...] = (
    *VARIABLES,
    output("PHASE", "STATERESTORE: what follows is of the new Windows", source="PSD"),
)
_UNPLACED = (
    "Home_Page", "BitsPerPel", "Xresolution", "Yresolution", "Vrefresh", "AreaCode", "CountryCode",
    "LongDistanceAccess",
)  # fmt: skip
_NOTED, _IN = "_OSDImageConfigured", "_OSDImageConfiguredIn"
"""That a step told the settings before there was a Windows, and that they went in with it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What goes into the answer file.

    Attributes:
        windows: settings of Windows.
        membership: the domain or the workgroup, or None.
        warnings: sentences about what is left out.
    """

    windows: WindowsSettings
    membership: Membership | None
    warnings: tuple[str, ...]

    @property
    def change(self) -> Callable[[AnswerFile], list[str]]:
        """What writes it down."""

        def change(answers: AnswerFile) -> list[str]:
            unplaced = answers.set_windows(self.windows)
            if self.membership is not None:
                answers.set_membership(self.membership)
            return unplaced

        return change

    @property
    def said(self) -> str:
        """It in words, without a secret."""
        joined = "" if self.membership is None else f" and {described(self.membership)}"
        return f"settings of Windows{joined}"


@action(VARIABLES)
def configure_windows(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Write variables of MDT into the answer file of the Windows that was applied, or keep in mind to do so with it.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong, or another code when the volume cannot be read or written.
    """
    wish = _wish(env)
    if machine.system is None:
        return ActionResult(HResult.S_OK, _note(env, wish), outputs=(_NOTED,), warnings=wish.warnings)
    path, unplaced = change_answer_file(env, machine, events, wish.change)
    return ActionResult(HResult.S_OK, f"wrote {wish.said} to {path}", warnings=(*wish.warnings, *unplaced))


@forecast
def forecast_configure_windows(env: Environment, machine: Machine) -> Forecast:
    """Tell whether the settings can be written."""
    wish = _wish(env)
    if machine.system is None:
        return Forecast(_note(env, wish), warnings=wish.warnings)
    unplaced = rehearse_change(machine, wish.change)
    return Forecast(f"write {wish.said} to the answer file", warnings=(*wish.warnings, *unplaced))


def configure_noted(env: Environment, machine: Machine, events: Events, applied: ActionResult) -> ActionResult:
    """Write what was told before there was a Windows; return the result of its installation with that.

    Raises:
        OsdImageError: as :func:`configure_windows`.
    """
    if env.get(_NOTED) is None:
        return applied
    wish = _wish(env)
    path, unplaced = change_answer_file(env, machine, events, wish.change)
    env.set_read_only(_IN, "true")
    return replace(
        applied,
        message=f"{applied.message}; wrote {wish.said} to {path}",
        warnings=(*applied.warnings, *unplaced),
        outputs=(*applied.outputs, _IN),
    )


def foretell_noted_settings(env: Environment, machine: Machine, told: Forecast) -> Forecast:
    """Tell the same of what :func:`configure_noted` would write.

    Raises:
        OsdImageError: as :func:`configure_windows`.
    """
    if env.get(_NOTED) is None:
        return told
    wish = _wish(env)
    unplaced = rehearse_change(machine, wish.change)
    env.set_read_only(_IN, "true")
    return replace(told, does=f"{told.does}; write {wish.said} to it", warnings=(*told.warnings, *unplaced))


def _note(env: Environment, wish: Wish) -> str:
    env.set_read_only(_NOTED, "true")
    return f"{wish.said}, which go in with the operating system"


def _wish(env: Environment) -> Wish:
    inputs = Inputs(env, VARIABLES)
    password = inputs.text("AdminPassword")
    user = inputs.parsed("UserLocale", language)
    windows = WindowsSettings(
        computer_name=inputs.parsed("OSDComputerName", computer_name),
        product_key=inputs.text("OverrideProductKey") or inputs.text("ProductKey"),
        registered_user=inputs.text("FullName"),
        registered_organization=inputs.text("OrgName"),
        time_zone=inputs.parsed("TimeZoneName", canonical),
        admin_password=password,
        admin_enabled=None if password is None else True,
        locales=Locales(
            input_locale=inputs.parsed("KeyboardLocale", keyboards),
            system_locale=user,
            ui_language=inputs.parsed("UILanguage", language),
            user_locale=user,
        ),
    )
    membership = _membership(inputs)
    inputs.finish()
    if password is not None:
        env.keep_secret(obfuscated(password))
    left = [name for name in _UNPLACED if env.text(name)]
    warnings = (f"left out of the answer file: {', '.join(left)}",) if left else ()
    return Wish(windows, membership, warnings)


def _membership(inputs: Inputs) -> Membership | None:
    domain, workgroup = inputs.parsed("JoinDomain", domain_name), inputs.parsed("JoinWorkgroup", workgroup_name)
    if domain is None:
        return None if workgroup is None else Membership(workgroup=workgroup)
    account, above = inputs.text("DomainAdmin"), inputs.text("DomainAdminDomain")
    return Membership(
        domain=domain,
        organizational_unit=inputs.parsed("MachineObjectOU", unit_name),
        account=f"{above}\\{account}" if account and above and not {"\\", "@"} & set(account) else account,
        password=inputs.text("DomainAdminPassword"),
    )


@action(PSD_VARIABLES)
def configure_for_start(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Do what :func:`configure_windows` does, as the last step before the new Windows starts.

    Raises:
        ActionFailed: as :func:`configure_windows`.
    """
    result = configure_windows(env, machine, events)
    return replace(result, outputs=(*result.outputs, *_end_installation(env, machine)))


@forecast
def forecast_configure_for_start(env: Environment, machine: Machine) -> Forecast:
    """Tell the same of :func:`configure_for_start`."""
    told = forecast_configure_windows(env, machine)
    _end_installation(env, machine)
    return told


def _end_installation(env: Environment, machine: Machine) -> tuple[str, ...]:
    """Let the next restart be that into the new Windows: sequences of PSD have no step Next Phase."""
    if machine.system is None:
        return ()
    env["PHASE"] = PHASES[-1]
    return ("PHASE",)


INFOS: tuple[ActionInfo, ...] = (
    ActionInfo(
        type_name="ZTIConfigure",
        title="Configure",
        run=configure_windows,
        forecast=forecast_configure_windows,
        variables=VARIABLES,
        runs_in=RunIn.WINPE,
    ),
    ActionInfo(
        type_name="PSDConfigure",
        title="Configure (PSD)",
        run=configure_for_start,
        forecast=forecast_configure_for_start,
        variables=PSD_VARIABLES,
        runs_in=RunIn.WINPE,
    ),
)
