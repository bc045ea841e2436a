"""Checking a WIM: the trees, the names, and every blob against its SHA-1.

libwim's own check runs on one thread and stops at the first bad blob.  This one reads the resources itself (with
libwim's decompressors), hashes several at once, goes on after a bad one, and then says which files of which images are
concerned.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from osdimage.imaging.errors import Means, OsdImageError, Remedy
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import counted
from osdimage.imaging.wim.checks.audit import load_tree, refuse_dropped_names, refuse_unsafe_names, repairs
from osdimage.imaging.wim.checks.verify_blobs import BadBlob, hash_all
from osdimage.imaging.wim.checks.verify_trees import tree_notes
from osdimage.imaging.wim.described.info import ImageInfo, WimHeader
from osdimage.imaging.wim.failures import translate
from osdimage.imaging.wim.opening import open_wim
from osdimage.imaging.wim.steps import listener
from osdimage.native.status import WimlibError
from osdimage.native.wim import entries
from osdimage.native.wim.entries import Entry
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.resource import BlobTable
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
        blobs: how many there are, in all parts that were checked.
        size: of the blobs.
        problems: what is wrong.
        notes: sentences about it.
        parts: the other parts of a split WIM that were checked with it.
    """

    path: Path
    images: int
    blobs: int
    size: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    parts: tuple[Path, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class _HasInfo(Protocol):
    @property
    def info(self) -> ImageInfo: ...


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A file of the WIM that is checked: the only one, or a part of a split one."""

    path: Path
    handle: WimHandle
    header: WimHeader


def verify(
    path: Path,
    handle: WimHandle,
    header: WimHeader,
    images: Sequence[_HasInfo],
    *,
    threads: int | None,
    progress: ProgressCallback | None,
    others: Sequence[OpenPart] = (),
) -> VerifyReport:
    """Check a WIM, with more parts of it; see :meth:`osdimage.imaging.WimFile.verify`."""
    notes: list[str] = []
    problems = [Problem(ProblemKind.HEADER, line) for line in handle.repairs]
    problems += [Problem(ProblemKind.HEADER, f"{each.path}: {line}") for each in others for line in each.handle.repairs]
    loadable: list[int] = []
    # Of a split WIM, only the first part holds the trees.
    for image in images if header.part_number == 1 else ():
        found, audit = _check_tree(path, handle, image.info.index)
        problems += found
        missing = 0
        if audit is not None:
            missing = audit.missing_blobs
            loadable.append(image.info.index)
            notes += tree_notes(path, handle, image.info.index, audit)
        if missing:
            text = f"image {image.info.index}: the contents of {counted(missing, 'file')} are "
            if header.total_parts > 1:
                notes.append(f"{text}in parts that are not at hand")
            else:
                remedy = Remedy("name with {} the base of a delta", (Means.REFERENCES,))
                problems.append(Problem(ProblemKind.MISSING, f"{text}in another file", remedy=remedy))
    if header.part_number > 1:
        notes.append(
            f"part {header.part_number} of {header.total_parts}: the trees and the names are in the first part"
        )
    files = [OpenPart(path, handle, header), *others]
    blobs, size, bad = _check_blobs(files, threads, progress)
    problems += bad if isinstance(bad, list) else _name_files(handle, loadable, bad)
    return VerifyReport(
        path, len(images), blobs, size, tuple(problems), tuple(notes), tuple(each.path for each in others)
    )


def _check_blobs(
    files: Sequence[OpenPart], threads: int | None, progress: ProgressCallback | None
) -> tuple[int, int, list[Problem] | tuple[BadBlob, ...]]:
    """Check the blobs of every file; return their number, their size, and what is wrong."""
    meter = Meter(progress, {Phase.VERIFY_DATA: 1})
    tables = [_table(each.path) for each in files]
    sizes = [sum(size for _, size, _ in blobs.places()) for blobs in tables]
    count = sum(map(len, tables))
    if files[0].header.is_pipable:
        problems = _verify_with_libwim(files[0].path, files[0].handle, meter)
        meter.finish()
        return count, sum(sizes), problems
    bad: list[BadBlob] = []
    begin = 0
    for each, blobs, size in zip(files, tables, sizes, strict=True):

        def step(done: int, begin: int = begin) -> None:
            meter.step(Phase.VERIFY_DATA, begin + done, sum(sizes))

        bad += hash_all(each.path, each.header, blobs, threads or len(os.sched_getaffinity(0)), step)
        begin += size
    meter.finish()
    return count, sum(sizes), tuple(bad)


def _table(path: Path) -> BlobTable:
    # A handle of its own: the blobs of referenced files are not in this file.
    with open_wim(path) as plain:
        return BlobTable(plain)


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


def _name_files(handle: WimHandle, images: Sequence[int], bad: Sequence[BadBlob]) -> list[Problem]:
    """Turn bad blobs into problems that name the files."""
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
        problems.append(Problem(ProblemKind.BLOB, f"{what}{more}: {item.reason} ({sha1})", sha1, concerned))
    return problems
