"""Changes of the tree of an image, in memory: one command of libwim each, so that the next sees what it made.

libwim takes several at once and undoes them when one fails; it does not say which, and has no patterns in paths.  Here
whoever gives the commands drops the handle when one fails: nothing is in the file before it is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from osdimage.native import text
from osdimage.native._wimlib import ffi, lib
from osdimage.native.callbacks import Listener
from osdimage.native.wim.facts import AddedImage
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.patterns import Patterns


@dataclass(frozen=True, slots=True)
class Addition:
    """How files of this machine are added.

    Attributes:
        patterns: what is left out, as paths from the source; None for nothing.
        replaces: whether files that are there are replaced; otherwise one is an error.
        dereference: store what symbolic links lead to.
        unix_data: also store owners, modes and what else is of Unix.
    """

    patterns: Patterns | None = None
    replaces: bool = True
    dereference: bool = False
    unix_data: bool = False

    def flags(self) -> int:
        """Return libwim's flags."""
        return int(
            lib.WIMLIB_ADD_FLAG_EXCLUDE_VERBOSE
            | lib.WIMLIB_ADD_FLAG_VERBOSE
            | lib.WIMLIB_ADD_FLAG_TEST_FILE_EXCLUSION
            | (0 if self.replaces else lib.WIMLIB_ADD_FLAG_NO_REPLACE)
            | (lib.WIMLIB_ADD_FLAG_DEREFERENCE if self.dereference else 0)
            | (lib.WIMLIB_ADD_FLAG_UNIX_DATA if self.unix_data else 0)
        )


def add_tree(
    handle: WimHandle,
    image: int,
    source: str | os.PathLike[str],
    path: str,
    how: Addition,
    *,
    listener: Listener | None = None,
) -> AddedImage:
    """Add a file or a directory with all in it; a directory that is there is joined with it.

    The directories above the path are made.  The files are read when the WIM is written.
    """
    encoded = text.path_to_c(source)
    target = ffi.new("char[]", text.to_c(path))
    from_path = ffi.new("char[]", encoded)

    def fill(command: Any) -> None:
        command.op = lib.WIMLIB_UPDATE_OP_ADD
        command.add.fs_source_path = from_path
        command.add.wim_target_path = target
        command.add.add_flags = how.flags()

    lib.osd_scan_begin(ffi.NULL if how.patterns is None else how.patterns.pointer, len(encoded))
    try:
        warnings = _update(handle, image, fill, listener)
    finally:
        totals = lib.osd_scan_end()
    return AddedImage(warnings, totals.directories, totals.files, totals.bytes)


def delete_path(handle: WimHandle, image: int, path: str, *, recursive: bool) -> tuple[str, ...]:
    """Delete a file, or with ``recursive`` a directory with all in it; return libwim's warnings."""
    target = ffi.new("char[]", text.to_c(path))

    def fill(command: Any) -> None:
        command.op = lib.WIMLIB_UPDATE_OP_DELETE
        command.delete_.wim_path = target
        command.delete_.delete_flags = lib.WIMLIB_DELETE_FLAG_RECURSIVE if recursive else 0

    return _update(handle, image, fill)


def rename_path(handle: WimHandle, image: int, old: str, new: str) -> tuple[str, ...]:
    """Give a file or directory another path, as rename(2) does; return libwim's warnings."""
    source, target = ffi.new("char[]", text.to_c(old)), ffi.new("char[]", text.to_c(new))

    def fill(command: Any) -> None:
        command.op = lib.WIMLIB_UPDATE_OP_RENAME
        command.rename.wim_source_path = source
        command.rename.wim_target_path = target

    return _update(handle, image, fill)


def _update(
    handle: WimHandle, image: int, fill: Callable[[Any], None], listener: Listener | None = None
) -> tuple[str, ...]:
    command = ffi.new("struct wimlib_update_command *")
    fill(command)
    return handle.update(image, command, listener=listener)
