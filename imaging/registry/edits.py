r"""Changing hives offline: where they are in Windows, what they are called there, and registration files for them.

A hive is a part of the registry: ``\Windows\System32\config\SYSTEM`` is ``HKEY_LOCAL_MACHINE\SYSTEM``.  Registration
files name whole paths, hives only what is below.  ``CurrentControlSet`` is not in a hive: Windows makes it when it
starts, of the control set that ``Select\Default`` names, and so do these functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.registry.hive import Hive, Key
from osdimage.imaging.registry.names import fold
from osdimage.imaging.registry.reg_file import Edit
from osdimage.imaging.registry.replay import Replayed
from osdimage.imaging.registry.values import Value

_CONFIG = "Windows/System32/config"
_MACHINE = "HKEY_LOCAL_MACHINE"
KNOWN_HIVES = {
    "SYSTEM": f"{_MACHINE}\\SYSTEM",
    "SOFTWARE": f"{_MACHINE}\\SOFTWARE",
    "SAM": f"{_MACHINE}\\SAM",
    "SECURITY": f"{_MACHINE}\\SECURITY",
    "COMPONENTS": f"{_MACHINE}\\COMPONENTS",
    "DRIVERS": f"{_MACHINE}\\DRIVERS",
    "DEFAULT": "HKEY_USERS\\.DEFAULT",
}
"""Hives of ``Windows\\System32\\config`` and what they are in the registry."""
_USER_HIVES = {"NTUSER.DAT": "HKEY_CURRENT_USER", "USRCLASS.DAT": "HKEY_CURRENT_USER\\Software\\Classes"}
_SHORT_ROOTS = {
    "HKLM": _MACHINE,
    "HKU": "HKEY_USERS",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKCC": "HKEY_CURRENT_CONFIG",
}
_COMPUTER = "COMPUTER\\HKEY_"
_CURRENT = "CURRENTCONTROLSET"
_NUMBERED = "CONTROLSET"
_SHOWN = 5


def hive_path(hive: str) -> str:
    r"""Return the path of a hive in Windows: of ``SYSTEM`` and the like in ``config``, otherwise as it is."""
    if hive.upper() in KNOWN_HIVES:
        return f"{_CONFIG}/{hive.upper()}"
    return hive.replace("\\", "/").strip("/")


def registry_prefix(hive: str) -> str:
    """Return what a hive is called in the registry, by its name or path; an unknown one is taken for the machine's."""
    name = hive.replace("\\", "/").rstrip("/").rpartition("/")[2].upper()
    return KNOWN_HIVES.get(name) or _USER_HIVES.get(name) or f"{_MACHINE}\\{name}"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: keys and values that were really changed.

    Attributes:
        keys_added, keys_deleted, values_set, values_deleted: how many.
        replayed: which changes of its logs the hive has got before, and was written with; None: there was no need.
    """

    keys_added: int
    keys_deleted: int
    values_set: int
    values_deleted: int
    replayed: Replayed | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether the hive was already as the file asks for."""
        return not (self.keys_added or self.keys_deleted or self.values_set or self.values_deleted)


def full_path(path: str) -> str:
    r"""Return a path with its root written out: ``HKLM`` is ``HKEY_LOCAL_MACHINE``.

    The address bar of regedit puts ``Computer\`` before it, which is left out.
    """
    stripped = path.strip("\\")
    if stripped.upper().startswith(_COMPUTER):
        stripped = stripped.partition("\\")[2]
    root, _, rest = stripped.partition("\\")
    whole = _SHORT_ROOTS.get(root.upper(), root)
    return f"{whole}\\{rest}" if rest else whole


def local_path(hive: Hive, path: str, prefix: str) -> str:
    """Return the path below the root of a hive for a path of the registry, or for one that is local already.

    Raises:
        InvalidRequest: when the path is of another hive, or of the current control set in a hive that does not tell
            which that is.
    """
    whole = full_path(path)
    if whole.upper().startswith("HKEY_"):
        folded, start = fold(whole), fold(prefix)
        if folded != start and not folded.startswith(start + "\\"):
            raise InvalidRequest(f"key {quoted(path)} is not in this hive, whose keys begin with {quoted(prefix)}")
        whole = whole[len(prefix) :].strip("\\")
    return _control_set(hive, whole)


def control_set(hive: Hive) -> str:
    """Return the name of the control set of a SYSTEM hive with which Windows starts, such as ``ControlSet001``.

    Raises:
        InvalidRequest: when the hive does not tell which that is.
        InvalidInput: when what tells it is no number.
    """
    select = hive.root.child("Select")
    default = select.value("Default") if select is not None else None
    if default is None:
        sets = [key.name for key in hive.root.subkeys if key.name.upper().startswith(_NUMBERED)]
        named = ", ".join(map(quoted, sets[:_SHOWN]))
        valid = f"name a control set: {named}" if sets else "the hive has no control set"
        raise InvalidRequest(
            f"the hive does not tell which control set is CurrentControlSet (Select\\Default); {valid}"
        )
    return f"ControlSet{default.as_integer():03d}"


def _control_set(hive: Hive, path: str) -> str:
    first, _, rest = path.partition("\\")
    if first.upper() != _CURRENT or hive.root.child(first) is not None:
        return path
    return control_set(hive) + (f"\\{rest}" if rest else "")


def find_key(hive: Hive, path: str, prefix: str) -> Key:
    """Return a key by its path in the hive or in the registry.

    Raises:
        InvalidRequest: when there is none; the message names the deepest key that is there.
    """
    local = local_path(hive, path, prefix)
    key = hive.root.find(local)
    if key is not None:
        return key
    names = [name for name in local.split("\\") if name]
    depth = next(count for count in range(len(names) - 1, -1, -1) if hive.root.find("\\".join(names[:count])))
    there = "\\".join([prefix, *names[:depth]])
    raise InvalidRequest(f"there is no key {quoted(path)}; there is {quoted(there)}")


def import_edits(hive: Hive, edits: Sequence[Edit], prefix: str, *, name: str = "file") -> ImportReport:
    """Do what a registration file asks for, as regedit does: what is to be deleted and is not there is no error.

    Args:
        hive: what is changed.
        edits: of a file, or made by hand.
        prefix: what the hive is called in the registry.
        name: what errors call the file.

    Raises:
        InvalidRequest: when a key is of another hive, or cannot be; the hive in memory is partly changed then: do not
            write it.
    """
    added = deleted = set_count = removed = 0
    for edit in edits:
        try:
            path = local_path(hive, edit.key, prefix)
            if edit.deletes_key:
                deleted += hive.root.delete_key(path)
                continue
            key = hive.root.find(path)
            if edit.deletes_value is not None:
                removed += key is not None and key.delete_value(edit.deletes_value)
                continue
            if key is None:
                key = hive.root.ensure(path)
                added += 1
            if edit.value is not None and key.value(edit.value.name) != edit.value:
                key.set(edit.value)
                set_count += 1
        except InvalidRequest as error:
            if not edit.line:
                raise
            raise InvalidRequest(f"{name}: line {edit.line}: {error}") from error
    return ImportReport(added, deleted, set_count, removed)


def export_keys(hive: Hive, path: str, prefix: str) -> Iterator[tuple[str, Key]]:
    """Yield a key and all below it with their whole paths in the registry.

    :func:`~osdimage.imaging.registry.reg_file.format_reg` takes them.

    Raises:
        InvalidRequest: when there is no such key.
    """
    local = local_path(hive, path, prefix)
    start = "\\".join(part for part in (prefix, local) if part)
    yield from find_key(hive, local, prefix).walk(start)


def clear_mounted_devices(hive: Hive) -> int:
    r"""Remove the drive letters that a SYSTEM hive remembers, and return how many values there were.

    ``MountedDevices`` maps letters to the disks of the machine that was captured; on another disk Windows may give its
    own volume a wrong letter.  Without the values it assigns them anew.

    Raises:
        InvalidInput: when the hive has no ``Select``, and so is not a SYSTEM hive.
    """
    return move_mounted_devices(hive, {}).removed


@dataclass(frozen=True, slots=True)
class MovedDevices:
    """What became of the values of ``MountedDevices``: how many name something else now, and how many are gone."""

    moved: int
    removed: int


def move_mounted_devices(hive: Hive, moved: Mapping[bytes, bytes]) -> MovedDevices:
    r"""Let the drive letters that a SYSTEM hive remembers name other partitions, and remove the rest of them.

    Args:
        hive: the hive; it is changed.
        moved: the new data of a value by the old one; what is not in it is nowhere any more.

    Raises:
        InvalidInput: when the hive has no ``Select``, and so is not a SYSTEM hive.
    """
    if hive.root.child("Select") is None:
        raise InvalidInput("not a SYSTEM hive: it has no key Select")
    key = hive.root.child("MountedDevices")
    if key is None:
        return MovedDevices(0, 0)
    values = list(key.values)
    kept = 0
    for value in values:
        new = moved.get(value.data)
        if new is None:
            key.delete_value(value.name)
        else:
            key.set(Value.binary(value.name, new))
            kept += 1
    return MovedDevices(kept, len(values) - kept)


def value_lines(value: Value) -> str:
    """Return a value in one line, as ``reg query`` shows it: name, type, data."""
    return f"{value.name or '(Default)'}    {value.type_name}    {data_text(value)}"


def data_text(value: Value) -> str:
    """Return the data of a value for people: texts as they are, numbers in hexadecimal, all else as bytes."""
    try:
        match value.type_name:
            case "REG_SZ" | "REG_EXPAND_SZ" | "REG_LINK":
                return value.as_string()
            case "REG_MULTI_SZ":
                return r"\0".join(value.as_strings())
            case "REG_DWORD" | "REG_DWORD_BIG_ENDIAN" | "REG_QWORD":
                return f"{value.as_integer():#x}"
    except InvalidInput:
        # Of a wrong size for its type: the bytes are all there is to show.
        pass
    return value.data.hex()
