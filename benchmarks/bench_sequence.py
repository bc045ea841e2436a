"""A task sequence of 300 steps: its plan, what its first start costs to put on the disk, and to read from it again.

Goals on two idle cores: a plan of 300 steps in 0.5 s, 0.3 s and 200 KB more for the steps that wait for the first
start, without packages, and 0.5 s for ``--collect``.  The plan stands beside a Python that parses the same XML, the
first start beside a run of the same sequence without the steps that wait, and collecting beside the ntfscat that reads
one file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from harness import RESULTS, Pair, run_pairs, workspace, write_report

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from cases.offline_windows import WINDOWS_10, make_tree
from cases.sequence import MBR
from cases.windows_trees import windows_files, write_tree
from judges.disk import partition_of
from osdimage.imaging.capture import capture_image
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.forms.xml import write_sequence
from osdimage.imaging.tasksequence.sequence import Sequence, Step

OSDIMAGE = str(Path(sys.executable).with_name("osdimage"))
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
STEPS, STAGED = 300, 100
BEFORE = 3
PARSED = "import sys, xml.etree.ElementTree as t; print(len(list(t.parse(sys.argv[1]).iter('step'))))"


def made(*, waits: bool) -> Sequence:
    """Return a sequence: Windows, and steps with conditions; a third waits for the first start, or is not there."""
    begin: list[Step] = [
        step("partition", "PartitionDisk", MBR),
        step("apply", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "WIM"}),
        step("setup", "SetupWindowsAndSMS"),
    ]
    groups = []
    for number in range((STEPS - BEFORE) // 3 + 1):
        is_set = Compare(f"Part{number % 7}", Operator.NOT_EQUALS, "no")
        members = [
            step(
                "set", "SetVariable", properties={"VariableName": f"Name{number}", "VariableValue": f"%Name{number}%x"}
            ),
            step("ask", "SetVariable", properties={"VariableName": "A", "VariableValue": "b"}, condition=is_set),
        ]
        if waits and number < STAGED:
            line = f'setup{number}.exe /quiet "/log:C:\\Windows\\Temp\\{number}.log"'
            members.append(step("run", "RunCommandLine", properties={"CommandLine": line}, continue_on_error=True))
        groups.append(group(f"group {number}", *members, condition=is_set))
    return sequence("Three hundred steps", *begin, *groups)


def main() -> None:
    """Run the pairs and write the reports."""
    with workspace() as folder:
        tree = write_tree(folder / "tree", windows_files(bios=True) | make_tree(WINDOWS_10))
        capture_image(tree, folder / "windows.wim")
        for name, waits in (("all", True), ("without", False)):
            (folder / f"{name}.xml").write_bytes(write_sequence(made(waits=waits)))
        disk = folder / "disk.img"

        def run(name: str, *options: str) -> list[str]:
            given = ["--disk", f"0={disk}", "--size", "200MiB", "--package", f"WIM={folder / 'windows.wim'}"]
            last = ["--without-client", "--firmware", "bios", "--no-backup", "--quiet", *options]
            return [OSDIMAGE, "run", str(folder / f"{name}.xml"), *given, "--state", str(folder / "state"), *last]

        def fresh() -> None:
            disk.unlink(missing_ok=True)

        planned = Pair(f"plan of {STEPS}; parse the XML", run("all", "--dry-run"),
                       [sys.executable, "-c", PARSED, str(folder / "all.xml")], fresh)  # fmt: skip
        ran = Pair(f"run, {STAGED} wait; without these", run("all", "--yes"), run("without", "--yes"), fresh)
        results = run_pairs([planned, ran], runs=RUNS)
        # As the last of the pair has left it: without steps that wait.
        fresh()
        told = subprocess.run(run("all", "--dry-run", "--json"), capture_output=True, text=True, check=True)
        subprocess.run(run("all", "--yes"), capture_output=True, check=True)
        volume = partition_of(disk, 1, folder / "volume.ntfs")
        read = ["ntfscat", str(volume), "/ProgramData/osdimage/FirstStart/run.cmd"]
        results += run_pairs([Pair("collect; ntfscat", [OSDIMAGE, "run", "--collect", str(disk)], read)], runs=RUNS)
        write_report(results, "sequence")
        size = json.loads(told.stdout)["first_start"]["size_bytes"]
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "sequence-size.json").write_text(json.dumps({"staged": STAGED, "size_bytes": size}) + "\n")
        print(f"{STAGED} steps wait for the first start: {size:,} bytes")


if __name__ == "__main__":
    main()
