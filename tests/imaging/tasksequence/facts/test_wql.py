"""The subset of WQL: what holds, what does not, and what is not known.

The computer is that of the facts file in the specification.  Queries: "exp" are the five of public exports of MDT,
"pages" what pages about task sequences have; "where", "operators", "like" and "wql" are the WMI documentation, "WHERE
Clause", "WQL Operators", "LIKE Operator" and "WQL (SQL for WMI)", which say which are valid and what each means.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.tasksequence.facts.answers import ask
from osdimage.imaging.tasksequence.facts.computer import CIMV2, ComputerFacts, Fact, Instance, KnownClass
from osdimage.imaging.tasksequence.facts.wql import NotUnderstoodError, parse_query

Row = dict[str, Fact]

SYSTEM: Row = {
    "Manufacturer": "HP",
    "Model": "HP ProBook 445 G6",
    "TotalPhysicalMemory": 17179869184,
    "PartOfDomain": False,
    "Workgroup": None,
}
COMPUTER = ComputerFacts.of(
    {
        "Win32_ComputerSystem": [SYSTEM],
        "Win32_SystemEnclosure": [{"ChassisTypes": (10,), "SMBIOSAssetTag": "A_1", "SerialNumber": "S'1"}],
        "Win32_BIOS": [{"SerialNumber": "S", "SMBIOSBIOSVersion": "R72 Ver. 01.02"}],
        "Win32_Battery": [],
        "Win32_OperatingSystem": [{"Version": "10.0.19045", "BuildNumber": "19045", "ProductType": 1}],
        "Win32_LogicalDisk": [
            {"Name": "C:", "FileSystem": "NTFS", "FreeSpace": 3000000, "DriveType": 3},
            {"Name": "D:", "FileSystem": None, "DriveType": 3},
        ],
        "Win32_Directory": [{"Name": r"C:\Tools"}],
        "Win32_PortConnector": [{"Names": ("a", None), "Numbers": (1, 2)}],
    }
)
ONE = "SELECT * FROM Win32_ComputerSystem WHERE "
CASE = "SELECT * FROM Win32_SystemEnclosure WHERE "
DISK = "SELECT * FROM Win32_LogicalDisk WHERE "
OS = "SELECT * FROM Win32_OperatingSystem WHERE "


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        # Of exp: the maker and the model, in either kind of quotes and any case.
        ("SELECT * FROM Win32_ComputerSystem WHERE Manufacturer = 'HP'", True),
        ('Select * from Win32_ComputerSystem where Manufacturer LIKE "HP%"', True),
        ('SELECT * FROM Win32_ComputerSystem WHERE Model = "HP ProBook 445 G6"', True),
        ("select * from win32_computersystem where model = 'hp probook 445 g6'", True),
        ("SELECT * FROM Win32_ComputerSystem WHERE Model = 'Latitude E4310'", False),
        # Of pages: as there.
        (ONE + "Model like '%E4310%'", False),
        (ONE + "Model like '%445%'", True),
        (CASE + "ChassisTypes = '9' OR ChassisTypes = '10' OR ChassisTypes = '14'", True),
        (CASE + "ChassisTypes = '3' OR ChassisTypes = '4'", False),
        (CASE + "ChassisTypes = 10", True),
        ("SELECT * FROM Win32_Battery", False),
        ("SELECT * FROM Win32_Battery WHERE BatteryStatus = 2", False),
        (OS + "Version LIKE '10.%' AND ProductType = 1", True),
        (OS + 'Version LIKE "6.1%" AND ProductType <> "1"', False),
        (OS + "BuildNumber >= 19041", True),
        (OS + "BuildNumber < 19041", False),
        (ONE + "TotalPhysicalMemory > 8589934592", True),
        (r"SELECT * FROM Win32_Directory WHERE Name = 'C:\\Tools'", True),
        (r'SELECT * FROM Win32_Directory WHERE Name = "C:\\Other"', False),
        # Of where: names in either order, no case, parentheses, escapes, and Boolean values as numbers.
        ("SELECT Manufacturer, Model FROM Win32_ComputerSystem", True),
        (ONE + "'HP' = Manufacturer", True),
        (ONE + "8589934592 < TotalPhysicalMemory", True),
        (ONE + "8589934592 >= TotalPhysicalMemory", False),
        (ONE + "PartOfDomain = FALSE", True),
        (ONE + "PartOfDomain = 0", True),
        (ONE + "PartOfDomain <> TRUE", True),
        (ONE + "PartOfDomain != 1", True),
        (ONE + "PartOfDomain = 'true'", False),
        (DISK + 'Name = "C:" OR Name = "D:"', True),
        (DISK + '(Name = "C:" OR Name = "D:") AND FreeSpace > 2000000 AND FileSystem = "NTFS"', True),
        (DISK + '(Name = "E:" OR Name = "F:") AND FreeSpace > 2000000 AND FileSystem = "NTFS"', False),
        (CASE + r"SerialNumber = 'S\'1'", True),
        (CASE + 'SerialNumber = "S\'1"', True),
        # Of operators: as there.
        (DISK + "FileSystem IS NULL", True),
        (DISK + "FileSystem IS NOT NULL", True),
        (ONE + "Manufacturer IS NULL", False),
        (ONE + "Workgroup IS NOT NULL", False),
        (ONE + "Workgroup = NULL", True),
        (ONE + "Workgroup = 'WORKGROUP'", False),
        (DISK + "DriveType != 3", False),
        # Of like: ranges, sets, what is in neither, one character, and an underscore that means itself.
        (ONE + "Model LIKE 'HP P_oBook%'", True),
        (ONE + "Model LIKE 'HP [a-f]roBook%'", False),
        (ONE + "Model LIKE 'HP [a-p]roBook%'", True),
        (ONE + "Model LIKE 'HP [^a-f]roBook%'", True),
        (ONE + "Model LIKE 'HP [pqr]roBook%'", True),
        (CASE + "SMBIOSAssetTag LIKE 'A[_]1'", True),
        (ONE + "Model LIKE 'HP[_]ProBook%'", False),
        (ONE + "Model LIKE '%'", True),
        (ONE + "Model LIKE ''", False),
        (ONE + "NOT Model LIKE '%HP%'", False),
        (ONE + "Manufacturer LIKE '%HP%' AND NOT Model LIKE '%EliteBook%'", True),
        # Of wql: OR comes after AND.
        (ONE + "Manufacturer = 'HP' OR Manufacturer = 'x' AND Model = 'x'", True),
        (ONE + "(Manufacturer = 'HP' OR Manufacturer = 'x') AND Model = 'x'", False),
        (ONE + "NOT (Manufacturer = 'x' OR Model = 'x')", True),
        (ONE + "NOT Manufacturer = 'x' AND NOT Model = 'x'", True),
        # What is not known of one part does not matter where another decides.
        (ONE + "Domain = 'x' OR Manufacturer = 'HP'", True),
        (ONE + "Domain = 'x' AND Manufacturer = 'x'", False),
        (DISK + "Label = 'x' AND Name = 'E:'", False),
        ("SELECT * FROM Win32_PortConnector WHERE Names = 'b'", False),
    ],
)
def test_a_query_holds_or_does_not(query: str, holds: bool) -> None:
    assert ask(query, COMPUTER) is holds


@pytest.mark.parametrize(
    ("query", "lacks"),
    [
        ("SELECT * FROM Win32_Service WHERE Name = 'x'", "Win32_Service of the computer"),
        (ONE + "Domain = 'x'", "Win32_ComputerSystem.Domain of the computer"),
        (ONE + "NOT Domain = 'x'", "Win32_ComputerSystem.Domain of the computer"),
        (ONE + "Domain = 'x' AND Manufacturer = 'HP'", "Win32_ComputerSystem.Domain of the computer"),
        (ONE + "Domain = 'x' OR Roles = 'y'", "Win32_ComputerSystem.Domain, Win32_ComputerSystem.Roles of"),
        # Nobody says what differs from what has no value.
        (ONE + "Workgroup <> 'x'", "Win32_ComputerSystem.Workgroup"),
        (ONE + "NOT Workgroup LIKE 'x'", "Win32_ComputerSystem.Workgroup"),
        # As text 9200 comes after 19045, as a number before.
        (OS + "BuildNumber >= '9200'", "Win32_OperatingSystem.BuildNumber"),
        (ONE + "Manufacturer = 1", "Win32_ComputerSystem.Manufacturer"),
        (ONE + "PartOfDomain > 0", "Win32_ComputerSystem.PartOfDomain"),
        (ONE + "PartOfDomain LIKE 'f%'", "Win32_ComputerSystem.PartOfDomain"),
        ("SELECT * FROM Win32_PortConnector WHERE Numbers > 0", "Win32_PortConnector.Numbers"),
        ("", "the query is not understood: the end where SELECT is expected"),
        ("SELECT * FROM", "the end where a name is expected"),
        ("SELECT * FROM Win32_BIOS WHERE", "the end where a name is expected"),
        ("SELECT * FROM Win32_BIOS GROUP WITHIN 5", "GROUP where WHERE is expected"),
        ("SELECT * FROM meta_class WHERE __this ISA 'x'", "__this is no property of the computer"),
        ("ASSOCIATORS OF {Win32_Service='x'}", "ASSOCIATORS where SELECT is expected"),
        (ONE + "Manufacturer ISA 'x'", "ISA where an operator is expected"),
        (ONE + "DriveType IS 5", "5 where NULL is expected"),
        (ONE + "Model < (4 + 7 - 2)", "( where a constant is expected"),
        (ONE + "Model NOT LIKE 'x'", "NOT where an operator is expected"),
        (ONE + "Model = Manufacturer", "Manufacturer where a constant is expected"),
        (ONE + "'a' LIKE Model", "a constant before LIKE"),
        (ONE + "Model LIKE 5", "LIKE compares with text"),
        (ONE + "Model LIKE '[a'", "a [ without ]"),
        (ONE + "Model LIKE '[]'", "an empty []"),
        (ONE + "Model LIKE '[f-a]'", "ends before it begins"),
        (ONE + "(Model = 'a'", "the end where ) is expected"),
        (ONE + "Model = 'a' AND", "the end where a name is expected"),
        (ONE + "Model = 'a' 'b'", "'b' where the end is expected"),
        (ONE + r"Model = 'C:\Temp'", "at character 49"),
        (ONE + "Model.Name = 'a'", "at character 47"),
        (ONE + "(" * 60 + "Model = 'a'" + ")" * 60, "nested more than 50 deep"),
        (ONE + "NOT " * 60 + "Model = 'a'", "nested more than 50 deep"),
        (ONE + "Model = '" + "a" * 17000 + "'", "a query has at most 16384"),
    ],
)
def test_what_is_not_known_or_not_understood_is_told_and_never_false(query: str, lacks: str) -> None:
    answer = ask(query, COMPUTER)
    assert isinstance(answer, str)
    assert lacks in answer


def test_another_namespace_is_another_class() -> None:
    facts = ComputerFacts.of({"Win32_Tpm": [{}]}, r"root\cimv2\security\microsofttpm")
    assert ask("SELECT * FROM Win32_Tpm", facts, r"\\.\ROOT/CIMV2/Security\MicrosoftTpm") is True
    assert ask("SELECT * FROM Win32_Tpm", facts) == "Win32_Tpm of the computer"
    assert ask("SELECT * FROM Win32_BIOS", COMPUTER, "") is True


def test_what_there_may_be_besides_is_never_a_reason_for_no() -> None:
    known = (Instance({"DriveType": 3, "Name": "C:"}),)
    disks = KnownClass("Win32_LogicalDisk", known, (Instance({"DriveType": 5}),))
    facts = ComputerFacts({(CIMV2, "win32_logicaldisk"): disks})
    assert ask(DISK + "DriveType = 3 AND Name = 'D:'", facts) is False
    assert ask(DISK + "Name = 'C:'", facts) is True
    for query in ("Name = 'D:'", "DriveType = 5"):
        assert ask(DISK + query, facts) == "which other Win32_LogicalDisk the computer has"


@given(st.text(alphabet="aB[]^-_%", max_size=12), st.text(alphabet="abA", max_size=8))
def test_patterns_match_as_a_model_of_them_does(pattern: str, value: str) -> None:
    query = f"{ONE}Model LIKE '{pattern}'"
    try:
        parse_query(query)
    except NotUnderstoodError:
        return
    facts = ComputerFacts.of({"Win32_ComputerSystem": [{"Model": value}]})
    assert ask(query, facts) is matches(pattern.lower(), value.lower())


def matches(pattern: str, value: str) -> bool:
    """Tell whether a value has a pattern, one sign after the other."""
    if not pattern:
        return not value
    if pattern[0] == "%":
        return matches(pattern[1:], value) or (bool(value) and matches(pattern, value[1:]))
    if not value:
        return False
    if pattern[0] != "[":
        return pattern[0] in {"_", value[0]} and matches(pattern[1:], value[1:])
    members, _, rest = pattern[1:].partition("]")
    inner, is_in = members.removeprefix("^"), False
    while inner:
        if inner[1:2] == "-" and len(inner) > 2:
            is_in, inner = is_in or inner[0] <= value[0] <= inner[2], inner[3:]
        else:
            is_in, inner = is_in or inner[0] == value[0], inner[1:]
    return is_in is not members.startswith("^") and matches(rest, value[1:])


_WORDS = st.sampled_from(
    [
        "select",
        "*",
        "from",
        "where",
        "Model",
        "=",
        "<>",
        "like",
        "'a%'",
        "5",
        "(",
        ")",
        "and",
        "or",
        "not",
        "is",
        "null",
    ]
)


@given(st.lists(_WORDS, max_size=20).map(" ".join) | st.text(max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    assert isinstance(ask(text, COMPUTER), (bool, str))
