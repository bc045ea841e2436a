"""Capture from and apply into the disk of a virtual machine against the same disk as a plain image, on tmpfs.

Both commands are osdimage's: what differs is what QEMU's qemu-nbd, the connection to it and the format cost; the times
have all of that.  Goals, on two idle cores: of a capture with XPRESS at most 1.25x the time from qcow2, and 1.3x from
VHDX; 2x of one that does not compress, the worst case; of an apply into an overlay 1.1x.

A new disk that ``deploy`` writes in a format is against a plain one that qemu-img converts.
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
WANTED_FILES = int(os.environ.get("BENCH_FILES", "20000"))
FORMS = ("qcow2", "vhdx")
SIZE = "6GiB"
# The first is one that Microsoft reserves.
PARTITION = "2"


def osdimage(*arguments: str | Path) -> None:
    """Run the command."""
    subprocess.run([OSDIMAGE, *map(str, arguments), "--quiet"], check=True, stdout=subprocess.DEVNULL)


def make_disk(path: Path) -> Path:
    """Make a plain image with an empty volume."""
    osdimage("disk", "init", path, "--preset", "data-gpt", "--size", SIZE, "--yes")
    osdimage("disk", "format", path, "--partition", PARTITION, "--yes")
    return path


def converted(raw: Path) -> dict[str, Path]:
    """Return the same disk in each format."""
    made = {form: raw.with_suffix(f".{form}") for form in FORMS}
    for form, path in made.items():
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", form, raw, path], check=True)
    return made


def capture_pairs(full: Path, folder: Path) -> list[Pair]:
    """Return the captures that are compared."""
    wim = folder / "out.wim"

    def command(disk: Path, compression: str) -> list[str]:
        source = [str(disk), str(wim), "--partition", PARTITION]
        return [OSDIMAGE, "capture", *source, "--compress", compression, "--quiet"]

    return [
        Pair(
            f"capture of a {form} with {compression}",
            command(disk, compression),
            command(full, compression),
            lambda: wim.unlink(missing_ok=True),
        )
        for compression in ("xpress", "none")
        for form, disk in converted(full).items()
    ]


def apply_pairs(empty: Path, wim: Path, folder: Path) -> list[Pair]:
    """Return the applies that are compared."""
    target = folder / "target"

    def pair(form: str, disk: Path) -> Pair:
        ours, theirs = target.with_suffix(f".{form}"), target.with_suffix(".img")

        def fresh() -> None:
            subprocess.run(["cp", "--sparse=always", disk, ours], check=True)
            subprocess.run(["cp", "--sparse=always", empty, theirs], check=True)

        def command(path: Path) -> list[str]:
            return [OSDIMAGE, "apply", str(wim), str(path), "--partition", PARTITION, "--quiet"]

        return Pair(f"apply into a {form}", command(ours), command(theirs), fresh)

    return [pair(form, disk) for form, disk in converted(empty).items()]


def overlay_pair(empty: Path, wim: Path, folder: Path) -> Pair:
    """Return the apply into a file beside a disk, against that into the disk."""
    base, beside, target = folder / "base.img", folder / "beside.qcow2", folder / "target.img"

    def fresh() -> None:
        beside.unlink(missing_ok=True)
        subprocess.run(["cp", "--sparse=always", empty, base], check=True)
        subprocess.run(["cp", "--sparse=always", empty, target], check=True)

    apply = [OSDIMAGE, "apply", str(wim), "--partition", PARTITION, "--quiet"]
    return Pair("apply into an overlay", [*apply, str(base), "--overlay", str(beside)], [*apply, str(target)], fresh)


def deploy_pairs(wim: Path, folder: Path) -> list[Pair]:
    """Return the deployments to new disks that are compared."""
    raw = folder / "deployed.img"

    def pair(form: str) -> Pair:
        ours, theirs = folder / f"ours.{form}", folder / f"theirs.{form}"

        def fresh() -> None:
            for each in (raw, ours, theirs):
                each.unlink(missing_ok=True)

        deploy = [OSDIMAGE, "deploy", str(wim), "--preset", "data-gpt", "--size", SIZE, "--quiet"]
        convert = ["qemu-img", "convert", "-f", "raw", "-O", form, str(raw), str(theirs)]
        script = f"{shlex.join([*deploy, str(raw)])} && {shlex.join(convert)}"
        return Pair(f"deploy to a new {form}", [*deploy, str(ours)], ["sh", "-c", script], fresh)

    return [pair(form) for form in FORMS]


def main() -> None:
    """Run the pairs and write the report."""
    with workspace() as folder:
        tree, wim = folder / "tree", folder / "tree.wim"
        print(f"{copy_tree(tree, WANTED_FILES)} files in {tree}")
        osdimage("capture", tree, wim, "--compress", "xpress")
        shutil.rmtree(tree)
        empty = make_disk(folder / "empty.img")
        full = folder / "full.img"
        subprocess.run(["cp", "--sparse=always", empty, full], check=True)
        osdimage("apply", wim, full, "--partition", PARTITION)
        pairs = [
            *capture_pairs(full, folder),
            *apply_pairs(empty, wim, folder),
            overlay_pair(empty, wim, folder),
            *deploy_pairs(wim, folder),
        ]
        write_report(run_pairs(pairs, runs=RUNS), "vm_disks")


if __name__ == "__main__":
    main()
