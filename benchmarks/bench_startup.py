"""The time to answer --version and --help against that of an empty Python.  Goal: at most 4x."""

from __future__ import annotations

import sys
from pathlib import Path

from harness import Pair, run_pairs, write_report

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))


def main() -> None:
    """Run the pairs and write the report."""
    nothing = [sys.executable, "-c", "pass"]
    options = ("--version", "--help")
    write_report(run_pairs([Pair(option, [OSDIMAGE, option], nothing) for option in options], runs=30), "startup")


if __name__ == "__main__":
    main()
