#!/usr/bin/env python3
"""Write the manual pages and the completions of shells, from the commands, into packaging/share.

    manual.py [FOLDER]

They are committed: a wheel has them, and needs nothing to make them.  tests/test_boundaries.py fails when one does
not say what the commands say.  Run it after a change of a command's options or texts, where osdimage is installed as it
is here.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from commandline import bash, fish, manpage, zsh
from commandline.model import Command, program

ROOT = Path(__file__).resolve().parents[1]


def pages(command: Command, above: Command | None = None) -> Iterator[tuple[str, str]]:
    """Yield the pages of a command and of all below it, with the names of their files."""
    yield f"man/man{manpage.SECTION}/{manpage.file_name(command.words)}", manpage.page(command, above)
    for each in command.subcommands:
        yield from pages(each, command)


def main() -> None:
    """Write all of it, and remove what no command has any more."""
    folder = Path(*sys.argv[1:]) if len(sys.argv) > 1 else ROOT / "packaging" / "share"
    commands = program()
    made = dict(pages(commands))
    made["bash-completion/completions/osdimage"] = bash.script(commands)
    made["zsh/site-functions/_osdimage"] = zsh.script(commands)
    made["fish/vendor_completions.d/osdimage.fish"] = fish.script(commands)
    for name in {name.partition("/")[0] for name in made}:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


main()
