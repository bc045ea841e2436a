r"""Where the operating system is that MDT calls by a GUID: a package, or a list in a deployment share.

``Control\OperatingSystems.xml`` of a share has an ``<os guid="{...}">`` for each, with ``<ImageFile>``, a path below
the share such as ``.\Operating Systems\Win11\install.wim``, and ``<ImageIndex>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.paths import insensitive
from osdimage.imaging.tasksequence.mdt.share import Listed, damaged, items_of, share_of, shown

_LIST = "OperatingSystems.xml"
_WHAT = "the operating system"


@dataclass(frozen=True, slots=True)
class ListedSystem:
    """An operating system.

    Attributes:
        wim: the file with its image.
        index: the number of the image; None when nothing tells.
    """

    wim: Path
    index: int | None = None


def find_system(machine: Machine, guid: str) -> ListedSystem | None:
    """Return the operating system of a GUID: the package of this ID, or what the list of a share has; None for none.

    A package is a WIM, a directory that holds one, or a deployment share itself.

    Raises:
        InvalidInput: when a list cannot be read.
        InvalidRequest: when the package holds no or several WIMs, or the listed file is not there.
    """
    package = next((path for name, path in machine.packages.items() if name.lower() == guid.lower()), None)
    for folder in _folders(machine, package):
        for each in items_of(folder, _LIST):
            if each.element.tag == "os" and each.guid.lower() == guid.strip().lower():
                return _system(folder, each)
    return None if package is None else ListedSystem(machine.image_file(guid))


def _folders(machine: Machine, package: Path | None) -> tuple[Path, ...]:
    share = share_of(machine)
    first = (*(() if package is None else (package,)), *(() if share is None else (share.root,)))
    return tuple(dict.fromkeys((*first, *machine.packages.values(), *machine.shares.values())))


def _system(share: Path, entry: Listed) -> ListedSystem:
    file, index = entry.fact("ImageFile"), entry.fact("ImageIndex")
    if not file:
        raise damaged(entry, _WHAT, "it has no ImageFile")
    if index and not (index.isascii() and index.isdigit() and len(index) <= 9 and int(index) > 0):
        raise damaged(entry, _WHAT, "ImageIndex is not the number of an image")
    wim = insensitive(share, file.removeprefix(".\\").removeprefix("./"))
    if wim is None or not wim.is_file():
        raise InvalidRequest(f"{entry.source}: ImageFile {shown(file)} is not there")
    return ListedSystem(wim, int(index) if index else None)
