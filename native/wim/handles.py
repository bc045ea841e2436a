"""All that libwim does with a WIM that is open.

A :class:`WimHandle` owns the structure (``owned.py``) and goes through what the WIM holds (``walking.py``).  Its
methods take and return Python values; flags and pointers end here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import Any

from osdimage.native import text
from osdimage.native._wimlib import ffi, lib
from osdimage.native.callbacks import Listener, Relay
from osdimage.native.runtime import Compression, compression_level
from osdimage.native.status import WimlibError, call
from osdimage.native.wim.backing import Backing, Reads, rename
from osdimage.native.wim.facts import AddedImage, ExtractSettings, ScanSettings, WimInfo, WriteSettings
from osdimage.native.wim.patterns import Patterns
from osdimage.native.wim.walking import WalkedWim

ALL_IMAGES: int = lib.WIMLIB_ALL_IMAGES


# The letter of a volume is not known, so no absolute link in it can be made relative to the image.  Without NORPFIX,
# libwim before 1.14.5 leaves them as they are and marks them as changed, and DISM changes them back, or refuses them.
_FROM_NTFS: int = lib.WIMLIB_ADD_FLAG_NTFS | lib.WIMLIB_ADD_FLAG_NORPFIX

_SCANS: int = (
    lib.WIMLIB_ADD_FLAG_EXCLUDE_VERBOSE | lib.WIMLIB_ADD_FLAG_VERBOSE | lib.WIMLIB_ADD_FLAG_TEST_FILE_EXCLUSION
)
_USUAL_SCAN, _USUAL_EXTRACT = ScanSettings(), ExtractSettings()

# How libwim begins the warning about the flag that :attr:`WimInfo.write_in_progress` tells too.
_WRITE_IN_PROGRESS = "The WIM_HDR_FLAG_WRITE_IN_PROGRESS flag"


class WimHandle(WalkedWim):
    """Owns one ``WIMStruct *``.  Use as a context manager, or call :meth:`close`; garbage collection is only the net.

    Its attributes are those of :class:`~osdimage.native.wim.owned.OwnedWim`.

    Every method raises :class:`~osdimage.native.status.WimlibError` when libwim refuses, ValueError after close, and
    RuntimeError from another thread or from inside the handle's own progress function.
    """

    @classmethod
    def create(cls, compression: Compression) -> WimHandle:
        """Make a WIM without images, in memory."""
        owner = ffi.new("WIMStruct **")
        call(lib.wimlib_create_new_wim, compression.value, owner)
        return cls(owner, Relay())

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        check_integrity: bool = False,
        write: bool = False,
        backing: Backing | None = None,
        listener: Listener | None = None,
    ) -> WimHandle:
        """Open a WIM file; with ``check_integrity`` compare it with its integrity table first.

        ``backing`` is what stands in for the WIM, where ``path`` is not the WIM itself.
        """
        owner = ffi.new("WIMStruct **")
        relay = Relay()
        relay.listener = listener
        flags = (lib.WIMLIB_OPEN_FLAG_CHECK_INTEGRITY if check_integrity else 0) | (
            lib.WIMLIB_OPEN_FLAG_WRITE_ACCESS if write else 0
        )
        encoded = text.path_to_c(path)
        found = None
        if write:
            # A file that cannot be looked at cannot be opened either, and libwim says why.
            with suppress(OSError):
                found = Path(path).stat()
        xml_handler = lib.osd_xml_quiet()
        try:
            with relay:
                messages = call(
                    lib.wimlib_open_wim_with_progress,
                    encoded,
                    flags,
                    owner,
                    ffi.addressof(lib, "osd_progress"),
                    relay.handle,
                )
        except WimlibError as error:
            rename(error, () if backing is None else (backing,))
            raise
        finally:
            lib.osd_xml_restore(xml_handler)
        relay.listener = None
        if check_integrity:
            # The caller knows from the header that there is no table to check.
            messages = tuple(line for line in messages if not line.endswith("Skipping integrity check."))
        repairs = tuple(line for line in messages if not line.startswith(_WRITE_IN_PROGRESS))
        handle = cls(owner, relay, repairs, holds_lock=write)
        handle.found = found
        handle._backings.own = backing
        return handle

    # ---- facts

    def info(self) -> WimInfo:
        """Return the facts of the header."""
        info = ffi.new("struct wimlib_wim_info *")
        self._run(lib.wimlib_get_wim_info, info, reads=Reads.NOTHING)
        known = {member.value for member in Compression}
        return WimInfo(
            guid=bytes(info.guid),
            image_count=info.image_count,
            boot_index=info.boot_index,
            version=info.wim_version,
            chunk_size=info.chunk_size,
            part_number=info.part_number,
            total_parts=info.total_parts,
            compression=Compression(info.compression_type) if info.compression_type in known else None,
            total_bytes=info.total_bytes,
            has_integrity_table=bool(info.has_integrity_table),
            has_rpfix=bool(info.has_rpfix),
            is_marked_readonly=bool(info.is_marked_readonly),
            is_spanned=bool(info.spanned),
            write_in_progress=bool(info.write_in_progress),
            is_pipable=bool(info.pipable),
        )

    def xml(self) -> bytes:
        """Return the XML document as it stands in the file (UTF-16LE with a byte-order mark)."""
        buffer, size = ffi.new("void **"), ffi.new("size_t *")
        self._run(lib.wimlib_get_xml_data, buffer, size, reads=Reads.NOTHING)
        try:
            return bytes(ffi.buffer(buffer[0], size[0]))
        finally:
            lib.free(buffer[0])

    def image_property(self, image: int, name: str) -> str | None:
        """Return a property of an image, as it stands in memory; ``A/B`` is element B inside A."""
        return text.from_c(lib.wimlib_get_image_property(self._pointer(), image, text.to_c(name)))

    # ---- changes in memory

    def set_image_property(self, image: int, name: str, value: str) -> None:
        """Set a property; the empty string removes it."""
        self._run(lib.wimlib_set_image_property, image, text.to_c(name), text.to_c(value), reads=Reads.NOTHING)

    def set_image_name(self, image: int, name: str) -> None:
        """Rename an image; the empty string is a name that several images may have."""
        self._run(lib.wimlib_set_image_name, image, text.to_c(name), reads=Reads.NOTHING)

    def set_boot_index(self, image: int) -> None:
        """Mark an image as the one to boot; 0 for none."""
        info = ffi.new("struct wimlib_wim_info *", {"boot_index": image})
        self._run(lib.wimlib_set_wim_info, info, lib.WIMLIB_CHANGE_BOOT_INDEX, reads=Reads.NOTHING)

    def set_output(self, compression: Compression, chunk_size: int | None, solid_chunk_size: int | None) -> None:
        """Choose the format of the next write.  Chunk sizes in bytes; None for the default of the format."""
        self._run(lib.wimlib_set_output_compression_type, compression.value, reads=Reads.NOTHING)
        self._run(lib.wimlib_set_output_chunk_size, chunk_size or 0, reads=Reads.NOTHING)
        if compression is Compression.NONE:
            # libwim refuses a solid format without compression, even for a WIM that will not be solid.
            return
        self._run(lib.wimlib_set_output_pack_compression_type, compression.value, reads=Reads.NOTHING)
        self._run(lib.wimlib_set_output_pack_chunk_size, solid_chunk_size or 0, reads=Reads.NOTHING)

    def add_image(
        self,
        source: str | os.PathLike[str],
        name: str,
        *,
        patterns: Patterns | None = None,
        from_ntfs: bool = False,
        settings: ScanSettings = _USUAL_SCAN,
        boot: bool = False,
        listener: Listener | None = None,
    ) -> AddedImage:
        """Scan a directory, or an NTFS volume in a file or device, into a new image, without what fits the patterns.

        The files are read only when the WIM is written.
        """
        flags = _SCANS | settings.flags() | (_FROM_NTFS if from_ntfs else 0) | (lib.WIMLIB_ADD_FLAG_BOOT if boot else 0)
        self._holds_more |= from_ntfs
        encoded = text.path_to_c(source)
        # libwim names what is in a volume by its path there, and what is in a directory by its path on this machine.
        lib.osd_scan_begin(ffi.NULL if patterns is None else patterns.pointer, 0 if from_ntfs else len(encoded))
        try:
            warnings = self._run(
                lib.wimlib_add_image,
                encoded,
                text.to_c(name),
                ffi.NULL,
                flags,
                listener=listener,
                reads=Reads.NOTHING,
            )
        finally:
            totals = lib.osd_scan_end()
        facts = self.info()
        if from_ntfs and settings.fixes_links is None and facts.image_count == 1:
            # As libwim sets it for the first image of a directory: no link of this one is rewritten, but those of a
            # directory that is added later are.
            self._set_rewrites_links()
        return AddedImage(warnings, totals.directories, totals.files, totals.bytes)

    def add_image_of(
        self,
        sources: Sequence[tuple[str | os.PathLike[str], str]],
        name: str,
        *,
        patterns: Patterns | None = None,
        settings: ScanSettings = _USUAL_SCAN,
        boot: bool = False,
        listener: Listener | None = None,
    ) -> AddedImage:
        """Scan files and directories into one new image, each to its path there; the later ones lie over the others.

        What is left out is compared from the root of each source.  Otherwise as :meth:`add_image`.
        """
        flags = _SCANS | settings.flags() | (lib.WIMLIB_ADD_FLAG_BOOT if boot else 0)
        described = ffi.new("struct wimlib_capture_source[]", len(sources))
        kept = []
        for target, (source, path) in zip(described, sources, strict=True):
            kept += [ffi.new("char[]", text.path_to_c(source)), ffi.new("char[]", text.to_c(path))]
            target.fs_source_path, target.wim_target_path = kept[-2:]
        lib.osd_scan_begin(ffi.NULL if patterns is None else patterns.pointer, lib.SIZE_MAX)
        try:
            warnings = self._run(
                lib.wimlib_add_image_multisource,
                described,
                len(sources),
                text.to_c(name),
                ffi.NULL,
                flags,
                listener=listener,
                reads=Reads.NOTHING,
            )
        finally:
            totals = lib.osd_scan_end()
        return AddedImage(warnings, totals.directories, totals.files, totals.bytes)

    def _set_rewrites_links(self) -> None:
        info = ffi.new("struct wimlib_wim_info *", {"has_rpfix": 1})
        self._run(lib.wimlib_set_wim_info, info, lib.WIMLIB_CHANGE_RPFIX_FLAG, reads=Reads.NOTHING)

    def add_empty_image(self, name: str) -> int:
        """Add an image without files, in memory; return its index."""
        index = ffi.new("int *")
        self._run(lib.wimlib_add_empty_image, text.to_c(name), index, reads=Reads.NOTHING)
        return int(index[0])

    def forget_tree(self) -> None:
        """Free the tree of the image that was used last, unless it was changed; it is loaded again when it is used.

        libwim keeps one until another image is used: one is made for it, and taken away.
        """
        self.delete_image(self.add_empty_image(""))
        lib.osd_memory_trim()

    def add_file(self, image: int, source: str | os.PathLike[str], path: str) -> None:
        """Add a file of this machine to an image, in memory; a file of this path in the image is replaced.

        A link is followed, as the name of an open descriptor in /proc is one.
        """
        flags = lib.WIMLIB_ADD_FLAG_DEREFERENCE
        self._run(
            lib.wimlib_add_tree,
            image,
            text.path_to_c(source),
            text.to_c(path),
            flags,
            reads=Reads.TREE,
            image=image,
        )

    def add_volume(self, image: int, volume: str | os.PathLike[str]) -> None:
        """Lay everything in an NTFS volume over an image, in memory; directories are joined and files replaced."""
        self._holds_more = True
        self._run(
            lib.wimlib_add_tree,
            image,
            text.path_to_c(volume),
            text.to_c("/"),
            _FROM_NTFS,
            reads=Reads.TREE,
            image=image,
        )

    def update(self, image: int, command: Any, *, listener: Listener | None = None) -> tuple[str, ...]:
        """Carry out a ``struct wimlib_update_command *`` in memory; ``changes.py`` makes them.  Return the warnings."""
        return self._run(
            lib.wimlib_update_image, image, command, 1, 0, listener=listener, reads=Reads.TREE, image=image
        )

    def delete_image(self, image: int) -> None:
        """Drop an image."""
        self._run(lib.wimlib_delete_image, image, reads=Reads.TREE, image=image)

    def export_image(
        self, image: int, destination: WimHandle, *, name: str | None, description: str | None, boot: bool
    ) -> tuple[str, ...]:
        """Add an image of this WIM to another, which reads from this one until it is closed.

        None keeps the name or the description.
        """
        flags = lib.WIMLIB_EXPORT_FLAG_BOOT if boot else 0
        destination._keep_alive.append(self)
        destination._backings.export(self._backings)
        return self._run(
            lib.wimlib_export_image,
            image,
            destination._pointer(),
            ffi.NULL if name is None else text.to_c(name),
            ffi.NULL if description is None else text.to_c(description),
            flags,
            reads=Reads.TREE,
            image=image,
        )

    def reference_files(
        self, patterns: Sequence[str], *, backings: Sequence[Backing] = (), listener: Listener | None = None
    ) -> None:
        """Find blobs in other files too: the parts of a split WIM, or the base of a delta.  Globs are allowed.

        ``backings`` are what stands in for what the patterns fit, where those are not the files themselves.
        """
        names = [escape(str(each.path)) for each in backings] or patterns
        encoded = [ffi.new("char[]", text.path_to_c(name)) for name in names]
        flags = lib.WIMLIB_REF_FLAG_GLOB_ENABLE | lib.WIMLIB_REF_FLAG_GLOB_ERR_ON_NOMATCH
        self.references: tuple[str, ...] = (*self.references, *patterns)
        self._backings.referenced += tuple(backings)
        self._run(
            lib.wimlib_reference_resource_files,
            ffi.new("char *[]", encoded),
            len(encoded),
            flags,
            0,
            listener=listener,
            reads=Reads.NOTHING,
        )

    def take_hashes(self, image: int, template: WimHandle, template_image: int) -> None:
        """Take the hashes of files that are as they are in a template from there, so that they are not read for them.

        Done to an image that was added and is not written yet.  A file is taken for the same when the template has one
        at the very path, with the times of creation and of the last change, no later access, and streams of the same
        names and sizes.  Where the template lacks contents, files are read.
        """
        template._backings.provide(Reads.TREE, template_image, None, with_references=False)
        self._run(
            lib.wimlib_reference_template_image, image, template._pointer(), template_image, 0, reads=Reads.NOTHING
        )

    # ---- long work

    def extract_image(
        self,
        image: int,
        target: str | os.PathLike[str],
        settings: ExtractSettings = _USUAL_EXTRACT,
        *,
        listener: Listener | None = None,
    ) -> tuple[str, ...]:
        """Extract a whole image to a directory or an NTFS volume; return the warnings."""
        encoded = text.path_to_c(target)
        return self._run(lib.wimlib_extract_image, image, encoded, settings.flags(), listener=listener, image=image)

    def extract_paths(
        self,
        image: int,
        target: str | os.PathLike[str],
        paths: Iterable[str],
        settings: ExtractSettings = _USUAL_EXTRACT,
        *,
        globs: bool,
        keep_directories: bool,
        listener: Listener | None = None,
    ) -> tuple[str, ...]:
        """Extract files and directory trees; with ``globs`` each path is a pattern that must match something."""
        flags = settings.flags()
        flags |= 0 if keep_directories else lib.WIMLIB_EXTRACT_FLAG_NO_PRESERVE_DIR_STRUCTURE
        if globs:
            flags |= lib.WIMLIB_EXTRACT_FLAG_GLOB_PATHS | lib.WIMLIB_EXTRACT_FLAG_STRICT_GLOB
        encoded = [ffi.new("char[]", text.to_c(path)) for path in paths]
        return self._run(
            lib.wimlib_extract_paths,
            image,
            text.path_to_c(target),
            ffi.new("char *[]", encoded),
            len(encoded),
            flags,
            listener=listener,
            image=image,
        )

    def verify(self, *, listener: Listener | None = None) -> tuple[str, ...]:
        """Read every image and hash every blob; libwim stops at the first bad one."""
        return self._run(lib.wimlib_verify_wim, 0, listener=listener)

    def write(self, descriptor: int, settings: WriteSettings, *, listener: Listener | None = None) -> tuple[str, ...]:
        """Write the WIM to an open, seekable, readable file descriptor, from its current position.

        One that is pipable can be written to a pipe, too.
        """
        with compression_level(settings.compression, settings.level):
            return self._run(
                lib.wimlib_write_to_fd,
                descriptor,
                ALL_IMAGES,
                settings.flags(),
                settings.threads,
                listener=listener,
                with_references=not settings.skips_references,
            )

    def overwrite(self, settings: WriteSettings, *, listener: Listener | None = None) -> tuple[str, ...]:
        """Write the changes back to the file that was opened, by appending to it unless ``rebuild``.

        What is appended is not synced to the disk.
        """
        # libwim would sync after it has written the header, and if that fails cut the file under the new header.
        flags = settings.flags() & ~lib.WIMLIB_WRITE_FLAG_FSYNC
        with compression_level(settings.compression, settings.level):
            return self._run(
                lib.wimlib_overwrite,
                flags,
                settings.threads,
                listener=listener,
                with_references=not settings.skips_references,
            )

    def mount(
        self, image: int, directory: str | os.PathLike[str], flags: int, staging: str | os.PathLike[str] | None
    ) -> tuple[str, ...]:
        """Serve an image at a directory until it is unmounted; ``mount.py`` has the flags.  Return the warnings.

        libwim forks: when the image is mounted the calling process ends, and this returns in another.
        """
        encoded = ffi.NULL if staging is None else text.path_to_c(staging)
        return self._run(lib.wimlib_mount_image, image, text.path_to_c(directory), flags, encoded, image=image)
