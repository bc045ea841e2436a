"""Programs that osdimage calls, and libraries that it uses: those that it brings along, and those of the system.

The folder ``bundle`` beside this module is in wheels that bring something along, and in no other (``packaging/wheel``).
What is built against the libraries of a system has none, and uses those.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# mkntfs and the like are in folders that an ordinary user's PATH lacks on Debian.
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_BUNDLE = Path(__file__).with_name("bundle")


@dataclass(frozen=True, slots=True)
class BundledPart:
    """A library or a program of others that came with osdimage.

    Attributes:
        version: that of its authors.
        licence: an SPDX expression.
        source: name and version of the source package of Debian that it was compiled from.
    """

    name: str
    version: str
    licence: str
    source: str


def find_program(*names: str) -> str | None:
    """Return the path of a program, the first of the names that there is, or None.

    One that came with osdimage goes before one of the system, as its libraries do: this release was tested with it.
    """
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])
    found = (bundled_program(name) or shutil.which(name, path=folders) for name in names)
    return next((path for path in found if path is not None), None)


@cache
def bundled_parts(bundle: Path = _BUNDLE) -> tuple[BundledPart, ...]:
    """Return what came with osdimage: where it was built against the libraries of the system, nothing."""
    try:
        text = (bundle / "bundle.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    return tuple(BundledPart(**part) for part in json.loads(text)["parts"])


def bundled_version(name: str) -> str | None:
    """Return the version of a part that came with osdimage, or None when the one of the system is used."""
    return next((part.version for part in bundled_parts() if part.name == name), None)


def bundled_program(name: str, bundle: Path = _BUNDLE) -> str | None:
    """Return the path of a program that came with osdimage, or None."""
    path = bundle / name
    return str(path) if path.is_file() and os.access(path, os.X_OK) else None
