"""Discs with WIMs, as other programs make both."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from judges import wim as judges
from judges.disc import make

from cases import trees

KINDS = ("install.wim", "install.esd", "none.wim", "checked.wim", "pipable.wim")
NOISE = 4_000_000
"""Bytes of contents that no program compresses, in the second image."""
PARTS = ("parts.swm", "parts2.swm", "parts3.swm")


@dataclass(frozen=True, slots=True)
class WimDisc:
    """A disc, and the same files in a folder.

    Attributes:
        iso: the disc.
        folder: what is on it.
        trees: what was captured, by the names of the images.
    """

    iso: Path
    folder: Path
    trees: dict[str, Path]

    def on_disc(self, name: str) -> str:
        """Return the path of a file in ``sources`` of the disc."""
        return f"{self.iso}!sources/{name}"

    def plain(self, name: str) -> str:
        """Return the path of the same file in the folder."""
        return str(self.folder / "sources" / name)


def make_iso(folder: Path, iso: Path) -> Path:
    """Write a disc as those of Windows are: all in UDF."""
    return make("genisoimage", iso, folder, "-udf", "-allow-limited-size")


def make_wim_disc(where: Path) -> WimDisc:
    """Make WIMs of every kind with wimlib-imagex, and a disc of them with genisoimage."""
    first = trees.make_tree(where / "first")
    second = trees.make_small_tree(where / "second")
    (second / "noise.bin").write_bytes(random.Random(7).randbytes(NOISE))
    folder = where / "disc"
    sources = folder / "sources"
    sources.mkdir(parents=True)
    wim = sources / "install.wim"
    judges.wimlib("capture", first, wim, "first", "--compress=lzx")
    judges.wimlib("append", second, wim, "second")
    judges.wimlib("export", wim, "all", sources / "install.esd", "--solid", "--solid-compress=lzx")
    judges.wimlib("export", wim, "all", sources / "none.wim", "--compress=none")
    judges.wimlib("export", wim, "all", sources / "checked.wim", "--check")
    judges.wimlib("export", wim, "all", sources / "pipable.wim", "--pipable")
    judges.wimlib("split", wim, sources / "parts.swm", "1")
    assert {each.name for each in sources.glob("parts*.swm")} == set(PARTS)
    (folder / "readme.txt").write_text("no WIM\n")
    shutil.copy(sources / "install.wim", folder / "top.wim")
    return WimDisc(
        make_iso(folder, where / "x.iso"),
        folder,
        {"first": first, "second": second},
    )
