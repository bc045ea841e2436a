"""``osdimage driver`` and a catalog: from import to export, and what is said where something is not so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cases.driver_files import write_guest_drivers
from runs.commands import osdimage
from runs.terminal import on_a_terminal

SCSI = "Red Hat VirtIO SCSI controller"
NET = "Red Hat VirtIO Ethernet Adapter"


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_guest_drivers(tmp_path_factory.mktemp("guests"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def filled(guests: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("OSDIMAGE_CATALOG", str(tmp_path / "lab.db"))
    osdimage("driver", "import", guests, "--category", "Guests")
    return tmp_path / "lab.db"


def names(*arguments: str) -> list[str]:
    return [each["name"] for each in osdimage("driver", "list", *arguments, "--json").facts["drivers"]]


def test_an_import_says_what_became_of_each_inf(guests: Path) -> None:
    outcome = osdimage("driver", "import", guests, "--catalog", "lab.db", "--verbose")
    assert outcome.out.splitlines() == [
        f"{guests}/NetKVM/amd64/netkvm.inf: new: {NET}",
        f"{guests}/NetKVM/x86/netkvm.inf: new: {NET} (2)",
        f"{guests}/autorun.inf: left out: is no INF of a driver: its Signature is not that of Windows",
        f"{guests}/vioscsi/amd64/vioscsi.inf: new: {SCSI}",
        f"{guests}/vioscsi/x86/vioscsi.inf: new: {SCSI} (2)",
        "lab.db: 4 new drivers, 0 there already, 1 left out",
    ]
    again = osdimage("driver", "import", guests / "vioscsi", "--catalog", "lab.db")
    assert again.out == "lab.db: 0 new drivers, 2 there already, 0 left out\n"
    joined = osdimage("driver", "import", guests / "vioscsi", "--catalog", "lab.db", "--package", "KVM").out
    assert joined == "lab.db: 0 new drivers, 2 there already, 0 left out; those taken are in package KVM\n"


def test_what_was_missing_at_the_import_is_shown(guests: Path, here: Path) -> None:
    bare = shutil.copytree(guests / "vioscsi" / "amd64", here / "bare")
    (bare / "vioscsi.sys").unlink()
    catalog = ("--catalog", here / "lab.db")
    osdimage("driver", "import", bare, *catalog)
    assert "\nat the import: vioscsi.sys is missing\n" in osdimage("driver", "show", f"catalog:{SCSI}", *catalog).out
    facts = osdimage("driver", "show", f"catalog:{SCSI}", "--json", *catalog).facts
    assert facts["catalog"]["warnings"] == ["vioscsi.sys is missing"]


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        pytest.param({}, "home/.local/share/osdimage/drivers.db", id="home"),
        pytest.param({"XDG_DATA_HOME": "data"}, "data/osdimage/drivers.db", id="XDG"),
        pytest.param({"XDG_DATA_HOME": "data", "OSDIMAGE_CATALOG": "lab.db"}, "lab.db", id="variable"),
    ],
)
def test_the_catalog_is_where_the_environment_says(
    guests: Path, here: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], place: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, str(here / value))
    osdimage("driver", "import", guests / "vioscsi" / "amd64")
    assert (here / place).is_file()
    assert names() == [SCSI]


def test_drivers_are_listed_changed_and_removed(filled: Path) -> None:
    assert filled.is_file()
    assert names("--class", "net", "--arch", "x64") == [NET]
    assert names("--os", "10.0.22631", "--product", "server") == [NET, SCSI]
    assert names("--os", "10.0.22631", "--arch", "x86") == [f"{NET} (2)", f"{SCSI} (2)"]
    assert names("--id", "pci\\ven_1af4&dev_1004") == [SCSI, f"{SCSI} (2)"]
    shown = osdimage("driver", "list", "--provider", "red*").out.splitlines()
    assert shown[0].split() == ["name", "class", "provider", "version", "date", "categories", "for"]
    assert len(shown) == 5
    changed = osdimage(
        "driver", "set", SCSI.lower(), "--disable", "--category", "+Lab,-guests", "--platform", "10.0-x64"
    )
    assert changed.out == f"{SCSI}: disabled; categories: Lab; for: 10.0-amd64\n"
    assert "state" in osdimage("driver", "list").out.splitlines()[0].split()
    assert names("--disabled") == names("--category", "lab") == [SCSI]
    assert osdimage("driver", "remove", SCSI, NET).out == f"{NET}: removed\n{SCSI}: removed\n"
    assert names() == [f"{NET} (2)", f"{SCSI} (2)"]


def test_a_list_without_drivers_says_so(filled: Path) -> None:
    assert osdimage("driver", "list", "--class", "Nett").out == f"{filled}: none of its 4 drivers is so\n"
    osdimage("driver", "remove", *names())
    assert osdimage("driver", "list").out == f"{filled}: it is empty\n"


def test_a_narrow_terminal_shows_what_tells_drivers_apart(filled: Path) -> None:
    assert filled.is_file()
    _, _, shown = on_a_terminal(["driver", "list"], whole=True, COLUMNS="80")
    lines = shown.splitlines()
    assert lines[0].split() == ["name", "class", "version", "for"]
    assert lines[1].split()[-1].startswith("NTamd64")
    assert "not shown, for want of room: provider, date, categories" in lines[-1]


def test_what_takes_driver_files_takes_names_of_the_catalog(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OSDIMAGE_CATALOG")
    there = ("--catalog", filled)
    osdimage("driver", "set", NET, "--disable", *there)
    shown = osdimage("driver", "show", f"catalog:{NET.lower()}", *there).out
    assert "\nenabled:    no\n" in shown
    assert [line.partition(": ")[2] for line in shown.splitlines()[-2:]][1] == "disabled"
    facts = osdimage("driver", "show", f"catalog:{SCSI}", "--json", *there).facts
    assert [each["path"] for each in facts["drivers"]] == ["vioscsi.inf"]
    assert facts["catalog"]["driver"]["categories"] == ["Guests"]
    told = {key: facts["drivers"][0][key] for key in ("date", "driver_version")}
    assert {key: facts["catalog"]["driver"][key] for key in told} == told
    facts = osdimage("driver", "show", "catalog:Guests", "--json", *there).facts
    assert [each["path"] for each in facts["drivers"]] == [
        "00-netkvm/netkvm.inf",
        "01-netkvm/netkvm.inf",
        "02-vioscsi/vioscsi.inf",
        "03-vioscsi/vioscsi.inf",
    ]
    assert facts["catalog"] is None
    checked = osdimage("driver", "check", "catalog:", "--json", *there, code=None)
    assert checked.warnings == [f"driver {NET} of the catalog is disabled, and left out"]
    assert len(checked.facts["drivers"]) == 3
    said = osdimage("driver", "check", f"catalog:{NET}", *there, code=2).err
    assert f"driver '{NET}' is disabled; osdimage driver set '{NET}' --enable enables it" in said


def test_a_package_is_made_filled_and_exported(filled: Path, here: Path) -> None:
    assert filled.is_file()
    osdimage("driver", "package", "create", "KVM guest", SCSI, "--description", "amd64")
    assert osdimage("driver", "package", "add", "kvm guest", NET).out == "KVM guest: 2 drivers\n"
    osdimage("driver", "set", NET, "--disable")
    shown = osdimage("driver", "package", "show", "KVM guest").out.splitlines()
    assert shown[1:4] == ["  amd64", f"  {NET} (disabled)", f"  {SCSI}"]
    assert [line.partition(": ")[2] for line in shown[4:]] == ["created", "1 driver added", "1 driver added"]
    outcome = osdimage("driver", "package", "export", "KVM guest", "out")
    assert outcome.warnings == [f"driver {NET} is disabled, and left out"]
    assert {str(each.relative_to(here / "out")) for each in (here / "out").rglob("*.*")} == {
        f"00-vioscsi/vioscsi.{kind}" for kind in ("inf", "sys", "cat")
    }
    assert osdimage("driver", "package", "list").out.splitlines()[1].split()[:3] == ["KVM", "guest", "2"]
    osdimage("driver", "package", "remove", "KVM guest", NET)
    assert osdimage("driver", "package", "delete", "KVM guest").out == "KVM guest: deleted\n"


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        pytest.param("driver list", 2, "no catalog of drivers; osdimage driver import PATH makes one", id="none"),
        pytest.param("driver import missing", 2, "missing: no such file", id="missing path"),
        pytest.param("driver import catalog:", 2, "catalog:: no such file", id="a name of the catalog"),
        pytest.param("driver import text.inf --package P --disabled", 2, "only enabled drivers", id="disabled"),
        pytest.param("driver import text.txt", 3, "not read of such a file", id="no driver files"),
        pytest.param("driver list --catalog text.txt", 3, "is no catalog of drivers", id="no catalog"),
        pytest.param("driver list --product server", 2, "give --os, too", id="product without os"),
        pytest.param("driver set x", 2, "there is nothing to change", id="nothing to set"),
        pytest.param("driver set x --category Lab", 2, "valid is +NAME", id="category without sign"),
        pytest.param("driver set x --platform vista", 2, "is no platform", id="platform"),
    ],
)
def test_what_cannot_be_done_is_one_line(here: Path, line: str, code: int, message: str) -> None:
    (here / "text.txt").write_text("text")
    (here / "text.inf").write_text("text")
    outcome = osdimage(*line.split(), code=code)
    assert message in outcome.err.replace("No such", "no such")
    assert len([each for each in outcome.err.splitlines() if each.startswith("osdimage: ")]) == 1
    assert [each for each in (here / "home").rglob("*") if each.is_file()] == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("driver set none --enable", "no driver 'none'; osdimage driver list names them", id="driver"),
        pytest.param(
            "driver package show none",
            "no package 'none'; osdimage driver package list names them",
            id="package",
        ),
        pytest.param("driver package create P none", "there is no driver 'none'", id="in a new package"),
    ],
)
def test_what_is_not_in_the_catalog_is_named(filled: Path, line: str, message: str) -> None:
    assert message in osdimage(*line.split(), "--catalog", filled, code=2).err
