#!/usr/bin/env python3
"""Write the manual pages and the completions of shells, from the commands, into packaging/share.

    manual.py [FOLDER]

They are committed: a wheel has them, and needs nothing to make them.  tests/test_boundaries.py fails when one does
not say what the commands say.  Run it after a change of a command's options or texts, where osdimage is installed as it
is here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from commandline import bash, fish, manpage, zsh
from commandline.model import PROGRAM, Command, program

ROOT = Path(__file__).resolve().parents[1]
PAGES = Path("man") / f"man{manpage.SECTION}"


def pages(command: Command, above: Command | None = None) -> Iterator[tuple[Path, str]]:
    """Yield the pages of a command and of all below it, with the paths of their files."""
    yield PAGES / manpage.file_name(command.words), manpage.page(command, above)
    for each in command.subcommands:
        yield from pages(each, command)


def write_all(folder: Path) -> None:
    """Write all of it below a folder, and remove the pages of commands that there are no more."""
    commands = program()
    made = dict(pages(commands))
    made[Path("bash-completion/completions/osdimage")] = bash.script(commands)
    made[Path("zsh/site-functions/_osdimage")] = zsh.script(commands)
    made[Path("fish/vendor_completions.d/osdimage.fish")] = fish.script(commands)
    for path in (folder / PAGES).glob(f"{PROGRAM}*.{manpage.SECTION}"):
        path.unlink()
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Write it where the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    share = ROOT / "packaging" / "share"
    parser.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, default=share, help="(packaging/share)")
    write_all(parser.parse_args().folder)


if __name__ == "__main__":
    main()
