"""A tree, a WIM of it, and a disk to put it on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cases.volume import Disk, format_disk, make_disk, make_tree, make_wim
from judges.disk import copy_of
from osdimage.imaging.apply.engine import Engine


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def wim(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wim(tree, tmp_path_factory.mktemp("wim") / "image.wim")


@pytest.fixture(scope="session")
def formatted(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """A disk with an empty volume, which nobody changes."""
    return format_disk(make_disk(tmp_path_factory.mktemp("formatted") / "disk.img"))


@pytest.fixture
def disk(formatted: Disk, tmp_path: Path) -> Disk:
    return replace(formatted, path=copy_of(formatted.path, tmp_path / "disk.img"))


@pytest.fixture(params=[Engine.BULK, Engine.LIBNTFS])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each of what fills a new volume: what a test asks of one holds of both."""
    assert isinstance(request.param, Engine)
    return request.param
