"""What commands take from the environment, and the files of their own that they keep."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Surrounding:
    """A variable of the environment, or a file.

    Attributes:
        name: of the variable, or the path.
        text: what it is for, in sentences.
        options: the commands that have one of these options have to do with it.
        commands: and so have these, by their names such as ``disk init``; without both, every command.
    """

    name: str
    text: str
    options: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    def concerns(self, command: str, options: Collection[str]) -> bool:
        """Tell whether a command has to do with it; ``options`` are those that it takes."""
        if not self.options and not self.commands:
            return True
        return command in self.commands or not set(self.options).isdisjoint(options)


_MOUNTS = ("mount", "unmount")
_SAVES_TABLES = ("--backup", "--no-backup")

VARIABLES: tuple[Surrounding, ...] = (
    Surrounding(
        "OSDIMAGE_BITLOCKER_KEY",
        "What opens a BitLocker volume: a recovery password or a password, where --bitlocker-key is not given. No "
        "program that a command starts gets it.",
        options=("--bitlocker-key",),
    ),
    Surrounding(
        "OSDIMAGE_CATALOG",
        "The catalog of drivers, where --catalog is not given.",
        options=("--catalog",),
    ),
    Surrounding(
        "OSDIMAGE_STATE_DIR",
        "The folder for partition tables of devices that are saved before they are overwritten, and for the states of "
        "task sequences. Default: /var/lib/osdimage for root, or else osdimage in XDG_STATE_HOME.",
        options=(*_SAVES_TABLES, "--state"),
    ),
    Surrounding(
        "XDG_DATA_HOME",
        "Where osdimage/drivers.db is, the catalog of drivers, without OSDIMAGE_CATALOG and --catalog. Default: "
        "~/.local/share.",
        options=("--catalog",),
    ),
    Surrounding(
        "XDG_RUNTIME_DIR",
        "Where it is told which images are mounted, in the folder osdimage; and where a socket is for a while, through "
        "which a program of QEMU gives the disk of a virtual machine.",
        commands=_MOUNTS,
        options=("--replay-log",),
    ),
    Surrounding(
        "XDG_STATE_HOME",
        "Where the folder osdimage is, without OSDIMAGE_STATE_DIR and unless root calls. Default: ~/.local/state.",
        options=(*_SAVES_TABLES, "--state"),
    ),
    Surrounding(
        "SOURCE_DATE_EPOCH",
        "With --seed, the time that new volumes and files bear, in seconds since 1970: the same image and the same "
        "seed make the same disk, or the same disc, byte for byte.",
        commands=("deploy", "media boot", "media capture", "media iso"),
    ),
    Surrounding(
        "TMPDIR",
        "The folder for what is needed for a while, which can be as large as an image. Default: /tmp.",
    ),
    Surrounding(
        "PATH",
        "Where programs are looked for that do a part of the work, such as mkntfs and QEMU's tools, before "
        "/usr/local/sbin, /usr/sbin and /sbin; those that came with osdimage need not be there. osdimage doctor lists "
        "them.",
    ),
    Surrounding(
        "LC_ALL",
        "Before LC_CTYPE and LANG, the encoding of what is printed: characters of names that it lacks are escaped.",
    ),
    Surrounding("COLUMNS", "How wide what is printed may be. Default: as wide as the terminal."),
    Surrounding("NO_COLOR", "Anything but nothing: no colours, also on a terminal."),
    Surrounding("TERM", "dumb: no progress bar, and no colours."),
)

FILES: tuple[Surrounding, ...] = (
    Surrounding(
        "DISK.table-*.json",
        "The partition table that a disk image had before it was overwritten, beside the image. The name has the time, "
        "in UTC; the newest five of a disk stay. osdimage disk restore puts one back.",
        options=_SAVES_TABLES,
    ),
    Surrounding(
        "/var/lib/osdimage/, ~/.local/state/osdimage/",
        "Those of devices, saved by root and by other users.",
        options=_SAVES_TABLES,
    ),
    Surrounding(
        "/var/lib/osdimage/run-*.json, ~/.local/state/osdimage/run-*.json",
        "The state of a task sequence that failed or is paused, where --state names no other; --resume takes it.",
        options=("--state",),
    ),
    Surrounding(
        "~/.local/share/osdimage/drivers.db",
        "The catalog of drivers, an SQLite database, with the files of the drivers in a folder beside it.",
        options=("--catalog",),
    ),
    Surrounding(
        "$XDG_RUNTIME_DIR/osdimage/, /run/osdimage/",
        "What is mounted: a file for each mount, for as long as it is there.",
        commands=_MOUNTS,
    ),
    Surrounding(
        "\\ProgramData\\osdimage\\FirstStart",
        "In the new Windows: what its first start carries out, and what became of that. run --collect reads it.",
        commands=("run",),
    ),
    Surrounding(
        "\\Windows\\Temp\\osdimage-drivers.json",
        "In the Windows that gets drivers: the report of the last time, with each value that was changed.",
        commands=("deploy", "driver add", "run"),
    ),
    Surrounding(
        "\\Drivers",
        "In the Windows that gets drivers: where it installs them from when it starts first.",
        commands=("deploy", "driver add", "run"),
    ),
)
