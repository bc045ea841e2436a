"""What is set in a boot image: read back by wimlib-imagex, 7-Zip and readers of hives that others wrote."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from cases.boot_images import (
    STARTNET,
    SYSTEM32,
    WINPESHL_INI,
    boot_wim,
    hive,
    jpeg,
    pe_files,
    recovery_files,
    setup_files,
)
from cases.windows_trees import windows_files
from judges import hive as hive_judges
from judges import wim as judges
from osdimage.imaging.media.bootimage import startnet
from osdimage.imaging.media.bootimage.pictures import Picture, read_jpeg
from runs.commands import osdimage

FBWF = r"ControlSet001\Services\FBWF"
WINPE = r"Microsoft\Windows NT\CurrentVersion\WinPE"
BLOCK = startnet.with_block(b"")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("set")
    return {
        "medium": boot_wim(folder / "medium.wim", pe_files(), setup_files(lower=True), boot=2),
        "pe": boot_wim(folder / "pe.wim", pe_files(), boot=1),
    }


@pytest.fixture
def medium(media: dict[str, Path], tmp_path: Path) -> Path:
    """Windows PE, and Windows Setup in ``windows/system32``, which starts."""
    return Path(shutil.copy(media["medium"], tmp_path / "boot.wim"))


@pytest.fixture
def pe(media: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copy(media["pe"], tmp_path / "pe.wim"))


def extracted(wim: Path, index: int, path: str, to: Path) -> bytes:
    """Return a file of an image as wimlib-imagex extracts it."""
    shutil.rmtree(to, ignore_errors=True)
    judges.wimlib("extract", wim, str(index), f"/{path}", f"--dest-dir={to}", "--no-acls")
    return (to / path.rpartition("/")[2]).read_bytes()


def metadata_hashes(wim: Path) -> list[str]:
    """Return the hashes of the trees of the images, which have those of all contents."""
    text = judges.wimlib("info", wim, "--blobs")
    blocks = [block for block in re.split(r"\n\s*\n", text) if "WIM_RESHDR_FLAG_METADATA" in block]
    return [re.search(r"Hash\s*=\s*(\S+)", block)[1] for block in blocks]  # type: ignore[index]


def details(wim: Path, index: int) -> str:
    """Return all that wimlib-imagex tells of the files of an image, but how often the WIM has their contents."""
    return re.sub(r"Reference Count.*|Count   = .*", "", judges.wimlib_details(wim, index))


def values(wim: Path, index: int, path: str, key: str, to: Path) -> dict[str, tuple[int, bytes]]:
    return dict(hive_judges.dissect(extracted(wim, index, path, to))[key])


@pytest.mark.foreign
def test_only_the_image_that_starts_is_changed(medium: Path, tmp_path: Path) -> None:
    before, listed = metadata_hashes(medium), details(medium, 1)
    (tmp_path / "tool.exe").write_bytes(b"tool")
    (tmp_path / "picture.jpg").write_bytes(jpeg())
    osdimage(
        *("bootimage", "set", medium, "--scratch", "512", "--background", tmp_path / "picture.jpg"),
        *("--add-file", f"{tmp_path}/tool.exe=/Windows/System32/tool.exe"),
    )
    after = metadata_hashes(medium)
    assert len(after) == len(before) == 2
    assert (after[0], after[1] == before[1]) == (before[0], False)
    assert details(medium, 1) == listed
    assert "Boot Index:     2" in judges.wimlib("info", medium)
    judges.wimlib("verify", medium)
    judges.seven_zip_test(medium)
    # One folder, spelt as the medium has it.
    folders = {path.split("/")[1] for path in judges.wimlib_paths(medium, 2) if path != "/"}
    assert folders == {"windows", "sources", "setup.exe"}
    assert "/windows/system32/tool.exe" in judges.wimlib_paths(medium, 2)
    assert extracted(medium, 2, "windows/system32/winpe.jpg", tmp_path / "out") == jpeg()
    system = values(medium, 2, "windows/system32/config/SYSTEM", FBWF, tmp_path / "out")
    assert system["WinPECacheThreshold"] == (4, (512).to_bytes(4, "little"))
    assert system["Start"] == (4, bytes(4))


@pytest.mark.foreign
def test_what_another_program_reads_of_the_hive_is_what_was_set(pe: Path, tmp_path: Path) -> None:
    osdimage("bootimage", "set", pe, "--scratch", "128")
    extracted(pe, 1, f"{SYSTEM32}/config/SYSTEM", tmp_path / "out")
    text = hive_judges.hivexregedit_export(tmp_path / "out" / "SYSTEM")
    assert '"WinPECacheThreshold"=dword:00000080' in text


def every_option(folder: Path) -> list[str]:
    (folder / "picture.jpg").write_bytes(jpeg())
    (folder / "files" / "sub").mkdir(parents=True)
    (folder / "files" / "ask.cmd").write_bytes(b"echo\r\n")
    (folder / "files" / "sub" / "list.txt").write_bytes(b"")
    (folder / "startnet.cmd").write_bytes(b"wpeinit\nmenu.exe\n")
    (folder / "winpeshl.ini").write_bytes(b"[LaunchApps]\nX:\\menu.exe, /full\n")
    (folder / "unattend.xml").write_text(answers("<EnableFirewall>false</EnableFirewall>"))
    return [
        *("--scratch", "64", "--background", f"{folder}/picture.jpg", "--prestart", "cmd /c ask.cmd"),
        *("--prestart-files", f"{folder}/files", "--startnet", f"{folder}/startnet.cmd"),
        *("--winpeshl", f"{folder}/winpeshl.ini", "--unattend", f"{folder}/unattend.xml"),
        *("--add-file", f"{folder}/picture.jpg=\\Tools\\Big picture.jpg"),
    ]


def answers(settings: str, *, component: str = "Microsoft-Windows-Setup", where: str = "windowsPE") -> str:
    return (
        '<unattend xmlns="urn:schemas-microsoft-com:unattend">'
        f'<settings pass="{where}"><component name="{component}" processorArchitecture="amd64" language="neutral" '
        f'publicKeyToken="31bf3856ad364e35" versionScope="nonSxS">{settings}</component></settings></unattend>'
    )


def test_all_of_it_is_told_by_show_and_the_same_again_changes_nothing(pe: Path, tmp_path: Path) -> None:
    options = every_option(tmp_path)
    osdimage("bootimage", "set", pe, *options)
    (image,) = osdimage("bootimage", "show", pe, "--json").document["images"]
    assert (image["scratch_mb"], image["prestart"]) == (64, "cmd /c ask.cmd")
    assert image["startnet"] == "wpeinit\nmenu.exe\n"
    assert image["launched"] == [{"program": "X:\\menu.exe", "options": "/full"}]
    assert image["answer_files"] == ["unattend.xml"]
    written = pe.read_bytes()
    again = osdimage("bootimage", "set", pe, *options, "--json").document
    assert (again["written"], again["files"], again["values"]) == (False, [], [])
    assert pe.read_bytes() == written


@pytest.mark.foreign
def test_the_files_are_where_windows_pe_looks_for_them(pe: Path, tmp_path: Path) -> None:
    osdimage("bootimage", "set", pe, *every_option(tmp_path))
    out = tmp_path / "out"
    assert extracted(pe, 1, "TSConfig.ini", out) == b'[CustomHook]\r\nCommandLine="cmd /c ask.cmd"\r\n'
    assert extracted(pe, 1, STARTNET, out) == b"wpeinit\r\nmenu.exe\r\n"
    assert extracted(pe, 1, WINPESHL_INI, out) == b"[LaunchApps]\r\nX:\\menu.exe, /full\r\n"
    assert extracted(pe, 1, "ask.cmd", out) == b"echo\r\n"
    assert extracted(pe, 1, "sub/list.txt", out) == b""
    assert extracted(pe, 1, "Tools/Big picture.jpg", out) == jpeg()


def test_a_dry_run_tells_what_would_be_and_writes_nothing(pe: Path, tmp_path: Path) -> None:
    before = pe.read_bytes()
    document = osdimage("bootimage", "set", pe, *every_option(tmp_path), "--dry-run", "--json").document
    assert pe.read_bytes() == before
    assert (document["dry_run"], document["written"]) == (True, False)
    assert {each["path"] for each in document["files"]} > {STARTNET, WINPESHL_INI, "TSConfig.ini"}
    assert document["values"] == [
        {
            "hive": "SYSTEM",
            "key": FBWF,
            "name": "WinPECacheThreshold",
            "type": "REG_DWORD",
            "old": None,
            "new": "64",
        }
    ]
    assert document["image"] == {"index": 1, "name": "Image 1", "kind": "pe"}


def test_the_block_of_osdimage_in_startnet_stays(tmp_path: Path) -> None:
    wim = boot_wim(tmp_path / "x.wim", pe_files() | {STARTNET: BLOCK + b"wpeinit\r\n"})
    (tmp_path / "new.cmd").write_bytes(b"@echo off\nwpeinit\n")
    osdimage("bootimage", "set", wim, "--startnet", tmp_path / "new.cmd")
    got = osdimage("extract", wim, f"/{STARTNET}", "--to", "-").out
    assert got.encode() == b"@echo off\r\n" + BLOCK + b"wpeinit\r\n"


def test_the_line_of_osdimage_in_winpeshl_stays(tmp_path: Path) -> None:
    line = 'cmd.exe, "/c %SYSTEMROOT%\\System32\\osdimage-drivers.cmd"'
    wim = boot_wim(tmp_path / "x.wim", pe_files() | {WINPESHL_INI: f"[LaunchApps]\r\n{line}\r\nold.exe\r\n".encode()})
    (tmp_path / "new.ini").write_bytes(b"[LaunchApps]\r\nnew.exe\r\n")
    osdimage("bootimage", "set", wim, "--winpeshl", tmp_path / "new.ini")
    assert osdimage("extract", wim, f"/{WINPESHL_INI}", "--to", "-").out == f"[LaunchApps]\r\n{line}\r\nnew.exe\r\n"


@pytest.mark.parametrize(("registered", "becomes"), [
    pytest.param(None, None, id="no value: none is made"),
    pytest.param(r"%SystemRoot%\System32\WinPE.jpg", r"%SystemRoot%\System32\WinPE.jpg", id="the same file"),
    pytest.param(r"X:\lab\lab.jpg", r"X:\Windows\System32\winpe.jpg", id="another file"),
])  # fmt: skip
def test_the_picture_that_the_registry_names_is_the_one_that_is_set(
    registered: str | None, becomes: str | None, tmp_path: Path
) -> None:
    text = "" if registered is None else f'"CustomBackground"="{registered.replace(chr(92), chr(92) * 2)}"\n'
    software = f"Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\{WINPE}]\n{text}"
    wim = boot_wim(tmp_path / "x.wim", pe_files(software=software))
    (tmp_path / "picture.jpg").write_bytes(jpeg())
    osdimage("bootimage", "set", wim, "--background", tmp_path / "picture.jpg")
    (image,) = osdimage("bootimage", "show", wim, "--json").document["images"]
    assert image["background"]["registered"] == becomes


@pytest.mark.parametrize(("files", "picture", "path"), [
    pytest.param(recovery_files(), jpeg(), f"{SYSTEM32}/winre.jpg", id="Windows RE"),
    pytest.param(
        {name: data for name, data in pe_files().items() if "winpe.jpg" not in name} | {f"{SYSTEM32}/winpe.bmp": b"BM"},
        # What `convert -size 2x1 xc:red BMP3:x.bmp` of ImageMagick 6.9 writes, in its first 54 bytes.
        bytes.fromhex("424d3e000000000000003600000028000000020000000100000001001800000000000800000013"
                      "0b0000130b000000000000000000000000ff0000ff0000"),
        f"{SYSTEM32}/winpe.bmp",
        id="Windows 7",
    ),
])  # fmt: skip
def test_the_picture_is_the_one_that_the_image_shows(
    files: dict[str, bytes], picture: bytes, path: str, tmp_path: Path
) -> None:
    wim = boot_wim(tmp_path / "x.wim", files)
    (tmp_path / "picture").write_bytes(picture)
    document = osdimage("bootimage", "set", wim, "--background", tmp_path / "picture", "--json").document
    assert [each["path"] for each in document["files"]] == [path]


@pytest.mark.parametrize(("data", "said"), [
    pytest.param(b"\x89PNG\r\n\x1a\n", "is no JPEG", id="a PNG"),
    pytest.param(jpeg()[:30], "cut off before its picture", id="cut off early"),
    pytest.param(jpeg()[:-2], "the mark of its end is missing", id="cut off late"),
    pytest.param(jpeg(width=0), "does not say how large", id="no width"),
    pytest.param(b"\xff\xd8text and more", "no segment begins at byte 2", id="no segments"),
    pytest.param(jpeg().replace(b"\xff\xc0", b"\xff\xc3"), "of a kind that Windows does not show", id="lossless"),
])  # fmt: skip
def test_what_is_no_picture_for_windows_pe_is_refused(data: bytes, said: str, pe: Path, tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(data)
    refused = osdimage("bootimage", "set", pe, "--background", tmp_path / "picture.jpg", code=3)
    assert said in refused.err


def test_the_size_of_a_picture_is_read() -> None:
    assert read_jpeg(jpeg(1920, 1080), "x") == Picture(1920, 1080)


@pytest.mark.parametrize(("option", "data", "said"), [
    pytest.param("--startnet", b"\xef\xbb\xbfwpeinit", "is Unicode text", id="startnet"),
    pytest.param("--winpeshl", b"text", "names no program", id="winpeshl"),
    pytest.param("--winpeshl", b"\xef\xbb\xbf[LaunchApps]\nx", "UTF-8 with a byte order mark", id="mark"),
    pytest.param("--winpeshl", b"[LaunchApps]\n" + b"x" * 251, "at most 250", id="too long"),
    pytest.param("--unattend", b"<unattend/>", "is no answer file", id="unattend"),
])  # fmt: skip
def test_a_file_that_would_not_work_is_refused(option: str, data: bytes, said: str, pe: Path, tmp_path: Path) -> None:
    before = pe.read_bytes()
    (tmp_path / "file").write_bytes(data)
    assert said in osdimage("bootimage", "set", pe, option, tmp_path / "file", code=3).err
    assert pe.read_bytes() == before


@pytest.mark.parametrize(("options", "said"), [
    pytest.param([], "say what to set", id="nothing"),
    pytest.param(["--scratch", "100"], "valid are 32, 64, 128, 256, 512", id="a size"),
    pytest.param(["--prestart", "a\nb"], "one line of ASCII text", id="two lines"),
    pytest.param(["--prestart", " "], "one line of ASCII text", id="an empty command"),
    pytest.param(["--add-file", "/dev/null=/x"], "is no file", id="no file"),
    pytest.param(["--add-file", "nothing"], "takes SRC=DST", id="no path"),
    pytest.param(["--add-file", "/etc/passwd=/"], "is no path of a file", id="the root"),
    pytest.param(["--add-file", "/etc/passwd=/Windows"], "is a directory", id="a directory"),
    pytest.param(["--add-file", "/etc/passwd=a", "--add-file", "/etc/group=A"], "two files would be", id="twice"),
    pytest.param(["--prestart-files", "/etc/passwd"], "is no folder", id="no folder"),
    pytest.param(["--scratch", "32", "--index", "7"], "no image fits", id="no image"),
])  # fmt: skip
def test_what_cannot_be_set_is_a_usage_error(options: list[str], said: str, pe: Path) -> None:
    before = pe.read_bytes()
    assert said in osdimage("bootimage", "set", pe, *options, code=2).err
    assert pe.read_bytes() == before


@pytest.mark.parametrize(("path", "said"), [
    pytest.param("/tools/a:b", "holds one of", id="a stream"),
    pytest.param("/tools/a?", "holds one of", id="a wildcard"),
    pytest.param("/tools/../x", "ends in a dot", id="out of the folder"),
    pytest.param("/tools/x ", "ends in a dot or a blank", id="a blank"),
    pytest.param("/Con.txt", "is that of a device", id="a device"),
    pytest.param("/tools//x", "is empty", id="no name"),
    pytest.param("/" + "x" * 256, "has 256 UTF-16 units", id="too long"),
])  # fmt: skip
def test_names_that_windows_does_not_open_are_refused(path: str, said: str, pe: Path) -> None:
    before = pe.read_bytes()
    assert said in osdimage("bootimage", "set", pe, "--add-file", f"/etc/passwd={path}", "--dry-run", code=2).err
    assert pe.read_bytes() == before


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
@pytest.mark.parametrize(("paths", "said"), [
    (("windows/System32/startnet.cmd/x",), "'windows/System32/startnet.cmd' is a file or a link"),
    (("a/b", "A/B/c"), "'A/B' is to be a file, and 'A/B/c' cannot be in it"),
])  # fmt: skip
def test_a_file_in_a_file_is_refused_by_the_plan_already(
    paths: tuple[str, ...], said: str, options: tuple[str, ...], pe: Path, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"x")
    before = pe.read_bytes()
    added = [word for path in paths for word in ("--add-file", f"{tmp_path / 'x'}={path}")]
    refused = osdimage("bootimage", "set", pe, *added, *options, code=2)
    assert said in refused.err
    assert pe.read_bytes() == before


def test_a_link_among_the_files_of_the_prestart_command_is_refused(pe: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "link").symlink_to("/etc")
    assert "is a symbolic link" in osdimage("bootimage", "set", pe, "--prestart-files", tmp_path / "files", code=2).err


@pytest.mark.parametrize(("files", "said"), [
    pytest.param(windows_files(), "is a whole Windows, no Windows PE; osdimage update WIM", id="Windows"),
    pytest.param({"x": b"x"}, "holds no Windows PE", id="no Windows"),
])  # fmt: skip
def test_what_is_no_windows_pe_is_refused(files: dict[str, bytes], said: str, tmp_path: Path) -> None:
    wim = boot_wim(tmp_path / "x.wim", files)
    assert said in osdimage("bootimage", "set", wim, "--prestart", "cmd /c a", code=4).err


def test_a_windows_pe_without_the_write_filter_is_refused(tmp_path: Path) -> None:
    wim = boot_wim(tmp_path / "x.wim", pe_files() | {f"{SYSTEM32}/config/SYSTEM": hive("SYSTEM")})
    assert "has no service FBWF" in osdimage("bootimage", "set", wim, "--scratch", "64", code=3).err


@pytest.mark.parametrize(("text", "said"), [
    pytest.param(answers("<Display/>"), [], id="what wpeinit reads"),
    pytest.param(answers("<UserData/><RunSynchronous/>"), ["wpeinit ignores <UserData>"], id="what Setup reads"),
    pytest.param(
        answers("<InputLocale/>", component="Microsoft-Windows-International-Core-WinPE"),
        ["ignores Microsoft-Windows-International-Core-WinPE (windowsPE)"],
        id="another component",
    ),
    pytest.param(
        answers("<ComputerName/>", component="Microsoft-Windows-Shell-Setup", where="specialize"),
        ["ignores Microsoft-Windows-Shell-Setup (specialize)", "nothing of it is used in Windows PE"],
        id="another pass",
    ),
    pytest.param(
        answers("<Display/>").replace("amd64", "x86"), ["the image is for amd64"], id="another architecture"
    ),
])  # fmt: skip
def test_what_wpeinit_ignores_of_an_answer_file_is_told(text: str, said: list[str], pe: Path, tmp_path: Path) -> None:
    (tmp_path / "unattend.xml").write_text(text)
    warnings = osdimage("bootimage", "set", pe, "--unattend", tmp_path / "unattend.xml", "--json").document["warnings"]
    assert len(warnings) == len(said)
    assert all(any(each in warning for warning in warnings) for each in said)


def test_the_answer_file_of_a_setup_is_where_setup_looks_for_it(medium: Path, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(answers("<UserData/>"))
    document = osdimage("bootimage", "set", medium, "--unattend", tmp_path / "a.xml", "--json").document
    assert ([each["path"] for each in document["files"]], document["warnings"]) == (["autounattend.xml"], [])


@pytest.mark.parametrize(("index", "said"), [(1, None), (2, "startnet.cmd is not run where there is a Setup")])
def test_a_script_that_is_not_run_is_warned_of(index: int, said: str | None, medium: Path, tmp_path: Path) -> None:
    (tmp_path / "a.cmd").write_bytes(b"wpeinit\r\nx\r\n")
    options = ("--startnet", tmp_path / "a.cmd", "--index", str(index))
    warnings = osdimage("bootimage", "set", medium, *options, "--json").document["warnings"]
    assert [said in warning for warning in warnings] == ([] if said is None else [True])


def test_a_command_without_cmd_is_warned_of(pe: Path) -> None:
    warnings = osdimage("bootimage", "set", pe, "--prestart", "a.cmd", "--json").document["warnings"]
    assert ["does not begin with cmd /c" in each for each in warnings] == [True]


def test_a_wim_on_a_disc_is_not_written(media: dict[str, Path], tmp_path: Path) -> None:
    from cases import udf  # noqa: PLC0415

    disc = tmp_path / "disc.iso"
    disc.write_bytes(udf.build(udf.Node(children=[udf.Node("boot.wim", media["pe"].read_bytes())])).data)
    before = disc.read_bytes()
    assert "is on a disc" in osdimage("bootimage", "set", f"{disc}!boot.wim", "--scratch", "64", code=4).err
    assert disc.read_bytes() == before


def test_with_rebuild_nothing_is_left_of_the_old_image(pe: Path) -> None:
    appended = Path(shutil.copy(pe, pe.with_name("other.wim")))
    document = osdimage("bootimage", "set", appended, "--scratch", "64", "--json").document
    assert document["unused"] > 0
    assert osdimage("bootimage", "set", pe, "--scratch", "64", "--rebuild", "--json").document["unused"] == 0
