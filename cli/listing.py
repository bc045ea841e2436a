"""How the files of an image, a volume or a disc are listed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, streams
from osdimage.cli.documents import ListDocument
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.browse.tree import Found, VolumeTree
    from osdimage.imaging.wim.entries import Entry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ListForm:
    """What is shown of each file, as the options say."""

    is_long: bool
    in_columns: bool
    no_recurse: bool

    @property
    def is_recursive(self) -> bool:
        """Whether what is below the path is listed, too."""
        return not self.no_recurse

    def refuse_both(self) -> None:
        """Refuse two ways at once.

        Raises:
            click.UsageError: when both were asked for.
        """
        if self.is_long and self.in_columns:
            raise click.UsageError("--long and --columns show each file in two ways; choose one")


form = params.gathered(
    "form",
    ListForm,
    click.option(
        "--long",
        "-l",
        "--detailed",
        "is_long",
        is_flag=True,
        help="Show all of each file, as wimlib-imagex dir --detailed.",
    ),
    click.option(
        "--columns", "-c", "in_columns", is_flag=True, help="Show attributes, size and time of each file, one a line."
    ),
    click.option("--no-recurse", is_flag=True, help="Show the path itself only."),
)


def list_tree(tree: VolumeTree, path: str, form: ListForm, members: Mapping[str, object], reporter: Reporter) -> None:
    """List what a path or pattern stands for in a volume or on a disc, as it is read.

    Args:
        tree: its files.
        path: or a pattern.
        form: what is shown of each.
        members: what the document begins with, when it is one.
        reporter: of the command.

    Raises:
        InvalidRequest, InvalidVolume, StorageError: as :meth:`VolumeTree.chosen` and :meth:`VolumeTree.walk`.
    """
    found = (each.entry for top in tree.chosen(path) for each in _below(tree, top, recursive=form.is_recursive))
    if not reporter.as_json:
        _show(found, form)
        return
    with ListDocument(members, "entries") as document:
        for entry in found:
            document.add(entry_facts(entry, {}))
        document.end({"warnings": tree.notes})


def _below(tree: VolumeTree, top: Found, *, recursive: bool) -> Iterable[Found]:
    return tree.walk(top) if recursive else (top,)


def _show(entries: Iterable[Entry], form: ListForm) -> None:
    if form.is_long:
        from osdimage.cli.wim.details import detailed  # noqa: PLC0415 - few listings are so long

        with streams.in_blocks(streams.raw_lines) as show:
            for entry in entries:
                show(detailed(entry, {}))
        return
    tell = told_by(form)
    with streams.in_blocks() as show:
        for entry in entries:
            show(tell(entry))


def told_by(form: ListForm) -> Callable[[Entry], str]:
    """Return what makes a line of a file."""
    return _columns if form.in_columns else _path


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


def entry_facts(entry: Entry, extended: Mapping[str, Mapping[bytes, bytes]]) -> dict[str, object]:
    """Return what the document tells of a file; the extended attributes are those of all, by path."""
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
