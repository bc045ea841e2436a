"""Carrying out commands on the tree of an image, in memory.

What libwim would refuse with a code is asked before and refused in words here, and what it would do although nobody can
mean it (a folder that is called ``..``, a new spelling that changes nothing) is refused or done as it was meant.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import InvalidRequest, Means, Remedy, StorageError, UnsafeName, quoted
from osdimage.imaging.progress import Meter
from osdimage.imaging.wim.checks.names import REASONS, REFUSED, names_told, refusal
from osdimage.imaging.wim.dereferenced import refuse_endless
from osdimage.imaging.wim.edited.commands import AddTree, Change, ChangeKind, DeletePath, RenamePath
from osdimage.imaging.wim.entries import Entry
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.patterns import PathPattern, is_pattern, normalised
from osdimage.imaging.wim.steps import listener
from osdimage.native.callbacks import Message, Omission, Omitted, Replaced
from osdimage.native.status import WimlibCode, WimlibError
from osdimage.native.wim import changes, tree
from osdimage.native.wim.entries import each_entry
from osdimage.native.wim.patterns import Patterns
from osdimage.native.wim.tree import Fault, FaultyNames

_NAMED = 10_000
_LONGEST_NAME = 255
_UNIT_BYTES = 2


class TreeChanges:
    """The changes of one image, whose tree is loaded.

    Attributes:
        done: what was changed, in order.
        warnings: sentences about what was added.
    """

    def __init__(
        self, image: WimImage, exclusions: Sequence[str], exceptions: Sequence[str], meter: Meter, *, match_case: bool
    ) -> None:
        """Prepare.

        Args:
            image: of a WIM that is open.
            exclusions: patterns of what is left out of directories that are added, by their paths from there.
            exceptions: patterns of what is added although it fits one of these.
            meter: for the progress of scans.
            match_case: whether case is told apart in these patterns.
        """
        self.done: list[Change] = []
        self.warnings: list[str] = []
        self._image = image
        self._handle = image.handle
        self._index = image.index
        self._patterns = Patterns(exclusions, exceptions, match_case=match_case)
        self._meter = meter
        self._where = f"{image.path} image {image.index}"

    def add(self, command: AddTree) -> None:
        """Add files of this machine.

        Raises:
            UnsafeName: when one has a name that no Windows image may hold.
            OsdImageError: when they cannot be; the tree may be changed in part then: do not write it.
        """
        path = _new_path(command.path)
        self._check_addition(command, path)
        before = self._faulty(path) if self._entry(path) is not None else ()
        scan = _Scan(self._meter)
        how = changes.Addition(self._patterns, command.replaces, command.dereference, command.unix_data)
        with wim_errors(command.source), _conflicts_named(command):
            added = changes.add_tree(self._handle, self._index, command.source, path, how, listener=scan)
        self._warn(added.warnings)
        if scan.unsupported and not added.files and not added.directories:
            raise InvalidRequest(f"{command.source}: is of a kind that a WIM cannot hold")
        self._warn(f"{each}: is of a kind that a WIM cannot hold, and was left out" for each in scan.unsupported)
        after = self._faulty(path)
        _refuse_new_names(command, before, after)
        known = set(names_told(before))
        self._warn(str(loss) for loss in names_told(after) if loss not in known)
        self.done.append(
            Change(
                ChangeKind.ADD,
                path,
                os.fspath(command.source),
                added.directories,
                added.files,
                added.size,
                tuple(sorted(scan.replaced)),
                scan.excluded,
            )
        )

    def _faulty(self, path: str) -> tuple[FaultyNames, ...]:
        """Return the names at a path and below that Windows cannot open."""
        with wim_errors(self._image.path):
            return tree.audit(self._handle, self._index, path=path).faulty

    def _check_addition(self, command: AddTree, path: str) -> None:
        """Refuse what cannot be added at a path, before it is scanned."""
        source = command.source
        if not os.path.lexists(source) or (command.dereference and not source.exists()):
            raise InvalidRequest(f"{source}: there is no such file or directory")
        if command.dereference:
            refuse_endless(source, self._patterns.exclude)
        is_followed = command.dereference or not source.is_symlink()
        if is_followed and not os.access(source, os.R_OK):
            # A file is read only when the WIM is written.
            text = os.strerror(errno.EACCES)
            raise StorageError(f"{source}: {text}", path=source, errno=errno.EACCES)
        wim = self._image.path.resolve()
        if is_followed and (wim == source.resolve() or wim.is_relative_to(source.resolve())):
            raise InvalidRequest(f"{source}: is or holds the WIM that is changed, which would take in itself")
        is_directory = is_followed and source.is_dir()
        there = self._entry(path)
        if there is None:
            self._refuse_file_above(path)
        elif _is_directory(there) and not is_directory:
            name = "/".join((path.rstrip("/"), source.name))
            raise InvalidRequest(
                f"{self._where}: {quoted(path)} is a directory; valid is the path that the file itself is to have, as "
                f"{quoted(name)}"
            )
        elif is_directory and not _is_directory(there):
            raise InvalidRequest(
                f"{self._where}: {quoted(path)} is a file, and {source} a directory; delete the file first"
            )
        elif not is_directory and not command.replaces:
            raise InvalidRequest(f"{self._where}: {quoted(path)} is there already, and is not to be replaced")

    def delete(self, command: DeletePath) -> None:
        """Delete what is at a path, or at all that fit a pattern; raise as :meth:`add`."""
        if is_root := normalised(command.path) == "/":
            self._refuse_directory("/", command)
        found = self._fitting(command.path)
        if not found and not is_root and not command.force:
            raise InvalidRequest(
                f"{self._where}: holds nothing that fits {quoted(command.path)}",
                remedy=Remedy("{} goes on where there is nothing to delete", (Means.FORCE,)),
            )
        for path in found:
            entry = self._entry(path)
            # One of two names that differ in case only may be gone with the other.
            if entry is None:
                continue
            if _is_directory(entry):
                self._refuse_directory(path, command)
            change = self._measured(ChangeKind.DELETE, path)
            with wim_errors(self._image.path):
                changes.delete_path(self._handle, self._index, path, recursive=command.recursive)
            self.done.append(change)

    def _refuse_directory(self, path: str, command: DeletePath) -> None:
        if not command.recursive:
            raise InvalidRequest(
                f"{self._where}: {quoted(path)} is a directory",
                remedy=Remedy("{} deletes directories with all in them", (Means.RECURSIVE,)),
            )

    def rename(self, command: RenamePath) -> None:
        """Give something another path; raise as :meth:`add`."""
        old, new = normalised(command.old), _new_path(command.new)
        entry = self._entry(old)
        if entry is None:
            raise InvalidRequest(f"{self._where}: holds no {quoted(command.old)}")
        if "/" in {old, new}:
            raise InvalidRequest(f"{self._where}: the root keeps its place; rename what is in it")
        there = self._entry(new)
        is_same = there is not None and there.path == entry.path
        if is_same and entry.path.rpartition("/")[2] == new.rpartition("/")[2]:
            return
        self._refuse_rename(entry, new, None if is_same else there)
        change = self._measured(ChangeKind.RENAME, entry.path, new, replaces=there is not None and not is_same)
        with wim_errors(self._image.path):
            if is_same:
                # To libwim the two spellings are one path, and nothing to do.
                between = f"{entry.path.rpartition('/')[0]}/.osdimage-{os.urandom(4).hex()}"
                changes.rename_path(self._handle, self._index, entry.path, between)
                changes.rename_path(self._handle, self._index, between, new)
            else:
                changes.rename_path(self._handle, self._index, entry.path, new)
        self.done.append(change)

    def _refuse_rename(self, entry: Entry, new: str, there: Entry | None) -> None:
        above = self._entry(new.rpartition("/")[0] or "/")
        if above is None or not _is_directory(above):
            raise InvalidRequest(
                f"{self._where}: has no directory {quoted(new.rpartition('/')[0])} in which {quoted(new)} could be"
            )
        if f"{above.path.rstrip('/')}/".startswith(f"{entry.path}/"):
            raise InvalidRequest(f"{self._where}: {quoted(entry.path)} cannot become a part of itself, {quoted(new)}")
        if there is None:
            return
        if _is_directory(there) != _is_directory(entry):
            kind = "a directory" if _is_directory(there) else "a file"
            raise InvalidRequest(
                f"{self._where}: {quoted(new)} is {kind}, whose place {quoted(entry.path)} cannot take"
            )
        if _is_directory(there) and len(self._image.entries(there.path)) > 1:
            raise InvalidRequest(f"{self._where}: the directory {quoted(new)} is not empty, so none can take its place")

    def edited(self, path: str, source: str | None) -> None:
        """Note that the contents of a file were changed by somebody else; ``source`` is the file that says what."""
        self.done.append(replace(self._measured(ChangeKind.EDIT, normalised(path)), source=source, directories=0))

    # ---- what is there

    def _entry(self, path: str) -> Entry | None:
        """Return what is at a path, or None."""
        found: list[Entry] = []
        with wim_errors(self._image.path):
            try:
                each_entry(self._handle, self._index, path, recursive=False, visit=found.append)
            except WimlibError as error:
                if error.code != WimlibCode.PATH_DOES_NOT_EXIST:
                    raise
        return found[0] if found else None

    def _fitting(self, text: str) -> list[str]:
        """Return the paths that a path or a pattern stands for.  The root stands for all in it: it keeps its place."""
        path = normalised(text)
        if path == "/":
            with wim_errors(self._image.path):
                return [f"/{name}" for name in tree.names_in_root(self._handle, self._index)]
        entry = self._entry(path)
        if entry is not None or not is_pattern(path):
            return [] if entry is None else [entry.path]
        wanted, found = PathPattern(path), list[str]()

        def look(paths: list[str]) -> None:
            found.extend(each for each in paths if wanted.fits(each))

        with wim_errors(self._image.path):
            self._handle.each_path(self._index, "/", recursive=True, on_paths=look)
        return found

    def _measured(self, kind: ChangeKind, path: str, new: str | None = None, *, replaces: bool = False) -> Change:
        """Return a change with what is at a path now."""
        with wim_errors(self._image.path):
            audit = tree.audit(self._handle, self._index, path=path)
        size = audit.size + audit.named_stream_size
        entry = self._entry(path)
        if entry is not None and not _is_directory(entry):
            # An audit has a part of it for each of its hard links.
            size = sum(stream.size for stream in entry.streams)
        replaced = (new,) if new is not None and replaces else ()
        source = path if new is not None else None
        return Change(kind, new or path, source, audit.directories, audit.files, size, replaced)

    def _refuse_file_above(self, path: str) -> None:
        parts = path.strip("/").split("/")
        for count in range(1, len(parts)):
            above = "/" + "/".join(parts[:count])
            entry = self._entry(above)
            if entry is None:
                return
            if not _is_directory(entry):
                raise InvalidRequest(
                    f"{self._where}: {quoted(above)} is a file or a link, so {quoted(path)} cannot be in it"
                )

    def _warn(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text not in self.warnings:
                self.warnings.append(text)
                self._meter.warn(text)


class _Scan:
    """Hears what a scan leaves out, and what it replaces."""

    def __init__(self, meter: Meter) -> None:
        self._inner = listener(meter)
        self._meter = meter
        self.replaced: list[str] = []
        self.unsupported: list[str] = []
        self.excluded = 0

    def __call__(self, message: Message) -> None:
        """Take a message."""
        match message:
            case Replaced():
                if len(self.replaced) < _NAMED:
                    self.replaced.append(message.path)
            case Omitted(reason=Omission.EXCLUDED):
                self.excluded += 1
                self._meter.leave_out(message.path)
            case Omitted():
                if len(self.unsupported) < _NAMED:
                    self.unsupported.append(message.path)
            case _:
                self._inner(message)


def _is_directory(entry: Entry) -> bool:
    """Tell whether something can be in it; a junction is a link."""
    return bool(entry.attributes & FileAttribute.DIRECTORY) and not entry.attributes & FileAttribute.REPARSE_POINT


def _refuse_new_names(command: AddTree, before: Sequence[FaultyNames], after: Sequence[FaultyNames]) -> None:
    """Refuse what brings names that no Windows image may hold; what the image has of them stays.

    Raises:
        UnsafeName: which names the first.
    """
    counts = {each.fault: each.count for each in before}
    for each in after:
        if each.fault in REFUSED and each.count > counts.get(each.fault, 0):
            known = {path for one in before if one.fault is each.fault for path in one.examples}
            example = next((path for path in each.examples if path not in known), each.examples[0])
            new = FaultyNames(each.fault, each.count - counts.get(each.fault, 0), (example,))
            raise UnsafeName(
                f"{command.source}: {refusal(new)}, which is not allowed in a Windows image; valid is another name, or "
                "to leave it out",
                path=example,
            )


def _new_path(text: str) -> str:
    """Return a path at which something is to be, from the root.

    Raises:
        InvalidRequest: when a name in it is none that an image may hold.
    """
    path = normalised(text)
    for name in path.strip("/").split("/"):
        fault = _fault_of(name)
        if fault is not None:
            raise InvalidRequest(f"the name {quoted(name)} in {quoted(text)} {REASONS[fault]}")
    return path


def _fault_of(name: str) -> Fault | None:
    if name in {".", ".."}:
        return Fault.DOTS
    if ":" in name:
        return Fault.COLON
    return Fault.LENGTH if len(name.encode("utf-16-le", "surrogatepass")) > _LONGEST_NAME * _UNIT_BYTES else None


@contextmanager
def _conflicts_named(command: AddTree) -> Iterator[None]:
    """Say in words what libwim says of a file in the place of a directory, or the other way, somewhere below a path."""
    try:
        yield
    except WimlibError as error:
        if error.code not in {WimlibCode.IS_DIRECTORY, WimlibCode.NOTDIR}:
            raise
        named = re.search(r'"([^"]*)"', " ".join(error.messages))
        where = quoted(command.path if named is None else named[1])
        raise InvalidRequest(
            f"{command.source}: cannot be added as {quoted(command.path)}: of what is to be at {where}, one is a file "
            "and the other a directory"
        ) from error
