"""NTFS volumes: may they be written to, the dirty flag while they are, and wiping them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import (
    InvalidInput,
    InvalidRequest,
    InvalidVolume,
    Means,
    OsdImageError,
    Remedy,
    StorageError,
    TargetRefused,
    explain,
    quoted,
)
from osdimage.imaging.progress import Meter, Phase
from osdimage.imaging.volume.interrupted import settled_window
from osdimage.imaging.volume.ntfs import mirror
from osdimage.imaging.volume.ntfs.journal import Journal, JournalState, read_journal
from osdimage.imaging.volume.ntfs.mft import path_of
from osdimage.native.ntfs import volume as ntfs
from osdimage.native.ntfs.volume import Emptied, VolumeFacts
from osdimage.native.slices.slices import Slice

PROTECTED = ("_SMSTaskSequence", "SMSTSLog")
r"""What a wipe leaves at the root: where a task sequence keeps itself, the user state (``\_SMSTaskSequence\UserState``)
and its logs."""

CHECK = "check it with chkdsk, a copy of it first"
"""What to do about a volume that is only read: nothing of it is given up."""
FORCE = Remedy("check it with chkdsk or ntfsfix; {} writes to it as it is, and it stays marked dirty", (Means.FORCE,))
"""What to do about a volume that is marked dirty and is to be written to."""
START_OVER = Remedy(
    "check it with chkdsk or ntfsfix, or give up what is on it with {} and {}, which make it anew; {} alone joins the "
    "image with what is there, and the volume stays marked dirty",
    (Means.WIPE, Means.FORCE, Means.FORCE),
)
"""What to do about one that an image is applied to."""
SHUT_DOWN = Remedy(
    "start its Windows, and shut it down with shutdown /s /f /t 0; {} gives up what is in the journal alone, and the "
    "volume stays marked dirty",
    (Means.DISCARD_JOURNAL,),
)
"""What to do about a volume whose journal was not closed and that is to be written to."""
GIVEN_UP = (
    "its journal was emptied, and the changes that were in it alone are lost; the volume stays marked dirty, so that "
    "Windows checks it"
)
"""What is said of a volume that was written to all the same."""
FORMAT_IT = Remedy("copy from it what is of use, and format it")
"""What to do about one whose journal is none."""


def read_facts(volume: OpenVolume, piece: Slice) -> VolumeFacts:
    """Read the facts of a volume.

    Raises:
        InvalidInput: when the volume is damaged.
        StorageError: when it cannot be read.
    """
    try:
        facts = ntfs.volume_facts(piece.name)
    except OSError as error:
        refuse_unreadable(volume, piece)
        if error.errno == errno.EIO and piece.error is None:
            if mirror.is_unfinished(volume.window()):
                raise InvalidInput(f"{_unfinished(volume)}; {CHECK}") from error
            raise InvalidInput(f"{volume.name}: the NTFS volume is damaged; {CHECK}") from error
        raise InvalidInput(f"{volume.name}: the NTFS volume cannot be opened: {error.strerror}") from error
    return replace(facts, has_open_log=facts.has_open_log or not _journal_of(volume).is_closed)


def _journal_of(volume: OpenVolume) -> Journal:
    try:
        return read_journal(settled_window(volume))
    except InvalidVolume as error:
        return Journal(JournalState.DAMAGED, fault=error.fault, can_be_emptied=False)


def refuse_false_claims(volume: OpenVolume, piece: Slice) -> ntfs.Claims:
    """Refuse a volume with a file that claims more than its clusters hold: libntfs-3g would read the rest as zeros.

    Returns what else libwim does not read.

    Raises:
        InvalidVolume: that names the file.
        StorageError: when it cannot be read.
    """
    try:
        claims = ntfs.read_claims(piece.name)
    except OSError as error:
        refuse_unreadable(volume, piece)
        raise InvalidInput(f"{volume.name}: the NTFS volume is damaged; {CHECK}") from error
    if claims.false is not None:
        path = path_of(volume.window(), claims.false)
        what = f"MFT record {claims.false}" if path is None else quoted(path)
        raise InvalidVolume(
            f"{what} claims more than its clusters hold, or clusters that it cannot have; {CHECK}", volume=volume.name
        )
    return claims


def refuse_unreadable(volume: OpenVolume, piece: Slice) -> None:
    """Tell a medium that failed from a volume that is damaged, which libntfs-3g does not.

    Raises:
        StorageError: when a read has failed.
    """
    if piece.read_error is not None:
        raise volume.failure(OSError(piece.read_error, os.strerror(piece.read_error)))


def hazards(volume: OpenVolume, facts: VolumeFacts) -> Iterator[str]:
    """Yield, in sentences, why what the volume holds may not be all that it should hold."""
    if facts.is_hibernated:
        yield (
            f"{volume.name}: Windows is hibernated, or was shut down with fast startup, and has the volume in use; "
            "start it and shut it down fully (shutdown /s /t 0)"
        )
    elif facts.has_open_log:
        yield _open_journal(volume, _journal_of(volume))
    if facts.is_dirty:
        yield f"{_unfinished(volume)}, or Windows did not close it"


def _open_journal(volume: OpenVolume, journal: Journal) -> str:
    # libntfs-3g may be stricter than what was found.
    return journal.hazard(volume.name) or f"{volume.name}: libntfs-3g takes the volume's journal for one that is open"


def _unfinished(volume: OpenVolume) -> str:
    return f"{volume.name}: the volume is marked dirty: an earlier write to it was not finished"


def refuse_unfinished(volume: OpenVolume, *, force: bool) -> bool:
    """Refuse a volume whose writer was killed while it wrote what libntfs-3g wants to see first, unless ``force``.

    Returns:
        Whether it is such a volume.  What it lacks is mended by :func:`~osdimage.imaging.volume.ntfs.mirror.mend`.

    Raises:
        TargetRefused: with what to do.
    """
    found = mirror.is_unfinished(volume.window())
    if found and not force:
        raise TargetRefused(_unfinished(volume), remedy=START_OVER)
    return found


def refuse_unsafe(
    volume: OpenVolume, facts: VolumeFacts, *, force: bool, remedy: Remedy = FORCE, is_given_up: bool = False
) -> None:
    """Refuse to write to a volume that Windows has in use or did not close, and to one that is marked dirty.

    A hibernated one is always refused; one with an open journal unless whoever opened it gives that up; one that is
    dirty unless that is so or ``force`` is set.

    Args:
        volume: the volume.
        facts: what is known of it.
        force: write to it although it is marked dirty.
        remedy: what to do about one that is marked dirty.
        is_given_up: nothing of the volume is kept, so that its journal is of no use.

    Raises:
        TargetRefused: with the reason and what to do.
    """
    if facts.is_hibernated:
        raise TargetRefused(f"{next(hazards(volume, facts))}, or format the volume")
    gives_up = volume.opening.discards_journal
    if facts.has_open_log and not is_given_up:
        refuse_open_journal(volume)
    if facts.is_dirty and not (force or gives_up):
        raise TargetRefused(f"{_unfinished(volume)}, or Windows did not close it", remedy=remedy)


def refuse_open_journal(volume: OpenVolume) -> None:
    """Refuse to write to a volume with an open journal, unless whoever opened it gives that up and it can be.

    Raises:
        TargetRefused: with the reason and what to do.
    """
    journal = _journal_of(volume)
    if not journal.can_be_emptied:
        raise TargetRefused(_open_journal(volume, journal), remedy=FORMAT_IT)
    if not volume.opening.discards_journal:
        raise TargetRefused(_open_journal(volume, journal), remedy=SHUT_DOWN)


@contextmanager
def dirty_while_written(
    volume: OpenVolume, piece: Slice, facts: VolumeFacts, state: Callable[[], str]
) -> Iterator[None]:
    """Mark a volume dirty for the body of the ``with``, and clean only if it ends well and was clean before.

    A journal that is open is emptied after the mark: what it holds is lost.

    Whatever ends the program, the volume is dirty on the medium before its contents change.  ``state`` is what an error
    says of it then, such as ``holds an incomplete image``.
    """
    _mark_dirty(volume, piece, facts)
    try:
        with write_errors(volume, piece):
            yield
    except BaseException as error:
        explain(error, f"{volume.name} {state()} and stays marked dirty")
        raise
    if stays_dirty(facts) is None:
        _mark_clean(volume, piece)


@contextmanager
def clean_at_end(volume: OpenVolume, piece: Slice, facts: VolumeFacts) -> Iterator[None]:
    """Do the same for a volume whose changes are held back.

    On the medium it is dirty only while they are carried out.
    """
    _mark_dirty(volume, piece, facts)
    with write_errors(volume, piece):
        yield
    if stays_dirty(facts) is None:
        _mark_clean(volume, piece)


def mark_dirty(volume: OpenVolume, facts: VolumeFacts, *, sync: bool) -> None:
    """Mark a volume dirty on the medium."""
    with volume.sliced(read_only=False, sync=sync) as piece:
        _mark_dirty(volume, piece, facts)


def mark_clean(volume: OpenVolume, *, sync: bool) -> None:
    """Take away the dirty mark of a volume that was made with one."""
    with volume.sliced(read_only=False, sync=sync) as piece:
        _mark_clean(volume, piece)


def stays_dirty(facts: VolumeFacts) -> str | None:
    """Tell, in words, why a volume that was written by force stays marked dirty; None when it does not.

    What made it so is still there: libntfs-3g repairs nothing, a wipe that leaves something deletes files and trusts
    the bitmap like any other write, and changes that were only in the journal are lost with it.  Windows checks the
    volume at its start.
    """
    if facts.is_dirty:
        return "it was marked dirty before"
    return "changes in its journal were given up" if facts.has_open_log else None


def _mark_dirty(volume: OpenVolume, piece: Slice, facts: VolumeFacts) -> None:
    """Mark a volume dirty and then empty its journal, where that is open."""
    with _changing(volume, "dirty flag" if not facts.has_open_log else "journal"):
        if facts.has_open_log:
            ntfs.give_up_log(piece.name)
        else:
            ntfs.set_dirty(piece.name, dirty=True)


def _mark_clean(volume: OpenVolume, piece: Slice) -> None:
    with _changing(volume, "dirty flag"):
        ntfs.set_dirty(piece.name, dirty=False)


@contextmanager
def _changing(volume: OpenVolume, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{volume.name}: the volume's {what} cannot be changed: {volume.target.reason(error)}",
            path=volume.path,
            errno=error.errno,
        ) from error


@contextmanager
def write_errors(volume: OpenVolume, piece: Slice) -> Iterator[None]:
    """Raise the error of a write or sync that failed in place of what came of it."""
    try:
        yield
    except OsdImageError as error:
        number = piece.error
        if number is not None:
            raise volume.failure(OSError(number, os.strerror(number))) from error
        raise


def kept_paths(paths: Iterable[str]) -> tuple[str, ...]:
    r"""Check paths that a wipe is to leave, and add :data:`PROTECTED`.

    They are separated by ``\`` or ``/`` and begin at the root of the volume.

    Raises:
        InvalidRequest: when a path cannot be one of a volume, or there are too many.
    """
    kept = list(PROTECTED)
    for path in paths:
        parts = [part for part in path.replace("/", "\\").split("\\") if part]
        if not parts or any(part in {".", ".."} or "\0" in part or ":" in part or len(part) > 255 for part in parts):
            raise InvalidRequest(
                f"{path!r} cannot be kept; valid is a path from the root of the volume, such as Users\\State"
            )
        kept.append("\\".join(parts))
    if len(kept) > ntfs.MOST_KEPT:
        raise InvalidRequest(f"at most {ntfs.MOST_KEPT - len(PROTECTED)} paths can be kept")
    return tuple(kept)


def wipe(volume: OpenVolume, piece: Slice, kept: tuple[str, ...], meter: Meter) -> int:
    """Delete everything but the kept paths, with all below them; return how many files and directories that were.

    An exception of the meter's callback ends it, in the middle.

    Raises:
        InvalidInput: when a directory contradicts itself.
        StorageError: when reading or writing fails.
    """
    try:
        return ntfs.wipe(piece.name, keep=kept, listener=_steps(meter, Phase.WIPE))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise InvalidInput(f"{volume.name}: the volume is damaged: a directory contains itself") from error
        text = f"{volume.name}: wiping: {volume.target.reason(error)}"
        raise StorageError(text, path=volume.path, errno=error.errno) from error


def _steps(meter: Meter, phase: Phase) -> Emptied:
    return lambda removed, files: meter.step(phase, removed, files, unit="files")


@contextmanager
def joined_with(volume: OpenVolume, piece: Slice, names: Sequence[str], meter: Meter) -> Iterator[None]:
    """Make room for an image that has these names in its root, and join what was there with it at the end.

    libwim creates directories and fails where there is one of the same name.

    Raises:
        StorageError: when reading or writing fails.
    """
    with _joining(volume):
        # What an interrupted apply has left there comes first.
        ntfs.bring_back(piece.name)
        moved = ntfs.set_aside(piece.name, names)
    yield
    if moved:
        with _joining(volume):
            ntfs.bring_back(piece.name, listener=_steps(meter, Phase.JOIN))


@contextmanager
def _joining(volume: OpenVolume) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{volume.name}: joining the image with what is there: {volume.target.reason(error)}",
            path=volume.path,
            errno=error.errno,
        ) from error
