"""Tables of computers, as ConfigMgr and Excel write them.

The first line is the example of "How to Import New Computer Information" (Operating System Deployment in Configuration
Manager 2007, 6.1.2), and the order of its columns is what the wizard expects.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError
from osdimage.imaging.inventory import Computer, Inventory, TableForm, load_inventory, parse_columns, read_table

EXAMPLE = "NEWCOMP1,55555555-5555-5555-5555-555555555555,05:06:07:08:09:0A\n"
GUID = UUID("55555555-5555-5555-5555-555555555555")
MAC = "05:06:07:08:09:0A"
_HEADED = "Name,SMBIOS GUID,MAC Address,var:OSDTimeZone\n"


def read(text: str, form: TableForm | None = None) -> tuple[Computer, ...]:
    return read_table(text.encode(), form, source="lab.csv").computers


def refused(text: str, form: TableForm | None = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(text, form)
    return str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(EXAMPLE.encode(), id="as-configmgr-has-it"),
        pytest.param(EXAMPLE.replace("\n", "\r\n").encode("utf-8-sig"), id="csv-utf-8-of-excel"),
        pytest.param(EXAMPLE.replace(",", "\t").encode("utf-16"), id="unicode-text-of-excel"),
        pytest.param(EXAMPLE.replace(",", ";").encode(), id="excel-in-german"),
        pytest.param(("Name,SMBIOS GUID,MAC Address\n" + EXAMPLE).encode(), id="headings"),
        pytest.param(("MAC-Address,Room,name,GUID\n" + f"{MAC},12,NEWCOMP1,{GUID}\n").encode(), id="other-order"),
        pytest.param(f'\n"NEWCOMP1", {{{str(GUID).upper()}}} ,05-06-07-08-09-0a\n\n'.encode(), id="other-spelling"),
        pytest.param(f"NEWCOMP1,{GUID.hex},0506.0708.090a".encode(), id="no-separators-and-no-end-of-line"),
        pytest.param(f"NEWCOMP1,{GUID},05060708090A,\n".encode(), id="empty-cell-at-the-end"),
    ],
)
def test_a_computer_is_read_however_its_table_is_spelled(data: bytes) -> None:
    (found,) = read_table(data, source="lab.csv").computers
    assert (found.name, found.smbios_guid, found.mac_addresses) == ("NEWCOMP1", GUID, (MAC,))
    assert (found.source_computer, found.variables, found.further) == (None, (), ())


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param("05:06:07:08:09:0A:00:15:5D:01:02:03", id="a-colon-as-configmgr"),
        pytest.param("05:06:07:08:09:0A 00-15-5D-01-02-03", id="a-blank"),
        pytest.param('"05:06:07:08:09:0A,00:15:5d:01:02:03"', id="a-comma-in-quotes"),
        pytest.param("05:06:07:08:09:0A;00:15:5D:01:02:03;05:06:07:08:09:0A", id="a-semicolon-and-one-twice"),
    ],
)
def test_a_computer_may_have_several_adapters(cell: str) -> None:
    (found,) = read(f"PC1,,{cell}\n")
    assert found.mac_addresses == (MAC, "00:15:5D:01:02:03")


def test_columns_are_variables_and_whatever_the_program_asks_for() -> None:
    form = TableForm(parse_columns("name,ignore,mac,var:OSDTimeZone,source,script", ["script"]), further=("script",))
    (found,) = read(f"PC1,x,{MAC},GMT Standard Time,OLD1,pc1.ipxe\n", form)
    assert found.variables == (("OSDTimeZone", "GMT Standard Time"),)
    assert found.source_computer == "OLD1"
    assert (found.value_of("script"), found.value_of("host")) == ("pc1.ipxe", None)
    assert "GMT" not in repr(found)


def test_headings_say_the_same_and_those_that_say_nothing_are_told() -> None:
    text = f"Name;MAC;Asset tag;Variable: OSDTimeZone;Script\nPC1;{MAC};A-12;UTC;\nPC2;00155D010203;;;a.ipxe\n"
    found = read_table(text.encode(), TableForm(further=("script",)), source="lab.csv")
    assert [each.variables for each in found.computers] == [(("OSDTimeZone", "UTC"),), ()]
    assert [each.value_of("script") for each in found.computers] == [None, "a.ipxe"]
    assert [each.line for each in found.computers] == [2, 3]
    assert found.warnings == ("lab.csv: columns that tell nothing here: 'Asset tag'",)


def test_columns_that_are_given_count_more_than_headings() -> None:
    form = TableForm(parse_columns("mac,name"))
    assert read(f"Name,MAC Address\n{MAC},PC1\n", form)[0].name == "PC1"


def test_disks_need_nothing_but_names() -> None:
    assert [each.name for each in read("PC1\nPC2\n", TableForm(needs_ids=False))] == ["PC1", "PC2"]
    assert "line 2: there is neither an SMBIOS GUID nor a MAC address" in refused("PC1\nPC2\n")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param(f",{GUID},", "the name is missing", id="no-name"),
        pytest.param(f"A-NAME-OF-16-CHR,{GUID},", "the name 'A-NAME-OF-16-CHR' is none that a computer", id="long"),
        pytest.param(f"12345,{GUID},", "the name '12345' is none", id="digits"),
        pytest.param("PC1,5555-5555,", "the guid '5555-5555' is no SMBIOS GUID", id="short-guid"),
        pytest.param(f"PC1,{{{GUID},", "is no SMBIOS GUID", id="half-a-brace"),
        pytest.param("PC1,FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF,", "firmware without a GUID", id="no-guid"),
        pytest.param("PC1,,05:06:07:08:09", "the mac '05:06:07:08:09' is no MAC address", id="short-mac"),
        pytest.param("PC1,,05:06:07:08:09:0A:0B", "is no MAC address", id="seven-pairs"),
        pytest.param("PC1,,05:06-07:08:09:0A", "is no MAC address", id="mixed"),
        pytest.param("PC1,,00:00:00:00:00:00", "is the address of no adapter", id="zeros"),
        pytest.param(f'PC1,,{MAC},"a\nb"', "the var:OSDTimeZone holds the end of a line", id="line-in-a-variable"),
        pytest.param(f"PC1,,{MAC},UTC,more", "5 cells are more than the 4 columns", id="more-cells"),
        pytest.param(f'PC1,,"{MAC}', "no CSV", id="open-quote"),
    ],
)
def test_a_line_that_is_not_valid_is_told_with_its_number(row: str, fault: str) -> None:
    told = refused(f"{_HEADED}{row}\n")
    assert told.startswith("lab.csv: line 2: ")
    assert fault in told


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param("pc1,,00:15:5D:00:00:09", "line 3: the name 'pc1' is that of 'PC1' in line 2", id="name"),
        pytest.param(f"PC2,{str(GUID).upper()},", f"line 3: the guid '{GUID}' is that of 'PC1' in line 2", id="guid"),
        pytest.param("PC2,,05-06-07-08-09-0a", f"line 3: the mac '{MAC}' is that of 'PC1' in line 2", id="mac"),
    ],
)
def test_what_two_computers_share_is_a_fault(row: str, fault: str) -> None:
    assert fault in refused(f"{_HEADED}PC1,{GUID},{MAC}\n{row}\n")


def test_all_faults_are_told_at_once() -> None:
    told = refused("PC1,,\nPC 2,x,y\n" + EXAMPLE)
    assert told.startswith("lab.csv: 4 faults: line 1: there is neither")
    assert all(each in told for each in ("line 2: the name 'PC 2'", "line 2: the guid 'x'", "line 2: the mac 'y'"))
    assert "\n" not in told
    assert refused("PC1,,\n" * 70).endswith("; and 20 more")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("", "no computer is in it", id="empty"),
        pytest.param("Name,MAC Address\n", "no computer is in it", id="headings-alone"),
        pytest.param("Name,name,mac\n", "line 1: the column 'name' is there twice", id="twice"),
        pytest.param("Name,mac,var:A\n", "line 1: 'A' is no variable", id="short-variable"),
        pytest.param("Name,mac,var:_SMSTSType\n", "that only the task sequence sets", id="own-variable"),
    ],
)
def test_a_table_that_tells_no_computer_is_refused(text: str, fault: str) -> None:
    assert fault in refused(text)


def test_a_table_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"lab\.csv is not a text file in UTF-8 or UTF-16, at byte 1"):
        read_table(b"M\xfcller,,", source="lab.csv")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("name,serial", "'serial' is no column; valid are name, guid, mac, .*, script, ignore", id="no"),
        pytest.param("guid,mac", "no column has the name", id="no-name"),
        pytest.param("name,mac,mac", "the column 'mac' is there twice", id="twice"),
        pytest.param("name,var:OSD Name", "'OSD Name' is no variable", id="variable"),
    ],
)
def test_columns_that_cannot_be_are_refused(text: str, fault: str) -> None:
    with pytest.raises(InvalidRequest, match=fault):
        parse_columns(text, ["script"])


def test_a_file_is_read_and_named(tmp_path: Path) -> None:
    path = tmp_path / "lab.csv"
    path.write_text(EXAMPLE)
    assert load_inventory(path) == Inventory(str(path), (Computer("NEWCOMP1", 1, GUID, (MAC,)),))
    with pytest.raises(StorageError, match=r"none\.csv: No such file"):
        load_inventory(tmp_path / "none.csv")


_NAMES = st.text("ABCDEFGHKLMNPRSTUVWXYZ0123456789-", min_size=1, max_size=14).map(lambda text: f"P{text}")
_MACS = st.binary(min_size=6, max_size=6).filter(lambda data: data not in {b"\0" * 6, b"\xff" * 6})


@given(
    st.dictionaries(_NAMES, _MACS, min_size=1, max_size=8).filter(lambda told: len(set(told.values())) == len(told)),
    st.sampled_from(["excel", "excel-tab", "unix"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_the_csv_module_writes_is_read(told: dict[str, bytes], dialect: str, encoding: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, dialect).writerows((name, "", mac.hex("-")) for name, mac in told.items())
    found = read_table(text.getvalue().encode(encoding), source="x").computers
    assert {each.name: each.mac_addresses for each in found} == {
        name: (mac.hex(":").upper(),) for name, mac in told.items()
    }


@given(st.binary(max_size=300) | st.text('PC1,;\n\r\t" :-05AF', max_size=60).map(str.encode))
def test_bytes_that_nobody_meant_are_read_or_refused(data: bytes) -> None:
    try:
        found = read_table(data, source="x").computers
    except InvalidInput:
        return
    assert found
    assert all(each.name and (each.smbios_guid or each.mac_addresses) for each in found)
