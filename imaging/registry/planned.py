"""Edits of a hive that are only planned: what would change, with what is there now.

A plan that is made again when it was carried out is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from osdimage.imaging.registry.edits import registry_prefix
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.names import fold
from osdimage.imaging.registry.reg_file import Edit
from osdimage.imaging.registry.values import Value, ValueType


@dataclass(frozen=True, slots=True)
class PlannedEdit:
    r"""An edit that changes something.

    Attributes:
        hive: its name, such as ``SYSTEM``.
        edit: what is done; :func:`~osdimage.imaging.registry.edits.import_edits` carries it out.
        old: the value that is there; None when there is none, or when a key is made or deleted.
    """

    hive: str
    edit: Edit
    old: Value | None = None


class HiveDraft:
    r"""Edits of a hive, each compared with what the hive and the edits before it hold; the hive stays as it is.

    Keys are named by their path in the hive, such as ``ControlSet001\Services``.
    """

    def __init__(self, hive: Hive, name: str) -> None:
        """Begin without edits; ``name`` is that of the hive, such as ``SYSTEM``."""
        self._hive = hive
        self._name = name
        self._prefix = registry_prefix(name)
        self._edits: list[PlannedEdit] = []
        self._values: dict[tuple[str, str], Value | None] = {}
        self._made: set[str] = set()
        self._deleted: list[str] = []

    @property
    def edits(self) -> tuple[PlannedEdit, ...]:
        """What was planned, in its order."""
        return tuple(self._edits)

    def value(self, key: str, name: str) -> Value | None:
        """Return the value that there will be, or None."""
        place = fold(key), fold(name)
        if place in self._values:
            return self._values[place]
        found = self._key(key)
        return None if found is None else found.value(name)

    def has_key(self, key: str) -> bool:
        """Tell whether there will be such a key."""
        return self._key(key) is not None or fold(key) in self._made

    def make_key(self, key: str) -> None:
        """Make a key, and those above it, unless it is there."""
        if not self.has_key(key):
            self._note(Edit(self._path(key)))
            self._add(key)

    def set(self, key: str, value: Value, *, keeps_existing: bool = False) -> None:
        """Set a value of a key, which is made if it is missing.

        Args:
            key: the path of the key.
            value: the value.
            keeps_existing: leave a value of that name alone that is there already.
        """
        old = self.value(key, value.name)
        if old is not None and (keeps_existing or (old.type, old.data) == (value.type, value.data)):
            return
        self._note(Edit(self._path(key), value=value), old)
        self._values[fold(key), fold(value.name)] = value
        self._add(key)

    def append(self, key: str, name: str, texts: Iterable[str]) -> None:
        """Add the texts to a REG_MULTI_SZ that it does not have yet, whatever their case."""
        old = self.value(key, name)
        held = old.as_strings() if old is not None and old.type == ValueType.MULTI_SZ else ()
        known = {fold(each) for each in held}
        self.set(key, Value.multi_string(name, (*held, *(each for each in texts if fold(each) not in known))))

    def delete_value(self, key: str, name: str) -> None:
        """Delete a value, if it is there."""
        old = self.value(key, name)
        if old is not None:
            self._note(Edit(self._path(key), deletes_value=name), old)
            self._values[fold(key), fold(name)] = None

    def delete_key(self, key: str) -> None:
        """Delete a key with everything in it, if it is there."""
        if not self.has_key(key):
            return
        self._note(Edit(self._path(key), deletes_key=True))
        start = fold(key)
        self._deleted.append(start)
        self._values = {place: each for place, each in self._values.items() if not _is_below(place[0], start)}
        self._made = {each for each in self._made if not _is_below(each, start)}

    def _note(self, edit: Edit, old: Value | None = None) -> None:
        self._edits.append(PlannedEdit(self._name, edit, old))

    def _key(self, key: str) -> Key | None:
        folded = fold(key)
        if any(_is_below(folded, each) for each in self._deleted):
            return None
        return self._hive.root.find(key)

    def _add(self, key: str) -> None:
        folded = fold(key)
        while folded:
            self._made.add(folded)
            folded = folded.rpartition("\\")[0]

    def _path(self, key: str) -> str:
        return f"{self._prefix}\\{key}"


def _is_below(key: str, above: str) -> bool:
    return key == above or key.startswith(f"{above}\\")
