"""``osdimage media show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render
from osdimage.cli.media import params as media_params
from osdimage.cli.render import Reporter
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from osdimage.imaging.disc.eltorito import BootEntry
    from osdimage.imaging.disc.facts import TreeFacts, TreeKind
    from osdimage.imaging.disc.opened import Disc


@click.command("show")
@click.argument("disc", type=media_params.DISC)
@media_params.tree
@params.output(events=False)
def show_command(disc: Path, tree: TreeKind | None, reporter: Reporter) -> None:
    """Show what DISC, an ISO file or a drive, is: its trees of files, its label, and what firmware starts from it."""
    from osdimage.imaging.disc.opened import open_disc  # noqa: PLC0415 - start-up stays cheap

    with open_disc(disc, tree=tree) as opened:
        entries = opened.boot_entries()
    if reporter.as_json:
        render.document(_document(disc, opened, entries))
        return
    for text in opened.notes:
        reporter.warn(f"{disc}: {text}")
    _show(opened, entries)


def _show(disc: Disc, entries: tuple[BootEntry, ...]) -> None:
    label = f", label {disc.label}" if disc.label else ", no label"
    render.line(f"{disc.name}: {disc.facts.called}{label}, {format_size(disc.size_bytes)}")
    rows = [
        [each.called, each.label or "-", f"{each.block_bytes:,}", "read" if each is disc.facts else "-"]
        for each in disc.trees
    ]
    render.line("")
    render.table(("Files in", "Label", "Block", ""), rows, right=(2,))
    render.line("")
    if not entries:
        render.line("No firmware starts it.")
        return
    rows = [
        [
            _platform(each.platform),
            "yes" if each.is_bootable else "no",
            _emulation(each.emulation),
            counted(each.sectors, "sector"),
            f"{each.offset:,}",
            each.path or "(no file)",
        ]
        for each in entries
    ]
    render.table(("Firmware", "Boots", "Shown as", "Loaded", "At byte", "File"), rows, right=(3, 4), drop=(4, 1))


def _document(path: Path, disc: Disc, entries: tuple[BootEntry, ...]) -> dict[str, object]:
    return {
        "disc": path,
        "size_bytes": disc.size_bytes,
        "tree": disc.facts.kind,
        "label": disc.label,
        "trees": [_tree_facts(each) for each in disc.trees],
        "boot_entries": [
            {
                "platform": _platform(each.platform).lower(),
                "is_bootable": each.is_bootable,
                "emulation": _emulation(each.emulation),
                "load_segment": each.load_segment,
                "system_type": each.system_type,
                "sectors": each.sectors,
                "offset_bytes": each.offset,
                "path": each.path,
            }
            for each in entries
        ],
        "warnings": disc.notes,
    }


def _tree_facts(facts: TreeFacts) -> dict[str, object]:
    return {
        "tree": facts.kind,
        "revision": facts.revision,
        "label": facts.label,
        "block_bytes": facts.block_bytes,
        "end_bytes": facts.end,
    }


def _platform(number: int) -> str:
    from osdimage.imaging.disc.eltorito import Platform  # noqa: PLC0415 - start-up stays cheap

    names = {Platform.BIOS: "BIOS", Platform.POWERPC: "PowerPC", Platform.MAC: "Mac", Platform.UEFI: "UEFI"}
    return names[Platform(number)] if number in set(Platform) else f"{number:#04x}"


def _emulation(number: int) -> str:
    from osdimage.imaging.disc.eltorito import Emulation  # noqa: PLC0415 - start-up stays cheap

    names = {
        Emulation.NONE: "no-emulation",
        Emulation.FLOPPY_1200K: "floppy-1200k",
        Emulation.FLOPPY_1440K: "floppy-1440k",
        Emulation.FLOPPY_2880K: "floppy-2880k",
        Emulation.HARD_DISK: "hard-disk",
    }
    return names[Emulation(number)] if number in set(Emulation) else f"{number:#04x}"
