"""Write a stick of a folder, for ``bench_stick.py``; arguments: the folder, and the image, which is not there yet."""

from __future__ import annotations

import sys
from pathlib import Path

from osdimage.imaging.media import Medium, StickLayout, StickOptions, fitted, planned_stick, write_stick
from osdimage.imaging.media.parts.source import open_source


def main(folder: Path, image: Path) -> None:
    """Write it, without reading it back: neither do the others."""
    medium = Medium("STICK", open_source(folder).files, None)
    with (
        fitted(medium, StickLayout.FAT32) as found,
        planned_stick(image, found.medium, StickOptions()) as (plan, disk),
    ):
        write_stick(plan, disk, compare=False)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
