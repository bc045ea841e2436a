"""What computers that are known start: the columns ``boot-image`` and ``script`` of an inventory."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.documents import as_text, read_limited
from osdimage.imaging.errors import InvalidInput, OsdImageError, quoted
from osdimage.imaging.inventory.computers import Computer, Inventory
from osdimage.imaging.units import KIB

BOOT_IMAGE, SCRIPT = "boot-image", "script"
COLUMNS = (BOOT_IMAGE, SCRIPT)
"""The columns of an inventory that are wanted besides the names and addresses."""
LOCAL = "local"
"""In the place of the name of a boot image: the computer starts its own disk."""
_LARGEST_SCRIPT = 64 * KIB
_SHOWN_FAULTS = 20


@dataclass(frozen=True, slots=True)
class KnownComputer:
    """A computer that is known, and what it starts.

    Attributes:
        computer: as the inventory has it.
        image: the name of the boot image; :data:`LOCAL`; or None: what others start.
        script: a script of iPXE that it has in the place of ours, or None.
    """

    computer: Computer
    image: str | None = None
    script: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Where its script is in the folder."""
        macs = (f"by-mac/{each.lower().replace(':', '-')}.ipxe" for each in self.computer.mac_addresses)
        guid = self.computer.smbios_guid
        return (*macs, *(() if guid is None else (f"by-uuid/{guid}.ipxe",)))


def known_computers(
    inventory: Inventory, folder: str | os.PathLike[str], images: Collection[str]
) -> tuple[KnownComputer, ...]:
    """Return what the computers of an inventory start.

    Args:
        inventory: tells of them.
        folder: in which their scripts are.
        images: the names of the boot images.

    Raises:
        InvalidInput: which tells every fault with its line: a boot image that there is not, a script that cannot be
            read or is none, or both.
    """
    found: list[KnownComputer] = []
    faults: list[str] = []
    for each in inventory.computers:
        image, script = each.value_of(BOOT_IMAGE), each.value_of(SCRIPT)
        if image is not None and script is not None:
            faults.append(f"line {each.line}: has a boot image and a script; valid is one of them")
        elif image is not None and image.lower() not in {LOCAL, *images}:
            valid = ", ".join((*images, LOCAL))
            faults.append(f"line {each.line}: there is no boot image {quoted(image)}; valid are {valid}")
        elif script is not None:
            try:
                found.append(KnownComputer(each, None, read_script(Path(folder) / script)))
            except OsdImageError as error:
                faults.append(f"line {each.line}: {error.said}")
        else:
            found.append(KnownComputer(each, None if image is None else image.lower()))
    if faults:
        more = f"; and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        raise InvalidInput(f"{inventory.source}: {'; '.join(faults[:_SHOWN_FAULTS])}{more}")
    return tuple(found)


def read_script(path: Path) -> str:
    """Return a script of iPXE.

    Raises:
        InvalidInput: when it is none.
        StorageError: when it cannot be read.
    """
    text = as_text(read_limited(path, _LARGEST_SCRIPT, kind="scripts of iPXE"), source=str(path))
    if re.match(r"#!ipxe(\s|$)", text) is None:
        raise InvalidInput(f"{path}: is no script of iPXE; valid is one whose first line is #!ipxe")
    return text.replace("\r\n", "\n")
