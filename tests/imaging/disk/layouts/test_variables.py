"""ConfigMgr's variables: what they mean, and every violation named with its value and what would be valid.

The rules are those of SDK-partdisk, SDK-partset, CM07-partprops and CB-steps; the two complete sets of variables are
from MDT's "Format and Partition Disk (UEFI)" and "(BIOS)" steps as the PSD templates ship them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases.disk import variables
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.layout import FixedSize, PercentOfFree, Remaining
from osdimage.imaging.disk.layouts.presets import Preset, RecoveryPlace, preset_layout
from osdimage.imaging.disk.layouts.variables import (
    MAX_BYTES,
    layout_from_variables,
    load_variables,
    merge_variables,
    parse_variables,
)
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.errors import InvalidDocument, InvalidLayout, InvalidRequest
from osdimage.imaging.units import GIB, MIB, Bytes

ONE = {"OSDDiskIndex": "0", "OSDPartitionStyle": "MBR", "OSDPartitions0Type": "Primary"}
MDT_UEFI = """
OSDDiskIndex=0
OSDDiskPartitions1Type=Recovery
DONotCreateExtraPartition=
OSDPartitions0Type=EFI
OSDPartitions0FileSystem=FAT32
OSDPartitions0Bootable=True
OSDPartitions0QuickFormat=True
OSDPartitions0VolumeName=Boot
OSDPartitions0Size=499
OSDPartitions0SizeUnits=MB
OSDPartitions0VolumeLetterVariable=
OSDPartitions1Type=MSR
OSDPartitions1FileSystem=NTFS
OSDPartitions1Bootable=False
OSDPartitions1QuickFormat=True
OSDPartitions1VolumeName=
OSDPartitions1Size=128
OSDPartitions1SizeUnits=MB
OSDPartitions2Type=Primary
OSDPartitions2FileSystem=NTFS
OSDPartitions2Bootable=False
OSDPartitions2QuickFormat=True
OSDPartitions2VolumeName=Windows
OSDPartitions2Size=99
OSDPartitions2SizeUnits=%
OSDPartitions2VolumeLetterVariable=OSDisk
OSDPartitions3Type=Recovery
OSDPartitions3FileSystem=NTFS
OSDPartitions3Bootable=False
OSDPartitions3QuickFormat=True
OSDPartitions3VolumeName=Recovery
OSDPartitions3Size=100
OSDPartitions3SizeUnits=%
OSDPartitions=4
OSDPartitionStyle=GPT
"""


def problems(given: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(InvalidLayout) as caught:
        layout_from_variables(given)
    return caught.value.problems


def test_the_variables_of_mdt_are_read_as_they_are() -> None:
    layout = layout_from_variables(parse_variables(MDT_UEFI, source="step"))
    assert layout.scheme is Scheme.GPT
    assert layout.disk_index == 0
    assert [spec.role for spec in layout.partitions] == [Role.EFI, Role.MSR, Role.PRIMARY, Role.RECOVERY]
    esp, msr, windows, recovery = layout.partitions
    assert (esp.size, esp.filesystem, esp.label) == (FixedSize(Bytes(499 * MIB)), FileSystem.FAT32, "Boot")
    # The template says NTFS; an MSR is never formatted.
    assert (msr.size, msr.filesystem, msr.label) == (FixedSize(Bytes(128 * MIB)), None, None)
    assert (windows.size, windows.letter_variable) == (PercentOfFree(99), "OSDisk")
    assert recovery.size == PercentOfFree(100)


def test_defaults_are_those_of_the_documentation() -> None:
    (spec,) = layout_from_variables(ONE).partitions
    assert spec.size == Remaining()
    assert spec.filesystem is None
    assert not spec.active
    assert not spec.quick_format
    assert spec.assign_letter
    assert spec.origin == "OSDPartitions0"


@pytest.mark.parametrize(
    ("size", "units", "expected"),
    [
        pytest.param("100", None, FixedSize(Bytes(100 * MIB)), id="megabytes-are-the-default"),
        pytest.param("100", "mb", FixedSize(Bytes(100 * MIB)), id="MB"),
        pytest.param("3", "GB", FixedSize(Bytes(3 * GIB)), id="GB"),
        pytest.param("50", "PERCENT", PercentOfFree(50), id="percent-as-exports-write-it"),
        pytest.param("50", "%", PercentOfFree(50), id="percent-as-mdt-writes-it"),
        pytest.param("4294967295", "MB", FixedSize(Bytes(4294967295 * MIB)), id="largest-uint32"),
        pytest.param(None, "GB", Remaining(), id="absent-is-all-that-is-left"),
    ],
)
def test_sizes(size: str | None, units: str | None, expected: object) -> None:
    given = dict(ONE)
    if size is not None:
        given["OSDPartitions0Size"] = size
    if units is not None:
        given["OSDPartitions0SizeUnits"] = units
    assert layout_from_variables(given).partitions[0].size == expected


def test_names_and_words_are_compared_without_case() -> None:
    layout = layout_from_variables(
        {
            "osddiskindex": "7",
            "OSDPARTITIONSTYLE": "gpt",
            "osdgptbootdisk": "TRUE",
            "OsdPartitions0TYPE": "primary",
            "osdpartitions0filesystem": "ntfs",
        }
    )
    assert (layout.disk_index, layout.scheme, layout.boot_disk) == (7, Scheme.GPT, True)
    assert layout.partitions[0].filesystem is FileSystem.NTFS


def test_variables_of_other_steps_and_empty_ones_are_left_alone() -> None:
    others = {"OSDImageIndex": "1", "_SMSTSInWinPE": "true", "OSDDiskType": "DYNAMIC", "OSDPartitions5Type": ""}
    assert len(layout_from_variables(ONE | others).partitions) == 1


MBR_TYPES = "Primary, Extended, Logical, Hidden, EFI, MSR and Recovery"
VIOLATIONS = [
    pytest.param(
        {"OSDDiskIndex": ""}, "OSDDiskIndex is missing; valid: the number of the disk, 0 to 10000", id="index"
    ),
    pytest.param({"OSDDiskIndex": "C"}, "OSDDiskIndex=C: valid are whole numbers from 0 to 10000", id="index-text"),
    pytest.param({"OSDDiskIndex": "10001"}, "OSDDiskIndex=10001: valid are", id="index-high"),
    pytest.param({"OSDDiskIndex": "-1"}, "OSDDiskIndex=-1: valid are", id="index-negative"),
    pytest.param({"OSDDiskIndex": "\u0661"}, "OSDDiskIndex=\u0661: valid are", id="index-other-digits"),
    pytest.param({"OSDPartitionStyle": ""}, "OSDPartitionStyle is missing; valid: MBR or GPT", id="style"),
    pytest.param({"OSDPartitionStyle": "APM"}, "OSDPartitionStyle=APM: valid are MBR or GPT", id="style-other"),
    pytest.param({"OSDGPTBootDisk": "yes"}, "OSDGPTBootDisk=yes: valid are true and false", id="boot-disk"),
    pytest.param(
        {"OSDDiskpartBiosCompatibilityMode": "1"}, "OSDDiskpartBiosCompatibilityMode=1: valid are", id="compatibility"
    ),
    pytest.param({"OSDPartitions0Type": ""}, "there is no partition at all", id="no-elements"),
    pytest.param({"OSDPartitions": "0"}, "OSDPartitions=0: valid are whole numbers from 1", id="count-0"),
    pytest.param({"OSDPartitions": "x"}, "OSDPartitions=x: valid are whole numbers", id="count-text"),
    pytest.param(
        {"OSDPartitions": "2"}, "OSDPartitions1: missing; OSDPartitions=2 announces elements 0 to 1", id="few"
    ),
    pytest.param({"OSDPartitions": "1", "OSDPartitions1Type": "Primary"}, "OSDPartitions1: beyond", id="many"),
    pytest.param({"OSDPartitions2Type": "Primary"}, "OSDPartitions1: missing; the numbering needs", id="gap"),
    pytest.param({"OSDPartitions900Type": "Primary"}, "OSDPartitions8, ...: missing", id="wide-gap"),
    pytest.param({"OSDPartitions0Kind": "x"}, "OSDPartitions0Kind is not a variable of this step", id="property"),
    pytest.param({"OSDPartitions00Type": "x"}, "OSDPartitions00Type is not a variable of this step", id="zeros"),
    pytest.param({"OSDPartition0QuickFormat": "true"}, "begin with OSDPartitions", id="the-typo-of-the-sdk"),
    pytest.param({"OSDPartitions0Type": "Main"}, f"OSDPartitions0Type=Main: valid are {MBR_TYPES}", id="type"),
    pytest.param({"OSDPartitions0Type": "EFI"}, "OSDPartitions0Type=EFI: not possible on an MBR disk", id="efi-mbr"),
    pytest.param({"OSDPartitions0Type": "MSR"}, "OSDPartitions0Type=MSR: not possible on an MBR disk", id="msr-mbr"),
    pytest.param({"OSDPartitions0FileSystem": "ext4"}, "FileSystem=ext4: valid are NTFS and FAT32", id="filesystem"),
    pytest.param({"OSDPartitions0Bootable": "on"}, "Bootable=on: valid are true and false", id="bootable"),
    pytest.param({"OSDPartitions0QuickFormat": "2"}, "QuickFormat=2: valid are true and false", id="quick"),
    pytest.param({"OSDPartitions0AssignVolumeLetter": "D:"}, "AssignVolumeLetter=D:: valid are", id="assign"),
    pytest.param({"OSDPartitions0Size": "0"}, "OSDPartitions0Size=0: valid are whole numbers from 1", id="size-0"),
    pytest.param({"OSDPartitions0Size": "1.5"}, "OSDPartitions0Size=1.5: valid are whole numbers", id="size-part"),
    pytest.param({"OSDPartitions0Size": "4294967296"}, "from 1 to 4294967295", id="size-beyond-uint32"),
    pytest.param(
        {"OSDPartitions0Size": "101", "OSDPartitions0SizeUnits": "Percent"}, "whole numbers from 1 to 100", id="percent"
    ),
    pytest.param({"OSDPartitions0SizeUnits": "TB"}, "SizeUnits=TB: valid are MB, GB and Percent", id="units"),
    pytest.param({"OSDPartitions0VolumeLetterVariable": "_x"}, "not a variable that can be set", id="read-only-letter"),
    pytest.param({"OSDPartitions0VolumeLetterVariable": "a b"}, "a name begins with a letter", id="letter-name"),
    pytest.param(
        {"OSDPartitions0Type": "Hidden", "OSDPartitions0VolumeLetterVariable": "OSDisk"},
        "OSDPartitions0VolumeLetterVariable=OSDisk: Hidden partitions get no drive letter",
        id="letter-of-hidden",
    ),
    pytest.param(
        {"OSDPartitions0Type": "Extended", "OSDPartitions0FileSystem": "NTFS"},
        "OSDPartitions0FileSystem=NTFS: an Extended partition is never formatted",
        id="formatted-extended",
    ),
    pytest.param({"OSDPartitions0Type": "Logical"}, "needs an Extended partition before it", id="logical-alone"),
    pytest.param(
        {"OSDPartitions0FileSystem": "FAT16"},
        "OSDPartitions0FileSystem=FAT16: is made again where it was, and by no layout; valid are NTFS and FAT32",
        id="fat16",
    ),
    pytest.param(
        {"OSDPartitions0FileSystem": "FAT32", "OSDPartitions0VolumeName": "TwelveLetter"},
        "VolumeName=TwelveLetter: a label on FAT32 has at most 11 characters",
        id="fat-label-long",
    ),
    pytest.param(
        {"OSDPartitions0FileSystem": "FAT32", "OSDPartitions0VolumeName": "A*B"}, "cannot hold *", id="fat-label-star"
    ),
    pytest.param(
        {"OSDPartitions0FileSystem": "NTFS", "OSDPartitions0VolumeName": "n" * 33}, "at most 32", id="ntfs-label-long"
    ),
    pytest.param({"OSDPartitions0VolumeName": "a\tb"}, "printable characters only", id="label-control"),
    pytest.param({"OSD Disk": "1"}, "'OSD Disk' is not the name of a variable", id="name-space"),
    pytest.param({"X": "y" * 4001}, "X: a value has at most 4000 characters, not 4001", id="long-value"),
    pytest.param({"osddiskindex": "1"}, "osddiskindex is given twice, as OSDDiskIndex too", id="twice"),
]


@pytest.mark.parametrize(("change", "message"), VIOLATIONS)
def test_a_violation_names_variable_value_and_what_is_valid(change: dict[str, str], message: str) -> None:
    found = problems(ONE | change)
    assert any(message in problem for problem in found), found


ARRAYS = [
    pytest.param("MBR", ["Primary"] * 5, "OSDPartitions4Type=Primary: an MBR disk has at most 4", id="five-primaries"),
    pytest.param("MBR", ["Extended", "Extended"], "at most one Extended partition", id="two-extended"),
    pytest.param("MBR", ["Logical", "Extended"], "OSDPartitions0Type=Logical: a Logical", id="logical-first"),
    pytest.param("MBR", ["Primary active", "Primary active"], "only one partition of an MBR disk", id="two-active"),
    pytest.param("MBR", ["Extended active"], "Extended partitions cannot be active", id="active-extended"),
    pytest.param("MBR", ["Hidden active"], "Hidden partitions cannot be active", id="active-hidden"),
    pytest.param("MBR", ["Extended", "Logical active"], "Logical partitions cannot be active", id="active-logical"),
    pytest.param("GPT", ["Extended"], "OSDPartitions0Type=Extended: not possible on a GPT disk", id="gpt-extended"),
    pytest.param("GPT", ["Logical"], "OSDPartitions0Type=Logical: not possible on a GPT disk", id="gpt-logical"),
    pytest.param("GPT", ["MSR", "MSR"], "OSDPartitions1Type=MSR: a disk has one MSR", id="two-msr"),
    pytest.param("GPT", ["EFI NTFS"], "OSDPartitions0FileSystem=NTFS: firmware starts from FAT", id="efi-ntfs"),
    pytest.param("GPT", ["Primary"] * 129, "129 partitions: a GPT disk has at most 128", id="129"),
]


@pytest.mark.parametrize(("style", "elements", "message"), ARRAYS)
def test_rules_between_elements(style: str, elements: list[str], message: str) -> None:
    found = problems(variables(style, *elements))
    assert any(message in problem for problem in found), found


def test_bootable_is_no_error_on_gpt() -> None:
    # MDT's templates set it on the EFI partition.
    assert layout_from_variables(variables("GPT", "EFI FAT32 active"))


def test_all_violations_are_reported_together() -> None:
    given = variables("MBR", "Primary 0 MB", "Extended NTFS", "Extended", "EFI")
    found = problems(given | {"OSDDiskIndex": "x", "OSDPartitions0Bootable": "maybe"})
    for name in ("OSDDiskIndex=x", "0Size=0", "0Bootable=maybe", "1FileSystem=NTFS", "2Type=Extended", "3Type=EFI"):
        assert sum(name in problem for problem in found) == 1, found


def test_a_misspelt_type_does_not_raise_false_alarms_about_the_order() -> None:
    found = problems(variables("MBR", "Primary", "Extnded", "Logical"))
    assert found == (f"OSDPartitions1Type=Extnded: valid are {MBR_TYPES}",)


# ---- files ----


def test_a_file_has_lines_with_comments_and_blanks() -> None:
    text = "\ufeff# a comment\n; another\n\n OSDDiskIndex = 0 \nOSDPartitions0VolumeName=a=b\n"
    assert parse_variables(text, source="x") == {"OSDDiskIndex": "0", "OSDPartitions0VolumeName": "a=b"}


def test_a_file_may_be_json() -> None:
    document = {"OSDDiskIndex": 0, "OSDPartitions0Bootable": True, "OSDPartitionStyle": "GPT"}
    read = parse_variables(json.dumps(document), source="x")
    assert read == {"OSDDiskIndex": "0", "OSDPartitions0Bootable": "true", "OSDPartitionStyle": "GPT"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("OSDDiskIndex\n", "x, line 1 is not NAME=VALUE", id="no-equals"),
        pytest.param("a b=1\n", "line 1", id="bad-name"),
        pytest.param("A=1\na=2\n", "x, line 2: a is given twice", id="twice"),
        pytest.param('{"A": 1, "a": 2}', "x: a is given twice", id="json-twice"),
        pytest.param('{"A": [1]}', "x: A is a list; expected is text, a whole number", id="json-list"),
        pytest.param('{"A": 1.5}', "x: A is a number with a fraction; expected", id="json-fraction"),
        pytest.param('{"A": Infinity}', "x: Infinity is no number in JSON", id="json-infinity"),
        pytest.param('{"A": null}', "x: A is null; expected", id="json-null"),
        pytest.param('{"A": "\\ud800"}', "x: A holds a character that no text has", id="json-half"),
        pytest.param('{"A b": "1"}', "x: 'A b'", id="json-bad-name"),
        pytest.param('{"A": 1', "x: not JSON", id="json-broken"),
        pytest.param("{" + '"A":{' * 100_000, "x: it is nested too deeply", id="json-deep"),
        pytest.param("A=1\n\nB=\0\n", "x, line 3: B holds a character that no text has", id="NUL"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(text: str, message: str) -> None:
    with pytest.raises(InvalidDocument, match=message):
        parse_variables(text, source="x")


@pytest.mark.parametrize("text", ["OSDJoinPassword swordfish", "OSD JoinPassword=swordfish", '{"P": "swordfish", x}'])
def test_a_line_that_is_not_valid_is_not_shown_since_it_may_hold_a_secret(text: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_variables(text, source="x")
    assert "swordfish" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_as_windows_tools_write_it(encoding: str, tmp_path: Path) -> None:
    # U+2028 ends a line for Python, and not in a text file.
    (tmp_path / "x.vars").write_bytes("A=1\r\nB=Größe\u2028=2\r\n".encode(encoding))
    assert load_variables(tmp_path / "x.vars") == {"A": "1", "B": "Größe\u2028=2"}


def test_a_file_that_is_larger_than_any_environment_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.vars").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InvalidDocument, match=r"x\.vars is larger than 16\.0 MB"):
        load_variables(tmp_path / "x.vars")


def test_a_later_source_wins_whatever_the_case() -> None:
    assert merge_variables({"OSDDiskIndex": "0"}, {"osddiskindex": "3"}) == {"osddiskindex": "3"}


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=30), max_size=8))
def test_any_variables_give_an_error_that_lists_problems(noise: dict[str, str]) -> None:
    # OSDDiskIndex is never among them.
    assert problems(noise)


_KEYS = st.sampled_from(["Type", "Size", "SizeUnits", "FileSystem", "Bootable", "VolumeName", "VolumeLetterVariable"])
_WORDS = st.sampled_from(
    ["Primary", "Extended", "Logical", "MSR", "EFI", "1", "99", "Percent", "GB", "NTFS", "true", ""]
)


@given(
    style=st.sampled_from(["MBR", "GPT", "x", ""]),
    cells=st.dictionaries(st.tuples(st.integers(0, 4), _KEYS), _WORDS | st.text(max_size=5), max_size=20),
)
def test_any_elements_give_a_layout_or_problems(style: str, cells: dict[tuple[int, str], str]) -> None:
    given = {"OSDDiskIndex": "0", "OSDPartitionStyle": style}
    given |= {f"OSDPartitions{index}{key}": value for (index, key), value in cells.items()}
    try:
        assert layout_from_variables(given).partitions
    except InvalidLayout as error:
        found = error.problems
    else:
        return
    assert found
    assert all(problem.strip() for problem in found)


# ---- presets ----


@pytest.mark.parametrize(
    ("preset", "recovery", "roles"),
    [
        (Preset.UEFI, None, "EFI MSR Primary Recovery"),
        (Preset.UEFI, RecoveryPlace.AFTER, "EFI MSR Primary Recovery"),
        (Preset.UEFI, RecoveryPlace.BEFORE, "EFI MSR Recovery Primary"),
        (Preset.UEFI, RecoveryPlace.NONE, "EFI MSR Primary"),
        (Preset.BIOS, None, "Primary Primary Recovery"),
        (Preset.BIOS, RecoveryPlace.BEFORE, "Primary Recovery Primary"),
        (Preset.BIOS, RecoveryPlace.NONE, "Primary Primary"),
        (Preset.DATA_GPT, None, "MSR Primary"),
        (Preset.DATA_MBR, RecoveryPlace.NONE, "Primary"),
    ],
)
def test_presets_place_the_recovery_partition(preset: Preset, recovery: RecoveryPlace | None, roles: str) -> None:
    assert " ".join(spec.role for spec in preset_layout(preset, recovery).partitions) == roles


@pytest.mark.parametrize("preset", [Preset.DATA_GPT, Preset.DATA_MBR])
def test_a_data_disk_has_no_recovery_partition(preset: Preset) -> None:
    with pytest.raises(InvalidRequest, match=f"preset {preset} has no recovery partition; valid for it is none"):
        preset_layout(preset, RecoveryPlace.AFTER)
