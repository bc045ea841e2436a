"""Extracting files of an image under other names, where the directory refuses those that they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.progress import ProgressCallback
from osdimage.imaging.wim.checks.audit import load_tree
from osdimage.imaging.wim.checks.names import Names
from osdimage.imaging.wim.extracted.extract import ExtractResult, extract_paths
from osdimage.imaging.wim.extracted.options import ExtractOptions
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.limits import directory_rule
from osdimage.imaging.wim.patterns import PathPattern, PathTree, is_pattern, normalised
from osdimage.imaging.wim.renamed.renamed_image import with_names_replaced
from osdimage.imaging.wim.renamed.replacing import LISTED, NamePart, names_replaced
from osdimage.native.wim.handles import WimHandle


def extract_renamed(
    path: Path,
    handle: WimHandle,
    index: int,
    wanted: tuple[str, ...],
    to: Path,
    *,
    options: ExtractOptions,
    progress: ProgressCallback | None,
) -> ExtractResult:
    """Extract with ``Names.REPLACE``; see :meth:`osdimage.imaging.WimImage.extract`."""
    with wim_errors(path):
        audit = load_tree(path, handle, index)
        chosen, absent = _chosen(handle, index, wanted, globs=options.globs)
    if absent and not options.may_be_absent:
        raise InvalidRequest(f"{path}: {absent[0]}")
    with with_names_replaced(path, handle, index, directory_rule(to, audit)) as renamed:
        result = extract_paths(
            path,
            renamed.handle,
            index,
            tuple(renamed.paths.get(each, each) for each in chosen),
            to,
            options=replace(options, globs=False, names=Names.REFUSE),
            progress=progress,
        )
    names = tuple(
        each
        for each in renamed.names
        if each.part is NamePart.NAME and _is_among(each.path, chosen, keep_directories=options.keep_directories)
    )
    return replace(
        result,
        paths=tuple(chosen),
        warnings=(*absent, *map(str, names_replaced(names)), *result.warnings),
        replaced=len(names),
        replaced_names=names[:LISTED],
    )


def _chosen(handle: WimHandle, index: int, wanted: Sequence[str], *, globs: bool) -> tuple[list[str], list[str]]:
    """Return the paths in the image, as it has them, that paths and patterns stand for, and what fits nothing.

    Both are in the order in which they were wanted, each path once.
    """
    absent: list[str] = []
    everything: list[str] = []
    handle.each_path(index, "/", recursive=True, on_paths=everything.extend)
    there = {each.casefold(): each for each in reversed(everything)} | {each: each for each in everything}
    found: dict[str, None] = {}
    paths = PathTree(everything)
    for text in wanted:
        name = normalised(text)
        exact = there.get(name, there.get(name.casefold()))
        if exact is not None:
            found[exact] = None
            continue
        has_pattern = globs and is_pattern(name)
        matches = paths.fitting(PathPattern(name)) if has_pattern else []
        if not matches:
            absent.append(f"image {index} holds {'nothing that fits' if has_pattern else 'no'} {text!r}")
        found.update(dict.fromkeys(matches))
    return list(found), absent


def _is_among(path: str, chosen: Sequence[str], *, keep_directories: bool) -> bool:
    """Tell whether a path is at or below one that was chosen, or above one that is made with its directories."""
    return any(
        f"{path}/".startswith(f"{each.rstrip('/')}/") or (keep_directories and each.startswith(f"{path}/"))
        for each in chosen
    )
