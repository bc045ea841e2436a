"""The devices that an INF has drivers for: ``[Manufacturer]`` and the sections of models that it names.

Sources: Microsoft, "INF Manufacturer Section" and "INF Models Section" (``install/inf-manufacturer-section.md``,
``install/inf-models-section.md``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.drivers.inf.decorations import Decoration, best_of
from osdimage.imaging.drivers.inf.inf_text import Budget, InfText, InfTopic, InfWarning
from osdimage.imaging.drivers.target_os import TargetOs
from osdimage.imaging.errors import quoted


@dataclass(frozen=True, slots=True)
class Model:
    r"""A line of a section of models.

    Attributes:
        description: what people call the device.
        manufacturer: whose it is.
        section: the install section, as the line has it.
        hardware_id: such as ``PCI\VEN_1AF4&DEV_1001``; None for a line for choosing by hand.
        compatible_ids: what else the driver is for, best first.
        decoration: of the section that the line is in.
        line: its number.
    """

    description: str
    manufacturer: str
    section: str
    hardware_id: str | None
    compatible_ids: tuple[str, ...]
    decoration: Decoration
    line: int

    @property
    def ids(self) -> tuple[str, ...]:
        """All its ids, the hardware id first."""
        return self.compatible_ids if self.hardware_id is None else (self.hardware_id, *self.compatible_ids)

    def placed_ids(self) -> Iterator[tuple[int, str]]:
        """Yield its ids by their places: 0 is that of the hardware id, which may not be there."""
        if self.hardware_id is not None:
            yield 0, self.hardware_id
        yield from enumerate(self.compatible_ids, 1)


@dataclass(frozen=True, slots=True)
class Manufacturer:
    """A line of ``[Manufacturer]``.

    Attributes:
        name: of the manufacturer.
        section: of the models, without a decoration.
        decorations: those that Windows understands, in the order of the line; one without a text comes last when there
            is a section without a decoration, or the line names none.
        line: its number.
    """

    name: str
    section: str
    decorations: tuple[Decoration, ...]
    line: int

    def section_for(self, decoration: Decoration) -> str:
        """Return the name of the section of models of a platform."""
        return f"{self.section}.{decoration.text}" if decoration.text else self.section


def read_manufacturers(text: InfText, warnings: list[InfWarning]) -> tuple[Manufacturer, ...]:
    """Return the lines of ``[Manufacturer]``, and add what cannot be understood there to the warnings."""
    found: list[Manufacturer] = []
    for entry in text.entries("Manufacturer"):
        section = entry.value(0)
        if not section:
            warnings.append(InfWarning(entry.line, f"the manufacturer {quoted(entry.key or '')} names no section"))
            continue
        decorations: list[Decoration] = []
        named = [each for each in entry.text[1:] if each]
        for each in named:
            decoration = Decoration.parse(each)
            if decoration is None:
                warnings.append(
                    InfWarning(entry.line, f"{quoted(each)} is no platform; valid are such as NTamd64 or NTx86.6.1")
                )
                continue
            decorations.append(decoration)
        # Windows 2000 looks there, and x86 of every version when nothing else is for it.
        if not named or text.section(section) is not None:
            decorations.append(Decoration())
        made = Manufacturer(section if entry.key is None else entry.key, section, tuple(decorations), entry.line)
        found.append(made)
        warnings += (
            InfWarning(entry.line, f"there is no section [{name}], which it names", InfTopic.SECTION)
            for name in map(made.section_for, decorations)
            if text.section(name) is None
        )
    return tuple(found)


def models_for(text: InfText, manufacturers: tuple[Manufacturer, ...], os: TargetOs) -> Iterator[Model]:
    """Yield the models for a Windows: of each manufacturer those of the one section that it takes.

    A section that is chosen and empty says that there is nothing for this Windows; no other takes its place.

    Raises:
        InvalidInput: when sections are named so often that they are too many lines.
    """
    budget = text.budget()
    for manufacturer in manufacturers:
        chosen = best_of(manufacturer.decorations, os)
        if chosen is not None:
            yield from _models(text, manufacturer, chosen, budget)


def all_models(text: InfText, manufacturers: tuple[Manufacturer, ...]) -> Iterator[Model]:
    """Yield the models of every platform.

    Raises:
        InvalidInput: as :func:`models_for`.
    """
    for _, _, models in models_by_section(text, manufacturers):
        yield from models


def models_by_section(
    text: InfText, manufacturers: tuple[Manufacturer, ...]
) -> Iterator[tuple[int, Decoration, Iterator[Model]]]:
    """Yield each section of models that a manufacturer names: the manufacturer's number, the platform, the models.

    A section has to be read before the next one is asked for; all of them together have one bound.

    Raises:
        InvalidInput: as :func:`models_for`.
    """
    budget = text.budget()
    for entry, manufacturer in enumerate(manufacturers):
        for decoration in manufacturer.decorations:
            yield entry, decoration, _models(text, manufacturer, decoration, budget)


def _models(text: InfText, manufacturer: Manufacturer, decoration: Decoration, budget: Budget) -> Iterator[Model]:
    for entry in text.entries(manufacturer.section_for(decoration), budget):
        if entry.key is None:
            continue
        hardware, *compatible = entry.text[1:] or ("",)
        yield Model(
            description=entry.key,
            manufacturer=manufacturer.name,
            section=entry.value(0),
            hardware_id=hardware or None,
            compatible_ids=tuple(each for each in compatible if each),
            decoration=decoration,
            line=entry.line,
        )
