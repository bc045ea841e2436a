"""What an inventory tells, whatever it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Computer:
    """A computer that is known.

    Attributes:
        name: at most 15 characters.
        line: of the inventory that tells of it, from 1.
        smbios_guid: the UUID in its firmware, as Windows and ConfigMgr write it.
        mac_addresses: of its network adapters, such as ``00:15:5D:01:02:03``.
        source_computer: whose user state it gets, or None.
        variables: of task sequences, each with its value, in the order of the inventory.
        further: values that the program which reads the inventory asked for, by the names that it gave them; empty ones
            are left out.
    """

    name: str
    line: int
    smbios_guid: UUID | None = None
    mac_addresses: tuple[str, ...] = ()
    source_computer: str | None = None
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    further: tuple[tuple[str, str], ...] = ()

    def value_of(self, name: str) -> str | None:
        """Return a further value, or None where the inventory has none."""
        return dict(self.further).get(name)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The computers of an inventory.

    Attributes:
        source: what messages call the inventory.
        computers: in its order; no two share a name, a GUID or a MAC address.
        warnings: sentences for people.
    """

    source: str
    computers: tuple[Computer, ...]
    warnings: tuple[str, ...] = ()
