"""The border between libwim's codes and the exceptions of osdimage: crossed here, once."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from osdimage.imaging.errors import (
    CorruptWim,
    InvalidInput,
    InvalidRequest,
    Means,
    MissingParts,
    NotAWim,
    OsdImageError,
    Remedy,
    StorageError,
    TargetRefused,
)
from osdimage.imaging.wim.checks.parts import find_parts, part_of
from osdimage.native.status import WimlibCode, WimlibError, describe

_CORRUPT = {
    WimlibCode.DECOMPRESSION: "a compressed resource is damaged",
    WimlibCode.IMAGE_COUNT: "the header and the contents disagree about the number of images",
    WimlibCode.INTEGRITY: "the file does not match its integrity table",
    WimlibCode.INVALID_CHUNK_SIZE: "the header has an invalid chunk size",
    WimlibCode.INVALID_COMPRESSION_TYPE: "the header has an unknown compression type",
    WimlibCode.INVALID_HEADER: "the header is invalid",
    WimlibCode.INVALID_INTEGRITY_TABLE: "the integrity table is invalid",
    WimlibCode.INVALID_LOOKUP_TABLE_ENTRY: "the blob table is invalid",
    WimlibCode.INVALID_METADATA_RESOURCE: "the tree of an image is damaged",
    WimlibCode.INVALID_PART_NUMBER: "the header has an invalid part number",
    WimlibCode.INVALID_PIPABLE_WIM: "the pipable WIM is invalid",
    WimlibCode.INVALID_REPARSE_DATA: "a reparse point is damaged",
    WimlibCode.INVALID_RESOURCE_HASH: "a blob does not match its SHA-1",
    WimlibCode.INVALID_UTF16_STRING: "a name is not valid UTF-16",
    WimlibCode.NOMEM: "it needs more memory than this machine has, or a size in it is a lie",
    WimlibCode.RESOURCE_ORDER: "the parts of the file are in an order that cannot be appended to",
    WimlibCode.UNEXPECTED_END_OF_FILE: "the file ends too early",
    WimlibCode.WIM_IS_INCOMPLETE: "the file was not written to its end: an earlier write was interrupted",
    WimlibCode.XML: "the XML document is invalid",
}
_INVALID = {
    WimlibCode.INVALID_CAPTURE_CONFIG: "the capture configuration is invalid",
    WimlibCode.INVALID_UTF8_STRING: "a file name is not valid UTF-8 and cannot be stored in a WIM; rename it",
    WimlibCode.UNKNOWN_VERSION: "this version of the WIM format is not supported",
    WimlibCode.UNSUPPORTED: "the installed libwim does not support this",
    WimlibCode.WIM_IS_ENCRYPTED: "the WIM is encrypted (an undecrypted ESD); decrypt it first",
}
_REQUEST = {
    WimlibCode.DUPLICATE_EXPORTED_IMAGE: "this image is already there",
    WimlibCode.GLOB_HAD_NO_MATCHES: "no file fits the pattern",
    WimlibCode.IMAGE_NAME_COLLISION: "an image of this name is already there; choose another name",
    WimlibCode.INVALID_IMAGE: "there is no such image",
    WimlibCode.INVALID_OVERLAY: "a file is there already, and is not to be replaced",
    WimlibCode.IS_DIRECTORY: "this is a directory",
    WimlibCode.NOTDIR: "a directory is needed here",
    WimlibCode.PATH_DOES_NOT_EXIST: "there is no such path",
}
_PARTS = {
    WimlibCode.IS_SPLIT_WIM: "this cannot be done with a split WIM",
    WimlibCode.METADATA_NOT_FOUND: "the trees of the images are in the first part of the split WIM",
    WimlibCode.RESOURCE_NOT_FOUND: "file contents are in another file",
    WimlibCode.SPLIT_INVALID: "the parts do not belong to one split WIM",
}
NOT_A_WIM = "not a WIM (nor an ESD or SWM)"
# The first descriptor of ISO 9660 (ECMA-119, 8.1.2), or of what has UDF (ECMA-167 part 2, 9.1.2).
_DISC_MARK = slice(32769, 32774)
_DISC_MARKS = {b"CD001", b"BEA01"}
# Files of virtual machines, by their first bytes; a boot sector, of a partition table or a volume, by its last.
_DISK_MARKS = (b"QFI\xfb", b"vhdxfile", b"conectix", b"KDMV", b"# Disk DescriptorFile", b"<<< ")
_BOOT_MARK = slice(510, 512)
PART = "is a part of a split WIM, which cannot be changed"
RECOVER = Remedy("{} takes what can still be read", (Means.RECOVER,))
NAME_OTHERS = Remedy("name the other parts of a split WIM, or the base of a delta, with {}", (Means.REFERENCES,))
_FAULTS_OF_CONTENTS = {
    WimlibCode.DECOMPRESSION,
    WimlibCode.INVALID_RESOURCE_HASH,
    WimlibCode.RESOURCE_NOT_FOUND,
    WimlibCode.UNEXPECTED_END_OF_FILE,
}
_REFUSED = {
    WimlibCode.ALREADY_LOCKED: "another program is writing to it",
    WimlibCode.WIM_IS_READONLY: "it cannot be changed: it is marked read-only, or not writable",
}


def join_parts(path: str | os.PathLike[str]) -> Remedy:
    """Return what makes one WIM of a split one, whose other parts are found by their names."""
    return Remedy("join its parts first, with {}", (Means.JOIN,), (os.fspath(path),))


def _remedy(code: WimlibCode, where: str) -> Remedy | None:
    if code == WimlibCode.IS_SPLIT_WIM:
        return join_parts(where)
    if code in {WimlibCode.DECOMPRESSION, WimlibCode.INVALID_RESOURCE_HASH}:
        return RECOVER
    return NAME_OTHERS if code == WimlibCode.RESOURCE_NOT_FOUND else None


def no_wim(path: str | os.PathLike[str]) -> NotAWim:
    """Return the error for a file that is no WIM; of a disc and of a disk it tells what looks into them."""
    return NotAWim(f"{os.fspath(path)}: {NOT_A_WIM}", remedy=_instead_of_a_wim(path))


def _instead_of_a_wim(path: str | os.PathLike[str]) -> Remedy | None:
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return None
        with Path(path).open("rb") as file:
            head = file.read(_DISC_MARK.stop)
    except OSError:
        return None
    if head[_DISC_MARK] in _DISC_MARKS:
        text = "it is a disc: {} lists what is on it, and a WIM there is named as 'DISC!sources/install.wim'"
        return Remedy(text, (Means.LIST_DISC,))
    if head.startswith(_DISK_MARKS) or head[_BOOT_MARK] == b"\x55\xaa":
        return Remedy("it begins as a disk or a volume does; {} shows what is on a disk", (Means.SHOW_DISK,))
    return None


def translate(error: WimlibError, path: str | os.PathLike[str]) -> OsdImageError:
    """Return the exception of osdimage for an error of libwim that concerns a file."""
    where = os.fspath(path)
    detail = f" ({_short(error.messages[0])})" if error.messages else ""
    if _is_outside(error):
        return CorruptWim(f"{where}: the file ends too early: a resource is said to lie where no file reaches")
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS} and error.errno is not None:
        return StorageError(f"{where}: {os.strerror(error.errno)}{detail}", path=where, errno=error.errno)
    code = error.code
    if isinstance(code, WimlibCode):
        if code == WimlibCode.NOT_A_WIM_FILE:
            return no_wim(path)
        if code == WimlibCode.METADATA_NOT_FOUND:
            return MissingParts(f"{where}: {_PARTS[code]}{_where_first_is(where)}")
        if code == WimlibCode.WIM_IS_READONLY and part_of(Path(where)) is not None:
            return TargetRefused(f"{where}: {PART}", remedy=join_parts(where))
        for table, kind in (
            (_CORRUPT, CorruptWim),
            (_INVALID, InvalidInput),
            (_REQUEST, InvalidRequest),
            (_PARTS, MissingParts),
            (_REFUSED, TargetRefused),
        ):
            if code in table:
                return kind(f"{where}: {table[code]}{_news(error, where)}", remedy=_remedy(code, where))
    if error.errno is not None:
        return StorageError(f"{where}: {os.strerror(error.errno)}{detail}", path=where, errno=error.errno)
    return OsdImageError(f"{where}: {describe(int(code)) or error.name}{detail}")


def _is_outside(error: WimlibError) -> bool:
    """Tell whether libwim tried to read from beyond 2^63, which the system refuses as an argument."""
    return error.code == WimlibCode.READ and error.errno in {errno.EINVAL, errno.EOVERFLOW}


def _where_first_is(where: str) -> str:
    """Say which file the first part of a split WIM is, of which another part is given."""
    part = part_of(Path(where))
    if part is None:
        return ""
    parts = find_parts(part)
    if 1 not in parts.found:
        return f"; {parts.describe_missing(1)}"
    return f", and this is part {part.number} of {part.total}; open {parts.found[1].path}"


def _news(error: WimlibError, where: str) -> str:
    """Return of libwim's own sentence what ours does not say: it names a file, or gives a number; else nothing."""
    if not error.messages:
        return ""
    text = _short(error.messages[0])
    for own in (where, os.path.realpath(where)):
        text = text.removeprefix(f'"{own}": ')
    return f" ({text})" if re.search(r'["\d]', text) else ""


def _short(text: str) -> str:
    """Cut a message of libwim before what it adds of a blob that is damaged or missing: numbers, and its digest."""
    return text.partition(" Blob uncompressed size:")[0].partition(" SHA-1 message digest of")[0]


@contextmanager
def wim_errors(path: str | os.PathLike[str], *, contents: str | os.PathLike[str] | None = None) -> Iterator[None]:
    """Turn errors of libwim inside the ``with`` into those of osdimage, naming a file.

    ``contents`` is the WIM that the contents come from, when that is another: what is damaged or missing is there.
    """
    try:
        yield
    except WimlibError as error:
        is_there = error.code in _FAULTS_OF_CONTENTS or _is_outside(error)
        raise translate(error, path if contents is None or not is_there else contents) from error
