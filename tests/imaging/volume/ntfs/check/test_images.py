"""Volumes that others damaged: OSDIMAGE_NTFS_IMAGES names a folder of them, none of which is in this repository.

They are those of github.com/ntfsprogs-plus/ntfs_corrupted_images (GPL-2.0), each archive unpacked beside itself::

    for f in $(find . -name '*.img.tar.?z'); do tar -C $(dirname $f) --sparse -xf $f; done

Those in ``check_only`` are sound by its README, and so is what chkdsk of Windows left (``windows_repaired.img``) and
what Windows formatted; each of the others was damaged.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from osdimage.imaging.disk.device import open_target
from osdimage.imaging.volume import FaultKind as K
from osdimage.imaging.volume import NtfsReport, check_ntfs
from runs.limits import limited

pytestmark = [pytest.mark.foreign, pytest.mark.slow]
_FOLDER = os.environ.get("OSDIMAGE_NTFS_IMAGES")
IMAGES = sorted(path for path in Path(_FOLDER).rglob("*.img") if path.is_file()) if _FOLDER else []
# What the README of the images says was done to some of them.
DONE = {
    "bs_bytes_per_sector": K.BOOT,
    "bs_filesystem_siganture": K.BOOT,
    "bs_sector_per_cluster": K.BOOT,
    "bs_total_sectors": K.BOOT,
    "mft_bitmap_unset_mft_in_use": K.RECORD_FREE,
    "mft_bitmap_unset_mft_in_use_2": K.NAME_LOST,
    "mft_file_bad_fixup_value_count": K.RECORD_FIXUPS,
    "mft_file_bad_link_count": K.LINK_COUNT,
    "mft_file_bad_sequence_number": K.RECORD_SEQUENCE,
    "attr_value_offset_corrupted": K.ATTRIBUTE_VALUE,
    "cluster_duplication_one": K.CLUSTERS_SHARED,
    "data_size_init_size_bigger_than_alloc_size_DATA_attr": K.SIZES,
    "data_size_init_size_bigger_than_alloc_size_ia": K.SIZES,
    "data_size_init_size_smaller_than_alloc_size_DATA_attr": K.ENTRY_SIZE,
    "entry_length_corrupted": K.INDEX_ENTRY,
    "index_block_size_corruption": K.INDEX_BLOCK,
    "index_block_valid_but_index_bitmap_cleared": K.INDEX_FREE,
    "index_block_vcn_corruption": K.INDEX_BLOCK,
    "mismatch_index_filename": K.NAME_LOST,
    "missing_mft_filename_attr": K.LIST_MISSING,
    "zero_allocsize_on_non_resident_attr": K.RUNS_COUNT,
}


def check(path: Path) -> NtfsReport:
    with open_target(str(path)) as target, limited(256 << 20):
        return check_ntfs(target)


def is_sound(path: Path) -> bool:
    return "check_only" in path.parts or path.name in {"windows_repaired.img", "ntfs_default.img"}


def name_of(path: Path) -> str:
    """Return the folder below the kind of image."""
    return next((part for part in path.parts if part in DONE), path.parent.name)


@pytest.mark.skipif(not IMAGES, reason="OSDIMAGE_NTFS_IMAGES names no folder of damaged volumes")
@pytest.mark.parametrize("path", IMAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_volume_that_others_made_or_damaged(path: Path) -> None:
    report = check(path)
    if is_sound(path):
        assert report.counts == {}
    else:
        assert report.counts
        wanted = DONE.get(name_of(path))
        assert wanted is None or wanted in report.counts
