"""Capturing into a share from Windows PE, and going on with what is in one: by Wine's shell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.pe_runs import KNOWN, PeComputer, run_line
from judges.batch import faults
from judges.wine import Wine
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.media.bootimage.settings import BootSettings
from osdimage.imaging.media.winpe.capturing import CaptureWish, capture_files
from osdimage.imaging.media.winpe.model import PeFile, PeWish
from osdimage.imaging.media.winpe.placed import scripts_on_medium, settings_with
from osdimage.imaging.media.winpe.run import plan_pe_run
from osdimage.imaging.media.winpe.served import served_files
from osdimage.imaging.media.winpe.shares import SharePath, share_path
from osdimage.imaging.tasksequence.forms.build import sequence
from runs.first_starts import started_wine

DESTINATION = r"\\server\images\lab\pc.wim"


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    with started_wine(tmp_path_factory.mktemp("wine") / "prefix") as made:
        yield made


def windows(folder: Path, *, is_prepared: bool = True) -> Path:
    """Make the files by which a Windows is known, and what Sysprep leaves."""
    system = folder / "Windows" / "System32"
    (system / "config").mkdir(parents=True)
    (system / "config" / "SYSTEM").touch()
    (system / "Sysprep").mkdir()
    if is_prepared:
        (system / "Sysprep" / "Sysprep_succeeded.tag").touch()
    return folder


def files() -> tuple[PeFile, ...]:
    return capture_files(CaptureWish(share_path(DESTINATION), "Lab PC", "Room 7", "fast"))


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("is_prepared", "typed", "ends"),
    [
        pytest.param(True, r"LAB\admin", "The image is captured.", id="prepared"),
        # Wine's shell gives one answer of those that are typed.
        pytest.param(False, "no", "Nothing was captured.", id="not prepared", marks=pytest.mark.matrix),
    ],
)
def test_a_windows_is_captured_into_a_share(
    wine: Wine, tmp_path: Path, is_prepared: bool, typed: str, ends: str
) -> None:
    computer = PeComputer(wine, windows(tmp_path / "disk", is_prepared=is_prepared))
    computer.has(files())
    told = computer.start("uefi", typed)
    assert computer.log[-1] == ends
    if not is_prepared:
        assert told == []
        return
    assert told == [
        r'net use "\\server\images" /user:"LAB\admin" *',
        rf'dism /Capture-Image /ImageFile:"{DESTINATION}" /CaptureDir:D:' + "\\"
        ' /Name:"Lab PC" /Description:"Room 7" /Compress:fast',
        r'net use "\\server\images" /delete',
        "wpeutil shutdown",
    ]


@pytest.mark.foreign
@pytest.mark.matrix
def test_without_a_windows_or_a_connection_nothing_is_captured(wine: Wine, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    computer = PeComputer(wine, tmp_path / "empty")
    computer.has(files())
    assert computer.start("uefi") == []
    assert computer.log[-1] == "There is no Windows on any drive of this computer."
    computer = PeComputer(wine, windows(tmp_path / "disk"))
    computer.has(files())
    computer.ends_with("net", 1)
    assert [line.split()[0] for line in computer.start("uefi", "admin")] == ["net", "net", "net"]
    assert computer.log[-1] == r"There is no connection to \\server\images; nothing was done."


# What a share has is the content of a medium; Wine reaches no shares, so a drive stands for one here.
@pytest.mark.foreign
@pytest.mark.matrix
def test_the_scripts_of_a_medium_run_from_where_it_was_copied_to(wine: Wine, tmp_path: Path) -> None:
    package = tmp_path / "share" / "osdimage" / "packages" / "ABC00001"
    package.mkdir(parents=True)
    (package / "there.txt").touch()
    line = r"cmd.exe /c if exist there.txt echo there>>C:\noted.txt"
    made = plan_pe_run(
        PeWish((sequence("Told", run_line("Told", line, {"PackageID": "ABC00001"})),), {"ABC00001": package})
    )
    for each in scripts_on_medium(made.files, 0):
        path = tmp_path / "share" / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(each.contents.pieces()))
    computer = PeComputer(wine, tmp_path / "share")
    (wine.drive / "osdimage").mkdir()
    (wine.drive / "osdimage" / "start.cmd").write_text(
        "@echo off\r\nset _pe_log=C:\\osdimage.log\r\nset _pe_medium=D:\r\ncall D:\\osdimage\\scripts\\start.cmd\r\n",
        newline="",
    )
    assert computer.start("uefi")[-1] == "wpeutil reboot"
    assert (wine.drive / "noted.txt").read_text().split() == ["there"]


def test_scripts_are_sound_by_their_text() -> None:
    made = (*files(), *served_files(share_path("smb://server/deploy/media")))
    assert {
        each.path: found for each in made if each.path.endswith(".cmd") and (found := faults(each.data, KNOWN))
    } == {}
    start = next(each.data.decode() for each in served_files(share_path(r"\\server\deploy")) if "start" in each.path)
    assert r'call "%_pe_medium%\osdimage\scripts\start.cmd"' in start.splitlines()
    assert r'call net use "\\server\deploy" /user:"%_pe_user%" *' in start.splitlines()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (r"\\server\share", SharePath("server", "share", "")),
        (r"\\server\share$\a b\c.wim", SharePath("server", "share$", r"a b\c.wim")),
        ("smb://10.0.0.1/share/folder/", SharePath("10.0.0.1", "share", "folder")),
    ],
)
def test_a_share_is_written_in_two_ways(text: str, path: SharePath) -> None:
    assert share_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("D:\\x.wim", id="a drive"),
        pytest.param("https://server/share", id="a web server"),
        pytest.param(r"\\server", id="no share"),
        pytest.param(r"\\server\share\..\x", id="a way out"),
        pytest.param(r"\\server\share\50%", id="percent"),
        pytest.param('\\\\server\\share\\a" & del', id="quote"),
        pytest.param("\\\\server\\share\\grün", id="not ASCII"),
        pytest.param(r"\\server\share\con", id="device"),
    ],
)
def test_what_no_share_is_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"valid is .*SERVER.*SHARE"):
        share_path(text)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        pytest.param({"name": 'a"b'}, "the name", id="name"),
        pytest.param({"name": ""}, "has no name", id="no name"),
        pytest.param({"description": "50 %"}, "the description", id="description"),
        pytest.param({"compression": "lzms"}, "valid are max, fast, none", id="compression"),
        pytest.param({"destination": r"\\server\share\folder"}, "is no WIM", id="no WIM"),
    ],
)
def test_what_dism_cannot_be_told_is_refused(wish: dict[str, str], told: str) -> None:
    given = {"destination": DESTINATION, "name": "PC", "description": "", "compression": "max"} | wish
    with pytest.raises(InvalidRequest, match=told):
        capture_files(
            CaptureWish(share_path(given["destination"]), given["name"], given["description"], given["compression"])
        )


def test_scripts_take_the_place_of_what_begins_in_a_boot_image(tmp_path: Path) -> None:
    made = settings_with(BootSettings(scratch_mb=64), files(), tmp_path)
    assert (made.startnet, made.winpeshl, made.scratch_mb) != (None, None, 64)
    assert [each.path for each in made.files] == ["osdimage/start.cmd"]
    with pytest.raises(InvalidRequest, match="what begins in the boot image"):
        settings_with(BootSettings(startnet=tmp_path / "x.cmd"), files(), tmp_path)
