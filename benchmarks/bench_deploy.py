"""A whole deployment against the shell pipeline that does the same: table, formats, apply, copies into the image.

The pipeline writes its volumes into files of their own and copies them into the disk image with dd, as wimlib-imagex
and the makers of file systems know no partitions.  Goal: at most 0.40x.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from harness import Pair, run_pairs, workspace, write_report
from trees import copy_tree

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))

# The partitions of the preset uefi without recovery on 6 GB: 260 MB, 16 MB and the rest, in sectors of 512 bytes.
PIPELINE = """
set -e
truncate -s 6G {disk}
printf 'label: gpt\\nstart=2048, size=532480, type=U\\nsize=32768, type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE\\n\
type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7\\n' | sfdisk --quiet {disk}
truncate -s 260M {esp}
mkfs.vfat -F 32 -n SYSTEM {esp}
truncate -s $((12015583 * 512)) {windows}
mkntfs --quick --force --quiet --partition-start 567296 --heads 255 --sectors-per-track 63 --label Windows {windows}
wimlib-imagex apply {wim} 1 {windows}
dd if={esp} of={disk} bs=1M seek=1 conv=notrunc,sparse
dd if={windows} of={disk} bs=1M seek=277 conv=notrunc,sparse,fsync
"""


def main() -> None:
    """Run the pair and write the report."""
    with workspace() as folder:
        print(f"{copy_tree(folder / 'tree')} files")
        wim, disk = folder / "image.wim", folder / "disk.img"
        made = [disk, folder / "esp.img", folder / "windows.img"]
        subprocess.run(["wimlib-imagex", "capture", folder / "tree", wim], check=True, capture_output=True)
        names = {"disk": disk, "esp": made[1], "windows": made[2], "wim": wim}
        script = PIPELINE.format_map({name: shlex.quote(str(path)) for name, path in names.items()})

        def clean() -> None:
            for path in made:
                path.unlink(missing_ok=True)

        layout = ("--preset", "uefi", "--recovery", "none", "--size", "6GB")
        ours = [OSDIMAGE, "deploy", str(wim), str(disk), *layout, "--quiet"]
        write_report(run_pairs([Pair("deploy", ours, ["sh", "-c", script], clean)], runs=RUNS), "deploy")


if __name__ == "__main__":
    main()
