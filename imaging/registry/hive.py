"""A registry hive as a tree of keys and values in memory.

:func:`~osdimage.imaging.registry.read.read_hive` reads a whole file, and
:func:`~osdimage.imaging.registry.write.write_hive` writes a whole file.  The file is laid out anew each time;
the facts in it are kept.  What is kept of everything that an edit does not touch:

* every key: its name, flags (symbolic link, no delete, virtual ...), time, access bits and layered-key bits,
  virtualization, user and debug flags, class name, security descriptor, the handle of a predefined key, and the order
  of its values;
* every value: its name, type (also one without a name), bytes and flags;
* the base block: version, file name, the GUIDs and flags of transactions, times.

What is not kept: where cells are, free cells and what was deleted in them, bytes behind the last bin, how a name is
stored (one byte a character where all are below U+0100, as Windows does), values stored in more cells than they need,
counts of volatile keys, the cached maxima of a key and reference counts (both made right; equal descriptors share a
cell), WorkVar, and fields that are spare.  The sequence numbers become equal and larger.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from osdimage.imaging import filetime
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.registry.names import fold, units
from osdimage.imaging.registry.values import MAX_NAME_UNITS, Value, ValueType

__all__ = ["Hive", "Key", "Value", "ValueType"]

MAX_KEY_UNITS = 255
"""UTF-16 units of the longest name of a key ("Registry element size limits", learn.microsoft.com)."""
MAX_DEPTH = 512
"""Levels of keys that Windows allows (the same page)."""

MAX_DATA_BYTES = 0xFFFF * 16344
"""What a list of segments can hold."""


class Key:
    """A key with its subkeys and values.  Names are found whatever their case, as Windows compares them.

    Attributes:
        name: its name, in its own case.
        security: its security descriptor, self-relative; None when the hive has none for it.
        class_data: the bytes of its class name, UTF-16 in most hives; empty without one.
        timestamp: when it was last written, 100 ns since 1601.
        flags: ``Flags`` of the file (KEY_SYM_LINK ...) without the bit about how the name is stored.
        access: ``AccessBits``: access bits, and the bits of a layered key.
        control: virtualization, user and debug flags.
        predefined: the handle of a predefined key, which has no values; None for all others.
        changed: whether it was made or its values or list of subkeys were changed since the hive was read.
    """

    __slots__ = (
        "_subkeys",
        "_values",
        "access",
        "changed",
        "class_data",
        "control",
        "flags",
        "name",
        "predefined",
        "security",
        "timestamp",
    )

    def __init__(self, name: str, *, security: bytes | None = None, timestamp: int = 0, flags: int = 0) -> None:
        self.name = name
        self.security = security
        self.timestamp = timestamp
        self.flags = flags
        self.class_data = b""
        self.access = 0
        self.control = 0
        self.predefined: int | None = None
        self.changed = False
        self._subkeys: dict[str, Key] = {}
        self._values: dict[str, Value] = {}

    def __repr__(self) -> str:
        """Name the key and count what it holds."""
        return f"Key({self.name!r}, {len(self._subkeys)} subkeys, {len(self._values)} values)"

    @property
    def class_name(self) -> str | None:
        """The class name, or None."""
        data = self.class_data
        return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass") if data else None

    @property
    def modified(self) -> datetime | None:
        """When it was last written, to the microsecond; None when that was never or is beyond the year 9999."""
        try:
            return filetime.to_datetime(self.timestamp) if self.timestamp else None
        except OverflowError:
            return None

    @property
    def subkeys(self) -> tuple[Key, ...]:
        """The subkeys, sorted as Windows sorts them."""
        return tuple(self._subkeys[folded] for folded in sorted(self._subkeys))

    @property
    def values(self) -> tuple[Value, ...]:
        """The values, in the order of the hive."""
        return tuple(self._values.values())

    @property
    def subkey_count(self) -> int:
        """How many subkeys there are."""
        return len(self._subkeys)

    def find(self, path: str) -> Key | None:
        r"""Return the key at a path such as ``ControlSet001\Control``, or None; an empty path is the key itself."""
        key: Key | None = self
        for name in _parts(path):
            key = key.child(name) if key is not None else None
        return key

    def child(self, name: str) -> Key | None:
        """Return the subkey of a name, or None."""
        return self._subkeys.get(fold(name))

    def ensure(self, path: str) -> Key:
        """Return the key at a path, making those that are missing.

        A new key has the security descriptor of the key that it is in.

        Raises:
            InvalidRequest: when a name is longer than 255 UTF-16 units.
        """
        key = self
        for name in _parts(path):
            found = key.child(name)
            if found is None:
                if len(units(name)) > MAX_KEY_UNITS:
                    raise InvalidRequest(f"key {name[:40]!r}...: a name has at most {MAX_KEY_UNITS} UTF-16 units")
                found = Key(name, security=key.security)
                found.changed = key.changed = True
                key.adopt_subkey(fold(name), found)
            key = found
        return key

    def delete_key(self, path: str) -> bool:
        """Remove the key at a path with everything in it; return whether it was there.

        Raises:
            InvalidRequest: for an empty path: a key cannot remove itself.
        """
        *above, name = _parts(path) or [""]
        if not name:
            raise InvalidRequest("the root of a hive cannot be deleted; name a key below it")
        parent = self.find("\\".join(above))
        return parent is not None and parent.remove_child(name)

    def remove_child(self, name: str) -> bool:
        """Remove the subkey of a name with everything in it; return whether it was there."""
        if self._subkeys.pop(fold(name), None) is None:
            return False
        self.changed = True
        return True

    def value(self, name: str) -> Value | None:
        """Return a value, or None; an empty name is the default value."""
        return self._values.get(fold(name))

    def set(self, value: Value) -> None:
        """Add a value, or replace the one of that name where it stands.

        Raises:
            InvalidRequest: when the name is too long, the type is not a 32-bit number, the data are more than 1 GB, or
                the key is a predefined one, which can hold none.
        """
        if self.predefined is not None:
            raise InvalidRequest(f"key {self.name!r} is a predefined handle and cannot hold values")
        if len(units(value.name)) > MAX_NAME_UNITS:
            raise InvalidRequest(f"value {value.name[:40]!r}...: a name has at most {MAX_NAME_UNITS} UTF-16 units")
        if not 0 <= value.type <= 0xFFFFFFFF or len(value.data) > MAX_DATA_BYTES:
            raise InvalidRequest(f"value {value.name!r}: type {value.type}, {len(value.data)} bytes: cannot be stored")
        if self.value(value.name) != value:
            self._values[fold(value.name)] = value
            self.changed = True

    def delete_value(self, name: str) -> bool:
        """Remove a value; return whether it was there."""
        if self._values.pop(fold(name), None) is None:
            return False
        self.changed = True
        return True

    def walk(self, path: str = "") -> Iterator[tuple[str, Key]]:
        """Yield the key and everything below it, parents first, each with its path below ``self``."""
        waiting = [(path, self)]
        while waiting:
            where, key = waiting.pop()
            yield where, key
            inside = f"{where}\\" if where else ""
            waiting += [(inside + child.name, child) for child in reversed(key.subkeys)]

    def adopt_subkey(self, folded: str, key: Key) -> bool:
        """Take in a key that was read; return False when one of that name is there.  For readers of files only."""
        return self._subkeys.setdefault(folded, key) is key

    def adopt_value(self, folded: str, value: Value) -> bool:
        """Take in a value that was read; return False when one of that name is there.  For readers of files only."""
        return self._values.setdefault(folded, value) is value

    def sorted_subkeys(self) -> list[tuple[str, Key]]:
        """Return the subkeys with their folded names, sorted."""
        return sorted(self._subkeys.items())


def _parts(path: str) -> list[str]:
    return [name for name in path.split("\\") if name]


class Hive:
    """A registry hive.

    Attributes:
        root: the root key.
        header: the base block that it was read from or is written with: 4096 bytes.
        warnings: what is wrong with the file that was read: one sentence each.
        is_dirty: whether Windows was interrupted while it wrote the file; the missing changes are in its log files
            (``.LOG1``, ``.LOG2``), which are not read.
    """

    __slots__ = ("header", "is_dirty", "root", "warnings")

    def __init__(self, root: Key, header: bytes, *, is_dirty: bool = False, warnings: tuple[str, ...] = ()) -> None:
        self.root = root
        self.header = header
        self.is_dirty = is_dirty
        self.warnings = warnings

    @property
    def minor(self) -> int:
        """The version is 1.minor."""
        return self.header[24]

    @property
    def is_changed(self) -> bool:
        """Whether a key was changed since the hive was read."""
        return any(key.changed for _, key in self.root.walk())
