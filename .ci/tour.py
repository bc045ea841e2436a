#!/usr/bin/env python3
"""Run the commands that README and docs/ show, and compare what they print with what is shown below them.

    tour.py [--update] [PAGE ...]

``docs/pictures/terminal.svg`` has what it shows in such a block, too; `make picture` makes it anew.

Every ```console block of a page is run, all of a page in one folder, where the function ``prepare`` of
``touring/prepared/`` has put what the page takes for granted.  The environment is empty but for HOME, PATH, LANG and
TMPDIR: what a developer's machine has set hides faults.  ``--update`` writes what was printed into the page, where that
is not what is shown.  CONTRIBUTING.md ("Pages") tells how blocks are written.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / ".ci")]

from touring.pages import NotRunnable, Page  # noqa: E402 - it is no package that is installed
from touring.preparing import strangers  # noqa: E402
from touring.running import Outcome, walk  # noqa: E402

README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "pictures" / "terminal.svg"
MEMORY, DISK = Path("/dev/shm"), Path("/var/tmp")  # noqa: S108 - folders of chance are made there


def pages(named: list[Path]) -> list[Page]:
    """Return the pages that were named, or all, which have something to run.

    Raises:
        NotRunnable: a page is not one of this project, or shows what cannot be run.
        OSError: it cannot be read.
    """
    paths = [path.resolve() for path in named] or [README, PICTURE, *sorted((ROOT / "docs").rglob("*.md"))]
    for path in paths:
        if not path.is_relative_to(ROOT):
            raise NotRunnable(f"{path}: is no page of {ROOT}")
    return [page for page in (Page.read(path) for path in paths) if page.commands]


def report(page: Page, place: Path, outcome: Outcome, *, is_update: bool) -> bool:
    """Print what became of a page; return whether all of it was well."""
    name = page.path.relative_to(ROOT)
    faults = outcome.faults
    if is_update and outcome.text != page.text:
        page.path.write_text(outcome.text, encoding="utf-8")
        sys.stdout.write(f"updated {name}\n")
    word = "BAD" if faults else "ok "
    sys.stdout.write(f"{word} {name}: {len(page.commands)} commands in {place} ({outcome.seconds:.1f} s)\n")
    for fault in faults:
        sys.stdout.write(f"{name}:{fault.line}: $ {fault.command}\n{fault.text}\n")
    sys.stdout.flush()
    return not faults


def main() -> int:
    """Run the pages, two at a time; the exit code says whether each command printed what is shown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", metavar="PAGE", nargs="*", type=Path, help="README.md and all of docs/ unless told")
    parser.add_argument("--update", action="store_true", help="write what was printed into the pages")
    parser.add_argument("--jobs", metavar="N", type=int, default=2, help="how many pages run side by side (2)")
    options = parser.parse_args()
    begun = time.monotonic()
    if missing := strangers(ROOT):
        parser.error(f"prepared, and there is no such page: {', '.join(missing)}")
    try:
        found = pages(options.pages)
    except (NotRunnable, OSError) as why:
        parser.error(str(why))
    # The two kinds of file systems differ in what they hold and refuse: the page that most people follow runs on both.
    walks = [(page, MEMORY) for page in found]
    if not options.update:
        walks[:0] = [(page, DISK) for page, _ in walks if page.path == README]
    # Each page has a process of its own: its folder is that of the process.
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        coming = [pool.submit(walk, page, place, ROOT, is_update=options.update) for page, place in walks]
        well = [
            report(*each, found.result(), is_update=options.update) for each, found in zip(walks, coming, strict=True)
        ]
    commands = sum(len(page.commands) for page, _ in walks)
    sys.stdout.write(f"{len(walks)} pages, {commands} commands, {time.monotonic() - begun:.0f} s\n")
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
