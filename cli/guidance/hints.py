"""What was meant by a command that there is not: nearly the same word, a verb of a group, or one of another program."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Collection, Iterator, Mapping

Table = Mapping[str, tuple[str, str]]

_DRIVERS = "osdimage driver add"
_COMPONENTS = "packages, features and capabilities of a Windows are not serviced here; DISM does that"
_NO_REMOVAL = "osdimage driver remove takes drivers out of the catalog, and none out of a Windows, which DISM does"
_FFU = "FFU images are neither made nor applied; osdimage capture --all-volumes and deploy take disks as WIMs"
_REMOUNT = "osdimage unmount clears away a mount whose process has died, osdimage mount makes it anew"

# Verbs of wimlib-imagex, DISM and others, and what does their work here.
FOREIGN = {
    "add-driver": _DRIVERS,
    "add-capability": _COMPONENTS,
    "add-package": _COMPONENTS,
    "add-windowsdriver": _DRIVERS,
    "add-windowsimage": "osdimage capture --append",
    "append": "osdimage capture --append",
    "append-image": "osdimage capture --append",
    "apply-ffu": _FFU,
    "apply-unattend": "osdimage update --unattend",
    "bcdboot": "osdimage boot install",
    "bootsect": "osdimage boot install",
    "capture-ffu": _FFU,
    "cat": "osdimage extract",
    "cleanup-image": _COMPONENTS,
    "cleanup-mountpoints": "osdimage unmount DIR",
    "cleanup-wim": "osdimage unmount DIR",
    "commit-image": "osdimage unmount --commit",
    "commit-wim": "osdimage unmount --commit",
    "cp": "osdimage extract",
    "disable-feature": _COMPONENTS,
    "dismount": "osdimage unmount",
    "enable-feature": _COMPONENTS,
    "expand": "osdimage apply",
    "chkdsk": "osdimage disk check DISK --partition N",
    "convert": "osdimage export converts WIMs, osdimage deploy --format makes disks for virtual machines",
    "dir": "osdimage list",
    "drvload": "osdimage bootimage add-driver",
    "export-driver": "osdimage driver export-installed",
    "fsck": "osdimage disk check DISK --partition N",
    "genisoimage": "osdimage media iso",
    "get-capabilities": _COMPONENTS,
    "get-driverinfo": "osdimage driver show",
    "get-drivers": "osdimage driver installed",
    "get-features": _COMPONENTS,
    "get-imageinfo": "osdimage info",
    "get-mountedimageinfo": "osdimage mount --list",
    "get-mountedwiminfo": "osdimage mount --list",
    "get-packages": _COMPONENTS,
    "get-scratchspace": "osdimage bootimage show",
    "get-windowsimage": "osdimage info",
    "get-windowsimagecontent": "osdimage list",
    "get-wimbootentry": "WIMBoot is of Windows 8.1 alone, and not made here",
    "get-wiminfo": "osdimage info",
    "image": "an image is changed in its WIM: osdimage update, or osdimage mount --read-write and unmount --commit",
    "infverif": "osdimage driver check",
    "inject": _DRIVERS,
    "inject-drivers": _DRIVERS,
    "install": "osdimage deploy makes a disk, osdimage boot install makes one start",
    "iso": "osdimage media iso makes one, osdimage media show looks into one",
    "isoinfo": "osdimage media show DISC",
    "ls": "osdimage list",
    "new": "osdimage capture",
    "online": "a Windows that runs is not worked on; osdimage capture takes one that does not",
    "mkisofs": "osdimage media iso",
    "mkwinpeimg": "osdimage media iso",
    "mountrw": "osdimage mount --read-write",
    "ntfsck": "osdimage disk check DISK --partition N",
    "ntfsfix": "osdimage disk check DISK --partition N looks for faults; chkdsk of Windows mends them",
    "oscdimg": "osdimage media iso",
    "partition": "osdimage disk init",
    "pnputil": f"{_DRIVERS} brings drivers into a Windows that does not run, osdimage driver installed lists them",
    "query": "osdimage registry get",
    "reg": "osdimage registry",
    "remount-image": _REMOUNT,
    "remount-wim": _REMOUNT,
    "remove": "osdimage delete",
    "remove-driver": "drivers that a Windows has are not removed here; DISM does that",
    "remove-package": _COMPONENTS,
    "regedit": "osdimage registry",
    "rename": "osdimage info --set name=...",
    "repair": "osdimage disk check --repair or osdimage boot fix",
    "rm": "osdimage delete",
    "save": "osdimage unmount --commit",
    "save-image": "osdimage unmount --commit",
    "set": "osdimage info --set changes an image's texts, osdimage registry set a value of the registry",
    "set-scratchspace": "osdimage bootimage set --scratch",
    "split-ffu": _FFU,
    "split-image": "osdimage split",
    "test": "osdimage verify",
    "umount": "osdimage unmount",
    "version": "osdimage --version",
    "wiminfo": "osdimage info",
    "winpe": "osdimage bootimage",
}
# Verbs of diskpart, sfdisk, bcdedit and reg.exe, by the group where people look for them; some are commands elsewhere.
IN_GROUPS = {
    "osdimage boot": {
        "enum": "osdimage boot show",
        "list": "osdimage boot show",
        "rebuild": "osdimage boot fix",
        "repair": "osdimage boot fix",
        "verify": "osdimage boot check",
    },
    "osdimage bootimage": {
        "add": "osdimage bootimage add-driver, or osdimage bootimage set --add-file",
        "add-package": "optional components and updates need DISM on Windows: dism /Add-Package",
        "create": "osdimage bootimage export",
        "info": "osdimage bootimage show",
        "inject": "osdimage bootimage add-driver",
        "list": "osdimage bootimage show",
        "new": "osdimage bootimage export",
        "scratch": "osdimage bootimage set --scratch",
        "update": "osdimage bootimage set",
    },
    "osdimage disk": {
        "attach": "qcow2, VHDX, VHD, VMDK and VDI files are disks as they are: nothing is attached",
        "clean": "osdimage disk init",
        "convert": "qemu-img convert; osdimage takes qcow2, VHDX, VHD, VMDK and VDI files as they are",
        "create": "osdimage disk init",
        "dump": "osdimage disk backup",
        "info": "osdimage disk show",
        "list": "osdimage disk show",
        "repair": "osdimage disk check --repair",
        "snapshot": "--overlay NEW.qcow2 leaves a disk as it is; --vm-snapshot NAME reads a state that was kept",
        "verify": "osdimage disk check",
    },
    "osdimage driver": {
        "delete": _NO_REMOVAL,
        "disable": "osdimage driver set NAME --disable",
        "enable": "osdimage driver set NAME --enable",
        "export": "osdimage driver package export writes drivers of the catalog, osdimage driver export-installed "
        "those that a Windows has",
        "info": "osdimage driver show",
        "install": _DRIVERS,
        "ls": "osdimage driver list",
        "query": "osdimage driver installed",
        "rm": _NO_REMOVAL,
        "scan": "osdimage driver match",
        "search": "osdimage driver list",
        "verify": "osdimage driver check",
    },
    "osdimage driver package": {
        "import": "osdimage driver import PATH --package NAME",
        "new": "osdimage driver package create",
        "rm": "osdimage driver package delete",
    },
    "osdimage media": {
        "burn": "an ISO file is burned by another program, such as xorriso or growisofs",
        "check": "osdimage media verify",
        "create": "osdimage media iso makes discs, osdimage media usb sticks, osdimage media standalone those with a "
        "task sequence",
        "disc": "osdimage media iso",
        "info": "osdimage media show",
        "pxe": "osdimage media netboot",
        "remaster": "osdimage media iso --from ISO",
        "stick": "osdimage media usb",
    },
    "osdimage registry": {
        "add": "osdimage registry set",
        "delete": "osdimage registry set --delete",
        "list": "osdimage registry get",
        "save": "osdimage registry export",
        "show": "osdimage registry get",
    },
}
# Options of wimlib-imagex, DISM and of other commands of ours, with those that do the same where a command has them.
FOREIGN_OPTIONS = {
    "delta-from": "base",
    "dest-dir": "to",
    "image-property": "set",
    "drivers": "driver",
    "drivers-for": "for",
    "for": "drivers-for",
    "include-integrity": "integrity",
    "include-invalid-names": "names",
    "no-wildcards": "no-globs",
    "noacls": "no-acls",
    "nocheck": "no-integrity",
    "norpfix": "no-rpfix",
    "one-file-only": "no-recurse",
    "preserve-dir-structure": "keep-directories",
    "refs": "ref",
    "solid-chunk-size": "chunk-size",
    "solid-compress": "compress",
    "streams-interface": "streams",
}
_NO_WIMBOOT = "WIMBoot is not made: Windows 10 dropped it"
# Those that no option of ours takes the place of, by the command: what does.
_INSTEAD = {
    ("capture", "flags"): "--set FLAGS=EDITION sets it",
    ("capture", "no-solid-sort"): "files of a solid WIM are always sorted",
    ("capture", "not-pipable"): "a WIM is not pipable unless --pipable says so",
    ("capture", "snapshot"): "a volume that is in use is not captured; take a disk that no Windows runs from",
    ("capture", "wimboot"): _NO_WIMBOOT,
    ("delete", "soft"): "the WIM is always written anew without what no image needs",
    ("apply", "wimboot"): _NO_WIMBOOT,
    ("export", "wimboot"): _NO_WIMBOOT,
    ("export", "not-pipable"): "a WIM is not pipable unless --pipable says so",
    ("export", "flags"): "--set FLAGS=EDITION sets it",
    ("iso", "hybrid"): "an ISO is no disk too; osdimage media usb writes sticks",
    ("iso", "password-file"): "a password hides a task sequence: osdimage media standalone",
    ("iso", "update"): "a disc is made anew: --from ISO makes one of another one",
    (
        "netboot",
        "password",
    ): "iPXE asks for none that is worth it over TFTP; keep secrets in encrypted variables of media",
    ("info", "detailed"): "--json tells all; osdimage list --long shows the files",
    ("info", "extract-xml"): "--xml prints it, as in --xml > FILE",
    ("info", "header"): "--json has it, as header",
    ("info", "lookup-table"): "--blobs lists it",
    ("list", "path"): "the path is an argument, as in osdimage list WIM PATH",
    ("update", "wimboot-config"): "--add FILE=/Windows/System32/WimBootCompress.ini is what it does",
    ("usb", "media-size"): "an image is as large as --size says, a device as it is",
    ("usb", "overwrite"): "--yes writes to what is there without a question",
    ("unmount", "discard"): "without --commit what was changed is lost",
}
# A word that has fewer of its letters in common is another word.
_LIKENESS, _STRICTER = 0.6, 0.75


def hint(word: str, table: Table, group: str, above: Table) -> str | None:
    """Return a clause about a word that is no command of a group, or None when nothing is near.

    Args:
        word: what was written.
        table: the commands of the group.
        group: what the group is called, such as ``osdimage disk``.
        above: the commands of the whole program.
    """
    plain = word.lower()
    if plain.startswith("/"):
        # DISM: /Image:C:\mnt
        plain = plain[1:].partition(":")[0]
    return next((_clause(found) for found in _candidates(plain, table, group, above) if found), None)


def option_hint(word: str, known: Collection[str]) -> str | None:
    """Return the option that was meant by one of another program, or None; ``known`` are those of the command."""
    found = f"--{FOREIGN_OPTIONS.get(word.removeprefix('--'))}"
    return found if found in known else None


def option_instead(command: str, word: str) -> str | None:
    """Return what is done in the place of an option of another program that no option of ours replaces, or None."""
    return _INSTEAD.get((command, word.removeprefix("--")))


def _clause(found: str) -> str:
    """Ask whether a command was meant; what explains itself is left alone."""
    return f"did you mean {found}?" if found.startswith("osdimage ") and "," not in found else found


def _candidates(word: str, table: Table, group: str, above: Table) -> Iterator[str | None]:
    """Yield what may have been meant, the likeliest first."""
    if word in table:
        yield f"{group} {word}"
    yield IN_GROUPS.get(group, {}).get(word)
    if word in above:
        yield f"osdimage {word}"
    yield FOREIGN.get(word)
    verbs = {verb: f"osdimage {name} {verb}" for name, verbs in _groups(above) for verb in reversed(list(verbs))}
    yield " or ".join(f"osdimage {name} {word}" for name, verbs in _groups(above) if word in verbs)
    yield _foreign(word, above)
    yield " or ".join(f"{group} {name}" for name in difflib.get_close_matches(word, table, n=2, cutoff=_LIKENESS))
    for near in difflib.get_close_matches(word, [*above, *FOREIGN, *verbs], n=1, cutoff=_STRICTER):
        yield f"osdimage {near}" if near in above else FOREIGN.get(near) or verbs[near]


def _foreign(word: str, above: Table) -> str | None:
    """Return the command for a verb with the ornaments of others: wimcapture, capture-image, get-imageinfo."""
    bare = word.removeprefix("wim").removesuffix("-image").removesuffix("-wim").removesuffix("-windowsimage")
    if bare == word:
        return None
    return f"osdimage {bare}" if bare in above else FOREIGN.get(bare)


def _groups(above: Table) -> Iterator[tuple[str, Table]]:
    for name, (module, _) in above.items():
        if module.endswith(".group"):
            yield name, importlib.import_module(f"osdimage.cli.{module}").COMMANDS
