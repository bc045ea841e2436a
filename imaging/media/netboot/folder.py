"""Writing a folder that servers hand out meanwhile.

What is new is written beside the rest, in a folder of its own, until all of it is on the medium; then each file takes
its place in one step: what scripts name before the scripts that name it, ``boot.ipxe`` after all others; what is no
longer needed goes; the manifest is last.  So whatever stops the work, a computer that starts finds files that are
whole, and no new script that leads to one that is not there yet; the same work done again ends it.
Files that are as they should be are left alone, and so are those that somebody else has put there, or has changed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from osdimage.imaging.disc.written.contents import BytesContents
from osdimage.imaging.documents import read_limited
from osdimage.imaging.errors import InvalidInput, Means, Remedy, StorageError, TargetRefused, quoted
from osdimage.imaging.logs import logged
from osdimage.imaging.media.netboot import scripts
from osdimage.imaging.media.netboot.plan import NetbootPlan
from osdimage.imaging.media.parts.medium import MediumFile, SignedBy
from osdimage.imaging.media.sequence.manifest import ManifestFile, ManifestImage, MediaKind, MediaManifest
from osdimage.imaging.media.sequence.manifest_json import LARGEST_MANIFEST, manifest_from_json, manifest_to_json
from osdimage.imaging.media.sequence.sums import sums_to_text
from osdimage.imaging.output import refuse_full_medium, sync_folder
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.version import VERSION

LABEL = "NETBOOT"
MANIFEST, SUMS = "media.json", "SHA256SUMS"
"""In the folder itself: what it holds is handed out, and nothing else is on it."""
_STAGING = ".osdimage-new"
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
"""Servers run as users of their own, and hand out what everybody may read."""
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class NetbootReport:
    """What was done.

    Attributes:
        written: the paths of files that are new or were replaced.
        kept: how many were as they should be.
        removed: the paths of files that an earlier folder had, and this one has not.
    """

    written: tuple[str, ...]
    kept: int
    removed: tuple[str, ...]


@logged("write a folder for network boot to {folder}")
def write_netboot(
    plan: NetbootPlan,
    folder: str | os.PathLike[str],
    *,
    now: datetime,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> NetbootReport:
    """Write a folder, or make one that is there what the plan says; everybody may read it.

    Args:
        plan: what is in it.
        folder: where; it may be there, with a folder that was written so, or with files of others.
        now: when the manifest says that it was made.
        overwrite: replace and remove files of others that have names of ours, and files of ours that were changed.
        progress: receives the progress of copying.

    Raises:
        TargetRefused: when it is no folder, files of others are in the way, or another process writes it; nothing is
            written.
        TooSmall: when there is no room for what is new; likewise.
        StorageError: when something cannot be read or written; what computers start is as before, unless the message
            says otherwise.
    """
    target = _Target(Path(folder))
    with target.opened():
        work = target.judged(plan, overwrite=overwrite)
        manifest = _manifest(plan, work.hashes, target.manifest(), now)
        closing = [
            _made(MANIFEST, manifest_to_json(manifest), work.changed or plan.files),
            _made(SUMS, sums_to_text(manifest.files), work.changed or plan.files),
        ]
        closing = [each for each in closing if not target.has_same(each, {})]
        if work.changed or closing or work.gone:
            target.publish(work.changed, closing, work.gone, progress)
        target.clear()
        return NetbootReport(
            tuple(each.path for each in work.changed), len(plan.files) - len(work.changed), tuple(work.gone)
        )


def refuse_netboot_target(plan: NetbootPlan, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Refuse what :func:`write_netboot` would refuse of a folder; nothing is written.

    Args:
        plan: what is to be in it.
        folder: where; it need not be there.
        overwrite: as of :func:`write_netboot`.

    Raises:
        TargetRefused: when it is no folder, or files of others are in the way.
        StorageError: when something cannot be read.
    """
    target = _Target(Path(folder))
    if not target.is_new():
        target.judged(plan, overwrite=overwrite)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a folder lacks of a plan.

    Attributes:
        changed: files that it has not, or with other contents.
        gone: paths of those that an earlier run wrote and nobody needs.
        hashes: of the contents of all files of the plan, by their paths.
    """

    changed: list[MediumFile]
    gone: list[str]
    hashes: dict[str, str]


class _Target:
    """The folder that is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging = folder / _STAGING

    def is_new(self) -> bool:
        """Tell whether nothing is there yet.

        Raises:
            TargetRefused: when something is, and no folder.
        """
        if not os.path.lexists(self._folder):
            return True
        if not self._folder.is_dir():
            raise TargetRefused(f"{self._folder}: is no folder")
        return False

    def judged(self, plan: NetbootPlan, *, overwrite: bool) -> _Work:
        """Compare the folder with a plan, and refuse to lose what is not ours.

        Raises:
            TargetRefused: naming it.
            StorageError: when something cannot be read.
        """
        old = self.owned()
        gone = sorted(set(old) - {each.path for each in plan.files} - {MANIFEST, SUMS})
        self.refuse_irregular([*(each.path for each in plan.files), MANIFEST, SUMS, *gone])
        hashes: dict[str, str] = {}
        changed = [each for each in plan.files if not self.has_same(each, hashes)]
        if not overwrite:
            self.refuse_others([*(each.path for each in changed), MANIFEST, SUMS, *gone], old)
        return _Work(changed, gone, hashes)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the folder where it is not there, and keep other processes from writing it; an empty new one goes."""
        is_new = self.is_new()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _failed(self._folder, error) from error
        try:
            with suppress(OSError):
                if is_new:
                    self._folder.chmod(_FOLDER_MODE)
            _lock(descriptor, self._folder)
            yield
        except BaseException:
            if is_new:
                with suppress(OSError):
                    self._folder.rmdir()
            raise
        finally:
            os.close(descriptor)

    def manifest(self) -> MediaManifest | None:
        """Return the manifest of the folder that is there, or None."""
        return self._read(self._folder / MANIFEST)

    def owned(self) -> dict[str, frozenset[str]]:
        """Return the paths that an earlier run wrote, or was stopped at writing, with the hashes that they may have.

        Those of the manifest and of the list of hashes, which are in neither, have none.
        """
        found: dict[str, frozenset[str]] = {}
        for manifest in (self.manifest(), self._staged()):
            for each in () if manifest is None else manifest.files:
                found[each.path] = found.get(each.path, frozenset()) | {each.sha256}
        return {**found, **{path: frozenset() for path in (MANIFEST, SUMS) if found}}

    def refuse_irregular(self, paths: Iterable[str]) -> None:
        """Refuse to write or remove what is no file, or is in no folder of this one: no link is followed.

        Raises:
            TargetRefused: with the first such place.
        """
        for path in paths:
            for above in reversed(Path(path).parents):
                place = self._folder / above
                if os.path.lexists(place) and (place.is_symlink() or not place.is_dir()) and place != self._folder:
                    raise TargetRefused(f"{place}: is no folder, and files of the new or the old one would be in it")
            place = self._folder / path
            if os.path.lexists(place) and not stat.S_ISREG(place.lstat().st_mode):
                raise TargetRefused(f"{place}: is no regular file, and is not replaced by one")

    def refuse_others(self, paths: Iterable[str], owned: Mapping[str, frozenset[str]]) -> None:
        """Refuse to replace or remove what somebody else has put there, or has changed.

        Raises:
            TargetRefused: with the paths.
            StorageError: when one cannot be read.
        """
        strange = [each for each in paths if os.path.lexists(self._folder / each) and not self._is_ours(each, owned)]
        if strange:
            more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
            raise TargetRefused(
                f"{self._folder}: files that osdimage has not written, or that were changed since, would be replaced: "
                f"{', '.join(map(quoted, strange[:_SHOWN]))}{more}",
                remedy=Remedy("{} replaces them", (Means.OVERWRITE,)),
            )

    def _is_ours(self, path: str, owned: Mapping[str, frozenset[str]]) -> bool:
        hashes = owned.get(path)
        if not hashes:
            return hashes is not None
        try:
            with (self._folder / path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() in hashes
        except OSError as error:
            raise _failed(self._folder / path, error) from error

    def has_same(self, file: MediumFile, hashes: dict[str, str]) -> bool:
        """Tell whether a file is there as it should be, and note the hash of its contents."""
        digest = hashlib.sha256()
        path = self._folder / file.path
        try:
            with path.open("rb") as there:
                is_same = os.fstat(there.fileno()).st_size == file.size
                for piece in file.contents.pieces():
                    digest.update(piece)
                    is_same = is_same and there.read(len(piece)) == piece
        except FileNotFoundError:
            for piece in file.contents.pieces():
                digest.update(piece)
            is_same = False
        except StorageError:
            raise
        except OSError as error:
            raise _failed(path, error) from error
        hashes[file.path] = digest.hexdigest()
        return is_same

    def publish(
        self,
        changed: Sequence[MediumFile],
        closing: Sequence[MediumFile],
        gone: Sequence[str],
        progress: ProgressCallback | None,
    ) -> None:
        """Write what is new beside the rest, then let each file take its place."""
        needed = sum(each.size for each in (*changed, *closing))
        refuse_full_medium(self._folder / MANIFEST, needed, "what is new")
        self.clear()
        try:
            self._stage((*changed, *closing), needed, progress)
        except BaseException:
            self.clear()
            raise
        try:
            folders = {self._place(path) for path in sorted((each.path for each in changed), key=scripts.rank)}
            folders |= {self._remove(path) for path in gone}
            folders |= {self._place(each.path) for each in reversed(closing)}
            for each in sorted(folders):
                if each.is_dir():
                    sync_folder(each)
        except OSError as error:
            text = "some of its files are new and others old, each of them whole; the same command again ends the work"
            raise StorageError(f"{_failed(self._folder, error).said} -- {text}", path=self._folder) from error

    def clear(self) -> None:
        """Remove what was written beside the rest."""
        if self._staging.is_symlink():
            raise TargetRefused(f"{self._staging}: is a symbolic link, which is not followed")
        shutil.rmtree(self._staging, ignore_errors=True)

    def _staged(self) -> MediaManifest | None:
        """Return the manifest that a run has written beside the rest, which was stopped; it is whole or of no use."""
        with suppress(InvalidInput):
            return self._read(self._staging / MANIFEST)
        return None

    def _read(self, path: Path) -> MediaManifest | None:
        if not path.is_file():
            return None
        found = manifest_from_json(read_limited(path, LARGEST_MANIFEST, kind="manifests of media"), source=str(path))
        if found.kind is not MediaKind.NETBOOT:
            raise TargetRefused(f"{self._folder}: holds a medium of another kind ({found.kind})")
        return found

    def _stage(self, files: Sequence[MediumFile], total: int, progress: ProgressCallback | None) -> None:
        meter = Meter(progress, {Phase.WRITE_DATA: 1.0})
        done = 0

        def copied(count: int) -> None:
            nonlocal done
            done += count
            meter.step(Phase.WRITE_DATA, done, total)

        for each in files:
            path = self._staging / each.path
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, _FILE_MODE)
                try:
                    os.ftruncate(descriptor, each.size)
                    each.contents.copy_to(descriptor, 0, copied)
                    os.fchmod(descriptor, _FILE_MODE)
                    os.utime(descriptor, ns=(each.modified_ns, each.modified_ns))
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            except StorageError:
                raise
            except OSError as error:
                raise _failed(self._folder / each.path, error) from error

    def _place(self, path: str) -> Path:
        """Let a file take its place, and return the folder of that."""
        place = self._folder / path
        for above in reversed(place.parent.relative_to(self._folder).parents):
            self._made_folder(self._folder / above)
        self._made_folder(place.parent)
        (self._staging / path).replace(place)
        return place.parent

    def _made_folder(self, path: Path) -> None:
        if not path.is_dir():
            path.mkdir()
            path.chmod(_FOLDER_MODE)

    def _remove(self, path: str) -> Path:
        """Remove a file, and the folders that are empty without it; return the folder of it."""
        place = self._folder / path
        place.unlink(missing_ok=True)
        above = place.parent
        with suppress(OSError):
            while above != self._folder:
                above.rmdir()
                above = above.parent
        return place.parent


def _manifest(plan: NetbootPlan, hashes: Mapping[str, str], old: MediaManifest | None, now: datetime) -> MediaManifest:
    """Return the manifest, with the time of the old one where that tells the same."""
    architectures = {each.architecture for each in plan.parts}
    signed = {each.signed for each in plan.parts}
    image = plan.images[0] if len(plan.images) == 1 else None
    wim = next((each.path for each in plan.files if each.path.endswith(".wim")), "")
    made = MediaManifest(
        kind=MediaKind.NETBOOT,
        label=LABEL,
        created=now.replace(microsecond=0),
        tool=f"osdimage {VERSION}",
        files=tuple(ManifestFile(each.path, each.size, hashes[each.path]) for each in plan.files),
        architecture=architectures.pop() if len(architectures) == 1 else None,
        firmware=plan.firmware,
        signed=signed.pop() if len(signed) == 1 else SignedBy.UNKNOWN,
        boot_image=None if image is None else ManifestImage(wim, image.prepared.index, image.prepared.name),
    )
    return made if old is None or replace(old, created=made.created) != made else old


def _made(path: str, data: bytes, beside: Sequence[MediumFile]) -> MediumFile:
    return MediumFile(path, BytesContents(data), max(each.modified_ns for each in beside), "made")


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            raise TargetRefused(f"{folder}: another process writes it") from error


def _failed(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno)
