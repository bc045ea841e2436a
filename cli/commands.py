"""The table of commands, and the help that is made of it alone."""

from __future__ import annotations

# name: (module of this package, what `osdimage --help` says).  The module has the click command as NAME_command.
COMMANDS: dict[str, tuple[str, str]] = {
    "capture": ("wim.capture", "Capture a directory or a volume into a WIM."),
    "apply": ("wim.apply", "Apply an image of a WIM to a directory or a volume."),
    "export": ("wim.export", "Copy images to another WIM, with another compression if wanted."),
    "info": ("wim.info", "Show what a WIM holds, or change names and descriptions."),
    "list": ("wim.list", "List the files of an image."),
    "extract": ("wim.extract", "Extract files of an image."),
    "verify": ("wim.verify", "Check a WIM: structure, names, and every blob's SHA-1."),
    "compare": ("wim.compare", "Compare an image with what it was applied to."),
    "diff": ("wim.diff", "Show what changed between two images."),
    "update": ("wim.update", "Add, delete and rename files of an image, in place."),
    "optimize": ("wim.optimize", "Write a WIM anew: without holes, smaller if wanted."),
    "mount": ("wim.mount", "Mount an image at a directory, or list what is mounted."),
    "unmount": ("wim.unmount", "Unmount an image, and commit what was changed if wanted."),
    "split": ("wim.split", "Cut a WIM into parts, for FAT32 and small media."),
    "join": ("wim.join", "Make one WIM of the parts of a split one."),
    "delete": ("wim.delete", "Delete images from a WIM."),
    "deploy": ("deploy.deploy", "Turn a WIM into a disk: partitions, volumes, image, boot files."),
    "run": ("sequence.run", "Run a task sequence of ConfigMgr or MDT against disk images."),
    "facts": ("sequence.facts", "Print what a computer is, for the conditions of task sequences."),
    "disk": ("disk.group", "Lay out a disk: plan, init, show, check, format, backup, restore."),
    "media": ("media.group", "Make media that start, and look into discs: iso, show and more."),
    "bootimage": ("bootimage.group", "Look into and change boot images: show, set, add-driver and more."),
    "driver": ("driver.group", "Bring drivers into a Windows: add, show, check, match, import."),
    "boot": ("boot.group", "Make a disk start: install, show, check and fix what starts it."),
    "registry": ("registry.group", "Read and change the registry of a Windows that does not run."),
    "schema": ("schema", "Show what documents of --json hold, as JSON Schema."),
    "doctor": ("doctor", "Show what is installed, what is missing, and how to install it."),
    "help": ("help", "Show the help of a command."),
}

_HEAD = """\
Usage: osdimage [OPTIONS] COMMAND [ARGS]...

  Lay out disks, and capture, inspect, convert and apply Windows images (WIM),
  on Linux, without Windows and without root.

  Exit codes: 0 done, 1 the operation failed or was declined, 2 usage, or what
  is not there, 3 input invalid or corrupt, 4 target refused, 5 some of several
  targets failed, 6 not known (boot check and fix), 128 and its number for a
  signal (130: Ctrl-C).

  Sizes are binary, as Windows has them: 1 GB is 1024 MB, and so is 1 GiB.

  What all commands have in common is told by `osdimage help conventions`, and
  so are arguments, environment, exit-codes and files.

Options:
  -V, --version  Show the version and exit; with -v those of the libraries, too.
  -h, --help     Show this message and exit.

Commands:
"""


def help_text() -> str:
    """Return what ``osdimage --help`` prints."""
    width = max(map(len, COMMANDS))
    return _HEAD + "\n".join(f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items())
