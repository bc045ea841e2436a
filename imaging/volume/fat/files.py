"""Single files of a FAT volume; see ``volume/files.py``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from osdimage.imaging.disk.volume import OpenVolume
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileFacts, split_path
from osdimage.imaging.volume.fat.edit import FatEditor, edit_fat, find_pending, finish
from osdimage.imaging.volume.fat.entries import FatEntry
from osdimage.imaging.volume.fat.make import refuse_unsafe
from osdimage.imaging.volume.fat.names import refuse_name
from osdimage.imaging.volume.fat.read import FatVolume, open_fat
from osdimage.imaging.volume.files import VolumeFiles
from osdimage.imaging.volume.pending import overlaid


@contextmanager
def open_fat_files(volume: OpenVolume, *, write: bool, force: bool, sync: bool) -> Iterator[VolumeFiles]:
    """Open the files of a FAT volume; see :func:`~osdimage.imaging.volume.filesystems.open_files`."""
    del sync  # The order of what is written rests on waiting for it.
    window = volume.window()
    if volume.target.is_writable:
        # First of all: what is read next is to be what is there.
        finish(window)
    if not write:
        found = find_pending(window)
        yield _FatFiles(volume.name, open_fat(window if found is None else overlaid(window, found)))
        return
    refuse_unsafe(volume, open_fat(volume.window()), force=force)
    editor = edit_fat(volume.window())
    yield _FatFiles(volume.name, editor)
    editor.commit()


class _FatFiles(VolumeFiles):
    def __init__(self, name: str, volume: FatVolume) -> None:
        super().__init__(name, is_writable=isinstance(volume, FatEditor))
        self.content = volume.layout.width.content
        self._volume = volume

    def find(self, path: str) -> FileFacts | None:
        parts = split_path(path)
        if not parts:
            return FileFacts("", is_directory=True, size=0, attributes=0, modified_ns=None)
        try:
            return _facts(self._volume.entry("/".join(parts)))
        except InvalidRequest:
            return None

    def list(self, path: str = "") -> list[FileFacts]:
        entries = self._volume.entries("/".join(split_path(path)))
        return sorted(map(_facts, entries), key=lambda each: each.path)

    def _read(self, facts: FileFacts) -> bytes:
        return b"".join(self._pieces(facts))

    def _pieces(self, facts: FileFacts) -> Iterator[bytes]:
        yield from self._volume.read(facts.path)

    def write(self, path: str, data: bytes, *, attributes: int | None = None, modified_ns: int | None = None) -> None:
        editor, parts = self._changing(path)
        self._folders(editor, parts[:-1], path, modified_ns)
        editor.write_file("/".join(parts), data, attributes=attributes, time_ns=_now(modified_ns))

    def write_pieces(self, path: str, pieces: Iterable[bytes], size: int, *, modified_ns: int | None = None) -> None:
        editor, parts = self._changing(path)
        self._folders(editor, parts[:-1], path, modified_ns)
        whole = self._of_size(path, pieces, size)
        editor.write_pieces("/".join(parts), whole, size, attributes=None, time_ns=_now(modified_ns))

    def make_directory(self, path: str, *, attributes: int | None = None, modified_ns: int | None = None) -> None:
        editor, parts = self._changing(path)
        self._folders(editor, parts, path, modified_ns)
        if attributes is not None:
            editor.set_attributes("/".join(parts), attributes)

    def set_attributes(self, path: str, attributes: int) -> None:
        editor, parts = self._changing(path)
        editor.set_attributes("/".join(parts), attributes)

    def delete(self, path: str) -> None:
        editor, parts = self._changing(path)
        editor.delete("/".join(parts))

    def _changing(self, path: str) -> tuple[FatEditor, tuple[str, ...]]:
        parts = self._file_parts(path)
        if not isinstance(self._volume, FatEditor):
            raise TypeError(f"{self.name} was opened for reading")
        return self._volume, parts

    def _folders(self, editor: FatEditor, parts: tuple[str, ...], path: str, modified_ns: int | None) -> None:
        for part in parts:
            refuse_name(part, path)
        for count in range(1, len(parts) + 1):
            above = "/".join(parts[:count])
            found = editor.find(above)
            if found is None:
                editor.make_directory(above, attributes=0, time_ns=_now(modified_ns))
            elif not found.is_directory:
                raise InvalidRequest(f"{self.name}: {path!r} cannot be: {above!r} is not a directory")


def _facts(entry: FatEntry) -> FileFacts:
    return FileFacts(entry.path, entry.is_directory, entry.size, entry.attributes, entry.modified_ns)


def _now(time_ns: int | None) -> int:
    return time.time_ns() if time_ns is None else time_ns
