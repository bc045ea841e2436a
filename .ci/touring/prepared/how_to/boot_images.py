"""What docs/how-to/boot-images.md takes for granted."""

from __future__ import annotations

from pathlib import Path

from cases import udf
from cases.boot_images import jpeg, pe_files, setup_files
from cases.driver_packages import below, package
from cases.windows_trees import write_tree

from touring.stock import osdimage


def prepare() -> None:
    """Make a boot image, a disc with it, drivers and a picture."""
    for number, (name, files) in enumerate((("PE (x64)", pe_files()), ("Setup (x64)", setup_files()))):
        more = ("--append", "--boot") if number else ()
        tree = write_tree(Path(f"image-{number}"), files)
        osdimage("capture", str(tree), "boot.wim", "--name", f"Microsoft Windows {name}", *more)
    wim = udf.Node("boot.wim", Path("boot.wim").read_bytes())
    disc = udf.build(udf.Node(children=[udf.Node("sources", children=[wim])]))
    Path("windows.iso").write_bytes(disc.data)
    Path("lab.jpg").write_bytes(jpeg())
    network = package("netkvm", class_name="Net", ids=(r"PCI\VEN_1AF4&DEV_1000",))
    write_tree(Path("Drivers"), below("disk", package("vioscsi")) | below("net", network))
