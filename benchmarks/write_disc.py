"""Write a directory to a disc as a program of its own; bench_disc_writing measures it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from osdimage.imaging.disc import DiscSettings, NewFile, contents_of_file, plan_disc, write_disc


def main(source: str, disc: str) -> None:
    """Plan the disc and write it."""
    files = []
    for root, _, names in os.walk(source):
        for name in names:
            path = Path(root, name)
            contents = contents_of_file(path)
            files.append(NewFile(os.path.relpath(path, source), contents, contents.modified_ns))
    write_disc(plan_disc(files, DiscSettings("BENCH", created_ns=0)), disc)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
