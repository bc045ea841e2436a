"""Tables of computers as CSV, as ConfigMgr's Import Computer Information Wizard takes them.

By default there are no headings, and three columns: name, SMBIOS GUID, MAC address.  A first line with the heading
``Name``, and no cell that is a GUID or a MAC address, has headings, which say what the columns are.  A comma, a
semicolon or a tab is between the cells, as the first line has it; Excel writes each of them, and UTF-8 or UTF-16.

Sources: "How to Import New Computer Information" of Operating System Deployment in Configuration Manager 2007, and
``ImportMachineEntry`` of its SDK.  Chosen here: what ConfigMgr overwrites, a computer that is there twice, is a fault.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from osdimage.imaging.answers.settings import VALID_COMPUTER_NAMES, is_computer_name
from osdimage.imaging.documents import as_text
from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.inventory.addresses import parse_guid, parse_mac_addresses
from osdimage.imaging.inventory.columns import DEFAULT_COLUMNS, Column, ColumnKind, column_of, faults_of
from osdimage.imaging.inventory.computers import Computer, Inventory

MOST_COMPUTERS = 200_000
"""More than any site has; a table of more is something else."""
_MOST_COLUMNS = 1100
_DELIMITERS = ",;\t"
_SHOWN_FAULTS = 50
_SHOWN = 60
# Halves of characters, too, which no file of Linux and no variable holds.
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_T = TypeVar("_T")
_Row = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class TableForm:
    """What a table is like, where it does not say so itself.

    Attributes:
        columns: what they tell, or None: what the headings say, else :data:`DEFAULT_COLUMNS`.
        has_headings: whether the first line has them, or None: it is looked at.
        needs_ids: whether each computer has to have a GUID or a MAC address: disks of virtual machines need none.
        further: names of columns that are wanted besides.
    """

    columns: tuple[Column, ...] | None = None
    has_headings: bool | None = None
    needs_ids: bool = True
    further: tuple[str, ...] = ()


def read_table(data: bytes, form: TableForm | None = None, *, source: str) -> Inventory:
    """Return the computers of a table.

    Args:
        data: all that the file holds.
        form: what the table is like.
        source: what messages call it.

    Raises:
        InvalidRequest: when the form cannot be: columns without a name, or no columns for a table without headings.
        InvalidInput: when the table is not valid; tells of every line what is wrong with it.
    """
    form = form or TableForm()
    if form.columns is not None and (wrong := faults_of(form.columns)):
        raise InvalidRequest(f"columns: {'; '.join(wrong)}")
    faults: list[str] = []
    rows = _rows(as_text(data, source=source), faults)
    columns, rows = _columns(form, rows, faults)
    reading = _Reading(columns, form, faults)
    for line, row in rows:
        reading.add(line, row)
    if not faults and not reading.computers:
        faults.append("no computer is in it")
    if faults:
        many = f"{len(faults)} faults: " if len(faults) > 1 else ""
        more = f"; and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        raise InvalidInput(f"{source}: {many}{'; '.join(faults[:_SHOWN_FAULTS])}{more}")
    ignored = [each.called for each in columns if each.kind is ColumnKind.IGNORE and each.called]
    warnings = [f"{source}: columns that tell nothing here: {', '.join(map(_shown, ignored))}"] if ignored else []
    return Inventory(source, tuple(reading.computers), tuple(warnings))


def _rows(text: str, faults: list[str]) -> list[_Row]:
    """Return the lines that hold anything, each with its number; a cell may go over several lines."""
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    delimiter = max(_DELIMITERS, key=lambda each: (first.count(each), -_DELIMITERS.index(each)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: list[_Row] = []
    line = 1
    try:
        for row in reader:
            if any(each.strip() for each in row):
                found.append((line, [each.strip() for each in row]))
            line = reader.line_num + 1
            if len(found) > MOST_COMPUTERS:
                faults.append(f"line {line}: more than {MOST_COMPUTERS:,} computers")
                break
    except csv.Error as error:
        faults.append(f"line {line}: no CSV: {error}")
    return found


def _columns(form: TableForm, rows: list[_Row], faults: list[str]) -> tuple[tuple[Column, ...], list[_Row]]:
    """Return the columns, and the lines without that of the headings; no columns when they are not known."""
    first = rows[0][1] if rows else []
    told = tuple(column_of(each, form.further) for each in first)
    has_headings = form.has_headings
    if has_headings is None:
        has_headings = Column(ColumnKind.NAME) in told and not any(map(_is_id, first))
    if form.columns is not None or not has_headings:
        return form.columns or DEFAULT_COLUMNS, rows[1:] if has_headings else rows
    wrong = faults_of(told)
    if len(told) > _MOST_COLUMNS:
        wrong.append(f"more than {_MOST_COLUMNS} columns")
    if wrong:
        faults.extend(f"line {rows[0][0]}: {each}" for each in wrong)
        return (), []
    return told, rows[1:]


def _is_id(text: str) -> bool:
    for parse in (parse_guid, parse_mac_addresses):
        try:
            if text and parse(text):
                return True
        except ValueError:
            continue
    return False


@dataclass(slots=True)
class _Reading:
    """The computers that were read so far, and where what may be there only once was seen first."""

    columns: tuple[Column, ...]
    form: TableForm
    faults: list[str]
    computers: list[Computer] = field(default_factory=list)
    seen: dict[tuple[ColumnKind, str], tuple[int, str]] = field(default_factory=dict)

    def add(self, line: int, row: list[str]) -> None:
        """Take in a line, or what is wrong with it."""
        wrong = [*self._wrong_cells(row)]
        computer = self._computer(line, row, wrong)
        if not wrong:
            wrong.extend(self._repeated(computer))
        if not wrong:
            self.computers.append(computer)
        self.faults.extend(f"line {line}: {each}" for each in wrong)

    def _wrong_cells(self, row: list[str]) -> Iterator[str]:
        if len(row) > len(self.columns) and any(row[len(self.columns) :]):
            yield f"{len(row)} cells are more than the {len(self.columns)} columns"
        for column, cell in zip(self.columns, row, strict=False):
            if column.kind is not ColumnKind.IGNORE and _CONTROL.search(cell):
                yield f"the {column} holds the end of a line or another control character"

    def _computer(self, line: int, row: list[str], wrong: list[str]) -> Computer:
        cells = [(column, cell) for column, cell in zip(self.columns, row, strict=False) if cell]
        name = _parsed(cells, ColumnKind.NAME, _named, wrong)
        guid = _parsed(cells, ColumnKind.GUID, parse_guid, wrong)
        macs = _parsed(cells, ColumnKind.MAC, parse_mac_addresses, wrong)
        source = _parsed(cells, ColumnKind.SOURCE, _named, wrong)
        if not wrong:
            if name is None:
                wrong.append("the name is missing")
            if self.form.needs_ids and guid is None and not macs:
                wrong.append("there is neither an SMBIOS GUID nor a MAC address")
        variables = tuple((each.called, cell) for each, cell in cells if each.kind is ColumnKind.VARIABLE)
        further = tuple((each.called, cell) for each, cell in cells if each.kind is ColumnKind.FURTHER)
        return Computer(name or "", line, guid, macs or (), source, variables, further)

    def _repeated(self, computer: Computer) -> Iterator[str]:
        guids = [] if computer.smbios_guid is None else [str(computer.smbios_guid)]
        keys = [
            (ColumnKind.NAME, [computer.name]),
            (ColumnKind.GUID, guids),
            (ColumnKind.MAC, computer.mac_addresses),
        ]
        for kind, values in keys:
            for value in values:
                line, name = self.seen.setdefault((kind, value.lower()), (computer.line, computer.name))
                if line != computer.line:
                    yield f"the {kind} {_shown(value)} is that of {_shown(name)} in line {line}"


def _parsed(
    cells: Iterable[tuple[Column, str]], kind: ColumnKind, parse: Callable[[str], _T], wrong: list[str]
) -> _T | None:
    """Return what the cell of a column tells; None without one, and when it is wrong, which is added."""
    cell = next((cell for column, cell in cells if column.kind is kind), None)
    if cell is None:
        return None
    try:
        return parse(cell)
    except ValueError as error:
        wrong.append(f"the {kind} {_shown(cell)} {error}")
        return None


def _named(text: str) -> str:
    if not is_computer_name(text):
        raise ValueError(f"is none that a computer can have; valid: {VALID_COMPUTER_NAMES}")
    return text


def _shown(text: str) -> str:
    """Return a cell for a message: it may be long, or break the line."""
    clear = text if text.isprintable() else ascii(text)[1:-1]
    return quoted(clear if len(clear) <= _SHOWN else f"{clear[:_SHOWN]}...")
