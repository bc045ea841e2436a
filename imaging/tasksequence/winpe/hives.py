r"""Changing the registry of a Windows that does not run: ``reg load``, ``reg add``, ``reg delete`` and ``reg unload``.

A hive that is loaded is only noted: each ``reg add`` changes its file, so that nothing is lost when it is never
unloaded.  All other keys of the machine are those of Windows PE itself, whose registry is gone after it.

Sources: "reg load", "reg add", "reg delete" and "reg unload", learn.microsoft.com/windows-server/administration/
windows-commands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.registry.beside import read_beside, write_beside
from osdimage.imaging.registry.edits import full_path, import_edits
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.registry.reg_file import Edit
from osdimage.imaging.registry.values import Value, ValueType
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.tasksequence.computer.machine import LoadedHive, Machine, NotThere
from osdimage.imaging.tasksequence.result import Events, Forecast
from osdimage.imaging.tasksequence.winpe.command import IN_RAM, Command, Outcome
from osdimage.imaging.tasksequence.winpe.places import DrivePath, drive_path, written
from osdimage.imaging.tasksequence.winpe.switches import Switches
from osdimage.imaging.volume.filesystems import open_files

_ROOTS = ("HKEY_LOCAL_MACHINE", "HKEY_USERS")
"""Below these alone a hive can be loaded."""
_OF_PE = frozenset({
    "hardware", "sam", "security", "software", "system", "components", "drivers", "bcd00000000", ".default",
})  # fmt: skip
_OWN = "the registry of Windows PE is gone after it"
_FAILED = 1
_TYPES = {f"reg_{kind.name.lower()}": kind for kind in ValueType}
_CURRENT = "currentcontrolset"
_WITH_WORD = frozenset({"v", "t", "s", "d"})
_SEPARATOR = r"\0"


@dataclass(frozen=True, slots=True)
class LoadHive(Command):
    """``reg load``: notes the hive."""

    key: str
    file: DrivePath

    @classmethod
    def read(cls, words: tuple[str, ...]) -> LoadHive:
        """Read the words behind ``reg load``.

        Raises:
            InvalidRequest: when they are no key and no file.
        """
        if len(words) != 2:
            raise InvalidRequest(r"valid is reg load HKLM\NAME FILE")
        return cls(_loaded_key(words[0]), drive_path(words[1]))

    def needless(self, machine: Machine) -> str | None:
        """Return that the hive is one of Windows PE, or None."""
        del machine
        return IN_RAM if self.file.is_in_ram else None

    def foretell(self, machine: Machine) -> Forecast:
        """Note the hive for the steps that change it."""
        self._note(machine)
        return Forecast(f"load {self.file} as {self.key}")

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Note the hive, which must be there and be one."""
        if _found(machine, self.key) is not None and not events.is_repeated:
            return Outcome(_FAILED, f"{self.key} is loaded already")
        place = self.file.volume(machine)
        with machine.opened(place.disk) as disk, open_files(disk.volume(place.partition)) as files:
            if not files.exists(self.file.inner):
                return Outcome(_FAILED, f"there is no {self.file}")
            read_beside(files, self.file.inner, limit=MAX_HIVE_BYTES, name=str(self.file))
        self._note(machine)
        return Outcome(0, f"{self.file} is loaded as {self.key}")

    def _note(self, machine: Machine) -> None:
        machine.hives[self.key.lower()] = LoadedHive(self.file.volume(machine), self.file.inner)


@dataclass(frozen=True, slots=True)
class UnloadHive(Command):
    """``reg unload``: forgets the hive."""

    key: str

    @classmethod
    def read(cls, words: tuple[str, ...]) -> UnloadHive:
        """Read the words behind ``reg unload``.

        Raises:
            InvalidRequest: when they are no key.
        """
        if len(words) != 1:
            raise InvalidRequest(r"valid is reg unload HKLM\NAME")
        return cls(_loaded_key(words[0]))

    def needless(self, machine: Machine) -> str | None:
        """Return that no such hive is loaded, or None."""
        return None if _found(machine, self.key) is not None else f"nothing is loaded as {self.key}"

    def foretell(self, machine: Machine) -> Forecast:
        """Forget the hive."""
        machine.hives.pop(self.key.lower(), None)
        return Forecast(f"unload {self.key}")

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Forget the hive: what was changed in it is written already."""
        del events
        machine.hives.pop(self.key.lower(), None)
        return Outcome(0, f"{self.key} is unloaded")


@dataclass(frozen=True, slots=True)
class ChangeKey(Command):
    """``reg add`` or ``reg delete``: one change of a hive.

    Attributes:
        edit: the change, with the whole path of the key.
        forced: whether a value that is there is replaced, and a deletion is not asked for.
    """

    edit: Edit
    forced: bool

    @classmethod
    def read_add(cls, words: tuple[str, ...]) -> ChangeKey:
        """Read the words behind ``reg add``.

        Raises:
            InvalidRequest: when they are not those of one that is known here.
        """
        switches = Switches.apart(_joined(words))
        key = _only_key(switches, "add")
        name = "" if switches.take("ve") else switches.value("v")
        kind, separator, data = switches.value("t"), switches.value("s"), switches.value("d")
        forced = switches.take("f")
        _finish(switches, "add")
        value = None if name is None else _value(name, kind or "REG_SZ", data or "", separator or _SEPARATOR)
        if name is None and (kind is not None or data is not None):
            value = _value("", kind or "REG_SZ", data or "", separator or _SEPARATOR)
        return cls(Edit(key, value), forced)

    @classmethod
    def read_delete(cls, words: tuple[str, ...]) -> ChangeKey:
        """Read the words behind ``reg delete``.

        Raises:
            InvalidRequest: when they are not those of one that is known here.
        """
        switches = Switches.apart(_joined(words))
        key = _only_key(switches, "delete")
        name = "" if switches.take("ve") else switches.value("v")
        if not switches.take("f"):
            raise InvalidRequest("reg delete asks a person; valid here is reg delete KEY /f")
        if name is None and key.count("\\") < 2:
            raise InvalidRequest(f"{key} is a whole hive; valid is a key below it")
        _finish(switches, "delete")
        return cls(Edit(key, deletes_key=name is None, deletes_value=name), forced=True)

    def needless(self, machine: Machine) -> str | None:
        """Return that it is the registry of Windows PE that is changed, or None."""
        root, _, rest = self.edit.key.partition("\\")
        is_own = root not in _ROOTS or rest.partition("\\")[0].lower() in _OF_PE
        return _OWN if is_own and self._hive(machine) is None else None

    def foretell(self, machine: Machine) -> Forecast:
        """Tell which key would be changed."""
        self._required(machine)
        lost = (f"{self.edit.key} and all in it",) if self.edit.deletes_key else ()
        return Forecast(f"{'delete from' if self._deletes else 'change'} {self.edit.key}", destroys=lost)

    def carry_out(self, machine: Machine, events: Events) -> Outcome:
        """Change the hive where it lies, with the changes that its logs hold."""
        where, prefix = self._required(machine)
        with written(machine, where.place, is_repeated=events.is_repeated) as files:
            name = f"{files.name}: {where.path}"
            hive = read_beside(files, where.path, limit=MAX_HIVE_BYTES, name=name)
            below = self.edit.key[len(prefix) :].strip("\\")
            key = hive.root.find(below)
            if self._deletes:
                gone = key is None or (
                    self.edit.deletes_value is not None and key.value(self.edit.deletes_value) is None
                )
                if gone and not events.is_repeated:
                    return Outcome(_FAILED, f"there is no such key or value: {self.edit.key}")
            elif key is not None and self.edit.value is not None and not self.forced:
                there = key.value(self.edit.value.name)
                if there is not None and there != self.edit.value:
                    return Outcome(_FAILED, f"{self.edit.key} has the value already: /f replaces it")
            import_edits(hive, (self.edit,), prefix)
            if hive.is_changed:
                data = write_hive(hive, now=datetime.now(UTC))
                write_beside(files, where.path, data, empties_logs=hive.is_unclosed)
        return Outcome(0, f"{'deleted from' if self._deletes else 'changed'} {self.edit.key}")

    @property
    def _deletes(self) -> bool:
        return self.edit.deletes_key or self.edit.deletes_value is not None

    def _hive(self, machine: Machine) -> tuple[LoadedHive, str] | None:
        parts = self.edit.key.split("\\", 2)
        prefix = "\\".join(parts[:2])
        found = _found(machine, prefix)
        return None if found is None else (found, prefix)

    def _required(self, machine: Machine) -> tuple[LoadedHive, str]:
        found = self._hive(machine)
        if found is None:
            known = ", ".join(machine.hives) or "none"
            raise NotThere(f"no hive is loaded for {self.edit.key}; loaded are: {known}")
        if self.edit.key.lower().split("\\")[2:3] == [_CURRENT]:
            raise InvalidRequest(
                f"{self.edit.key}: a hive that is loaded has no CurrentControlSet; valid is one such as ControlSet001"
            )
        return found


def _found(machine: Machine, key: str) -> LoadedHive | None:
    return machine.hives.get(key.lower())


def _loaded_key(text: str) -> str:
    whole = full_path(text)
    root, _, name = whole.partition("\\")
    if root.upper() not in _ROOTS or not name or "\\" in name:
        raise InvalidRequest(f"{quoted(text)}: a hive is loaded as a key such as HKLM\\NAME")
    return f"{root.upper()}\\{name}"


def _only_key(switches: Switches, verb: str) -> str:
    if len(switches.words) != 1 or "\\" not in switches.words[0] or switches.words[0].startswith("\\\\"):
        raise InvalidRequest(f"valid is reg {verb} KEY, with a key of this computer such as HKLM\\NAME\\KEY")
    whole = full_path(switches.words[0])
    root, _, rest = whole.partition("\\")
    return f"{root.upper()}\\{rest}"


def _finish(switches: Switches, verb: str) -> None:
    switches.pass_over("reg:32", "reg:64", "reg")
    switches.finish(f"reg {verb}")


def _joined(words: tuple[str, ...]) -> tuple[str, ...]:
    """Join each switch that has a word of its own with that; data may begin with a slash."""
    found: list[str] = []
    is_open = False
    for word in words:
        if is_open:
            found[-1] += f":{word}"
            is_open = False
        else:
            found.append(word)
            is_open = word[:1] == "/" and word[1:].lower() in _WITH_WORD
    return tuple(found)


def _value(name: str, kind: str, data: str, separator: str) -> Value:
    known = _TYPES.get(kind.lower())
    match known:
        case ValueType.SZ:
            return Value.string(name, data)
        case ValueType.EXPAND_SZ:
            return Value.expand_string(name, data)
        case ValueType.MULTI_SZ:
            return Value.multi_string(name, data.split(separator) if data else ())
        case ValueType.DWORD:
            return Value.dword(name, _number(data, 32))
        case ValueType.QWORD:
            return Value.qword(name, _number(data, 64))
        case ValueType.BINARY | ValueType.NONE:
            return Value(name, known, _bytes(data))
    raise InvalidRequest(f"reg add /t {quoted(kind)} is not known here; valid are REG_SZ, REG_DWORD and their like")


_NUMBER = re.compile(r"0x([0-9a-f]{1,16})|([0-9]{1,20})", re.IGNORECASE | re.ASCII)


def _number(text: str, bits: int) -> int:
    found = _NUMBER.fullmatch(text or "0")
    number = -1 if found is None else int(found[1], 16) if found[1] else int(found[2])
    if not 0 <= number < 1 << bits:
        raise InvalidRequest(f"reg add /d {quoted(text)}; valid is a number of {bits} bits")
    return number


def _bytes(text: str) -> bytes:
    if len(text) % 2 or re.fullmatch(r"[0-9a-fA-F]*", text) is None:
        raise InvalidRequest(f"reg add /d {quoted(text)}; valid are pairs of hexadecimal digits")
    return bytes.fromhex(text)
