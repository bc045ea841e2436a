"""What is told to and by a :class:`~osdimage.native.wim.handles.WimHandle`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from osdimage.native._wimlib import lib
from osdimage.native.runtime import Compression


@dataclass(frozen=True, slots=True)
class WimInfo:
    """What ``wimlib_get_wim_info`` tells of an open WIM.  Sizes in bytes."""

    guid: bytes
    image_count: int
    boot_index: int
    version: int
    chunk_size: int
    part_number: int
    total_parts: int
    compression: Compression | None
    total_bytes: int
    has_integrity_table: bool
    has_rpfix: bool
    is_marked_readonly: bool
    is_spanned: bool
    write_in_progress: bool
    is_pipable: bool


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """How libwim is to write a WIM.

    Attributes:
        compression: of the output; the level gate is held with it.
        level: libwim's compression level, 0 for its default.
        solid: pack the blobs into solid resources.
        integrity: True or False to have or not have an integrity table, None to keep what the WIM has.
        rebuild: write everything anew instead of appending; only for
            :meth:`~osdimage.native.wim.handles.WimHandle.overwrite`.
        recompress: compress again what could be copied.
        retain_guid: keep the WIM's GUID.
        skips_references: leave out the blobs that are in referenced files: what is written is a delta of these.
        pipable: write the form that can be read and written without going back; None for that of the WIM.
        sync: wait until the file is on the disk, which a pipe never is.
        threads: compressor threads, 0 for one a processor.
    """

    compression: Compression
    level: int = 0
    solid: bool = False
    integrity: bool | None = None
    rebuild: bool = False
    recompress: bool = False
    retain_guid: bool = False
    skips_references: bool = False
    pipable: bool | None = None
    sync: bool = True
    threads: int = 0

    def flags(self) -> int:
        """Return libwim's flags for these settings."""
        integrity = {
            None: 0,
            True: lib.WIMLIB_WRITE_FLAG_CHECK_INTEGRITY,
            False: lib.WIMLIB_WRITE_FLAG_NO_CHECK_INTEGRITY,
        }
        pipable = {None: 0, True: lib.WIMLIB_WRITE_FLAG_PIPABLE, False: lib.WIMLIB_WRITE_FLAG_NOT_PIPABLE}
        return int(
            (lib.WIMLIB_WRITE_FLAG_FSYNC if self.sync else 0)
            | integrity[self.integrity]
            | pipable[self.pipable]
            | (lib.WIMLIB_WRITE_FLAG_SOLID if self.solid else 0)
            | (lib.WIMLIB_WRITE_FLAG_REBUILD if self.rebuild else 0)
            | (lib.WIMLIB_WRITE_FLAG_RECOMPRESS if self.recompress else 0)
            | (lib.WIMLIB_WRITE_FLAG_RETAIN_GUID if self.retain_guid else 0)
            | (lib.WIMLIB_WRITE_FLAG_SKIP_EXTERNAL_WIMS if self.skips_references else 0)
        )


class Descriptors(Enum):
    """What becomes of the security descriptors of files, their owners and access lists."""

    KEPT = "kept"
    """They are kept where a target has them; of a directory of Linux, which has none, they are told as lost."""
    ALL = "all"
    """As above, and it is an error when one cannot be kept."""
    NONE = "none"
    """They are left out, and NTFS gives each file the usual one."""


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How libwim is to scan a directory or an NTFS volume.

    Attributes:
        unix_data: also take what is of Unix.
        fixes_links: make absolute links relative to the image; None for as the WIM has it, True for its first image.
        descriptors: whether those of NTFS are taken.
        dereference: take what symbolic links lead to, not the links.
    """

    unix_data: bool = False
    fixes_links: bool | None = None
    descriptors: Descriptors = Descriptors.KEPT
    dereference: bool = False

    def flags(self) -> int:
        """Return libwim's flags for these settings."""
        fixes = {None: 0, True: lib.WIMLIB_ADD_FLAG_RPFIX, False: lib.WIMLIB_ADD_FLAG_NORPFIX}
        acls = {
            Descriptors.KEPT: 0,
            Descriptors.ALL: lib.WIMLIB_ADD_FLAG_STRICT_ACLS,
            Descriptors.NONE: lib.WIMLIB_ADD_FLAG_NO_ACLS,
        }
        unix_data = lib.WIMLIB_ADD_FLAG_UNIX_DATA if self.unix_data else 0
        links = lib.WIMLIB_ADD_FLAG_DEREFERENCE if self.dereference else 0
        return int(fixes[self.fixes_links] | acls[self.descriptors] | unix_data | links)


@dataclass(frozen=True, slots=True)
class ExtractSettings:
    """How libwim is to extract an image, or files of one.

    Attributes:
        to_ntfs: the target is an NTFS volume.
        unix_data: also set what is of Unix.
        fixes_links: put the path of the target before links that were made relative to the image; None for as the WIM
            has it, where a whole image is extracted.
        descriptors: whether NTFS gets them; with ``unix_data``, whether it is an error when owner, group, mode or
            extended attributes cannot be set.
        attributes: set those of Windows: hidden, read-only, compressed and so on.
    """

    to_ntfs: bool = False
    unix_data: bool = False
    fixes_links: bool | None = None
    descriptors: Descriptors = Descriptors.KEPT
    attributes: bool = True

    def flags(self) -> int:
        """Return libwim's flags for these settings."""
        fixes = {None: 0, True: lib.WIMLIB_EXTRACT_FLAG_RPFIX, False: lib.WIMLIB_EXTRACT_FLAG_NORPFIX}
        acls = {
            Descriptors.KEPT: 0,
            Descriptors.ALL: lib.WIMLIB_EXTRACT_FLAG_STRICT_ACLS,
            Descriptors.NONE: lib.WIMLIB_EXTRACT_FLAG_NO_ACLS,
        }
        return int(
            fixes[self.fixes_links]
            | acls[self.descriptors]
            | (0 if self.attributes else lib.WIMLIB_EXTRACT_FLAG_NO_ATTRIBUTES)
            | (lib.WIMLIB_EXTRACT_FLAG_NTFS if self.to_ntfs else 0)
            | (lib.WIMLIB_EXTRACT_FLAG_UNIX_DATA if self.unix_data else 0)
        )


class AddedImage(NamedTuple):
    """What :meth:`~osdimage.native.wim.handles.WimHandle.add_image` found.

    Attributes:
        warnings: libwim's.
        directories: number of directories, the root among them.
        files: number of files and links; each hard link counts.
        size: of their contents, in bytes; named streams are included, hard links count once.
    """

    warnings: tuple[str, ...]
    directories: int
    files: int
    size: int
