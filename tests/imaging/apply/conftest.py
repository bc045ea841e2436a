"""A tree, a WIM of it, and a disk to put it on."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.volume import Disk, format_disk, make_disk, make_tree, make_wim
from osdimage.imaging.apply.engine import Engine


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def wim(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wim(tree, tmp_path_factory.mktemp("wim") / "image.wim")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return format_disk(make_disk(tmp_path / "disk.img"))


@pytest.fixture(params=[Engine.BULK, Engine.LIBNTFS])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each of what fills a new volume: what a test asks of one holds of both."""
    assert isinstance(request.param, Engine)
    return request.param
