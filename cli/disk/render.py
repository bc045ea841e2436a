"""A disk for people: a table of its partitions, and a picture of it in proportion.

The picture has colours on a terminal and none elsewhere, or when NO_COLOR is set; where the output cannot hold the box
characters it is made of ASCII.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from osdimage.cli import render, streams
from osdimage.imaging.disk import roles
from osdimage.imaging.disk.bitlocker.facts import Condition
from osdimage.imaging.disk.containers.facts import ContainerFacts, shown
from osdimage.imaging.disk.held import VolumeInfo
from osdimage.imaging.disk.roles import Role, Scheme
from osdimage.imaging.disk.tables.table import Partition, PartitionTable, Space, SpaceKind
from osdimage.imaging.units import format_size

if TYPE_CHECKING:
    from osdimage.imaging.disk.target import DiskTarget

Volumes = Mapping[int, VolumeInfo]

# Corners and joints from left to right above, the side, those below, the line, the shade of free space.
_BOX, _ASCII = tuple("┌┬┐│└┴┘─░"), tuple("+++|+++-.")
_PLAIN_WIDTH, _MAX_WIDTH = 80, 120
_ROW_CELLS = 12
_COLOURS = {
    Role.EFI: ("black", "magenta"),
    Role.MSR: ("white", "bright_black"),
    Role.RECOVERY: ("black", "yellow"),
    Role.HIDDEN: ("black", "cyan"),
}
_WINDOWS, _OTHER = ("white", "blue"), ("black", "green")


def show_disk(name: str, table: PartitionTable, volumes: Volumes) -> None:
    """Print the headline, the picture and the table of partitions."""
    headline(name, table)
    for text in picture(table, volumes):
        render.out(text, color=wants_colour())
    rows(table, volumes)


def headline(name: str, table: PartitionTable) -> None:
    """Print what the disk is."""
    identity = f"disk GUID {table.disk_guid}"
    if table.scheme is Scheme.MBR:
        identity = f"disk signature {table.disk_signature or 0:08x}"
    size = format_size(table.geometry.size_bytes)
    sectors = f"sectors of {table.geometry.sector_size} bytes"
    parts = (f"{size} ({table.geometry.size_bytes} bytes)", table.scheme.upper(), identity, sectors)
    text = f"{name}: {', '.join(parts)}"
    columns = streams.terminal_width()
    if columns is None or len(text) <= columns:
        render.line(text)
        return
    # A line for each fact: where the terminal ends is in the middle of a word.
    render.line(f"{name}:")
    for part in parts:
        render.line(f"  {part}")


def rows(table: PartitionTable, volumes: Volumes) -> None:
    """Print the table of partitions and what is free."""
    headings = ("#", "Start", "Sectors", "Size", "Type", "File system", "Label", "Flags")
    cells = []
    for partition in table.partitions:
        volume = _volume(partition, volumes)
        cells.append(
            (
                str(partition.number),
                str(partition.extent.first),
                str(partition.extent.count),
                format_size(table.size_bytes(partition)),
                _type_text(partition),
                volume.kind.called if volume.kind is not None else "-",
                volume.label or "-",
                ", ".join(_flags(partition)) or "-",
            )
        )
    render.table(headings, cells, right=(0, 1, 2, 3), drop=(2, 1, 7, 5))
    free = [space.extent.count for space in table.spaces() if space.kind is SpaceKind.FREE]
    if free:
        size = format_size(sum(free) * table.geometry.sector_size)
        largest = format_size(max(free) * table.geometry.sector_size)
        render.line(f"free: {size}, the largest piece {largest}" if len(free) > 1 else f"free: {size}")


def encryptions(table: PartitionTable, volumes: Volumes) -> None:
    """Print how partitions are encrypted, and what opens them."""
    for partition in table.partitions:
        encryption = _volume(partition, volumes).encryption
        if encryption is None:
            continue
        method = "" if encryption.method is None else f" ({encryption.method})"
        if encryption.condition is Condition.SUSPENDED:
            said = "is suspended; it is read without a key"
            if encryption.opened_by:
                said += f"; what else opens it: {encryption.opened_by}"
        else:
            said = encryption.closed_because
        render.line(f"partition {partition.number}: BitLocker{method} {said}")
        for fault in encryption.faults[: None if encryption.method else 0]:
            render.line(f"partition {partition.number}: {fault}")


def container(facts: ContainerFacts) -> None:
    """Print what the file says of itself that the disk is in."""
    parts = [facts.form.called + ("" if facts.variant is None else f" ({facts.variant})")]
    if facts.creator is not None:
        parts.append(f"made by {facts.creator}")
    for each in facts.links:
        form = "" if each.form is None else f" ({each.form})"
        parts.append(f"{each.role} {shown(each.name)}{form}")
    if facts.is_compressed:
        parts.append("compressed")
    render.line(f"file: {', '.join(parts)}")
    for snapshot in facts.snapshots:
        created = datetime.fromtimestamp(snapshot.seconds, UTC)
        render.line(f"snapshot {shown(snapshot.identifier)}: {shown(snapshot.name)}, {created:%Y-%m-%d %H:%M:%S} UTC")


def foreign(table: PartitionTable, volumes: Volumes) -> None:
    """Print what reads that which osdimage does not look into, and which partitions are not empty for all that."""
    for partition in table.partitions:
        volume = _volume(partition, volumes)
        if volume.is_unknown:
            render.line(f"partition {partition.number}: it is not empty, and holds {volume.said}")
        elif volume.kind is not None and volume.said != volume.kind.described:
            render.line(f"partition {partition.number}: {volume.said}")


def identifiers(table: PartitionTable) -> None:
    """Print the numbers by which Windows knows the partitions."""
    windows = table.windows_numbers()
    cells = [
        (
            str(partition.number),
            str(windows.get(partition.number, "-")),
            str(partition.guid or "-"),
            roles.format_type(partition.type_id),
            partition.name or "-",
        )
        for partition in table.partitions
    ]
    render.line()
    render.table(("#", "Windows #", "GUID", "Type", "Name"), cells, right=(0, 1), drop=(3, 4))


def _type_text(partition: Partition) -> str:
    if isinstance(partition.type_id, int):
        return f"{roles.format_type(partition.type_id)} {partition.type_label}"
    return partition.type_label


def _flags(partition: Partition) -> list[str]:
    words = ["active"] if partition.active else []
    if partition.is_logical:
        words.append("logical")
    return words + list(roles.attribute_words(partition.attributes))


def _volume(partition: Partition, volumes: Volumes) -> VolumeInfo:
    """Return what a partition holds, or what is planned for it."""
    if partition.number in volumes:
        return volumes[partition.number]
    if partition.spec is None or partition.spec.filesystem is None:
        return VolumeInfo()
    return VolumeInfo(partition.spec.filesystem.content, partition.spec.label)


# ---- the picture ----


@dataclass(frozen=True, slots=True)
class _Cell:
    """A stretch of the picture."""

    sectors: int
    lines: tuple[str, str, str]
    colours: tuple[str, str] | None
    in_extended: bool

    @property
    def comfort(self) -> int:
        return min(14, max(map(len, self.lines)) + 1)


def wants_colour() -> bool:
    """Tell whether stdout is a terminal that shows colours and the user has not declined them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def picture(table: PartitionTable, volumes: Volumes) -> list[str]:
    """Draw the disk: each partition as wide as its share, but wide enough to be read."""
    cells = _cells(table, volumes)
    if not cells:
        return []
    width = min(shutil.get_terminal_size((_PLAIN_WIDTH, 24)).columns, _MAX_WIDTH)
    lines: list[str] = []
    most = max(1, min(_ROW_CELLS, width // 6))
    # Rows of equal length: a last row of one cell would look as large as the others together.
    per_row = -(-len(cells) // -(-len(cells) // most))
    for start in range(0, len(cells), per_row):
        lines += _row(cells[start : start + per_row], width)
    return lines


def _cells(table: PartitionTable, volumes: Volumes) -> list[_Cell]:
    # What alignment leaves over is no news; it would be wider in the picture than it is.
    trifle = max(table.geometry.sectors // 200, 1)
    cells = []
    for space in table.spaces():
        if space.kind is SpaceKind.EXTENDED or (space.kind is SpaceKind.FREE and space.extent.count < trifle):
            continue
        cells.append(_cell(table, space, volumes))
    return cells


def _cell(table: PartitionTable, space: Space, volumes: Volumes) -> _Cell:
    size = format_size(space.extent.count * table.geometry.sector_size)
    partition = space.partition
    if space.kind is SpaceKind.FREE or partition is None:
        return _Cell(space.extent.count, ("free", "", size), None, partition is not None)
    volume = _volume(partition, volumes)
    title = volume.label or _title(partition, volume)
    kind = volume.kind.called if volume.kind is not None else ""
    if partition.active:
        kind = f"{kind} active".lstrip()
    lines = (f"{partition.number} {render.printable(title)}", kind, size)
    return _Cell(space.extent.count, lines, _colours(partition), partition.is_logical)


def _title(partition: Partition, volume: VolumeInfo) -> str:
    if partition.name and partition.name not in roles.GPT_NAMES.values():
        return partition.name
    short = {Role.EFI: "EFI", Role.MSR: "MSR", Role.RECOVERY: "Recovery", Role.HIDDEN: "Hidden"}
    role = partition.role
    if isinstance(partition.type_id, int) and volume.kind is not None and role is not None:
        # The type of an MBR partition says what it holds, which the next line says again.
        return short.get(role, role.value)
    return partition.type_label if role is None else short.get(role, partition.type_label)


def _colours(partition: Partition) -> tuple[str, str]:
    role = partition.role
    if role in _COLOURS:
        return _COLOURS[role]
    return _WINDOWS if role in {Role.PRIMARY, Role.LOGICAL} else _OTHER


def _row(cells: Sequence[_Cell], width: int) -> list[str]:
    widths = _widths(cells, width - len(cells) - 1)
    marks = _BOX if streams.holds("".join(_BOX)) else _ASCII
    left, middle, right, side, low_left, low_middle, low_right, dash, shade = marks
    colour = wants_colour()
    lines = [left + middle.join(dash * each for each in widths) + right]
    for level in range(3):
        texts = [_fill(cell, level, each, shade, colour) for cell, each in zip(cells, widths, strict=True)]
        lines.append(side + side.join(texts) + side)
    lines.append(low_left + low_middle.join(dash * each for each in widths) + low_right)
    if any(cell.in_extended for cell in cells):
        lines.append(_bracket(cells, widths, marks))
    return lines


def _fill(cell: _Cell, level: int, width: int, shade: str, colour: bool) -> str:
    text = cell.lines[level]
    if len(text) > width:
        text = streams.shortened(text, width)
    if cell.colours is None:
        padded = f"{text} ".ljust(width, shade)[:width] if text else shade * width
        return click.style(padded, dim=True) if colour else padded
    padded = text.ljust(width)
    front, back = cell.colours
    return click.style(padded, fg=front, bg=back, bold=level == 0) if colour else padded


def _bracket(cells: Sequence[_Cell], widths: Sequence[int], marks: Sequence[str]) -> str:
    """Draw under the logical partitions what holds them."""
    at, begin, end = 0, None, 0
    for cell, width in zip(cells, widths, strict=True):
        if cell.in_extended:
            begin = at if begin is None else begin
            end = at + width + 1
        at += width + 1
    span = end - (begin or 0)
    return " " * (begin or 0) + marks[4] + " extended ".center(span - 1, marks[7]) + marks[6]


def _widths(cells: Sequence[_Cell], room: int) -> list[int]:
    """Share ``room`` columns: in proportion, but none narrower than it can be read in, as far as there is room."""
    least = [cell.comfort for cell in cells]
    while sum(least) > room and max(least) > 1:
        widest = max(least)
        least = [min(each, widest - 1) for each in least]
    widths, open_cells, left = list(least), set(range(len(cells))), room
    while open_cells:
        total = sum(cells[index].sectors for index in open_cells)
        narrow = {index for index in open_cells if left * cells[index].sectors < least[index] * total}
        if not narrow:
            break
        left -= sum(least[index] for index in narrow)
        open_cells -= narrow
    total = sum(cells[index].sectors for index in open_cells)
    for index in open_cells:
        widths[index] = left * cells[index].sectors // total
    # What rounding leaves goes to the largest.
    largest = max(range(len(cells)), key=lambda index: cells[index].sectors)
    widths[largest] += max(0, room - sum(widths))
    return widths


def show_losses(target: DiskTarget) -> None:
    """Show, before a question, what a new table takes from a disk."""
    from osdimage.imaging.disk.init import losses  # noqa: PLC0415 - only a person pays for it
    from osdimage.imaging.disk.tables.read import read_table  # noqa: PLC0415

    lost = list(losses(target, read_table(target)))
    render.line()
    render.line("This will be lost:" if lost else "No partition is on the disk.")
    for text in lost:
        render.line(f"  {text}")
