"""An INF as a whole: its version, strings, models and what is unusual; every expectation is of the text above it."""

from __future__ import annotations

import datetime as dt

import pytest
from osdimage.imaging.drivers import Architecture, TargetOs, read_inf
from osdimage.imaging.drivers.inf.inf_file import Placeholder
from osdimage.imaging.errors import InvalidInput

WINDOWS_11 = TargetOs.parse("10.0.22631", Architecture.AMD64)
HEAD = '[Version]\nSignature="$Windows NT$"\nDriverVer=01/31/2025,1.2.3.4\n'


@pytest.mark.parametrize(
    ("said", "date", "numbers"),
    [
        ("05/21/2022,100.90.104.22100", dt.date(2022, 5, 21), (100, 90, 104, 22100)),
        ("5-1-2022,1.2", dt.date(2022, 5, 1), (1, 2, 0, 0)),
        ("05/21/2022", dt.date(2022, 5, 21), (0, 0, 0, 0)),
        ("13/21/2022,1.2.3.4", None, (1, 2, 3, 4)),
        ("2022-05-21,1.2.3.4", None, (1, 2, 3, 4)),
        ("05/21/2022,1.2.3.65535", dt.date(2022, 5, 21), (0, 0, 0, 0)),
        ("05/21/2022,1.2.3.4.5", dt.date(2022, 5, 21), (0, 0, 0, 0)),
    ],
)
def test_date_and_version_of_a_driver(said: str, date: dt.date | None, numbers: tuple[int, ...]) -> None:
    version = read_inf(f"[Version]\nDriverVer = {said}\n".encode(), name="x.inf").version.driver_version
    assert version is not None
    assert (version.date, version.numbers) == (date, numbers)


@pytest.mark.parametrize("said", ["DriverVer= ;", "DriverVer=", "DriverVer=@INF_DATE@,@A@.@B@", "x=y"])
def test_a_driver_without_a_version_is_read_with_a_warning(said: str) -> None:
    inf = read_inf(f'[Version]\nSignature="$Windows NT$"\n{said}\n'.encode(), name="x.inf")
    assert inf.version.driver_version is None
    assert any("DriverVer" in each.text for each in inf.warnings)


def test_what_the_section_version_says() -> None:
    text = """[version]
SIGNATURE   = "$WINDOWS NT$"
Class       = Net
ClassGUID   = {4d36e972-e325-11ce-bfc1-08002be10318}
Provider    = %Msft%
CatalogFile = a.cat
CatalogFile.NT = %Name%.cat
CatalogFile.NTamd64 = c.cat
PnpLockDown = 1
ExtensionId = {aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa} ; of your own
DriverPackageDisplayName = "A package"
DriverPackageType = PlugAndPlay
DriverVer = 06/22/2010,6.1.7065.0
[Strings]
msft = "Microsoft"
NAME = b
"""
    inf = read_inf(text.encode(), name="x.inf")
    version = inf.version
    assert inf.is_driver
    assert version.class_name == "Net"
    assert version.class_guid == "{4D36E972-E325-11CE-BFC1-08002BE10318}"
    assert version.provider == "Microsoft"
    assert version.catalogs == {"": "a.cat", "nt": "b.cat", "ntamd64": "c.cat"}
    assert version.catalog_for(Architecture.AMD64) == "c.cat"
    assert version.catalog_for(Architecture.ARM64) == "b.cat"
    assert version.extension_id == "{AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA}"
    assert version.pnp_lockdown
    assert version.display_name == "A package"
    assert version.package_type == "PlugAndPlay"
    assert not inf.warnings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HEAD, True, id="Windows NT"),
        pytest.param('[Version]\nSignature="$CHICAGO$"', True, id="Chicago"),
        pytest.param("[autorun]\nopen=setup.exe\nicon=setup.exe,0\n", False, id="autorun.inf"),
        pytest.param("## @file\n#\n[Defines]\n  BASE_NAME = x\n[Sources.IA32, Sources.X64]\n  a.c\n", False, id="EDK2"),
        pytest.param("[.ShellClassInfo]\nIconResource=x.dll,3\n", False, id="desktop.ini"),
        pytest.param('[Version]\nSignature="$Windows 95$"', False, id="Windows 95"),
        pytest.param("", False, id="empty"),
    ],
)
def test_only_a_signature_makes_a_driver(text: str, *, expected: bool) -> None:
    assert read_inf(text.encode(), name="x.inf").is_driver is expected


INX = Placeholder("INX_SUBSYS_VENDOR_ID", 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{HEAD}[Manufacturer]\na = b,NT$ARCH$\n", Placeholder("$ARCH$", 5), id="arch"),
        pytest.param(f"{HEAD}[a.NT@INF_ARCH@]\nx\n", Placeholder("@INF_ARCH@", 4), id="section"),
        pytest.param(f"{HEAD}[a]\nb = PCI\\SUBSYS_0008_INX_SUBSYS_VENDOR_ID&REV_00\n", INX, id="part of an id"),
        pytest.param(f"{HEAD}[a]\nVENDOR = INX_COMPANY\n", Placeholder("INX_COMPANY", 5), id="inx"),
        pytest.param(f"{HEAD}[a]\nb = 1 ; @FORCE_UNPLUG@\n", None, id="comment"),
        pytest.param(f"{HEAD}[a]\nb = me@x.com, C$, D$, $Recycle.Bin\n", None, id="others"),
        pytest.param('[Version]\nSignature="$CHICAGO$"', None, id="signature"),
    ],
)
def test_what_a_build_did_not_replace_is_found(text: str, expected: Placeholder | None) -> None:
    assert read_inf(text.encode(), name="x.inf").placeholder == expected


STRINGS = """[a]
x = %Plain%,%only.german%,%German%,100%%,%%Plain%%,"%plain% %plain%",%none%,%12%\\x.sys,%Loop%,50%,%empty%
[Strings]
plain = "English"
Loop = %Loop%%plain%
plain = "second"
empty = ""
[Strings.0407]
Plain = "Deutsch"
only.German = "nur hier"
german = "auch"
[Strings.0409]
german = "American"
"""


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        # English of the United States, where there is some; then the strings without a language; then any.
        (0x0409, ("English", "nur hier", "American")),
        (0x0407, ("Deutsch", "nur hier", "auch")),
        (0x0807, ("English", "nur hier", "auch")),
        (0x0411, ("English", "nur hier", "auch")),
    ],
)
def test_tokens_become_the_strings_of_a_language(language: int, expected: tuple[str, ...]) -> None:
    inf = read_inf(STRINGS.encode(), name="x.inf", language=language)
    (entry,) = inf.text.entries("a")
    plain = expected[0]
    assert entry.text == (
        *expected,
        "100%",
        "%Plain%",
        f"{plain} {plain}",
        "%none%",
        "%12%\\x.sys",
        "%Loop%%plain%",
        "50%",
        "",
    )
    assert [str(each) for each in inf.warnings] == ["line 2: the token %none% has no text"]


def test_percent_signs_of_a_command_line_are_no_token() -> None:
    # As in Wine's own wine.inf, which does not double them.
    text = f'{HEAD}[a]\nHKCR,x\\command,,2,"rundll32.exe x.dll,Run ""%1"",%*"\n'
    inf = read_inf(text.encode(), name="x.inf")
    assert not inf.warnings
    (entry,) = inf.text.entries("a")
    assert entry.value(4) == 'rundll32.exe x.dll,Run "%1",%*'


def test_a_value_that_becomes_too_long_names_its_line() -> None:
    text = f"[a]\n\nb = %x%{'c' * 4000}\n[Strings]\nx = {'d' * 96}\n"
    inf = read_inf(text.encode(), name="x.inf")
    with pytest.raises(InvalidInput, match=r"x\.inf: line 3: '%x%c+' becomes longer than 4095 characters"):
        list(inf.text.entries("a"))


def test_a_million_tokens_that_name_each_other_end() -> None:
    names = "".join(f"t{i} = %t{i + 1}%%t{i - 1}%\n" for i in range(50_000))
    uses = "".join(f"%t{i}% = x,%t{i}%\n" for i in range(50_000))
    inf = read_inf(f"{HEAD}[Manufacturer]\na=m\n[m]\n{uses}[Strings]\n{names}".encode(), name="x.inf")
    found = inf.models(TargetOs.parse("10.0", Architecture.X86))
    assert len(found) == 50_000
    assert found[7].hardware_id == "%t8%%t6%"


def test_sections_that_become_too_many_lines_are_refused() -> None:
    text = f"{HEAD}[Manufacturer]\n" + "a=m\n" * 300 + "[m]\n" + "x=y,z\n" * 300
    inf = read_inf(text.encode(), name="x.inf")
    with pytest.raises(InvalidInput, match="sections name others so often that no driver can mean it"):
        inf.models(TargetOs.parse("10.0", Architecture.X86))


def test_a_line_of_models_has_ids_and_a_section() -> None:
    text = f"""{HEAD}[Manufacturer]
%Mfg% = M,NTamd64
[M.NTamd64]
%Dev% = inst, PCI\\VEN_1AF4&DEV_1004&REV_00, PCI\\VEN_1AF4&DEV_1004
"By hand" = inst2
Quoted = inst, "USB\\Vid_0547&PID_1002"
Continued = inst,\\
  A\\1,\\
  %Id%
Only compatible = inst,,B\\2
[Strings]
Mfg = "Contoso"
Dev = "Adapter"
Id = "A\\2"
"""
    found = read_inf(text.encode(), name="x.inf").models(WINDOWS_11)
    assert [(each.description, each.section, each.hardware_id, each.compatible_ids, each.line) for each in found] == [
        ("Adapter", "inst", "PCI\\VEN_1AF4&DEV_1004&REV_00", ("PCI\\VEN_1AF4&DEV_1004",), 7),
        ("By hand", "inst2", None, (), 8),
        ("Quoted", "inst", "USB\\Vid_0547&PID_1002", (), 9),
        ("Continued", "inst", "A\\1", ("A\\2",), 10),
        ("Only compatible", "inst", None, ("B\\2",), 13),
    ]
    assert {each.manufacturer for each in found} == {"Contoso"}


def test_a_manufacturer_without_a_key_is_its_own_section() -> None:
    inf = read_inf(f"{HEAD}[Manufacturer]\nContoso\n[Contoso]\nDev = inst,A\\1\n".encode(), name="x.inf")
    (model,) = inf.models(TargetOs.parse("6.1", Architecture.X86))
    assert (model.manufacturer, model.hardware_id) == ("Contoso", "A\\1")


def test_sections_that_are_named_and_missing_are_warned_of() -> None:
    inf = read_inf(f"{HEAD}[Manufacturer]\na = b,NTamd64,NTx86,NTfoo\n[b.NTx86]\n".encode(), name="x.inf")
    assert [str(each) for each in inf.warnings] == [
        "line 5: 'NTfoo' is no platform; valid are such as NTamd64 or NTx86.6.1",
        "line 5: there is no section [b.NTamd64], which it names",
    ]


def test_a_primitive_driver_has_platforms_and_no_models() -> None:
    text = f"{HEAD}[DefaultInstall.NTamd64]\nCopyFiles=@x.sys\n[DefaultInstall.NTamd64.Services]\n"
    inf = read_inf(text.encode(), name="x.inf")
    assert inf.is_primitive
    assert [str(each) for each in inf.platforms] == ["NTamd64"]
    assert inf.all_models() == ()
