"""``driver installed`` and ``driver export-installed``, wherever the Windows is."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.boot_drivers import storage_package
from cases.discs import make_iso
from cases.installed_drivers import VIOSTOR, windows_10_tree
from cases.offline_windows import WINDOWS_11, make_tree
from cases.windows_trees import write_tree
from runs.commands import osdimage
from runs.terminal import on_a_terminal

INFS = ["oem3.inf", "oem5.inf", "oem12.inf"]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    """Return the same Windows in every place, as arguments: a folder, a WIM of two images, and disks."""
    folder = tmp_path_factory.mktemp("places")
    tree = write_tree(folder / "tree", windows_10_tree())
    wim = folder / "two.wim"
    osdimage("capture", write_tree(folder / "other", make_tree(WINDOWS_11)), wim)
    osdimage("capture", tree, wim, "--append", "--name", "drivers")
    places = {"folder": (str(tree),), "wim": (str(wim), "--index", "2")}
    for name in ("disk.img", "disk.vhdx"):
        disk = folder / name
        osdimage("deploy", wim, disk, "--index", "2", "--preset", "data-gpt", "--size", "60MB")
        places[name] = (str(disk), "--partition", str(partition_of(disk)))
    return places


def partition_of(disk: Path) -> int:
    shown = osdimage("disk", "show", disk, "--json").document["partitions"]
    return int(max(each["number"] for each in shown))


PLACES = ["folder", "wim", "disk.img", "disk.vhdx"]


@pytest.mark.parametrize("place", PLACES)
def test_the_drivers_are_listed_wherever_the_windows_is(places: dict[str, tuple[str, ...]], place: str) -> None:
    document = osdimage("driver", "installed", *places[place], "--json").document
    assert [each["inf"] for each in document["drivers"]] == INFS
    assert document["windows"]["version"] == "10.0.17763"
    assert (document["windows"]["architecture"], document["windows"]["product"]) == ("amd64", "workstation")
    viostor = document["drivers"][2]
    assert (viostor["date"], viostor["driver_version"]) == ("2021-12-02", "100.90.104.21500")
    assert viostor["folder"].endswith(VIOSTOR)
    assert document["warnings"] == []


def test_a_narrow_terminal_tells_what_is_enabled_or_staged_alone(tmp_path: Path) -> None:
    write_tree(tmp_path / "windows", make_tree(WINDOWS_11))
    write_tree(tmp_path / "drivers", storage_package(folder="viostor"))
    osdimage("driver", "add", tmp_path / "windows", "--driver", tmp_path / "drivers", "--for", "qemu", "--yes")
    _, _, shown = on_a_terminal(["driver", "installed", str(tmp_path / "windows")], whole=True, COLUMNS="80")
    assert [line.split()[3] for line in shown.splitlines()[1:4]] == ["STATE", "boot-enabled", "staged"]


@pytest.mark.foreign
def test_a_disc_is_answered_with_how_a_wim_on_it_is_named(tmp_path: Path) -> None:
    make_iso(write_tree(tmp_path / "disc", {"sources/install.wim": b"a WIM"}), tmp_path / "win.iso")
    error = osdimage("driver", "installed", tmp_path / "win.iso", code=4).err
    assert "osdimage media list DISC lists what is on a disc" in error
    assert "'DISC!sources/install.wim'" in error


def test_people_see_a_table(places: dict[str, tuple[str, ...]]) -> None:
    lines = osdimage("driver", "installed", *places["folder"]).out.splitlines()
    assert lines[0].endswith("Windows 10.0.17763 amd64 workstation, generalized: 3 drivers")
    assert lines[1].split() == ["INF", "ORIGINAL", "CLASS", "STATE", "PROVIDER", "DATE", "VERSION", "FILES"]
    assert lines[-1].split()[:4] == ["oem12.inf", "viostor.inf", "SCSIAdapter", "installed"]
    assert lines[-1].endswith(f"2021-12-02  100.90.104.21500  {VIOSTOR}")


@pytest.mark.parametrize("place", PLACES)
def test_the_drivers_are_taken_out_wherever_the_windows_is(
    places: dict[str, tuple[str, ...]], place: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    outcome = osdimage("driver", "export-installed", *places[place], out)
    assert "oem3.inf is left out: its files are in no folder of the driver store" in outcome.err
    tree = windows_10_tree()
    found = {each.name: each.read_bytes() for each in (out / VIOSTOR).iterdir()}
    assert found == {path.rpartition("/")[2]: data for path, data in tree.items() if VIOSTOR in path}


def test_a_second_time_nothing_is_overwritten(places: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    osdimage("driver", "export-installed", *places["folder"], tmp_path)
    again = osdimage("driver", "export-installed", *places["folder"], tmp_path, "--json").document
    assert [each["is_new"] for each in again["drivers"]] == [False]
    (tmp_path / VIOSTOR / "viostor.inf").write_bytes(b"mine")
    refused = osdimage("driver", "export-installed", *places["folder"], tmp_path, code=4)
    assert "is there already, and is not overwritten; nothing is written" in refused.err
    assert (tmp_path / VIOSTOR / "viostor.inf").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--index", "1"), 2, "--index: for images of WIMs, not for volumes"),
        (("--partition", "1"), 2, "is a folder, which has no partitions"),
    ],
)
def test_what_a_folder_does_not_have_is_refused(
    places: dict[str, tuple[str, ...]], arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert message in osdimage("driver", "installed", *places["folder"], *arguments, code=code).err


def test_a_disk_without_a_partition_is_refused(places: dict[str, tuple[str, ...]]) -> None:
    outcome = osdimage("driver", "installed", places["disk.img"][0], code=2)
    assert "is a disk with a partition table: " in outcome.err
    assert "choose one with --partition" in outcome.err


def test_what_holds_no_windows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    outcome = osdimage("driver", "installed", tmp_path, code=3)
    assert r"holds no Windows: there is no \Windows\System32\config\SYSTEM" in outcome.err


def test_a_name_that_no_driver_has_names_those_that_there_are(
    places: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    outcome = osdimage(
        "driver", "export-installed", *places["folder"], tmp_path / "out", "--driver", "oem9.inf", code=2
    )
    assert "there is no driver 'oem9.inf'; there are oem3.inf, oem5.inf, oem12.inf" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_damaged_hive_is_one_line(tmp_path: Path) -> None:
    tree = windows_10_tree()
    tree["Windows/System32/config/SYSTEM"] = tree["Windows/System32/config/SYSTEM"][:5000]
    outcome = osdimage("driver", "installed", write_tree(tmp_path, tree), code=3)
    assert len(outcome.err.strip().splitlines()) == 1
