"""Packages of media, as paths that a run can open.

A WIM of one piece stays where it is, on a disc or in a folder.  Of a stick, and of what steps want as a folder, a copy
is made; parts of a WIM, which may be on several discs, come together in one folder.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from osdimage.imaging.errors import InvalidInput, StorageError, TooSmall, quoted
from osdimage.imaging.media.sequence.manifest import ManifestFile, ManifestPackage, MediaManifest
from osdimage.imaging.media.sequence.opened import MediumForm, OpenMedium
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import format_size

_IN_PLACE = frozenset({".wim", ".esd"})
_FILES = frozenset({*_IN_PLACE, ".iso", ".zip", ".cab", ".7z", ".exe", ".msi"})
"""What a package is that has one file of such a name alone: that file, and no folder."""
_PART = ".swm"


def take_packages(
    manifest: MediaManifest,
    media: Mapping[int, OpenMedium],
    folder: Path,
    *,
    progress: ProgressCallback | None = None,
) -> dict[str, Path]:
    """Return paths of all packages of media, by their IDs.

    Args:
        manifest: of the first medium.
        media: all of them, open, by the numbers of the discs.
        folder: where copies go, which exists.
        progress: receives events of copies.

    Raises:
        InvalidInput: when a medium is damaged, or a file is not the one that the manifest tells of.
        TooSmall: when the folder has no room.
        StorageError: when something cannot be read or written.
    """
    found: dict[str, Path] = {}
    copied: list[tuple[ManifestFile, Path]] = []
    for package in manifest.packages:
        files = _files_of(package, manifest)
        path, to = _place(package, files, media, folder)
        found[package.identifier] = path
        if to is not None:
            copied += ((each, to / each.path[len(package.path) + 1 :]) for each in files)
    _copy(copied, media, folder, progress)
    return found


def _files_of(package: ManifestPackage, manifest: MediaManifest) -> list[ManifestFile]:
    prefix = f"{package.path}/".lower()
    found = [each for each in manifest.files if each.path.lower().startswith(prefix)]
    if not found:
        raise InvalidInput(f"package {package.identifier}: the manifest tells of no file below {package.path}")
    return found


def _place(
    package: ManifestPackage, files: Sequence[ManifestFile], media: Mapping[int, OpenMedium], folder: Path
) -> tuple[Path, Path | None]:
    """Return the path of a package, and the folder into which its files are copied, or None when they stay."""
    names = [each.path[len(package.path) + 1 :] for each in files]
    suffixes = {Path(name).suffix.lower() for name in names}
    is_flat = not any("/" in name for name in names)
    is_file = len(files) == 1 and is_flat and suffixes <= _FILES
    if is_file and suffixes <= _IN_PLACE:
        there = media[files[0].volume].place_of(files[0].path)
        if there is not None:
            return there, None
    one = media[files[0].volume] if len({each.volume for each in files}) == 1 else None
    to = None if one is not None and one.form is MediumForm.FOLDER else folder / package.identifier
    target = (one.path / package.path) if to is None and one is not None else folder / package.identifier
    if is_flat and suffixes == {_PART}:
        # The first part is that without a number: install.swm, install2.swm ...
        return target / min(names, key=lambda name: (len(name), name)), to
    return target / names[0] if is_file else target, to


def _copy(
    files: Sequence[tuple[ManifestFile, Path]],
    media: Mapping[int, OpenMedium],
    folder: Path,
    progress: ProgressCallback | None,
) -> None:
    total = sum(each.size for each, _ in files)
    free = shutil.disk_usage(folder).free
    if total > free:
        raise TooSmall(
            f"{folder.parent}: has no room for copies of packages: they take {format_size(total)}, and "
            f"{format_size(free)} are free; name another place in TMPDIR"
        )
    meter = Meter(progress, {Phase.EXTRACT_DATA: 1})
    done = 0
    for each, path in files:
        pieces = media[each.volume].pieces(each.path)
        _write(path, _checked(each, pieces))
        done += each.size
        meter.step(Phase.EXTRACT_DATA, done, total)
    meter.finish()


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for piece in pieces:
                file.write(piece)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def _checked(file: ManifestFile, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield contents, and refuse them in the end when they are not those that the manifest tells of."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != file.sha256:
        raise InvalidInput(f"{quoted(file.path)} has changed since it was compared with the manifest")
