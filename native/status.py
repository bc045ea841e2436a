"""Result codes of libwim, and the one place that looks at them.

Every call into libwim goes through :func:`call`, which clears the message buffer of the thread before and picks it up
after, so that a :class:`WimlibError` carries libwim's own sentence (the file, the errno) beside the code.
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from osdimage.native._wimlib import ffi, lib
from osdimage.native.text import titled


class WimlibCode(IntEnum):
    """The error codes of libwim (``enum wimlib_error_code``), with the values of the header that was compiled in."""

    ALREADY_LOCKED = lib.WIMLIB_ERR_ALREADY_LOCKED
    DECOMPRESSION = lib.WIMLIB_ERR_DECOMPRESSION
    FUSE = lib.WIMLIB_ERR_FUSE
    GLOB_HAD_NO_MATCHES = lib.WIMLIB_ERR_GLOB_HAD_NO_MATCHES
    IMAGE_COUNT = lib.WIMLIB_ERR_IMAGE_COUNT
    IMAGE_NAME_COLLISION = lib.WIMLIB_ERR_IMAGE_NAME_COLLISION
    INSUFFICIENT_PRIVILEGES = lib.WIMLIB_ERR_INSUFFICIENT_PRIVILEGES
    INTEGRITY = lib.WIMLIB_ERR_INTEGRITY
    INVALID_CAPTURE_CONFIG = lib.WIMLIB_ERR_INVALID_CAPTURE_CONFIG
    INVALID_CHUNK_SIZE = lib.WIMLIB_ERR_INVALID_CHUNK_SIZE
    INVALID_COMPRESSION_TYPE = lib.WIMLIB_ERR_INVALID_COMPRESSION_TYPE
    INVALID_HEADER = lib.WIMLIB_ERR_INVALID_HEADER
    INVALID_IMAGE = lib.WIMLIB_ERR_INVALID_IMAGE
    INVALID_INTEGRITY_TABLE = lib.WIMLIB_ERR_INVALID_INTEGRITY_TABLE
    INVALID_LOOKUP_TABLE_ENTRY = lib.WIMLIB_ERR_INVALID_LOOKUP_TABLE_ENTRY
    INVALID_METADATA_RESOURCE = lib.WIMLIB_ERR_INVALID_METADATA_RESOURCE
    INVALID_OVERLAY = lib.WIMLIB_ERR_INVALID_OVERLAY
    INVALID_PARAM = lib.WIMLIB_ERR_INVALID_PARAM
    INVALID_PART_NUMBER = lib.WIMLIB_ERR_INVALID_PART_NUMBER
    INVALID_PIPABLE_WIM = lib.WIMLIB_ERR_INVALID_PIPABLE_WIM
    INVALID_REPARSE_DATA = lib.WIMLIB_ERR_INVALID_REPARSE_DATA
    INVALID_RESOURCE_HASH = lib.WIMLIB_ERR_INVALID_RESOURCE_HASH
    INVALID_UTF16_STRING = lib.WIMLIB_ERR_INVALID_UTF16_STRING
    INVALID_UTF8_STRING = lib.WIMLIB_ERR_INVALID_UTF8_STRING
    IS_DIRECTORY = lib.WIMLIB_ERR_IS_DIRECTORY
    IS_SPLIT_WIM = lib.WIMLIB_ERR_IS_SPLIT_WIM
    LINK = lib.WIMLIB_ERR_LINK
    METADATA_NOT_FOUND = lib.WIMLIB_ERR_METADATA_NOT_FOUND
    MKDIR = lib.WIMLIB_ERR_MKDIR
    MQUEUE = lib.WIMLIB_ERR_MQUEUE
    NOMEM = lib.WIMLIB_ERR_NOMEM
    NOTDIR = lib.WIMLIB_ERR_NOTDIR
    NOTEMPTY = lib.WIMLIB_ERR_NOTEMPTY
    NOT_A_REGULAR_FILE = lib.WIMLIB_ERR_NOT_A_REGULAR_FILE
    NOT_A_WIM_FILE = lib.WIMLIB_ERR_NOT_A_WIM_FILE
    NOT_PIPABLE = lib.WIMLIB_ERR_NOT_PIPABLE
    NO_FILENAME = lib.WIMLIB_ERR_NO_FILENAME
    NTFS_3G = lib.WIMLIB_ERR_NTFS_3G
    OPEN = lib.WIMLIB_ERR_OPEN
    OPENDIR = lib.WIMLIB_ERR_OPENDIR
    PATH_DOES_NOT_EXIST = lib.WIMLIB_ERR_PATH_DOES_NOT_EXIST
    READ = lib.WIMLIB_ERR_READ
    READLINK = lib.WIMLIB_ERR_READLINK
    RENAME = lib.WIMLIB_ERR_RENAME
    REPARSE_POINT_FIXUP_FAILED = lib.WIMLIB_ERR_REPARSE_POINT_FIXUP_FAILED
    RESOURCE_NOT_FOUND = lib.WIMLIB_ERR_RESOURCE_NOT_FOUND
    RESOURCE_ORDER = lib.WIMLIB_ERR_RESOURCE_ORDER
    SET_ATTRIBUTES = lib.WIMLIB_ERR_SET_ATTRIBUTES
    SET_REPARSE_DATA = lib.WIMLIB_ERR_SET_REPARSE_DATA
    SET_SECURITY = lib.WIMLIB_ERR_SET_SECURITY
    SET_SHORT_NAME = lib.WIMLIB_ERR_SET_SHORT_NAME
    SET_TIMESTAMPS = lib.WIMLIB_ERR_SET_TIMESTAMPS
    SPLIT_INVALID = lib.WIMLIB_ERR_SPLIT_INVALID
    STAT = lib.WIMLIB_ERR_STAT
    UNEXPECTED_END_OF_FILE = lib.WIMLIB_ERR_UNEXPECTED_END_OF_FILE
    UNICODE_STRING_NOT_REPRESENTABLE = lib.WIMLIB_ERR_UNICODE_STRING_NOT_REPRESENTABLE
    UNKNOWN_VERSION = lib.WIMLIB_ERR_UNKNOWN_VERSION
    UNSUPPORTED = lib.WIMLIB_ERR_UNSUPPORTED
    UNSUPPORTED_FILE = lib.WIMLIB_ERR_UNSUPPORTED_FILE
    WIM_IS_READONLY = lib.WIMLIB_ERR_WIM_IS_READONLY
    WRITE = lib.WIMLIB_ERR_WRITE
    XML = lib.WIMLIB_ERR_XML
    WIM_IS_ENCRYPTED = lib.WIMLIB_ERR_WIM_IS_ENCRYPTED
    WIMBOOT = lib.WIMLIB_ERR_WIMBOOT
    ABORTED_BY_PROGRESS = lib.WIMLIB_ERR_ABORTED_BY_PROGRESS
    UNKNOWN_PROGRESS_STATUS = lib.WIMLIB_ERR_UNKNOWN_PROGRESS_STATUS
    MKNOD = lib.WIMLIB_ERR_MKNOD
    MOUNTED_IMAGE_IS_BUSY = lib.WIMLIB_ERR_MOUNTED_IMAGE_IS_BUSY
    NOT_A_MOUNTPOINT = lib.WIMLIB_ERR_NOT_A_MOUNTPOINT
    NOT_PERMITTED_TO_UNMOUNT = lib.WIMLIB_ERR_NOT_PERMITTED_TO_UNMOUNT
    FVE_LOCKED_VOLUME = lib.WIMLIB_ERR_FVE_LOCKED_VOLUME
    UNABLE_TO_READ_CAPTURE_CONFIG = lib.WIMLIB_ERR_UNABLE_TO_READ_CAPTURE_CONFIG
    WIM_IS_INCOMPLETE = lib.WIMLIB_ERR_WIM_IS_INCOMPLETE
    COMPACTION_NOT_POSSIBLE = lib.WIMLIB_ERR_COMPACTION_NOT_POSSIBLE
    IMAGE_HAS_MULTIPLE_REFERENCES = lib.WIMLIB_ERR_IMAGE_HAS_MULTIPLE_REFERENCES
    DUPLICATE_EXPORTED_IMAGE = lib.WIMLIB_ERR_DUPLICATE_EXPORTED_IMAGE
    CONCURRENT_MODIFICATION_DETECTED = lib.WIMLIB_ERR_CONCURRENT_MODIFICATION_DETECTED
    SNAPSHOT_FAILURE = lib.WIMLIB_ERR_SNAPSHOT_FAILURE
    INVALID_XATTR = lib.WIMLIB_ERR_INVALID_XATTR
    SET_XATTR = lib.WIMLIB_ERR_SET_XATTR


class WimlibError(Exception):
    """A call into libwim failed.

    Attributes:
        code: the :class:`WimlibCode`, or a plain int when a newer libwim returned one that this build does not know.
        function: the C function.
        messages: what libwim printed during the call, one line each, without its ``[ERROR]`` tags; errors before
            warnings, so that the first names the cause.
        errno: the system error that the messages end with, or None.
    """

    def __init__(self, code: int, function: str, messages: tuple[str, ...] = ()) -> None:
        """Look the code up and search the messages for a system error."""
        self.code: WimlibCode | int = WimlibCode(code) if code in WimlibCode.__members__.values() else code
        self.function = function
        self.messages = messages
        self.errno = find_errno(messages)
        super().__init__(code, function, messages)

    @property
    def name(self) -> str:
        """The name of the code, as libwim's documentation spells it without its prefix."""
        return self.code.name if isinstance(self.code, WimlibCode) else f"code {self.code}"

    def __str__(self) -> str:
        """Return libwim's description of the code, then its messages."""
        text = describe(int(self.code))
        return f"{self.function}: {self.name}: {text}" + "".join(f" [{line}]" for line in self.messages)


def describe(code: int) -> str:
    """Return libwim's English sentence for a code."""
    text = lib.wimlib_get_error_string(ffi.cast("enum wimlib_error_code", code))
    return "" if text == ffi.NULL else bytes(ffi.string(text)).decode("utf-8", "replace")


@functools.cache
def _texts() -> dict[str, int]:
    """Return what the system says of each of its errors; an update of thousands of files asks as often."""
    return {os.strerror(number): number for number in errno.errorcode}


def find_errno(messages: tuple[str, ...]) -> int | None:
    """Return the system error whose text ends one of the messages, first message first, or None."""
    for line in messages:
        for text, number in _texts().items():
            if line.endswith(f": {text}"):
                return number
    return None


_TEXT_CAPACITY = 32768
LOST_MESSAGES = "libwim said more than could be kept"


def take_messages() -> tuple[str, ...]:
    """Return, and forget, the lines that libwim has printed in this thread, errors before warnings.

    The last line tells if some were lost.
    """
    buffer, overflowed = ffi.new("char[]", _TEXT_CAPACITY), ffi.new("int *")
    length = lib.osd_messages_take(buffer, _TEXT_CAPACITY, overflowed)
    text = bytes(ffi.buffer(buffer, length)).decode("utf-8", "replace")
    errors: list[str] = []
    warnings: list[str] = []
    # A message begins with a carriage return and its tag; the lines that follow without one belong to it.
    for message in text.split("\r"):
        words = " ".join(message.split())
        if words.startswith("[ERROR] "):
            errors.append(titled(words.removeprefix("[ERROR] ")))
        elif words:
            warnings.append(titled(words.removeprefix("[WARNING] ")))
    if overflowed[0]:
        warnings.append(LOST_MESSAGES)
    return (*errors, *warnings)


def check(code: int, function: str) -> None:
    """Raise :class:`WimlibError` with the messages of this thread unless the code is 0."""
    if code != 0:
        raise WimlibError(code, function, take_messages())


def call(function: Callable[..., int], *arguments: Any) -> tuple[str, ...]:
    """Call a libwim function that returns a code; return the warnings it printed.

    The GIL is released for the duration, as for every call through cffi's API mode.

    Raises:
        WimlibError: when the code is not 0.
    """
    lib.osd_messages_clear()
    check(function(*arguments), getattr(function, "__name__", "libwim"))
    return take_messages()
