"""In which language the boot menu of a Windows speaks."""

from __future__ import annotations

import pytest
from cases.files import Files
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.language import Locale, LocaleSource, locale_of
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.registry.values import Value, ValueType
from osdimage.imaging.registry.write import new_hive, write_hive

HIVE = "Windows/System32/config/SYSTEM"
LANGUAGE, MUI = r"Control\Nls\Language", r"Control\MUI"


def windows(*spoken: str, hive: bytes | None = None) -> Files:
    files = {f"Windows/System32/{each}/winload.efi.mui": b"" for each in spoken} | {"Windows/System32/a.dll": b""}
    return Files(files if hive is None else files | {HIVE: hive})


def hive(key: str = "", value: Value | None = None, *, current: int = 1) -> bytes:
    """Return a SYSTEM hive with two control sets, of which Windows uses one."""
    made = new_hive("SYSTEM")
    made.root.ensure("Select").set(Value.dword("Default", current))
    made.root.ensure(r"ControlSet001\Control")
    made.root.ensure(r"ControlSet002\Control")
    place = made.root.ensure(rf"ControlSet{current:03d}\{key}" if key else "Select")
    if value is not None:
        place.set(value)
    return write_hive(made)


def string(name: str, text: str) -> Value:
    return Value.string(name, text)


# [MS-LCID], 2.2: 0407 is de-DE, 241A sr-Latn-RS, 0C04 zh-HK.
HIVES = [
    pytest.param(hive(LANGUAGE, string("InstallLanguage", "0407")), "de-DE", id="installed"),
    pytest.param(hive(LANGUAGE, string("InstallLanguage", "0407"), current=2), "de-DE", id="second-control-set"),
    pytest.param(hive(LANGUAGE, string("InstallLanguage", "241A")), "sr-Latn-RS", id="not-in-pythons-table"),
    pytest.param(
        hive(rf"{MUI}\Settings", Value.multi_string("PreferredUILanguages", ["de-DE", "en-US"])),
        "de-DE",
        id="set-uilang",
    ),
    pytest.param(hive(rf"{MUI}\UILanguages\de-de"), "de-DE", id="only-one"),
]


@pytest.mark.parametrize(("data", "expected"), HIVES)
def test_what_the_registry_says_counts(data: bytes, expected: str) -> None:
    found = locale_of(windows("en-US", "de-DE", "sr-Latn-RS", hive=data), Firmware.UEFI, told="en-US")
    assert found == Locale(expected, LocaleSource.REGISTRY)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(None, id="no-hive"),
        pytest.param(b"regf", id="no-hive-at-all"),
        pytest.param(hive(), id="says-nothing"),
        pytest.param(hive(LANGUAGE, string("InstallLanguage", "fr-FR")), id="no-number"),
        pytest.param(hive(LANGUAGE, string("InstallLanguage", "FFFF")), id="no-language"),
        pytest.param(hive(LANGUAGE, Value("InstallLanguage", ValueType.DWORD, b"\7\4\0\0")), id="no-text"),
        pytest.param(hive(LANGUAGE, string("InstallLanguage", "0411")), id="not-spoken"),
        pytest.param(hive(rf"{MUI}\Settings", string("PreferredUILanguages", "de-DE")), id="no-list"),
    ],
)
def test_a_registry_that_does_not_tell_leaves_it_to_the_image_and_then_to_a_guess(data: bytes | None) -> None:
    source = windows("de-DE", "en-US", hive=data)
    assert locale_of(source, Firmware.UEFI, told="de-de") == Locale("de-DE", LocaleSource.IMAGE)
    assert locale_of(source, Firmware.UEFI, told="ja-JP") == Locale("en-US", LocaleSource.GUESS)
    assert locale_of(source, Firmware.UEFI) == Locale("en-US", LocaleSource.GUESS)


def test_the_only_language_is_no_guess_and_none_is() -> None:
    assert locale_of(windows("fr-FR"), Firmware.UEFI) == Locale("fr-FR", LocaleSource.ONLY)
    assert locale_of(windows("fr-FR"), Firmware.BIOS) == Locale("en-US", LocaleSource.GUESS)
    assert locale_of(windows(), Firmware.UEFI) == Locale("en-US", LocaleSource.GUESS)


def test_what_is_asked_for_must_be_a_language() -> None:
    assert locale_of(windows("en-US"), Firmware.UEFI, wanted="pt-BR") == Locale("pt-BR", LocaleSource.ASKED)
    with pytest.raises(InvalidRequest, match="no language; valid is one such as en-US"):
        locale_of(windows(), Firmware.UEFI, wanted="..\\x")
