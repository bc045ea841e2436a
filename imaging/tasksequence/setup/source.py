r"""The files of a Windows Setup, as they are on its disc: where the image is, and which edition of it is meant.

An edition is chosen as Setup chooses it: by its number; by what the answer file says (``ImageInstall``); by the
``EditionID`` of ``sources\EI.cfg``; or it is the only one.  Setup would also go by the product key, whose edition only
Windows can tell.

Source: Microsoft, "Windows Setup Edition Configuration and Product ID Files (EI.cfg and PID.txt)": what they hold, and
that an answer file comes before them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.answers.setup_pass import WantedImage
from osdimage.imaging.drivers.supplied.opened import is_archive, open_supply
from osdimage.imaging.errors import ActionFailed, ImageNotFound, InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.paths import insensitive
from osdimage.imaging.units import MIB
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.image import WimImage

_IMAGES = ("sources/install.wim", "sources/install.esd", "sources/install.swm")
_OLDER = "i386/txtsetup.sif"
_EDITION, _KEY = "sources/EI.cfg", "sources/PID.txt"
_LARGEST = MIB
_SECTION = re.compile(r"\[\s*([^\]]*?)\s*\]")
_PRODUCT_KEY = re.compile(r"(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class InstallSource:
    """The files of a Windows Setup.

    Attributes:
        wim: the file with the images; one on a disc may lie in the disc.
        files: all files of it, readable as long as it is open.
    """

    wim: Path
    files: FileSource

    @property
    def edition(self) -> str | None:
        """The ``EditionID`` that ``EI.cfg`` names, or None."""
        lines = _section(self.files, _EDITION, "editionid")
        return lines[0] if lines else None

    @property
    def product_key(self) -> str | None:
        """The product key of ``PID.txt``, or None."""
        for line in _section(self.files, _KEY, "pid"):
            name, _, value = line.partition("=")
            if name.strip().lower() == "value" and _PRODUCT_KEY.fullmatch(value.strip()) is not None:
                return value.strip()
        return None


@contextmanager
def open_install_source(path: str | os.PathLike[str]) -> Iterator[InstallSource]:
    """Open the files of a Windows Setup: a folder with them, or their disc (ISO).

    Raises:
        ActionFailed: NOT_SUPPORTED for a Windows before Vista, which has no image.
        InvalidRequest: when it is neither, or has no image.
        InvalidInput: when the disc is damaged.
        StorageError: when it cannot be read.
    """
    path = Path(path)
    if is_archive(path):
        raise InvalidRequest(f"{path} is an archive; valid are a folder with the files of a Windows Setup, or its disc")
    with open_supply(path) as supply:
        inside = next((each for each in _IMAGES if supply.files.exists(each)), None)
        if inside is not None:
            found = insensitive(path, inside) if path.is_dir() else None
            yield InstallSource(found or Path(f"{path}!{inside}"), supply.files)
            return
        if supply.files.exists(_OLDER):
            raise ActionFailed(
                HResult.NOT_SUPPORTED,
                f"{path}: Windows before Vista can only be installed by its own Setup; valid are Vista and later",
            )
        raise InvalidRequest(f"{path}: holds no Windows Setup: there is no {', '.join(_IMAGES)}")


def choose_edition(wim: WimFile, index: int | None, wanted: WantedImage, edition: str | None) -> WimImage:
    """Return the image to apply.

    Args:
        wim: with the images.
        index: the number that the step gives, or None.
        wanted: what the answer file says.
        edition: what ``EI.cfg`` says.

    Raises:
        ImageNotFound: when nothing says which of several is meant, or it is not there; with those that are.
    """
    if index is not None:
        return wim.image(index)
    if len(wim) == 1:
        return wim.image(1)
    if wanted.index is not None:
        number = int(wanted.index) if wanted.index.isascii() and wanted.index.isdigit() and len(wanted.index) < 6 else 0
        return _only(wim, [each for each in wim if each.index == number], "the answer file", wanted.index)
    if wanted.name is not None:
        named = [each for each in wim if each.name.casefold() == wanted.name.casefold()]
        return _only(wim, named, "the answer file", wanted.name)
    if edition is not None:
        return _only(wim, [each for each in wim if _edition(each).lower() == edition.lower()], "EI.cfg", edition)
    raise ImageNotFound(
        f"OSDInstallEditionIndex is missing, and neither the answer file nor EI.cfg says which edition is meant; "
        f"{wim.path} has:",
        candidates=_listed(wim),
    )


def _only(wim: WimFile, found: list[WimImage], who: str, what: str) -> WimImage:
    if len(found) == 1:
        return found[0]
    many = "no image" if not found else f"{len(found)} images"
    raise ImageNotFound(f"{who} asks for {what}, of which {wim.path} has {many}; it has:", candidates=_listed(wim))


def _listed(wim: WimFile) -> tuple[str, ...]:
    return tuple(f"{each.index}: {each.name} ({_edition(each) or 'no edition'})" for each in wim)


def _edition(image: WimImage) -> str:
    windows = image.info.windows
    return "" if windows is None else windows.edition or ""


def _section(files: FileSource, path: str, name: str) -> list[str]:
    """Return the lines of a section of a small file of Setup that say something."""
    facts = files.find(path)
    if facts is None or facts.is_directory or facts.is_link or facts.size > _LARGEST:
        return []
    data = files.read(path, _LARGEST)
    text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig", "replace")
    found, here = [], ""
    for line in map(str.strip, text.splitlines()):
        match = _SECTION.fullmatch(line)
        if match is not None:
            here = match[1].lower()
        elif here == name and line and not line.startswith(";"):
            found.append(line)
    return found
