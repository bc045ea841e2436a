"""Scanning what is captured, a directory or a volume, into an open WIM."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from osdimage.imaging.capture.source import CaptureSource, Opened
from osdimage.imaging.capture.template import Template
from osdimage.imaging.disk.content import FATS, Content
from osdimage.imaging.disk.places import opened_place
from osdimage.imaging.disk.probe import described, name_of, probe_place
from osdimage.imaging.disk.volume import OpenVolume, title_of
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means, Remedy, UnsafeName, quoted
from osdimage.imaging.loss import Loss
from osdimage.imaging.progress import Meter
from osdimage.imaging.wim.checks.names import REASONS, REFUSED, Names, names_told
from osdimage.imaging.wim.dereferenced import refuse_endless
from osdimage.imaging.wim.described.properties import ImageProperties, is_storable
from osdimage.imaging.wim.failures import wim_errors
from osdimage.imaging.wim.steps import listener
from osdimage.native.callbacks import Listener, Message, Omission, Omitted
from osdimage.native.wim import tree
from osdimage.native.wim.facts import AddedImage, Descriptors, ScanSettings
from osdimage.native.wim.handles import WimHandle
from osdimage.native.wim.patterns import Patterns
from osdimage.native.wim.tree import Audit, Fault

# Of omitted files that many are named in the result; a source full of sockets needs no list of them all.
_NAMED = 100
# Of what was left out on purpose more: whoever gave the patterns wants to see what they fit.
_NAMED_EXCLUSIONS = 10_000


RISKY = REFUSED | {Fault.SHORT}
"""The faults of names that not every target takes back from a WIM: with them they are stored only if that is meant."""


class _Omissions:
    """Counts what a scan left out."""

    def __init__(
        self,
        inner: Listener,
        roots: Mapping[str, str],
        leave_out: Callable[[str], None],
        elsewhere: frozenset[str] = frozenset(),
    ) -> None:
        """Take the paths of this machine that are scanned, each with its path in the image, and what a cloud has."""
        self._inner = inner
        self._roots = roots
        self._elsewhere = elsewhere
        self._leave_out = leave_out
        self.counts: Counter[Omission] = Counter()
        self.unsupported: list[str] = []
        self.excluded: list[str] = []
        self.in_cloud: list[str] = []

    def __call__(self, message: Message) -> None:
        """Count an omission; pass everything else on."""
        if not isinstance(message, Omitted):
            self._inner(message)
            return
        if message.reason is Omission.EXCLUDED:
            path = self._in_image(message.path)
            if path in self._elsewhere:
                self.in_cloud.append(path)
            else:
                self.exclude(path)
            return
        self.counts[message.reason] += 1
        if len(self.unsupported) < _NAMED:
            self.unsupported.append(message.path)

    def _in_image(self, path: str) -> str:
        """Return the path that something that is left out would have in the image."""
        at = max((each for each in self._roots if path.startswith(each)), key=len, default="")
        return "/".join((self._roots.get(at, "/").rstrip("/"), path.removeprefix(at).lstrip("/")))

    def exclude(self, path: str) -> None:
        """Count what is left out on purpose, by its path from the root of the source."""
        self.counts[Omission.EXCLUDED] += 1
        if len(self.excluded) < _NAMED_EXCLUSIONS:
            self.excluded.append(path)
        self._leave_out(path)


@dataclass(frozen=True, slots=True)
class Scanned:
    """A source that was scanned into a WIM, as an image of which the contents are not written yet.

    Sizes in bytes, named streams included, hard links counted once.
    """

    index: int
    name: str
    directories: int
    files: int
    size: int
    excluded: int
    excluded_paths: tuple[str, ...]
    unsupported: tuple[str, ...]
    losses: tuple[Loss, ...]
    odd_names: tuple[Loss, ...]
    warnings: tuple[str, ...]
    decompacted: int = 0
    in_cloud: tuple[str, ...] = ()


def scan(
    handle: WimHandle,
    source: CaptureSource,
    opened: Opened,
    wanted: ImageProperties,
    *,
    boot: bool,
    meter: Meter,
    template: Template | None = None,
    names: Names = Names.REFUSE,
) -> Scanned:
    """Add a source to a WIM as a new image, with its name (which must be given) and its other properties.

    What is as it was in a template is not read, where its contents are in the WIM or in a file that it refers to.
    Names that are to be replaced are so by who writes it.

    Raises:
        UnsafeName: when it holds a name that is refused.
        OsdImageError: when it cannot be read.
    """
    roots = {os.path.normpath(each.source): each.path for each in source.trees} or {opened.name: "/"}
    omissions = _Omissions(listener(meter), roots, meter.leave_out, opened.elsewhere)
    warnings = _source_warnings(source, opened)
    if opened.tree is not None:
        with wim_errors(source.title):
            found = opened.tree.add_to(handle, wanted.name or "", boot=boot)
        for path in opened.tree.excluded:
            omissions.exclude(f"/{path}")
    else:
        with wim_errors(source.title):
            found = _add(handle, source, opened, wanted.name or "", omissions, boot=boot)
    index = handle.info().image_count
    if template is not None and opened.tree is None:
        template.give_hashes(handle, index)
    for element, value in wanted.by_element().items():
        if element != "NAME":
            handle.set_image_property(index, element, value)
    warnings += found.warnings
    with wim_errors(source.title):
        # Of the image as it will be written: of streams and short names the messages of a scan say nothing.
        audit = tree.audit(handle, index)
    if names is Names.REFUSE:
        _refuse_names(source, audit)
    if source.trees:
        # What lies over something else was counted, and so was that.
        found = found._replace(directories=audit.directories, files=audit.files, size=audit.size)
    kept = () if names is Names.REPLACE else [each for each in audit.faulty if each.fault in RISKY]
    losses = (*_left_out(omissions), *names_told(kept))
    odd_names = names_told([each for each in audit.faulty if each.fault not in RISKY])
    for text in (*warnings, *(str(loss) for loss in (*losses, *odd_names))):
        meter.warn(text)
    return Scanned(
        index=index,
        name=wanted.name or "",
        directories=found.directories,
        files=found.files,
        size=found.size,
        excluded=omissions.counts[Omission.EXCLUDED],
        excluded_paths=tuple(omissions.excluded),
        unsupported=tuple(omissions.unsupported),
        losses=losses,
        odd_names=odd_names,
        warnings=tuple(warnings),
        decompacted=opened.decompacted,
        in_cloud=tuple(sorted(omissions.in_cloud)[:_NAMED_EXCLUSIONS]),
    )


def _add(
    handle: WimHandle, source: CaptureSource, opened: Opened, name: str, omissions: _Omissions, *, boot: bool
) -> AddedImage:
    """Let libwim read directories, or an NTFS volume."""
    config = source.config
    patterns = Patterns(config.exclusions, config.exceptions, match_case=config.match_case, paths=opened.elsewhere)
    if source.dereference:
        for each in [Path(tree.source) for tree in source.trees] or [Path(opened.name)]:
            refuse_endless(each, patterns.exclude)
    settings = ScanSettings(source.unix_data, source.fixes_links, source.descriptors, source.dereference)
    if source.trees:
        return handle.add_image_of(
            [(each.source, each.path) for each in source.trees],
            name,
            patterns=patterns,
            settings=settings,
            boot=boot,
            listener=omissions,
        )
    return handle.add_image(
        opened.name,
        name,
        patterns=patterns,
        from_ntfs=opened.volume is not None,
        settings=settings,
        boot=boot,
        listener=omissions,
    )


def _refuse_names(source: CaptureSource, audit: Audit) -> None:
    """Refuse a source with names that could not be applied again."""
    if audit.refusal is None:
        return
    more = f" ({audit.refused_names - 1} more like it)" if audit.refused_names > 1 else ""
    raise UnsafeName(
        f"{source.title}: the name of {quoted(audit.refused_path or '/')} {REASONS[audit.refusal]}, which is not "
        f"allowed in a Windows image{more}",
        path=audit.refused_path,
        remedy=Remedy("{} stores it under another name, {} as it is", (Means.REPLACE_NAMES, Means.KEEP_NAMES)),
    )


@contextmanager
def opened_source(
    source: CaptureSource, *, cache_size: int | None = None, template: Template | None = None
) -> Iterator[Opened]:
    """Open a source, once, for as long as the body of the ``with`` lasts; libwim reads it until the WIM is closed.

    Args:
        source: what is captured.
        cache_size: for a volume, in bytes; None for the usual.
        template: the image of which it is a later state, for a volume that libwim cannot read.

    Raises:
        InvalidRequest: when there is no such file or directory.
        InvalidInput: when it is none of the kinds that can be captured, or is damaged.
        OsdImageError: as :func:`~osdimage.imaging.disk.places.open_volume`.
    """
    if source.trees:
        _refuse_trees(source)
        yield Opened(source.title)
        return
    with (
        opened_place(source.volume or source.path, source.partition, opening=source.opening, share=True) as place,
        backend_of(place, source, cache_size, template) as opened,
    ):
        yield opened


def backend_of(
    place: Path | OpenVolume,
    source: CaptureSource,
    cache_size: int | None = None,
    template: Template | None = None,
) -> AbstractContextManager[Opened]:
    """Return what reads a place.

    Raises:
        OsdImageError: as :func:`opened_source`.
    """
    if isinstance(place, OpenVolume):
        _refuse_for_volume(place, source)
        if place.content is Content.NTFS:
            from osdimage.imaging.capture import ntfs  # noqa: PLC0415 - a directory needs none of them

            needs_descriptors = source.descriptors is Descriptors.ALL
            return ntfs.opened_volume(
                place, cache_size=cache_size, needs_descriptors=needs_descriptors, decompacts=source.decompacts
            )
        if place.content in FATS:
            _refuse_without_descriptors(place.name, source)
            from osdimage.imaging.capture import fat  # noqa: PLC0415

            return fat.opened_volume(place, source.config, template)
        place.refuse_encrypted()
        if place.partition is not None:
            raise InvalidInput(f"{place.name}: holds {place.described}; a capture reads an NTFS or FAT volume")
    found = probe_place(place)
    if isinstance(place, Path) and found is Content.DIRECTORY:
        _refuse_to_decompact(str(place), source)
        _refuse_without_descriptors(str(place), source)
        return nullcontext(Opened(os.fspath(place)))
    if found is Content.TABLE:
        raise InvalidRequest(
            f"{name_of(place)} is {described(found)}", remedy=Remedy("choose one with {}", (Means.PARTITION,))
        )
    raise InvalidInput(
        f"{name_of(place)}: is {described(found)}; a capture reads a directory, a file or device that holds one NTFS "
        "or FAT volume, or a partition of a disk"
    )


def _refuse_for_volume(place: OpenVolume, source: CaptureSource) -> None:
    """Refuse what cannot be done with a volume."""
    if source.unix_data:
        raise InvalidRequest(f"{place.name}: a volume of Windows has no owner, group and mode of Unix")
    if source.dereference:
        raise InvalidRequest(f"{place.name}: links of a volume lead to what is not here, and are stored as they are")
    if source.fixes_links:
        raise InvalidRequest(
            f"{place.name}: absolute links of a volume cannot be made relative: they begin with its letter, which "
            "is not known"
        )
    if place.content in FATS:
        _refuse_to_decompact(place.name, source)


def _refuse_to_decompact(name: str, source: CaptureSource) -> None:
    if source.decompacts:
        raise InvalidRequest(f"{name}: holds no file that Windows has compressed as a whole; only an NTFS volume does")


def _refuse_trees(source: CaptureSource) -> None:
    """Refuse sources that are not there, or cannot be what they are to be in the image."""
    for each in source.trees:
        where = f"{each.origin}: " if each.origin else ""
        if not os.path.lexists(each.source):
            raise InvalidRequest(f"{where}{each.source}: there is no such file or directory")
        if each.is_root and not each.source.is_dir():
            raise InvalidRequest(f"{where}{each.source}: is no directory, which the root of an image must be")
        if source.fixes_links and not each.is_root:
            raise InvalidRequest(f"{where}absolute links are made relative only in what becomes the root of the image")
    _refuse_without_descriptors(source.title, source)
    _refuse_to_decompact(source.title, source)


def _refuse_without_descriptors(name: str, source: CaptureSource) -> None:
    if source.descriptors is Descriptors.ALL:
        raise InvalidRequest(f"{name}: has no security descriptors; an NTFS volume has")


def _source_warnings(source: CaptureSource, opened: Opened) -> list[str]:
    found = []
    if source.config.uncompressed:
        found.append(
            "[CompressionExclusionList] has no effect: libwim decides by the contents what is stored uncompressed; the "
            "image holds the same files"
        )
    return [*found, *opened.hazards]


def with_name(wanted: ImageProperties, source: CaptureSource, handle: WimHandle, destination: Path) -> ImageProperties:
    """Return the properties with a name that no other image of the WIM has.

    Raises:
        InvalidRequest: when an image has the name that is wanted.
    """
    taken = {handle.image_property(index, "NAME") for index in range(1, handle.info().image_count + 1)}
    if wanted.name is not None:
        if wanted.name and wanted.name in taken:
            raise InvalidRequest(f"{destination}: an image named {wanted.name!r} is already there; choose another name")
        return wanted
    title = title_of(Path(source.path.resolve().name or "root"), source.partition)
    base = title.encode("utf-8", "replace").decode("utf-8")
    base = "".join(character if is_storable(character) else "?" for character in base)[:240]
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base} ({number})"
    return replace(wanted, name=name)


def _left_out(omissions: _Omissions) -> tuple[Loss, ...]:
    found = (
        Loss("files of a kind that a WIM cannot hold left out", omissions.counts[Omission.UNSUPPORTED]),
        Loss("files that are in a cloud only left out", len(omissions.in_cloud)),
    )
    return tuple(each for each in found if each.count)
