"""What the verbs that make media show: one document and one text, whatever is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osdimage.cli import render
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from osdimage.cli.render import Reporter
    from osdimage.imaging.media.parts.medium import BootParts, Medium, PreparedImage


@dataclass(frozen=True, slots=True)
class Made:
    """A disc or stick that was made, or would be.

    Attributes:
        path: where it was written to.
        medium: what is on it.
        size_bytes: how large all of it is.
        number: which of its set it is, from 1.
        is_changed: whether it was there before, and only what differs was written.
    """

    path: Path
    medium: Medium
    size_bytes: int
    number: int = 1
    is_changed: bool = False


def report(
    made: Sequence[Made],
    reporter: Reporter,
    *,
    images: Sequence[PreparedImage],
    dry_run: bool,
    more: Mapping[str, object] | None = None,
) -> None:
    """Show media that were made, or would be.

    Args:
        made: each of them, the one that starts first.
        reporter: shows it.
        images: what was given for boot images, the one that starts by itself first.
        dry_run: whether nothing was written; then all files are shown, as with ``--verbose``.
        more: members of the document that are the command's own.
    """
    warnings = tuple(dict.fromkeys(text for each in made for text in each.medium.warnings))
    for text in warnings:
        reporter.warn(text)
    facts = _document(made, images) | dict(more or {}) | {"dry_run": dry_run, "warnings": warnings}
    show = reporter.answer if dry_run else reporter.result
    show(facts, *_lines(made, images, dry_run=dry_run))
    if not reporter.as_json and (dry_run or (reporter.verbose and not reporter.quiet)):
        for each in made:
            render.line("")
            _show_files(each)


def _document(made: Sequence[Made], images: Sequence[PreparedImage]) -> dict[str, object]:
    boot = made[0].medium.boot
    return {
        "media": [
            {
                "path": each.path,
                "label": each.medium.label,
                "number": each.number,
                "size_bytes": each.size_bytes,
                "files": [{"path": file.path, "size": file.size, "origin": file.origin} for file in each.medium.files],
            }
            for each in made
        ],
        "boot_images": [
            {
                "path": each.source,
                "index": each.index,
                "name": each.name,
                "architecture": each.architecture,
                "windows_version": each.version,
            }
            for each in images
        ],
        "boot": None
        if boot is None
        else {
            "firmware": sorted(boot.firmware),
            "architecture": boot.architecture or None,
            "signed": boot.signed,
            "bios_image": boot.bios_image,
            "uefi_image": boot.uefi_image,
        },
    }


def _lines(made: Sequence[Made], images: Sequence[PreparedImage], *, dry_run: bool) -> Iterator[str]:
    """Yield what is said of each, and of what starts from the first."""
    for each in made:
        verbs = ("holds", "would hold") if each.is_changed else ("wrote", "would write")
        done = verbs[dry_run]
        files = counted(len(each.medium.files), "file")
        yield f"{each.path}: {done} {files}, {format_size(each.size_bytes)}, label {each.medium.label}"
    for image in images:
        version = "" if image.version is None else f", Windows {image.version}"
        yield f"  boot image: {image.source}: {image.name!r}, {image.architecture}{version}"
    yield f"  starts: {_starts(made[0].medium.boot)}"


def _starts(boot: BootParts | None) -> str:
    from osdimage.imaging.boot.firmware import Firmware  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.media.parts.medium import SignedBy  # noqa: PLC0415

    if boot is None or not boot.firmware:
        return "nothing"
    named = " and ".join(each.name for each in (Firmware.BIOS, Firmware.UEFI) if each in boot.firmware)
    architecture = f" ({boot.architecture})" if boot.architecture else ""
    if Firmware.UEFI not in boot.firmware:
        return f"{named}{architecture}"
    unknown = boot.signed is SignedBy.UNKNOWN
    signed = "it is not known who signed its loader" if unknown else f"its loader is signed with {boot.signed.called}"
    return f"{named}{architecture}; {signed}"


def _show_files(made: Made) -> None:
    rows = [[each.path, f"{each.size:,}", each.origin] for each in made.medium.files]
    render.table((f"File of {made.path.name}", "Bytes", "From"), rows, right=(1,), drop=(1,), below=2)
