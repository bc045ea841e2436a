r"""The language of the boot menu: that of the Windows that it starts.

Sources: Microsoft, "DISM Languages and International Servicing Command-Line Options" (``/Set-UILang`` and
``/Set-SysUILang``, which leave it in ``Control\MUI\Settings`` and ``Control\Nls\Language``); [MS-LCID] for the numbers.
"""

from __future__ import annotations

import locale
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from osdimage.imaging.boot.drives import SYSTEM_HIVE
from osdimage.imaging.boot.files import OS_LOADERS
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.beside import read_beside
from osdimage.imaging.registry.edits import find_key
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.units import MIB

DEFAULT_LOCALE = "en-US"
_LARGEST_HIVE = 512 * MIB
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})+")
_CONTROL = r"CurrentControlSet\Control"
# [MS-LCID]: what Python's table does not have, or has by older names.
_LCIDS = {0x0C04: "zh-HK", 0x241A: "sr-Latn-RS", 0x281A: "sr-Cyrl-RS"}


class LocaleSource(StrEnum):
    """Who says in which language the menu speaks."""

    ASKED = "asked"
    STORE = "store"
    REGISTRY = "registry"
    IMAGE = "image"
    ONLY = "only"
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class Locale:
    """A language, such as ``en-US``, and who says so."""

    name: str
    source: LocaleSource


def locale_of(source: FileSource, firmware: Firmware, *, wanted: str | None = None, told: str | None = None) -> Locale:
    r"""Return the language for the boot menu.

    It is ``wanted``; or else what the registry of Windows says, or the XML of its image, as far as its loader speaks
    that (``System32\de-DE\winload.efi.mui``); or the only language of the loader.  Of several, en-US is a guess.

    Args:
        source: the files of Windows.
        firmware: what starts it.
        wanted: what was asked for, or None.
        told: what the XML of the image says, or None.

    Raises:
        InvalidRequest: when ``wanted`` is no language.
        StorageError: when Windows cannot be read.
    """
    if wanted is not None:
        if not _LOCALE.fullmatch(wanted):
            raise InvalidRequest(f"{wanted!r} is no language; valid is one such as en-US or de-DE")
        return Locale(wanted, LocaleSource.ASKED)
    spoken = {name.lower(): name for name in _spoken(source, firmware)}
    for name in _of_registry(source):
        if found := spoken.get(name.lower()):
            return Locale(found, LocaleSource.REGISTRY)
    if told is not None and (found := spoken.get(told.lower())):
        return Locale(found, LocaleSource.IMAGE)
    if len(spoken) == 1:
        return Locale(next(iter(spoken.values())), LocaleSource.ONLY)
    return Locale(
        spoken.get(DEFAULT_LOCALE.lower()) or min(spoken.values(), default=DEFAULT_LOCALE), LocaleSource.GUESS
    )


def _spoken(source: FileSource, firmware: Firmware) -> Iterator[str]:
    folder, _, loader = OS_LOADERS[firmware].rpartition("/")
    if not source.exists(folder):
        return
    for each in source.list(folder):
        if each.is_directory and _LOCALE.fullmatch(each.name) and source.exists(f"{each.path}/{loader}.mui"):
            yield each.name


def _of_registry(source: FileSource) -> Iterator[str]:
    """Yield the languages that the registry names, the most certain first; none when there is none to be read."""
    facts = source.find(SYSTEM_HIVE)
    if facts is None or facts.is_link or facts.is_directory or facts.size > _LARGEST_HIVE:
        return
    try:
        hive = read_beside(source, SYSTEM_HIVE, limit=_LARGEST_HIVE, name=f"{source.name}: {SYSTEM_HIVE}")
    except InvalidInput:
        return
    settings = _key(hive, rf"{_CONTROL}\MUI\Settings")
    preferred = None if settings is None else settings.value("PreferredUILanguages")
    if preferred is not None:
        with suppress(InvalidInput):
            yield from preferred.as_strings()[:1]
    language = _key(hive, rf"{_CONTROL}\Nls\Language")
    installed = None if language is None else language.value("InstallLanguage")
    if installed is not None:
        with suppress(InvalidInput, ValueError):
            yield _name_of(int(installed.as_string(), 16))
    listed = _key(hive, rf"{_CONTROL}\MUI\UILanguages")
    if listed is not None and listed.subkey_count == 1:
        yield listed.subkeys[0].name


def _key(hive: Hive, path: str) -> Key | None:
    try:
        return find_key(hive, path, r"HKEY_LOCAL_MACHINE\SYSTEM")
    except (InvalidRequest, InvalidInput):
        return None


def _name_of(number: int) -> str:
    """Return the name of a language by its number; empty for one that is not known."""
    return _LCIDS.get(number) or locale.windows_locale.get(number, "").replace("_", "-")
