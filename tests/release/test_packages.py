"""The recipes of distributions say what the project says: its version, and each module that it needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from osdimage.imaging.version import VERSION

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
DEBIAN = PACKAGING / "debian"
ARCH = PACKAGING / "arch" / "PKGBUILD"
FEDORA = PACKAGING / "fedora" / "osdimage.spec"
PYFATFS = PACKAGING / "pyfatfs"


def only(pattern: str, file: Path) -> str:
    """Return the one text that a pattern finds in a file."""
    (found,) = re.findall(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


@pytest.fixture(scope="module")
def needed() -> set[str]:
    with (PACKAGING.parent / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    return {re.split(r"[<>=]", each)[0] for each in project["dependencies"]}


def test_each_recipe_is_of_the_version_of_the_project() -> None:
    assert only(r"^osdimage \((.*)-\d+\)", DEBIAN / "changelog") == VERSION
    assert only(r"^pkgver=(.*)$", ARCH) == VERSION
    assert only(r"^Version: +(.*)$", FEDORA) == VERSION


@pytest.mark.parametrize("page", ["README.md", "docs/how-to/install.md", "docs/reference/packaging.md"])
def test_pages_name_the_files_of_a_release_as_they_are_called(page: str) -> None:
    text = (PACKAGING.parent / page).read_text(encoding="utf-8")
    assert set(re.findall(r"osdimage[-_](\d+\.\d+\.\d+)", text)) == {VERSION}


def test_each_recipe_of_pyfatfs_is_of_the_source_that_is_pinned() -> None:
    version = only(r"^pyfatfs==(\S+) ", PYFATFS / "requirements.txt")
    assert only(r"^pyfatfs \((.*)-\d+\)", PYFATFS / "debian" / "changelog") == version
    assert only(r"^pkgver=(.*)$", PYFATFS / "PKGBUILD") == version
    assert only(r"^Version: +(.*)$", PYFATFS / "python-pyfatfs.spec") == version
    assert only(r"--hash=sha256:(\w+)$", PYFATFS / "requirements.txt") == only(
        r"^sha256sums=\((\w+)\)", PYFATFS / "PKGBUILD"
    )


# Debian's and Fedora's packages get theirs from the metadata, by dh_python3 and by RPM's generator.
def test_the_recipe_for_arch_names_each_module(needed: set[str]) -> None:
    named = set(re.findall(r"python-(\w+)", only(r"^depends=\((.*)\)", ARCH)))
    assert named == {name.removeprefix("py") if name == "pyyaml" else name for name in needed}


def test_the_package_of_debian_is_tried_with_each_module(needed: set[str]) -> None:
    named = re.findall(r"python3-(\w+) <!nocheck>", (DEBIAN / "control").read_text(encoding="utf-8"))
    # What builds the extension module has cffi.
    assert {*named, "cffi"} == {name.removeprefix("py") if name == "pyyaml" else name for name in needed}


@pytest.mark.parametrize("recipe", [DEBIAN, PYFATFS / "debian"], ids=["osdimage", "pyfatfs"])
def test_what_debian_runs_can_be_run(recipe: Path) -> None:
    for name in ("rules", "tests/deploy", "tests/library"):
        file = recipe / name
        if file.exists():
            assert file.read_text(encoding="utf-8").startswith("#!")
            assert file.stat().st_mode & 0o111
