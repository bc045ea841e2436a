"""What is told of boot images."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import udf
from cases.boot_images import STARTNET, SYSTEM32, WINPESHL_INI, boot_wim, pe_files, recovery_files, setup_files
from cases.windows_trees import windows_files
from osdimage.imaging.media import BootImage, BootKind, DriverWay, read_boot_images
from osdimage.imaging.wim.file import WimFile
from runs.commands import osdimage

_SCRATCH = r"""Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\FBWF]
"WinPECacheThreshold"=dword:00000100
"""
_BACKGROUND = r"""Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\WinPE]
"CustomBackground"="X:\\Windows\\System32\\lab.jpg"
"""


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A boot.wim as on a Windows medium: Windows PE, and Windows Setup, which starts."""
    return boot_wim(tmp_path_factory.mktemp("show") / "boot.wim", pe_files(), setup_files(lower=True), boot=2)


def shown(wim: Path) -> tuple[BootImage, ...]:
    with WimFile.open(wim) as opened:
        return read_boot_images(opened)


def one(folder: Path, files: dict[str, bytes]) -> BootImage:
    (image,) = shown(boot_wim(folder / "one.wim", files))
    return image


def test_a_medium_has_windows_pe_and_windows_setup(medium: Path) -> None:
    first, second = shown(medium)
    assert (first.kind, first.is_boot, first.setup) == (BootKind.PE, False, None)
    assert (second.kind, second.is_boot, second.setup) == (BootKind.SETUP, True, "setup.exe")
    for image in (first, second):
        assert (image.architecture, image.version, image.startnet) == ("x64", "10.0.22621.1", "wpeinit\n")
        assert image.warnings == ()


def test_packages_are_told_with_their_language_and_whether_they_are_installed(medium: Path) -> None:
    found = {(each.name, each.language, each.is_installed) for each in shown(medium)[0].components}
    wmi, fonts = "WinPE-WMI-Package", "WinPE-Fonts-Legacy"
    assert found == {(wmi, "", True), (wmi, "en-US", True), (fonts, "", False)}


def test_drivers_are_told_by_the_way_they_come_into_effect(tmp_path: Path) -> None:
    files = pe_files() | {
        "Drivers/00-vioscsi/vioscsi.inf": b"[Version]",
        "Drivers/00-vioscsi/vioscsi.sys": bytes(91),
        "$WinPEDriver$/01-netkvm/NetKVM.INF": b"[Version]",
    }
    assert [(each.way, each.inf, each.size) for each in one(tmp_path, files).drivers] == [
        (DriverWay.LOADED, "Drivers/00-vioscsi/vioscsi.inf", 100),
        (DriverWay.SETUP, "$WinPEDriver$/01-netkvm/NetKVM.INF", 9),
        (DriverWay.PUBLISHED, "Windows/INF/oem0.inf", None),
    ]


def test_settings_are_told(tmp_path: Path) -> None:
    files = pe_files(system=_SCRATCH, software=_BACKGROUND) | {
        "tsconfig.INI": b'; hook\r\n[customhook]\r\ncommandline = "WScript.exe X:\\MyScript.vbs"\r\n',
        WINPESHL_INI: b"[LaunchApps]\r\n%SYSTEMROOT%\\System32\\wpeinit.exe\r\nX:\\menu.exe, /full /x\r\n",
        "Unattend.xml": b"<unattend/>",
    }
    image = one(tmp_path, files)
    assert image.prestart == r"WScript.exe X:\MyScript.vbs"
    assert image.scratch_mb == 256
    assert image.background.registered == r"X:\Windows\System32\lab.jpg"
    assert image.answer_files == ("unattend.xml",)
    assert image.launched is not None
    assert [(each.program, each.options) for each in image.launched] == [
        (r"%SYSTEMROOT%\System32\wpeinit.exe", ""),
        (r"X:\menu.exe", "/full /x"),
    ]


def test_a_recovery_environment_is_one(tmp_path: Path) -> None:
    image = one(tmp_path, recovery_files())
    assert image.kind is BootKind.RECOVERY
    assert image.background.path == f"{SYSTEM32}/winre.jpg"
    assert image.launched is not None
    assert [each.program for each in image.launched] == [r"X:\sources\recovery\recenv.exe"]


@pytest.mark.parametrize(("files", "kind"), [
    pytest.param(windows_files(), BootKind.WINDOWS, id="Windows"),
    pytest.param({"file.txt": b"text"}, BootKind.OTHER, id="no Windows"),
])  # fmt: skip
def test_what_is_no_windows_pe_is_told_as_what_it_is(files: dict[str, bytes], kind: BootKind, tmp_path: Path) -> None:
    assert one(tmp_path, files).kind is kind


def test_a_damaged_hive_is_told_of_and_the_rest_is_read(tmp_path: Path) -> None:
    image = one(tmp_path, pe_files() | {f"{SYSTEM32}/config/SOFTWARE": b"regf" + bytes(4092)})
    assert image.kind is BootKind.PE
    assert (image.components, image.version) == ((), None)
    (warning,) = image.warnings
    assert f"{SYSTEM32}/config/SOFTWARE" in warning


def test_a_line_that_windows_pe_would_cut_off_is_told(tmp_path: Path) -> None:
    long = b"[LaunchApps]\r\n" + b"x" * 251 + b"\r\n"
    (warning,) = one(tmp_path, pe_files() | {WINPESHL_INI: long}).warnings
    assert "251 characters; at most 250 are valid" in warning


def test_the_command_tells_it_in_words(medium: Path) -> None:
    lines = osdimage("bootimage", "show", medium).out.splitlines()
    assert lines[0].endswith("; image 2 starts")
    assert "Image 1 'Image 1': Windows PE, 10.0.22621.1, x64, " in lines[2]
    assert "  starts:         startnet.cmd" in lines
    assert "  starts:         \\setup.exe" in lines
    assert "  components:     1 package installed" in lines


def test_a_boot_wim_on_a_disc_is_read_where_it_is(medium: Path, tmp_path: Path) -> None:
    tree = udf.Node(children=[udf.Node("sources", children=[udf.Node("boot.wim", medium.read_bytes())])])
    (tmp_path / "disc.iso").write_bytes(udf.build(tree).data)
    document = osdimage("bootimage", "show", f"{tmp_path}/disc.iso!sources/boot.wim", "--json").document
    assert document["boot_index"] == 2
    assert [each["kind"] for each in document["images"]] == ["pe", "setup"]
    assert document["images"][0]["startnet"] == "wpeinit\n"


def test_what_is_no_wim_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wim").write_bytes(b"text")
    assert "x.wim" in osdimage("bootimage", "show", tmp_path / "x.wim", code=3).err


def test_a_script_is_no_longer_shown_than_it_can_be(tmp_path: Path) -> None:
    image = one(tmp_path, pe_files() | {STARTNET: bytes((1 << 20) + 1)})
    assert image.startnet is None
    assert "startnet.cmd" in image.warnings[0]
