"""Extracting files and directory trees of an image."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.probe import described, probe
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, TargetRefused, quoted
from osdimage.imaging.logs import logged
from osdimage.imaging.progress import Meter, Phase, ProgressCallback
from osdimage.imaging.wim.checks.audit import (
    load_tree,
    refuse_dropped_names,
    refuse_link,
    refuse_missing,
    refuse_occupied,
    refuse_own_place,
    refuse_unkept_names,
    refuse_unsafe_names,
    repairs,
)
from osdimage.imaging.wim.checks.names import OTHER_NAMES, Names
from osdimage.imaging.wim.copied.room import refuse_full_directory, refuse_large
from osdimage.imaging.wim.extracted.options import ExtractOptions
from osdimage.imaging.wim.extracted.placing import can_stage, staged
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.limits import refuse_for_directory
from osdimage.imaging.wim.patterns import PathPattern, PathTree, is_pattern, normalised
from osdimage.imaging.wim.placed.narrowing import reading_images
from osdimage.imaging.wim.renamed.replacing import ReplacedName
from osdimage.imaging.wim.steps import listener
from osdimage.imaging.wim.unix import of_unix, told_by_libwim
from osdimage.imaging.wim.wof import place_of, with_plain_sizes, wof_files, write_plain
from osdimage.native.status import WimlibCode, WimlibError
from osdimage.native.text import to_c
from osdimage.native.wim import entries, tree
from osdimage.native.wim.entries import Entry
from osdimage.native.wim.facts import ExtractSettings
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.tree import Audit, Occupied

_SHARES = {Phase.CREATE_FILES: 20.0, Phase.EXTRACT_DATA: 78.0, Phase.SET_METADATA: 2.0}


@dataclass(frozen=True, slots=True)
class ExtractResult:
    """What was extracted.

    Attributes:
        paths: in the image.
        warnings: sentences about single files, from libwim.
        replaced: number of names that were replaced by others.
        replaced_names: these; the first 10,000.
    """

    paths: tuple[str, ...]
    warnings: tuple[str, ...]
    replaced: int = 0
    replaced_names: tuple[ReplacedName, ...] = ()


@logged("extract from image {index} of {path} to {to}")
def extract_paths(
    path: Path,
    handle: WimHandle,
    index: int,
    wanted: tuple[str, ...],
    to: Path,
    *,
    options: ExtractOptions,
    progress: ProgressCallback | None,
) -> ExtractResult:
    """Extract; see :meth:`osdimage.imaging.WimImage.extract`."""
    if not wanted and not options.may_be_absent:
        raise InvalidRequest("name at least one path to extract")
    keep_directories = options.keep_directories
    found = probe(to)
    if found not in {Content.DIRECTORY, Content.MISSING}:
        raise TargetRefused(f"{to}: is {described(found)}; files are extracted to a directory")
    with wim_errors(path):
        whole = load_tree(path, handle, index)
        # A name that libwim dropped could be below any of the paths.
        refuse_dropped_names(path, index, whole)
        found_paths, absent = expand(
            path,
            handle,
            index,
            wanted,
            globs=options.globs,
            may_be_absent=options.may_be_absent,
            rule=options.names,
        )
        chosen = tuple(dict.fromkeys(found_paths))
        if not chosen:
            return ExtractResult((), absent)
        _refuse_backslashes(path, index, chosen)
        audits = [
            _audit_subtree(path, handle, index, item, to, keep_directories=keep_directories, names=options.names)
            for item in chosen
        ]
        places = {each: each if keep_directories else "/" + each.rpartition("/")[2] for each in chosen}
        compressed = wof_files(path, handle, index, whole) if any(each.other_reparse_points for each in audits) else {}
        refuse_own_place(path, handle, index, to, places)
        for item, audit in zip(chosen, audits, strict=True):
            left_out = "" if keep_directories else item.rpartition("/")[0]
            refuse_for_directory(to, path, audit, left_out=left_out)
        plain_at = _paths_below(compressed, chosen, keep_directories=keep_directories)
    audits = [with_plain_sizes(audits[0], [compressed[each] for each in plain_at]), *audits[1:]]
    refuse_large(to, audits, options.limit_bytes)
    refuse_full_directory(to, audits)
    if not keep_directories:
        refuse_collisions(chosen)
    meter = Meter(progress, _SHARES)
    # Of a whole image, libwim changes the targets of links by where it is extracted to.
    files = sum(each.files + each.directories for each in audits)
    hidden = "/" not in chosen and can_stage(to, files, max(each.extent.longest_path for each in audits))
    reading = reading_images(path, handle, [index], paths=chosen)
    with wim_errors(path), staged(to, hidden=hidden) as folder, reading:
        warnings = handle.extract_paths(
            index,
            folder,
            chosen,
            ExtractSettings(unix_data=options.unix_data),
            globs=False,
            keep_directories=keep_directories,
            listener=listener(meter),
        )
        write_plain(path, handle, compressed.values(), {each: place_of(folder, at) for each, at in plain_at.items()})
    meter.finish()
    warnings, more = told_by_libwim(warnings)
    lost = (*(() if options.unix_data else of_unix(*audits)), *more)
    return ExtractResult(chosen, (*absent, *repairs(whole), *map(str, lost), *warnings))


def _paths_below(files: Iterable[str], chosen: Iterable[str], *, keep_directories: bool) -> dict[str, str]:
    """Return the paths below the target of the files that are at or below one of the paths that are extracted.

    libwim gives everything the name that the image has, however the path was written.
    """
    wanted = [item.casefold().strip("/").split("/") if item != "/" else [] for item in chosen]
    found: dict[str, str] = {}
    for file in files:
        names = file.strip("/").split("/")
        for parts in wanted:
            if [name.casefold() for name in names[: len(parts)]] == parts:
                dropped = 0 if keep_directories else max(0, len(parts) - 1)
                found[file] = "/" + "/".join(names[dropped:])
    return found


def expand(
    path: Path,
    handle: WimHandle,
    index: int,
    wanted: tuple[str, ...],
    *,
    globs: bool,
    may_be_absent: bool,
    rule: Names = Names.REFUSE,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paths in the image that paths and patterns stand for, in their order, and what fits nothing.

    A path is in the result as often as it was wanted.  What fits nothing is a sentence each, with ``may_be_absent``.

    Raises:
        InvalidRequest: when a path or pattern fits nothing, without ``may_be_absent``.
        UnsafeName: when no pattern can be compared with a name of the image.
    """
    names = [normalised(text) for text in wanted]
    has_patterns = globs and any(map(is_pattern, names))
    everything = _everything(path, handle, index, rule) if has_patterns else ()
    there, paths = {each.casefold() for each in everything}, PathTree(everything)
    found: list[str] = []
    absent: list[str] = []
    for name, text in zip(names, wanted, strict=True):
        if not (globs and is_pattern(name)) or name.casefold() in there:
            matches, problem = [name] * (not may_be_absent or _is_there(handle, index, name)), f"no {text!r}"
        else:
            matches, problem = paths.fitting(PathPattern(name)), f"nothing that fits {text!r}"
        if not matches and not may_be_absent:
            raise InvalidRequest(f"{path}: image {index} holds {problem}")
        if not matches:
            absent.append(f"image {index} holds {problem}")
        found += matches
    return tuple(found), tuple(absent)


def _everything(path: Path, handle: WimHandle, index: int, rule: Names) -> list[str]:
    """Return all paths of the image, which patterns are compared with.

    Raises:
        UnsafeName: when a name has a separator.
    """
    separators = "/" if rule is Names.KEEP else r"\\/"
    everything: list[str] = []
    separated: list[str] = []

    def take(entry: Entry) -> None:
        everything.append(entry.path)
        if entry.name is not None and re.search(f"[{separators}]", entry.name):
            separated.append(entry.path)

    entries.each_entry(handle, index, "/", recursive=True, visit=take)
    if separated:
        # No pattern fits such a name, and to pass it over would be to skip it silently.
        refuse_unsafe_names(path, index, tree.audit(handle, index))
    return everything


def _is_there(handle: WimHandle, index: int, name: str) -> bool:
    try:
        entries.each_entry(handle, index, name, recursive=False, visit=lambda _: None)
    except WimlibError as error:
        if error.code == WimlibCode.PATH_DOES_NOT_EXIST:
            return False
        raise
    return True


def _refuse_backslashes(path: Path, index: int, chosen: Iterable[str]) -> None:
    """Refuse paths that libwim cannot find: a backslash is a separator to it."""
    for each in chosen:
        if "\\" in each:
            raise InvalidRequest(
                f"{path}: image {index}: {quoted(each)} holds a backslash, and cannot be extracted alone; valid is the "
                "directory that it is in",
                remedy=OTHER_NAMES,
            )


def _audit_subtree(
    path: Path, handle: WimHandle, index: int, item: str, to: Path, *, keep_directories: bool, names: Names
) -> Audit:
    """Check the names, the contents and the place of what is at and below one path, and measure it."""
    target = os.fspath(to.resolve())
    try:
        audit = tree.audit(handle, index, path=item, target=target, without_parents=not keep_directories)
    except WimlibError as error:
        if error.code == WimlibCode.PATH_DOES_NOT_EXIST:
            raise InvalidRequest(f"{path}: image {index} holds no {item!r}") from error
        raise
    if names is Names.KEEP:
        refuse_unkept_names(path, handle, index, item)
    else:
        refuse_unsafe_names(path, index, audit)
    refuse_missing(path, index, audit)
    if keep_directories:
        _refuse_parents(handle, index, item, to)
    refuse_link(to, audit.symlink_path)
    refuse_occupied(to, audit.occupied)
    return audit


def _refuse_parents(handle: WimHandle, index: int, item: str, to: Path) -> None:
    """Refuse a path with a directory above it that is a symbolic link or a file in the target."""

    def look(entry: Entry) -> None:
        *above, _ = entry.path.split("/")
        for length in range(2, len(above) + 1):
            folder = "/".join(above[:length])
            # As libwim spells the name on disk, lone surrogates included.
            place = Path(os.fsdecode(os.fsencode(to) + to_c(folder)))
            if place.is_symlink():
                refuse_link(to, folder)
            if place.exists() and not place.is_dir():
                refuse_occupied(to, Occupied(folder, is_directory=False))

    entries.each_entry(handle, index, item, recursive=False, visit=look)


def refuse_collisions(chosen: Iterable[str]) -> None:
    """Refuse two paths that would get the same name when their directories are dropped."""
    seen: dict[str, str] = {}
    for item in chosen:
        name = item.rpartition("/")[2].casefold()
        if name in seen:
            raise InvalidRequest(
                f"{seen[name]!r} and {item!r} would get the same name",
                remedy=Remedy("keep their directories ({})", (Means.KEEP_DIRECTORIES,)),
            )
        seen[name] = item
