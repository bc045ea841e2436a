#!/usr/bin/env python3
"""Pin what Debian's archive has today: write the versions, paths and checksums of the libraries in ``pins.toml`` anew.

    python packaging/wheel/pin.py

apt is asked, with lists of its own below ``build/release``: nothing is installed, and its settings stay as they are.
The licences, and what is compiled from source, stay as they were: look at both before a release, and at changelogs.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

from archive import archives
from pins import ARCHITECTURES, HERE, PINS, Library, PinnedFile, Pins, parse_pins, read_pins
from running import ReleaseError, run

_STATE = HERE.parent.parent / "build" / "release" / "apt"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def main() -> int:
    """Write the file; return the exit code."""
    try:
        before = read_pins()
        after = newest(before)
        text = with_changes(PINS.read_text(encoding="utf-8"), before, after)
    except ReleaseError as error:
        print(f"pin: {error}", file=sys.stderr)
        return 1
    for old, new in changes(before, after):
        print(f"{old}  ->  {new}")
    PINS.write_text(text, encoding="utf-8")
    return 0


def with_changes(text: str, before: Pins, after: Pins) -> str:
    """Return the text of the file with other pins, and its comments.

    Raises:
        ReleaseError: when a change is not of one place: two parts have the same version, and one of them a new one.
    """
    for old, new in changes(before, after):
        text = text.replace(f'"{old}"', f'"{new}"')
    if parse_pins(text) != after:
        raise ReleaseError(f"{PINS}: a text that changes stands in more than one place; change it by hand")
    return text


def newest(pins: Pins, state: Path = _STATE) -> Pins:
    """Return pins of what the archive has now in the same suite.

    Raises:
        ReleaseError: when apt cannot be asked, a package is there no more, or of another version for each architecture.
    """
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    names = ",".join(architecture.debian for architecture in ARCHITECTURES)
    (state / "sources.list").write_text(
        f"deb [signed-by={_KEYRING} arch={names}] {archives()[0]} {pins.suite} main\n", encoding="utf-8"
    )
    settings = {
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": state / "lists",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        # The installed packages are not of this suite.
        "Dir::State::status": "/dev/null",
        "APT::Architectures": names,
        "APT::Sandbox::User": "root",
    }
    options = [f"--option={name}={value}" for name, value in settings.items()]
    run(("apt-get", "update", *options), environment={**os.environ, "LC_ALL": "C"})
    return replace(pins, libraries=tuple(_newest_of(library, options) for library in pins.libraries))


def _newest_of(library: Library, options: list[str]) -> Library:
    files = {}
    found = set()
    for architecture in ARCHITECTURES:
        name = f"{library.package}:{architecture.debian}"
        said = run(
            ("apt-cache", "show", "--no-all-versions", *options, name), environment={**os.environ, "LC_ALL": "C"}
        )
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", said, re.MULTILINE))
        files[architecture.name] = PinnedFile(fields["Filename"], fields["SHA256"])
        # 1:2026.9.28-2+b1 of the source ntfs-3g, or "wimlib (1.14.5-1)" where the binary was built anew.
        version = fields["Version"]
        source, _, built_from = fields.get("Source", library.package).partition(" ")
        found.add((upstream(version), f"{source}={built_from.strip('()') or version}"))
    if len(found) != 1:
        raise ReleaseError(f"{library.package}: the archive has it of several versions; wait until it has one: {found}")
    ((version, source),) = found
    return replace(library, files=files, version=version, source=source)


def upstream(version: str) -> str:
    """Return the part of a version of Debian that its authors have given: ``1:2026.9.28-2`` is of 2026.9.28."""
    return version.partition(":")[2].rpartition("-")[0] if ":" in version else version.rpartition("-")[0]


def changes(before: Pins, after: Pins) -> list[tuple[str, str]]:
    """Return what is another now, old and new."""
    pairs = []
    for old, new in zip(before.libraries, after.libraries, strict=True):
        pairs += [(old.version, new.version), (old.source, new.source)]
        for name, file in old.files.items():
            pairs += [(file.path, new.files[name].path), (file.sha256, new.files[name].sha256)]
    return [pair for pair in pairs if pair[0] != pair[1]]


if __name__ == "__main__":
    sys.exit(main())
