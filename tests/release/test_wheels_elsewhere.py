"""The wheel where nothing else is: each Python, the smallest Debian, without the libraries and without ``mkntfs``, and
machines of another kind, which are emulated.

What was made there is judged by the programs of this machine.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases.releases import (
    MACHINES,
    SUITES,
    Place,
    empty_debian,
    emulated,
    needs_release,
    oldest_modules,
    virtual_environment,
)
from judges import disk as disk_judges
from judges import ntfs as ntfs_judges
from judges import wim as wim_judges

pytestmark = [needs_release, pytest.mark.foreign]

PYTHONS = ("3.11", "3.12", "3.13", "3.14")


@pytest.fixture(scope="module", params=["oldest", *PYTHONS, *SUITES, *MACHINES])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    if request.param == "oldest":
        yield virtual_environment(PYTHONS[0], folder, oldest_modules())
        return
    if request.param in PYTHONS:
        yield virtual_environment(request.param, folder)
        return
    if os.geteuid() != 0:
        pytest.skip("only root can make a root directory of its own, and enter it")
    yield (emulated if request.param in MACHINES else empty_debian)(request.param, folder)
    shutil.rmtree(folder)


def test_a_folder_becomes_a_disk(place: Place, tmp_path: Path) -> None:
    tree = place.outside / "tree"
    shutil.copytree(Path(__file__).parents[1] / "cases", tree / "Users" / "Public", ignore=lambda *_: ["__pycache__"])
    report = json.loads(place.osdimage("doctor", "--json"))
    assert report["complete"]
    versions = {each["name"]: each["version"] for each in report["components"]}
    assert "brings along" in report["components"][0]["remarks"][0]["text"]

    place.osdimage("capture", place.inside / "tree", place.inside / "a.wim", "--compress", "lzx")
    assert json.loads(place.osdimage("info", place.inside / "a.wim", "--json"))["images"][0]["name"] == "tree"
    assert "sound" in place.osdimage("verify", place.inside / "a.wim")
    wim = place.outside / "a.wim"
    wim_judges.wimlib("verify", wim)
    wim_judges.wimlib("apply", wim, tmp_path / "applied")
    assert same(tree, tmp_path / "applied")
    place.osdimage("apply", place.inside / "a.wim", place.inside / "applied")
    assert same(tree, place.outside / "applied")

    place.osdimage("deploy", place.inside / "a.wim", place.inside / "disk.img", "--preset", "uefi", "--size", "2GB")
    disk = place.outside / "disk.img"
    assert "No problems found" in disk_judges.sgdisk_verify(disk)
    volume = disk_judges.partition_of(disk, 3, tmp_path / "volume")
    ntfs_judges.ntfsfix(volume)
    files = {f"/{path.relative_to(tree)}": wim_judges.sha1_of(path) for path in tree.rglob("*") if path.is_file()}
    found = ntfs_judges.contents(volume)
    assert {name: found[name] for name in files} == files

    # By libntfs-3g, which is inside the wheel too; the above is written by osdimage itself.
    place.osdimage("disk", "format", place.inside / "disk.img", "--partition", "3", "--fs", "ntfs", "--yes")
    place.osdimage(
        "apply", place.inside / "a.wim", place.inside / "disk.img", "--partition", "3", "--engine", "libntfs"
    )
    again = disk_judges.partition_of(disk, 3, tmp_path / "again")
    ntfs_judges.ntfsfix(again)
    found = ntfs_judges.contents(again)
    assert {name: found[name] for name in files} == files
    assert versions["libntfs-3g"]
    disk.unlink()


def same(one: Path, other: Path) -> bool:
    compared = filecmp.dircmp(one, other)
    if compared.left_only or compared.right_only or compared.funny_files:
        return False
    _, different, errors = filecmp.cmpfiles(one, other, compared.common_files, shallow=False)
    return not different and not errors and all(same(one / each, other / each) for each in compared.common_dirs)
