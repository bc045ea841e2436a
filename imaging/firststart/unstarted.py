r"""What a Windows tells of a first start that did not begin.

Setup writes what it does about ``SetupComplete.cmd`` into ``\Windows\Panther\UnattendGC\setupact.log``, and does not
run the script with a product key of an OEM (Microsoft, "Add a custom script to Windows Setup"): such a key shows in the
product id, as ``00330-OEM-...``.
"""

from __future__ import annotations

import codecs

from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.firststart.plan import hive_path
from osdimage.imaging.firststart.starting import has_oem_key
from osdimage.imaging.registry.beside import read_beside
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.units import MIB

_LOG = r"Panther\UnattendGC\setupact.log"
_LARGEST = 32 * MIB
_MOST_LINES, _LONGEST_LINE = 20, 500
_ABOUT = "setupcomplete"


def traces_of_setup(files: FileSource, root: str) -> tuple[str, ...]:
    """Return what tells why Setup did not begin it: sentences, and lines of Setup's log; empty when nothing does.

    Args:
        files: of the volume.
        root: the directory of Windows.

    Raises:
        InvalidVolume, StorageError: when it cannot be read.
    """
    return (*_of_key(files, root), *_of_log(files, rf"{root}\{_LOG}"))


def _of_key(files: FileSource, root: str) -> tuple[str, ...]:
    path = hive_path(root, "SOFTWARE")
    try:
        software = read_beside(files, path, limit=MAX_HIVE_BYTES, name=f"{files.name}: {path}")
    except (InvalidInput, InvalidRequest):
        # What is asked for are results; that there is no such hive, or a damaged one, is another's to tell.
        return ()
    return ("its product key is that of an OEM, with which Setup runs no SetupComplete.cmd",) * has_oem_key(software)


def _of_log(files: FileSource, path: str) -> tuple[str, ...]:
    facts = files.find(path)
    if facts is None or facts.is_directory or facts.is_link or facts.size > _LARGEST:
        return ()
    data = files.read(path, limit=_LARGEST)
    text = data.decode("utf-16" if data.startswith(codecs.BOM_UTF16_LE) else "cp1252", "replace")
    found = [line.strip()[:_LONGEST_LINE] for line in text.splitlines() if _ABOUT in line.lower()]
    return tuple(f"setupact.log: {line}" for line in found[-_MOST_LINES:])
