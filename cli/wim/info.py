"""``osdimage info``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.render import Reporter, counted
from osdimage.cli.wim import delta
from osdimage.cli.wim.properties import properties_of, setting

if TYPE_CHECKING:
    from osdimage.imaging.wim.delta.needs import Needs
    from osdimage.imaging.wim.described.info import ImageInfo
    from osdimage.imaging.wim.described.properties import ImageProperties
    from osdimage.imaging.wim.file import WimFile
    from osdimage.imaging.wim.select import ImageSelector


@click.command("info")
@click.argument("wim", type=values.WIM)
@params.selector
@click.option("--xml", "as_xml", is_flag=True, help="Print the XML document as it stands in the WIM.")
@click.option("--blobs", "with_blobs", is_flag=True, help="List the contents that it holds, and where.")
@setting()
@click.option(
    "--boot",
    type=click.Choice(["yes", "no"]),
    is_flag=False,
    flag_value="yes",
    metavar="[yes|no]",
    help="Make the chosen image the one that boots; no: none boots.",
)
@click.option(
    "--boot-index",
    type=click.IntRange(min=0),
    metavar="N",
    help="Make the image of this index the one that boots; 0: none boots.",
)
@params.references
@params.check
@params.output(events=False)
def info_command(
    wim: Path,
    selector: ImageSelector,
    as_xml: bool,
    with_blobs: bool,
    changes: tuple[str, ...],
    boot: str | None,
    boot_index: int | None,
    refs: tuple[str, ...],
    check: bool,
    reporter: Reporter,
) -> None:
    """Show what a WIM holds; with --set, --boot or --boot-index, change what it says of an image.

    Of a delta it also tells how much it needs of other files, and with --ref whether that is in these.

    A change is one append and one write of the header: the WIM is valid at every moment.
    """
    from osdimage.imaging.wim.delta.needs import needs_of_delta  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415

    if as_xml and reporter.as_json:
        raise click.UsageError("--xml and --json both print one document; choose one")
    if boot is not None and boot_index is not None:
        raise click.UsageError("--boot and --boot-index both say which image boots; choose one")
    if with_blobs and as_xml:
        raise click.UsageError("--xml prints the document alone; --blobs is for another call")
    is_change = bool(changes) or boot is not None or boot_index is not None
    if is_change:
        selector = _change(wim, selector, properties_of(changes, reporter), boot, boot_index, check=check)
    with WimFile.open(wim, check=check, refs=refs) as opened:
        for text in opened.warnings:
            reporter.warn(text)
        if as_xml:
            render.out(opened.xml.encode("utf-8", "replace"))
            return
        is_query = selector != type(selector)()
        chosen = [opened.select(selector)] if is_query else list(opened)
        needs = needs_of_delta(opened, chosen)
        images = [image.info for image in chosen]
        if reporter.as_json:
            facts = {"path": opened.path, "header": opened.header, "images": images, "needs": needs}
            render.document(facts | ({"blobs": opened.blobs()} if with_blobs else {}))
        elif with_blobs:
            _show_blobs(opened)
        elif not (is_change and reporter.quiet):
            _show(opened, images, needs)


def _change(
    wim: Path,
    selector: ImageSelector,
    properties: ImageProperties,
    boot: str | None,
    boot_index: int | None,
    *,
    check: bool,
) -> ImageSelector:
    """Change what was asked for; return what chooses the images that are shown."""
    from osdimage.imaging.wim.edited.edit import set_properties  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.file import WimFile  # noqa: PLC0415

    if boot == "no" and selector == type(selector)():
        # Which image it is of several does not matter.
        boot, boot_index = None, 0
    if boot is None and not properties.by_element():
        set_properties(wim, {}, boot_index=boot_index)
        return selector
    with WimFile.open(wim, check=check) as opened:
        index = opened.select(selector).index
    if boot is not None:
        boot_index = index if boot == "yes" else 0
    set_properties(wim, {index: properties}, boot_index=boot_index)
    # What chose the image may be what was changed, and the user is shown the image that it was.
    return type(selector)(index=index)


def _show(wim: WimFile, images: list[ImageInfo], needs: Needs | None) -> None:
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    header = wim.header
    compression = header.compression.name.lower() if header.compression else "unknown compression"
    facts = [
        counted(len(wim), "image"),
        format_size(header.file_size),
        compression if header.chunk_size == 0 else f"{compression}, chunks of {format_size(header.chunk_size)}",
    ]
    if header.total_parts > 1:
        facts.append(f"part {header.part_number} of {header.total_parts}")
    if header.boot_index is not None:
        facts.append(f"image {header.boot_index} boots")
    facts += [
        text
        for text, is_true in (
            ("integrity table", header.has_integrity_table),
            ("solid", header.is_solid),
            ("pipable", header.is_pipable),
            ("read-only", header.is_read_only),
        )
        if is_true
    ]
    render.line(f"{wim.path}: {', '.join(facts)}")
    render.line(f"GUID {header.guid}, format version {header.version:#x}")
    for text in delta.info_lines(needs, images):
        render.line(text)
    disks = {image.info.disk.index for image in wim if image.info.disk is not None}
    if len(disks) > 1:
        render.line(f"captured from {counted(len(disks), 'disk')} of one machine")
    for image in images:
        render.line()
        _show_image(image, is_of_several=len(disks) > 1)


def _show_blobs(wim: WimFile) -> None:
    """Print a row for each blob; those of one solid resource have its offset and size."""
    render.line(f"{'SHA-1':<40} {'size':>15} {'stored':>15} {'offset':>15} {'part':>4} {'refs':>7}  kind")
    for blob in wim.blobs():
        kind = "tree" if blob.is_tree else "contents"
        how = ", solid" if blob.is_solid else "" if blob.is_compressed else ", plain"
        render.line(
            f"{blob.sha1} {blob.size:>15} {blob.stored_size:>15} {blob.offset:>15} {blob.part_number:>4} "
            f"{blob.references:>7}  {kind}{how}"
        )


def _show_image(image: ImageInfo, *, is_of_several: bool) -> None:
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap

    render.line(f"Image {image.index}: {image.name or '(no name)'}")
    windows = image.windows
    rows: list[tuple[str, object]] = [
        ("Description", image.description),
        ("Display name", image.display_name),
        ("Creator", image.creator),
        ("Version", image.image_version),
        ("Flags", image.flags),
        ("Contents", "the bytes of a partition, in one file" if image.is_of_bytes else None),
        (
            "Files",
            None
            if image.files is None
            else f"{image.files:,} in {counted(image.directories or 0, 'directory', 'directories')}",
        ),
        ("Size", None if image.size is None else format_size(image.size)),
        ("Hard links", format_size(image.hard_link_size) if image.hard_link_size else None),
        ("Created", f"{image.created:%Y-%m-%d %H:%M:%S} UTC" if image.created else None),
        ("Modified", f"{image.modified:%Y-%m-%d %H:%M:%S} UTC" if image.modified else None),
    ]
    if windows is not None:
        build = f".{windows.service_pack_build}" if windows.service_pack_build else ""
        level = f", service pack {windows.service_pack_level}" if windows.service_pack_level else ""
        rows += [
            ("Windows", f"{windows.version}{build}{level}" if windows.version else None),
            ("Product", windows.product_name),
            ("Edition", windows.edition),
            ("Installation", windows.installation_type),
            ("Architecture", windows.architecture),
            ("Languages", ", ".join(windows.languages) or None),
            ("Default language", windows.default_language),
            ("System root", windows.system_root),
        ]
    rows += _disk_rows(image, is_of_several=is_of_several)
    for label, value in rows:
        if value is not None:
            render.line(f"  {label + ':':<18}{value}")


def _disk_rows(image: ImageInfo, *, is_of_several: bool) -> list[tuple[str, object]]:
    from osdimage.imaging.units import format_size  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.wim.described.captured import Kept  # noqa: PLC0415

    disk = image.disk
    if disk is None:
        return [("Captured disk", None if image.disk_fault is None else f"cannot be used: {image.disk_fault}")]
    number = f" {disk.index}" if is_of_several or disk.index else ""
    rows: list[tuple[str, object]] = [(f"Captured disk{number}", f"{disk.scheme.upper()}, {format_size(disk.size)}")]
    for each in disk.partitions:
        lost = "contents not kept" if each.kept is Kept.NOTHING else None
        words = [each.type, each.filesystem, repr(each.label) if each.label else None, format_size(each.size), lost]
        text = ", ".join(word for word in words if word)
        rows.append((f"  Partition {each.index}", f"{text} (this image)" if each.captured else text))
    return rows
