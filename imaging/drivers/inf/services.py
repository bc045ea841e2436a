"""Services that an INF installs: ``AddService`` and the sections that it names.

Sources: Microsoft, "INF AddService Directive" (``install/inf-addservice-directive.md``); ``winsvc.h`` for the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from osdimage.imaging.drivers.inf.inf_text import Budget, Entry, InfText, InfTopic, InfWarning
from osdimage.imaging.drivers.inf.places import Folders, InfPath
from osdimage.imaging.drivers.inf.settings import RegSetting, number_of, read_settings
from osdimage.imaging.errors import quoted

_FUNCTION_DRIVER = 0x2


class ServiceStart(IntEnum):
    """When Windows starts a service."""

    BOOT = 0
    SYSTEM = 1
    AUTO = 2
    DEMAND = 3
    DISABLED = 4


@dataclass(frozen=True, slots=True)
class EventLog:
    r"""What a service tells the event log of its messages.

    Attributes:
        log: the log, such as ``System``.
        source: the name of who writes there.
        settings: ``HKR`` in them is ``Services\EventLog\<log>\<source>``.
    """

    log: str
    source: str
    settings: tuple[RegSetting, ...]


@dataclass(frozen=True, slots=True)
class Service:
    r"""A service that an install section adds.

    Attributes:
        name: of its key below ``Services``.
        flags: bits ``SPSVCINST_*``; see :attr:`is_function_driver`.
        type: ``ServiceType``, 1 for a driver of the kernel; None when it is missing.
        start: ``StartType``: a :class:`ServiceStart`; None when it is missing.
        error_control: ``ErrorControl``, 0 to 3; None when it is missing.
        binary: where its program or driver is once it is installed; None when it is missing.
        load_order_group: or empty.
        display_name: or empty.
        description: or empty.
        dependencies: names of services, and of groups with ``+`` in front.
        start_name: the account, or for a driver its object; empty by default.
        settings: ``HKR`` in them is ``Services\<name>``.
        event_log: or None.
        section: the service's section.
        line: of ``AddService``.
    """

    name: str
    flags: int
    type: int | None
    start: int | None
    error_control: int | None
    binary: InfPath | None
    load_order_group: str
    display_name: str
    description: str
    dependencies: tuple[str, ...]
    start_name: str
    settings: tuple[RegSetting, ...]
    event_log: EventLog | None
    section: str
    line: int

    @property
    def is_function_driver(self) -> bool:
        """Whether it is the driver of the device itself, and no filter."""
        return bool(self.flags & _FUNCTION_DRIVER)


def read_services(
    text: InfText, section: str, folders: Folders, budget: Budget, warnings: list[InfWarning]
) -> Iterator[Service]:
    """Yield the services that a section ``.Services`` adds; a NULL one, without a name, is no service."""
    for entry in text.named(section, "AddService", budget):
        if entry.value(0):
            yield _service(text, entry, folders, budget, warnings)


def has_null_service(text: InfText, section: str) -> bool:
    """Tell whether a section ``.Services`` says that the device has no service of its own."""
    return any(not entry.value(0) for entry in text.named(section, "AddService"))


def _service(text: InfText, entry: Entry, folders: Folders, budget: Budget, warnings: list[InfWarning]) -> Service:
    name, section = entry.value(0), entry.value(2)
    if not section or text.section(section) is None:
        said = f"there is no section [{section}]" if section else "no section is named"
        warnings.append(InfWarning(entry.line, f"{said} for the service {quoted(name)}", InfTopic.SECTION))

    def value(key: str) -> str:
        return text.value(section, key)

    def number(key: str, most: int) -> int | None:
        found = next(text.named(section, key), None)
        if found is None:
            if text.section(section) is not None:
                warnings.append(InfWarning(entry.line, f"the service {quoted(name)} has no {key}"))
            return None
        made = number_of(found.value(0))
        if made is None or not 0 <= made <= most:
            warnings.append(
                InfWarning(found.line, f"{key} is {quoted(found.value(0))}; valid are numbers from 0 to {most}")
            )
            return None
        return made

    flags = number_of(entry.value(1)) if entry.value(1).strip() else 0
    if flags is None:
        warnings.append(InfWarning(entry.line, f"the flags {quoted(entry.value(1))} are no number"))
    binary = value("ServiceBinary")
    if not binary and text.section(section) is not None:
        warnings.append(InfWarning(entry.line, f"the service {quoted(name)} has no ServiceBinary"))
    return Service(
        name=name,
        flags=flags or 0,
        type=number("ServiceType", 0xFFFF),
        start=number("StartType", ServiceStart.DISABLED),
        error_control=number("ErrorControl", 3),
        binary=InfPath.parse(binary) if binary else None,
        load_order_group=value("LoadOrderGroup"),
        display_name=value("DisplayName"),
        description=value("Description"),
        dependencies=_dependencies(text, section),
        start_name=value("StartName"),
        settings=read_settings(text, section, folders, budget, warnings),
        event_log=_event_log(text, entry, folders, budget, warnings),
        section=section,
        line=entry.line,
    )


def _dependencies(text: InfText, section: str) -> tuple[str, ...]:
    found = next(text.named(section, "Dependencies"), None)
    return () if found is None else tuple(each for each in found.text if each)


def _event_log(
    text: InfText, entry: Entry, folders: Folders, budget: Budget, warnings: list[InfWarning]
) -> EventLog | None:
    section = entry.value(3)
    if not section:
        return None
    if text.section(section) is None:
        warnings.append(InfWarning(entry.line, f"there is no section [{section}] for the event log", InfTopic.SECTION))
        return None
    settings = read_settings(text, section, folders, budget, warnings)
    return EventLog(entry.value(4) or "System", entry.value(5) or entry.value(0), settings)
