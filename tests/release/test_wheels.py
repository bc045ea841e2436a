"""What is in a release: ``make release-check`` runs this for the one in ``dist/release``."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.releases import RELEASE, needs_release, wheels
from judges.disk import run

pytestmark = needs_release

ROOT = Path(__file__).resolve().parents[2]
# What glibc is made of; PEP 600 lets a wheel need these.
C_LIBRARY = {"libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1"}


@pytest.fixture(scope="module", params=["x86_64", "aarch64"])
def wheel(request: pytest.FixtureRequest) -> Path:
    found = [path for path in wheels() if path.name.endswith(f"{request.param}.whl")]
    if not found:
        pytest.skip(f"the release has no wheel for {request.param}")
    return found[0]


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def machine_code(folder: Path) -> Iterator[Path]:
    """Return what is in ELF files, of which the first bytes tell."""
    for path in folder.rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            yield path


def test_the_checksums_are_those_of_all_files() -> None:
    said = run(["sh", "-c", f"cd '{RELEASE}' && sha256sum --check --strict SHA256SUMS"])
    assert {line.removesuffix(": OK") for line in said.splitlines()} == {
        path.name for path in RELEASE.iterdir() if path.name != "SHA256SUMS"
    }


def test_one_wheel_is_for_every_python(wheel: Path, unpacked: Path) -> None:
    name = re.fullmatch(r"osdimage-([\d.]+)-cp311-abi3-(manylinux_2_28_\w+)\.whl", wheel.name)
    assert name is not None
    (info,) = unpacked.glob("*.dist-info")
    assert f"Tag: cp311-abi3-{name[2]}\n" in (info / "WHEEL").read_text(encoding="utf-8")
    assert json.loads((unpacked / "osdimage/imaging/bundle/bundle.json").read_text("utf-8"))["platform"] == name[2]


def test_the_machine_code_needs_the_c_library_alone_and_shows_one_function(unpacked: Path) -> None:
    found = sorted(str(path.relative_to(unpacked)) for path in machine_code(unpacked))
    assert found == ["osdimage/imaging/bundle/mkntfs", "osdimage/native/_wimlib.abi3.so"]
    for name in found:
        dynamic = run(["readelf", "--wide", "--dynamic", unpacked / name])
        loader = {each for each in re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic) if not each.startswith("ld-linux")}
        assert loader <= C_LIBRARY
        assert "(RPATH)" not in dynamic
        assert "(RUNPATH)" not in dynamic
        versions = re.findall(r"GLIBC_(\d+)\.(\d+)", run(["readelf", "--wide", "--version-info", unpacked / name]))
        assert max((int(major), int(minor)) for major, minor in versions) <= (2, 28)
    symbols = run(["nm", "--dynamic", "--defined-only", "--extern-only", unpacked / found[1]]).splitlines()
    shown = {line.split()[2] for line in symbols if line.split()[1] != "A"}
    # Those of libfuse3 with a version are asked for by nobody without that version.
    assert {name for name in shown if "@FUSE_" not in name and "@@FUSE_" not in name} == {"PyInit__wimlib@@OSDIMAGE"}


def test_the_licences_of_all_parts_are_inside_and_the_way_to_their_sources(unpacked: Path) -> None:
    (info,) = unpacked.glob("*.dist-info")
    names = {str(path.relative_to(info / "licenses")) for path in (info / "licenses").rglob("*") if path.is_file()}
    assert names == {"LICENSE"} | {
        f"bundled/{name}"
        for name in (
            "BUNDLED.md",
            "GPL-2.txt",
            "LGPL-2.1.txt",
            "libfuse3-copyright.txt",
            "libwim-copyright.txt",
            "zig-LICENSE.txt",
        )
    }
    # The one that sorts suffixes in libwim wants its notice in all copies.
    assert "Yuta Mori" in (info / "licenses/bundled/libwim-copyright.txt").read_text(encoding="utf-8")
    metadata = (info / "METADATA").read_text(encoding="utf-8")
    assert set(re.findall(r"^License-File: (.+)$", metadata, re.MULTILINE)) == names
    assert "\nLicense-Expression: GPL-2.0-or-later AND GPL-3.0-or-later AND LGPL-2.1-only\n" in metadata
    notice = (info / "licenses/bundled/BUNDLED.md").read_text(encoding="utf-8")
    for part in json.loads((unpacked / "osdimage/imaging/bundle/bundle.json").read_text("utf-8"))["parts"]:
        assert f"| {part['name']} | {part['version']} | {part['licence']} |" in notice
        assert f"| {part['source']} |" in notice


def test_programs_can_be_run_after_unpacking(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        modes = {each.filename: each.external_attr >> 16 for each in archive.infolist() if not each.is_dir()}
    assert {name for name, mode in modes.items() if mode & 0o111 and "bundle/" in name} == {
        "osdimage/imaging/bundle/mkntfs"
    }


def test_the_source_distribution_makes_the_same_release_in_another_folder(tmp_path: Path) -> None:
    (source,) = RELEASE.glob("*.tar.gz")
    (tmp_path / "tree").mkdir()
    run(["tar", "--extract", "--no-same-owner", f"--directory={tmp_path / 'tree'}", f"--file={source}"])
    (tree,) = (tmp_path / "tree").iterdir()
    work = tmp_path / "work"
    work.mkdir()
    # The tools are those that made the release; all that they compile, they compile anew.
    (work / "tools").symlink_to(ROOT / "build/release/tools")
    chosen = [f"--architecture={path.stem.rpartition('28_')[2]}" for path in wheels()]
    subprocess.run(
        [
            os.environ.get("PYTHON", sys.executable),
            tree / "packaging/wheel/release.py",
            *chosen,
            f"--work={work}",
            f"--out={tmp_path / 'out'}",
            f"--downloads={ROOT / 'build/release/downloads'}",
            "--or-newest",
        ],
        check=True,
        env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "CFLAGS": "-O0", "SOURCE_DATE_EPOCH": "1"},
        umask=0o077,
    )
    assert digests(tmp_path / "out") == digests(RELEASE)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
