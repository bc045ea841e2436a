"""The pytest fixture ``osdimage_disk``; see ``testing.py``.  pytest loads this by itself: it imports nothing heavy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from osdimage.imaging.disk.layouts.layout import DiskLayout
    from osdimage.imaging.testing import MadeDisk, StrPath


@pytest.fixture
def osdimage_disk(tmp_path: Path) -> Callable[..., MadeDisk]:
    """Return a function that makes disk images in the test's own folder.

    Its arguments: ``size`` (text such as ``"4GB"``, or bytes), ``preset`` (``"uefi"``, ``"bios"``, ``"data-gpt"``,
    ``"data-mbr"``) or ``layout``, ``trees`` (directories by partition number), ``sector_size`` and ``seed``.
    """
    numbers = itertools.count(1)

    def make(
        *,
        size: str | int = "4GB",
        preset: str | None = None,
        layout: DiskLayout | None = None,
        trees: Mapping[int, StrPath] | None = None,
        sector_size: int = 512,
        seed: int | str = 0,
    ) -> MadeDisk:
        from osdimage.imaging.disk.layouts.presets import Preset, preset_layout  # noqa: PLC0415 - see above
        from osdimage.imaging.testing import MadeDisk, make_disk  # noqa: PLC0415
        from osdimage.imaging.units import parse_size  # noqa: PLC0415

        wanted = layout if layout is not None else preset_layout(Preset(preset or "uefi"))
        path = tmp_path / f"disk-{next(numbers)}.img"
        size_bytes = parse_size(size) if isinstance(size, str) else size
        return MadeDisk(path, make_disk(path, size_bytes, wanted, trees, sector_size=sector_size, seed=seed))

    return make
