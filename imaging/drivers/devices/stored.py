"""The hive SYSTEM with a computer's devices: its file, or a disk, a volume or a WIM with a Windows that ran there."""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.wim_mark import WIM_MAGICS
from osdimage.imaging.drivers.offline.windows import windows_folder
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.beside import read_beside
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.places import MAX_HIVE_BYTES, HiveAddress, load_hive
from osdimage.imaging.volume.eligible import look_over
from osdimage.imaging.volume.filesystems import FILE_SYSTEMS, open_files
from osdimage.imaging.wim.file import WimFile

HIVE_MAGIC = b"regf"


def stored_hive(path: Path, head: bytes) -> Hive:
    """Return the hive SYSTEM that a file is, or that the one Windows has that is in it.

    Args:
        path: the file.
        head: its first bytes.

    Raises:
        InvalidRequest: when there are several.
        InvalidInput: when there is none, or it is damaged.
        TargetRefused, StorageError: when it cannot be read.
    """
    if head.startswith(HIVE_MAGIC):
        return load_hive(HiveAddress(path))
    if head[:8] in WIM_MAGICS:
        with WimFile.open(path) as wim:
            return _only(path, {f"image {each.index}": _system(each.files()) for each in wim})
    with open_volume(path) as volume:
        if volume.content in FILE_SYSTEMS:
            with open_files(volume) as files:
                return _only(path, {"the volume": _system(files)})
    return _on_disk(path)


def _on_disk(path: Path) -> Hive:
    with open_disk(path) as disk:
        volumes = look_over(disk)
        found: dict[str, Hive | None] = {}
        for each in volumes.eligible(with_efi=False):
            with open_files(disk.volume_in(each)) as files:
                found[f"partition {each.number}"] = _system(files)
        encrypted = [str(number) for number, held in volumes.held.items() if held.kind is Content.BITLOCKER]
        return _only(path, found, f"; partition {', '.join(encrypted)} is encrypted" if encrypted else "")


def _system(files: FileSource) -> Hive | None:
    folder = windows_folder(files)
    if folder is None:
        return None
    hive = f"{folder}/System32/config/SYSTEM"
    return read_beside(files, hive, limit=MAX_HIVE_BYTES, name=f"{files.name}: {hive}")


def _only(path: Path, found: dict[str, Hive | None], note: str = "") -> Hive:
    hives = {where: hive for where, hive in found.items() if hive is not None}
    if not hives:
        raise InvalidInput(f"{path}: holds no Windows whose devices could be read{note}")
    if len(hives) > 1:
        raise InvalidRequest(
            f"{path}: holds a Windows in {', '.join(hives)}; take the file Windows/System32/config/SYSTEM out of one "
            "of them, and give that"
        )
    return next(iter(hives.values()))
