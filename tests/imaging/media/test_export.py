"""A boot image that is copied alone, with what is set in it: judged by wimlib-imagex and 7-Zip."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from cases.boot_images import STARTNET, boot_wim, pe_files, setup_files
from cases.windows_trees import windows_files
from judges import wim as judges
from runs.commands import osdimage


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Windows PE, and Windows Setup, which starts."""
    return boot_wim(tmp_path_factory.mktemp("export") / "boot.wim", pe_files(), setup_files(lower=True), boot=2)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.foreign
def test_the_copy_has_the_one_image_which_starts_and_the_source_is_as_it_was(medium: Path, tmp_path: Path) -> None:
    before = digest(medium)
    (tmp_path / "a.cmd").write_bytes(b"wpeinit\nmenu\n")
    options = ("--scratch", "256", "--add-file", f"{tmp_path}/a.cmd=/a.cmd")
    osdimage("bootimage", "export", medium, tmp_path / "out.wim", *options)
    assert digest(medium) == before
    text = judges.wimlib("info", tmp_path / "out.wim")
    assert re.findall(r"(?:Image Count|Boot Index|Compression): +(\S+)", text) == ["1", "LZX", "1"]
    judges.wimlib("verify", tmp_path / "out.wim")
    judges.seven_zip_test(tmp_path / "out.wim")
    source, copy = set(judges.wimlib_paths(medium, 2)), set(judges.wimlib_paths(tmp_path / "out.wim", 1))
    assert copy - source == {"/a.cmd"}
    assert source < copy
    (image,) = osdimage("bootimage", "show", tmp_path / "out.wim", "--json").document["images"]
    assert (image["kind"], image["is_boot"], image["scratch_mb"]) == ("setup", True, 256)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.cmd", "out.wim"]


def test_without_a_wish_the_image_is_copied_as_it_is(medium: Path, tmp_path: Path) -> None:
    document = osdimage("bootimage", "export", medium, tmp_path / "out.wim", "--index", "1", "--json").document
    assert (document["written"], document["files"], document["image"]["index"]) == (True, [], 1)
    assert document["new_size"] == (tmp_path / "out.wim").stat().st_size < document["old_size"]
    (image,) = osdimage("bootimage", "show", tmp_path / "out.wim", "--json").document["images"]
    assert (image["kind"], image["is_boot"]) == ("pe", True)


@pytest.mark.foreign
def test_an_image_of_an_esd_becomes_one_that_the_boot_manager_reads(medium: Path, tmp_path: Path) -> None:
    osdimage("export", medium, tmp_path / "boot.esd", "--all")
    osdimage("bootimage", "export", tmp_path / "boot.esd", tmp_path / "out.wim", "--index", "2")
    text = judges.wimlib("info", tmp_path / "out.wim")
    assert re.findall(r"(?:Compression|Boot Index|\nVersion): +(\S+)", text) == ["68864", "LZX", "1"]


def test_a_dry_run_writes_nothing(medium: Path, tmp_path: Path) -> None:
    document = osdimage(
        "bootimage", "export", medium, tmp_path / "out.wim", "--prestart", "cmd /c a", "--dry-run", "--json"
    ).document
    assert [each["path"] for each in document["files"]] == ["TSConfig.ini"]
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_replaced_only_when_that_is_said(medium: Path, tmp_path: Path) -> None:
    out = boot_wim(tmp_path / "out.wim", {"x": b"x"})
    out.chmod(0o640)
    before = digest(out)
    assert "exists already" in osdimage("bootimage", "export", medium, out, "--scratch", "64", code=4).err
    assert digest(out) == before
    osdimage("bootimage", "export", medium, out, "--scratch", "64", "--overwrite")
    assert out.stat().st_mode & 0o777 == 0o640
    assert osdimage("bootimage", "show", out, "--json").document["boot_index"] == 1


@pytest.mark.parametrize(("options", "code", "said"), [
    pytest.param(["--scratch", "1"], 2, "valid are 32", id="a wish that cannot be"),
    pytest.param(["--index", "3"], 2, "no image fits", id="no image"),
])  # fmt: skip
def test_what_fails_leaves_nothing(options: list[str], code: int, said: str, medium: Path, tmp_path: Path) -> None:
    assert said in osdimage("bootimage", "export", medium, tmp_path / "out.wim", *options, code=code).err
    assert not list(tmp_path.iterdir())


def test_a_whole_windows_is_refused(tmp_path: Path) -> None:
    wim = boot_wim(tmp_path / "x.wim", windows_files())
    assert "is a whole Windows" in osdimage("bootimage", "export", wim, tmp_path / "out.wim", code=4).err
    assert not (tmp_path / "out.wim").exists()


def test_the_source_cannot_be_the_copy(medium: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.wim"
    link.symlink_to(medium)
    assert "itself" in osdimage("bootimage", "export", medium, link, "--overwrite", code=2).err


def test_a_script_of_the_copy_is_read_back(medium: Path, tmp_path: Path) -> None:
    (tmp_path / "a.cmd").write_bytes(b"wpeinit\r\nmenu\r\n")
    options = ("--index", "1", "--startnet", tmp_path / "a.cmd")
    osdimage("bootimage", "export", medium, tmp_path / "out.wim", *options)
    assert osdimage("extract", tmp_path / "out.wim", f"/{STARTNET}", "--to", "-").out == "wpeinit\r\nmenu\r\n"
