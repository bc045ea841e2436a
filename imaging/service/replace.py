r"""Replacing the contents of one file of an image, with everything else about the file kept.

libwim can add a file to an image, but only as a new one: without its security descriptor, short name and attributes.
So the file makes a detour: it is extracted into a small NTFS volume in a temporary file, which keeps all of that,
changed there, and the volume is laid over the image.

The WIM is appended to: the new contents and the new tree go behind the old ones, and the header points to them last.
What the old tree alone used stays in the file until images are exported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from osdimage.imaging import wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.disk.image import create_image
from osdimage.imaging.disk.opened import open_volume
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.progress import Meter
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import MIB, Extent, Lba, align_up
from osdimage.imaging.volume.filesystems import open_files
from osdimage.imaging.volume.ntfs.format import NtfsFormat, format_ntfs
from osdimage.imaging.wim.checks.audit import load_tree, refuse_dropped_names
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
    wim: Path,
    selector: ImageSelector,
    path: str,
    change: Callable[[bytes], bytes | None],
    *,
    limit_bytes: int,
    refs: Iterable[str] = (),
) -> None:
    r"""Replace the contents of one file of an image.

    Args:
        wim: the WIM; it must not be split or marked read-only.
        selector: which image.
        path: the file in the image, names separated by ``/``, compared without case.
        change: gets the contents and returns the new ones, or None to leave the WIM as it is.  When it raises, the WIM
            is left as it was.
        limit_bytes: the largest file that is taken.
        refs: files or glob patterns of files that hold contents too: the base of a delta, which stays one.

    Raises:
        MissingParts: when the contents are in another file, which ``refs`` does not name.
        InvalidRequest: when there is no such image or file, or it is larger than ``limit_bytes``.
        TargetRefused: when the WIM cannot be changed.
        NotAWim, CorruptWim, UnsafeName: when the WIM is damaged.
        StorageError: when writing failed; the message says whether the WIM is as it was.
    """
    refs = tuple(refs)
    with scratch_folder() as folder, wim_errors(wim), open_to_append(wim) as handle:
        reference_files(handle, refs)
        image = WimFile(wim, handle).select(selector)
        refuse_dropped_names(wim, image.index, load_tree(wim, handle, image.index))
        if not edit_file(image, path, change, folder=folder, limit_bytes=limit_bytes):
            return
        spec = append_spec(wim, None, handle.info().compression)
        meter = Meter(None, WRITE_SHARES)
        # What the handle knows of other files stays in these.
        append_file(handle, wim, spec, integrity=None, threads=0, meter=meter, skips_references=bool(refs))


def edit_file(
    image: WimImage, path: str, change: Callable[[bytes], bytes | None], *, folder: Path, limit_bytes: int
) -> bool:
    """Replace the contents of one file of an image in memory; return whether there was anything to change.

    Args:
        image: of a WIM that is open.
        path: as of :func:`replace_file`.
        change: as there.
        limit_bytes: as there.
        folder: for the volume with the file, which must stay until the WIM is closed.

    Raises:
        OsdImageError: as :func:`replace_file`.
    """
    where = f"{image.path} image {image.index}"
    found = image.entries(f"/{path}", recursive=False)
    if len(found) != 1 or found[0].attributes & FileAttribute.DIRECTORY:
        raise InvalidRequest(f"{where}: {path!r} is not a file")
    size = max((stream.size for stream in found[0].streams), default=0)
    if found[0].reparse_tag == wof.TAG:
        # Its streams are smaller than what it holds.
        facts = image.files().find(path)
        size += 0 if facts is None else facts.size
    if size > limit_bytes:
        raise InvalidRequest(f"{where}: {path!r} has {size} bytes; at most {limit_bytes} are taken")
    scratch = _make_volume(folder / f"file-{len(list(folder.iterdir()))}.ntfs", size)
    with wim_errors(image.path):
        settings = ExtractSettings(to_ntfs=True)
        image.handle.extract_paths(image.index, scratch, [f"/{path}"], settings, globs=False, keep_directories=True)
    if not _change_in(scratch, path, change, limit_bytes):
        return False
    with wim_errors(image.path):
        image.handle.add_volume(image.index, scratch)
    return True


def _make_volume(path: Path, size: int) -> Path:
    with create_image(str(path), align_up(_VOLUME_BYTES + _COPIES * size, MIB)) as target:
        format_ntfs(target, Extent(Lba(0), target.geometry.sectors), NtfsFormat("", serial=1, is_zero=True))
    return path


def _change_in(scratch: Path, path: str, change: Callable[[bytes], bytes | None], limit: int) -> bool:
    """Change the file in the volume; return whether there was anything to change."""
    with open_volume(scratch, write=True) as volume:
        with open_files(volume) as files:
            new = change(files.read(path, limit))
        if new is None:
            return False
        with open_files(volume, write=True, sync=False) as files:
            files.write(path, new)
    return True
