"""Writing a WIM: as a new file, over an old one, or appended to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.output import new_file, write_at
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.piped.streams import OutputStream
from osdimage.imaging.wim.steps import listener
from osdimage.imaging.wim.stored.blob_table import guid_of, read_blob_table
from osdimage.imaging.wim.stored.format import HEADER_SIZE, Header
from osdimage.imaging.wim.stored.in_place import opened_in_place
from osdimage.imaging.wim.stored.newer_form import put_trees_into_newer_form
from osdimage.native.runtime import Compression
from osdimage.native.wim.facts import WriteSettings
from osdimage.native.wim.handles import WimHandle

# Shares of the time of a write, measured with the default compression; scanning is cheap beside compressing.
WRITE_SHARES = {
    Phase.SCAN: 5.0,
    Phase.WRITE_DATA: 91.0,
    Phase.WRITE_METADATA: 2.0,
    Phase.CALCULATE_INTEGRITY: 2.0,
}


# How libwim (1.13 and 1.14, src/write.c) begins the warning that Windows does not take a pipable WIM.
_OF_PIPABLE = "Creating a pipable WIM"
PIPABLE_WARNING = "a pipable WIM is read by osdimage and wimlib alone; Windows, DISM and 7-Zip do not take it"


class WriteMode(Enum):
    """What happens to a file that is already there."""

    NEW = "new"
    """Refuse to write."""
    APPEND = "append"
    """Add to it.  Its images stay valid at every moment; if this fails, it is cut back to what it was, as far as the
    medium lets it, and the message says how far."""
    OVERWRITE = "overwrite"
    """Replace it in one step when the new file is complete."""


def prepare_output(handle: WimHandle, spec: CompressionSpec) -> None:
    """Set the format that a handle will write."""
    chunk = None if spec.solid else spec.chunk_size
    solid_chunk = spec.chunk_size if spec.solid else None
    handle.set_output(spec.format, chunk, solid_chunk)


@dataclass(frozen=True, slots=True)
class Writing:
    """How libwim writes a whole file.

    Attributes:
        integrity: whether it has an integrity table; None to keep what the WIM has.
        threads: that compress; 0 for one a processor.
        recompress: whether contents are compressed again that could be copied.
        retain_guid: whether the WIM keeps its GUID.
        skips_references: whether the blobs that are in referenced files are left there.
        pipable: whether the file has the form that can be sent through a pipe; None for that of the WIM.
        repeatable: whether a plain file has a GUID that is drawn from what is in it.
    """

    integrity: bool | None = None
    threads: int = 0
    recompress: bool = False
    retain_guid: bool = False
    skips_references: bool = False
    pipable: bool | None = None
    repeatable: bool = False


def write_file(
    handle: WimHandle,
    path: Path,
    spec: CompressionSpec,
    how: Writing,
    *,
    replace: bool,
    meter: Meter,
    contents: Path | None = None,
    change: Callable[[bytes], bytes | None] | None = None,
    finish: Callable[[int], None] | None = None,
) -> tuple[str, ...]:
    """Write a WIM as a new file that appears complete or not at all; return libwim's warnings.

    ``contents`` is the WIM that contents come from, for errors.
    ``change`` is given each tree as it is stored, and returns what it is to be instead, or None.
    ``finish`` is called with the descriptor of the file when libwim is done and before the file appears.
    """
    with new_file(path, replace=replace) as descriptor:
        warnings = write_open(handle, path, descriptor, spec, how, meter=meter, contents=contents, change=change)
        if finish is not None:
            with wim_errors(path, contents=contents):
                finish(descriptor)
        return warnings


def write_stream(
    handle: WimHandle,
    stream: OutputStream,
    spec: CompressionSpec,
    how: Writing,
    *,
    meter: Meter,
    contents: Path | None = None,
) -> tuple[str, ...]:
    """Write a pipable WIM to a stream; return libwim's warnings.

    All contents are read twice: their hashes come first.

    Raises:
        ReaderLeft: when nobody reads the stream any more.
        StorageError: when no more can be written to it; what was written is not a whole WIM.
    """
    with wim_errors(stream.name, contents=contents), stream.opened() as descriptor:
        settings = _settings(spec, how, sync=False)
        return _told(handle.write(descriptor, settings, listener=listener(meter)))


def write_open(
    handle: WimHandle,
    path: Path,
    descriptor: int,
    spec: CompressionSpec,
    how: Writing,
    *,
    meter: Meter,
    contents: Path | None = None,
    change: Callable[[bytes], bytes | None] | None = None,
) -> tuple[str, ...]:
    """Write a WIM to an empty file that is open for reading and writing; return libwim's warnings.

    ``path`` is what errors call the file, ``contents`` the WIM that the contents come from, and ``change`` what becomes
    of each tree; see :func:`write_file`.
    """
    with wim_errors(path, contents=contents):
        warnings = handle.write(descriptor, _settings(spec, how), listener=listener(meter))
        _put_into_newer_form(path, descriptor, spec, change)
        if how.repeatable:
            _identify(path, descriptor)
    return _told(warnings)


def _settings(spec: CompressionSpec, how: Writing, *, sync: bool = True) -> WriteSettings:
    return WriteSettings(
        compression=spec.format,
        level=spec.native_level,
        solid=spec.solid,
        integrity=how.integrity,
        recompress=how.recompress,
        retain_guid=how.retain_guid,
        skips_references=how.skips_references,
        pipable=how.pipable,
        sync=sync,
        threads=how.threads,
    )


def _told(warnings: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out that a pipable WIM is none for Windows: it was asked for, and is told in our own words."""
    return tuple(text for text in warnings if not text.startswith(_OF_PIPABLE))


def setup_warnings(spec: CompressionSpec, path: Path, *, is_pipable: bool) -> tuple[str, ...]:
    """Say what makes a new file one that Windows is known to reject."""
    return (PIPABLE_WARNING,) if is_pipable else spec.setup_warnings(path.name)


def size_written(destination: Path | OutputStream) -> int:
    """Return how large the WIM is that was written, in bytes."""
    if isinstance(destination, OutputStream):
        return 0 if destination.passed is None else destination.passed.size
    return destination.stat().st_size


def refuse_pipable(
    spec: CompressionSpec, mode: WriteMode, *, is_stream: bool, integrity: bool | None, is_delta: bool = False
) -> None:
    """Refuse what a pipable WIM cannot be.

    Raises:
        InvalidRequest: which says what it cannot be.
    """
    if mode is WriteMode.APPEND:
        raise InvalidRequest("nothing is added to a pipable WIM; valid is a new file, or one that is replaced")
    if spec.solid:
        raise InvalidRequest("a pipable WIM is not solid; choose a compression that is not")
    if is_delta:
        raise InvalidRequest("a delta is not pipable: what it lacks could not be given to who reads it from a pipe")
    if is_stream and integrity:
        raise InvalidRequest(
            "an integrity table is made of a file that is there, and a stream has none; valid is a pipable WIM in a "
            "file"
        )


def _put_into_newer_form(
    path: Path, descriptor: int, spec: CompressionSpec, change: Callable[[bytes], bytes | None] | None
) -> None:
    """Put the trees of a file that has no name yet into the form that DISM takes, and change them."""
    try:
        header = Header.parse(os.pread(descriptor, HEADER_SIZE, 0))
        if put_trees_into_newer_form(descriptor, header, spec, written_from=HEADER_SIZE, change=change):
            write_at(descriptor, header.build(), 0)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _identify(path: Path, descriptor: int) -> None:
    """Give a plain file that has no name yet the GUID of what is in it."""
    try:
        header = Header.parse(os.pread(descriptor, HEADER_SIZE, 0))
        trees = (each.sha1 for each in read_blob_table(descriptor, header) if each.is_tree)
        xml = os.pread(descriptor, header.xml.stored_size, header.xml.offset)
        header.guid = guid_of(xml, trees)
        write_at(descriptor, header.build(), 0)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


@contextmanager
def open_to_append(path: Path) -> Iterator[WimHandle]:
    """Open a WIM whose images are to be changed or added to, by :func:`append_file`.

    Raises:
        TargetRefused: when it is a part of a split WIM, or cannot be written.
    """
    with wim_errors(path), open_wim(path, write=True) as handle:
        yield handle


def append_file(
    handle: WimHandle,
    path: Path,
    spec: CompressionSpec,
    *,
    integrity: bool | None,
    threads: int,
    meter: Meter,
    recompress: bool = False,
    skips_references: bool = False,
    contents: Path | None = None,
    change: Callable[[bytes], bytes | None] | None = None,
) -> tuple[str, ...]:
    """Append what is new in a handle to the file it was opened from; return libwim's warnings.

    With ``skips_references`` the blobs that are in referenced files are left there.
    ``contents`` is the WIM that they come from, for errors.
    ``change`` is given each tree that is written, as it is stored, and returns what it is to be instead, or None.

    Raises:
        InvalidRequest: when trees are to be changed and the file is pipable: libwim writes such a one anew.
        TargetRefused: when another program is writing to the file, or has since it was opened; nothing was written.
        OsdImageError: when it failed; the message says whether the file is as it was.
    """
    if change is not None and handle.info().is_pipable:
        raise InvalidRequest(f"{path}: is pipable, and trees of such a WIM cannot be changed; valid is a plain one")
    settings = WriteSettings(
        compression=spec.format,
        level=spec.native_level,
        solid=spec.solid,
        integrity=integrity,
        recompress=recompress,
        skips_references=skips_references,
        threads=threads,
    )
    with opened_in_place(path) as place:
        _refuse_changed(path, handle, os.fstat(place.descriptor))
        try:
            with wim_errors(path, contents=contents):
                warnings = handle.overwrite(settings, listener=place.watch(listener(meter)))
            place.settle(
                lambda header: put_trees_into_newer_form(
                    place.descriptor, header, spec, written_from=place.size, change=change
                )
            )
        except BaseException as error:
            place.put_back(error)
            raise
        return warnings


def _refuse_changed(path: Path, handle: WimHandle, now: os.stat_result) -> None:
    """Refuse a file that was changed since it was opened.

    libwim locks it only now, and would write over what another program has appended in the meantime.
    """
    before = handle.found
    if before is not None and _version(before) != _version(now):
        raise TargetRefused(
            f"{path}: another program has changed it since this command opened it; nothing was written, run it again"
        )


def _version(facts: os.stat_result) -> tuple[int, ...]:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def append_spec(path: Path, wanted: CompressionSpec | None, present: Compression | None) -> CompressionSpec:
    """Return how to compress what is appended: a WIM has one format.

    Raises:
        InvalidRequest: when another format was asked for.
    """
    kind = present or Compression.NONE
    if wanted is None:
        return CompressionSpec(kind)
    if wanted.format is not kind:
        raise InvalidRequest(
            f"{path}: is compressed with {kind.name.lower()}, so what is appended cannot be "
            f"{wanted.format.name.lower()}; leave the compression out, or export to a new file"
        )
    return wanted
