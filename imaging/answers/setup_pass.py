"""The pass windowsPE of an answer file, which Windows Setup carries out before it lays down the image.

Where the image is applied and no Setup runs before it, what this pass says of the Windows itself is written where its
own passes read it: product key, owner and organization for specialize, languages and region for its International
component.  What the disk is to be, others decide.  Commands of the pass would run in Windows PE, and are refused.

Sources: Microsoft, "Unattended Windows Setup Reference": Microsoft-Windows-Setup (``UserData``, ``ImageInstall``,
``DiskConfiguration``, ``RunSynchronous``, ``RunAsynchronous``), Microsoft-Windows-International-Core-WinPE.
"""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.answers.document import Name, Node
from osdimage.imaging.answers.settings import Locales, WindowsSettings
from osdimage.imaging.answers.unattend import SPECIALIZE, Unattend
from osdimage.imaging.answers.unattend_checks import NAMESPACE
from osdimage.imaging.answers.wording import listed, shown
from osdimage.imaging.errors import InvalidRequest

WINDOWS_PE = "windowsPE"
_SETUP, _INTERNATIONAL = "Microsoft-Windows-Setup", "Microsoft-Windows-International-Core-WinPE"
_SHELL, _CORE = "Microsoft-Windows-Shell-Setup", "Microsoft-Windows-International-Core"
_COMMANDS = ("RunSynchronous", "RunAsynchronous")
# What is written elsewhere, chooses the image, or is about Setup's own pages and logs.
_KNOWN = frozenset({
    "UserData", "ImageInstall", *_COMMANDS, "InputLocale", "SystemLocale", "UILanguage", "UILanguageFallback",
    "UserLocale", "SetupUILanguage", "Diagnostics", "Display", "EnableFirewall", "EnableNetwork", "LogPath", "Restart",
    "DynamicUpdate", "UseConfigurationSet", "Upgrade", "UpgradeData", "PageFile",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class WantedImage:
    """Which image an answer file asks for.

    Attributes:
        index: its number, or None.
        name: its name, or None.
    """

    index: str | None = None
    name: str | None = None


def wanted_image(answers: Unattend) -> WantedImage:
    """Return which image an answer file asks for (``ImageInstall/OSImage/InstallFrom/MetaData``)."""
    found: dict[str, str] = {}
    setup = answers.component(WINDOWS_PE, _SETUP)
    for each in () if setup is None else setup.walk():
        if each.name == _name("MetaData"):
            key, value = each.child(_name("Key")), each.child(_name("Value"))
            if key is not None and value is not None:
                found[key.text.strip().upper()] = value.text.strip()
    return WantedImage(found.get("/IMAGE/INDEX"), found.get("/IMAGE/NAME"))


def take_setup_pass(answers: Unattend) -> list[str]:
    """Write what the pass windowsPE says of Windows where Windows itself reads it, and take the pass out.

    What the other passes say stays.

    Returns:
        Sentences about what nothing carries out.

    Raises:
        InvalidRequest: when the pass has commands, or a value cannot be written.
    """
    setup = answers.component(WINDOWS_PE, _SETUP)
    if setup is not None and any(setup.child(_name(each)) is not None for each in _COMMANDS):
        raise InvalidRequest(
            "the answer file has commands of the pass windowsPE (RunSynchronous), which run in Windows PE alone; valid "
            "is a file without them"
        )
    left = _left_out(answers)
    user, locale = "UserData", answers.component(WINDOWS_PE, _INTERNATIONAL)
    answers.set_windows(
        WindowsSettings(
            product_key=_unless(answers, _SHELL, "ProductKey", setup, user, "ProductKey", "Key"),
            registered_user=_unless(answers, _SHELL, "RegisteredOwner", setup, user, "FullName"),
            registered_organization=_unless(answers, _SHELL, "RegisteredOrganization", setup, user, "Organization"),
            locales=Locales(
                input_locale=_unless(answers, _CORE, "InputLocale", locale, "InputLocale"),
                system_locale=_unless(answers, _CORE, "SystemLocale", locale, "SystemLocale"),
                ui_language=_unless(answers, _CORE, "UILanguage", locale, "UILanguage"),
                ui_language_fallback=_unless(answers, _CORE, "UILanguageFallback", locale, "UILanguageFallback"),
                user_locale=_unless(answers, _CORE, "UserLocale", locale, "UserLocale"),
            ),
        )
    )
    answers.drop_pass(WINDOWS_PE)
    return left


def _unless(answers: Unattend, component: str, setting: str, here: Node | None, *path: str) -> str | None:
    """Return a setting of the pass, or None where another pass has it already."""
    if answers.text(SPECIALIZE, component, setting):
        return None
    found = here
    for each in path:
        found = None if found is None else found.child(_name(each))
    return None if found is None else found.text.strip() or None


def _left_out(answers: Unattend) -> list[str]:
    found = dict.fromkeys(
        f"<{shown(setting.name.local)}>"
        for component in answers.components(WINDOWS_PE)
        for setting in component.children
        if setting.name.local not in _KNOWN
    )
    if not found:
        return []
    return [f"the pass windowsPE is for Windows Setup, which does not run here; not carried out: {listed(found)}"]


def _name(local: str) -> Name:
    return Name(NAMESPACE, local)
