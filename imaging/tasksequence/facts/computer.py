r"""What is known of a computer, as instances of the classes of WMI.

Model: a class that is listed is known completely, an empty one too; of one that is not listed nothing is known.  A
property that an instance does not have is not known, one that is None has no value in WMI.  Names are compared without
case, and a namespace is written as in ``root\cimv2``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

CIMV2 = r"root\cimv2"
TPM_NAMESPACE = r"root\cimv2\security\microsofttpm"

Scalar = str | int | float | bool | None
Fact = Scalar | tuple[Scalar, ...]


class Instance(Mapping[str, Fact]):
    """The properties of one thing by their names, which are compared without case."""

    def __init__(self, properties: Mapping[str, Fact]) -> None:
        """Copy the properties; of names that differ only by case the last one counts."""
        self._properties = {name.lower(): (name, value) for name, value in properties.items()}

    def __getitem__(self, name: str) -> Fact:
        """Return a value; KeyError when it is not known."""
        return self._properties[name.lower()][1]

    def __contains__(self, name: object) -> bool:
        """Tell whether a property is known."""
        return isinstance(name, str) and name.lower() in self._properties

    def __iter__(self) -> Iterator[str]:
        """Return the names as they were written."""
        return (name for name, _ in self._properties.values())

    def __len__(self) -> int:
        """Count the properties that are known."""
        return len(self._properties)

    def __repr__(self) -> str:
        """Show what is known."""
        return f"Instance({dict(self)!r})"

    def joined(self, other: Instance) -> Instance:
        """Return what both know; of what both tell, the other's."""
        return Instance({**dict(self._properties.values()), **dict(other._properties.values())})


@dataclass(frozen=True, slots=True)
class KnownClass:
    """The instances of one class.

    Attributes:
        name: of the class, as it was written.
        instances: those that there are.
        others: what there may be besides them, as far as it is known.
    """

    name: str
    instances: tuple[Instance, ...]
    others: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class ComputerFacts:
    """What is known of a computer.

    Attributes:
        classes: by namespace and name, in lower case.
    """

    classes: Mapping[tuple[str, str], KnownClass] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Mapping[str, Iterable[Mapping[str, Fact]]], namespace: str = CIMV2) -> ComputerFacts:
        """Make them of instances by the names of their classes, in one namespace."""
        return cls(
            {
                (plain_namespace(namespace), name.lower()): KnownClass(name, tuple(map(Instance, instances)))
                for name, instances in known.items()
            }
        )

    def known(self, name: str, namespace: str = CIMV2) -> KnownClass | None:
        """Return what is known of a class, or None."""
        return self.classes.get((plain_namespace(namespace), name.lower()))

    def instances(self, name: str, namespace: str = CIMV2) -> tuple[Instance, ...] | None:
        """Return the instances of a class, or None when nothing is known of it."""
        found = self.known(name, namespace)
        return None if found is None else found.instances

    def text(self, name: str, prop: str, namespace: str = CIMV2) -> str | None:
        """Return a property of the first instance as text, or None when it is not known, or has no value."""
        value = next((each.get(prop) for each in self.instances(name, namespace) or ()), None)
        if isinstance(value, tuple):
            value = next(iter(value), None)
        return None if value is None else str(value)

    def number(self, name: str, prop: str, namespace: str = CIMV2) -> int | None:
        """Return a property of the first instance as a whole number, or None when it is not known, or none."""
        text = self.text(name, prop, namespace)
        return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 20 else None

    def joined(self, other: ComputerFacts) -> ComputerFacts:
        """Return what both know.

        Of a class that each has one instance of, their properties are put together, and of what both tell the other's
        counts; of any other class that both know, the other's instances count.
        """
        return ComputerFacts({**self.classes, **{key: self._with(key, each) for key, each in other.classes.items()}})

    def _with(self, key: tuple[str, str], known: KnownClass) -> KnownClass:
        mine = self.classes.get(key)
        if mine is None or len(mine.instances) != 1 or len(known.instances) != 1:
            return known
        return KnownClass(known.name, (mine.instances[0].joined(known.instances[0]),), known.others)


def plain_namespace(text: str) -> str:
    r"""Return a namespace as it is looked up: in lower case, without the name of the computer before it."""
    parts = [part for part in text.strip().lower().replace("/", "\\").split("\\") if part]
    if parts and parts[0] == ".":
        del parts[0]
    return "\\".join(parts) or CIMV2
