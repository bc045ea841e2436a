"""Taking a first start back: its folder, and what would start it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.firststart.folder import FOLDER
from osdimage.imaging.firststart.plan import edit_hive, hive_path
from osdimage.imaging.firststart.results import root_of
from osdimage.imaging.firststart.starting import script_of, taken_back, without_call
from osdimage.imaging.registry.beside import read_beside
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.registry.reg_file import Edit
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.filesystems import open_files

_HIVES = ("SYSTEM", "SOFTWARE")
_LARGEST_SCRIPT = 1 << 20


def remove_first_start(volume: OpenVolume, *, now: datetime | None = None, force: bool = False) -> int:
    """Delete the folder of a first start, with its results, and take back what would start it.

    An NTFS volume gets all of it at one moment, or nothing.  Returns how many files were deleted.

    Args:
        volume: open for writing.
        now: the time of what is changed; None: now.
        force: write to a volume that is marked dirty, too.

    Raises:
        NoFirstStart: when there is none on the volume.
        InvalidDocument: when its plan is damaged, or of another version.
        InvalidInput: when a hive is damaged.
        TargetRefused: when the volume is not to be written to; nothing was written.
        StorageError: when writing failed.
    """
    with open_files(volume) as files:
        root = root_of(files)
        edits = dict(_edits(files, root))
    now = now or datetime.now(UTC)
    with open_files(volume, write=True, force=force) as files:
        _take_back_script(files, script_of(root))
        for name, each in edits.items():
            edit_hive(files, hive_path(root, name), name, each, now)
        return _delete(files)


def _edits(files: FileSource, root: str) -> Iterator[tuple[str, tuple[Edit, ...]]]:
    for name in _HIVES:
        path = hive_path(root, name)
        try:
            hive = read_beside(files, path, limit=MAX_HIVE_BYTES, name=f"{files.name}: {path}")
        except InvalidRequest:
            # A Windows that is gone starts nothing.
            continue
        edits = taken_back(name, hive)
        if edits:
            yield name, edits


def _take_back_script(files: VolumeFiles, path: str) -> None:
    facts = files.find(path)
    if facts is None or facts.is_directory or facts.is_link:
        return
    old = files.read(path, limit=_LARGEST_SCRIPT)
    new = without_call(old)
    if not new:
        files.delete(path)
    elif new != old:
        files.write(path, new)


def _delete(files: VolumeFiles) -> int:
    """Delete the folder; what is a link there is deleted, and not what it leads to."""
    found: list[FileFacts] = list(files.walk(FOLDER))
    # Parents come first.
    for each in reversed(found):
        files.delete(each.path)
    files.delete(FOLDER)
    above = FOLDER.rpartition("\\")[0]
    if not files.list(above):
        files.delete(above)
    return sum(not each.is_directory for each in found)
