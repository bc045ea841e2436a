"""A volume with folders and files that OneDrive keeps in step: tags of ntifs.h, attributes of winnt.h.

wimlib-imagex makes the files, and the ntfs-3g driver gives the folders their reparse points.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from judges import wim as judges

from cases.wimcraft import Node, build, folder, root
from cases.wof import make_volume

SMALL = b"small contents\n"
_ONLINE = bytes(3 << 20)


def here(name: str, *, link_group: int | None = None) -> Node:
    """Return a file of which the contents are on the volume, too."""
    return Node(name, b"\1\0" * 9, reparse_tag=0x9000701A, contents=SMALL, attributes=0x420, link_group=link_group)


def online(name: str, *, link_group: int | None = None) -> Node:
    """Return a file of which the contents are in the cloud only."""
    return Node(name, b"\1\0" * 9, reparse_tag=0x9000701A, contents=_ONLINE, attributes=0x401620, link_group=link_group)


def synced_volume(path: Path, *more: Node) -> Path:
    """Make a volume with a folder ``Desktop`` that is kept in step, and one in it that holds many files."""
    many = [here(f"file {number:03}.txt") for number in range(100)]
    desktop = folder("Desktop", here("here.txt"), online("online.txt"), folder("Many", *many, online("là *?.txt")))
    wim = path.with_suffix(".wim")
    wim.write_bytes(build(root(desktop, *more)))
    make_volume(path, wim)
    with judges.mounted_ntfs(path, path.with_name("mount")) as mounted:
        # The second is too long for a record, and lies in clusters.
        for name, data in (("Desktop", b"\1\0\0\0"), ("Desktop/Many", bytes(range(250)) * 16)):
            point = struct.pack("<IHH", 0x9000601A, len(data), 0) + data
            os.setxattr(mounted / name, "system.ntfs_reparse_data", point)
    return path
