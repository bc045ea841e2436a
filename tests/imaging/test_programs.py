from __future__ import annotations

import json
from pathlib import Path

import pytest
from osdimage.imaging import programs
from osdimage.imaging.programs import BundledPart, bundled_parts, bundled_program


def test_parts_are_those_of_the_bundle(tmp_path: Path) -> None:
    part = {"name": "libwim", "version": "1.14.5", "licence": "GPL-3.0-or-later", "source": "wimlib=1.14.5-1"}
    (tmp_path / "bundle.json").write_text(json.dumps({"platform": "manylinux_2_28_x86_64", "parts": [part]}))
    assert bundled_parts(tmp_path) == (BundledPart(**part),)


def test_without_a_bundle_there_are_no_parts(tmp_path: Path) -> None:
    assert bundled_parts(tmp_path / "none") == ()


def test_a_program_of_the_bundle_goes_before_one_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, system = tmp_path / "bundle", tmp_path / "bin"
    for folder in (place, system):
        folder.mkdir()
        for name in ("mkntfs", "sfdisk"):
            (folder / name).write_text("#!/bin/sh\n")
    for path in (place / "mkntfs", system / "mkntfs", system / "sfdisk"):
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(system))
    monkeypatch.setattr(programs, "bundled_program", lambda name: bundled_program(name, place))
    assert programs.find_program("mkntfs") == str(place / "mkntfs")
    # One that cannot be run is none.
    assert programs.find_program("sfdisk") == str(system / "sfdisk")


def test_an_installation_that_was_built_here_uses_the_libraries_of_the_system() -> None:
    if programs._BUNDLE.exists():
        pytest.skip("this installation brings its libraries along")
    assert bundled_parts() == ()
    assert bundled_program("mkntfs") is None
