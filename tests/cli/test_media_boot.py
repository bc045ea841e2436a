"""``osdimage media boot`` and ``osdimage media capture``: what is on the discs, as programs of others read them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from cases import media
from judges import disc as judges
from judges.wim import output
from runs.commands import osdimage

SHARE = r"\\server\deploy\media"
WIM = r"\\server\images\pc.wim"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("boot")
    media.boot_image(made / "pe.wim")
    return made


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "pe.wim").symlink_to(folder / "pe.wim")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def extracted(iso: str, path: str) -> bytes:
    return subprocess.run(["7zz", "x", "-so", "-tudf", iso, path], check=True, capture_output=True).stdout


def in_boot_image(iso: str, path: str) -> str:
    """Return a file of the boot image of a disc, as wimlib-imagex extracts it."""
    Path("boot.wim").write_bytes(extracted(iso, "sources/boot.wim"))
    return output("wimlib-imagex", "extract", "boot.wim", "1", f"/{path}", "--to-stdout")


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_a_capture_medium_has_its_script_in_the_boot_image_and_its_purpose_in_the_manifest(tmp_path: Path) -> None:
    told = osdimage(
        *("media", "capture", "c.iso", "--boot-image", "pe.wim", "--destination", WIM, "--name", "Lab PC"),
        *("--description", "Room 7", "--json"),
    ).document
    assert (told["runner"], told["address"], told["is_signed"]) == ("winpe", WIM, False)
    assert told["warnings"] == []
    script = in_boot_image("c.iso", "osdimage/start.cmd")
    line = r'call dism /Capture-Image /ImageFile:"%_pe_image%" /CaptureDir:%_pe_drive%:\ /Name:"Lab PC"'
    assert f'{line} /Description:"Room 7" /Compress:max' in script.splitlines()
    assert "startnet.cmd" in in_boot_image("c.iso", "Windows/System32/winpeshl.ini")
    manifest = json.loads(extracted("c.iso", "osdimage/media.json"))
    wanted = ("capture", "winpe", WIM, "OSDIMAGE_CAPTURE")
    assert tuple(manifest[name] for name in ("kind", "runner", "destination", "label")) == wanted
    hashes = judges.seven_zip_hashes(Path("c.iso"), "udf", tmp_path / "out")
    assert {f"/{each['path']}": each["sha256"] for each in manifest["files"]} == {
        path: value for path, value in hashes.items() if "media.json" not in path and "SHA256SUMS" not in path
    }
    subprocess.run(["sha256sum", "--check", "osdimage/SHA256SUMS"], check=True, cwd=tmp_path / "out")


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_a_boot_medium_goes_on_with_a_share() -> None:
    osdimage("media", "boot", "b.iso", "--boot-image", "pe.wim", "--server", "smb://server/deploy/media")
    assert f'set "_pe_medium={SHARE}"' in in_boot_image("b.iso", "osdimage/start.cmd").splitlines()
    manifest = json.loads(extracted("b.iso", "osdimage/media.json"))
    assert (manifest["kind"], manifest["runner"], manifest["server"]) == ("boot", "winpe", SHARE)
    # For reading, and the same.
    shown = extracted("b.iso", "osdimage/scripts/start.cmd").decode().splitlines()
    assert shown == in_boot_image("b.iso", "osdimage/start.cmd").splitlines()


@pytest.mark.foreign
@pytest.mark.usefixtures("here")
def test_a_boot_image_with_a_client_of_its_own_stays_as_it_is() -> None:
    osdimage("media", "boot", "b.iso", "--boot-image", "pe.wim", "--server", "https://server/site")
    assert extracted("b.iso", "sources/boot.wim") == Path("pe.wim").read_bytes()
    manifest = json.loads(extracted("b.iso", "osdimage/media.json"))
    assert (manifest["runner"], manifest["server"]) == ("site", "https://server/site")


@pytest.mark.usefixtures("here")
def test_the_same_seed_makes_the_same_disc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    found = set()
    for name in ("1.iso", "2.iso"):
        osdimage("media", "boot", name, "--boot-image", "pe.wim", "--server", "https://server/", "--seed", "lab")
        found.add(hashlib.sha256(Path(name).read_bytes()).hexdigest())
    assert len(found) == 1


@pytest.mark.usefixtures("here")
def test_a_dry_run_tells_what_would_be_on_it() -> None:
    told = osdimage("media", "boot", "b.iso", "--boot-image", "pe.wim", "--server", SHARE, "--dry-run").out
    assert "b.iso: would write" in told
    assert "osdimage/scripts/start.cmd" in told
    assert not Path("b.iso").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param(("boot", "--server", "D:\\share"), 2, "is no path of a share", id="server"),
        pytest.param(("boot", "--server", "https://me:hunter2@server/"), 2, "without a user", id="web user"),
        pytest.param(("boot", "--server", SHARE, "--startnet", "s.cmd"), 2, "is made for the medium", id="startnet"),
        pytest.param(("capture", "--destination", SHARE, "--name", "x"), 2, "is no WIM", id="no wim"),
        pytest.param(("capture", "--destination", WIM, "--name", "50%"), 2, "cannot be given to dism", id="name"),
    ],
)
def test_what_cannot_be_is_refused(here: Path, words: tuple[str, ...], code: int, told: str) -> None:
    (here / "s.cmd").write_text("wpeinit\r\n")
    ended = osdimage("media", words[0], "x.iso", "--boot-image", "pe.wim", *words[1:], code=code)
    assert told in ended.err
    assert "hunter2" not in ended.err
    assert not (here / "x.iso").exists()
