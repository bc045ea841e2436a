"""Files that are written with holes where they are zero."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import BinaryIO

# Holes of file systems are as large, or larger; a block that is short of it is written.
_BLOCK = 4096
_ZEROS = bytes(_BLOCK)


def write_with_holes(file: BinaryIO, pieces: Iterable[bytes]) -> None:
    """Write pieces one behind the other into a file that is new, but no blocks of zeros.

    Raises:
        OSError: when writing failed.
    """
    for piece in pieces:
        if piece.count(0) == len(piece):
            file.seek(len(piece), os.SEEK_CUR)
            continue
        for begin in range(0, len(piece), _BLOCK):
            block = piece[begin : begin + _BLOCK]
            if block == _ZEROS:
                file.seek(_BLOCK, os.SEEK_CUR)
            else:
                file.write(block)
    file.truncate()
