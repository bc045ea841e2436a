"""Several indexes as one: a catalog and what is not in it yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

from osdimage.imaging.drivers.ranking.index import Candidate, DriverFacts, DriverIndex
from osdimage.imaging.drivers.ranking.rank import Signature
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import InvalidRequest


class JoinedIndex:
    """The drivers of several indexes for one Windows; their orders follow each other."""

    def __init__(
        self,
        indexes: Sequence[tuple[str, DriverIndex]],
        os: TargetOs,
        *,
        signatures: Mapping[str, Signature] = MappingProxyType({}),
    ) -> None:
        """Join them.

        Args:
            indexes: each with what is put before the names of its drivers, so that these tell where they are.
            os: the Windows.
            signatures: what is known better of the signatures of some drivers, by their names here.

        Raises:
            InvalidRequest: when one is for another Windows.
        """
        for _, each in indexes:
            if each.os != os:
                raise InvalidRequest(f"an index of drivers is for {each.os}, not for {os}")
        self._os = os
        self._indexes = tuple(indexes)
        self._signatures = signatures

    @property
    def os(self) -> TargetOs:
        """The Windows that all are for."""
        return self._os

    def drivers(self) -> Sequence[DriverFacts]:
        """Return the drivers of all."""
        return tuple(each for found in self._renumbered for each in found.values())

    def candidates(self, ids: Collection[str]) -> Mapping[str, Sequence[Candidate]]:
        """Return the candidates of folded ids in all."""
        joined: dict[str, list[Candidate]] = defaultdict(list)
        for (_, index), drivers in zip(self._indexes, self._renumbered, strict=True):
            for each, found in index.candidates(ids).items():
                joined[each] += [replace(one, driver=drivers[one.driver.order]) for one in found]
        return joined

    @cached_property
    def _renumbered(self) -> tuple[dict[int, DriverFacts], ...]:
        """The drivers of each index by their orders there."""
        made: list[dict[int, DriverFacts]] = []
        first = 0
        for front, index in self._indexes:
            drivers = sorted(index.drivers(), key=lambda each: each.order)
            made.append({each.order: self._renamed(each, front, first + at) for at, each in enumerate(drivers)})
            first += len(drivers)
        return tuple(made)

    def _renamed(self, driver: DriverFacts, front: str, order: int) -> DriverFacts:
        name = f"{front}{driver.name}"
        return replace(driver, name=name, order=order, signature=self._signatures.get(name, driver.signature))
