"""``osdimage bootimage show``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.render import Reporter
from osdimage.cli.source import open_wim
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from osdimage.imaging.media.bootimage.facts import Background, BootImage


@click.command("show")
@click.argument("wim", type=values.WIM)
@params.references
@params.output(events=False)
def show_command(wim: Path, refs: tuple[str, ...], reporter: Reporter) -> None:
    """Show what each image of WIM starts, and what is set in it and was added.

    That is which one the WIM starts, its architecture and version, startnet.cmd, winpeshl.ini, the prestart command,
    scratch space, background, answer files, drivers and, with --verbose, its components.
    """
    from osdimage.imaging.media.bootimage.reading import read_boot_images  # noqa: PLC0415 - start-up stays cheap

    with open_wim(wim, reporter, check=False, refs=refs) as (opened, _):
        images = read_boot_images(opened)
        boot_index, size = opened.header.boot_index, opened.header.file_size
    for image in images:
        for text in image.warnings:
            reporter.warn(text)
    facts = {"path": wim, "file_size": size, "boot_index": boot_index, "images": images}
    lines = [f"{wim}: {counted(len(images), 'image')}, {format_size(size)}; {_starts(boot_index)}"]
    for image in images:
        lines += ["", *_lines(image, verbose=reporter.verbose)]
    reporter.answer(render.to_plain(facts), *lines)


def _starts(index: int | None) -> str:
    return "no image is marked as the one that starts" if index is None else f"image {index} starts"


def _lines(image: BootImage, *, verbose: bool) -> Iterator[str]:
    told = [image.kind.called, image.version or "version not known", image.architecture or "architecture not known"]
    told += [*image.languages, format_size(image.size), *(["starts"] if image.is_boot else [])]
    yield f"Image {image.index} {image.name!r}: {', '.join(told)}"
    if not image.kind.is_windows_pe:
        return
    rows = [("starts", _started(image))]
    rows += [("startnet", line) for line in (image.startnet or "").splitlines() if line.strip()]
    rows += [("winpeshl", f"{each.program} {each.options}".rstrip()) for each in image.launched or ()]
    rows.append(("prestart", image.prestart or "none"))
    rows.append(("scratch space", "Windows PE chooses" if image.scratch_mb is None else f"{image.scratch_mb} MB"))
    rows.append(("background", _background(image.background)))
    rows += [("answer file", path) for path in image.answer_files]
    rows += [("driver", f"{each.inf} ({each.way.called})") for each in image.drivers]
    installed = sorted({each.name for each in image.components if each.is_installed})
    rows.append(("components", f"{counted(len(installed), 'package')} installed"))
    if verbose:
        rows += [("component", name) for name in installed]
    for name, value in rows:
        yield f"  {name + ':':<15} {value}"


def _started(image: BootImage) -> str:
    """Say what winpeshl.exe starts, by the rule that the manual and others' tools tell."""
    drivers = ", which loads the drivers first" if image.calls_drivers else ""
    if image.launched is not None:
        return f"what winpeshl.ini names{drivers}"
    if image.setup is not None:
        return f"\\{image.setup.replace('/', chr(92))}"
    if image.startnet is not None:
        return f"startnet.cmd{drivers}"
    return "a command prompt"


def _background(found: Background) -> str:
    there = "none" if found.path is None else f"{found.path} ({format_size(found.size)})"
    return there if found.registered is None else f"{there}; the registry names {found.registered}"
