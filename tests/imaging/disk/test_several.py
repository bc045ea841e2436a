"""Several disks that are opened at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from osdimage.imaging.disk.opened import Disk, open_disk
from osdimage.imaging.disk.several import open_disks


def test_disks_are_locked_in_one_order_whatever_the_order_of_their_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for name in "abc":
        paths.append(tmp_path / name)
        paths[-1].write_bytes(bytes(1 << 20))
    opened: list[str] = []

    def note(path: Path, **_: object) -> Disk:
        opened.append(path.name)
        return open_disk(path)

    monkeypatch.setattr("osdimage.imaging.disk.several.open_disk", note)
    with open_disks(paths) as disks:
        assert [each.path for each in disks] == paths
    with open_disks(paths[::-1]) as disks:
        assert [each.path for each in disks] == paths[::-1]
    assert opened[:3] == opened[3:] == [each.name for each in sorted(paths, key=lambda each: each.stat().st_ino)]
