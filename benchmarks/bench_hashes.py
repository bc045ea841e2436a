"""Hash the files of a medium, and compare a medium with its manifest, against sha256sum: large files, and small ones.

Goals on two idle cores, against sha256sum: at most 1.0x the time for large files; for small ones 1.5x, and 2.0x where
they are compared with the manifest.  The time is of all of a process, with its start.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from harness import Pair, run_pairs, workspace, write_report
from osdimage.imaging.media import (
    MediaKind,
    MediaManifest,
    Medium,
    SetOptions,
    check_manifest,
    hashes_of,
    open_medium,
    open_source,
    pack,
    plan_set,
)
from osdimage.imaging.units import MIB
from osdimage.imaging.version import VERSION

RUNS = int(os.environ.get("BENCH_RUNS", "5"))
LARGE, LARGE_BYTES = 4, 256 * MIB
SMALL, SMALL_BYTES = int(os.environ.get("BENCH_FILES", "20000")), 16_384


def fill(folder: Path, count: int, size: int) -> Path:
    """Write files of noise, a hundred in a folder."""
    for number in range(count):
        path = folder / f"{number // 100:03}" / f"{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for at in range(0, size, MIB):
                file.write(os.urandom(min(MIB, size - at)))
    return folder


def add_manifest(folder: Path) -> None:
    """Write the manifest and the list of hashes of a folder into it."""
    about = MediaManifest(MediaKind.INSTALL, "BENCH", datetime(2026, 1, 1, tzinfo=UTC), f"osdimage {VERSION}")
    plan = plan_set(Medium("", open_source(folder).files, None), [], SetOptions(about, UUID(int=0)), scratch=folder)
    (medium,) = pack(plan)
    for each in medium.files:
        if each.path.startswith("osdimage/"):
            path = folder / each.path
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"".join(each.contents.pieces()))


def main() -> None:
    """Measure and report."""
    with workspace() as folder:
        pairs = []
        for name, count, size in (("large files", LARGE, LARGE_BYTES), ("small files", SMALL, SMALL_BYTES)):
            top = fill(folder / name.replace(" ", "-"), count, size)
            ours = [sys.executable, __file__]
            theirs = ["sh", "-c", 'cd "$1" && find . -type f -print0 | xargs -0 sha256sum', "sh", str(top)]
            pairs.append(Pair(f"hash {name}", [*ours, "hash", str(top)], theirs))
        results = run_pairs(pairs, runs=RUNS)
        pairs = []
        for name in ("large files", "small files"):
            top = folder / name.replace(" ", "-")
            add_manifest(top)
            theirs = ["sh", "-c", 'cd "$1" && sha256sum --check --quiet osdimage/SHA256SUMS', "sh", str(top)]
            pairs.append(
                Pair(f"compare {name} with the manifest", [sys.executable, __file__, "check", str(top)], theirs)
            )
        results += run_pairs(pairs, runs=RUNS)
    write_report(results, "hashes")


def hash_all(folder: Path) -> None:
    """Hash all files of a folder."""
    hashes_of(open_source(folder).files)


def check(folder: Path) -> None:
    """Compare a folder with its manifest."""
    with open_medium(folder) as medium:
        found = check_manifest(medium)
    if [each.code for each in found.findings] != ["signature-missing"]:
        raise SystemExit(str(found.findings))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        {"hash": hash_all, "check": check}[sys.argv[1]](Path(sys.argv[2]))
    else:
        main()
