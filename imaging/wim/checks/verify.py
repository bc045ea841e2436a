"""Checking a WIM: the trees, the names, and every blob against its SHA-1.

libwim's own check runs on one thread and stops at the first bad blob.  This one reads the resources itself (with
libwim's decompressors), hashes several at once, also while the trees are loaded, goes on after a bad one, and then says
which files of which images are concerned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from osdimage.imaging.errors import Means, OsdImageError, Remedy
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import counted
from osdimage.imaging.wim.checks.audit import load_tree, noted_bases, refuse_dropped_names, refuse_unsafe_names, repairs
from osdimage.imaging.wim.checks.verify_blobs import BadBlob, BlobCheck, OpenPart
from osdimage.imaging.wim.checks.verify_trees import tree_notes
from osdimage.imaging.wim.described.info import ImageInfo
from osdimage.imaging.wim.failures import translate
from osdimage.imaging.wim.steps import listener
from osdimage.native.status import WimlibError
from osdimage.native.wim import entries
from osdimage.native.wim.entries import Entry
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.tree import Audit


class ProblemKind(StrEnum):
    """What is wrong."""

    HEADER = "header"
    TREE = "tree"
    NAME = "name"
    BLOB = "blob"
    INTEGRITY = "integrity"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a WIM.

    Attributes:
        kind: what is wrong.
        message: one sentence.
        sha1: of the blob that is bad, or None.
        files: the files that it concerns, as ``"1:/path"`` with the image's index in front.
        remedy: what would help, or None when it is not known.
    """

    kind: ProblemKind
    message: str
    sha1: str | None = None
    files: tuple[str, ...] = ()
    remedy: Remedy | None = None


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a check found.  Sizes in bytes, uncompressed.

    Attributes:
        path: of the WIM; of a split one, of its first part, or of the first that is there.
        images: how many it has.
        blobs: how many there are, in all files that were checked.
        size: of the blobs.
        problems: what is wrong.
        notes: sentences about it.
        parts: the other parts of a split WIM that were checked with it.
        bases: the other files that hold contents of its images, which were checked too, as those of a delta.
    """

    path: Path
    images: int
    blobs: int
    size: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    parts: tuple[Path, ...] = ()
    bases: tuple[Path, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class _HasInfo(Protocol):
    @property
    def info(self) -> ImageInfo: ...


def verify(
    files: Sequence[OpenPart],
    images: Sequence[_HasInfo],
    *,
    bases: Sequence[OpenPart] = (),
    threads: int | None,
    memory: int | None,
    progress: ProgressCallback | None,
) -> VerifyReport:
    """Check a WIM: its only file, or parts of a split one; see :meth:`osdimage.imaging.WimFile.verify`.

    Args:
        files: the first holds the trees, where the part that does is there.
        images: those of the first file.
        bases: other files that hold contents of its images; what else is in them is hashed, and is no problem.
        threads: that decompress and hash; None for one a processor.
        memory: bytes that chunks may take together; None for little.
        progress: receives the progress.
    """
    first = files[0]
    meter = Meter(progress, {Phase.VERIFY_DATA: 1})
    problems = [Problem(ProblemKind.HEADER, line) for line in first.handle.repairs]
    problems += [
        Problem(ProblemKind.HEADER, f"{each.path}: {line}") for each in files[1:] for line in each.handle.repairs
    ]
    # Those that libwim alone can read are left to whoever takes contents out of them.
    readable = [each for each in bases if not each.header.is_pipable]
    notes = tuple(f"{each.path}: is pipable; its contents were not checked" for each in bases if each.header.is_pipable)
    check = BlobCheck([*files, *readable], threads=threads, memory=memory)
    if first.header.is_pipable:
        trees = _check_trees(first, images)
        bad = _verify_with_libwim(first.path, first.handle, meter)
    else:
        with check:
            trees = _check_trees(first, images)
            found = check.wait(lambda done: meter.step(Phase.VERIFY_DATA, done, check.size))
        bad = _name_files(first.handle, trees.loadable, found, with_path=len(files) + len(readable) > 1)
        own = {each.path for each in files}
        # What the images do not need of a base is not theirs.
        bad = [each for each, blob in zip(bad, found, strict=True) if each.files or blob.path in own]
    meter.finish()
    return VerifyReport(
        first.path,
        len(images),
        check.count,
        check.size,
        (*problems, *trees.problems, *bad),
        (*trees.notes, *notes),
        tuple(each.path for each in files[1:]),
        tuple(each.path for each in readable),
    )


@dataclass(frozen=True, slots=True)
class _Trees:
    """What the trees of a WIM are like, and the images whose trees can be loaded."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    loadable: tuple[int, ...]


def _check_trees(first: OpenPart, images: Sequence[_HasInfo]) -> _Trees:
    header = first.header
    if header.part_number > 1:
        # Of a split WIM, only the first part holds the trees.
        text = f"part {header.part_number} of {header.total_parts}: the trees and the names are in the first part"
        return _Trees((), (text,), ())
    problems: list[Problem] = []
    notes: list[str] = []
    loadable: list[int] = []
    for image in images:
        index = image.info.index
        found, audit = _check_tree(first.path, first.handle, index)
        problems += found
        if audit is None:
            continue
        loadable.append(index)
        notes += tree_notes(first.path, first.handle, index, audit)
        if audit.missing_blobs:
            text = f"image {index}: the contents of {counted(audit.missing_blobs, 'file')} are "
            if header.total_parts > 1:
                notes.append(f"{text}in parts that are not at hand")
            else:
                remedy = Remedy("name with {} the base of a delta", (Means.REFERENCES,))
                text += f"in another file{noted_bases(first.path, index)}"
                problems.append(Problem(ProblemKind.MISSING, text, remedy=remedy))
    return _Trees(tuple(problems), tuple(notes), tuple(loadable))


def _check_tree(path: Path, handle: WimHandle, index: int) -> tuple[list[Problem], Audit | None]:
    """Return the problems of an image's tree, and what is in it, or None when it could not be loaded."""
    try:
        audit = load_tree(path, handle, index)
    except (WimlibError, OsdImageError) as error:
        known = translate(error, path) if isinstance(error, WimlibError) else error
        return [Problem(ProblemKind.TREE, f"image {index}: {known}")], None
    problems = [Problem(ProblemKind.TREE, f"image {index}: {line}") for line in repairs(audit)]
    for check in (refuse_dropped_names, refuse_unsafe_names):
        try:
            check(path, index, audit)
        except OsdImageError as error:
            problems.append(Problem(ProblemKind.NAME, str(error)))
    return problems, audit


def _verify_with_libwim(path: Path, handle: WimHandle, meter: Meter) -> list[Problem]:
    """Let libwim check a pipable WIM, whose resources are laid out in another way; it stops at the first bad blob."""
    try:
        handle.verify(listener=listener(meter))
    except WimlibError as error:
        return [Problem(ProblemKind.BLOB, str(translate(error, path)))]
    return []


def _name_files(handle: WimHandle, images: Sequence[int], bad: Sequence[BadBlob], *, with_path: bool) -> list[Problem]:
    """Turn bad blobs into problems that name the files, and the part of the WIM where there are several."""
    if not bad:
        return []
    files: dict[bytes, list[str]] = {item.blob.sha1: [] for item in bad}
    for index in images:

        def take(entry: Entry, index: int = index) -> None:
            for stream in entry.streams:
                if stream.sha1 in files:
                    name = entry.path if stream.name is None else f"{entry.path}:{stream.name}"
                    files[stream.sha1].append(f"{index}:{name}")

        entries.each_entry(handle, index, "/", recursive=True, visit=take)
    problems = []
    for item in bad:
        sha1 = item.blob.sha1.hex()
        concerned = tuple(files[item.blob.sha1])
        what = "the tree of an image" if item.blob.is_metadata else (concerned[0] if concerned else "a blob of no file")
        more = f" and {len(concerned) - 1} more" if len(concerned) > 1 else ""
        place = f", in {item.path.name}" if with_path else ""
        problems.append(Problem(ProblemKind.BLOB, f"{what}{more}: {item.reason} ({sha1}{place})", sha1, concerned))
    return problems
