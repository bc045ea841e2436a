"""``osdimage list``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, streams, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.keys import keys, refuse_for_images
from osdimage.cli.documents import ListDocument
from osdimage.cli.habits import image_as_path
from osdimage.cli.render import Reporter
from osdimage.cli.source import holds_volume, open_tree_of, refuse_of_images

if TYPE_CHECKING:
    from osdimage.imaging.browse.tree import Found, VolumeTree
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.wim.entries import Entry
    from osdimage.imaging.wim.image import WimImage
    from osdimage.imaging.wim.select import ImageSelector

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@click.command("list")
@click.argument("wim", type=values.EXISTING)
@click.argument("path", default="/")
@click.option("--partition", type=click.IntRange(min=1), metavar="N", help="The partition of a disk.")
@disk_params.opening
@keys
@params.selector
@params.references
@click.option(
    "--long",
    "-l",
    "--detailed",
    "is_long",
    is_flag=True,
    help="Show all of each file, as wimlib-imagex dir --detailed.",
)
@click.option("--columns", "-c", is_flag=True, help="Show attributes, size and time of each file, one a line.")
@click.option("--no-recurse", is_flag=True, help="Show the path itself only.")
@params.output(events=False)
def list_command(
    wim: Path,
    path: str,
    partition: int | None,
    opening: Opening,
    selector: ImageSelector,
    refs: tuple[str, ...],
    is_long: bool,
    columns: bool,
    no_recurse: bool,
    reporter: Reporter,
) -> None:
    r"""List the files of an image or a volume, all or those at and below PATH; --json tells all that it knows.

    WIM is a WIM, a file or device that holds one NTFS or FAT32 volume, or a disk with --partition.

    PATH is separated by / or \ and compared without case; *, ? and [...] stand for characters within a name.
    """
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415 - start-up stays cheap

    if is_long and columns:
        raise click.UsageError("--long and --columns show each file in two ways; choose one")
    if holds_volume(wim, partition):
        refuse_of_images(selector, ref=bool(refs))
        with open_tree_of(wim, partition, opening, reporter) as tree:
            found = (each.entry for top in tree.chosen(path) for each in _below(tree, top, recursive=not no_recurse))
            if reporter.as_json:
                members = {"path": wim, "partition": partition, "image": None, "name": None}
                with ListDocument(members, "entries") as document:
                    for entry in found:
                        document.add(_facts(entry, {}))
                    document.end({"warnings": tree.notes})
            else:
                _show(found, is_long=is_long, in_columns=columns)
        return
    refuse_for_images()
    with WimFile.open(wim, refs=refs) as opened:
        for text in opened.warnings:
            reporter.warn(text)
        with image_as_path(opened, (path,), is_chosen=selector != type(selector)()):
            image = opened.select(selector)
            if reporter.as_json:
                dropped = _document(opened.path, image, path, recursive=not no_recurse)
            else:
                dropped = _list(image, path, recursive=not no_recurse, is_long=is_long, in_columns=columns)
        for text in dropped:
            reporter.warn(text)


def _below(tree: VolumeTree, top: Found, *, recursive: bool) -> Iterable[Found]:
    return tree.walk(top) if recursive else (top,)


def _show(entries: Iterable[Entry], *, is_long: bool, in_columns: bool) -> None:
    if is_long:
        from osdimage.cli.wim.details import detailed  # noqa: PLC0415 - few listings are so long

        with streams.in_blocks(streams.raw_lines) as show:
            for entry in entries:
                show(detailed(entry, {}))
        return
    tell = _columns if in_columns else _path
    with streams.in_blocks() as show:
        for entry in entries:
            show(tell(entry))


def _document(wim: Path, image: WimImage, path: str, *, recursive: bool) -> tuple[str, ...]:
    """Write entries as they come: an image has some hundred thousand."""
    members = {"path": wim, "partition": None, "image": image.index, "name": image.name}
    with ListDocument(members, "entries") as document:
        extended = image.extended_attributes()
        dropped = _walk(image, lambda entry: document.add(_facts(entry, extended)), path, recursive=recursive)
        document.end({"warnings": dropped})
    return dropped


def _list(image: WimImage, path: str, *, recursive: bool, is_long: bool, in_columns: bool) -> tuple[str, ...]:
    if is_long:
        from osdimage.cli.wim.details import detailed  # noqa: PLC0415 - few listings are so long

        extended = image.extended_attributes()
        with streams.in_blocks(streams.raw_lines) as show:
            visit = lambda entry: show(detailed(entry, extended.get(entry.path, {})))  # noqa: E731
            return _walk(image, visit, path, recursive=recursive, in_detail=True)
    if in_columns or _stands_for_others(image, path):
        with streams.in_blocks() as show:
            tell = _columns if in_columns else _path
            return _walk(image, lambda entry: show(tell(entry)), path, recursive=recursive)
    return image.walk_paths(streams.lines, path=path, recursive=recursive)


def _walk(
    image: WimImage, visit: Callable[[Entry], None], path: str, *, recursive: bool, in_detail: bool = False
) -> tuple[str, ...]:
    if _stands_for_others(image, path):
        return image.walk_fitting(visit, path, recursive=recursive, in_detail=in_detail)
    return image.walk(visit, path=path, recursive=recursive, in_detail=in_detail)


def _stands_for_others(image: WimImage, path: str) -> bool:
    from osdimage.imaging.wim.patterns import is_pattern  # noqa: PLC0415 - start-up stays cheap

    return is_pattern(path) and not image.holds(path)


def _path(entry: Entry) -> str:
    return entry.path


def _columns(entry: Entry) -> str:
    from osdimage.imaging.attributes import attribute_letters  # noqa: PLC0415 - start-up stays cheap

    modified = _time(entry.modified_ns)
    time = "after the year 9999" if modified is None else f"{modified:%Y-%m-%d %H:%M:%S}"
    size = entry.streams[0].size
    extra = f"  [{', '.join(stream.name for stream in entry.streams if stream.name)}]" if len(entry.streams) > 1 else ""
    return f"{attribute_letters(entry.attributes)}  {size:>14,}  {time}  {entry.path}{extra}"


def _time(nanoseconds: int) -> datetime | None:
    """Return a time, or None after the year 9999: a FILETIME reaches to the year 60056."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None


def _facts(entry: Entry, extended: Mapping[str, Mapping[bytes, bytes]]) -> dict[str, object]:
    from osdimage.imaging.attributes import attribute_names  # noqa: PLC0415 - start-up stays cheap

    # Not by to_plain: an image has some hundred thousand entries.
    return {
        "path": entry.path,
        "name": entry.name,
        "short_name": entry.short_name,
        "attributes": attribute_names(entry.attributes),
        "reparse_tag": None if entry.reparse_tag is None else f"{entry.reparse_tag:#010x}",
        "links": entry.links,
        "link_group": entry.link_group,
        "security_descriptor": _hex(entry.security_descriptor),
        "object_id": _hex(entry.object_id),
        "unix_mode": entry.unix_mode,
        "unix_uid": entry.unix_uid,
        "unix_gid": entry.unix_gid,
        "unix_device": _device(entry.unix_device),
        "extended_attributes": [
            {"name": name.decode("utf-8", "backslashreplace"), "value": value.hex()}
            for name, value in sorted(extended[entry.path].items())
        ]
        if entry.path in extended
        else [],
        "streams": [
            {
                "name": stream.name,
                "size": stream.size,
                "stored_size": stream.stored_size,
                "sha1": _hex(stream.sha1),
                "is_missing": stream.is_missing,
            }
            for stream in entry.streams
        ],
        "created": _exact(entry.created_ns),
        "modified": _exact(entry.modified_ns),
        "accessed": _exact(entry.accessed_ns),
    }


def _device(number: int | None) -> dict[str, int] | None:
    """Return the numbers of a device; no device has the number 0."""
    return {"major": os.major(number), "minor": os.minor(number)} if number else None


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _exact(nanoseconds: int) -> str | None:
    """Return a time in the steps of a FILETIME, 100 ns: seven digits say all of it."""
    time = _time(nanoseconds)
    if time is None:
        return None
    return f"{time.isoformat(timespec='seconds')[:19]}.{nanoseconds % 1_000_000_000 // 100:07d}Z"
