"""Apply Windows Settings.

The settings are written into the answer file that Apply Operating System put into the volume, and replace what it says.
Settings that Windows of that age does not know are left out, with a warning.

Languages and region are those of the component International-Core, by the names that it has for them; what they say
replaces what the answer file says ("Apply Windows Settings" of Configuration Manager current branch).

With ``OSDRandomAdminPassword`` the local Administrator gets a password that nobody knows, and is disabled; otherwise
the account is enabled with ``OSDLocalAdminPassword``.
"""

from __future__ import annotations

import re
import secrets

from osdimage.imaging.answers.settings import LicenseMode, Locales, WindowsSettings, is_computer_name
from osdimage.imaging.answers.time_zones import canonical
from osdimage.imaging.answers.unattend import obfuscated
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional, required
from osdimage.imaging.tasksequence.result import ActionInfo, ActionResult, Events, Forecast, RunIn, VariableInfo
from osdimage.imaging.tasksequence.steps.answer_files import change_answer_file, rehearse_change

_DEFAULT_NAME = "%_SMSTSMachineName%"
_LOCALE = "OSDWindowsSettings"
_REGION = "a language and its region, such as en-US"

VARIABLES: tuple[VariableInfo, ...] = (
    optional(
        "OSDComputerName",
        "the name of the computer: letters, digits and - without blanks, not digits alone",
        default=_DEFAULT_NAME,
        max_length=15,
        source="CM07; length: NetBIOS",
    ),
    optional("OSDProductKey", "the product key", max_length=255),
    required("OSDRegisteredUserName", "the registered user", max_length=255),
    required("OSDRegisteredOrgName", "the registered organization", max_length=255),
    required("OSDTimeZone", "the English name of a time zone in Windows, such as W. Europe Standard Time"),
    optional(
        "OSDServerLicenseMode", "PerSeat or PerServer (before Windows Server 2008)", choices=("PerSeat", "PerServer")
    ),
    optional("OSDServerLicenseConnectionLimit", "connections; needed with PerServer", numbers=(5, 9999)),
    boolean("OSDRandomAdminPassword", "disable the local Administrator with a random password", default=True),
    optional("OSDLocalAdminPassword", "needed when OSDRandomAdminPassword is false", max_length=255),
    optional(_LOCALE + "InputLocale", f"{_REGION}, or 0409:00010409; several with ; between", source="CB"),
    optional(_LOCALE + "SystemLocale", f"{_REGION}: for programs without Unicode", source="CB"),
    optional(_LOCALE + "UILanguage", f"{_REGION}: of the user interface", source="CB"),
    optional(_LOCALE + "UILanguageFallback", f"{_REGION}: for what is not translated", source="CB"),
    optional(_LOCALE + "UserLocale", f"{_REGION}: for dates, times and numbers", source="CB"),
)

_RANDOM_BYTES = 24
# The unattend reference, International-Core: names of RFC 3066, in Windows also es-ES_tradnl; and for InputLocale a
# language and its keyboard as hexadecimal numbers, in whose place an input method has two GUIDs.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}(?:_[A-Za-z0-9]{1,8})?", re.ASCII)
_KEYBOARD = re.compile(r"[0-9A-Fa-f]{4}:(?:[0-9A-Fa-f]{8}|(?:\{[0-9A-Fa-f-]{36}\}){2})", re.ASCII)


@action(VARIABLES)
def apply_windows_settings(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Write settings of Windows into the answer file of the Windows that was applied.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong or no Windows was applied, or another code when the volume
            cannot be read or written.
    """
    settings = _settings(env)
    path, unplaced = change_answer_file(env, machine, events, lambda answers: answers.set_windows(settings))
    return ActionResult(HResult.S_OK, f"wrote settings of Windows to {path}", warnings=unplaced)


@forecast
def forecast_apply_windows_settings(env: Environment, machine: Machine) -> Forecast:
    """Tell whether the settings can be written."""
    settings = _settings(env)
    rehearse_change(machine, lambda answers: answers.set_windows(settings))
    return Forecast("write settings of Windows to the answer file")


def _settings(env: Environment) -> WindowsSettings:
    inputs = Inputs(env, VARIABLES)
    is_random = inputs.boolean("OSDRandomAdminPassword") is not False
    password = None if is_random else inputs.text("OSDLocalAdminPassword")
    if not is_random and password is None and not any("OSDLocalAdminPassword" in each for each in inputs.problems):
        inputs.problems.append("OSDLocalAdminPassword is missing; OSDRandomAdminPassword=false needs it")
    mode = inputs.parsed("OSDServerLicenseMode", LicenseMode)
    limit = inputs.number("OSDServerLicenseConnectionLimit")
    if mode is LicenseMode.PER_SERVER and env.text("OSDServerLicenseConnectionLimit") is None:
        inputs.problems.append("OSDServerLicenseConnectionLimit is missing; OSDServerLicenseMode=PerServer needs it")
    settings = WindowsSettings(
        computer_name=_computer_name(env, inputs),
        product_key=inputs.text("OSDProductKey"),
        registered_user=inputs.text("OSDRegisteredUserName"),
        registered_organization=inputs.text("OSDRegisteredOrgName"),
        time_zone=inputs.parsed("OSDTimeZone", canonical),
        license_mode=mode,
        license_connections=limit,
        admin_password=secrets.token_urlsafe(_RANDOM_BYTES) if is_random else password,
        admin_enabled=not is_random,
        locales=Locales(
            input_locale=inputs.parsed(_LOCALE + "InputLocale", keyboards),
            system_locale=inputs.parsed(_LOCALE + "SystemLocale", language),
            ui_language=inputs.parsed(_LOCALE + "UILanguage", language),
            ui_language_fallback=inputs.parsed(_LOCALE + "UILanguageFallback", language),
            user_locale=inputs.parsed(_LOCALE + "UserLocale", language),
        ),
    )
    inputs.finish()
    if settings.admin_password is not None:
        env.keep_secret(settings.admin_password)
        env.keep_secret(obfuscated(settings.admin_password))
    return settings


def language(text: str) -> str:
    """Read the name of a language; ValueError when it is none that Windows could have."""
    if _LANGUAGE.fullmatch(text) is None:
        raise ValueError
    return text


def keyboards(text: str) -> str:
    """Read languages with keyboards; ValueError when there is none, or Windows could have no such one."""
    items = [item.strip() for item in text.split(";") if item.strip()]
    if not items or not all(_KEYBOARD.fullmatch(item) or _LANGUAGE.fullmatch(item) for item in items):
        raise ValueError
    return ";".join(items)


def _computer_name(env: Environment, inputs: Inputs) -> str | None:
    """Return the name; ``*``, which lets Windows make one up, when nobody knows one.

    The editor writes the default into the step, so that it is the same as no variable.
    """
    asked = env.text("OSDComputerName") or ""
    if asked.lower() in {"", _DEFAULT_NAME.lower()} and not env.text("_SMSTSMachineName"):
        return "*"

    return inputs.parsed("OSDComputerName", computer_name)


def computer_name(text: str) -> str:
    """Read the name of a computer; ValueError when no computer can be called so."""
    if not is_computer_name(text):
        raise ValueError
    return text


INFO = ActionInfo(
    type_name="SMS_TaskSequence_ApplyWindowsSettingsAction",
    title="Apply Windows Settings",
    run=apply_windows_settings,
    forecast=forecast_apply_windows_settings,
    variables=VARIABLES,
    runs_in=RunIn.WINPE,
)
