"""The state that libwim keeps for the whole process: start-up, version, and the default compression level.

libwim is started when this module is imported: strings are UTF-8 whatever the locale says, and names are compared
without case, as Windows does, so that ``pagefile.sys`` in an exclusion list also stands for ``PageFile.sys``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple

from osdimage.native._wimlib import ffi, lib
from osdimage.native.status import WimlibCode, WimlibError, call


class Compression(Enum):
    """Compression formats of WIM resources, with libwim's numbers."""

    NONE = lib.WIMLIB_COMPRESSION_TYPE_NONE
    XPRESS = lib.WIMLIB_COMPRESSION_TYPE_XPRESS
    LZX = lib.WIMLIB_COMPRESSION_TYPE_LZX
    LZMS = lib.WIMLIB_COMPRESSION_TYPE_LZMS


class Version(NamedTuple):
    """A version of libwim."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """Return it with dots."""
        return f"{self.major}.{self.minor}.{self.patch}"


def version() -> Version:
    """Return the version of the loaded libwim."""
    packed = lib.wimlib_get_version()
    return Version(packed >> 20, (packed >> 10) & 0x3FF, packed & 0x3FF)


def has_ntfs_support() -> bool:
    """Tell whether the loaded libwim was built with libntfs-3g, by asking it to apply to a volume that is not there."""
    owner = ffi.new("WIMStruct **")
    call(lib.wimlib_create_new_wim, Compression.NONE.value, owner)
    try:
        index = ffi.new("int *")
        call(lib.wimlib_add_empty_image, owner[0], b"", index)
        call(lib.wimlib_extract_image, owner[0], index[0], b"/dev/null/volume", lib.WIMLIB_EXTRACT_FLAG_NTFS)
    except WimlibError as error:
        return error.code != WimlibCode.UNSUPPORTED
    finally:
        lib.wimlib_free(owner[0])
    return True


def has_fuse_support() -> bool:
    """Tell whether the loaded libwim was built with FUSE, by asking it to unmount what is no mount."""
    try:
        call(lib.wimlib_unmount_image_with_progress, b"/dev/null", 0, ffi.NULL, ffi.NULL)
    except WimlibError as error:
        return error.code != WimlibCode.UNSUPPORTED
    return True


class _LevelGate:
    """Let writers of equal compression level run side by side, and the others wait.

    libwim reads the level of a format from one variable of the process when it makes a compressor, so two writers of
    different levels must not overlap.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._active = 0
        self._setting: tuple[Compression, int] | None = None

    @contextmanager
    def hold(self, compression: Compression, level: int) -> Iterator[None]:
        """Set the level of a format for the body of the ``with``; level 0 is libwim's default."""
        with self._condition:
            self._condition.wait_for(lambda: self._active == 0 or self._setting == (compression, level))
            if self._active == 0:
                # -1 sets every format: a level of an earlier writer must not outlive it.
                call(lib.wimlib_set_default_compression_level, -1, 0)
                if compression is not Compression.NONE:
                    call(lib.wimlib_set_default_compression_level, compression.value, level)
                self._setting = (compression, level)
            self._active += 1
        try:
            yield
        finally:
            with self._condition:
                self._active -= 1
                self._condition.notify_all()


_GATE = _LevelGate()
compression_level = _GATE.hold


def _start() -> None:
    flags = lib.WIMLIB_INIT_FLAG_ASSUME_UTF8 | lib.WIMLIB_INIT_FLAG_DEFAULT_CASE_INSENSITIVE
    if lib.osd_messages_install() != 0:
        raise OSError(ffi.errno, "libwim's messages could not be captured")
    # Before all else, or memory would be freed by another allocator than the one that gave it.
    call(lib.osd_memory_install)
    call(lib.wimlib_global_init, flags)


_start()
