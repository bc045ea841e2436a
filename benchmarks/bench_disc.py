"""A WIM on a disc against the WIM itself, and against taking it out with 7zz first: 60,000 files and more, on tmpfs.

Goals on two idle cores: at most 1.1x the time of the plain WIM, at most 1.0x that of 7zz and wimlib-imagex.  Nobody
syncs.  ``BENCH_PLACE`` measures on a disk.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report
from trees import copy_tree

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
WANTED_FILES = 60_000


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree, sources, iso = folder / "tree", folder / "disc" / "sources", folder / "disc.iso"
        sources.mkdir(parents=True)
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}")
        wim, target, taken = sources / "install.wim", folder / "target", folder / "taken"
        subprocess.run(["wimlib-imagex", "capture", tree, wim, "--compress=lzx:20"], check=True, capture_output=True)
        shutil.rmtree(tree)
        make = ["genisoimage", "-quiet", "-udf", "-allow-limited-size", "-o", str(iso), str(sources.parent)]
        subprocess.run(make, check=True, capture_output=True)
        on_disc = f"{iso}!sources/install.wim"

        def fresh() -> None:
            shutil.rmtree(target, ignore_errors=True)
            shutil.rmtree(taken, ignore_errors=True)

        def ours(name: str) -> list[str]:
            return [OSDIMAGE, "apply", name, str(target), "--quiet"]

        taking = ["7zz", "e", "-tudf", f"-o{taken}", "-y", str(iso), "sources/install.wim"]
        applying = ["wimlib-imagex", "apply", f"{taken}/install.wim", "1", str(target)]
        by_others = ["sh", "-c", f"{shlex.join(taking)} && {shlex.join(applying)}"]
        listing = [OSDIMAGE, "list", on_disc, "--quiet"], [OSDIMAGE, "list", str(wim), "--quiet"]
        write_report(
            run_pairs(
                [
                    Pair("apply from a disc; from the plain WIM", ours(on_disc), ours(str(wim)), fresh),
                    Pair("apply from a disc; 7zz x and wimlib-imagex apply", ours(on_disc), by_others, fresh),
                    Pair("list from a disc; from the plain WIM", *listing),
                    Pair(
                        "verify on a disc; the plain WIM",
                        [OSDIMAGE, "verify", on_disc, "--quiet"],
                        [OSDIMAGE, "verify", str(wim), "--quiet"],
                    ),
                ],
                runs=RUNS,
            ),
            "disc",
        )


if __name__ == "__main__":
    main()
