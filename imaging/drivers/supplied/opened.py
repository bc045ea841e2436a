"""Driver files that are open, wherever they are."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.disc.opened import Disc, open_disc
from osdimage.imaging.drivers.supplied.disc import DiscFiles
from osdimage.imaging.drivers.supplied.folder import FolderFiles
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume, StorageError
from osdimage.imaging.files import FileSource
from osdimage.imaging.wim.placed.on_disc import absent, disc_path

_INF = ".inf"
_VALID = "valid are a folder, an INF, a disc (.iso), and DISC.iso!FOLDER"


@dataclass(frozen=True, slots=True)
class Supply:
    """Driver files, readable as long as they are open.

    Attributes:
        files: all that can be read: also what lies beside the part that was asked for.
        folder: the folder in ``files`` to look in, or the INF that is meant; ``""`` is the root.
        name: what was asked for, as messages call it.
        is_inf: whether one INF alone is meant, with the files of its package beside it.
    """

    files: FileSource
    folder: str
    name: str
    is_inf: bool = False


@contextmanager
def open_supply(path: str | os.PathLike[str]) -> Iterator[Supply]:
    """Open driver files for reading, and yield them.

    Args:
        path: a folder; an INF, whose folder is read with it; a disc; or ``DISC.iso!PATH``, a folder or INF on one.

    Raises:
        InvalidInput: when it is nothing of this kind, or damaged.
        InvalidRequest: when there is nothing at the path on the disc.
        StorageError: when it cannot be read.
    """
    name = os.fspath(path)
    with ExitStack() as opened:
        place = disc_path(path)
        if place is not None:
            files: FileSource = DiscFiles(opened.enter_context(open_disc(place.disc)))
            yield _inside(files, place.inside, name)
            return
        here = Path(name)
        if here.is_dir():
            yield Supply(FolderFiles(here), "", name)
        elif not here.exists():
            raise StorageError(f"{name}: {absent(path)}", path=path, errno=errno.ENOENT)
        elif here.suffix.lower() == _INF:
            yield Supply(FolderFiles(here.parent), here.name, name, is_inf=True)
        else:
            yield Supply(DiscFiles(opened.enter_context(_disc(here))), "", name)


def _inside(files: FileSource, path: str, name: str) -> Supply:
    """Return what a folder or an INF among files is."""
    facts = files.find(path)
    if facts is None:
        raise InvalidRequest(f"{files.name}: holds no {path}")
    is_inf = not facts.is_directory
    if is_inf and not path.lower().endswith(_INF):
        raise InvalidInput(f"{name}: is neither a folder nor an INF")
    return Supply(files, facts.path, name, is_inf=is_inf)


@contextmanager
def _disc(path: Path) -> Iterator[Disc]:
    try:
        disc = open_disc(path)
    except InvalidVolume:
        raise
    except InvalidInput as error:
        raise InvalidInput(f"{path}: driver files are not read of such a file; {_VALID}") from error
    with disc:
        yield disc
