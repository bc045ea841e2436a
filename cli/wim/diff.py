"""``osdimage diff``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, streams, values
from osdimage.cli.render import Reporter, counted, document, line
from osdimage.cli.source import open_wim
from osdimage.cli.wim.compare import label

if TYPE_CHECKING:
    from osdimage.imaging.compare.fidelity import Fidelity
    from osdimage.imaging.compare.images import ComparedImage, ImageDiff, LoneFile
    from osdimage.imaging.wim.select import ImageSelector

# Those of Fidelity, which is not imported when the program starts; a test holds the two together.
_KINDS = (
    "names", "contents", "named-streams", "attributes", "creation-times", "modification-times", "access-times",
    "security-descriptors", "short-names", "hard-links", "reparse-points", "object-ids", "owners", "modes",
    "device-numbers", "extended-attributes",
)  # fmt: skip


class ImageType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """A WIM and one of its images: ``install.wim:2``, ``install.wim:Reference 1.1``, or a WIM with one image."""

    name = "WIM[:IMAGE]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Path, ImageSelector]:
        """Divide the text at the first colon before which a file is there; a file of the whole name is meant first."""
        from osdimage.imaging.wim.select import ImageSelector  # noqa: PLC0415 - start-up stays cheap

        text = str(value)
        colons = [place for place, character in enumerate(text) if character == ":"]
        at = next((place for place in colons if values.is_file(text[:place])), None)
        if at is None or values.is_file(text):
            path = values.WIM.convert(text, param, ctx)
            return Path(str(path)), ImageSelector()
        image = text[at + 1 :]
        if not image:
            self.fail(f"{text!r} names no image behind the colon", param, ctx)
        path = values.WIM.convert(text[:at], param, ctx)
        index = values.image_number(image)
        return Path(str(path)), ImageSelector(name=image) if index is None else ImageSelector(index=index)


def _kinds(option: str, text: str) -> params.Decorator:
    return click.option(
        option,
        option.strip("-"),
        multiple=True,
        type=click.Choice(_KINDS),
        metavar="KIND",
        help=text,
    )


@click.command("diff")
@click.argument("before", type=ImageType(), metavar="WIM[:IMAGE]")
@click.argument("after", type=ImageType(), metavar="WIM[:IMAGE]")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@_kinds("--only", "Compare this alone.  Repeatable.")
@_kinds("--except", "Compare all but this, such as access-times.  Repeatable.")
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help=r"Do not look at \path or *.name, in any folder.  Repeatable."
)
@params.references
@params.check
@params.output(events=False, more="what each fact was and is, and all that is in folders")
def diff_command(
    before: tuple[Path, ImageSelector],
    after: tuple[Path, ImageSelector],
    paths: tuple[str, ...],
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    refs: tuple[str, ...],
    check: bool,
    reporter: Reporter,
    **options: tuple[str, ...],
) -> int:
    r"""Show what changed between two images, of one WIM or of two.

    IMAGE is an index, from 1 or backwards from -1, or a name.  With PATHs only these are told of, with all below them:
    separated by / or \, compared without case; *, ? and [...] stand for characters within a name.

    Each line is about one path: - is gone, + is new, > has another path and is the same in all that is compared, and *
    is other in what is named behind it.  No contents are read: their SHA-1 is in the image.  Exit code 0: equal; 1:
    not.

    KIND is names, contents, named-streams, attributes, creation-times, modification-times, access-times,
    security-descriptors, short-names, hard-links, reparse-points, object-ids, owners, modes, device-numbers or
    extended-attributes.
    """
    from osdimage.imaging.compare.images import diff_images  # noqa: PLC0415 - start-up stays cheap

    kinds = _chosen(only, options["except"])
    with (
        open_wim(before[0], reporter, check=check, refs=refs) as (first, _),
        open_wim(after[0], reporter, check=check, refs=refs) as (second, _),
    ):
        found = diff_images(first.select(before[1]), second.select(after[1]), kinds=kinds, paths=paths, exclude=exclude)
    if reporter.as_json:
        members = {
            name: getattr(found, name) for name in ("before", "after", "is_equal", "removed", "added", "renamed")
        }
        document(members | {"changed": found.changed})
    else:
        with streams.in_blocks() as show:
            for text in _lines(found, is_whole=reporter.verbose):
                show(text)
        if not reporter.quiet:
            line(_summary(found, is_part=bool(paths or only or exclude or options["except"])))
    return 0 if found.is_equal else 1


def _chosen(only: Sequence[str], but: Sequence[str]) -> frozenset[Fidelity]:
    from osdimage.imaging.compare.fidelity import Fidelity  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.compare.images import ALL_KINDS  # noqa: PLC0415

    if only and but:
        raise click.UsageError("--only and --except both choose what is compared; use one of them")
    if only:
        return frozenset(map(Fidelity, only))
    return ALL_KINDS - set(map(Fidelity, but))


def _lines(found: ImageDiff, *, is_whole: bool) -> list[str]:
    """Return the lines by path; what was renamed is where it was."""
    rows: list[tuple[str, list[str]]] = []
    for sign, lone in (("-", found.removed), ("+", found.added)):
        rows += [(path, [f"{sign} {path}{what}"]) for path, what in _lone(lone, is_whole=is_whole)]
    for each in found.renamed:
        more = f" ({counted(each.names - 1, 'name')} in it)" if each.names > 1 else ""
        rows.append((each.before, [f"> {each.before} -> {each.after}{more}"]))
    facts: dict[str, list[str]] = {}
    details: dict[str, list[str]] = {}
    for change in found.changed:
        facts.setdefault(change.path, []).append(label(change.kind))
        if is_whole:
            sides = ["none" if side is None else streams.one_line(side) for side in (change.before, change.after)]
            details.setdefault(change.path, []).append(f"    {label(change.kind)}: {sides[0]} -> {sides[1]}")
    for path, names in facts.items():
        rows.append((path, [f"* {path}: {', '.join(dict.fromkeys(names))}", *details.get(path, ())]))
    return [text for _, texts in sorted(rows, key=lambda row: row[0]) for text in texts]


def _lone(files: Sequence[LoneFile], *, is_whole: bool) -> list[tuple[str, str]]:
    """Return the path of each and what it is; of a folder that is there alone, how much is in it."""
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    tops: dict[str, LoneFile] = {}
    inside: dict[str, int] = {}
    folders: dict[str, str] = {}
    for each in files:
        above = each.path.rpartition("/")[0]
        top = folders.get(above, each.path) if not is_whole else each.path
        tops.setdefault(top, each)
        inside[top] = inside.get(top, -1) + 1
        if each.what == "directory":
            folders[each.path] = top
    shown = []
    for path, each in tops.items():
        words = [each.what] if each.what != "file" else []
        words += [] if each.size is None else [format_size(each.size)]
        words += [f"{counted(inside[path], 'name')} in it"] if inside[path] else []
        shown.append((path, f" ({', '.join(words)})" if words else ""))
    return shown


def _summary(found: ImageDiff, *, is_part: bool) -> str:
    sides = " and ".join(_title(each) for each in (found.before, found.after))
    if found.is_equal:
        how = " in what was asked" if is_part else ""
        return f"{sides}: equal{how}: {counted(found.after.names, 'file or directory', 'files and directories')}"
    counts = [
        f"{number:,} {what}"
        for number, what in (
            (len(found.removed), "removed"),
            (len(found.added), "added"),
            (sum(each.names for each in found.renamed), "renamed"),
            (len({each.path for each in found.changed}), "changed"),
        )
        if number
    ]
    kinds = ", ".join(f"{label(kind)} {number:,}" for kind, number in found.counts.items())
    return f"{sides}: DIFFERENT: {', '.join(counts)}" + (f" ({kinds})" if kinds else "")


def _title(image: ComparedImage) -> str:
    return f"{image.wim}:{image.image}"
