"""``osdimage registry set``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
from osdimage.cli import params
from osdimage.cli.registry import params as registry_params
from osdimage.cli.render import Reporter

if TYPE_CHECKING:
    from osdimage.imaging.registry.hive import Hive, Value
    from osdimage.imaging.registry.places import HiveAddress

_TYPES = ["sz", "expand_sz", "multi_sz", "dword", "qword", "binary", "none"]


@click.command("set")
@registry_params.written_address
@click.argument("key")
@click.argument("data", nargs=-1)
@click.option("--value", "name", metavar="NAME", help="The value; an empty name is the default value.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(_TYPES, case_sensitive=False),
    default="sz",
    show_default=True,
    help="The type of DATA: texts as they are, numbers (decimal, or 0x...), bytes in hexadecimal.",
)
@click.option("--delete", is_flag=True, help="Delete the value, or without --value the key with everything in it.")
@registry_params.writing
@registry_params.force
@params.output(events=False)
def set_command(
    address: HiveAddress,
    key: str,
    data: tuple[str, ...],
    name: str | None,
    kind: str,
    delete: bool,
    force: bool,
    reporter: Reporter,
) -> None:
    """Set a value of KEY, which is made if it is missing; without --value only make the key.

    Several DATA are the texts of a multi_sz.  What is to be deleted and is not there is no error.
    """
    from osdimage.imaging.registry import edits, places  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.registry.reg_file import Edit  # noqa: PLC0415

    if delete and data:
        raise click.UsageError("--delete takes no DATA")
    if data and name is None:
        raise click.UsageError("DATA needs the name of a value: --value NAME, or --value '' for the default value")
    if name is not None and not delete and not data and kind not in {"multi_sz", "none", "binary"}:
        raise click.UsageError(f"--type {kind} needs DATA")
    for text in (key, name or "", *data):
        _check_text(text)
    if delete:
        edit = Edit(key, deletes_key=name is None, deletes_value=name)
    else:
        edit = Edit(key, value=_value(name, kind, data) if name is not None else None)
    prefix = address.registry_prefix

    def change(hive: Hive) -> edits.ImportReport:
        with registry_params.told(hive, address, reporter):
            return replace(edits.import_edits(hive, [edit], prefix), replayed=hive.replayed)

    report = places.change_hive(address, change, now=registry_params.now(), force=force)
    reporter.result(report, "nothing to change" if report.is_empty else f"{address}: changed")


def _check_text(text: str) -> None:
    """End in a usage error for bytes that are no text; a registry cannot hold them."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise click.UsageError(f"{text!r}: is not UTF-8; --type binary sets bytes in hexadecimal") from error


def _value(name: str, kind: str, data: tuple[str, ...]) -> Value:
    """Make the value, or end in a usage error."""
    from osdimage.imaging.errors import InvalidRequest  # noqa: PLC0415
    from osdimage.imaging.registry.values import Value, ValueType  # noqa: PLC0415 - start-up stays cheap

    if kind == "multi_sz":
        return Value.multi_string(name, data)
    text = " ".join(data)
    try:
        match kind:
            case "dword":
                return Value.dword(name, int(text, 0))
            case "qword":
                return Value.qword(name, int(text, 0))
            case "binary":
                return Value.binary(name, bytes.fromhex(text))
            case "none":
                return Value(name, ValueType.NONE, bytes.fromhex(text))
            case "expand_sz":
                return Value.expand_string(name, text)
    except InvalidRequest:
        # It says by itself which numbers there are.
        raise
    except ValueError as error:
        wanted = "a number such as 10 or 0x0a" if kind in {"dword", "qword"} else "bytes such as 0a1b"
        raise click.UsageError(f"DATA {text!r}: --type {kind} takes {wanted}") from error
    return Value.string(name, text)
