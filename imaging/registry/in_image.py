r"""A registration file as commands that change hives of an image, within an update of other files of it.

Which hive a key is in is told by its path: ``HKEY_LOCAL_MACHINE\SOFTWARE\...`` is in SOFTWARE.  What is of a user
(``HKEY_CURRENT_USER``) may be in any of several hives, one of which has to be named.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.registry.beside import log_paths, logs_of, read_with_logs, with_empty_logs
from osdimage.imaging.registry.edits import KNOWN_HIVES, full_path, hive_path, import_edits, registry_prefix
from osdimage.imaging.registry.names import fold
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.registry.reg_file import Edit, read_reg
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.wim.edited.commands import Contents, EditFiles

_NAME_IT = Remedy("name it with {}", (Means.HIVE,))


def reg_commands(
    file: str | os.PathLike[str],
    *,
    hive: str | None = None,
    now: datetime | None = None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> tuple[EditFiles, ...]:
    r"""Return what carries out a registration file: a command for each hive that it concerns.

    Args:
        file: the registration file.
        hive: ``SYSTEM`` and the like, or a path in the image such as ``Users\x\NTUSER.DAT``; None for those that the
            keys tell.
        now: the time of what is changed; None leaves all times as they are.
        on_warning: called with what is wrong with a hive, when the command is carried out.

    Raises:
        InvalidInput: when it is no registration file.
        InvalidRequest: when a key does not tell its hive, and none is named.
        StorageError: when it cannot be read.
    """
    file = Path(file)
    edits = read_reg(file)
    if hive is not None:
        return (_of_file(file, hive, edits, now, on_warning),) if edits else ()
    by_hive: dict[str, list[Edit]] = {}
    for edit in edits:
        by_hive.setdefault(_hive_of(file, edit), []).append(edit)
    return tuple(_of_file(file, name, found, now, on_warning) for name, found in by_hive.items())


def edit_command(
    hive: str,
    edits: Sequence[Edit],
    *,
    now: datetime | None = None,
    on_warning: Callable[[str], None] = lambda _: None,
    name: str = "edits",
) -> EditFiles:
    """Return what carries out edits in a hive, all of whose keys are of it.

    Args:
        hive: as of :func:`reg_commands`.
        edits: what is done.
        now: as there.
        on_warning: as there.
        name: what errors call the edits.
    """
    path, prefix = hive_path(hive), registry_prefix(hive)

    def change(old: Contents) -> Contents:
        found = read_with_logs(old[path], lambda: logs_of(path, old), name=path)
        for text in found.warnings:
            on_warning(text)
        if found.is_dirty:
            # Refused before the change is tried.
            write_hive(found)
        import_edits(found, edits, prefix, name=name)
        return with_empty_logs(path, old, write_hive(found, now=now), found) if found.is_changed else {}

    return EditFiles((path, *log_paths(path)), change, MAX_HIVE_BYTES)


def _hive_of(file: Path, edit: Edit) -> str:
    path = fold(full_path(edit.key))
    for name, prefix in KNOWN_HIVES.items():
        folded = fold(prefix)
        if path == folded or path.startswith(f"{folded}\\"):
            return name
    raise InvalidRequest(
        f"{file}: line {edit.line}: the key {quoted(edit.key)} does not tell which hive of the image it is in",
        remedy=_NAME_IT,
    )


def _of_file(
    file: Path, hive: str, edits: Sequence[Edit], now: datetime | None, on_warning: Callable[[str], None]
) -> EditFiles:
    made = edit_command(hive, edits, now=now, on_warning=on_warning, name=str(file))
    return replace(made, source=file, origin=str(file))
