"""A registry hive as a tree of keys and values.

:func:`~osdimage.imaging.registry.read.read_hive` opens a file; of a key it reads what is asked for, when it is asked
for, so that one value of a large hive costs no more than what leads to it.
:func:`~osdimage.imaging.registry.write.write_hive` writes a whole file.  Of a hive that was read, only the cells of
keys that were changed are written, behind all others or where they are (:mod:`~osdimage.imaging.registry.overlay`):
every other byte stays, those too that nobody understands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from operator import itemgetter
from typing import Generic, Protocol, Self, TypeVar, overload

from osdimage.imaging import filetime
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.registry.cells import KEY_COMP_NAME, KEY_PREDEF_HANDLE, KeyField
from osdimage.imaging.registry.names import fold, units
from osdimage.imaging.registry.replay import Replayed
from osdimage.imaging.registry.values import MAX_NAME_UNITS, Value, ValueType

__all__ = ["Hive", "Key", "Value", "ValueType"]

MAX_KEY_UNITS = 255
"""UTF-16 units of the longest name of a key ("Registry element size limits", learn.microsoft.com)."""
MAX_DEPTH = 512
"""Levels of keys that Windows allows (the same page)."""

MAX_DATA_BYTES = 0xFFFF * 16344
"""What a list of segments can hold."""


Folded = str | tuple[str, int]
"""What a key or value is found by: its folded name; those of a second one of that name, and of further ones, have a
number beside it, and nobody finds them by their name."""

_Fact_ = TypeVar("_Fact_")
_Item = TypeVar("_Item")


class _Unread(Enum):
    """What stands for a fact that was not read yet."""

    UNREAD = 0


class Source(Protocol):
    """The file that keys were read from."""

    @property
    def is_changed(self) -> bool:
        """Whether a key was changed."""

    def subkeys_of(self, stored: Stored) -> dict[Folded, Key]:
        """Read the subkeys of a key."""

    def values_of(self, stored: Stored) -> dict[Folded, Value]:
        """Read the values of a key."""

    def security_of(self, stored: Stored) -> bytes | None:
        """Read the security descriptor of a key."""

    def class_of(self, stored: Stored) -> bytes:
        """Read the class name of a key."""

    def note(self, key: Key) -> None:
        """Take notice that a key was changed."""

    def forget(self, key: Key) -> None:
        """Take notice that a key was removed, with everything in it."""


@dataclass(frozen=True, slots=True)
class ChildSlot:
    """An entry of a list of subkeys: where the subkey is, the hash or hint, and the subkey, or None if it is lost."""

    offset: int
    word: int
    key: Key | None


@dataclass(frozen=True, slots=True)
class ValueSlot:
    """An entry of a list of values: where the value is, the value or None if it is lost, and what it is found by."""

    offset: int
    value: Value | None
    folded: Folded = ""


@dataclass(slots=True, eq=False)
class Stored:
    """Where a key is in the file that it was read from.

    Attributes:
        source: the file.
        offset: of its cell.
        path: its path in the hive.
        called: that path, and of the root its name, for messages.
        depth: 1 for the root.
        fields: of its record, in the order of ``cells.KEY_STRUCT``.
        children, values: the entries of its lists when they were read.
        list_kind: of its list of subkeys: ``lh``, ``lf`` or ``li``; empty without one.
        lost_subkeys, lost_values: why an edit of the list would lose some: it cannot be read to its end.
    """

    source: Source
    offset: int
    path: str
    called: str
    depth: int
    fields: tuple[int, ...]
    children: list[ChildSlot] = field(default_factory=list)
    values: list[ValueSlot] = field(default_factory=list)
    list_kind: bytes = b""
    lost_subkeys: str | None = None
    lost_values: str | None = None

    def begin_subkeys(self) -> None:
        """Forget what was read of the list of subkeys."""
        self.children, self.list_kind, self.lost_subkeys = [], b"", None

    def begin_values(self) -> None:
        """Forget what was read of the list of values."""
        self.values, self.lost_values = [], None


class Fact(Generic[_Fact_]):
    """A fact of a key, which notes that it was set."""

    def __set_name__(self, _owner: type[Key], name: str) -> None:
        self._slot = "_" + name

    @overload
    def __get__(self, key: None, owner: type[Key]) -> Self: ...
    @overload
    def __get__(self, key: Key, owner: type[Key]) -> _Fact_: ...
    def __get__(self, key: Key | None, owner: type[Key]) -> Self | _Fact_:
        """Return the fact."""
        if key is None:
            return self
        value: _Fact_ = getattr(key, self._slot)
        return value

    def __set__(self, key: Key, value: _Fact_) -> None:
        """Set it."""
        setattr(key, self._slot, value)
        key.note()


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
        stored: where it is in a file; None for a key that was made.
    """

    __slots__ = (
        "__weakref__",
        "_access",
        "_class_data",
        "_control",
        "_flags",
        "_predefined",
        "_security",
        "_subkeys",
        "_timestamp",
        "_twins",
        "_values",
        "changed",
        "name",
        "stored",
    )

    timestamp: Fact[int] = Fact[int]()
    flags: Fact[int] = Fact[int]()
    access: Fact[int] = Fact[int]()
    control: Fact[int] = Fact[int]()
    predefined: Fact[int | None] = Fact["int | None"]()

    def __init__(
        self,
        name: str,
        *,
        security: bytes | None = None,
        timestamp: int = 0,
        flags: int = 0,
        stored: Stored | None = None,
    ) -> None:
        self.name: str = name
        self.stored: Stored | None = stored
        self.changed: bool = False
        self._security: bytes | _Unread | None = security if stored is None else _Unread.UNREAD
        self._class_data: bytes | _Unread = b"" if stored is None else _Unread.UNREAD
        fields = stored.fields if stored is not None else None
        self._timestamp = timestamp if fields is None else fields[KeyField.TIME]
        self._flags = flags if fields is None else fields[KeyField.FLAGS] & ~KEY_COMP_NAME
        self._access = 0 if fields is None else fields[KeyField.ACCESS]
        self._control = 0 if fields is None else fields[KeyField.CONTROL]
        is_handle = fields is not None and fields[KeyField.FLAGS] & KEY_PREDEF_HANDLE
        self._predefined: int | None = fields[KeyField.VALUES] if fields is not None and is_handle else None
        self._subkeys: dict[Folded, Key] | None = {} if stored is None else None
        self._values: dict[Folded, Value] | None = {} if stored is None else None
        # How many names may be there twice: zero in every sound hive.
        self._twins = 0

    def __repr__(self) -> str:
        """Name the key and count what it holds."""
        return f"Key({self.name!r}, {self.subkey_count} subkeys, {len(self.values)} values)"

    # ---- what is read when it is asked for

    @property
    def security(self) -> bytes | None:
        """Its security descriptor, self-relative; None when the hive has none for it."""
        if self._security is _Unread.UNREAD:
            self._security = self.stored.source.security_of(self.stored) if self.stored is not None else None
        return self._security

    @security.setter
    def security(self, value: bytes | None) -> None:
        self._security = value
        self.note()

    @property
    def class_data(self) -> bytes:
        """The bytes of its class name; empty without one."""
        if self._class_data is _Unread.UNREAD:
            self._class_data = self.stored.source.class_of(self.stored) if self.stored is not None else b""
        return self._class_data

    @class_data.setter
    def class_data(self, value: bytes) -> None:
        self._class_data = value
        self.note()

    def _read_subkeys(self) -> dict[Folded, Key]:
        if self._subkeys is None:
            self._subkeys = {} if self.stored is None else self.stored.source.subkeys_of(self.stored)
            self._twins += sum(isinstance(each, tuple) for each in self._subkeys)
        return self._subkeys

    def _read_values(self) -> dict[Folded, Value]:
        if self._values is None:
            self._values = {} if self.stored is None else self.stored.source.values_of(self.stored)
            self._twins += sum(isinstance(each, tuple) for each in self._values)
        return self._values

    @property
    def read_subkeys(self) -> Mapping[Folded, Key] | None:
        """The subkeys if they were read, or None."""
        return self._subkeys

    @property
    def read_values(self) -> Mapping[Folded, Value] | None:
        """The values if they were read, or None."""
        return self._values

    def release(self) -> None:
        """Forget what was read of its subkeys and values, unless something is changed; it is read again when needed."""
        if self.stored is not None and not self.changed:
            self._subkeys = self._values = None
            self._twins = 0
            self.stored.begin_subkeys()
            self.stored.begin_values()

    def note(self) -> None:
        """Take notice that something was set."""
        if self.stored is not None:
            self.stored.source.note(self)

    def _change(self) -> None:
        """Take notice that its values or its list of subkeys were changed."""
        self.changed = True
        self.note()

    def _first(self, there: Mapping[Folded, _Item], folded: str) -> Folded | None:
        """Return what an item is found by: that of a second one when the first was removed."""
        if folded in there or not self._twins:
            return folded
        return next((each for each in there if isinstance(each, tuple) and each[0] == folded), None)

    # ---- reading
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
        return tuple(key for _, key in self.sorted_subkeys())

    @property
    def values(self) -> tuple[Value, ...]:
        """The values, in the order of the hive."""
        return tuple(self._read_values().values())

    @property
    def subkey_count(self) -> int:
        """How many subkeys there are."""
        return len(self._read_subkeys())

    def find(self, path: str) -> Key | None:
        r"""Return the key at a path such as ``ControlSet001\Control``, or None; an empty path is the key itself."""
        key: Key | None = self
        for name in _parts(path):
            key = key.child(name) if key is not None else None
        return key

    def child(self, name: str) -> Key | None:
        """Return the subkey of a name, or None."""
        there = self._read_subkeys()
        found = self._first(there, fold(name))
        return None if found is None else there.get(found)

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
                found.changed = True
                key._add(fold(name), found)
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
        there = self._read_subkeys()
        found = self._first(there, fold(name))
        removed = None if found is None else there.pop(found, None)
        if removed is None:
            return False
        if removed.stored is not None:
            removed.stored.source.forget(removed)
        self._change()
        return True

    def value(self, name: str) -> Value | None:
        """Return a value, or None; an empty name is the default value."""
        there = self._read_values()
        found = self._first(there, fold(name))
        return None if found is None else there.get(found)

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
            there = self._read_values()
            there[self._first(there, fold(value.name)) or fold(value.name)] = value
            self._change()

    def delete_value(self, name: str) -> bool:
        """Remove a value; return whether it was there."""
        there = self._read_values()
        found = self._first(there, fold(name))
        removed = None if found is None else there.pop(found, None)
        if removed is None:
            return False
        self._change()
        return True

    def walk(self, path: str = "") -> Iterator[tuple[str, Key]]:
        """Yield the key and everything below it, parents first, each once and with its path below ``self``.

        What was read of a key is forgotten when the next one is asked for, so that a large hive takes little memory.
        """
        waiting = [(path, self)]
        seen: set[int] = set()
        while waiting:
            where, key = waiting.pop()
            if key.stored is not None:
                # In a damaged hive a key may be in two places, or in itself.
                if key.stored.offset in seen:
                    continue
                seen.add(key.stored.offset)
            yield where, key
            inside = f"{where}\\" if where else ""
            waiting += [(inside + child.name, child) for child in reversed(key.subkeys)]
            key.release()

    def _add(self, folded: str, key: Key) -> None:
        self._read_subkeys()[folded] = key
        self._change()

    def sorted_subkeys(self) -> list[tuple[str, Key]]:
        """Return the subkeys with their folded names, sorted; several of one name stay in the order of the hive."""
        found = [(each if isinstance(each, str) else each[0], key) for each, key in self._read_subkeys().items()]
        return sorted(found, key=itemgetter(0))


def _parts(path: str) -> list[str]:
    return [name for name in path.split("\\") if name]


class Hive:
    """A registry hive.

    Attributes:
        root: the root key.
        header: the base block that it was read from or is written with: 4096 bytes.
        is_dirty: whether changes are missing that Windows would need: it was interrupted while it wrote the file, and
            what is missing is in its log files (``.LOG1``, ``.LOG2``), which were not read, or not all of them fit.
        is_unclosed: whether the file is as Windows left it when it was interrupted, whatever came of its logs: when it
            is written, they are to be emptied.
        replayed: which changes of its logs are in it; None when there was no need, or none fits.
    """

    __slots__ = ("_warnings", "header", "is_dirty", "is_unclosed", "replayed", "root")

    def __init__(
        self,
        root: Key,
        header: bytes,
        *,
        is_dirty: bool = False,
        is_unclosed: bool = False,
        replayed: Replayed | None = None,
        warnings: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self.root: Key = root
        self.header: bytes = header
        self.is_dirty: bool = is_dirty
        self.is_unclosed: bool = is_unclosed
        self.replayed: Replayed | None = replayed
        self._warnings = warnings

    def __repr__(self) -> str:
        """Return what it is, for logs and debuggers."""
        return f"<Hive {self.root.name!r}>"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the file, as far as it was read: one sentence each, which names the key."""
        return self._warnings()

    @property
    def minor(self) -> int:
        """The version is 1.minor."""
        return self.header[24]

    @property
    def is_changed(self) -> bool:
        """Whether a key was changed since the hive was read, or a hive that was made has any."""
        source = None if self.root.stored is None else self.root.stored.source
        return any(key.changed for _, key in self.root.walk()) if source is None else source.is_changed
