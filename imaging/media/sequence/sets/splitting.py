"""WIMs that are larger than a disc, or than a file may be, and the parts that they become."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from osdimage.imaging.disc.written.contents import FileContents, contents_of_file
from osdimage.imaging.disk.wim_mark import is_wim
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, StorageError, TooSmall, quoted
from osdimage.imaging.media.parts.medium import Medium, MediumFile, joined, require_apart
from osdimage.imaging.media.sequence.manifest import MOST_VOLUMES
from osdimage.imaging.media.sequence.sets.described import (
    PackageContent,
    SetOptions,
    SetPlan,
    SplitWim,
    placed,
    planned,
)
from osdimage.imaging.media.sequence.sets.packing import Item, Packing
from osdimage.imaging.progress import ProgressCallback, portion
from osdimage.imaging.wim.copied.export import ExportOptions
from osdimage.imaging.wim.copied.split import SMALLEST_PART, split_images
from osdimage.imaging.wim.file import WimFile

# The same WIM makes the same parts again.
_REPEATABLE = ExportOptions(repeatable=True)


def items_of(package: PackageContent, options: SetOptions, scratch: Path) -> tuple[list[Item], list[SplitWim]]:
    """Return what of a package lies on one disc each, and the WIMs that are split before."""
    files = placed(package)
    limit = _limit(package, files, options)
    large = [] if limit is None else [each for each in files if each.size > limit]
    if len(files) == 1 and large and not _is_wim(large[0]) and not _exceeds(large[0], options.largest_file):
        # It may fit all the same: the limit was found with some more room for what tells of it.
        large = []
    if limit is None or not large:
        return [Item(package, files)], []
    split = [_split(package, each, limit, scratch / str(number)) for number, each in enumerate(large)]
    parts = [part for each in split for part in each.parts]
    if len(files) == 1:
        return [Item(package, (each,), is_part=True) for each in parts], split
    kept = [each for each in files if each not in large]
    require_apart(kept, parts)
    return [Item(package, joined(kept, parts))], split


def split_all(plan: SetPlan, progress: ProgressCallback | None) -> dict[str, MediumFile]:
    """Write the parts of all WIMs; return them by their paths on the medium."""
    made: dict[str, MediumFile] = {}
    for number, each in enumerate(plan.split):
        first = _path_of(each.parts[0])
        first.parent.mkdir(parents=True, exist_ok=True)
        share = portion(progress, 100 * number / len(plan.split), 100 * (number + 1) / len(plan.split))
        with WimFile.open(each.source) as source:
            done = split_images(source, first, each.part_bytes, _REPEATABLE, progress=share)
        if done.sizes != tuple(part.size for part in each.parts):
            raise StorageError(
                f"{each.source}: changed while the medium was made; nothing was kept of it", path=each.source
            )
        made |= {part.path: replace(part, contents=contents_of_file(_path_of(part))) for part in each.parts}
    return made


def _exceeds(file: MediumFile, limit: int | None) -> bool:
    return limit is not None and file.size > limit


def _is_wim(file: MediumFile) -> bool:
    """Tell whether a file is a WIM that can be opened by its path."""
    contents = file.contents
    return isinstance(contents, FileContents) and contents.size == contents.file_bytes and is_wim(contents.path)


def _limit(package: PackageContent, files: tuple[MediumFile, ...], options: SetOptions) -> int | None:
    """Return the largest size of a file of a package, and of a part; None when any will do."""
    if options.capacity is None or len(files) != 1:
        return options.largest_file
    above, _, name = files[0].path.rpartition("/")
    # One as large as a disc, with the longest name that a part can have; what is over is what tells of it.
    whole = MediumFile(f"{above}/{Path(name).stem}999.swm", planned(Path(), options.capacity), 0, "")
    parts = [Item(package, (whole,), is_part=True)] * (files[0].size // options.capacity + 2)
    room = Packing(Medium("", (), None), (package,), parts, options, MOST_VOLUMES).alone(whole, package)
    return room if options.largest_file is None else min(room, options.largest_file)


def _split(package: PackageContent, file: MediumFile, limit: int, scratch: Path) -> SplitWim:
    """Plan the parts of a WIM.

    Raises:
        TooSmall: when the file is none, or cannot be split so.
    """
    contents = file.contents
    told = f"{quoted(file.path)} has {file.size:,} bytes, and the medium takes files of {limit:,} bytes"
    if not isinstance(contents, FileContents) or not _is_wim(file) or limit < SMALLEST_PART:
        raise TooSmall(f"{told}; only a WIM is split")
    first = scratch / f"{Path(file.path).stem}.swm"
    with WimFile.open(contents.path) as source:
        done = split_images(source, first, limit, _REPEATABLE, dry_run=True)
    if not done.sizes:
        raise InvalidRequest(
            f"{told}; this WIM is solid, and cannot be split as it is",
            remedy=Remedy("compress it otherwise first, with {}", (Means.EXPORT,)),
        )
    above = file.path.rpartition("/")[0]
    parts = tuple(
        MediumFile(f"{above}/{path.name}", planned(path, size), file.modified_ns, f"{file.origin}, part {number}")
        for number, (path, size) in enumerate(zip(done.paths, done.sizes, strict=True), start=1)
    )
    return SplitWim(package.identifier, contents.path, limit, parts)


def _path_of(part: MediumFile) -> Path:
    assert isinstance(part.contents, FileContents)  # noqa: S101 - it was made by _split()
    return part.contents.path
