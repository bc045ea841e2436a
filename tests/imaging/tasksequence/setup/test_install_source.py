"""Apply Operating System from the files of a Windows Setup: the edition, the answer file, and what comes beside it.

Discs are made by genisoimage; what is in the volume afterwards, ntfs-3g's tools read.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.discs import make_iso
from cases.offline_windows import WINDOWS_11, HeldFiles, make_tree
from cases.sequence import MBR, MIB, blank_disk, capture, computer, run, tell
from cases.windows_trees import write_tree
from hypothesis import given
from hypothesis import strategies as st
from judges import wim as judges
from judges.disk import partition_of
from judges.ntfs import plain_contents
from osdimage.imaging.answers.setup_pass import WantedImage
from osdimage.imaging.errors import ActionFailed, ImageNotFound, InvalidInput, InvalidRequest
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.planned import PlannedStep
from osdimage.imaging.tasksequence.setup.oem_files import find_oem_files
from osdimage.imaging.tasksequence.setup.source import InstallSource, choose_edition, open_install_source
from osdimage.imaging.tasksequence.steps.apply_os import apply_operating_system
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk
from osdimage.imaging.wim.file import WimFile

KEY = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
WINDOWS = WindowsFacts(10, 0, "x64", "Windows")
EDITIONS = ("Core", "Professional", "Enterprise")
OEM = {
    "sources/$OEM$/$$/Setup/Scripts/SetupComplete.cmd": b"@echo ours\r\n",
    "sources/$OEM$/$$/explorer.exe": b"not that of Windows",
    "sources/$OEM$/$1/Tools/a.txt": b"tools",
    "sources/$OEM$/C/c.txt": b"root",
    "sources/$OEM$/$Progs/Viewer/v.exe": b"viewer",
    "sources/$OEM$/D/d.txt": b"elsewhere",
}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder of a Windows Setup with three editions, which wimlib-imagex names."""
    folder = tmp_path_factory.mktemp("media")
    tree = write_tree(tmp_path_factory.mktemp("windows"), make_tree(WINDOWS_11))
    (folder / "sources").mkdir()
    wim = folder / "sources" / "install.wim"
    for index, edition in enumerate(EDITIONS, 1):
        capture(tree, wim, f"Windows {edition}", append=index > 1)
        judges.wimlib("info", wim, str(index), f"--image-property=WINDOWS/EDITIONID={edition}")
        tell(wim, index, "10.0.22631", "x64", "Windows")
    write_tree(folder, OEM)
    return folder


def apply_step(variables: dict[str, str] | None = None, **properties: str) -> object:
    return step("apply", "ApplyOperatingSystem", variables or {}, {"InstallPackageID": "SETUP", **properties})


def planned(tmp_path: Path, source: Path, variables: dict[str, str] | None = None, **properties: str) -> PlannedStep:
    machine = computer(blank_disk(tmp_path / "disk.img", 64 * MIB), SETUP=source, CONF=tmp_path)
    members = [step("partition", "PartitionDisk", MBR), apply_step(variables, **properties)]
    return plan_sequence(sequence("S", *members), Environment(), machine).steps[1]  # type: ignore[arg-type] # steps


@pytest.mark.foreign
@pytest.mark.parametrize("kind", ["folder", "disc"])
def test_an_edition_is_applied_with_what_comes_beside_it(tmp_path: Path, media: Path, kind: str) -> None:
    source = media if kind == "folder" else make_iso(media, tmp_path / "setup.iso")
    (tmp_path / "a.xml").write_text(ANSWERS)
    foreseen = planned(tmp_path, source, {"OSDConfigFileName": "a.xml"}, ConfigFilePackage="CONF")
    assert foreseen.problems == ()
    assert "image 3 'Windows Enterprise' to disk 0 partition 1 (C:)" in (foreseen.does or "")
    assert (foreseen.does or "").endswith(r"with Windows\Panther\unattend.xml and 4 files of $OEM$ (27 bytes)")
    assert "files of Windows are not replaced by those of $OEM$: Windows\\explorer.exe" in foreseen.warnings
    assert "of $OEM$ it is not known where it goes: $OEM$/D" in foreseen.warnings
    disk = tmp_path / "applied.img"
    machine, env = computer(blank_disk(disk, 64 * MIB), SETUP=source, CONF=tmp_path), Environment()
    run(partition_disk, env, machine, MBR)
    properties = {"InstallPackageID": "SETUP", "ConfigFilePackage": "CONF"}
    result = run(apply_operating_system, env, machine, {"OSDConfigFileName": "a.xml"}, properties)
    assert result.message.startswith("applied image 3 'Windows Enterprise'")
    volume = partition_of(disk, 1, tmp_path / "volume.ntfs")
    judges.assert_ntfs_clean(volume)
    expected = {
        "/Windows/Setup/Scripts/SetupComplete.cmd": b"@echo ours\r\n",
        "/Windows/explorer.exe": b"explorer",
        "/Tools/a.txt": b"tools",
        "/c.txt": b"root",
        "/Program Files/Viewer/v.exe": b"viewer",
    }
    assert {path: plain_contents(volume, path) for path in expected} == expected
    written = plain_contents(volume, "/Windows/Panther/unattend.xml")
    assert b"windowsPE" not in written
    assert b"<RegisteredOrganization>Org</RegisteredOrganization>" in written


ANSWERS = """\
<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="windowsPE">
<component name="Microsoft-Windows-Setup" processorArchitecture="amd64" publicKeyToken="31bf3856ad364e35"
 language="neutral" versionScope="nonSxS"><ImageInstall><OSImage><InstallFrom><MetaData>
<Key>/IMAGE/NAME</Key><Value>windows enterprise</Value></MetaData></InstallFrom></OSImage></ImageInstall>
<UserData><Organization>Org</Organization></UserData></component></settings></unattend>
"""


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("index", "wanted", "edition", "expected"),
    [
        pytest.param(2, WantedImage("3"), "Core", 2, id="step"),
        pytest.param(None, WantedImage("3"), "Core", 3, id="answer file, number"),
        pytest.param(None, WantedImage(name="windows core"), "Enterprise", 1, id="answer file, name"),
        pytest.param(None, WantedImage(), "professional", 2, id="EI.cfg"),
        pytest.param(None, WantedImage("9"), "Core", "the answer file asks for 9, of which", id="no such number"),
        pytest.param(None, WantedImage("x"), "Core", "the answer file asks for x", id="no number"),
        pytest.param(None, WantedImage(), "Education", "EI.cfg asks for Education", id="no such edition"),
        pytest.param(None, WantedImage(), None, "OSDInstallEditionIndex is missing", id="nothing"),
    ],
)
def test_the_edition(
    media: Path, index: int | None, wanted: WantedImage, edition: str | None, expected: object
) -> None:
    with WimFile.open(media / "sources" / "install.wim") as wim:
        if isinstance(expected, int):
            assert choose_edition(wim, index, wanted, edition).index == expected
            return
        with pytest.raises(ImageNotFound) as caught:
            choose_edition(wim, index, wanted, edition)
        assert str(expected) in str(caught.value)
        assert caught.value.candidates[1] == "2: Windows Professional (Professional)"


@pytest.mark.foreign
def test_the_plan_lists_the_editions_when_none_is_named(tmp_path: Path, media: Path) -> None:
    (problem,) = planned(tmp_path, media).problems
    assert "OSDInstallEditionIndex is missing" in problem
    assert "3: Windows Enterprise (Enterprise)" in problem


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"i386/txtsetup.sif": b"x"}, "Windows before Vista can only be installed by its own Setup"),
        ({"a.txt": b"x"}, "holds no Windows Setup"),
    ],
)
def test_what_is_no_windows_setup_of_today_is_refused(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    (problem,) = planned(tmp_path, write_tree(tmp_path / "media", files)).problems
    assert said in problem


def test_a_single_file_is_no_windows_setup(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\5\6" + bytes(18))
    with pytest.raises(InvalidRequest, match="is an archive"), open_install_source(tmp_path / "x.zip"):
        pass
    with (
        pytest.raises((InvalidInput, ActionFailed)),
        open_install_source(write_tree(tmp_path, {"x.bin": b"x"}) / "x.bin"),
    ):
        pass


# EI.cfg and PID.txt, in the form of their documentation.


@pytest.mark.parametrize(
    ("files", "edition", "key"),
    [
        ({}, None, None),
        (
            {"sources/EI.cfg": b"[EditionID]\r\nProfessional\r\n[Channel]\r\nRetail\r\n[VL]\r\n0\r\n"},
            "Professional",
            None,
        ),
        ({"sources/ei.CFG": b"[Channel]\r\nOEM\r\n[ editionid ]\r\n\r\n; x\r\nCore\r\n"}, "Core", None),
        ({"sources/EI.cfg": b"[EditionID]\r\n[Channel]\r\nRetail\r\n"}, None, None),
        ({"sources/EI.cfg": "[EditionID]\r\nCore\r\n".encode("utf-16")}, "Core", None),
        (
            {"sources/PID.txt": b"[PID]\r\nValue=AAAAA-BBBBB-CCCCC-DDDDD-EEEEE\r\n"},
            None,
            "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
        ),
        ({"sources/PID.txt": b"[PID]\r\nValue=no key\r\n"}, None, None),
    ],
)
def test_the_files_that_say_the_edition_and_the_key(
    files: dict[str, bytes], edition: str | None, key: str | None
) -> None:
    source = InstallSource(Path("x"), HeldFiles(files))
    assert (source.edition, source.product_key) == (edition, key)


@given(st.binary(max_size=200))
def test_any_bytes_say_an_edition_or_none(data: bytes) -> None:
    source = InstallSource(Path("x"), HeldFiles({"sources/EI.cfg": b"[EditionID]\n" + data, "sources/PID.txt": data}))
    assert source.edition is None or source.edition.strip()
    assert source.product_key is None or len(source.product_key) == 29


# $OEM$


def test_a_setup_without_oem_files() -> None:
    found = find_oem_files(HeldFiles({"sources/install.wim": b""}), HeldFiles({}), WINDOWS)
    assert (found.files, found.warnings) == ((), ())


@pytest.mark.parametrize("name", ["CON.txt", "x.", "a?b"])
def test_a_name_that_windows_does_not_open_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="Windows would not open it"):
        find_oem_files(HeldFiles({f"sources/$OEM$/$1/{name}": b""}), HeldFiles({}), WINDOWS)


def test_drivers_for_windows_pe_are_told() -> None:
    found = find_oem_files(HeldFiles({"$WinPEDriver$/x.inf": b""}), HeldFiles({}), WINDOWS)
    assert found.warnings == ("$WinpeDriver$ is left out: its drivers are for Windows PE and for the Setup in it",)


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    media = write_tree(tmp_path / "media", {"sources/$OEM$/$1/a.txt": b"a", "sources/install.wim": b"x"})
    (media / "sources/$OEM$/$1/out.txt").symlink_to(tmp_path / "secret")
    with open_install_source(media) as source:
        found = find_oem_files(source.files, HeldFiles({}), WINDOWS)
    assert [each.path for each in found.files] == ["a.txt"]
    assert found.warnings == ("links of $OEM$ are not followed: out.txt",)
