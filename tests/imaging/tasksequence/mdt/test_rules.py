"""What the rules of MDT come to: rows from the documentation of MDT, with what that says of them.

Help: the help of MDT 2012 (its topics are named).  Rules: "Configure MDT deployment share rules".  BDD: "BDD Scenarios:
Automating Application Deployment".  Hunter: B. Hunter, "Identifying hardware types".  Garner: K. Garner on numbers of
elements, as "MDT: Notes on setting Pre-checked Applications" quotes him.  PSD: Invoke-PSDRules of FriendsOfMDT/PSD.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidDocument, InvalidInput, InvalidRequest, Means
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.mdt.ini import parse_ini
from osdimage.imaging.tasksequence.mdt.rules import Outcome, work_out

DEFAULT = "[Settings]\nPriority=Default\n[Default]\n"
MAC = "[Settings]\nPriority=MACAddress, Default\n[Default]\nOSInstall=YES\n"
SERIAL = "[Settings]\nPriority=SerialNumber, Default\n[Default]\nOSInstall=YES\n"
SUBSECTIONS = """[Settings]
Priority=Make, Default
[Default]
[Contoso Computer Corporation]
Subsection=Contoso-%Model%
[Contoso-MDT 6600]
Packages001=XXX00009:Program9
Packages002=XXX0000A:Program10
[Contoso-MDT 2431]
Packages001=XXX00003:Program2
Packages002=XXX00003:Program4
"""
LAPTOPS = """[Settings]
Priority=ByLaptopType, Default
[Default]
MachineObjectOU=OU=Workstations,OU=Contoso,DC=contoso,DC=com
[ByLaptopType]
Subsection=Laptop-%IsLaptop%
[Laptop-True]
MachineObjectOU=OU=Laptops,OU=Contoso,DC=contoso,DC=com
"""
HARDWARE = """[Settings]
Priority= ByDesktopType, ByLaptopType,ByServerType, Default
[ByDesktopType]
Subsection=Desktop-%IsDesktop%
[ByLaptopType]
Subsection=Laptop-%IsLaptop%
[ByServerType]
Subsection=Server-%IsServer%
[Desktop-True]
ComputerName=D-%SerialNumber%
[Laptop-True]
ComputerName=L-%SerialNumber%
[Server-True]
ComputerName=S-%SerialNumber%
[Laptop-False]
[Default]
"""
GATEWAYS = """[Settings]
Priority=DefaultGateway, Default
[DefaultGateway]
192.168.0.1=HOUSTON
11.1.1.11=REDMOND
172.28.20.1=REDMOND
[REDMOND]
Packages1=XXX00004-Program name 4
Packages2=XXX00005-Program name 5
[HOUSTON]
Packages1=XXX00006-Program name 6
Packages2=XXX00007-Program name 7
Packages3=XXX00008-Program name 8
"""
ROLES = """[Settings]
Priority=MacAddress, Role, Default
Properties=Role
[00:03:FF:CB:4E:C2]
Role=Accounting
[Accounting]
Packages1=XXX00001-Program name 1
Packages2=XXX00002-Program name 2
"""
TYPES = {"IsDesktop": "False", "IsLaptop": "False", "IsServer": "False", "SerialNumber": "ABC"}


def worked_out(text: str, variables: Mapping[str, str] | None = None, **set_: str) -> Outcome:
    env = Environment(computer=variables or {})
    for name, value in set_.items():
        env[name] = value
    return work_out(parse_ini(text.encode(), source="rules"), env)


@pytest.mark.parametrize(
    ("text", "facts", "expected"),
    [
        pytest.param(DEFAULT + "OSInstall=Y\n", {}, {"OSInstall": "Y"}, id="default-section"),  # Help: Priority
        pytest.param(
            MAC + "[00:15:5D:85:6B:00]\nOSDComputerName=PC00075\n",
            {"MACAddress001": "00:15:5D:85:6B:00"},
            {"OSDComputerName": "PC00075", "OSInstall": "YES"},
            id="section-of-the-mac-address",  # Rules: set computer name by MAC address
        ),
        pytest.param(
            MAC + "[00:15:5D:85:6B:00]\nOSDComputerName=PC00075\n",
            {"MACAddress001": "00:15:5D:00:00:01"},
            {"OSInstall": "YES"},
            id="mac-address-without-a-section",
        ),
        pytest.param(
            MAC + "[00:0F:20:35:DE:AC]\nOSDComputerName=HPD530-1\n[00:03:FF:FE:FF:FF]\nOSDComputerName=BVMXP\n",
            {"MACAddress001": "00:00:00:00:00:01", "MACAddress002": "00:03:FF:FE:FF:FF"},
            {"OSDComputerName": "BVMXP", "OSInstall": "YES"},
            id="every-mac-address-is-looked-for",  # Help: "a computer can have multiple MAC addresses"
        ),
        pytest.param(
            SERIAL + "[CND0370RJ7]\nOSDComputerName=PC00075\n",
            {"SerialNumber": "CND0370RJ7"},
            {"OSDComputerName": "PC00075", "OSInstall": "YES"},
            id="section-of-the-serial-number",  # Rules: set computer name by serial number
        ),
        pytest.param(
            DEFAULT + "OSInstall=YES\nOSDComputerName=PC-%SerialNumber%\n",
            {"SerialNumber": "CND0370RJ7"},
            {"OSInstall": "YES", "OSDComputerName": "PC-CND0370RJ7"},
            id="name-of-the-serial-number",  # Rules: generate a computer name based on a serial number
        ),
        pytest.param(
            LAPTOPS,
            {"IsLaptop": "True"},
            {"MachineObjectOU": "OU=Laptops,OU=Contoso,DC=contoso,DC=com"},
            id="laptop",  # Rules: add laptops to a different organizational unit
        ),
        pytest.param(
            LAPTOPS,
            {"IsLaptop": "False"},
            {"MachineObjectOU": "OU=Workstations,OU=Contoso,DC=contoso,DC=com"},
            id="no-laptop",
        ),
        pytest.param(HARDWARE, TYPES | {"IsDesktop": "True"}, {"ComputerName": "D-ABC"}, id="desktop"),  # Hunter
        pytest.param(HARDWARE, TYPES | {"IsLaptop": "True"}, {"ComputerName": "L-ABC"}, id="notebook"),
        pytest.param(HARDWARE, TYPES | {"IsServer": "True"}, {"ComputerName": "S-ABC"}, id="server"),
        pytest.param(HARDWARE, TYPES, {}, id="none-of-the-types"),
        pytest.param(
            SUBSECTIONS,
            {"Make": "Contoso Computer Corporation", "Model": "MDT 6600"},
            {"Packages001": "XXX00009:Program9", "Packages002": "XXX0000A:Program10"},
            id="subsection-of-the-model",  # Help: Subsections in the CustomSettings.ini File, listing 2
        ),
        pytest.param(
            SUBSECTIONS,
            {"Make": "contoso computer corporation", "Model": "mdt 2431"},
            {"Packages001": "XXX00003:Program2", "Packages002": "XXX00003:Program4"},
            id="names-of-sections-without-case",
        ),
        pytest.param(SUBSECTIONS, {"Make": "Contoso Computer Corporation", "Model": "X"}, {}, id="no-such-subsection"),
        pytest.param(SUBSECTIONS, {"Make": "Fabrikam", "Model": "MDT 6600"}, {}, id="no-such-make"),
        pytest.param(
            "[Settings]\nPriority=Make, Default\n[Default]\n[Dell Computer Corporation]\nSubsection=Dell-%Model%\n"
            "[Dell-Latitude D600]\nPackages001=XXX00009:Program9\nPackages002=XXX0000A:Program10\n",
            {"Make": "Dell Computer Corporation", "Model": "Latitude D600"},
            {"Packages001": "XXX00009:Program9", "Packages002": "XXX0000A:Program10"},
            id="make-and-model",  # Help: Make
        ),
        pytest.param(
            GATEWAYS,
            {"DefaultGateway001": "192.168.0.1"},
            {
                "Packages001": "XXX00006-Program name 6",
                "Packages002": "XXX00007-Program name 7",
                "Packages003": "XXX00008-Program name 8",
            },
            id="gateway-of-houston",  # BDD: scenario 2
        ),
        pytest.param(
            GATEWAYS,
            {"DefaultGateway001": "172.28.20.1"},
            {"Packages001": "XXX00004-Program name 4", "Packages002": "XXX00005-Program name 5"},
            id="second-gateway-of-redmond",
        ),
        pytest.param(GATEWAYS, {"DefaultGateway001": "10.0.0.1"}, {}, id="gateway-of-nobody"),
        pytest.param(
            GATEWAYS,
            {"DefaultGateway001": "10.0.0.1", "DefaultGateway002": "11.1.1.11"},
            {"Packages001": "XXX00004-Program name 4", "Packages002": "XXX00005-Program name 5"},
            id="second-gateway-of-the-computer",
        ),
        pytest.param(
            ROLES,
            {"MacAddress001": "00:03:FF:CB:4E:C2"},
            {"Role": "Accounting", "Packages001": "XXX00001-Program name 1", "Packages002": "XXX00002-Program name 2"},
            id="section-of-a-property-that-a-section-set",  # BDD: scenario 1
        ),
        pytest.param(
            "[Settings]\nPriority=A, Default\n[A]\nOrgName=A\n[Default]\nOrgName=D\nFullName=F\n",
            {},
            {"OrgName": "A", "FullName": "F"},
            id="first-value-counts",  # Help: "when a property value is found, the remaining sections are not used"
        ),
        pytest.param(
            "[Settings]\nPriority=A, Default\n[A]\nOrgName=\n[Default]\nOrgName=D\n",
            {},
            {"OrgName": "D"},
            id="no-value-is-not-found",
        ),
        pytest.param(
            "[Settings]\nPriority=A, Default\n[A]\nDeployRoot=\\\\a\\s$\n[Default]\nDeployRoot=\\\\b\\s$\n",
            {},
            {"DeployRoot": "\\\\b\\s$"},
            id="last-deploy-root-counts",  # PSD: overwrite of ZTIGather.xml
        ),
        pytest.param(
            "[Settings]\nPriority=A, Default\n[A]\nSubsection=B\nOrgName=A\n[B]\nOrgName=B\n[Default]\n",
            {},
            {"OrgName": "B"},
            id="subsection-before-the-section",  # PSD: Get-PSDSettings
        ),
        pytest.param(DEFAULT + "OrgName=A\n", {"OrgName": "Given"}, {}, id="what-the-caller-gave-stays"),
        pytest.param(DEFAULT + "DeployRoot=X\n", {"DeployRoot": "Given"}, {}, id="even-where-the-last-counts"),
        pytest.param(
            DEFAULT + "MyCustomProperty=TRUE\n", {}, {}, id="property-that-nobody-declares"
        ),  # Help: Properties Reserved Property
        pytest.param(
            "[Settings]\nPriority=Default\nProperties=MyCustomProperty\n[Default]\nMyCustomProperty=TRUE\n",
            {},
            {"MyCustomProperty": "TRUE"},
            id="property-of-its-own",
        ),
        pytest.param(
            "[Settings]\nPriority=ExcludeRootFolders, Default\nProperties=MyCustomProperty, UsmtExcludeRootFolders(*)\n"
            "[Default]\nOSInstall=Y\n[ExcludeRootFolders]\nUsmtExcludeRootFolders001=C:\\Temp\n"
            "UsmtExcludeRootFolders002=C:\\Boot\n",
            {},
            {
                "UsmtExcludeRootFolders001": "C:\\Temp",
                "UsmtExcludeRootFolders002": "C:\\Boot",
                "OSInstall": "Y",
            },
            id="list-of-its-own",  # "Easy list items for the Microsoft Deployment Toolkit"
        ),
        pytest.param(
            DEFAULT + "Applications1={A}\nApplications2={B}\n",
            {},
            {"Applications001": "{A}", "Applications002": "{B}"},
            id="numbers-without-zeros",  # Garner
        ),
        pytest.param(DEFAULT + "Applications01={A}\n", {}, {}, id="two-digits-are-no-number"),  # Garner
        pytest.param(DEFAULT + "Applications0001={A}\n", {}, {}, id="four-digits-are-no-number"),  # Garner
        pytest.param(DEFAULT + "Applications010={A}\n", {}, {}, id="list-that-begins-at-ten"),  # Garner
        pytest.param(
            DEFAULT + "Applications001={A}\nApplications003={C}\n",
            {},
            {"Applications001": "{A}"},
            id="list-ends-at-a-gap",  # Garner: "if it comes across any missing number it will ignore the rest"
        ),
        pytest.param(
            "[Settings]\nPriority=A, Default\n[A]\nDriverGroup001=HP\n[Default]\nDriverGroup001=All\n",
            {},
            {"DriverGroup001": "HP", "DriverGroup002": "All"},
            id="lists-grow",  # PSD: Get-PSDSettings adds to what is there
        ),
        pytest.param(
            DEFAULT
            + "MandatoryApplications001={1D7DF331-47B7-472C-87B3-442597EC2F7D}\n"
            + "Administrators001=WOODGROVEBANK\\NYC Help Desk Staff\n",
            {},
            {
                "MandatoryApplications001": "{1D7DF331-47B7-472C-87B3-442597EC2F7D}",
                "Administrators001": "WOODGROVEBANK\\NYC Help Desk Staff",
            },
            id="two-lists",  # Help: MandatoryApplications
        ),
        pytest.param(
            DEFAULT + "_SMSTSOrgName=MDT Reference\n;OrgName=No\n",
            {},
            {"_SMSTSOrgName": "MDT Reference"},
            id="comment-and-a-name-of-the-engine",
        ),
        pytest.param(
            DEFAULT + "OrgName=A;B\nOrgName=C\n[Default]\nFullName=F\n",
            {},
            {"OrgName": "A;B"},
            id="first-of-two-of-the-same-name",
        ),
        pytest.param(
            DEFAULT + "OrgName=[%FullName%] %nobody%\n", {}, {"OrgName": "[] %nobody%"}, id="what-has-no-value"
        ),
    ],
)
def test_rules_set_what_the_documents_say(text: str, facts: dict[str, str], expected: dict[str, str]) -> None:
    assert worked_out(text, facts).variables == expected


def test_what_lite_touch_set_itself_is_overwritten() -> None:
    assert worked_out(DEFAULT + "DeploymentType=REFRESH\n", DeploymentType="NEWCOMPUTER").variables == {
        "DeploymentType": "REFRESH"
    }


@pytest.mark.parametrize("data", ["\ufeff[Settings]\r\nPriority=Default\r\n[Default]\r\nFullName=Zoë\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_file_is_utf_8_or_utf_16_with_a_mark(data: str, encoding: str) -> None:
    assert work_out(parse_ini(data.encode(encoding), source="x"), Environment()).variables == {"FullName": "Zoë"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param(DEFAULT + "FullName=%SerialNumber%\n", "SerialNumber", id="value"),
        pytest.param(MAC + "[00:15:5D:85:6B:00]\nOSDComputerName=PC\n", "MACAddress", id="priority"),
        pytest.param(GATEWAYS, "DefaultGateway", id="gateway"),
        pytest.param(LAPTOPS, "IsLaptop", id="subsection"),
    ],
)
def test_a_fact_that_nobody_told_is_asked_for_by_its_name(text: str, part: str) -> None:
    with pytest.raises(InvalidRequest, match=f"nobody has told {part} of the computer") as caught:
        worked_out(text)
    assert caught.value.remedy is not None
    assert caught.value.remedy.means == (Means.FACTS, Means.VARIABLE)
    assert caught.value.remedy.values == (part,)


def test_a_fact_is_not_asked_for_where_no_section_could_be_its_own() -> None:
    assert worked_out(MAC).variables == {"OSInstall": "YES"}


@pytest.mark.parametrize(
    ("setting", "who"),
    [
        pytest.param("UserExit=Setname.vbs", "a script", id="user-exit"),
        pytest.param("SQLServer=NYC-SQL-01", "a database", id="database"),
        pytest.param("WebService=http://server/mdt.asmx/Get", "a web service", id="web-service"),
        # Rules: generate a limited computer name based on a serial number
        pytest.param('OSDComputerName=PC-#Left("%SerialNumber%",7)#', "an expression", id="expression"),
    ],
)
def test_what_others_would_answer_is_refused_where_it_counts(setting: str, who: str) -> None:
    with pytest.raises(InvalidRequest, match=f"of \\[Default\\] asks {who}"):
        worked_out(DEFAULT + setting + "\n")
    # No entry of Priority reaches it.
    assert worked_out(f"{DEFAULT}[Other]\n{setting}\n").variables == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[Default]\nOSInstall=Y\n", "no Priority", id="no-priority"),
        pytest.param("OSInstall=Y\n[Settings]\nPriority=Default\n", "before the first section", id="no-section"),
        pytest.param(
            "[Settings]\nPriority=A\n[A]\nSubsection=B\n[B]\nSubsection=A\n",
            r"\[A\] leads to \[B\] leads to \[A\]",
            id="circle",
        ),
        pytest.param("[Settings]\nPriority=Default\nProperties=a b\n", "not the name of a variable", id="name"),
        pytest.param(
            "[Settings]\nPriority=" + "A," * 2000 + "\n[A]\n" + "x=1\n" * 3 + "".join(f"k{n}=1\n" for n in range(60)),
            "more than 100,000 settings",
            id="much",
        ),
        pytest.param("[Settings]\r\nPriority=\0\r\n", "rules:2: a NUL", id="nul"),
    ],
)
def test_files_that_are_no_rules_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidDocument, match=message):
        worked_out(text)


def test_settings_that_count_for_nothing_are_told() -> None:
    found = worked_out(DEFAULT + "Nonsense=1\nApplications02=x\nApplications005=y\nthis is no setting\n")
    number = "the number of an element has three digits, or no zero before it"
    assert [text.partition(": ")[2] for text in found.warnings] == [
        "is no section, no comment and no Name=Value; it counts for nothing",
        "Nonsense of [Default] counts for nothing: neither MDT nor Properties of [Settings] declares it",
        f"Applications02 of [Default] counts for nothing: {number}",
        "Applications005 of [Default] counts for nothing: an element 1 is missing before it",
    ]


@given(
    st.lists(
        st.sampled_from(
            [
                "[Settings]",
                "Priority=A,B,Model",
                "[A]",
                "[B]",
                "Subsection=B",
                "Subsection=A-%Make%",
                "OrgName=%FullName%",
                "FullName=#x#",
                "Role001=A",
                "Properties=P(*)",
                "P1=x",
                "=",
                "[",
            ]
        )
    )
)
def test_any_rules_are_worked_out_or_refused(lines: list[str]) -> None:
    try:
        found = worked_out("\n".join(lines), {"Model": "A", "Make": "M"})
    except (InvalidInput, InvalidRequest):
        return
    assert all(found.variables.values())
