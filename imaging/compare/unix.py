"""What an image has of a file's owner, mode, device numbers and extended attributes, and what a target has of it.

An image has the first three only when it was captured with them, and libwim sets them only where it is told to; a FIFO,
a socket or a device is an empty file until then.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.compare import describe
from osdimage.imaging.compare.fidelity import Fidelity, Tally
from osdimage.imaging.compare.target import ComparedTarget, FoundFile
from osdimage.imaging.wim.entries import Entry

SPECIAL: Final = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}
"""What is neither a file, a directory nor a link, by the type in its mode."""
_DEVICES = (stat.S_IFCHR, stat.S_IFBLK)
# Linux gives these to a file when nobody asks for them.
_OF_THE_KERNEL = frozenset({b"security.selinux", b"security.SMACK64", b"security.ima", b"security.evm"})

# A plain number: the flags of an enumeration are slow, and this meets every file.
_NOT_SPECIAL = int(FileAttribute.DIRECTORY | FileAttribute.REPARSE_POINT)

Attributes = Mapping[bytes, bytes]


def special_kind(entry: Entry) -> str | None:
    """Return what a file of the image is if it is neither a file, a directory nor a link."""
    if entry.unix_mode is None or entry.attributes & _NOT_SPECIAL:
        return None
    return SPECIAL.get(stat.S_IFMT(entry.unix_mode))


class UnixComparison:
    """Compares what only Unix has, file by file.

    Attributes:
        others: files of which owner or mode is not as in the image.
        same: files of which both are.
    """

    def __init__(self, target: ComparedTarget, tally: Tally, extended: Mapping[str, Attributes]) -> None:
        """Remember the extended attributes of the image by the paths of its files."""
        self.others = 0
        self.same = 0
        self._target = target
        self._tally = tally
        self._extended = extended

    def facts(self, entry: Entry) -> dict[Fidelity, int]:
        """Count the facts that the image has of a file."""
        has_data, is_link = entry.unix_mode is not None, entry.reparse_tag is not None
        return {
            Fidelity.OWNERS: int(has_data),
            Fidelity.MODES: int(has_data and not is_link),
            Fidelity.DEVICES: int(_is_device(entry)),
            Fidelity.EXTENDED_ATTRIBUTES: len(self._extended.get(entry.path, ())),
        }

    def compare(self, entry: Entry, found: FoundFile) -> None:
        """Compare a file that is there."""
        if found.mode is None:
            for kind, count in self.facts(entry).items():
                self._tally.dropped(kind, count)
            return
        if entry.unix_mode is not None:
            self._compare_data(entry, entry.unix_mode, found, found.mode)
        self._compare_extended(entry, found)

    def _compare_data(self, entry: Entry, mode: int, found: FoundFile, found_mode: int) -> None:
        before = self._tally.total_different
        self._compare_one(Fidelity.OWNERS, entry, f"{entry.unix_uid}:{entry.unix_gid}", f"{found.owner}:{found.group}")
        # Linux gives every link the same mode, and has no way to set another.
        if found.link is None:
            self._compare_one(Fidelity.MODES, entry, f"{stat.S_IMODE(mode):04o}", f"{stat.S_IMODE(found_mode):04o}")
        if self._tally.total_different > before:
            self.others += 1
        else:
            self.same += 1
        if _is_device(entry):
            self._compare_one(
                Fidelity.DEVICES, entry, device_numbers(entry.unix_device or 0), device_numbers(found.device or 0)
            )

    def _compare_one(self, kind: Fidelity, entry: Entry, expected: str, there: str) -> None:
        if expected == there:
            self._tally.restored(kind)
        else:
            self._tally.different(kind, entry.path, expected, there)

    def _compare_extended(self, entry: Entry, found: FoundFile) -> None:
        kind, expected = Fidelity.EXTENDED_ATTRIBUTES, self._extended.get(entry.path, {})
        if not expected and entry.unix_mode is None:
            return
        there = self._target.extended_attributes(found)
        for name, value in expected.items():
            if not self._target.keeps_extended_attribute(name):
                self._tally.dropped(kind)
            elif there.get(name) == value:
                self._tally.restored(kind)
            else:
                self._tally.different(
                    kind, entry.path, described_attribute(name, value), described_attribute(name, there.get(name))
                )
        # An image without Unix data tells nothing of what a file of Linux has besides.
        for name in sorted(there.keys() - expected.keys()) if entry.unix_mode is not None else ():
            if name not in _OF_THE_KERNEL:
                self._tally.different(kind, entry.path, None, described_attribute(name, there[name]))


def _is_device(entry: Entry) -> bool:
    return special_kind(entry) is not None and stat.S_IFMT(entry.unix_mode or 0) in _DEVICES


def device_numbers(device: int) -> str:
    """Return the major and the minor number of a device."""
    return f"{os.major(device)}:{os.minor(device)}"


def described_attribute(name: bytes, value: bytes | None) -> str | None:
    """Return an extended attribute in a few words."""
    if value is None:
        return None
    return f"{name.decode('utf-8', 'backslashreplace')} = {describe.value(value) or 'empty'}"
