"""What a capture leaves out: it is named, and `compare` does not call it different."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.imaging import Preset, preset_layout
from osdimage.imaging.testing import make_disk
from runs.commands import osdimage

LEFT_OUT = ["/System Volume Information", "/Windows/CSC", "/pagefile.sys"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    for path in ("pagefile.sys", "Windows/CSC/deep/x", "Windows/kept", "System Volume Information/y", "a.mp3"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path, encoding="ascii")
    return root


@pytest.fixture(params=["a folder", "an NTFS partition", "a FAT32 partition"])
def place(request: pytest.FixtureRequest, source: Path, tmp_path: Path) -> list[str]:
    """Return the words that name the source."""
    if request.param == "a folder":
        return [str(source)]
    number = 1 if "FAT32" in request.param else 3
    make_disk(tmp_path / "disk.img", 3 << 30, preset_layout(Preset.UEFI), {number: source})
    return [str(tmp_path / "disk.img"), "--partition", str(number)]


def captured(place: list[str], wim: Path, *options: str) -> list[str]:
    return ["capture", place[0], str(wim), *place[1:], *options]


def test_each_is_named_with_v_in_json_and_in_events(place: list[str], tmp_path: Path) -> None:
    told = osdimage(*captured(place, tmp_path / "a.wim", "-v"))
    assert sorted(told.err.splitlines()) == [f"left out: {path}" for path in LEFT_OUT]
    assert "  left out by the exclusions: 3" in told.out.splitlines()
    (image,) = osdimage(*captured(place, tmp_path / "b.wim", "--json")).document["images"]
    assert (image["excluded"], sorted(image["excluded_paths"])) == (3, LEFT_OUT)
    events = osdimage(*captured(place, tmp_path / "c.wim", "--events", "-", "-q")).events
    assert sorted(each["excluded"] for each in events if each["excluded"] is not None) == LEFT_OUT
    assert "left out" not in osdimage(*captured(place, tmp_path / "d.wim")).err


@pytest.mark.foreign
def test_they_are_those_that_wimlib_imagex_leaves_out(source: Path, tmp_path: Path) -> None:
    # wimlib-imagex capture prints: Excluding "source/pagefile.sys" from capture
    said = judges.wimlib("capture", source, tmp_path / "theirs.wim")
    theirs = re.findall(rf'Excluding "{re.escape(str(source))}(.*)" from capture', said)
    (image,) = osdimage(*captured([str(source)], tmp_path / "ours.wim", "--json")).document["images"]
    assert sorted(image["excluded_paths"]) == sorted(theirs) == LEFT_OUT


def test_the_source_is_equal_to_its_image(place: list[str], tmp_path: Path) -> None:
    wim = tmp_path / "new.wim"
    osdimage(*captured(place, wim))
    report = osdimage("compare", wim, *place, "--json").compared
    assert (report["is_equal"], report["excluded"], report["differences"]) == (True, LEFT_OUT, [])
    shown = osdimage("compare", wim, *place, "-v").out
    assert "left out by the exclusions of a capture: 3\n  /System Volume Information\n" in shown
    assert ", equal: " in shown


def test_compare_takes_the_exclusions_that_capture_took(source: Path, tmp_path: Path) -> None:
    wim, config = tmp_path / "new.wim", tmp_path / "config.ini"
    config.write_text("[ExclusionList]\n\\Windows\n", encoding="ascii")
    options = ("--config", str(config), "--exclude", "*.mp3")
    osdimage(*captured([str(source)], wim, *options))
    assert osdimage("compare", wim, source, *options, "--json").compared["excluded"] == ["/Windows", "/a.mp3"]
    different = osdimage("compare", wim, source, "--json", code=1).compared
    # /Windows/CSC is a default exclusion; what is above it is not.
    assert [each["path"] for each in different["differences"]] == ["/Windows", "/Windows/kept", "/a.mp3"]
    assert different["excluded"] == ["/Windows/CSC"]


def test_what_the_image_has_is_compared_whatever_the_exclusions(source: Path, tmp_path: Path) -> None:
    wim = tmp_path / "new.wim"
    osdimage(*captured([str(source)], wim, "--config", "/dev/null"))
    assert osdimage("compare", wim, source, "--json").compared["excluded"] == []
    (source / "pagefile.sys").write_bytes(b"other")
    assert "contents: /pagefile.sys" in osdimage("compare", wim, source, code=1).out


@pytest.mark.foreign
def test_case_is_told_apart_if_that_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("Thumbs.db", "thumbs.db", "kept"):
        (source / name).write_text(name)
    wim = tmp_path / "x.wim"
    osdimage("capture", source, wim, "--exclude", "thumbs.db", "--match-case")
    assert judges.wimlib_paths(wim) == ["/", "/kept", "/Thumbs.db"]
    osdimage("compare", wim, source, "--exclude", "thumbs.db", "--match-case")
    osdimage("update", wim, "--add", f"{source}=/more", "--exclude", "Thumbs.db", "--match-case")
    assert judges.wimlib_paths(wim) == ["/", "/kept", "/more", "/more/kept", "/more/thumbs.db", "/Thumbs.db"]
    osdimage("capture", source, wim, "--exclude", "thumbs.db", "--overwrite")
    assert judges.wimlib_paths(wim) == ["/", "/kept"]
