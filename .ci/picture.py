#!/usr/bin/env python3
"""Record a terminal, and write docs/pictures/terminal.svg, which the README and the site show.

What the commands print is compared with it by `make tour`, as that of a page.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / ".ci")]

from picturing.drawing import svg  # noqa: E402 - it is no package that is installed
from picturing.recording import Terminal  # noqa: E402
from touring.prepared.pictures.terminal import COLUMNS, prepare  # noqa: E402

PICTURE = ROOT / "docs" / "pictures" / "terminal.svg"
LINES = 40
COMMANDS = (
    "osdimage deploy 'Windows.iso!sources/install.wim' vm.qcow2 --preset uefi --size 64GB --edition Professional",
    "osdimage boot check vm.qcow2",
    "osdimage disk check vm.qcow2 --partition 3",
    "osdimage list vm.qcow2 /Windows/System32/config --partition 3",
)
TITLE = (
    "A terminal: osdimage makes the disk of a virtual machine from the ISO file of a Windows, and proves that it did"
)


def main() -> None:
    """Record and draw."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="osdimage-picture.") as folder:
        os.chdir(folder)
        prepare()
        terminal = Terminal(COLUMNS, LINES)
        for command in COMMANDS:
            terminal.run(command)
        os.chdir(ROOT)
    PICTURE.write_text(svg(terminal.recording(), TITLE), encoding="utf-8")
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
