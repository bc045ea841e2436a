"""Run the commands that the README and docs/ show, each section in a folder of its own with what it takes for granted.

    tour.py FOLDER

A command has to end with the code that the output below it implies: 0, or 2 where an error is shown.  Run it with an
empty environment, as .ci/tour.sh does: what a developer's machine has set hides faults.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from cases import udf  # noqa: E402 - it is no package
from cases.boot_drivers import storage_package  # noqa: E402 - it is no package
from cases.boot_images import jpeg, pe_files, setup_files  # noqa: E402 - it is no package
from cases.driver_packages import below, package  # noqa: E402 - it is no package
from cases.infs import write_drivers  # noqa: E402 - it is no package
from cases.offline_windows import WINDOWS_11, make_tree  # noqa: E402 - it is no package
from cases.windows_trees import windows_files, write_tree  # noqa: E402 - it is no package

# What no output of a program for people may hold.
FORBIDDEN = ("Traceback", "internal error", "Exception ignored")
USAGE = 2
TWO_PARTITIONS = """\
OSDDiskIndex=0
OSDPartitionStyle=GPT
OSDGPTBootDisk=true
OSDPartitions=3
OSDPartitions0Type=EFI
OSDPartitions0FileSystem=FAT32
OSDPartitions0Size=260
OSDPartitions0QuickFormat=true
OSDPartitions1Type=Primary
OSDPartitions1FileSystem=NTFS
OSDPartitions1Size=2
OSDPartitions1SizeUnits=GB
OSDPartitions1QuickFormat=true
OSDPartitions2Type=Primary
OSDPartitions2FileSystem=NTFS
OSDPartitions2QuickFormat=true
"""
BAD_VARIABLES = """\
OSDPartitionStyle=GPT
OSDPartitions0Type=Primary
OSDPartitions0Size=1
OSDPartitions0SizeUnits=TB
OSDPartitions1Type=Extnded
"""
REG = """\
Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\added]
"Start"=dword:00000000
"""


@dataclass(frozen=True)
class Command:
    """A command of a page, and whether an error is shown below it."""

    line: str
    is_refused: bool
    shown: str


def sections() -> dict[str, list[Command]]:
    """Return the commands of the README by the heading above them, and those of other pages by their titles."""
    found: dict[str, list[Command]] = {}
    # What is above the first heading builds and tests.
    _, *parts = re.split(r"^## ", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    parts += [page.read_text(encoding="utf-8").removeprefix("# ") for page in sorted((ROOT / "docs").rglob("*.md"))]
    for part in parts:
        heading = part.partition("\n")[0]
        for block in re.findall(r"^```console\n(.*?)^```", part, flags=re.MULTILINE | re.DOTALL):
            found.setdefault(heading, []).extend(commands(block))
    return found


def commands(block: str) -> list[Command]:
    """Return the commands of a block of a console."""
    found = []
    for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = piece.splitlines()
        end = next(number for number, line in enumerate(lines) if not line.endswith("\\")) + 1
        shown = "\n".join(lines[end:])
        found.append(Command("\n".join(lines[:end]), shown.startswith("osdimage: "), shown))
    return found


def osdimage(*words: str) -> None:
    """Run a command that prepares something."""
    subprocess.run(["osdimage", *words, "-q"], check=True)


def windows(folder: Path) -> Path:
    """Make a tree with the names of a Windows, and two hives."""
    hive = new_hive("SYSTEM")
    hive.root.ensure("Select").set(Value.dword("Current", 1))
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    hive.root.ensure(r"ControlSet001\Control\Nls\Language").set(Value.string("InstallLanguage", "0409"))
    service = hive.root.ensure(r"ControlSet001\Services\stornvme")
    service.set(Value.dword("Start", 3))
    service.set(Value.expand_string("ImagePath", r"System32\drivers\stornvme.sys"))
    software = new_hive("SOFTWARE")
    software.root.ensure(r"Microsoft\Windows NT\CurrentVersion").set(Value.string("ProductName", "Windows"))
    config = "Windows/System32/config"
    hives = {f"{config}/SYSTEM": write_hive(hive), f"{config}/SOFTWARE": write_hive(software)}
    return write_tree(folder, windows_files() | hives)


def tour() -> None:
    """Prepare the section `A tour`."""
    write_tree(Path("Reference"), {f"include/{n}.h": b"#define A\n" * n for n in range(40)} | {"top.h": b"1"})
    osdimage("capture", str(windows(Path("tree"))), "windows.wim")
    osdimage("deploy", "windows.wim", "disk.img", "--preset", "uefi", "--size", "64GB")
    osdimage("capture", "tree", "boot.wim", "--name", "Windows PE")
    Path("startnet.cmd").write_text("wpeinit\r\n", encoding="ascii")
    Path("lab.reg").write_text(REG, encoding="ascii")


def layouts() -> None:
    """Prepare the section `Disk layouts`."""
    Path("bad.vars").write_text(BAD_VARIABLES, encoding="ascii")


def wim_to_disk() -> None:
    """Prepare the section `From a WIM to a disk`."""
    write_tree(Path("Reference"), {"one.txt": b"1"})
    osdimage("capture", "Reference", "install.wim", "--name", "Reference 1.0")
    osdimage("capture", "Reference", "install.wim", "--append", "--name", "Reference 1.1")


def sequence() -> None:
    """Prepare the section `From a task sequence`."""
    shutil.copy(ROOT / "fixtures" / "tasksequence" / "existing-image.xml", "existing-image.xml")
    osdimage("capture", str(write_tree(Path("tree"), make_tree(WINDOWS_11))), "install.wim", "--name", "Windows")
    Path("updates").mkdir()
    Path("updates", "windows11.0-kb5030219-x64.msu").touch()


def registry() -> None:
    """Prepare the section about the registry."""
    osdimage("capture", str(windows(Path("tree"))), "install.wim", "--name", "Windows")
    osdimage("deploy", "install.wim", "windows.img", "--preset", "uefi", "--size", "64GB")
    Path("boot.reg").write_text(REG, encoding="ascii")


def bootable() -> None:
    """Prepare the section `Bootable disks`."""
    osdimage("capture", str(windows(Path("tree"))), "install.wim", "--name", "Windows 11 Pro")
    osdimage("deploy", "install.wim", "clone.img", "--preset", "uefi", "--size", "64GB")
    Path("two.vars").write_text(TWO_PARTITIONS, encoding="ascii")
    osdimage("deploy", "install.wim", "two.img", "--vars", "two.vars", "--size", "64GB", "--partition", "3")
    osdimage("apply", "install.wim", "two.img", "--partition", "4")


def drivers() -> None:
    """Prepare the section about drivers."""
    write_drivers(Path("Drivers"))
    write_tree(Path("windows"), make_tree(WINDOWS_11))
    write_tree(Path("virtio-win"), storage_package(folder="viostor/w11/amd64"))


def boot_images() -> None:
    """Prepare the section about boot images."""
    for number, files in enumerate((pe_files(), setup_files())):
        more = ("--append", "--boot") if number else ()
        osdimage(
            "capture", str(write_tree(Path(f"image-{number}"), files)), "boot.wim", "--name", f"PE {number}", *more
        )
    wim = udf.Node("boot.wim", Path("boot.wim").read_bytes())
    disc = udf.build(udf.Node(children=[udf.Node("sources", children=[wim])]))
    Path("windows.iso").write_bytes(disc.data)
    Path("lab.jpg").write_bytes(jpeg())
    network = package("netkvm", class_name="Net", ids=(r"PCI\VEN_1AF4&DEV_1000",))
    write_tree(Path("Drivers"), below("disk", package("vioscsi")) | below("net", network))


PREPARED: dict[str, Callable[[], None]] = {
    "A tour": tour,
    "Disk layouts": layouts,
    "From a WIM to a disk": wim_to_disk,
    "From a task sequence": sequence,
    "The registry of a Windows that does not run": registry,
    "Bootable disks": bootable,
    "Drivers": drivers,
    "Boot images": boot_images,
}


def run(command: Command) -> str | None:
    """Run a command; return what is wrong with how it ended, or None."""
    if command.line.startswith("cat "):
        # What is shown is the file, for whoever follows.
        Path(command.line.split()[1]).write_text(command.shown + "\n", encoding="utf-8")
        return None
    if "--dry-run --json > plan.json" in command.line:
        # A plan for a disk that is not there yet.
        Path("windows.img").unlink(missing_ok=True)
    done = subprocess.run(
        ["/bin/bash", "-c", command.line], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    expected = USAGE if command.is_refused else 0
    if done.returncode != expected:
        return f"left with {done.returncode}, not {expected}:\n{said}"
    return next((f"said {word}:\n{said}" for word in FORBIDDEN if word in said), None)


def main() -> int:
    """Run them all; the exit code says whether each ended as it should."""
    folder = Path(sys.argv[1]).resolve()
    bad = 0
    found = sections()
    strange = set(PREPARED) ^ set(found)
    if strange:
        sys.stderr.write(f"prepared and not there, or the other way: {', '.join(sorted(strange))}\n")
        return 1
    for heading, prepare in PREPARED.items():
        place = folder / heading.replace(" ", "-")
        place.mkdir(parents=True)
        with contextlib.chdir(place):
            prepare()
            for command in found[heading]:
                fault = run(command)
                bad += fault is not None
                sys.stdout.write(f"{'ok  ' if fault is None else 'BAD '} {command.line}\n")
                if fault is not None:
                    sys.stdout.write(f"{fault}\n")
        shutil.rmtree(place)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
