"""The environment of a task sequence: its variables, where each comes from, and which of them are secret.

Model: ConfigMgr's precedence is a list of layers.  The strongest layer that mentions a name decides, and an empty value
there deletes the variable.  From the strongest to the weakest: variables of the engine (names that begin with ``_``);
values set while the sequence runs (Set Task Sequence Variable, outputs of actions); variables of stand-alone media, or,
where there are none, those of the computer and those of its collections, from precedence 9 down to 1; the variables
that the sequence has for all its steps; the defaults of the step that runs.

Sources: "About Task Sequence Variables" and "Task Sequence Action Variables" of Operating System Deployment in
Configuration Manager 2007 (names, limits, precedence, life of step defaults, "1 is the lowest precedence, and 9 the
highest").  Chosen here, since no source says it: a character is a UTF-16 code unit, as in Windows; the size of the
environment is that of all names and values of all layers in UTF-16; an unknown ``%NAME%`` is left as it is, as cmd.exe
does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.disk.layouts.variables import check_name
from osdimage.imaging.documents import Fields, reason_of
from osdimage.imaging.errors import InvalidDocument, InvalidRequest
from osdimage.imaging.tasksequence.layers import (
    CollectionVariables,
    Layer,
    Origin,
    Properties,
    check_default,
    check_settable,
    check_value,
    entry_bytes,
    size_of,
)
from osdimage.imaging.tasksequence.secrets import MASK, Secrets, names_a_secret
from osdimage.imaging.tasksequence.state import read_state, require_format, write_state

MAX_ENVIRONMENT_BYTES = 10 << 20
MAX_ELEMENTS = 4096
"""More elements than any array of a real sequence has."""

_FORMAT = "osdimage-task-sequence-environment"
_VERSION = 1


def expanded(text: str, find: Callable[[str], str | None]) -> str:
    """Replace each ``%NAME%`` by what a function finds for the name, once; where it finds nothing, it stays."""
    pieces: list[str] = []
    rest = 0
    while (start := text.find("%", rest)) >= 0 and (end := text.find("%", start + 1)) >= 0:
        value = find(text[start + 1 : end])
        # The second sign of an unknown name may be the first of a known one.
        pieces += [text[rest:start], text[start:end] if value is None else value]
        rest = end if value is None else end + 1
    return "".join([*pieces, text[rest:]])


def names_in(text: str) -> tuple[str, ...]:
    """Return all names between two ``%`` of a text: those that :func:`expanded` may replace, and maybe others."""
    return tuple(text.split("%")[1:-1])


class Environment(MutableMapping[str, str]):
    """The variables of one run of a task sequence.

    A mapping: ``env["OSDComputerName"] = "PC1"`` is what Set Task Sequence Variable does, and an empty value, like
    ``del``, deletes the variable from every layer but the step's defaults.  Names are compared without case.
    """

    def __init__(
        self,
        *,
        computer: Mapping[str, str] | None = None,
        collections: Iterable[CollectionVariables] = (),
        media: Mapping[str, str] | None = None,
        sequence: Mapping[str, str] | None = None,
        hidden: Iterable[str] = (),
    ) -> None:
        """Make an environment.

        Args:
            computer: per-computer variables.
            collections: per-collection variables.
            media: variables of stand-alone media.  Even an empty mapping says that the sequence runs from such media:
                those of the computer and of the collections are then not used.
            sequence: variables of the whole sequence, its ``globalVarList``.
            hidden: names of variables whose values are secret, besides passwords and product keys.

        Raises:
            InvalidRequest: when a name or a value breaks the rules.
        """
        self._secrets = Secrets()
        self._bytes = 0
        self._engine = Layer(Origin.ENGINE)
        self._set = Layer(Origin.SET)
        self._steps: list[tuple[Layer, Properties]] = []
        self._given: list[Layer] = []
        self._left: frozenset[str] = frozenset()
        for name in hidden:
            self.hide(name)
        if media is not None:
            self._given.append(self._filled(Origin.MEDIA, media))
        else:
            self._given.append(self._filled(Origin.COMPUTER, computer or {}))
            weakest_first = sorted(collections, key=lambda each: each.precedence)
            self._given += [self._filled(Origin.COLLECTION, each.variables) for each in reversed(weakest_first)]
        self._given.append(self._filled(Origin.SEQUENCE, sequence or {}))

    def _filled(self, origin: Origin, variables: Mapping[str, str]) -> Layer:
        layer = Layer(origin)
        for name, value in variables.items():
            check_settable(name)
            if name.lower() in layer.entries:
                raise InvalidRequest(f"{name} is given twice; names are compared without case")
            self._store(layer, name, value)
        return layer

    # Reading

    def __getitem__(self, name: str) -> str:
        """Return the value of a variable; KeyError when it is not set."""
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found[1]

    def __iter__(self) -> Iterator[str]:
        """Return the names of all variables that are set, as they were written."""
        seen: set[str] = set()
        for layer in self._layers():
            for key, (name, _) in layer.entries.items():
                if key not in seen and self._find(key) is not None:
                    yield name
                seen.add(key)

    def __len__(self) -> int:
        """Count the variables that are set."""
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        """Tell whether a variable is set."""
        return isinstance(name, str) and self._find(name) is not None

    def __repr__(self) -> str:
        """Say how many variables there are; their values may be secret."""
        return f"<Environment of {len(self)} variables>"

    def origin(self, name: str) -> Origin | None:
        """Tell where the value of a variable comes from, or None when it is not set."""
        found = self._find(name)
        return None if found is None else found[2]

    @property
    def is_from_media(self) -> bool:
        """Whether the sequence runs from stand-alone media."""
        return any(layer.origin is Origin.MEDIA for layer in self._given)

    def text(self, name: str) -> str | None:
        """Return the value of a variable with its ``%NAME%`` replaced, or None when it is not set."""
        found = self._find(name)
        if found is None:
            return None
        value = self.expand(found[1])
        if self.is_secret(name):
            self._secrets.keep(value)
        return value

    def expand(self, text: str) -> str:
        """Replace each ``%NAME%`` by the value of the variable, once; an unknown name stays as it is."""

        def find(name: str) -> str | None:
            found = None if name.lower() in self._left else self._find(name)
            return None if found is None else found[1]

        return expanded(text, find)

    def array(self, base: str) -> tuple[Properties, ...]:
        """Return the elements of an array variable: for each the properties that are set.

        ``OSDPartitions1Size`` is the property ``Size`` of element 1.  The base alone holds the count; where it is not
        set, the elements are counted from 0 to the last that has a property.

        Raises:
            InvalidRequest: when the count is not a whole number of at most 4,096.
        """
        pattern = re.compile(rf"{re.escape(base)}(\d{{1,4}})(\D.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
        elements: dict[int, dict[str, str]] = {}
        for name in self:
            match = pattern.fullmatch(name)
            if match is not None and str(int(match[1])) == match[1]:
                elements.setdefault(int(match[1]), {})[match[2]] = self[name]
        stated = self.get(base)
        count = max(elements, default=-1) + 1
        if stated is not None:
            if not (stated.isascii() and stated.isdigit() and len(stated) <= 4 and int(stated) <= MAX_ELEMENTS):
                raise InvalidRequest(f"{base}={stated}: the count of elements is a whole number up to {MAX_ELEMENTS}")
            count = int(stated)
        return tuple(Properties(elements.get(index, {})) for index in range(count))

    @property
    def properties(self) -> Properties:
        """The properties of the step that runs, such as ``ImagePackageID``; empty outside of a step.

        They are what a command line carries in ConfigMgr, not variables, and no other step sees them.
        """
        return self._steps[-1][1] if self._steps else Properties({})

    # Writing

    def __setitem__(self, name: str, value: str) -> None:
        """Set a variable, or delete it with an empty value.

        Raises:
            ReadOnlyVariable: when the name begins with ``_``.
            InvalidRequest: when the name or the value breaks the rules.
        """
        check_settable(name)
        self._store(self._set, name, value)

    def __delitem__(self, name: str) -> None:
        """Delete a variable; KeyError when it is not set."""
        check_settable(name)
        if self._find(name) is None:
            raise KeyError(name)
        self._store(self._set, name, "")

    def set_read_only(self, name: str, value: str) -> None:
        """Set a variable whose name begins with ``_``: for the engine alone.  An empty value deletes it.

        Raises:
            InvalidRequest: when the name or the value breaks the rules.
        """
        if (wrong := check_name(name)) is not None:
            raise InvalidRequest(wrong)
        if not name.startswith("_"):
            raise InvalidRequest(f"{name} is no read-only variable: those begin with _")
        self._store(self._engine, name, value)

    @contextmanager
    def leaving(self, names: Collection[str]) -> Iterator[Environment]:
        """Leave ``%NAME%`` of these variables, in lower case, as it is: what their values will be, nobody knows yet."""
        before = self._left
        self._left = before | frozenset(names)
        try:
            yield self
        finally:
            self._left = before

    @contextmanager
    def step_defaults(
        self, variables: Mapping[str, str], properties: Mapping[str, str] | None = None
    ) -> Iterator[Environment]:
        """Add the defaults of one step and take them away after it.

        A variable that is set otherwise keeps its value; ``%NAME%`` in the defaults and properties is replaced.

        Raises:
            InvalidRequest: when a name or a value breaks the rules.
        """
        layer = Layer(Origin.STEP)
        try:
            for name, value in variables.items():
                check_default(name)
                self._store(layer, name, self.expand(value))
            expanded = {name: self.expand(value) for name, value in (properties or {}).items()}
            for name, value in expanded.items():
                if names_a_secret(name):
                    self._secrets.keep(value)
            self._steps.append((layer, Properties(expanded)))
            try:
                yield self
            finally:
                self._steps.pop()
        finally:
            self._bytes -= size_of(layer)

    def _store(self, layer: Layer, name: str, value: str) -> None:
        shown = MASK if self.is_secret(name) else None
        check_value(name, value)
        key = name.lower()
        old = layer.entries.get(key)
        total = self._bytes + entry_bytes(name, value) - (0 if old is None else entry_bytes(*old))
        if total > MAX_ENVIRONMENT_BYTES:
            raise InvalidRequest(
                f"{name}: the environment would have {total:,} bytes; it may have {MAX_ENVIRONMENT_BYTES:,} "
                f"(names and values in UTF-16)"
            )
        layer.entries[key] = (name, value)
        self._bytes = total
        if shown is not None:
            self._secrets.keep(value)

    # Secrets

    def hide(self, name: str) -> None:
        """Treat the variable as secret from now on, as the console's "Do not display this value" does."""
        if (wrong := check_name(name)) is not None:
            raise InvalidRequest(wrong)
        self._secrets.hide(name)
        for layer in self._layers():
            entry = layer.entries.get(name.lower())
            if entry is not None:
                self._secrets.keep(entry[1])

    def is_secret(self, name: str) -> bool:
        """Tell whether the value must not be shown: a password, a product key, or a hidden variable."""
        return self._secrets.is_secret(name)

    def mask(self, text: str) -> str:
        """Replace by ``***`` all that was ever the value of a secret variable of this run."""
        return self._secrets.mask(text)

    def keep_secret(self, text: str) -> None:
        """Mask this text too: for what is made of secrets, such as an encoded password."""
        self._secrets.keep(text)

    def shown(self) -> dict[str, str]:
        """Return all variables with the secret ones masked: for logs, errors and JSON."""
        return {name: self.shown_value(name) for name in self}

    def shown_value(self, name: str) -> str:
        """Return the value of one variable as :meth:`shown` has it; KeyError when it is not set."""
        return MASK if self.is_secret(name) else self.mask(self[name])

    # Keeping

    def to_document(self) -> dict[str, object]:
        """Return all but the step's defaults as plain values for JSON.  Secrets are in it in the clear."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "layers": [
                {"origin": layer.origin.value, "variables": dict(layer.entries.values())}
                for layer in (self._engine, self._set, *self._given)
            ],
            "hidden": sorted(self._secrets.hidden),
            "secrets": sorted(self._secrets.kept),
        }

    @classmethod
    def from_document(cls, document: object, *, source: str) -> Environment:
        """Make an environment of what :meth:`to_document` returned.

        Raises:
            InvalidDocument: when it is not such a document, breaks the rules, or is of another version.
        """
        env = cls()
        env._given.clear()
        try:
            fields = Fields.of(document)
            require_format(fields, _FORMAT, _VERSION, source=source, what="a saved task-sequence environment")
            for name in fields.texts("hidden"):
                env.hide(name)
            for text in fields.texts("secrets"):
                env.keep_secret(text)
            for entry in fields.each("layers"):
                origin = entry.parsed("origin", Origin, f"one of {', '.join(Origin)}")
                env._restore(origin, entry.named_texts("variables"))
        except ValueError as error:
            raise InvalidDocument(f"{source} is damaged: {env.mask(reason_of(error))}") from error
        return env

    def _restore(self, origin: Origin, variables: Mapping[str, str]) -> None:
        kept = {Origin.ENGINE: self._engine, Origin.SET: self._set}
        layer = kept.get(origin)
        if layer is None:
            layer = Layer(origin)
            self._given.append(layer)
        for name, value in variables.items():
            if origin is Origin.ENGINE:
                self.set_read_only(name, value)
            else:
                check_settable(name)
                self._store(layer, name, value)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the variables to a file that only its owner can read, complete or not at all.

        The defaults of a step are not part of it.  Secrets are in it in the clear: the sequence needs them again.

        Raises:
            StorageError: when it cannot be written.
        """
        path = Path(path)
        write_state(path, self.to_document())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Environment:
        """Read the variables from a file.

        Raises:
            StorageError: when it cannot be read.
            InvalidDocument: as :meth:`from_document`.
        """
        path = Path(path)
        return cls.from_document(read_state(path).values, source=str(path))

    def copy(self) -> Environment:
        """Return an environment of its own with the same variables, without the step's defaults."""
        return Environment.from_document(self.to_document(), source="the environment")

    # Layers

    def _layers(self) -> Iterator[Layer]:
        yield self._engine
        yield self._set
        yield from self._given
        if self._steps:
            yield self._steps[-1][0]

    def _find(self, name: str) -> tuple[str, str, Origin] | None:
        key = name.lower()
        is_deleted = False
        for layer in self._layers():
            entry = layer.entries.get(key)
            # What is deleted from the environment leaves the default of the step.
            if entry is None or (is_deleted and layer.origin is not Origin.STEP):
                continue
            if entry[1]:
                return (*entry, layer.origin)
            is_deleted = True
        return None


def set_all(env: Environment, variables: Mapping[str, str]) -> None:
    """Set variables as an action sets them, and as the engine does those whose names begin with ``_``."""
    for name, value in variables.items():
        if name.startswith("_"):
            env.set_read_only(name, value)
        else:
            env[name] = value
