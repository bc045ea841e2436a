"""Comparing an image with what it was applied to.

The target is listed first, by code that did not write it.  Then the tree of the image is walked, and each of its files
is compared with the one of the same path; what is left in the list is extra.  Contents come last: every stream whose
size is right is read, in the order of the medium and by several threads, and its SHA-1 is compared with the image's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from osdimage.imaging import filetime, wof
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.capture.config import DEFAULT_CONFIG, CaptureConfig
from osdimage.imaging.capture.fat import excluder
from osdimage.imaging.compare import describe
from osdimage.imaging.compare.contents import ContentsComparison, has_contents
from osdimage.imaging.compare.fidelity import CompareReport, Fidelity, Tally
from osdimage.imaging.compare.hashes import EMPTY_SHA1
from osdimage.imaging.compare.links import LinkComparison
from osdimage.imaging.compare.places import open_compared
from osdimage.imaging.compare.plain import PlainTarget
from osdimage.imaging.compare.stored import unlisted
from osdimage.imaging.compare.target import ComparedTarget, FoundFile
from osdimage.imaging.compare.unix import SPECIAL, UnixComparison, special_kind
from osdimage.imaging.disk.opening import AS_FOUND, Opening
from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.units import counted
from osdimage.imaging.volume import cloud
from osdimage.imaging.wim.checks.audit import refuse_missing
from osdimage.imaging.wim.entries import Entry
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.wof import WofFile, wof_files

# Measured on a volume of 53,800 files and 560 MB in memory: 5.7 s to list it, 1.4 s to hash it on one thread.
_SHARES = {Phase.SCAN: 80.0, Phase.VERIFY_DATA: 20.0}

# Bits of FILE_ATTRIBUTE_* that say nothing of their own.  A directory is one by the flag of its MFT record, and NTFS
# stores no such bit; NORMAL stands for no bit at all ([MS-FSCC] 2.6).  Of encrypted files, see contents.py.
_IMPLIED = int(FileAttribute.DIRECTORY | FileAttribute.NORMAL)
# $STANDARD_INFORMATION may have bits of the indexes (FILE_ATTR_I30_INDEX_PRESENT and FILE_ATTR_VIEW_INDEX_PRESENT of
# <ntfs-3g/layout.h>), which Windows does not show.
_OF_INDEXES = 0x30000000
# What a directory of Linux loses that somebody could miss, as `apply` counts it.
_MISSED = int(
    FileAttribute.READONLY
    | FileAttribute.HIDDEN
    | FileAttribute.SYSTEM
    | FileAttribute.COMPRESSED
    | FileAttribute.OFFLINE
    | FileAttribute.NOT_CONTENT_INDEXED
)
# Plain numbers: the flags of an enumeration are slow, and these meet every file.
_DIRECTORY, _ENCRYPTED = int(FileAttribute.DIRECTORY), int(FileAttribute.ENCRYPTED)


@logged("compare {image} with {target}")
def compare_image(
    image: WimImage,
    target: OpenVolume | str | os.PathLike[str],
    *,
    partition: int | None = None,
    opening: Opening = AS_FOUND,
    config: CaptureConfig = DEFAULT_CONFIG,
    differences: int = 100,
    threads: int | None = None,
    by_content: bool = False,
    progress: ProgressCallback | None = None,
) -> CompareReport:
    """Compare an image with what it was applied to, which is only read, and with code that did not write it.

    Every file is compared in all that the image knows of it: name, contents by SHA-1, named streams, attributes,
    times, security descriptor, short name, hard links, reparse point, object id, and owner, mode, device numbers and
    extended attributes of Unix, and contents besides a reparse point.  A file that Windows has compressed is expanded
    for a target that holds it so.  What the target has no place for, such as a security descriptor in a directory or on
    FAT, is dropped and not different.

    Args:
        image: of a WIM that is open.
        target: a volume of a disk that is open, or the path of a directory, of a file or device that holds one NTFS or
            FAT volume, or with ``partition`` of a disk.
        partition: the number of the partition, as ``read_table`` numbers it.
        opening: how the disk is opened.
        config: what a capture leaves out, which the image cannot have; what the target has of it is no difference.
        differences: how many differences to name; all are counted.
        threads: that read and hash; None for one a processor.
        by_content: take a file that Windows has compressed as a whole and a plain one of the same contents for equal.
        progress: receives the progress.

    Raises:
        TargetRefused: when the target is none of the kinds above.
        InvalidRequest: when there is no such partition, or one has to be chosen.
        InvalidTable: when the disk has no partition table that can be used.
        InvalidVolume: when the volume contradicts itself.
        CorruptWim: when the tree of the image is damaged.
        MissingParts: when contents are in another file: their size is not known then.
        StorageError: when the target cannot be read.
    """
    place = target.path if isinstance(target, OpenVolume) else Path(target)
    number = target.partition if isinstance(target, OpenVolume) else partition
    wim = image.path
    audit = image.audit()
    refuse_missing(wim, image.index, audit)
    meter = Meter(progress, _SHARES)
    with open_compared(target, partition, opening) as found:
        opened = PlainTarget(found) if by_content else found
        tally = Tally(differences)
        compressed: dict[str, WofFile] = {}
        if not opened.keeps_reparse_point(wof.TAG):
            with wim_errors(wim):
                compressed = wof_files(wim, image.handle, image.index, audit)
        known = unlisted(image, audit)
        unix = UnixComparison(opened, tally, known.extended)
        contents = ContentsComparison(opened, tally, compressed, known.behind)
        comparison = _Comparison(opened, tally, contents, unix)
        comparison.list_target(lambda done, total: meter.step(Phase.SCAN, done, total, unit="files"))
        notes = image.walk(comparison.compare)
        excluded = comparison.report_extra(excluder(config))
        comparison.links.compare(image, place)
        with wim_errors(wim):
            hashed = contents.hash(image, threads or len(os.sched_getaffinity(0)), meter)
    meter.finish()
    total = tally.total_different
    return CompareReport(
        wim,
        image.index,
        place,
        number,
        opened.kind,
        comparison.files,
        hashed,
        is_equal=total == 0,
        has_losses=tally.has_losses,
        classes=tally.classes,
        differences=tuple(sorted(tally.differences, key=lambda each: (each.path, each.kind))),
        more_differences=total - len(tally.differences),
        excluded=excluded,
        notes=(
            *opened.notes,
            *notes,
            *known.notes,
            *comparison.links.notes,
            *_unix_notes(unix),
            *_cloud_notes(comparison.of_cloud),
        ),
    )


def _unix_notes(unix: UnixComparison) -> tuple[str, ...]:
    if unix.others <= unix.same:
        return ()
    told = "they are set only when an image is applied with its Unix data, and owners of other users only by root"
    return (f"owner or mode of most files are others: {told}",)


class _Comparison:
    """Compares the files of one image with those of one target."""

    def __init__(
        self, target: ComparedTarget, tally: Tally, contents: ContentsComparison, unix: UnixComparison
    ) -> None:
        self.files = 0
        self.of_cloud = 0
        self.links = LinkComparison(tally)
        self._target = target
        self._tally = tally
        self._held = int(target.attributes) & ~_IMPLIED
        self._contents = contents
        self._unix = unix
        self._found: dict[str, FoundFile] = {}
        # The first path of each file with several names, and the image's and the target's number of the file.
        self._by_group: dict[int, tuple[int, str]] = {}
        self._by_identity: dict[int, tuple[int | str, str]] = {}

    def list_target(self, progress: Callable[[int, int | None], None]) -> None:
        """List the target."""
        for file in self._target.files(progress):
            self._found[file.path] = file

    def compare(self, entry: Entry) -> None:
        """Compare a file of the image with the target's; contents are put off."""
        self.files += 1
        if self._target.leaves_out(entry):
            self._count_left_out(entry)
            return
        found = self._found.pop(entry.path, None)
        expected = self._kind_of(entry)
        if found is None or found.what != expected:
            self._tally.different(Fidelity.NAMES, entry.path, expected, found.what if found is not None else None)
            self._count_gone(entry)
            return
        self._tally.restored(Fidelity.NAMES)
        found = self._without_cloud(entry, found)
        self._contents.compare(entry, found)
        self._compare_attributes(entry, found)
        self._compare_times(entry, found)
        self._compare_bytes(
            Fidelity.SECURITY_DESCRIPTORS, entry.path, entry.security_descriptor, found.security_descriptor
        )
        self._compare_short_name(entry, found)
        self._compare_links(entry, found)
        self._compare_reparse(entry, found)
        # An image may lack what every file of NTFS has; it cannot have what a target has on its own unnoticed.
        self._compare_bytes(Fidelity.OBJECT_IDS, entry.path, entry.object_id, found.object_id, is_free=False)
        self._unix.compare(entry, found)

    def report_extra(self, is_excluded: Callable[[str], bool]) -> tuple[str, ...]:
        """Report what the target has and the image has not; return what of it a capture leaves out.

        What is below something that is left out is neither reported nor returned: parents come before it.
        """
        left_out: dict[str, None] = {}
        below: set[str] = set()
        for path, file in sorted(self._found.items()):
            parent = path.rpartition("/")[0]
            if parent in below or parent in left_out:
                below.add(path)
            elif is_excluded(path.lstrip("/")) or _is_in_cloud(file):
                left_out[path] = None
            else:
                self._tally.different(Fidelity.EXTRA, path, None, file.what)
        self._found.clear()
        return tuple(left_out)

    # ---- facts of a file ----

    def _without_cloud(self, entry: Entry, found: FoundFile) -> FoundFile:
        """Return a file as a capture takes it, which keeps nothing of a cloud; the image may have it all the same."""
        if found.reparse is None or entry.reparse_tag is not None or not _is_of_cloud(found.reparse):
            return found
        self.of_cloud += 1
        attributes = None if found.attributes is None else found.attributes & ~cloud.SHOWN_BY
        return replace(found, reparse=None, attributes=attributes)

    def _kind_of(self, entry: Entry) -> str:
        is_link = entry.reparse_tag is not None and self._target.keeps_reparse_point(entry.reparse_tag)
        if is_link and Fidelity.ATTRIBUTES not in self._target.holds:
            return "a link"
        if entry.attributes & _DIRECTORY:
            return "a directory"
        special = special_kind(entry) if Fidelity.MODES in self._target.holds else None
        return "a file" if special is None else special

    def _count_gone(self, entry: Entry) -> None:
        """Count the facts of a file that is not there; the file itself is reported, they are not."""
        for kind, count in self._facts(entry).items():
            if kind in self._target.holds:
                self._tally.gone(kind, count)
            elif kind is not Fidelity.ATTRIBUTES or entry.attributes & _MISSED:
                self._tally.dropped(kind, count)

    def _count_left_out(self, entry: Entry) -> None:
        """Count a file that the target has no place for; should it be there nevertheless, it is extra."""
        self._tally.dropped(Fidelity.NAMES)
        for kind, count in self._facts(entry).items():
            self._tally.dropped(kind, count)

    def _facts(self, entry: Entry) -> dict[Fidelity, int]:
        """Count the facts that the image has of a file, its name apart."""
        facts = _facts(entry) | {kind: count for kind, count in self._unix.facts(entry).items() if count}
        if self._kind_of(entry) in SPECIAL.values():
            facts.pop(Fidelity.CONTENTS, None)
        return facts

    def _compare_attributes(self, entry: Entry, found: FoundFile) -> None:
        if Fidelity.ATTRIBUTES not in self._target.holds:
            if entry.attributes & _MISSED:
                self._tally.dropped(Fidelity.ATTRIBUTES)
            return
        if found.attributes is None:
            return
        held = self._held
        expected = entry.attributes & held
        there = found.attributes & held & ~_OF_INDEXES
        if expected != there:
            names = (describe.attributes(expected), describe.attributes(there))
            self._tally.different(Fidelity.ATTRIBUTES, entry.path, *names)
        elif entry.attributes & ~held & _MISSED:
            self._tally.dropped(Fidelity.ATTRIBUTES)
        else:
            self._tally.restored(Fidelity.ATTRIBUTES)

    def _compare_times(self, entry: Entry, found: FoundFile) -> None:
        for kind, nanoseconds, there in (
            (Fidelity.CREATION_TIMES, entry.created_ns, found.created),
            (Fidelity.MODIFICATION_TIMES, entry.modified_ns, found.modified),
            (Fidelity.ACCESS_TIMES, entry.accessed_ns, found.accessed),
        ):
            stored = filetime.from_ns(nanoseconds)
            expected = self._target.nearest_time(kind, stored)
            if kind not in self._target.holds:
                self._tally.dropped(kind)
            elif there is None:
                continue
            elif expected != there:
                self._tally.different(kind, entry.path, describe.moment(expected), describe.moment(there))
            elif self._target.spans_time(stored):
                self._tally.restored(kind)
            else:
                self._tally.dropped(kind)

    def _compare_bytes(
        self, kind: Fidelity, path: str, expected: bytes | None, there: bytes | None, *, is_free: bool = True
    ) -> None:
        if kind not in self._target.holds:
            if expected is not None:
                self._tally.dropped(kind)
        elif expected == there:
            self._tally.restored(kind, expected is not None)
        elif expected is not None or not is_free:
            self._tally.different(kind, path, describe.value(expected), describe.value(there))

    def _compare_short_name(self, entry: Entry, found: FoundFile) -> None:
        kind, expected = Fidelity.SHORT_NAMES, _short_name(entry)
        if kind not in self._target.holds:
            if expected is not None:
                self._tally.dropped(kind)
        elif self._target.names_by_itself and (expected is None or found.short_name is None or not expected.isascii()):
            # A name that is short by itself has no other, and of other characters each code page has its own.
            self._tally.dropped(kind, expected is not None)
        elif expected == found.short_name:
            self._tally.restored(kind, expected is not None)
        else:
            self._tally.different(kind, entry.path, expected, found.short_name)

    def _compare_links(self, entry: Entry, found: FoundFile) -> None:
        """Compare which names are one file: each with the first name of its file in the image and in the target."""
        is_linked = entry.links > 1 and entry.link_group is not None
        if Fidelity.HARD_LINKS not in self._target.holds:
            self._tally.dropped(Fidelity.HARD_LINKS, is_linked)
            return
        if not is_linked and found.links <= 1:
            return
        group: int | str = entry.link_group if is_linked and entry.link_group is not None else entry.path
        ours = (found.identity, entry.path)
        identity, first = self._by_group.setdefault(group, ours) if isinstance(group, int) else ours
        there, other = self._by_identity.setdefault(found.identity, (group, entry.path))
        if identity != found.identity:
            self._tally.different(Fidelity.HARD_LINKS, entry.path, f"the same file as {first}", "a file of its own")
        elif there != group:
            self._tally.different(Fidelity.HARD_LINKS, entry.path, "a file of its own", f"the same file as {other}")
        else:
            self._tally.restored(Fidelity.HARD_LINKS, is_linked)

    def _compare_reparse(self, entry: Entry, found: FoundFile) -> None:
        kind, tag = Fidelity.REPARSE_POINTS, entry.reparse_tag
        if tag is None:
            if found.reparse is not None:
                self._tally.different(kind, entry.path, None, describe.reparse(found.reparse))
            return
        if not self._target.keeps_reparse_point(tag):
            # One that says how the contents are stored is no fact of its own then.
            self._tally.dropped(kind, not (tag == wof.TAG and self._target.takes_any_form))
            return
        if found.link is not None:
            self.links.expect(entry, tag, found.link)
            return
        expected = describe.reparse_facts(tag, entry.streams[0].sha1 or EMPTY_SHA1)
        if found.reparse is None:
            self._tally.different(kind, entry.path, expected, None)
        elif describe.reparse(found.reparse) == expected:
            self._tally.restored(kind)
        else:
            self._tally.different(kind, entry.path, expected, describe.reparse(found.reparse))


def _is_of_cloud(reparse: bytes | None) -> bool:
    return reparse is not None and cloud.is_of_cloud(int.from_bytes(reparse[:4], "little"))


def _is_in_cloud(file: FoundFile) -> bool:
    """Tell whether it is a file of which not all contents are there; no capture takes it."""
    return file.what == "a file" and _is_of_cloud(file.reparse) and cloud.is_elsewhere(file.attributes or 0)


def _cloud_notes(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    what = counted(count, "file or directory is", "files and directories are")
    return (f"{what} kept in step with a cloud where it was compared, and plain in the image, which is no difference",)


def _short_name(entry: Entry) -> str | None:
    """Return the short name; a name that is short by itself has no second one on NTFS (FILE_NAME_WIN32_AND_DOS)."""
    short = entry.short_name
    return None if short is not None and short.upper() == (entry.name or "").upper() else short


def _facts(entry: Entry) -> dict[Fidelity, int]:
    """Count the facts that an image stores of a file, its name apart."""
    counts = {
        Fidelity.CONTENTS: int(has_contents(entry)),
        Fidelity.NAMED_STREAMS: len(entry.streams) - 1,
        Fidelity.ATTRIBUTES: 1,
        Fidelity.CREATION_TIMES: 1,
        Fidelity.MODIFICATION_TIMES: 1,
        Fidelity.ACCESS_TIMES: 1,
        Fidelity.SECURITY_DESCRIPTORS: int(entry.security_descriptor is not None),
        Fidelity.SHORT_NAMES: int(_short_name(entry) is not None),
        Fidelity.HARD_LINKS: int(entry.links > 1),
        Fidelity.REPARSE_POINTS: int(entry.reparse_tag is not None),
        Fidelity.OBJECT_IDS: int(entry.object_id is not None),
    }
    return {kind: count for kind, count in counts.items() if count}
