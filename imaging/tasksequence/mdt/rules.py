"""The rules of MDT: which variables the sections of ``CustomSettings.ini`` set for a computer.

Model: ``Priority`` of ``[Settings]`` names, in their order, sections, and properties whose values are the names of
sections: of a list, such as ``MACAddress``, each of its elements.  ``DefaultGateway`` is indirect: the section of that
name says which section belongs to which gateway.  ``Subsection`` of a section names another that counts at once, before
the rest of the first.  The first value of a property counts; of a few, which Lite Touch sets itself, the last one does,
unless the caller gave the variable.  Elements of a list are added to those that are there, if they are not among them.
``%Name%`` in a value is replaced by the value that the property has by then.

What VBScript, a database or a web service would answer is never guessed: a section that asks them is refused when it is
reached, and so is one that depends on a fact of the computer that nobody has told.

Sources: "Priority Reserved Property", "Properties Reserved Property", "Subsections in the CustomSettings.ini File" and
"Select the Method for Grouping Computers" of the MDT documentation; "BDD Scenarios: Automating Application Deployment"
(default gateways); ``Invoke-PSDRules`` of PSDGather.psm1 in FriendsOfMDT/PSD (order, lists, what is overwritten).
Chosen here, since no source says it: a property that is declared and has no value is replaced by nothing, and an
unknown ``%Name%`` stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from osdimage.imaging.disk.layouts.variables import check_name
from osdimage.imaging.errors import InvalidDocument, InvalidRequest, Means, Remedy, quoted
from osdimage.imaging.tasksequence.environment import Environment, expanded
from osdimage.imaging.tasksequence.judging.facts import fact_called
from osdimage.imaging.tasksequence.layers import Origin
from osdimage.imaging.tasksequence.mdt.ini import IniFile, Section, Setting
from osdimage.imaging.tasksequence.mdt.properties import LISTS, OVERWRITTEN, SINGLE

_SETTINGS, _SUBSECTION, _GATEWAY = "settings", "subsection", "defaultgateway"
_LISTED_FACTS = frozenset({"macaddress", "ipaddress", _GATEWAY})
# What a section asks, and who would answer.
_ASKS = {"userexit": "a script of VBScript", "sqlserver": "a database", "webservice": "a web service"}
_EXPRESSION = re.compile("#[^#]+#")
_NUMBERED = re.compile(r"(.*?\D)(\d{1,3})", re.ASCII | re.DOTALL)
_GIVEN = frozenset({Origin.MEDIA, Origin.COMPUTER, Origin.COLLECTION})
_WITHOUT = (Means.RULES, Means.VARIABLE)
_MOST_ELEMENTS = 999
_MOST_SETTINGS = 100_000
"""More than a file of rules of the largest size has, and few enough to look at in a second."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What rules come to for one computer.

    Attributes:
        variables: that are to be set, in this order.
        sections: that counted, in their order.
        warnings: sentences about settings that count for nothing.
    """

    variables: Mapping[str, str]
    sections: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def work_out(rules: IniFile, env: Environment) -> Outcome:
    """Find out what rules set for the computer whose variables these are; nothing is changed.

    Raises:
        InvalidDocument: when the file has no ``Priority``, a section leads to itself, or more of them are to be looked
            at than a real file has.
        InvalidRequest: when something is asked that cannot be answered here: a fact that nobody told, a script, a
            database, a web service.
    """
    settings = rules.section(_SETTINGS)
    priority = None if settings is None else settings.value("Priority")
    if settings is None or priority is None:
        raise InvalidDocument(f"{rules.source}: [Settings] has no Priority; valid is one such as Priority=Default")
    work = _Work(rules, env, _own_properties(rules, settings.value("Properties") or ""))
    entries = _items(priority)
    for entry in entries:
        work.entry(entry, entries)
    return Outcome(dict(work.made.values()), tuple(work.sections), (*rules.warnings, *work.warnings))


def _own_properties(rules: IniFile, text: str) -> dict[str, bool]:
    """Return the properties that a file declares, in lower case, and whether each is a list."""
    own = {}
    for item in _items(text):
        name = item.removesuffix("(*)").strip()
        if check_name(name) is not None:
            raise InvalidDocument(f"{rules.source}: Properties: {quoted(name)} is not the name of a variable")
        own[name.lower()] = item.endswith("(*)")
    return own


def _items(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


class _Work:
    """What has been worked out so far."""

    def __init__(self, rules: IniFile, env: Environment, own: Mapping[str, bool]) -> None:
        self._rules, self._env, self._own = rules, env, own
        self._looked_at = 0
        self.made: dict[str, tuple[str, str]] = {}
        self.sections: list[str] = []
        self.warnings: list[str] = []

    # Sections

    def entry(self, entry: str, entries: Iterable[str]) -> None:
        """Let an entry of ``Priority`` count."""
        key = entry.lower()
        if not self._is_property(key) and fact_called(key) is None:
            self._section(entry)
            return
        values = list(self._values(key))
        if not values and (fact := fact_called(key)) is not None:
            if self._may_lead(key, entries):
                raise self._untold(fact, f"Priority has {entry}")
            return
        for value in values:
            self._section(self._of_gateway(value) if key == _GATEWAY else value)

    def _may_lead(self, key: str, entries: Iterable[str]) -> bool:
        """Tell whether an unknown value could be the name of a section: of one that no entry names by itself."""
        if key == _GATEWAY:
            return self._rules.section(_GATEWAY) is not None
        named = {_SETTINGS, _GATEWAY, *(entry.lower() for entry in entries)}
        return any(name not in named for name in self._rules.sections)

    def _of_gateway(self, address: str) -> str | None:
        listed = self._rules.section(_GATEWAY)
        return None if listed is None else listed.value(address)

    def _section(self, name: str | None, way: tuple[str, ...] = ()) -> None:
        section = None if name is None else self._rules.section(name)
        if section is None:
            return
        if section.name in way:
            round_trip = " leads to ".join(f"[{each}]" for each in (*way, section.name))
            raise InvalidDocument(f"{self._rules.source}: {round_trip} by Subsection")
        self._count(len(section.settings) + 1)
        for key, who in _ASKS.items():
            if section.value(key) is not None:
                raise self._unanswered(section, section.settings[key].name, who)
        self.sections.append(section.name)
        below = section.value(_SUBSECTION)
        if below is not None:
            self._section(self._expand(below, f"Subsection of [{section.name}]"), (*way, section.name))
        self._settings(section)

    def _count(self, settings: int) -> None:
        self._looked_at += settings
        if self._looked_at > _MOST_SETTINGS:
            raise InvalidDocument(
                f"{self._rules.source}: its sections are looked at so often that more than {_MOST_SETTINGS:,} settings "
                "count; no real file has as many"
            )

    # Settings

    def _settings(self, section: Section) -> None:
        lists: dict[str, dict[int, Setting]] = {}
        for key, setting in section.settings.items():
            if key == _SUBSECTION or not setting.value:
                continue
            if self._is_single(key):
                self._set_single(section, setting)
                continue
            element = _NUMBERED.fullmatch(setting.name)
            if element is not None and self._is_list(element[1].lower()):
                if len(element[2]) == 3 or str(int(element[2])) == element[2]:
                    lists.setdefault(element[1].lower(), {}).setdefault(int(element[2]), setting)
                else:
                    self._ignored(section, setting, "the number of an element has three digits, or no zero before it")
            else:
                self._ignored(section, setting, "neither MDT nor Properties of [Settings] declares it")
        for name, elements in lists.items():
            self._add_elements(section, name, elements)

    def _set_single(self, section: Section, setting: Setting) -> None:
        key = setting.name.lower()
        if self._env.origin(key) in _GIVEN or (key not in OVERWRITTEN and self._get(key) is not None):
            return
        value = self._value(section, setting)
        if value:
            self.made[key] = (setting.name, value)

    def _add_elements(self, section: Section, name: str, elements: Mapping[int, Setting]) -> None:
        there = list(self._elements(name))
        number = 1
        while (setting := elements.get(number)) is not None:
            value = self._value(section, setting)
            if value and value not in there and len(there) < _MOST_ELEMENTS:
                there.append(value)
                made = f"{setting.name.rstrip('0123456789')}{len(there):03}"
                self.made[made.lower()] = (made, value)
            number += 1
        for later in sorted(each for each in elements if each >= number):
            self._ignored(section, elements[later], f"an element {number} is missing before it")
            break

    def _value(self, section: Section, setting: Setting) -> str:
        if _EXPRESSION.search(setting.value) is not None:
            raise self._unanswered(section, setting.name, "an expression of VBScript")
        return self._expand(setting.value, f"{setting.name} of [{section.name}]")

    def _ignored(self, section: Section, setting: Setting, why: str) -> None:
        self.warnings.append(f"{self._rules.source}: {setting.name} of [{section.name}] counts for nothing: {why}")

    # Values

    def _expand(self, text: str, where: str) -> str:
        def find(name: str) -> str | None:
            value = self._get(name)
            if value is not None:
                return value
            fact = fact_called(name.lower())
            if fact is not None:
                raise self._untold(fact, f"{where} has %{name}%")
            return "" if self._is_property(name.lower()) else None

        return expanded(text, find)

    def _get(self, name: str) -> str | None:
        made = self.made.get(name.lower())
        return self._env.text(name) if made is None else made[1]

    def _values(self, name: str) -> Iterator[str]:
        """Yield the values of a property: of a list all elements."""
        yield from self._elements(name) if self._is_list(name) else ()
        single = self._get(name)
        if single is not None:
            yield single

    def _elements(self, name: str) -> Iterator[str]:
        for number in range(1, _MOST_ELEMENTS + 1):
            value = self._get(f"{name}{number:03}") or self._get(f"{name}{number}")
            if value is None:
                return
            yield value

    def _is_single(self, key: str) -> bool:
        return not self._own[key] if key in self._own else key in SINGLE or key in OVERWRITTEN

    def _is_list(self, key: str) -> bool:
        return self._own.get(key, key in LISTS or key in _LISTED_FACTS)

    def _is_property(self, key: str) -> bool:
        return self._is_single(key) or self._is_list(key)

    # What cannot be answered

    def _untold(self, fact: str, where: str) -> InvalidRequest:
        return InvalidRequest(
            f"{self._rules.source}: {where}, and nobody has told {fact} of the computer",
            remedy=Remedy("tell it: {}, or {}", (Means.FACTS, Means.VARIABLE), (fact,)),
        )

    def _unanswered(self, section: Section, name: str, who: str) -> InvalidRequest:
        return InvalidRequest(
            f"{self._rules.source}: {name} of [{section.name}] asks {who}, which is not asked here",
            remedy=Remedy("give rules without it ({}), and what it would set ({})", _WITHOUT, ("NAME",)),
        )
