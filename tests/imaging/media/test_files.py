"""The files with which wimboot starts a boot image, and the lines for iPXE."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.boot_images import boot_wim, pe_files, recovery_files, setup_files
from cases.driver_packages import below, package
from cases.windows_trees import windows_files, write_tree
from judges.wine import Wine
from osdimage.imaging.media.bootimage.drivers import LAUNCH_LINE
from osdimage.imaging.media.bootimage.netboot import LONGEST_NAME, MOST_FILES
from runs.commands import osdimage

DISK = package("viodisk")
NET = package("netx", class_name="Net", ids=(r"PCI\VEN_1AF4&DEV_1000",))
PROMPT = r'%SYSTEMROOT%\System32\cmd.exe, "/k %SYSTEMROOT%\System32\startnet.cmd"'


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    boot_wim(folder / "boot.wim", pe_files(), setup_files(lower=True), boot=2)
    boot_wim(folder / "pe.wim", pe_files(), boot=1)
    write_tree(folder / "drivers", below("disk", DISK) | below("net", NET))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_a_windows_pe_loads_the_drivers_and_starts_as_before(media: Path, tmp_path: Path) -> None:
    before = hashlib.sha256((media / "pe.wim").read_bytes()).digest()
    osdimage("bootimage", "files", media / "pe.wim", "--to", tmp_path / "out", "--driver", media / "drivers")
    assert hashlib.sha256((media / "pe.wim").read_bytes()).digest() == before
    found = contents(tmp_path / "out")
    assert found["winpeshl.ini"].decode() == f"[LaunchApps]\r\n{LAUNCH_LINE}\r\n{PROMPT}\r\n"
    assert {name: data for name, data in found.items() if name in DISK | NET} == DISK | NET
    script = found["osdimage-drivers.cmd"].decode()
    assert script.index(r'drvload "%SystemDrive%\Windows\System32\viodisk.inf"') < script.index("netx.inf")
    lines = found["boot.ipxe"].decode().splitlines()
    assert lines[:2] == ["#!ipxe", "kernel wimboot"]
    assert lines[-2:] == ["initrd pe.wim boot.wim", "boot"]
    given = {tuple(line.split()[1:]) for line in lines[2:-2]}
    assert given == {(name, name) for name in found if name != "boot.ipxe"}


def test_a_setup_is_started_after_the_drivers_and_the_image_is_named_where_it_is_not_the_one_that_starts(
    media: Path, tmp_path: Path
) -> None:
    options = ("--driver", media / "drivers", "--json")
    setup = osdimage("bootimage", "files", media / "boot.wim", "--to", tmp_path / "a", *options).document
    assert (tmp_path / "a" / "winpeshl.ini").read_text().splitlines()[-1] == "%SYSTEMDRIVE%\\setup.exe"
    assert any("do not reach the Windows that it installs" in each for each in setup["warnings"])
    assert "kernel wimboot\n" in setup["ipxe"]
    other = osdimage(
        "bootimage", "files", media / "boot.wim", "--to", tmp_path / "b", "--index", "1", *options
    ).document
    assert "kernel wimboot index=1\n" in other["ipxe"]
    assert other["warnings"] == []


def test_a_script_and_files_are_given_under_names_that_the_image_has_not(media: Path, tmp_path: Path) -> None:
    (tmp_path / "startnet.cmd").write_bytes(b"wpeinit\nmenu\n")
    (tmp_path / "menu.exe").write_bytes(b"menu")
    osdimage(
        *("bootimage", "files", media / "pe.wim", "--to", tmp_path / "out", "--startnet", tmp_path / "startnet.cmd"),
        *("--add-file", f"{tmp_path}/menu.exe=/Windows/System32/menu.exe", "--add-file", f"{tmp_path}/menu.exe=m2.exe"),
    )
    found = contents(tmp_path / "out")
    assert set(found) == {"winpeshl.ini", "osdimage-start.cmd", "menu.exe", "m2.exe", "boot.ipxe"}
    assert found["osdimage-start.cmd"] == b"wpeinit\r\nmenu\r\n"
    assert found["winpeshl.ini"].decode() == f"[LaunchApps]\r\n{PROMPT.replace('startnet', 'osdimage-start')}\r\n"


def test_a_winpeshl_that_is_given_gets_the_line_for_the_drivers(media: Path, tmp_path: Path) -> None:
    (tmp_path / "my.ini").write_bytes(b"[LaunchApps]\nwpeinit.exe\nmenu.exe\n")
    options = ("--winpeshl", tmp_path / "my.ini", "--driver", media / "drivers")
    osdimage("bootimage", "files", media / "pe.wim", "--to", tmp_path / "out", *options)
    text = (tmp_path / "out" / "winpeshl.ini").read_bytes().decode()
    assert text == f"[LaunchApps]\r\n{LAUNCH_LINE}\r\nwpeinit.exe\r\nmenu.exe\r\n"


def test_a_dry_run_writes_nothing_and_the_same_again_writes_the_same(media: Path, tmp_path: Path) -> None:
    words = ("bootimage", "files", media / "pe.wim", "--to", tmp_path / "out", "--driver", media / "drivers")
    told = osdimage(*words, "--dry-run").out
    assert "would write 8 files" in told
    assert not (tmp_path / "out").exists()
    osdimage(*words)
    first = contents(tmp_path / "out")
    osdimage(*words)
    assert contents(tmp_path / "out") == first


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("in_the_way", "said"),
    [
        pytest.param("out/winpeshl.ini/x", "winpeshl.ini: is not a regular file", id="a folder for the last file"),
        pytest.param("out", "out: is no directory", id="a file for the folder"),
    ],
)
def test_what_is_in_the_way_is_refused_before_the_first_file(
    in_the_way: str, said: str, options: tuple[str, ...], media: Path, tmp_path: Path
) -> None:
    write_tree(tmp_path, {in_the_way: b"x"})
    words = ("--to", tmp_path / "out", "--driver", media / "drivers", *options)
    assert said in osdimage("bootimage", "files", media / "pe.wim", *words, code=4).err
    assert [each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*") if each.is_file()] == [in_the_way]


def test_the_names_and_the_number_are_those_of_wimboot() -> None:
    # src/vdisk.h: VDISK_NAME_LEN 31, VDISK_MAX_FILES 64 - 1; the loader, the WIM, BCD, boot.sdi and two boot managers.
    assert (LONGEST_NAME, MOST_FILES) == (31, 63 - 6)


@pytest.mark.parametrize(("options", "said"), [
    pytest.param([], "say what is given", id="nothing"),
    pytest.param(["--add-file", "f=/Tools/x.exe"], "puts files into \\Windows\\System32 only", id="another folder"),
    pytest.param(["--add-file", "f=startnet.cmd"], "is in \\Windows\\System32 of the image already", id="a second one"),
    pytest.param(["--add-file", "f=x.efi"], "keeps it for the boot manager", id="the boot manager's"),
    pytest.param(["--add-file", "f=BCD"], "keeps it for the boot manager", id="the store"),
    pytest.param(["--add-file", f"f={'x' * 32}"], "names of at most 31", id="too long"),
    pytest.param(["--add-file", "f=a b"], "names of at most 31", id="a blank"),
    pytest.param(["--add-file", "f=a", "--add-file", "g=A"], "two different files", id="two of a name"),
    pytest.param(["--add-file", "/=x"], "is no file", id="no file"),
    pytest.param([f"--add-file=f=x{number}" for number in range(58)], "are more than the 57", id="too many"),
])  # fmt: skip
def test_what_wimboot_would_not_give_is_refused(
    options: list[str], said: str, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").write_bytes(b"f")
    (tmp_path / "g").write_bytes(b"g")
    assert said in osdimage("bootimage", "files", media / "pe.wim", "--to", "out", *options, code=2).err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("files", "code", "said"), [
    pytest.param(recovery_files(), 3, "has a winpeshl.ini, of which wimboot would make a second", id="winpeshl.ini"),
    pytest.param(windows_files(), 4, "is a whole Windows", id="Windows"),
])  # fmt: skip
def test_an_image_that_cannot_be_started_so_is_refused(
    files: dict[str, bytes], code: int, said: str, media: Path, tmp_path: Path
) -> None:
    wim = boot_wim(tmp_path / "x.wim", files)
    options = ("--to", tmp_path / "out", "--driver", media / "drivers")
    assert said in osdimage("bootimage", "files", wim, *options, code=code).err


def test_a_driver_with_files_in_folders_is_refused(media: Path, tmp_path: Path) -> None:
    files = package("x", catalog=False)
    inf = files["x.inf"].replace(b"x.sys = 1", b"x.sys = 1,amd64")
    write_tree(tmp_path / "d", {"x.inf": inf, "amd64/x.sys": files["x.sys"]})
    options = ("--to", tmp_path / "out", "--driver", tmp_path / "d")
    refused = osdimage("bootimage", "files", media / "pe.wim", *options, code=3)
    assert "is in a folder, and wimboot gives all in one" in refused.err


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    yield made
    made.stop()
    shutil.rmtree(made.prefix)


@pytest.mark.foreign
@pytest.mark.slow
def test_the_files_do_together_what_they_are_for(wine: Wine, media: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.cmd").write_bytes(b"@>> C:\\ran.txt echo mine\n@exit\n")
    options = ("--driver", media / "drivers", "--startnet", tmp_path / "mine.cmd")
    osdimage("bootimage", "files", media / "pe.wim", "--to", tmp_path / "out", *options)
    system = wine.drive / "windows" / "system32"
    for name, data in contents(tmp_path / "out").items():
        (system / name).write_bytes(data)
    (system / "drvload.cmd").write_bytes(b"@if exist %1 >> C:\\ran.txt echo %~nx1\r\n")
    # As winpeshl.exe does: program and options, one after the other.
    for line in (system / "winpeshl.ini").read_text().splitlines()[1:]:
        program, _, words = line.partition(", ")
        wine.run("cmd", "/d", "/c", f"{program} {words.strip(chr(34))}")
    ran = (wine.drive / "ran.txt").read_bytes().decode().split()
    assert ran == ["viodisk.inf", "netx.inf", "mine"]


def test_the_sizes_are_told(media: Path, tmp_path: Path) -> None:
    options = ("--driver", media / "drivers", "--dry-run", "--json")
    document = osdimage("bootimage", "files", media / "pe.wim", "--to", tmp_path / "out", *options).document
    sizes = {each["name"]: each["size"] for each in document["files"]}
    assert sizes["viodisk.sys"] == len(DISK["viodisk.sys"])
