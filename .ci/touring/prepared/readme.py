"""What the README takes for granted."""

from __future__ import annotations

from pathlib import Path

from cases import udf

from touring.stock import osdimage, windows


def prepare() -> None:
    """Make a disc with an image of a Windows, and a script that is put into an image."""
    osdimage("capture", str(windows(Path("tree"))), "install.wim", "--name", "Windows 11 Pro")
    wim = udf.Node("install.wim", Path("install.wim").read_bytes())
    Path("Windows.iso").write_bytes(udf.build(udf.Node(children=[udf.Node("sources", children=[wim])])).data)
    Path("SetupComplete.cmd").write_text("powercfg /hibernate off\r\n", encoding="ascii")
