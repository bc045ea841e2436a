"""Going through what a WIM holds: the files of its images, and its contents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from osdimage.native import text
from osdimage.native._wimlib import ffi, lib
from osdimage.native.wim.backing import Reads
from osdimage.native.wim.owned import OwnedWim


class WalkedWim(OwnedWim):
    """A WIM whose entries and blobs are visited; each call reads the tree of its image, and no contents."""

    def each_entry(
        self, image: int, path: str, *, recursive: bool, children: bool = False, on_entry: Callable[[Any], None]
    ) -> tuple[str, ...]:
        """Call a function with the ``struct wimlib_dir_entry *`` of a path and, if recursive, of all below it.

        With ``children`` the entry of the path itself is left out, and only those in it are visited.
        """
        flags = (lib.WIMLIB_ITERATE_DIR_TREE_FLAG_RECURSIVE if recursive else 0) | (
            lib.WIMLIB_ITERATE_DIR_TREE_FLAG_CHILDREN if children else 0
        )
        self._relay.on_item = on_entry
        try:
            return self._run(
                lib.wimlib_iterate_dir_tree,
                image,
                text.to_c(path),
                flags,
                lib.osd_on_entry,
                self._relay.handle,
                reads=Reads.TREE,
                image=image,
            )
        finally:
            self._relay.on_item = None

    def each_path(
        self, image: int, path: str, *, recursive: bool, on_paths: Callable[[list[str]], None]
    ) -> tuple[str, ...]:
        """Call a function with the paths of the same entries, many at a time."""
        paths = ffi.new("struct osd_paths *", {"context": self._relay.handle})
        self._relay.on_item = lambda found: on_paths(text.all_from_c(found))
        try:
            messages = self._run(
                lib.wimlib_iterate_dir_tree,
                image,
                text.to_c(path),
                lib.WIMLIB_ITERATE_DIR_TREE_FLAG_RECURSIVE if recursive else 0,
                ffi.addressof(lib, "osd_paths_entry"),
                paths,
                reads=Reads.TREE,
                image=image,
            )
            with self._relay:
                lib.osd_paths_flush(paths)
            return messages
        finally:
            self._relay.on_item = None
            lib.osd_paths_release(paths)

    def each_blob(self, on_blob: Callable[[Any], None]) -> tuple[str, ...]:
        """Call a function with the ``struct wimlib_resource_entry *`` of every blob."""
        self._relay.on_item = on_blob
        try:
            return self._run(
                lib.wimlib_iterate_lookup_table, 0, lib.osd_on_blob, self._relay.handle, reads=Reads.NOTHING
            )
        finally:
            self._relay.on_item = None

    def collect_blobs(self, table: Any) -> None:
        """Fill a ``struct osd_blob_table`` with every entry of the blob table, in C."""
        self._run(
            lib.wimlib_iterate_lookup_table,
            0,
            ffi.addressof(lib, "osd_blob_table_add"),
            table,
            reads=Reads.NOTHING,
        )

    def audit_tree(
        self, image: int, path: str, audit: Any, *, tree: Any = None, memory: int | None = None
    ) -> tuple[str, ...]:
        """Fill a ``struct osd_audit`` from a path and all below it, in C; return the warnings that loading brought.

        A later call returns the warnings of the first.  ``tree`` is a ``struct osd_tree *`` to fill in the same pass,
        or None.  libwim may take ``memory`` more bytes; None for no limit.
        """
        call_back, filled = ("osd_audit_entry", audit)
        if tree is not None:
            call_back, filled = ("osd_tree_add", ffi.new("struct osd_tree_pass *", {"audit": audit, "tree": tree}))
        if memory is not None:
            lib.osd_memory_limit(memory)
        try:
            messages = self._run(
                lib.wimlib_iterate_dir_tree,
                image,
                text.to_c(path),
                lib.WIMLIB_ITERATE_DIR_TREE_FLAG_RECURSIVE,
                ffi.addressof(lib, call_back),
                filled,
                reads=Reads.TREE,
                image=image,
            )
        finally:
            lib.osd_memory_unlimited()
        return self._repairs.setdefault(image, messages)
