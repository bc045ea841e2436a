"""``osdimage registry get``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, render
from osdimage.cli.registry import params as registry_params
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.registry.hive import Hive, Key, Value
    from osdimage.imaging.registry.places import HiveAddress


@click.command("get")
@registry_params.address
@click.argument("key", default="")
@click.option("--value", "name", metavar="NAME", help="Only this value; an empty name is the default value.")
@params.output(events=False)
def get_command(address: HiveAddress, key: str, name: str | None, reporter: Reporter) -> None:
    """Show the values and subkeys of KEY, or of the root of the hive.

    Texts are shown as they are, numbers in hexadecimal, everything else as bytes.  With --value, only its data.
    """
    from osdimage.imaging.errors import InvalidRequest, quoted  # noqa: PLC0415
    from osdimage.imaging.registry import edits  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.registry.places import load_hive  # noqa: PLC0415

    hive = load_hive(address)
    prefix = address.registry_prefix
    with registry_params.told(hive, address, reporter):
        found = edits.find_key(hive, key, prefix)
        path = "\\".join(part for part in (prefix, edits.local_path(hive, key, prefix)) if part)
        document, lines, value = _key_document(path, found, hive), _lines(path, found), found.value(name or "")
    if name is None:
        reporter.answer(document, *lines)
        return
    if value is None:
        names = ", ".join(quoted(each.name) for each in found.values) or "none"
        raise InvalidRequest(f"key {quoted(path)} has no value {quoted(name)}; it has {names}")
    reporter.answer({**document, "values": [_value_document(value)]}, edits.data_text(value))


def _lines(path: str, key: Key) -> list[str]:
    from osdimage.imaging.registry import edits  # noqa: PLC0415 - start-up stays cheap

    below = [f"{path}\\{each.name}" for each in key.subkeys]
    values = [f"    {edits.value_lines(value)}" for value in key.values]
    return [path, *values, *([""] if below else []), *below]


def _key_document(path: str, key: Key, hive: Hive) -> dict[str, Any]:
    return {
        "key": path,
        "modified": render.to_plain(key.modified),
        "class_name": key.class_name,
        "values": [_value_document(value) for value in key.values],
        "subkeys": [each.name for each in key.subkeys],
        "replayed": render.to_plain(hive.replayed),
    }


def _value_document(value: Value) -> dict[str, Any]:
    """Return a value for programs: ``data`` is a text, a list of texts, a number, or null; the bytes are there too."""
    from osdimage.imaging.errors import InvalidInput  # noqa: PLC0415 - start-up stays cheap

    data: object = None
    for reading in (value.as_string, value.as_strings, value.as_integer):
        try:
            data = reading()
        except InvalidInput:
            continue
        break
    return {
        "name": value.name,
        "type": value.type_name,
        "data": render.to_plain(data),
        "bytes": value.data.hex(),
    }
