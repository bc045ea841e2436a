"""A computer as a document: what is kept of it with the state of a run, so that a sequence goes on after a restart."""

from __future__ import annotations

import os
from pathlib import Path

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disk.layouts.layout import MAX_DISK_INDEX
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.documents import Fields, checked_number, reason_of
from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.tasksequence.computer.machine import LoadedHive, Machine
from osdimage.imaging.tasksequence.computer.paths import LONGEST_NAME_BYTES, is_too_long
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.computer.system import TargetSystem
from osdimage.imaging.tasksequence.computer.volumes import LETTERS, Place
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.staging.staged import StagedStep
from osdimage.imaging.tasksequence.state import read_state, require_format, write_state

_FORMAT = "osdimage-task-sequence-machine"
_VERSION = 1


def machine_document(machine: Machine) -> dict[str, object]:
    """Return all but a rehearsal's plans as plain values for JSON."""
    system, opening = machine.system, machine.opening
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "disks": {str(index): str(path) for index, path in machine.disks.items()},
        "packages": {name: str(path) for name, path in machine.packages.items()},
        "shares": {name: str(path) for name, path in machine.shares.items()},
        "driver_packages": machine.driver_packages,
        "catalog": None if machine.catalog is None else str(machine.catalog),
        "devices": list(machine.devices),
        "at_first_start": machine.at_first_start,
        "allows_modified": machine.allows_modified,
        "firmware": machine.firmware.value,
        "sector_size": opening.sector_size,
        "allow_linked": opening.allow_linked,
        "replay_log": opening.replay_log,
        "letters": {letter: [place.disk, place.partition] for letter, place in machine.letters.items()},
        "used": [[place.disk, place.partition] for place in machine.used],
        "system": None
        if system is None
        else {"place": [system.place.disk, system.place.partition], "windows": system.windows.to_document()},
        "supplies": machine.supplies.to_document(),
        "phase": machine.phase.value,
        "is_set_up": machine.is_set_up,
        "has_started": machine.has_started,
        "staged": [each.to_document() for each in machine.staged],
        "installs_drivers": machine.installs_drivers,
        "unsure": sorted(machine.unsure),
        "hives": {key: [each.place.disk, each.place.partition, each.path] for key, each in machine.hives.items()},
    }


def machine_of(document: object, *, source: str) -> Machine:
    """Make a machine of what :func:`machine_document` returned.

    Raises:
        InvalidDocument: when it is not such a document, or of another version.
    """
    try:
        fields = Fields.of(document)
        require_format(fields, _FORMAT, _VERSION, source=source, what="a saved machine")
        system, letters = fields.fields_or_none("system"), fields.fields("letters")
        # Machines of before there were drivers, and those of before there was a first start, have none of it.
        has = fields.values.__contains__
        catalog = fields.text_or_none("catalog") if has("catalog") else None
        return Machine(
            disks={_disk(index): path for index, path in _paths(fields, "disks").items()},
            packages=_paths(fields, "packages"),
            shares=_paths(fields, "shares"),
            driver_packages=fields.named_texts("driver_packages") if has("driver_packages") else {},
            catalog=Path(catalog) if catalog is not None else None,
            devices=tuple(fields.texts("devices")) if has("devices") else (),
            at_first_start=has("at_first_start") and fields.truth("at_first_start"),
            allows_modified=has("allows_modified") and fields.truth("allows_modified"),
            firmware=fields.parsed("firmware", Firmware, "uefi or bios"),
            opening=_opening(fields),
            letters={_letter(each): _place(letters.given(each), letters.at(each)) for each in letters.values},
            used=[_place(value, place) for place, value in fields.items("used")],
            system=None
            if system is None
            else TargetSystem(
                _place(system.given("place"), system.at("place")),
                WindowsFacts.from_fields(system.fields("windows")),
            ),
            supplies=Supplies.from_fields(fields.fields("supplies")) if has("supplies") else Supplies(),
            phase=fields.parsed("phase", Phase, f"one of {', '.join(Phase)}") if has("phase") else Phase.PE,
            is_set_up=has("is_set_up") and fields.truth("is_set_up"),
            has_started=has("has_started") and fields.truth("has_started"),
            staged=list(map(StagedStep.from_fields, fields.each("staged"))) if has("staged") else [],
            installs_drivers=has("installs_drivers") and fields.truth("installs_drivers"),
            unsure=set(fields.texts("unsure")) if has("unsure") else set(),
            hives=_hives(fields.fields("hives")) if has("hives") else {},
        )
    except ValueError as error:
        raise InvalidDocument(f"{source} is damaged: {reason_of(error)}") from error


def save_machine(machine: Machine, path: str | os.PathLike[str]) -> None:
    """Write a machine to a file that only its owner can read, complete or not at all; secrets may be in it.

    Raises:
        StorageError: when it cannot be written.
    """
    path = Path(path)
    write_state(path, machine_document(machine))


def load_machine(path: str | os.PathLike[str]) -> Machine:
    """Read a machine from a file.

    Raises:
        StorageError: when it cannot be read.
        InvalidDocument: as :func:`machine_of`.
    """
    path = Path(path)
    return machine_of(read_state(path).values, source=str(path))


def _paths(fields: Fields, name: str) -> dict[str, Path]:
    found = fields.named_texts(name)
    if any(is_too_long(part) for path in found.values() for part in path.split("/")):
        raise ValueError(f"{fields.at(name)} has a path with a name of more than {LONGEST_NAME_BYTES} bytes")
    return {each: Path(path) for each, path in found.items()}


def _opening(fields: Fields) -> Opening:
    """Return how the disks are opened; machines of before there was such a choice have none of it."""
    has = fields.values.__contains__
    return Opening(
        fields.number_or_none("sector_size", 512, 4096) if has("sector_size") else None,
        allow_linked=has("allow_linked") and fields.truth("allow_linked"),
        replay_log=has("replay_log") and fields.truth("replay_log"),
    )


def _disk(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= MAX_DISK_INDEX):
        raise ValueError(f"a disk has a number that none has; valid are 0 to {MAX_DISK_INDEX}")
    return int(text)


def _place(value: object, place: str) -> Place:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{place} is not valid; expected are the numbers of a disk and of a partition")
    disk, partition = (checked_number(each, place) for each in value)
    return Place(disk, partition)


def _hives(fields: Fields) -> dict[str, LoadedHive]:
    return {key: _hive(fields.given(key), fields.at(key)) for key in fields.values}


def _hive(value: object, place: str) -> LoadedHive:
    if not (isinstance(value, list) and len(value) == 3 and isinstance(value[2], str)):
        raise ValueError(f"{place} is not valid; expected are the numbers of a disk and of a partition, and a path")
    return LoadedHive(_place(value[:2], place), value[2])


def _letter(value: str) -> str:
    if value not in LETTERS or len(value) != 1:
        raise ValueError(f"a volume has a letter that is none; valid are {LETTERS}")
    return value
