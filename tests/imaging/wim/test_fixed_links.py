"""Absolute links that are captured relative to the image, and lead to what is applied; or neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import trees
from judges import wim as judges
from osdimage.imaging import WimFile
from runs.commands import osdimage

LINKS = ("absolute link inside", "absolute link outside")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make_tree(tmp_path_factory.mktemp("links") / "tree")


def _targets(folder: Path) -> list[str]:
    return [str((folder / name).readlink()) for name in LINKS]


@pytest.fixture(scope="module", params=[None, "--rpfix", "--no-rpfix"], ids=["default", "fixed", "as they are"])
def wims(request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same capture by osdimage and by wimlib-imagex, which spells its option --norpfix."""
    folder = tmp_path_factory.mktemp("captured")
    how = [] if request.param is None else [request.param]
    osdimage("capture", source, folder / "ours.wim", *how)
    judges.wimlib("capture", source, folder / "theirs.wim", *(each.replace("no-", "no") for each in how))
    return folder / "ours.wim", folder / "theirs.wim"


@pytest.mark.foreign
@pytest.mark.parametrize("how", [(), ("--rpfix",), ("--no-rpfix",)], ids=["default", "fixed", "as they are"])
@pytest.mark.parametrize("engine", ["bulk", "libwim"])
def test_links_lead_where_they_do_when_wimlib_imagex_applies(
    wims: tuple[Path, Path], how: tuple[str, ...], engine: str, tmp_path: Path
) -> None:
    ours, theirs = wims
    with WimFile.open(ours) as left, WimFile.open(theirs) as right:
        assert left.header.rewrites_links == right.header.rewrites_links
    target = tmp_path / "target"
    expected = set()
    for wim in wims:
        judges.wimlib("apply", wim, "1", target, *(each.replace("no-", "no") for each in how))
        expected.add(tuple(_targets(target)))
        target.rename(tmp_path / wim.stem)
    osdimage("apply", ours, target, *how, "--engine", engine)
    assert expected == {tuple(_targets(target))}


@pytest.mark.foreign
@pytest.mark.parametrize("first", ["--rpfix", "--no-rpfix"])
@pytest.mark.parametrize("then", [None, "--rpfix", "--no-rpfix"])
def test_an_append_does_as_the_wim_has_it_unless_it_is_told(
    first: str, then: str | None, source: Path, tmp_path: Path
) -> None:
    how = [] if then is None else [then]
    ours, theirs = tmp_path / "ours.wim", tmp_path / "theirs.wim"
    osdimage("capture", source, ours, first)
    osdimage("capture", source, ours, "--append", "--name", "b", *how)
    judges.wimlib("capture", source, theirs, first.replace("no-", "no"))
    judges.wimlib("append", source, theirs, "b", *(each.replace("no-", "no") for each in how))
    with WimFile.open(ours) as left, WimFile.open(theirs) as right:
        assert left.header.rewrites_links == right.header.rewrites_links == ("--rpfix" in {first, then})
    found = set()
    for wim in (ours, theirs):
        for index in ("1", "2"):
            target = tmp_path / "target"
            judges.wimlib("apply", wim, index, target)
            found.add((index, *_targets(target)))
            target.rename(tmp_path / f"{wim.stem}{index}")
    assert len(found) == 2


@pytest.mark.foreign
def test_links_of_volumes_stay_as_they_are(source: Path, tmp_path: Path) -> None:
    volume, wim = judges.make_ntfs(tmp_path / "volume", 16 << 20), tmp_path / "x.wim"
    osdimage("capture", source, wim)
    assert "whose letter is not known" in osdimage("apply", wim, volume, "--rpfix", code=4).err
    osdimage("apply", wim, volume, "--no-rpfix")
    said = osdimage("capture", volume, tmp_path / "again.wim", "--rpfix", code=2).err
    assert "begin with its letter, which is not known" in said
    for how, flag in (((), True), (("--no-rpfix",), False)):
        osdimage("capture", volume, tmp_path / "again.wim", "--overwrite", *how)
        with WimFile.open(tmp_path / "again.wim") as opened:
            assert opened.header.rewrites_links is flag
