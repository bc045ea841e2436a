"""How a disk is opened: what of it is not to be found on the disk itself, and what somebody must have allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.logs import warned

if TYPE_CHECKING:
    from osdimage.imaging.disk.bitlocker.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Opening:
    """How a disk is opened, which every function that takes the path of one is told.

    Attributes:
        sector_size: bytes of a sector of an image; None for what its partition table or a device says.
        keys: what opens volumes that are encrypted; None for no key.
        allow_linked: of a disk of a virtual machine: whether its file may name any other file of this machine as a part
            of it, and not only those in its folder and below.
        replay_log: of a VHDX that was not closed and is only read: whether the changes in its log are written to their
            places first.
        vm_snapshot: of a qcow2 file: the name or number of the snapshot in it that is read; None for its newest state.
        told: hears, in sentences, what is to be known of what was opened; None when nobody listens.
        discards_journal: an NTFS volume that was not shut down may be written to: its journal is emptied, and changes
            that are in it alone are lost.
    """

    sector_size: int | None = None
    keys: KeyRing | None = None
    allow_linked: bool = False
    replay_log: bool = False
    vm_snapshot: str | None = None
    told: Callable[[str], None] | None = None
    discards_journal: bool = False

    def require_disk(self, name: str) -> None:
        """Refuse a snapshot that is asked for of what is no disk of a virtual machine.

        Raises:
            InvalidRequest: that says so.
        """
        if self.vm_snapshot is not None:
            raise InvalidRequest(f"{name} is no disk of a virtual machine that holds snapshots; valid is a qcow2 file")

    def tell(self, module: str, text: str) -> None:
        """Say what is to be known of what was opened, to who listens and to the log of a module."""
        warned(module, text)
        if self.told is not None:
            self.told(text)


AS_FOUND = Opening()
"""Nothing is told, and nothing allowed that is not always."""
