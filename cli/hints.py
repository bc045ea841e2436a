"""What was meant by a command that there is not: nearly the same word, a verb of a group, or one of another program."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Collection, Iterator, Mapping

Table = Mapping[str, tuple[str, str]]

_DRIVERS = "drivers are not injected; add them to the Windows that is captured"

# Verbs of wimlib-imagex, DISM and others, and what does their work here.
FOREIGN = {
    "add-driver": _DRIVERS,
    "append": "osdimage capture --append",
    "append-image": "osdimage capture --append",
    "bcdboot": "osdimage boot install",
    "bootsect": "osdimage boot install",
    "cat": "osdimage extract",
    "cp": "osdimage extract",
    "chkdsk": "osdimage disk check DISK --partition N",
    "convert": "osdimage export converts WIMs, osdimage deploy --format makes disks for virtual machines",
    "dir": "osdimage list",
    "fsck": "osdimage disk check DISK --partition N",
    "inject": _DRIVERS,
    "install": "osdimage deploy makes a disk, osdimage boot install makes one start",
    "ls": "osdimage list",
    "mountrw": "osdimage mount --read-write",
    "ntfsck": "osdimage disk check DISK --partition N",
    "ntfsfix": "osdimage disk check DISK --partition N looks for faults; chkdsk of Windows mends them",
    "partition": "osdimage disk init",
    "query": "osdimage registry get",
    "reg": "osdimage registry",
    "regedit": "osdimage registry",
    "rename": "osdimage info --set name=...",
    "repair": "osdimage disk check --repair or osdimage boot fix",
    "rm": "osdimage delete",
    "set": "osdimage info --set changes an image's texts, osdimage registry set a value of the registry",
    "split-image": "osdimage split",
    "test": "osdimage verify",
    "umount": "osdimage unmount",
    "version": "osdimage --version",
    "wiminfo": "osdimage info",
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
    "osdimage disk": {
        "clean": "osdimage disk init",
        "create": "osdimage disk init",
        "dump": "osdimage disk backup",
        "info": "osdimage disk show",
        "list": "osdimage disk show",
        "repair": "osdimage disk check --repair",
        "verify": "osdimage disk check",
    },
    "osdimage registry": {
        "add": "osdimage registry set",
        "delete": "osdimage registry set --delete",
        "list": "osdimage registry get",
        "save": "osdimage registry export",
        "show": "osdimage registry get",
    },
}
# Options of wimlib-imagex, with those of ours that do the same where a command has them.
FOREIGN_OPTIONS = {
    "delta-from": "base",
    "dest-dir": "to",
    "image-property": "set",
    "include-integrity": "integrity",
    "include-invalid-names": "names",
    "no-wildcards": "no-globs",
    "nocheck": "no-integrity",
    "norpfix": "no-rpfix",
    "preserve-dir-structure": "keep-directories",
    "refs": "ref",
    "solid-chunk-size": "chunk-size",
    "solid-compress": "compress",
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
    plain = word.lower().removeprefix("/")
    return next((_clause(found) for found in _candidates(plain, table, group, above) if found), None)


def option_hint(word: str, known: Collection[str]) -> str | None:
    """Return the option that was meant by one of another program, or None; ``known`` are those of the command."""
    found = f"--{FOREIGN_OPTIONS.get(word.removeprefix('--'))}"
    return found if found in known else None


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
    if word.startswith("get-"):
        return "osdimage info"
    bare = word.removeprefix("wim").removesuffix("-image")
    if bare == word:
        return None
    return f"osdimage {bare}" if bare in above else FOREIGN.get(bare)


def _groups(above: Table) -> Iterator[tuple[str, Table]]:
    for name, (module, _) in above.items():
        if module.endswith(".group"):
            yield name, importlib.import_module(f"osdimage.cli.{module}").COMMANDS
