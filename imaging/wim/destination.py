"""What may be in the place of a WIM that is to be written."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.disk.wim_mark import is_wim
from osdimage.imaging.errors import Remedy, TargetRefused
from osdimage.imaging.output import REPLACE_IT, refuse_existing, require_existing
from osdimage.imaging.wim.placed.on_disc import refuse_on_disc
from osdimage.imaging.wim.write import WriteMode


def refuse_destination(path: Path, mode: WriteMode, remedy: Remedy = REPLACE_IT) -> None:
    """Refuse a destination in whose place there is what a mode does not take.

    ``remedy`` is what helps where something is there and nothing is to be.

    Raises:
        TargetRefused: when the mode is NEW and something is there, or OVERWRITE and that is no WIM; or when it would
            be on a disc.
        InvalidRequest: when it is APPEND, and nothing is there.
        StorageError: when what is there cannot be read.
    """
    refuse_on_disc(path)
    match mode:
        case WriteMode.NEW:
            refuse_existing(path, remedy)
        case WriteMode.APPEND:
            require_existing(path)
        case WriteMode.OVERWRITE:
            refuse_other_file(path)


def refuse_other_file(path: Path) -> None:
    """Refuse to replace a file that is not empty and does not begin as a WIM: a slip would cost a disk image.

    What is there and is no file is refused by whoever makes the new one.

    Raises:
        TargetRefused: when it is one.
        StorageError: when it cannot be read.
    """
    if path.is_file() and path.stat().st_size and not is_wim(path):
        raise TargetRefused(
            f"{path}: is not a WIM, and is not replaced by one; choose another name, or delete the file first"
        )
