"""Fill a disk image with a tree, or with the first image of a WIM, as a program of its own; bench_fat32 measures it."""

from __future__ import annotations

import sys
from pathlib import Path

from osdimage.imaging.disk.image import create_image
from osdimage.imaging.volume.fat.make import FatOptions, fill_fat, from_directory


def main(source: str, image: str, size: int) -> None:
    """Make the image and fill it."""
    options = FatOptions(serial=0x1234ABCD, label="BENCH")
    with create_image(image, size) as target:
        if Path(source).is_dir():
            fill_fat(target, from_directory(source), options)
            return
        # A fill from a directory does not pay for loading libwim.
        from osdimage.imaging.apply.fat_source import from_image  # noqa: PLC0415
        from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415

        with WimFile.open(source) as wim:
            fill_fat(target, from_image(wim.images[0]), options)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
