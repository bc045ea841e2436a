"""Drivers from folders, archives and discs: what of an INF is kept, what is left out and why, what is found again."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.driver_files import inf_text, write_driver, write_guest_drivers
from osdimage.imaging.drivers.store.adding import ImportedInf, ImportWish, Outcome
from osdimage.imaging.drivers.store.catalog import (
    DriverCatalog,
    all_drivers,
    driver_number,
    files_of,
    open_catalog,
    warnings_of,
)
from osdimage.imaging.drivers.store.importing import import_drivers
from osdimage.imaging.drivers.store.platforms import parse_platforms
from osdimage.imaging.drivers.store.search import DriverFilter, find_drivers
from osdimage.imaging.drivers.store.settings import DriverChange, change_driver
from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs
from osdimage.imaging.errors import InvalidInput, StorageError
from osdimage.imaging.progress import ProgressEvent

SCSI = "Red Hat VirtIO SCSI controller"
NET = "Red Hat VirtIO Ethernet Adapter"
WINDOWS_11 = TargetOs(10, 0, 22631, Architecture.AMD64)


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_guest_drivers(tmp_path_factory.mktemp("guests"))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[DriverCatalog]:
    with open_catalog(tmp_path / "drivers.db", creates=True) as made:
        yield made


@pytest.fixture(scope="module")
def filled(guests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriverCatalog]:
    """Return a catalog with all of them, which nobody changes."""
    with open_catalog(tmp_path_factory.mktemp("filled") / "drivers.db", creates=True) as made:
        import_drivers(made, [guests])
        yield made


def only(infs: tuple[ImportedInf, ...]) -> ImportedInf:
    (found,) = infs
    return found


def files(opened: DriverCatalog, name: str) -> dict[str, bytes]:
    found = files_of(opened, driver_number(opened, name))
    return {each.path: opened.contents.read(each.sha256, each.size) for each in found}


def test_a_folder_gives_each_inf_with_its_own_files(opened: DriverCatalog, guests: Path) -> None:
    infs = import_drivers(opened, [guests])
    said = {(each.source.removeprefix(f"{guests}/"), each.outcome, each.name or each.reason) for each in infs}
    none = "is no INF of a driver: its Signature is not that of Windows"
    assert said == {
        ("NetKVM/amd64/netkvm.inf", Outcome.NEW, NET),
        ("NetKVM/x86/netkvm.inf", Outcome.NEW, f"{NET} (2)"),
        ("autorun.inf", Outcome.LEFT_OUT, none),
        ("vioscsi/amd64/vioscsi.inf", Outcome.NEW, SCSI),
        ("vioscsi/x86/vioscsi.inf", Outcome.NEW, f"{SCSI} (2)"),
    }
    assert files(opened, SCSI) == {
        name: (guests / "vioscsi" / "amd64" / name).read_bytes()
        for name in ("vioscsi.inf", "vioscsi.sys", "vioscsi.cat")
    }
    # The same again is nothing new.
    again = import_drivers(opened, [guests / "vioscsi"])
    assert {(each.outcome, each.name) for each in again} == {(Outcome.PRESENT, SCSI), (Outcome.PRESENT, f"{SCSI} (2)")}
    assert len(all_drivers(opened)) == 4


def test_an_inf_alone_and_one_in_an_archive_are_the_same_driver(
    opened: DriverCatalog, guests: Path, tmp_path: Path
) -> None:
    inf = guests / "vioscsi" / "amd64" / "vioscsi.inf"
    assert only(import_drivers(opened, [inf])).name == SCSI
    archive = tmp_path / "drivers.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for each in inf.parent.iterdir():
            made.write(each, f"Vendor/{each.name.upper()}")
    found = only(import_drivers(opened, [archive]))
    assert (found.outcome, found.name) == (Outcome.PRESENT, SCSI)
    assert found.source == f"{archive}!Vendor/VIOSCSI.INF"
    passed = only(import_drivers(opened, [archive], archives=False))
    assert (passed.outcome, passed.reason) == (Outcome.LEFT_OUT, "is an archive")


def test_files_in_folders_of_their_own_and_those_of_setup_come_along(opened: DriverCatalog, tmp_path: Path) -> None:
    text = inf_text("iastor", ("PCI\\VEN_8086&DEV_2822",), device="Intel RAID")
    text = text.replace('1 = "Disk"', '1 = "Disk",,,Drivers').replace(
        "iastor.sys = 1", "iastor.sys = 1,x64\nno.txt = 1"
    )
    inf = write_driver(tmp_path / "d", text, stem="iastor")
    (tmp_path / "d" / "drivers" / "X64").mkdir(parents=True)
    (tmp_path / "d" / "iastor.sys").rename(tmp_path / "d" / "drivers" / "X64" / "IASTOR.SYS")
    (tmp_path / "d" / "TxtSetup.oem").write_text("[Disks]\r\n")
    found = only(import_drivers(opened, [inf]))
    assert found.warnings == ()
    assert set(files(opened, "Intel RAID")) == {"iastor.inf", "iastor.cat", "Drivers/x64/iastor.sys", "txtsetup.oem"}


def test_what_is_missing_is_a_warning_that_stays(opened: DriverCatalog, tmp_path: Path) -> None:
    inf = write_driver(tmp_path / "d", inf_text("a", ("PCI\\VEN_1",), device="Bare"), stem="a")
    for name in ("a.sys", "a.cat"):
        (inf.parent / name).unlink()
    found = only(import_drivers(opened, [inf]))
    assert found.outcome is Outcome.NEW
    assert found.warnings == ("a.sys is missing", "there is no catalog file (.cat): it is not signed")
    assert warnings_of(opened, "bare") == found.warnings
    assert [each.is_signed for each in all_drivers(opened)] == [False]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(
            '[Version]\nSignature="$Windows NT$"\nClass=Net\nProvider=%X%\n[Manufacturer]\n%X%=M,NT$ARCH$\n',
            r"is not a finished INF: line 6 has '\$ARCH\$'",
            id="template",
        ),
        pytest.param("[Defines]\nINF_VERSION = 0x00010005\n", "is no INF of a driver", id="EDK2"),
        pytest.param("[Version\nSignature=x\n", "", id="damaged"),
        pytest.param(
            '[Version]\nSignature="$Windows NT$"\n[Manufacturer]\n' + "a=m\n" * 300 + "[m]\n" + "x=y,z\n" * 300,
            "sections name others so often",
            id="models named too often",
        ),
    ],
)
def test_what_is_no_driver_is_left_out_with_the_reason(
    opened: DriverCatalog, tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "x.inf"
    path.write_text(content)
    found = only(import_drivers(opened, [path]))
    assert found.outcome is Outcome.LEFT_OUT
    assert found.reason
    assert reason.replace("\\", "") in found.reason


def test_an_inf_whose_name_is_no_text_is_left_out(opened: DriverCatalog, tmp_path: Path) -> None:
    write_driver(tmp_path, inf_text("a", ("PCI\\VEN_1",), device="Good"), stem="a").rename(
        tmp_path / os.fsdecode(b"\xff.inf")
    )
    found = only(import_drivers(opened, [tmp_path]))
    assert (found.outcome, found.reason) == (Outcome.LEFT_OUT, "has a name that is not UTF-8")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        pytest.param(lambda path: path.mkdir(), InvalidInput, "holds no INF", id="empty folder"),
        pytest.param(
            lambda path: path.write_bytes(b"x" * 100), InvalidInput, "not read of such a file", id="no archive"
        ),
        pytest.param(lambda _: None, StorageError, "no such file", id="missing"),
    ],
)
def test_a_path_without_drivers_changes_nothing(
    tmp_path: Path, guests: Path, make: object, error: type[Exception], message: str
) -> None:
    assert callable(make)
    make(tmp_path / "x")
    with (
        open_catalog(tmp_path / "drivers.db", creates=True) as opened,
        pytest.raises(error, match=f"(?i){message}"),
    ):
        import_drivers(opened, [guests, tmp_path / "x"])
    # No catalog was made for it, either.
    assert {each.name for each in tmp_path.iterdir()} <= {"x"}


def test_progress_counts_infs_and_tells_what_is_left_out(opened: DriverCatalog, guests: Path) -> None:
    events: list[ProgressEvent] = []
    import_drivers(opened, [guests], progress=events.append)
    assert [each.percent for each in events] == sorted(each.percent for each in events)
    assert (events[-1].percent, events[-1].done, events[-1].unit) == (100.0, 5, "files")
    assert [each.warning for each in events if each.warning] == [
        f"{guests}/autorun.inf: left out: is no INF of a driver: its Signature is not that of Windows"
    ]


# The netkvm of these has an empty section for 6.1, which says that it is not for it.
@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        pytest.param(DriverFilter(), {SCSI, f"{SCSI} (2)", NET, f"{NET} (2)"}, id="all"),
        pytest.param(DriverFilter(class_name="net"), {NET, f"{NET} (2)"}, id="class"),
        pytest.param(DriverFilter(provider="*HAT*", class_name="scsi*"), {SCSI, f"{SCSI} (2)"}, id="patterns"),
        pytest.param(DriverFilter(provider="red hat"), set(), id="not a part of it"),
        pytest.param(DriverFilter(os=WINDOWS_11), {SCSI, NET}, id="Windows 11"),
        pytest.param(DriverFilter(os=TargetOs(6, 1, 7601, Architecture.AMD64)), set(), id="Windows 7"),
        pytest.param(DriverFilter(architecture=Architecture.X86), {f"{SCSI} (2)", f"{NET} (2)"}, id="architecture"),
        pytest.param(DriverFilter(architecture=Architecture.ARM64), set(), id="another architecture"),
        pytest.param(DriverFilter(id="pci\\ven_1af4&dev_1004"), {SCSI, f"{SCSI} (2)"}, id="hardware id"),
        pytest.param(DriverFilter(id="PCI\\VEN_1AF4"), {SCSI, f"{SCSI} (2)", NET, f"{NET} (2)"}, id="vendor"),
        pytest.param(DriverFilter(id="PCI\\VEN_1AF5"), set(), id="another vendor"),
        pytest.param(DriverFilter(id="PCI\\VEN_1AF4&DEV_1048", os=WINDOWS_11), {SCSI}, id="both"),
        pytest.param(DriverFilter(enabled=False), set(), id="disabled"),
    ],
)
def test_drivers_are_found_by_what_they_are(filled: DriverCatalog, wanted: DriverFilter, names: set[str]) -> None:
    assert {each.name for each in find_drivers(filled, wanted)} == names


@pytest.mark.parametrize(
    ("platforms", "os", "found"),
    [
        pytest.param("inf", TargetOs(6, 1, 7601, Architecture.AMD64), False, id="the INF says no"),
        pytest.param("any", TargetOs(6, 1, 7601, Architecture.AMD64), True, id="any"),
        pytest.param("any", TargetOs(6, 1, 7601, Architecture.X86), False, id="any, but nothing for it in the INF"),
        pytest.param("6.1-amd64", TargetOs(6, 1, 7601, Architecture.AMD64), True, id="listed"),
        pytest.param("6.1-amd64", WINDOWS_11, False, id="others are listed"),
        pytest.param("10.0-amd64-server", WINDOWS_11, False, id="servers are listed"),
        pytest.param(
            "10.0-amd64-server",
            TargetOs(10, 0, 20348, Architecture.AMD64, ProductType.SERVER),
            True,
            id="a server",
        ),
    ],
)
def test_a_person_can_say_which_windows_a_driver_is_for(
    opened: DriverCatalog, guests: Path, platforms: str, os: TargetOs, found: bool
) -> None:
    import_drivers(opened, [guests / "NetKVM" / "amd64"], ImportWish(name="Net"))
    applicability, listed = parse_platforms(platforms)
    change_driver(opened, "Net", DriverChange(applicability=applicability, platforms=listed))
    assert bool(find_drivers(opened, DriverFilter(os=os))) is found
    assert bool(find_drivers(opened, DriverFilter(architecture=Architecture.AMD64))) is True
