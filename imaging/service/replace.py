r"""Replacing the contents of files of an image that belong together, with everything else about them kept.

libwim can add a file to an image, but only as a new one: without its security descriptor, short name and attributes.
So each file makes a detour: it is extracted into a small NTFS volume in a temporary file, which keeps all of that,
changed there, and the volume is laid over the image.

The WIM is appended to: the new contents and the new tree go behind the old ones, and the header points to them last.
What the old tree alone used stays in the file until images are exported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from osdimage.imaging import wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.progress import Meter
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import MIB, Extent, Lba, align_up
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from osdimage.imaging.wim.checks.audit import load_tree, refuse_dropped_names
from osdimage.imaging.wim.edited.commands import Contents
from osdimage.imaging.wim.entries import Entry
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.file import WimFile, reference_files
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.select import ImageSelector
from osdimage.imaging.wim.settings import ExtractSettings
from osdimage.imaging.wim.write import WRITE_SHARES, append_file, append_spec, open_to_append

_VOLUME_BYTES = 32 * MIB
"""What an NTFS volume needs besides the file, its second copy while it is replaced, and some room."""
_COPIES = 3


def replace_file(
    wim: str | os.PathLike[str],
    selector: ImageSelector,
    path: str,
    change: Callable[[bytes], bytes | None],
    *,
    limit_bytes: int,
    refs: Iterable[str] = (),
) -> None:
    """Replace the contents of one file of an image.

    Args:
        wim: as of :func:`replace_files`.
        selector: as there.
        path: the file in the image, names separated by ``/``, compared without case.
        change: gets the contents and returns the new ones, or None to leave the WIM as it is.  When it raises, the WIM
            is left as it was.
        limit_bytes: as there.
        refs: as there.

    Raises:
        OsdImageError: as :func:`replace_files`.
    """
    replace_files(wim, selector, (path,), alone(path, change), limit_bytes=limit_bytes, refs=refs)


def alone(path: str, change: Callable[[bytes], bytes | None]) -> Callable[[Contents], Contents]:
    """Return the change of one file as one of files that belong together."""

    def work(old: Contents) -> Contents:
        new = change(old[path])
        return {} if new is None else {path: new}

    return work


def replace_files(
    wim: str | os.PathLike[str],
    selector: ImageSelector,
    paths: Sequence[str],
    change: Callable[[Contents], Contents],
    *,
    limit_bytes: int,
    refs: Iterable[str] = (),
) -> None:
    r"""Replace the contents of files of an image that belong together, all of them or none.

    Args:
        wim: the WIM; it must not be split or marked read-only.
        selector: which image.
        paths: the files in the image, names separated by ``/``, compared without case.  The first must be there; what
            the others name may be missing, or no file.
        change: gets the contents of those that are there, by their paths, and returns the new ones of those that are to
            be changed; of none to leave the WIM as it is.  When it raises, the WIM is left as it was.
        limit_bytes: the largest file that is taken.
        refs: files or glob patterns of files that hold contents too: the base of a delta, which stays one.

    Raises:
        MissingParts: when the contents are in another file, which ``refs`` does not name.
        InvalidRequest: when there is no such image or file, or it is larger than ``limit_bytes``.
        TargetRefused: when the WIM cannot be changed.
        NotAWim, CorruptWim, UnsafeName: when the WIM is damaged.
        StorageError: when writing failed; the message says whether the WIM is as it was.
    """
    wim = Path(wim)
    refs = tuple(refs)
    with scratch_folder() as folder, wim_errors(wim), open_to_append(wim) as handle:
        reference_files(handle, refs)
        image = WimFile(wim, handle).select(selector)
        refuse_dropped_names(wim, image.index, load_tree(wim, handle, image.index))
        if not edit_files(image, paths, change, folder=folder, limit_bytes=limit_bytes):
            return
        spec = append_spec(wim, None, handle.info().compression)
        meter = Meter(None, WRITE_SHARES)
        # What the handle knows of other files stays in these.
        append_file(handle, wim, spec, integrity=None, threads=0, meter=meter, skips_references=bool(refs))


def edit_files(
    image: WimImage,
    paths: Sequence[str],
    change: Callable[[Contents], Contents],
    *,
    folder: Path,
    limit_bytes: int,
) -> tuple[str, ...]:
    """Replace the contents of files of an image in memory; return the paths of those that were changed.

    Args:
        image: of a WIM that is open.
        paths: as of :func:`replace_files`.
        change: as there.
        limit_bytes: as there.
        folder: for volumes with the files, which must stay until the WIM is closed.

    Raises:
        OsdImageError: as :func:`replace_files`.
    """
    held = _Held(image, _sizes(image, paths, limit_bytes), folder, limit_bytes)
    new = change(held)
    for path, data in new.items():
        scratch = held.volume(path)
        with open_volume(scratch, write=True) as volume, open_files(volume, write=True, sync=False) as files:
            files.write(path, data)
        with wim_errors(image.path):
            image.handle.add_volume(image.index, scratch)
    return tuple(new)


class _Held(Mapping[str, bytes]):
    """Files of an image, each extracted when it is asked for: libwim extracts one at a time to a volume."""

    def __init__(self, image: WimImage, sizes: Mapping[str, int], folder: Path, limit: int) -> None:
        self._image = image
        self._sizes = sizes
        self._folder = folder
        self._limit = limit
        self._volumes: dict[str, Path] = {}

    def __getitem__(self, path: str) -> bytes:
        with open_volume(self.volume(path)) as opened, open_files(opened) as files:
            return files.read(path, self._limit)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, path: object) -> bool:
        return path in self._sizes

    def volume(self, path: str) -> Path:
        """Return the volume with a file at its path."""
        if path not in self._volumes:
            self._volumes[path] = _extracted(self._image, path, self._sizes[path], self._folder)
        return self._volumes[path]


def _extracted(image: WimImage, path: str, size: int, folder: Path) -> Path:
    """Return a volume that holds a file of an image at its path."""
    scratch = _make_volume(folder / f"file-{len(list(folder.iterdir()))}.ntfs", size)
    with wim_errors(image.path):
        settings = ExtractSettings(to_ntfs=True)
        image.handle.extract_paths(image.index, scratch, [f"/{path}"], settings, globs=False, keep_directories=True)
    return scratch


def _sizes(image: WimImage, paths: Sequence[str], limit: int) -> dict[str, int]:
    """Return the paths at which there are files, with what the files take."""
    where = f"{image.path} image {image.index}"
    first, *others = paths
    found = _file_at(image, first)
    if found is None:
        raise InvalidRequest(f"{where}: {first!r} is not a file")
    sizes = {first: _size_of(image, first, found)}
    for path in others:
        try:
            other = _file_at(image, path)
        except InvalidRequest:
            # There is nothing.
            continue
        if other is not None and other.reparse_tag in {None, wof.TAG}:
            sizes[path] = _size_of(image, path, other)
    for path, size in sizes.items():
        if size > limit:
            raise InvalidRequest(f"{where}: {path!r} has {size} bytes; at most {limit} are taken")
    return sizes


def _file_at(image: WimImage, path: str) -> Entry | None:
    found = image.entries(f"/{path}", recursive=False)
    return found[0] if len(found) == 1 and not found[0].attributes & FileAttribute.DIRECTORY else None


def _size_of(image: WimImage, path: str, entry: Entry) -> int:
    size = max((stream.size for stream in entry.streams), default=0)
    if entry.reparse_tag == wof.TAG:
        # Its streams are smaller than what it holds.
        facts = image.files().find(path)
        size += 0 if facts is None else facts.size
    return size


def _make_volume(path: Path, size: int) -> Path:
    with create_image(str(path), align_up(_VOLUME_BYTES + _COPIES * size, MIB)) as target:
        format_ntfs(target, Extent(Lba(0), target.geometry.sectors), NtfsFormat("", serial=1, is_zero=True))
    return path
