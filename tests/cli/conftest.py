"""WIMs for the commands to work on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import trees
from runs.commands import osdimage


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make_tree(tmp_path_factory.mktemp("cli") / "tree")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make_small_tree(tmp_path_factory.mktemp("cli") / "small")


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, tree: Path, small: Path) -> Path:
    """Return a WIM of two images, ``first`` (the tree) and ``second`` (the small one, which boots)."""
    path = tmp_path_factory.mktemp("cli") / "pair.wim"
    osdimage("capture", tree, path, "--name", "first", "--description", "The first one", "--check")
    osdimage("capture", small, path, "--name", "second", "--append", "--boot")
    return path


@pytest.fixture
def copy(pair: Path, tmp_path: Path) -> Path:
    """Return a copy of :func:`pair` to change."""
    path = tmp_path / "copy.wim"
    path.write_bytes(pair.read_bytes())
    return path


@pytest.fixture
def single(small: Path, tmp_path: Path) -> Path:
    """Return a WIM of one small image to change."""
    path = tmp_path / "single.wim"
    osdimage("capture", small, path, "--name", "only")
    return path


Writer = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Return a function that makes a folder of files from lines such as ``folder/name = contents``."""

    def make(text: str) -> Path:
        root = tmp_path / "written"
        root.mkdir()
        for line in text.split("\n"):
            name, _, contents = (part.strip() for part in line.partition("="))
            if name:
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(contents, encoding="utf-8")
        return root

    return make
