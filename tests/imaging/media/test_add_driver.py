"""Drivers in boot images: judged by wimlib-imagex and 7-Zip, and their script by Wine's shell."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.boot_images import STARTNET, SYSTEM32, WINPESHL_INI, boot_wim, pe_files, recovery_files, setup_files
from cases.driver_packages import below, package
from cases.windows_trees import windows_files, write_tree
from judges import wim as judges
from judges.batch import faults
from judges.wine import Wine
from osdimage.imaging.media.bootimage import change, startnet
from osdimage.imaging.media.bootimage.drivers import LAUNCH_LINE
from osdimage.imaging.media.bootimage.script import driver_script
from runs.commands import Outcome, osdimage

NET = package("netx", class_name="Net", ids=(r"PCI\VEN_1AF4&DEV_1000",))
DISK = package("viodisk")
VIDEO = package("viogpu", class_name="Display", ids=(r"PCI\VEN_1AF4&DEV_1050",))
BLOCK = startnet.with_block(b"")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("add-driver")
    boot_wim(folder / "medium.wim", pe_files(), setup_files(lower=True), boot=2)
    boot_wim(folder / "pe.wim", pe_files(), boot=1)
    write_tree(folder / "drivers", below("net", NET) | below("disk", DISK) | below("video", VIDEO))
    return folder


@pytest.fixture
def pe(media: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(media / "pe.wim", tmp_path / "pe.wim"))


@pytest.fixture
def medium(media: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(media / "medium.wim", tmp_path / "boot.wim"))


def add(wim: Path, *options: str | Path, code: int = 0) -> Outcome:
    return osdimage("bootimage", "add-driver", wim, *options, code=code)


def read(wim: Path, path: str, index: int = 1) -> bytes:
    return osdimage("extract", wim, f"/{path}", "--index", str(index), "--to", "-").out.encode()


def staged(wim: Path, root: str = "Drivers", index: int = 1) -> set[str]:
    """Return the files below a folder of an image as wimlib-imagex lists them, as far as they have a suffix."""
    paths = judges.wimlib_paths(wim, index)
    return {path.removeprefix(f"/{root}/") for path in paths if path.startswith(f"/{root}/") and "." in path[-5:]}


@pytest.mark.foreign
def test_storage_and_network_are_loaded_before_wpeinit(media: Path, pe: Path) -> None:
    add(pe, "--driver", media / "drivers")
    assert staged(pe) == {
        *("00-viodisk/viodisk.inf", "00-viodisk/viodisk.sys", "00-viodisk/viodisk.cat"),
        *("01-netx/netx.inf", "01-netx/netx.sys", "01-netx/netx.cat"),
    }
    assert read(pe, STARTNET) == BLOCK + b"wpeinit\r\n"
    script = read(pe, f"{SYSTEM32}/osdimage-drivers.cmd")
    assert script == driver_script(["Drivers/00-viodisk/viodisk.inf", "Drivers/01-netx/netx.inf"])
    (image,) = osdimage("bootimage", "show", pe, "--json").document["images"]
    assert image["calls_drivers"]
    loaded = [each["inf"] for each in image["drivers"] if each["way"] == "drvload"]
    assert loaded == ["Drivers/00-viodisk/viodisk.inf", "Drivers/01-netx/netx.inf"]
    judges.wimlib("verify", pe)
    judges.seven_zip_test(pe)


def test_what_is_added_is_told_with_what_is_left_out_and_why(media: Path, pe: Path) -> None:
    document = add(pe, "--driver", media / "drivers", "--json").document
    told = [(each["inf"], each["class_name"], each["way"], each["is_new"]) for each in document["drivers"]]
    assert told == [
        ("Drivers/00-viodisk/viodisk.inf", "SCSIAdapter", "drvload", True),
        ("Drivers/01-netx/netx.inf", "Net", "drvload", True),
    ]
    assert document["drivers"][0]["version"] == "2025-01-31, 100.1.2.3"
    (left,) = document["left_out"]
    assert (left["source"].endswith("viogpu.inf"), "class Display" in left["why"]) == (True, True)
    more = sum(map(len, [*NET.values(), *DISK.values()]))
    assert document["new_image_size"] - document["image_size"] > more


def test_the_same_again_changes_nothing(media: Path, pe: Path) -> None:
    add(pe, "--driver", media / "drivers")
    before = pe.read_bytes()
    document = add(pe, "--driver", media / "drivers", "--json").document
    assert (document["written"], [each["is_new"] for each in document["drivers"]]) == (False, [False, False])
    assert pe.read_bytes() == before


@pytest.mark.foreign
def test_a_newer_version_takes_the_place_of_the_older_one_and_another_driver_comes_beside(
    media: Path, pe: Path, tmp_path: Path
) -> None:
    add(pe, "--driver", media / "drivers")
    newer = package("netx", class_name="Net", version="02/01/2025,101.0.0.0", catalog=False)
    more = package("ahci", class_name="HDC", ids=(r"PCI\VEN_8086&DEV_2922",))
    write_tree(tmp_path / "newer", newer | more)
    document = add(pe, "--driver", tmp_path / "newer", "--json").document
    assert document["removed"] == ["Drivers/01-netx"]
    assert [each["is_new"] for each in document["drivers"]] == [True, True]
    assert staged(pe) >= {"01-netx/netx.sys", "02-ahci/ahci.sys", "00-viodisk/viodisk.sys"}
    # The older one had a catalog.
    assert "01-netx/netx.cat" not in staged(pe)
    loaded = re.findall(rb'drvload "%SystemDrive%\\(.*?)"', read(pe, f"{SYSTEM32}/osdimage-drivers.cmd"))
    # Storage first, whatever came when.
    assert loaded == [rb"Drivers\00-viodisk\viodisk.inf", rb"Drivers\02-ahci\ahci.inf", rb"Drivers\01-netx\netx.inf"]


@pytest.mark.foreign
def test_a_folder_that_somebody_else_made_stays_and_is_not_loaded(tmp_path: Path) -> None:
    # A folder of a name like ours, which has an INF of the name of a driver that is given, and more.
    theirs = {"Drivers/05-net/netx.inf": NET["netx.inf"], "Drivers/05-net/other.inf": VIDEO["viogpu.inf"]}
    wim = boot_wim(tmp_path / "pe.wim", pe_files() | theirs, boot=1)
    write_tree(tmp_path / "net", NET)
    document = add(wim, "--driver", tmp_path / "net", "--json").document
    assert document["removed"] == []
    assert [each["inf"] for each in document["drivers"]] == ["Drivers/06-netx/netx.inf"]
    assert staged(wim) >= {"05-net/netx.inf", "05-net/other.inf", "06-netx/netx.sys"}
    loaded = re.findall(rb'drvload "%SystemDrive%\\(.*?)"', read(wim, f"{SYSTEM32}/osdimage-drivers.cmd"))
    assert loaded == [rb"Drivers\06-netx\netx.inf"]


@pytest.mark.foreign
def test_a_setup_finds_them_where_it_looks_and_the_other_image_stays(media: Path, medium: Path) -> None:
    before = judges.wimlib_paths(medium, 1)
    startup = read(medium, "windows/system32/startnet.cmd", 2)
    document = add(medium, "--driver", media / "drivers", "--json").document
    assert {each["way"] for each in document["drivers"]} == {"winpedriver"}
    assert "$WinPEDriver$/01-netx/netx.inf (loaded by Setup)" in osdimage("bootimage", "show", medium).out
    assert staged(medium, "$WinPEDriver$", 2) >= {"00-viodisk/viodisk.inf", "01-netx/netx.sys"}
    assert read(medium, "windows/system32/startnet.cmd", 2) == startup
    assert judges.wimlib_paths(medium, 1) == before
    assert "Boot Index:     2" in judges.wimlib("info", medium)
    assert not add(medium, "--driver", media / "drivers", "--json").document["written"]


@pytest.mark.foreign
def test_no_second_folder_is_made_beside_one_in_lower_case(media: Path, tmp_path: Path) -> None:
    wim = boot_wim(tmp_path / "x.wim", pe_files(lower=True) | {"drivers/readme": b""})
    add(wim, "--driver", media / "drivers")
    top = {path.split("/")[1] for path in judges.wimlib_paths(wim) if path != "/"}
    assert top == {"windows", "drivers"}
    assert "/windows/system32/osdimage-drivers.cmd" in judges.wimlib_paths(wim)
    assert not add(wim, "--driver", media / "drivers", "--json").document["written"]


@pytest.mark.parametrize(("files", "before", "after"), [
    pytest.param(
        pe_files(), "[LaunchApps]\r\nX:\\menu.exe, /x\r\n", f"[LaunchApps]\r\n{LAUNCH_LINE}\r\nX:\\menu.exe, /x\r\n",
        id="several programs",
    ),
    pytest.param(
        recovery_files(), "[LaunchApp]\r\nAppPath=X:\\sources\\recovery\\recenv.exe\r\n",
        f"[LaunchApps]\r\n{LAUNCH_LINE}\r\nX:\\sources\\recovery\\recenv.exe\r\n", id="Windows RE",
    ),
])  # fmt: skip
def test_where_a_winpeshl_says_what_is_started_it_loads_them_first(
    files: dict[str, bytes], before: str, after: str, media: Path, tmp_path: Path
) -> None:
    wim = boot_wim(tmp_path / "x.wim", files | {WINPESHL_INI: before.encode()})
    document = add(wim, "--driver", media / "drivers", "--json").document
    assert any("startnet.cmd may never run" in each for each in document["warnings"])
    assert read(wim, WINPESHL_INI).decode() == after
    assert read(wim, STARTNET) == b"wpeinit\r\n"
    assert not add(wim, "--driver", media / "drivers", "--json").document["written"]


def test_the_line_is_short_enough_for_windows_pe() -> None:
    assert len(LAUNCH_LINE) <= 250


def test_a_startnet_is_made_where_there_is_none(media: Path, tmp_path: Path) -> None:
    files = {path: data for path, data in pe_files().items() if path != STARTNET}
    wim = boot_wim(tmp_path / "x.wim", files)
    add(wim, "--driver", media / "drivers")
    assert read(wim, STARTNET) == BLOCK + b"wpeinit\r\n"


def test_all_classes_are_taken_when_that_is_said_and_a_named_inf_in_any_case(media: Path, pe: Path) -> None:
    named = add(pe, "--driver", media / "drivers" / "video" / "viogpu.inf", "--json").document
    assert [each["inf"] for each in named["drivers"]] == ["Drivers/00-viogpu/viogpu.inf"]
    every = add(pe, "--driver", media / "drivers", "--all", "--json").document
    assert len(every["drivers"]) == 3
    assert every["left_out"] == []


def test_only_drivers_of_the_devices_are_taken(media: Path, pe: Path, tmp_path: Path) -> None:
    (tmp_path / "lspci").write_text("pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00\n")
    document = add(pe, "--driver", media / "drivers", "--for", tmp_path / "lspci", "--json").document
    assert [each["inf"] for each in document["drivers"]] == ["Drivers/00-netx/netx.inf"]
    whys = {Path(each["source"]).name: each["why"] for each in document["left_out"]}
    assert whys["viodisk.inf"] == "no device has an id of it"


def test_a_device_of_storage_without_a_driver_is_warned_of(media: Path, pe: Path, tmp_path: Path) -> None:
    lines = (
        "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00",
        "pci:v00001000d00000060sv00001000sd00001006bc01sc04i00",
    )
    (tmp_path / "devices").write_text("\n".join(lines) + "\n")
    warnings = add(pe, "--driver", media / "drivers", "--for", tmp_path / "devices", "--json").document["warnings"]
    assert any("no driver of those given is for PCI\\VEN_1000&DEV_0060" in each for each in warnings)


@pytest.mark.parametrize(("files", "said"), [
    pytest.param(package("a", platform="NTx86"), "its platforms are NTx86", id="another architecture"),
    pytest.param(package("a", platform="NTamd64.10.0...26100"), "its platforms are NTamd64.10.0...26100", id="later"),
    pytest.param(package("a", platform="NT$ARCH$"), "is a template, and no finished INF: $ARCH$", id="a template"),
    pytest.param({"autorun.inf": b"[autorun]\r\nopen=x\r\n"}, "there is no INF of a driver", id="no driver"),
    pytest.param({"a.inf": package("a")["a.inf"]}, "lacks files that its INF names: a.sys", id="a missing file"),
    pytest.param(VIDEO, "no driver of those given is one of storage or network; they are of: Display", id="a class"),
    pytest.param(package("a^b"), "a script of cmd cannot be given", id="a name"),
])  # fmt: skip
def test_what_is_not_for_the_image_is_refused(files: dict[str, bytes], said: str, pe: Path, tmp_path: Path) -> None:
    before = pe.read_bytes()
    refused = add(pe, "--driver", write_tree(tmp_path / "given", files), code=3)
    assert said in refused.err
    assert pe.read_bytes() == before


def test_the_windows_that_the_image_is_stands_in_the_refusal(pe: Path, tmp_path: Path) -> None:
    given = write_tree(tmp_path / "given", package("a", platform="NTarm64"))
    assert "for 10.0.22621 amd64 workstation, which the boot image is" in add(pe, "--driver", given, code=3).err


def test_of_two_versions_the_newer_one_is_taken(pe: Path, tmp_path: Path) -> None:
    old, new = package("x", version="01/01/2024,9.0.0.0"), package("x", version="01/01/2025,1.0.0.0")
    given = write_tree(tmp_path / "given", below("a", new) | below("b", old))
    document = add(pe, "--driver", given, "--json").document
    assert [each["version"] for each in document["drivers"]] == ["2025-01-01, 1.0.0.0"]
    assert [each["why"].startswith("is there once more") for each in document["left_out"]] == [True]


def test_files_that_are_not_what_the_catalog_vouches_for_are_refused_unless_that_is_said(
    pe: Path, tmp_path: Path
) -> None:
    files = package("x")
    given = write_tree(tmp_path / "given", files | {"x.sys": files["x.sys"] + b"x"})
    assert "not what its catalog x.cat vouches for: x.sys: it is not" in add(pe, "--driver", given, code=3).err
    document = add(pe, "--driver", given, "--allow-modified", "--json").document
    assert document["written"]
    assert any("not what its catalog x.cat vouches for" in each for each in document["warnings"])


def test_a_catalog_that_is_none_is_refused(pe: Path, tmp_path: Path) -> None:
    given = write_tree(tmp_path / "given", package("x") | {"x.cat": b"text"})
    assert "its catalog x.cat cannot be read" in add(pe, "--driver", given, code=3).err


def test_of_folders_for_each_windows_the_nearest_is_taken(pe: Path, tmp_path: Path) -> None:
    # As virtio-win.iso has them: DRIVER/WINDOWS/ARCHITECTURE.
    folders = {
        "w7": "NTamd64.6.1",
        "w8": "NTamd64.6.2",
        "w10": "NTamd64.10.0",
        "2k22": "NTamd64.10.0",
        "w11": "NTamd64.10.0",
    }
    files = {}
    for system, platform in folders.items():
        files |= below(
            f"viodisk/{system}/amd64", package("viodisk", platform=platform, version=f"01/01/2025,1.0.0.{len(files)}")
        )
    files |= below("viodisk/w10/x86", package("viodisk", platform="NTx86.10.0"))
    document = add(pe, "--driver", write_tree(tmp_path / "given", files), "--json").document
    (driver,) = document["drivers"]
    assert driver["source"].endswith("viodisk/w11/amd64/viodisk.inf")
    assert len(document["left_out"]) == 5


def test_drivers_of_a_catalog_are_named(media: Path, pe: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "drivers.db"
    osdimage("driver", "import", media / "drivers" / "disk", "--catalog", catalog, "--category", "Boot")
    document = add(pe, "--driver", "catalog:Boot", "--catalog", catalog, "--json").document
    assert [each["inf"] for each in document["drivers"]] == ["Drivers/00-viodisk/viodisk.inf"]
    assert "there is no driver" in add(pe, "--driver", "catalog:nothing", "--catalog", catalog, code=2).err


def test_one_without_a_catalog_is_warned_of(pe: Path, tmp_path: Path) -> None:
    given = write_tree(tmp_path / "given", package("x", catalog=False))
    warnings = add(pe, "--driver", given, "--json").document["warnings"]
    assert ["has no catalog of signatures (x.cat)" in each for each in warnings] == [True]


def test_drivers_are_taken_out_of_an_archive(pe: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        for name, data in below("w10/amd64", DISK).items():
            archive.writestr(name, data)
    document = add(pe, "--driver", tmp_path / "d.zip", "--json").document
    assert [each["inf"] for each in document["drivers"]] == ["Drivers/00-viodisk/viodisk.inf"]


@pytest.mark.parametrize(("options", "said"), [
    pytest.param([], "say which drivers", id="none"),
    pytest.param(["--for", "qemu"], "say which drivers", id="devices alone"),
    pytest.param(["--driver", "kb1.msu"], "needs DISM on Windows: dism /Image:DIR /Add-Package", id="an update"),
    pytest.param(["--driver", "component"], "is a package of Windows itself, which needs DISM", id="a component"),
])  # fmt: skip
def test_what_cannot_be_added_is_a_usage_error(
    options: list[str], said: str, pe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path / "component", {"update.mum": b"<assembly/>"})
    assert said in add(pe, *options, code=2).err


def test_a_whole_windows_is_refused(media: Path, tmp_path: Path) -> None:
    wim = boot_wim(tmp_path / "x.wim", windows_files())
    said = add(wim, "--driver", media / "drivers", code=4).err
    assert "is a whole Windows" in said
    assert "osdimage driver add WIM --index N --driver PATH adds drivers to it" in said


def test_a_windows_pe_is_told_to_whoever_would_add_drivers_as_to_a_windows(media: Path, pe: Path) -> None:
    said = osdimage("driver", "add", pe, "--driver", media / "drivers", code=4).err
    assert "osdimage bootimage add-driver WIM --driver PATH adds drivers to a boot image" in said


def test_a_wim_that_takes_much_memory_is_warned_of(media: Path, pe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change, "LARGE_BYTES", pe.stat().st_size)
    warnings = add(pe, "--driver", media / "drivers", "--json").document["warnings"]
    assert ["all of which a computer that starts it has in memory" in each for each in warnings] == [True]


def test_a_dry_run_writes_nothing(media: Path, pe: Path) -> None:
    before = pe.read_bytes()
    told = add(pe, "--driver", media / "drivers", "--dry-run").out
    assert "driver: Drivers/00-viodisk/viodisk.inf (SCSIAdapter, 2025-01-31, 100.1.2.3, drvload)" in told
    assert f"{SYSTEM32}/osdimage-drivers.cmd" in told
    assert pe.read_bytes() == before


def test_an_export_brings_drivers_and_settings_together(media: Path, pe: Path, tmp_path: Path) -> None:
    (tmp_path / "a.cmd").write_bytes(b"@echo off\nwpeinit\n")
    options = ("--startnet", tmp_path / "a.cmd", "--driver", media / "drivers")
    document = osdimage("bootimage", "export", pe, tmp_path / "out.wim", *options, "--json").document
    assert not any("scratch" in each for each in document["warnings"])
    assert read(tmp_path / "out.wim", STARTNET) == b"@echo off\r\n" + BLOCK + b"wpeinit\r\n"


def test_the_script_has_no_fault_by_its_text() -> None:
    assert faults(driver_script([f"Drivers/{number:02d}-x/x {number} (a).inf" for number in range(3)])) == []


# What drvload of Windows is given is noted, and it fails for a driver that it cannot load.
_DRVLOAD = b"""@echo off\r
>> C:\\loaded.txt echo %~1\r
echo drvload: %~nx1\r
if /i "%~n1"=="bad" exit /b 5\r
exit /b 0\r
"""


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    yield made
    made.stop()
    shutil.rmtree(made.prefix)


@pytest.mark.foreign
@pytest.mark.slow
def test_the_script_loads_each_driver_in_its_order_and_notes_what_became_of_it(wine: Wine) -> None:
    system = wine.drive / "windows" / "system32"
    infs = ["Drivers/00-a/a.inf", "Drivers/01-bad/bad.inf", "Drivers/02-b/b (x64).inf"]
    (system / "drvload.cmd").write_bytes(_DRVLOAD)
    (system / "wpeinit.cmd").write_bytes(b"@>> C:\\loaded.txt echo wpeinit\r\n")
    (system / "osdimage-drivers.cmd").write_bytes(driver_script(infs))
    (system / "startnet.cmd").write_bytes(startnet.with_block(b"call wpeinit\r\n"))
    shutil.rmtree(wine.drive / "windows" / "temp", ignore_errors=True)
    wine.run("cmd", "/d", "/c", r"C:\windows\system32\startnet.cmd")
    loaded = (wine.drive / "loaded.txt").read_bytes().decode().split("\r\n")
    assert loaded == [*(f"C:\\{path.replace('/', chr(92))}" for path in infs), "wpeinit", ""]
    # Wine keeps the spelling of a name.
    log = (wine.drive / "windows" / "Temp" / "osdimage-drivers.log").read_bytes().decode().split("\r\n")
    assert [line.strip() for line in log if line] == [
        "osdimage: drivers are loaded",
        *(r"Drivers\00-a\a.inf", "drvload: a.inf", "ended with 0"),
        *(r"Drivers\01-bad\bad.inf", "drvload: bad.inf"),
        # Wine's call of a script that ends above 1 leaves 1; a program's code is kept.
        *("ended with 1",),
        *(r"Drivers\02-b\b (x64).inf", "drvload: b (x64).inf", "ended with 0"),
    ]
