"""Commands that Setup runs before the user's; by "RunSynchronousCommand" of the Unattended Windows Setup Reference."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

import pytest
from osdimage.imaging import InvalidRequest
from osdimage.imaging.answers.unattend import Unattend

U = "{urn:schemas-microsoft-com:unattend}"
WCM = "{http://schemas.microsoft.com/WMIConfig/2002/State}"
OURS = ("ours", r"cmd.exe /c C:\ours.cmd")


def answer_file(orders: Sequence[str], *, mark: str = "") -> bytes:
    """Return an answer file with commands of these numbers, whose paths tell in which order they stand."""
    commands = "".join(
        f'<RunSynchronousCommand w:action="add"><Order>{order}</Order><Path>user {at}</Path></RunSynchronousCommand>'
        for at, order in enumerate(orders)
    )
    return f"""<unattend xmlns="urn:schemas-microsoft-com:unattend">
    <settings pass="specialize"{mark}>
        <component name="Microsoft-Windows-Deployment" processorArchitecture="amd64" language="neutral"
            publicKeyToken="31bf3856ad364e35" versionScope="nonSxS"
            xmlns:w="http://schemas.microsoft.com/WMIConfig/2002/State">
            <RunSynchronous>{commands}</RunSynchronous>
        </component>
    </settings>
</unattend>
""".encode()


def commands(document: bytes) -> list[tuple[str, str]]:
    """Return order and path of the commands of the pass specialize for amd64, as they stand in the file."""
    root = ET.fromstring(document)  # noqa: S314 - what osdimage just wrote
    found = root.iterfind(
        f"{U}settings[@pass='specialize']/{U}component[@name='Microsoft-Windows-Deployment']"
        f"[@processorArchitecture='amd64']/{U}RunSynchronous/{U}RunSynchronousCommand"
    )
    return [(each.findtext(f"{U}Order") or "", each.findtext(f"{U}Path") or "") for each in found]


def with_ours(data: bytes) -> bytes:
    made = Unattend.from_bytes(data, "x64", source="user.xml")
    made.run_first(*OURS)
    return made.to_bytes()


@pytest.mark.parametrize(
    ("orders", "after"),
    [
        pytest.param((), (), id="none"),
        pytest.param(("1", "2", "3"), ("2", "3", "4"), id="moved up by one"),
        pytest.param(("1", "2", "7"), ("2", "3", "7"), id="a gap takes the move up"),
        pytest.param(("7", "3"), ("7", "3"), id="there is room before them"),
        pytest.param(("2", "1", "1"), ("3", "2", "2"), id="out of order, and a number twice"),
        pytest.param(("1", "", "x", "9999999999"), ("2", "", "x", "9999999999"), id="numbers that are none stay"),
    ],
)
def test_a_command_runs_first_and_the_users_keep_their_order(orders: tuple[str, ...], after: tuple[str, ...]) -> None:
    found = commands(with_ours(answer_file(orders)))
    assert found == [*((order, f"user {at}") for at, order in enumerate(after)), ("1", OURS[1])]


def test_the_same_again_changes_no_byte_and_another_command_of_ours_replaces_it() -> None:
    once = with_ours(answer_file(("1", "2")))
    assert with_ours(once) == once
    again = Unattend.from_bytes(once, "x64", source="once")
    again.run_first(OURS[0], "other")
    assert commands(again.to_bytes()) == [("2", "user 0"), ("3", "user 1"), ("1", "other")]


def test_an_empty_answer_file_gets_only_the_command() -> None:
    made = Unattend.empty("x64")
    made.run_first(*OURS)
    assert commands(made.to_bytes()) == [("1", OURS[1])]
    root = ET.fromstring(made.to_bytes())  # noqa: S314 - what osdimage just wrote
    assert [each.get("pass") for each in root] == ["specialize"]
    assert root.find(f".//{U}RunSynchronousCommand[@{WCM}action='add']") is not None
    assert Unattend.from_bytes(made.to_bytes(), "x64", source="made").warnings == ()


def test_settings_that_windows_has_processed_give_way_as_it_skips_them_whole() -> None:
    found = with_ours(answer_file(("1",), mark=' wasPassProcessed="true"'))
    assert commands(found) == [("1", OURS[1])]
    assert b"wasPassProcessed" not in found


def test_a_command_longer_than_setup_takes_is_refused() -> None:
    made = Unattend.empty("x64")
    made.run_first("ours", "x" * 259)
    with pytest.raises(InvalidRequest, match="260 characters; valid are 259"):
        made.run_first("ours", "x" * 260)


def test_there_is_no_room_before_five_hundred_commands() -> None:
    with pytest.raises(InvalidRequest, match="500 commands"):
        with_ours(answer_file(tuple(map(str, range(1, 501)))))
