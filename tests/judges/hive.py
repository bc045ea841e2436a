"""Programs of others that read, and one that writes, registry hives.

Each reader returns ``{path: {value name: (type, bytes)}}``; the path of the root is empty, and so is the name of the
default value.
"""

from __future__ import annotations

import base64
import io
import struct
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

from judges.disk import missing
from judges.wim import output, require

Tree = dict[str, dict[str, tuple[int, bytes]]]


def _join(path: str, name: str) -> str:
    return f"{path}\\{name}" if path else name


def dissect(data: bytes) -> Tree:
    try:
        from dissect.regf import RegistryHive  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("dissect.regf is not installed")
    found: Tree = {}

    def take(key: object, path: str) -> None:
        found[path] = {
            ("" if value.name == "(Default)" else value.name): (value.type, value.data) for value in key.values()
        }
        for below in key.subkeys():
            take(below, _join(path, below.name))

    take(RegistryHive(io.BytesIO(data)).root(), "")
    return found


def python_registry(data: bytes) -> Tree:
    try:
        from Registry import Registry  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("python-registry is not installed")
    found: Tree = {}

    def take(key: object, path: str) -> None:
        found[path] = {
            ("" if value.name() == "(default)" else value.name()): (value.value_type(), value.raw_data())
            for value in key.values()
        }
        for below in key.subkeys():
            take(below, _join(path, below.name()))

    take(Registry.Registry(io.BytesIO(data)).root(), "")
    return found


def regipy_paths(hive: Path) -> set[str]:
    """Return the keys that regipy finds, from the root's subkeys down."""
    try:
        from regipy.registry import RegistryHive  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("regipy is not installed")
    return {key.path.removeprefix("\\") for key in RegistryHive(str(hive)).recurse_subkeys(as_json=True)}


def hivexml(hive: Path) -> Tree:
    """Return what ``hivexml FILE`` prints (into a pipe: it opens /dev/stdout anew)."""
    found: Tree = {}

    def take(node: ET.Element, path: str) -> None:
        found[path] = dict(map(_hivexml_value, node.findall("value")))
        for below in node.findall("node"):
            name = below.get("name") or base64.b64decode(below.findtext("name") or "").decode()
            take(below, _join(path, name))

    root = ET.fromstring(output("hivexml", hive)).find("node")  # noqa: S314 - the judge's own output
    assert root is not None
    take(root, "")
    return found


_HIVEXML_STRINGS = {"string": 1, "expand": 2, "link": 6}
_HIVEXML_INTEGERS = {"int32": (4, "<I"), "int64": (11, "<Q")}
_HIVEXML_BYTES = {"binary": 3, "none": 0}


def _hivexml_value(value: ET.Element) -> tuple[str, tuple[int, bytes]]:
    name = value.get("key") or ""
    kind, text = value.get("type") or "", value.get("value") or value.text or ""
    if kind in _HIVEXML_INTEGERS:
        number, form = _HIVEXML_INTEGERS[kind]
        # Printed as signed numbers.
        return name, (number, struct.pack(form, int(text) % (1 << 8 * struct.calcsize(form))))
    if kind == "string-list":
        texts = [each.text or "" for each in value.findall("string")]
        # The empty text that ends the list is one of them.
        return name, (7, b"".join((each + "\0").encode("utf-16-le") for each in texts))
    if kind in _HIVEXML_STRINGS:
        if value.get("encoding") == "base64":
            text = base64.b64decode(text).decode()
        return name, (_HIVEXML_STRINGS[kind], (text + "\0").encode("utf-16-le"))
    return name, (_HIVEXML_BYTES.get(kind, -1), base64.b64decode(text))


def regfinfo(hive: Path) -> str:
    return output("regfinfo", hive)


def reged_export(hive: Path, folder: Path) -> str:
    """Return what ``reged -x HIVE PREFIX \\ FILE`` exports."""
    exported = folder / "reged.reg"
    # reged leaves with 2 when it changed nothing ("no problem, not dirty").
    output("reged", "-x", hive, "HKEY_X", "\\", exported, code=None)
    return exported.read_text(encoding="latin-1")


def hivexregedit_export(hive: Path) -> str:
    return output("hivexregedit", "--export", "--unsafe-printable-strings", hive, "\\")


def hivexsh_list(hive: Path, *keys: str) -> list[str] | None:
    """Return the subkeys of a key that hivexsh lists, or None when it ends in an error."""
    lines = "".join(f"cd {key}\n" for key in keys) + "ls\n"
    done = subprocess.run([require("hivexsh"), hive], input=lines.encode(), capture_output=True, check=False)
    return None if done.stderr else done.stdout.decode().split()


def dissect_list(data: bytes) -> list[str] | None:
    """Return the subkeys of the root that dissect.regf lists, sorted, or None when it ends in an error."""
    try:
        from dissect.regf import RegistryHive  # noqa: PLC0415 - a judge may be missing
    except ImportError:
        missing("dissect.regf is not installed")
    try:
        return sorted(key.name for key in RegistryHive(io.BytesIO(data)).root().subkeys())
    except Exception:  # noqa: BLE001 - of any kind, where a hive is damaged
        return None


def hivexsh(hive: Path, *lines: str) -> str:
    """Run commands of hivexsh on a hive that may be written."""
    return output("hivexsh", "-w", hive, stdin="\n".join([*lines, "exit", ""]))


READERS: dict[str, Callable[[Path], Tree]] = {
    "dissect.regf": lambda path: dissect(path.read_bytes()),
    "python-registry": lambda path: python_registry(path.read_bytes()),
    "hivexml": hivexml,
}
