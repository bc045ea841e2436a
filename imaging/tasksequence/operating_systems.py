r"""Where the operating system is that MDT calls by a GUID: a package, or a list in a deployment share.

``Control\OperatingSystems.xml`` of a share has an ``<os guid="{...}">`` for each, with ``<ImageFile>``, a path below
the share such as ``.\Operating Systems\Win11\install.wim``, and ``<ImageIndex>``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.documents import read_limited
from osdimage.imaging.element import Element, read_element
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.paths import insensitive
from osdimage.imaging.units import MIB

_LIST = r"Control\OperatingSystems.xml"
_LARGEST = 16 * MIB


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
    folders = [*(() if package is None else (package,)), *machine.packages.values(), *machine.shares.values()]
    for folder in dict.fromkeys(folders):
        listed = insensitive(folder, _LIST) if folder.is_dir() else None
        found = None if listed is None else _listed(folder, listed, guid)
        if found is not None:
            return found
    return None if package is None else ListedSystem(machine.image_file(guid))


def _listed(share: Path, listed: Path, guid: str) -> ListedSystem | None:
    root = read_element(read_limited(listed, _LARGEST, kind="lists of operating systems"), source=str(listed))
    for each in _systems(root):
        if (each.get("guid") or "").strip().lower() == guid.strip().lower():
            return _system(share, listed, each)
    return None


def _systems(root: Element) -> Iterator[Element]:
    return (each for each in root.children if each.tag == "os")


def _system(share: Path, listed: Path, entry: Element) -> ListedSystem:
    file, index = _fact(entry, "ImageFile"), _fact(entry, "ImageIndex")
    guid = (entry.get("guid") or "").strip()
    if not file:
        raise InvalidInput(f"{listed}: the operating system {guid} has no ImageFile")
    if index and not (index.isascii() and index.isdigit() and len(index) <= 9 and int(index) > 0):
        raise InvalidInput(f"{listed}: the operating system {guid}: ImageIndex is not the number of an image")
    wim = insensitive(share, file.removeprefix(".\\").removeprefix("./"))
    if wim is None or not wim.is_file():
        # It may hold line ends, which would make two lines of the message.
        shown = file if file.isprintable() else ascii(file)
        raise InvalidRequest(f"{listed}: ImageFile {shown} is not there")
    return ListedSystem(wim, int(index) if index else None)


def _fact(entry: Element, name: str) -> str:
    found = entry.child(name)
    return "" if found is None else found.text.strip()
