"""Capturing a directory or an NTFS volume, which may be a partition of a disk, into a WIM."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.errors import Incomplete, InvalidInput, InvalidRequest
from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Meter, ProgressCallback
from osdimage.imaging.volume import ntfs
from osdimage.imaging.volume.opened import OpenVolume, name_of, open_volume
from osdimage.imaging.wim.compression import CompressionSpec
from osdimage.imaging.wim.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.output import refuse_existing
from osdimage.imaging.wim.probe import Kind, probe
from osdimage.imaging.wim.properties import ImageProperties
from osdimage.imaging.wim.steps import listener
from osdimage.imaging.wim.write import (
    WRITE_SHARES,
    WriteMode,
    append_file,
    append_spec,
    prepare_output,
    write_file,
)
from osdimage.native import tree
from osdimage.native.callbacks import Listener, Omission, Omitted, Report
from osdimage.native.handles import WimHandle
from osdimage.native.tree import Audit

# Of omitted files that many are named in the result; a source full of sockets needs no list of them all.
_NAMED = 100


@dataclass(frozen=True, slots=True)
class CaptureSource:
    """What is captured.

    Attributes:
        path: a directory, a file or device that holds one NTFS volume, or with ``partition`` a disk.
        config: what is left out.
        unix_data: also store owner, group and mode (directories only; Windows ignores them).
        partition: the number of a partition of the disk, as ``osdimage disk show`` lists them.
    """

    path: Path
    config: CaptureConfig = DEFAULT_CONFIG
    unix_data: bool = False
    partition: int | None = None

    @property
    def title(self) -> str:
        """What messages call it."""
        return name_of(self.path, self.partition)


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """What a capture stored.  Sizes in bytes, hard links counted once.

    Attributes:
        path: the WIM.
        index: of the new image.
        name: of the new image.
        directories: number of directories.
        files: number of files and links.
        size: of their contents.
        file_size: of the WIM after the capture.
        excluded: number of files and directories that the configuration left out (what is below one is not counted).
        unsupported: paths of what a WIM cannot hold, such as sockets; the first 100.
        losses: what was left out or cannot be applied again, by class.
        warnings: sentences for people.
    """

    path: Path
    index: int
    name: str
    directories: int
    files: int
    size: int
    file_size: int
    excluded: int
    unsupported: tuple[str, ...]
    losses: tuple[Loss, ...]
    warnings: tuple[str, ...]


class _Omissions:
    """Counts what a scan left out."""

    def __init__(self, inner: Listener) -> None:
        self._inner = inner
        self.counts: Counter[Omission] = Counter()
        self.unsupported: list[str] = []

    def __call__(self, message: Report | Omitted) -> None:
        """Count an omission; pass everything else on."""
        if isinstance(message, Report):
            self._inner(message)
            return
        self.counts[message.reason] += 1
        if message.reason is Omission.UNSUPPORTED and len(self.unsupported) < _NAMED:
            self.unsupported.append(message.path)


def capture(
    source: CaptureSource | str | os.PathLike[str],
    wim: str | os.PathLike[str],
    *,
    properties: ImageProperties | None = None,
    mode: WriteMode = WriteMode.NEW,
    compression: CompressionSpec | None = None,
    boot: bool = False,
    integrity: bool | None = None,
    threads: int = 0,
    strict: bool = False,
    progress: ProgressCallback | None = None,
) -> CaptureResult:
    """Capture a directory, an NTFS volume or an NTFS partition of a disk as one image of a WIM.

    A new file appears under its name complete or not at all; see :class:`~osdimage.imaging.WriteMode` for the others.
    The source is only read.

    Args:
        source: what is captured; a path alone takes the default exclusions.
        wim: the WIM to write.
        properties: name (default: the source's), description, creator and version of the image.
        mode: what happens to a file that is already there.
        compression: default LZX at a level that was measured to be the best trade; an append keeps the WIM's format.
        boot: mark the image as the one that boots.
        integrity: write an integrity table; None keeps that of a WIM that is appended to, and writes none otherwise.
        threads: compressor threads, 0 for one a processor.
        strict: raise when a file could not be stored, or could not be applied again.
        progress: receives the progress.

    Raises:
        InvalidRequest: when the options contradict each other, or an image of this name is there.
        InvalidInput: when the source is not one of the kinds above, or a name in it cannot be stored.
        InvalidTable: when the disk has no partition table that can be used.
        TargetRefused: when the file exists and ``mode`` is NEW, or another program is writing to it.
        StorageError: when reading or writing failed; nothing is left of a new file, an old one is as it was.
        Incomplete: with ``strict``, after all is written.
    """
    what = source if isinstance(source, CaptureSource) else CaptureSource(Path(source))
    destination = Path(wim)
    wanted = properties or ImageProperties()
    _check_request(what, destination, mode)
    meter = Meter(progress, WRITE_SHARES)
    # libwim reads the source until the handle is closed, so the source is closed after it.
    with _opened(what) as opened:
        with wim_errors(destination):
            handle, spec = _open_destination(destination, mode, compression)
        with handle:
            warnings = list(spec.setup_warnings(destination.name)) + _source_warnings(what, opened)
            wanted = _with_name(wanted, what, handle, destination)
            omissions = _Omissions(listener(meter))
            with _config_file(what.config) as config_file, wim_errors(what.title):
                warnings += handle.add_image(
                    opened.name,
                    wanted.name or "",
                    config_file=config_file,
                    from_ntfs=opened.volume is not None,
                    unix_data=what.unix_data,
                    boot=boot,
                    listener=omissions,
                )
            index = handle.info().image_count
            for element, value in wanted.by_element().items():
                if element != "NAME":
                    handle.set_image_property(index, element, value)
            audit = tree.audit(handle, index)
            losses = _losses(omissions, audit)
            for text in (*warnings, *(str(loss) for loss in losses)):
                meter.warn(opened.renamed(text))
            if mode is WriteMode.APPEND:
                warnings += append_file(handle, destination, spec, integrity=integrity, threads=threads, meter=meter)
            else:
                replace_old = mode is WriteMode.OVERWRITE
                warnings += write_file(
                    handle, destination, spec, replace=replace_old, integrity=integrity, threads=threads, meter=meter
                )
    meter.finish()
    result = CaptureResult(
        path=destination,
        index=index,
        name=wanted.name or "",
        directories=audit.directories,
        files=audit.files,
        size=audit.size,
        file_size=destination.stat().st_size,
        excluded=omissions.counts[Omission.EXCLUDED],
        unsupported=tuple(map(opened.renamed, omissions.unsupported)),
        losses=losses,
        warnings=tuple(map(opened.renamed, warnings)),
    )
    if strict and losses:
        raise Incomplete(f"{destination}: captured, but " + "; ".join(str(loss) for loss in losses))
    return result


@dataclass(frozen=True, slots=True)
class _Opened:
    """Where libwim reads a source: the name to give it, and the volume if it is one, with the hazards of reading it."""

    name: str
    volume: OpenVolume | None = None
    hazards: tuple[str, ...] = ()

    def renamed(self, text: str) -> str:
        """Put the volume's name for the one that libwim knows."""
        return text if self.volume is None else text.replace(self.name, self.volume.name)


def _check_request(source: CaptureSource, destination: Path, mode: WriteMode) -> None:
    if mode is WriteMode.NEW:
        refuse_existing(destination)
    kind = probe(source.path)
    if kind is Kind.MISSING:
        raise InvalidRequest(f"{source.path}: there is no such file or directory")
    if kind is Kind.DIRECTORY:
        if source.partition is not None:
            raise InvalidRequest(f"{source.path}: is a directory, which has no partitions")
        if destination.exists() and _is_inside(destination, source.path):
            raise InvalidRequest(
                f"{destination}: lies in {source.path}, so the WIM would capture itself; write it elsewhere"
            )
    elif source.unix_data:
        raise InvalidRequest(f"{source.title}: a volume of Windows has no owner, group and mode of Unix")
    elif source.partition is None and kind not in {Kind.NTFS, Kind.FAT}:
        hint = "; say which partition" if kind is Kind.DISK else ""
        raise InvalidInput(
            f"{source.path}: is {kind.value}; a capture reads a directory, a file or device that holds one NTFS "
            f"volume, or a partition of a disk{hint}"
        )


@contextmanager
def _opened(source: CaptureSource) -> Iterator[_Opened]:
    if source.partition is None and source.path.is_dir():
        yield _Opened(os.fspath(source.path))
        return
    with open_volume(source.path, source.partition) as volume:
        if volume.filesystem != "ntfs":
            raise InvalidInput(f"{volume.name}: holds {volume.described}; a capture reads an NTFS volume")
        with volume.sliced(read_only=True) as piece, ntfs.named(volume, piece):
            yield _Opened(piece.name, volume, tuple(ntfs.hazards(volume, ntfs.read_facts(volume, piece))))


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _source_warnings(source: CaptureSource, opened: _Opened) -> list[str]:
    found = []
    if source.config.uncompressed:
        found.append(
            "[CompressionExclusionList] has no effect: libwim decides by the contents what is stored uncompressed; the "
            "image holds the same files"
        )
    return [*found, *opened.hazards]


def _open_destination(
    path: Path, mode: WriteMode, compression: CompressionSpec | None
) -> tuple[WimHandle, CompressionSpec]:
    if mode is WriteMode.APPEND:
        handle = WimHandle.open(path, write=True)
        try:
            return handle, append_spec(path, compression, handle.info().compression)
        except BaseException:
            handle.close()
            raise
    spec = compression or CompressionSpec()
    handle = WimHandle.create(spec.format)
    prepare_output(handle, spec)
    return handle, spec


def _with_name(wanted: ImageProperties, source: CaptureSource, handle: WimHandle, destination: Path) -> ImageProperties:
    """Return the properties with a name that no other image of the WIM has."""
    taken = {handle.image_property(index, "NAME") for index in range(1, handle.info().image_count + 1)}
    if wanted.name is not None:
        if wanted.name and wanted.name in taken:
            raise InvalidRequest(f"{destination}: an image named {wanted.name!r} is already there; choose another name")
        return wanted
    base = (
        name_of(Path(source.path.resolve().name or "root"), source.partition).encode("utf-8", "replace").decode("utf-8")
    )
    base = "".join(character if character.isprintable() else "?" for character in base)[:240]
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base} ({number})"
    return replace(wanted, name=name)


@contextmanager
def _config_file(config: CaptureConfig) -> Iterator[Path]:
    """Write a configuration where libwim can read it: libwim takes a path, so this is a file in memory that has one."""
    with os.fdopen(os.memfd_create("osdimage-config", os.MFD_CLOEXEC), "wb") as file:
        file.write(config.to_text().encode("utf-8", "surrogatepass"))
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")


def _losses(omissions: _Omissions, audit: Audit) -> tuple[Loss, ...]:
    counts = [
        ("files of a kind that a WIM cannot hold left out", omissions.counts[Omission.UNSUPPORTED]),
        ("names that Windows does not allow (and apply refuses)", audit.refused_names),
    ]
    return tuple(Loss(what, count) for what, count in counts if count)
