"""What docs/pictures/terminal.svg takes for granted: `make picture` makes it, and `make tour` compares it."""

from __future__ import annotations

import os
import random
from pathlib import Path

from cases import udf

from touring.stock import osdimage, windows

# How wide the terminal is: the picture of a disk has its width.
COLUMNS = 114
_COMPONENTS = 1600


def prepare() -> None:
    """Make a disc with the image of a Windows that is large enough for progress to be seen."""
    os.environ["COLUMNS"] = str(COLUMNS)
    tree = windows(Path("tree"))
    chance = random.Random("the picture")  # noqa: S311 - contents that are the same again
    store = tree / "Windows" / "WinSxS"
    for number in range(_COMPONENTS):
        component = store / f"amd64_lab-component-{number:04}_31bf3856ad364e35_10.0.22631.1_none"
        component.mkdir(parents=True)
        # A part of each program is of its own, the rest is like others, as in a Windows.
        (component / f"lab{number}.dll").write_bytes(
            chance.randbytes(12_000) + b"lab component\0" * chance.randrange(9000)
        )
    osdimage("capture", "tree", "install.wim", "--name", "Windows 11 Pro", "--compress", "xpress")
    wim = udf.Node("install.wim", Path("install.wim").read_bytes())
    Path("Windows.iso").write_bytes(udf.build(udf.Node(children=[udf.Node("sources", children=[wim])])).data)
