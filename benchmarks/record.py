"""Copy results of benchmarks to docs/benchmarks/, where the site takes its plots from: ``make bench-record``.

A record of what was not measured again stays.  Only what has pairs is copied: the page draws nothing else.
"""

from __future__ import annotations

import json
import shutil

from harness import RESULTS, ROOT

RECORDS = ROOT / "docs" / "benchmarks"


def main() -> None:
    """Copy them, and tell which."""
    RECORDS.mkdir(exist_ok=True)
    for path in sorted(RESULTS.glob("*.json")):
        if "pairs" in json.loads(path.read_text(encoding="utf-8")):
            shutil.copyfile(path, RECORDS / path.name)
            print((RECORDS / path.name).relative_to(ROOT))


if __name__ == "__main__":
    main()
