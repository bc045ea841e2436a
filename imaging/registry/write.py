"""A tree of keys -> the bytes of a hive: a new one, or what was changed of one that was read."""

from __future__ import annotations

from datetime import datetime

from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, TargetRefused
from osdimage.imaging.filetime import from_datetime
from osdimage.imaging.registry import cells
from osdimage.imaging.registry.bins import Bins, Records
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.hive_file import HiveFile
from osdimage.imaging.registry.patch import Patch, first_block
from osdimage.imaging.registry.security import KEY_ALL_ACCESS, descriptor

_MINORS = range(3, 7)


def new_hive(
    root_name: str,
    *,
    file_name: str = "",
    minor: int = 5,
    security: bytes | None = None,
    now: datetime | None = None,
) -> Hive:
    """Make an empty hive.

    Args:
        root_name: the name of the root key; Windows ignores it.
        file_name: what Windows notes of the path in the base block, for people only; its last 31 units are kept.
        minor: 3 (BCD stores) to 6: the version is 1.minor.
        security: the descriptor of the root, which new keys inherit; None: Administrators and SYSTEM do all.
        now: the time of the hive and its root; None: none.

    Raises:
        InvalidRequest: for another version.
    """
    timestamp = from_datetime(now) if now is not None else 0
    header = _new_header(file_name, minor, timestamp)
    root = Key(root_name, security=security or descriptor(KEY_ALL_ACCESS, inherited=True), flags=0x000C)
    root.timestamp = timestamp
    return Hive(root, header)


def _new_header(file_name: str, minor: int, timestamp: int) -> bytes:
    """Return the base block of a hive that was never written."""
    if minor not in _MINORS:
        raise InvalidRequest(f"hives of version 1.{minor} are not written; valid are 1.3 to 1.6")
    # The name ends with a NUL inside its field.
    tail = file_name.encode("utf-16-le", "surrogatepass")[-(cells.NAME_BYTES - 2) :]
    block: bytes = cells.BASE_BLOCK_STRUCT.build(
        {
            "Signature": b"regf",
            "Sequence1": 0,
            "Sequence2": 0,
            "TimeStamp": timestamp,
            "Major": 1,
            "Minor": minor,
            "Type": 0,
            "Format": 1,
            "RootCell": 0,
            "Length": 0,
            "Cluster": 1,
            "FileName": tail.ljust(cells.NAME_BYTES, b"\0"),
            "Reserved1": bytes(396),
            "CheckSum": 0,
            "Reserved2": bytes(3576),
            "BootType": 0,
            "BootRecover": 0,
        }
    )
    return block


def write_hive(hive: Hive, *, now: datetime | None = None, force: bool = False) -> bytes:
    """Return the file of a hive.

    Of one that was read only the cells of what was changed are written, and everything else stays where it is.

    Args:
        hive: the hive.
        now: becomes the time of the hive and of each key that was changed; None leaves all times as they are.
        force: write a dirty hive too, without the changes that are in its log files: they are lost then; and write one
            anew, with all that can be read of it, whose damage is where it was changed.

    Raises:
        TargetRefused: when the hive is dirty and ``force`` is not set.
        InvalidInput: when its bins, or a list that would be changed, are damaged, and ``force`` is not set.
        InvalidRequest: when keys are nested more than 512 deep.
    """
    if hive.is_dirty and not force:
        raise TargetRefused(
            hive.warnings[0], remedy=Remedy("{} writes it all the same, and loses those changes", (Means.FORCE,))
        )
    stamp = from_datetime(now) if now is not None else None
    root = hive.root.stored
    file = None if root is None else root.source
    if root is None or not isinstance(file, HiveFile):
        return _file_of(hive, stamp)
    patch = Patch(file, root, hive.header, stamp)
    damage = patch.apply()
    if not damage:
        return patch.to_bytes()
    if not force:
        raise InvalidInput(
            f"{file.name}: damaged hive: {damage[0]}: a change there would lose what cannot be read",
            remedy=Remedy("{} writes the hive anew with all that can be read", (Means.FORCE,)),
        )
    return _file_of(hive, stamp)


def _file_of(hive: Hive, now: int | None) -> bytes:
    """Return a file that is laid out anew; ``now`` is the time of what was changed, 100 ns since 1601."""
    header = cells.BASE_BLOCK_STRUCT.parse(hive.header)
    bins = Bins(now if now is not None else header.TimeStamp)
    ring = Ring(bins)
    header.RootCell = Records(bins, header.Minor, now, ring.cell_of).add_tree(hive.root)
    ring.close()
    bins.close()
    return first_block(hive.header, len(bins.data), now, root=header.RootCell) + bytes(bins.data)


class Ring:
    """The cells of security descriptors of a new file: equal ones share a cell."""

    def __init__(self, bins: Bins) -> None:
        self._bins = bins
        self._known: dict[bytes, _Descriptor] = {}

    def cell_of(self, security: bytes | None) -> int:
        """Return the offset of the cell with a descriptor, which is used once more."""
        if security is None:
            return cells.NOWHERE
        known = self._known.get(security)
        if known is None:
            at = self._bins.allocate(cells.SECURITY.size + len(security))
            self._bins.put(at + 4 + cells.SECURITY.size, security)
            known = self._known[security] = _Descriptor(at, len(security))
        known.references += 1
        return known.offset

    def close(self) -> None:
        """Write the heads of the cells, which make a ring."""
        ring = list(self._known.values())
        for index, one in enumerate(ring):
            after, before = ring[(index + 1) % len(ring)], ring[index - 1]
            head = cells.SECURITY.pack(b"sk", 0, after.offset, before.offset, one.references, one.size)
            self._bins.put(one.offset + 4, head)


class _Descriptor:
    """A security cell that was written, and how many keys point to it."""

    __slots__ = ("offset", "references", "size")

    def __init__(self, offset: int, size: int) -> None:
        self.offset = offset
        self.size = size
        self.references = 0
