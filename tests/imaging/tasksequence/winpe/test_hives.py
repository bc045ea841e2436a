"""``reg`` with hives of volumes; python-registry reads what became of them."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from judges.hive import python_registry
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry.values import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.tasksequence.computer.kept import machine_document, machine_of
from osdimage.imaging.tasksequence.computer.machine import LoadedHive, Machine, NotThere, Place
from osdimage.imaging.tasksequence.winpe.command import Outcome
from osdimage.imaging.tasksequence.winpe.places import written
from osdimage.imaging.tasksequence.winpe.recognized import recognize

pytestmark = pytest.mark.foreign

CarryOut = Callable[[str], Outcome]
PATH = "Windows/System32/config/SOFTWARE"
LOAD = r"reg load HKLM\$DEST$SOFTWARE C:\Windows\System32\config\SOFTWARE"
UNLOAD = r"cmd /c REG UNLOAD HKLM\$DEST$SOFTWARE"


@pytest.fixture(autouse=True)
def hive(machine: Machine) -> None:
    made = new_hive("SOFTWARE")
    made.root.ensure("Old").set(Value.string("Name", "before"))
    with written(machine, Place(0, 1), is_repeated=False) as files:
        files.write(PATH, write_hive(made))


def values(machine: Machine, key: str) -> dict[str, tuple[int, bytes]]:
    with written(machine, Place(0, 1), is_repeated=False) as files:
        return python_registry(files.read(PATH))[key]


# Types by winnt.h: REG_SZ 1, REG_EXPAND_SZ 2, REG_BINARY 3, REG_DWORD 4, REG_MULTI_SZ 7, REG_QWORD 11.
def test_values_are_those_that_reg_add_writes(machine: Machine, carry_out: CarryOut) -> None:
    assert carry_out(LOAD).code == 0
    key = r"HKEY_LOCAL_MACHINE\$dest$software\New\Key"
    for line in (
        rf'reg add "{key}" /v Text /t REG_SZ /d "a b" /f',
        rf"reg add {key} /v Slash /d /x /f",
        rf"reg add {key} /v Path /t REG_EXPAND_SZ /d %SystemRoot%\x /f",
        rf"reg add {key} /v Bytes /t REG_BINARY /d 00ff /f",
        rf"reg add {key} /v Number /t REG_DWORD /d 0x10 /f",
        rf"reg add {key} /v Large /t REG_QWORD /d 4294967296 /f /reg:64",
        rf"reg add {key} /v List /t REG_MULTI_SZ /s ; /d one;two /f",
        rf"reg add {key} /ve /d default /f",
        r"reg add HKLM\$DEST$SOFTWARE\Empty",
    ):
        assert carry_out(line).code == 0, line
    assert values(machine, r"New\Key") == {
        "Text": (1, "a b\0".encode("utf-16-le")),
        "Slash": (1, "/x\0".encode("utf-16-le")),
        "Path": (2, "%SystemRoot%\\x\0".encode("utf-16-le")),
        "Bytes": (3, b"\0\xff"),
        "Number": (4, struct.pack("<I", 16)),
        "Large": (11, struct.pack("<Q", 1 << 32)),
        "List": (7, "one\0two\0\0".encode("utf-16-le")),
        "": (1, "default\0".encode("utf-16-le")),
    }
    assert values(machine, "Empty") == {}
    assert carry_out(UNLOAD).code == 0
    assert machine.hives == {}


# "reg delete" and "reg add": exit code 1 is a failure; without /f they ask.
def test_reg_fails_where_it_would_ask_or_find_nothing(machine: Machine, carry_out: CarryOut) -> None:
    carry_out(LOAD)
    key = r"HKLM\$DEST$SOFTWARE\Old"
    assert carry_out(rf"reg add {key} /v Name /d after").code == 1
    assert carry_out(rf"reg add {key} /v Name /d before").code == 0
    assert carry_out(rf"reg delete {key} /v None /f").code == 1
    assert carry_out(LOAD).code == 1
    assert values(machine, "Old") == {"Name": (1, "before\0".encode("utf-16-le"))}
    assert carry_out(rf"reg delete {key} /v Name /f").code == 0
    assert values(machine, "Old") == {}
    assert recognize(rf"reg delete {key} /f", machine).foretell(machine).destroys == (
        r"HKEY_LOCAL_MACHINE\$DEST$SOFTWARE\Old and all in it",
    )
    assert carry_out(rf"reg delete {key} /f").code == 0
    assert carry_out(rf"reg delete {key} /f").code == 1


def test_a_file_that_is_no_hive_is_not_loaded(machine: Machine, carry_out: CarryOut) -> None:
    with written(machine, Place(0, 1), is_repeated=False) as files:
        files.write("text", b"no hive")
    with pytest.raises(InvalidInput):
        carry_out(r"reg load HKLM\X C:\text")
    assert carry_out(r"reg load HKLM\X C:\none").code == 1
    assert machine.hives == {}


@pytest.mark.parametrize(
    "line",
    [
        UNLOAD,
        r"reg add HKLM\SYSTEM\CurrentControlSet\Control /v X /d 1 /f",
        r"reg add HKCU\Software\X /f",
        r"reg load HKLM\X X:\Windows\System32\config\SOFTWARE",
    ],
)
def test_what_changes_the_registry_of_windows_pe_alone_is_needless(machine: Machine, line: str) -> None:
    assert recognize(line, machine).needless(machine) is not None


def test_a_plan_knows_which_hives_steps_have_loaded(machine: Machine) -> None:
    add = recognize(r"reg add HKLM\OFF\Key /f", machine)
    with pytest.raises(NotThere, match="no hive is loaded"):
        add.foretell(machine)
    rehearsal = machine.rehearsal()
    recognize(r"reg load HKLM\OFF C:\Windows\System32\config\SYSTEM", rehearsal).foretell(rehearsal)
    assert "change" in add.foretell(rehearsal).does
    with pytest.raises(InvalidRequest, match="has no CurrentControlSet"):
        recognize(r"reg add HKLM\OFF\CurrentControlSet\X /f", machine).foretell(rehearsal)
    assert machine.hives == {}


def test_loaded_hives_are_kept_with_the_state_and_go_with_their_disk(machine: Machine, carry_out: CarryOut) -> None:
    carry_out(LOAD)
    kept = machine_of(machine_document(machine), source="here")
    assert kept.hives == {r"hkey_local_machine\$dest$software": LoadedHive(Place(0, 1), PATH.replace("/", "\\"))}
    kept.forget_disk(0)
    assert kept.hives == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (r"reg query HKLM\X", "of reg, load, unload, add, delete"),
        ("reg", "of reg, load"),
        (r"reg load HKCU\X C:\a", "a hive is loaded as a key such as"),
        (r"reg load HKLM\X\Y C:\a", "a hive is loaded as a key such as"),
        (r"reg unload", "valid is reg unload"),
        (r"reg add \\pc\HKLM\X /f", "key of this computer"),
        (r"reg add HKLM\X\Y /v A /t REG_LINK /d x", "REG_LINK"),
        (r"reg add HKLM\X\Y /v A /t REG_DWORD /d 4294967296", "number of 32 bits"),
        (r"reg add HKLM\X\Y /v A /t REG_BINARY /d 0", "hexadecimal"),
        (r"reg add HKLM\X\Y /z", "reg add '/z' is not known"),
        (r"reg delete HKLM\X\Y", "asks a person"),
        (r"reg delete HKLM\X /f", "a whole hive"),
    ],
)
def test_what_is_not_known_is_refused(machine: Machine, line: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        recognize(line, machine)
