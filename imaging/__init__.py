"""WIM images and disk layouts on Linux: the library behind the ``osdimage`` command.

::

    from osdimage.imaging import ImageSelector, WimFile

    with WimFile.open("install.wim") as wim:
        image = wim.select(ImageSelector(edition="Professional", language="en-US"))
        image.apply_to("/mnt/target")

Names are imported when they are first used: ``import osdimage.imaging`` alone loads no C library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osdimage.imaging.errors import (
        CorruptWim,
        ImageNotFound,
        Incomplete,
        InvalidInput,
        InvalidRequest,
        MissingParts,
        NotAWim,
        OsdImageError,
        StorageError,
        TargetRefused,
        UnsafeName,
    )
    from osdimage.imaging.progress import Phase, ProgressEvent
    from osdimage.imaging.units import format_size, parse_size
    from osdimage.imaging.version import VERSION

_HOME = {
    "CorruptWim": "errors",
    "ImageNotFound": "errors",
    "Incomplete": "errors",
    "InvalidInput": "errors",
    "InvalidRequest": "errors",
    "MissingParts": "errors",
    "NotAWim": "errors",
    "OsdImageError": "errors",
    "Phase": "progress",
    "ProgressEvent": "progress",
    "StorageError": "errors",
    "TargetRefused": "errors",
    "UnsafeName": "errors",
    "VERSION": "version",
    "format_size": "units",
    "parse_size": "units",
}

__all__ = [
    "VERSION",
    "CorruptWim",
    "ImageNotFound",
    "Incomplete",
    "InvalidInput",
    "InvalidRequest",
    "MissingParts",
    "NotAWim",
    "OsdImageError",
    "Phase",
    "ProgressEvent",
    "StorageError",
    "TargetRefused",
    "UnsafeName",
    "format_size",
    "parse_size",
]


def __getattr__(name: str) -> object:
    """Import a public name from the module that defines it."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(_HOME)
