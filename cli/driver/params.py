"""Options of the driver commands."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli.params import Command, add
from osdimage.cli.values import PathType

if TYPE_CHECKING:
    from osdimage.imaging.drivers.target_os import Architecture, TargetOs

_CATALOG = "catalog:"


class _SupplyType(PathType):
    """A path of driver files, which is there, or leads into what is; or a name in a catalog, where one is taken."""

    def __init__(self, *, takes_names: bool = True) -> None:
        super().__init__()
        self._takes_names = takes_names

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Look for it."""
        converted = super().convert(value, param, ctx)
        text = os.fsdecode(converted)
        if not (self._takes_names and text.lower().startswith(_CATALOG)) and not os.path.lexists(text):
            from osdimage.imaging.wim.placed.on_disc import absent, disc_path  # noqa: PLC0415 - start-up stays cheap

            if disc_path(text) is None:
                self.fail(f"{text}: {absent(text)}", param, ctx)
        return converted


SUPPLY = _SupplyType()
"""Where driver files are: a folder, an INF, an archive, a disc, or what is in one of these, behind a ``!``."""
FILES = _SupplyType(takes_names=False)
"""The same, and no name in a catalog."""


codepage = click.option(
    "--codepage",
    metavar="NAME",
    default="cp1252",
    show_default=True,
    help="Of INFs that do not tell their encoding: cp1251, cp932 and others of Python.",
)


class _ArchitectureType(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """The name of an architecture, as people, Windows or Linux call it."""

    name = "arch"

    def convert(
        self, value: str | Architecture, param: click.Parameter | None, ctx: click.Context | None
    ) -> Architecture:
        from osdimage.imaging.drivers.target_os import Architecture  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.errors import InvalidRequest  # noqa: PLC0415

        if isinstance(value, Architecture):
            return value
        try:
            return Architecture.parse(value)
        except InvalidRequest as error:
            self.fail(str(error), param, ctx)


ARCHITECTURE = _ArchitectureType()
PRODUCTS = {"workstation": 1, "controller": 2, "server": 3}


def windows(command: Command) -> Command:
    """Add ``--os``, ``--arch`` and ``--product``, and pass the Windows as ``os`` and the architecture, each or None."""

    @add(
        click.option(
            "--os",
            "version",
            metavar="VERSION",
            help="The Windows that drivers are for, such as 10.0.22631 (Windows 11 23H2) or 6.1 (Windows 7).",
        ),
        click.option(
            "--arch",
            "architecture",
            type=ARCHITECTURE,
            metavar="ARCH",
            help="Its architecture: x86, amd64 (or x64), arm, arm64.  Default with --os: amd64.",
        ),
        click.option(
            "--product",
            type=click.Choice(list(PRODUCTS)),
            help="Its product type, with --os.  Default: workstation.",
        ),
    )
    @functools.wraps(command)
    def wrapped(
        *args: Any,  # noqa: ANN401 - whatever the command takes
        version: str | None,
        architecture: Architecture | None,
        product: str | None,
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        return command(*args, os=_target(version, architecture, product), architecture=architecture, **options)

    return wrapped


def _target(version: str | None, architecture: Architecture | None, product: str | None) -> TargetOs | None:
    from osdimage.imaging.drivers.target_os import Architecture, ProductType, TargetOs  # noqa: PLC0415
    from osdimage.imaging.errors import InvalidRequest  # noqa: PLC0415

    if version is None:
        if product is not None:
            raise click.UsageError("--product says of which product --os is; give --os, too")
        return None
    kind = ProductType(PRODUCTS[product or "workstation"])
    try:
        return TargetOs.parse(version, architecture or Architecture.AMD64, product=kind)
    except InvalidRequest as error:
        raise click.BadParameter(str(error), param_hint="--os") from error
