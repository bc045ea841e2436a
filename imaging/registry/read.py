"""The bytes of a hive -> keys and values when they are asked for, believing nothing; see ``hive_file.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry import cells
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.hive_file import Fault, HiveFile
from osdimage.imaging.registry.replay import Replay, numbered

if TYPE_CHECKING:
    from construct import Container


def read_hive(data: bytes, *, name: str = "hive", replay: Replay | None = None) -> Hive:
    """Read a hive of version 1.3 to 1.6.

    Keys and values are read when they are asked for; so are the warnings of the hive, which tell of what was damaged
    there.  Memory and time are bounded by the size of the file, whatever is in it.

    Args:
        data: the whole file.
        name: what messages call it.
        replay: what came of its logs, when it was not closed and they were looked at: its data are read then, in place
            of the file's (:func:`~osdimage.imaging.registry.beside.read_with_logs`).

    Raises:
        InvalidInput: when it is not a hive, or its root cannot be read.  Reading keys raises it too when cells overlap
            so that they would take more memory than the file is worth.
    """
    is_unclosed = replay is not None
    if replay is not None:
        data = replay.data
    header = _read_header(data, name)
    file = HiveFile(data, header.Length, header.Minor, name)
    dirty = _why_dirty(header, data, replay)
    if dirty is not None:
        file.warn(f"dirty: {dirty}")
    for text in () if replay is None else replay.left_out:
        file.warn(text)
    file.check_bins(header.Length)
    try:
        root = file.key(header.RootCell, "", None)
    except Fault as fault:
        raise InvalidInput(f"{name}: damaged hive: its root: {fault}") from fault
    file.tell_of_root(root)
    block = data[: cells.BASE_BLOCK_BYTES]
    return Hive(
        root,
        block if replay is None else numbered(block, replay.newest),
        is_dirty=dirty is not None,
        is_unclosed=is_unclosed or dirty is not None,
        replayed=None if replay is None else replay.done,
        warnings=lambda: file.warnings,
    )


def _why_dirty(header: Container, data: bytes, replay: Replay | None) -> str | None:
    """Return why changes are missing in a hive that Windows would need, or None when none are."""
    if replay is not None and replay.done is not None:
        return replay.missing and f"it is not whole {replay.done}: {replay.missing}"
    faults = []
    if header.CheckSum != cells.checksum(data[: cells.BASE_BLOCK_BYTES]):
        faults.append("the checksum of its first block is wrong")
    if header.Sequence1 != header.Sequence2:
        faults.append(f"its sequence numbers are {header.Sequence1} and {header.Sequence2}")
    if not faults:
        return None
    more = "" if replay is None else f", {replay.missing}"
    return f"{' and '.join(faults)}: its last changes are in its log files (.LOG1, .LOG2){more}"


def _read_header(data: bytes, name: str) -> Container:
    if len(data) < cells.BASE_BLOCK_BYTES or data[:4] != b"regf":
        raise InvalidInput(f"{name}: not a registry hive: it does not begin with 'regf' and 4 KiB of header")
    header = cells.BASE_BLOCK_STRUCT.parse(data[: cells.BASE_BLOCK_BYTES])
    if header.Major != 1 or not 3 <= header.Minor <= 6:
        raise InvalidInput(f"{name}: hive of version {header.Major}.{header.Minor}; 1.3 to 1.6 can be read")
    if header.Type != 0 or header.Format != 1:
        raise InvalidInput(
            f"{name}: file type {header.Type}, format {header.Format}: not a hive; its log files have type 1 or 6"
        )
    return header
