"""What changed between two images: names, contents, and all that is stored of each file.

Both trees are gone through as they are stored, folder by folder, and of an entry whose bytes are the same in both
nothing more is asked.  Contents are compared by the SHA-1 that the trees have of them: no contents are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.capture.config import CaptureConfig
from osdimage.imaging.capture.fat import excluder
from osdimage.imaging.compare.facts import differences
from osdimage.imaging.compare.fidelity import Fidelity
from osdimage.imaging.compare.renames import LoneEntries, pair_renamed
from osdimage.imaging.compare.tree_facts import Child, TreeFacts, name_of
from osdimage.imaging.errors import CorruptWim, InvalidRequest, quoted
from osdimage.imaging.logs import logged
from osdimage.imaging.wim.checks.stored_tree import blob_sizes, stored_tree
from osdimage.imaging.wim.image import WimImage
from osdimage.imaging.wim.patterns import PathPattern, is_pattern, normalised

# A plain number: the flags of an enumeration are slow, and this meets every file.
_DIRECTORY = int(FileAttribute.DIRECTORY)
# Of NT: a UNICODE_STRING counts its bytes in 16 bits.  A tree that is one folder in the other would fill the memory.
_LONGEST_PATH = 32_767
ALL_KINDS = frozenset(Fidelity) - {Fidelity.EXTRA}
"""What two images can differ in; :attr:`Fidelity.NAMES` is what was added, removed and renamed."""


@dataclass(frozen=True, slots=True)
class ComparedImage:
    """One of two images: its WIM, its index and its name, and how many files and directories it has."""

    wim: Path
    image: int
    name: str
    names: int


@dataclass(frozen=True, slots=True)
class LoneFile:
    """What one of two images has alone: its path, what it is (file, directory, link), and its size in bytes or None."""

    path: str
    what: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Renamed:
    """What is the same in both images under another path.

    Attributes:
        before: the path in the first.
        after: the path in the second.
        what: file, directory or link.
        names: how many files and directories it is, with what is in it.
    """

    before: str
    after: str
    what: str
    names: int


@dataclass(frozen=True, slots=True)
class Change:
    """A fact that is another in the second image.

    Attributes:
        kind: its class; names are other only in case, or what has the name is.
        path: in the first image; a named stream follows behind a colon.
        before: what it was, or None: there was none.
        after: what it is, or None: there is none.
    """

    kind: Fidelity
    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ImageDiff:
    """What changed between two images, each list by path.

    Attributes:
        before: the first image.
        after: the second one.
        is_equal: whether nothing did.
        removed: what only the first has, folders before what is in them.
        added: what only the second has.
        renamed: what has another path.
        changed: what is other of a file that both have.
    """

    before: ComparedImage
    after: ComparedImage
    is_equal: bool
    removed: tuple[LoneFile, ...]
    added: tuple[LoneFile, ...]
    renamed: tuple[Renamed, ...]
    changed: tuple[Change, ...]

    @property
    def counts(self) -> dict[Fidelity, int]:
        """How many facts are other, of each class that has any."""
        found = Counter(each.kind for each in self.changed)
        return {kind: found[kind] for kind in Fidelity if found[kind]}


@logged("compare {before} with {after}")
def diff_images(
    before: WimImage,
    after: WimImage,
    *,
    kinds: frozenset[Fidelity] = ALL_KINDS,
    paths: Sequence[str] = (),
    exclude: Iterable[str] = (),
) -> ImageDiff:
    r"""Compare two images, of one WIM or of two, in all that is stored of their files; no contents are read.

    Files are the same when their paths are, without case where no other is nearer.  Which names are one file is
    compared among the files that both images have.

    Args:
        before: of a WIM that is open.
        after: of a WIM that is open.
        kinds: what is compared; two files that differ in nothing of it are the same.
        paths: what is told of: paths in the images, separated by ``/`` or ``\``, with all below them; ``*``, ``?`` and
            ``[...]`` stand for characters within a name.  None for all.
        exclude: patterns of what is not looked at, in the form of WimScript.ini.

    Raises:
        InvalidRequest: when neither image holds what a path says, or a pattern cannot be one.
        CorruptWim: when a tree is damaged.
        StorageError: when one cannot be read.
    """
    descriptors: dict[bytes, bytes] = {}
    trees = [
        TreeFacts(
            stored_tree(each.path, each.handle, each.index, in_memory=each.is_changed),
            f"{each.path}: image {each.index}",
            descriptors,
        )
        for each in (before, after)
    ]
    wanted = _Wanted(paths, CaptureConfig().excluding(*exclude))
    found = _Comparison(trees[0], trees[1], _Sizes((before, after)), kinds, wanted)
    found.run()
    wanted.refuse_unmet(f"{before.path} and {after.path}")
    removed, added = (
        tuple(sorted(found.told_of(each), key=lambda lone: lone.path)) for each in (found.removed, found.added)
    )
    renamed = tuple(sorted(found.renamed, key=lambda each: each.before))
    order = {kind: number for number, kind in enumerate(Fidelity)}
    changed = tuple(sorted(found.changed, key=lambda each: (each.path, order[each.kind])))
    return ImageDiff(
        _compared(before, found.names[0]),
        _compared(after, found.names[1]),
        not (removed or added or renamed or changed),
        removed,
        added,
        renamed,
        changed,
    )


def _compared(image: WimImage, names: int) -> ComparedImage:
    return ComparedImage(image.path, image.index, image.name, names)


class _Sizes:
    """The sizes of blobs, which are read when the first is asked for."""

    def __init__(self, images: Iterable[WimImage]) -> None:
        self._images = images
        self._sizes: dict[bytes, int] | None = None

    def __call__(self, sha1: bytes) -> int | None:
        if self._sizes is None:
            self._sizes = {}
            for image in self._images:
                self._sizes |= blob_sizes(image.handle)
        return self._sizes.get(sha1)


class _Wanted:
    """The paths that are told of."""

    def __init__(self, paths: Sequence[str], config: CaptureConfig) -> None:
        self._is_excluded = excluder(config) if config.exclusions else None
        self._tests = {path: _test_of(path) for path in paths}
        self._unmet = dict.fromkeys(paths)

    @property
    def is_all(self) -> bool:
        """Whether nobody need be asked."""
        return not self._tests

    @property
    def excludes(self) -> bool:
        """Whether anything is not looked at."""
        return self._is_excluded is not None

    def leaves_out(self, path: str) -> bool:
        """Tell whether a path, with all below it, is not looked at."""
        return self._is_excluded is not None and self._is_excluded(path.lstrip("/"))

    def __call__(self, path: str) -> bool:
        """Tell whether a path is told of."""
        if not self._tests:
            return True
        fitting = [each for each, fits in self._tests.items() if fits(path)]
        for each in fitting:
            self._unmet.pop(each, None)
        return bool(fitting)

    def refuse_unmet(self, where: str) -> None:
        for path in self._unmet:
            raise InvalidRequest(f"{where}: neither image holds anything that fits {quoted(path)}")


def _test_of(text: str) -> Callable[[str], bool]:
    plain = normalised(text).casefold()
    pattern = PathPattern(text) if is_pattern(text) else None

    def fits(path: str) -> bool:
        folded = path.casefold()
        is_named = plain in {"/", folded} or folded.startswith(f"{plain}/")
        return is_named or (pattern is not None and pattern.fits(path, or_below=True))

    return fits


class _Comparison:
    """Goes through two trees at once."""

    def __init__(
        self, before: TreeFacts, after: TreeFacts, size_of: _Sizes, kinds: frozenset[Fidelity], wanted: _Wanted
    ) -> None:
        self.names = [1, 1]
        self.removed, self.added = LoneEntries(before), LoneEntries(after)
        self.renamed: list[Renamed] = []
        self.changed: list[Change] = []
        self._before, self._after = before, after
        self._size_of = size_of
        self._kinds = kinds
        self._wanted = wanted
        # The path, and which names are one file before and after, of what is in both and has several names somewhere.
        self._linked: list[tuple[str, int, int]] = []

    def run(self) -> None:
        """Compare all."""
        self._pair("/", self._before.root, self._after.root)
        folders = [("", self._before.root, self._after.root)]
        while folders:
            folders += self._folder(*folders.pop())
        self.removed.settle()
        self.added.settle()
        if Fidelity.NAMES in self._kinds:
            self._find_renamed()
        if Fidelity.HARD_LINKS in self._kinds:
            self._compare_links()

    def told_of(self, lone: LoneEntries) -> Iterable[LoneFile]:
        """Yield what only one image has."""
        for each in lone.left() if Fidelity.NAMES in self._kinds else ():
            if self._wanted(each.path):
                what = lone.facts.what(each.entry)
                sha1 = lone.facts.contents(each.entry).main if what == "file" else None
                size = 0 if sha1 is None else self._size_of(sha1)
                yield LoneFile(each.path, what, size if what == "file" else None)

    def _folder(self, folder: str, a: Child, b: Child) -> list[tuple[str, Child, Child]]:
        """Compare what is in a folder that both have; return the folders in it that both have."""
        ours, theirs = self._children(0, folder, a), self._children(1, folder, b)
        below: list[tuple[str, Child, Child]] = []
        pairs = self._matched(folder, ours, theirs)
        is_all = self._wanted.is_all
        for name, one, other in pairs:
            # The path of what is the same in both is rarely wanted.
            if not is_all or one.attributes & _DIRECTORY or one.said != other.said:
                path = f"{folder}/{name_of(name)}"
                if not (is_all and one.said == other.said):
                    self._pair(path, one, other)
                if one.is_directory and other.is_directory:
                    below.append((path, one, other))
                elif one.is_directory != other.is_directory:
                    self._changed_in_what(path, one, other)
            if one.group or other.group:
                self._linked.append((f"{folder}/{name_of(name)}", one.group, other.group))
        for side, lone in ((0, ours), (1, theirs)):
            for name, each in lone.items():
                self._alone(side, f"{folder}/{name_of(name)}", each)
        return below

    def _matched(
        self, folder: str, ours: dict[bytes, Child], theirs: dict[bytes, Child]
    ) -> list[tuple[bytes, Child, Child]]:
        """Take the entries of the same names, or of names that differ in case alone, out of those of both."""
        pairs = [(name, entry, theirs.pop(name)) for name, entry in ours.items() if name in theirs]
        for name, *_ in pairs:
            del ours[name]
        others = {name_of(name).casefold(): name for name in theirs} if ours else {}
        for name in [each for each in ours if name_of(each).casefold() in others]:
            other = others.pop(name_of(name).casefold(), None)
            if other is not None:
                pairs.append((name, ours.pop(name), theirs.pop(other)))
                self._change(Fidelity.NAMES, f"{folder}/{name_of(name)}", name_of(name), name_of(other))
        return pairs

    def _children(self, side: int, folder: str, entry: Child) -> dict[bytes, Child]:
        if len(folder) > _LONGEST_PATH:
            raise CorruptWim(
                f"a path of the tree has {len(folder):,} characters; Windows has {_LONGEST_PATH:,} at most"
            )
        found = (self._before, self._after)[side].children(entry)
        if self._wanted.excludes:
            for name in [each for each in found if self._wanted.leaves_out(f"{folder}/{name_of(each)}")]:
                del found[name]
        self.names[side] += len(found)
        return found

    def _pair(self, path: str, a: Child, b: Child) -> None:
        """Compare two entries that are in the same place."""
        if not self._wanted(path):
            return
        places = (self._before, a), (self._after, b)
        self.changed += [Change(*told) for told in differences(*places, path, self._kinds, self._size_of)]

    def _change(self, kind: Fidelity, path: str, before: str | None, after: str | None) -> None:
        if kind in self._kinds and self._wanted(path):
            self.changed.append(Change(kind, path, before, after))

    def _changed_in_what(self, path: str, a: Child, b: Child) -> None:
        """Tell of a file in the place of a directory, or the other way; what is in that is in one image alone."""
        self._change(Fidelity.NAMES, path, f"a {self._before.what(a)}", f"a {self._after.what(b)}")
        for side, entry in ((0, a), (1, b)):
            for name, each in self._children(side, path, entry).items():
                self._alone(side, f"{path}/{name_of(name)}", each)

    def _alone(self, side: int, path: str, entry: Child) -> None:
        """Take an entry that only one image has, with all below it."""
        lone = (self.removed, self.added)[side]
        waiting: list[tuple[str, Child, int | None]] = [(path, entry, None)]
        while waiting:
            where, at, above = waiting.pop()
            position = lone.add(where, at, above)
            self._wanted(where)
            inside = self._children(side, where, at)
            # By name, last first: the same folder has the same order in both images.
            names = sorted(inside, reverse=True)
            waiting += [(f"{where}/{name_of(name)}", inside[name], position) for name in names]

    def _find_renamed(self) -> None:
        for ours, theirs in pair_renamed(self.removed, self.added, self._kinds):
            for here, there in zip(ours, theirs, strict=True):
                one, other = self.removed.entries[here], self.added.entries[there]
                group, other_group = one.entry.group, other.entry.group
                if group or other_group:
                    self._linked.append((one.path, group, other_group))
            before, after = self.removed.entries[ours[0]], self.added.entries[theirs[0]]
            if self._wanted(before.path) or self._wanted(after.path):
                what = self._before.what(before.entry)
                self.renamed.append(Renamed(before.path, after.path, what, len(ours)))

    def _compare_links(self) -> None:
        """Compare which names are one file: each with the first name of its file before and after."""
        sizes = [Counter(each[side] for each in self._linked) for side in (1, 2)]
        by_group: dict[int, tuple[int | str, str]] = {}
        by_other: dict[int, tuple[int | str, str]] = {}
        for path, group, other_group in sorted(self._linked):
            ours: int | str = group if group and sizes[0][group] > 1 else path
            theirs: int | str = other_group if other_group and sizes[1][other_group] > 1 else path
            there, first = by_group.setdefault(ours, (theirs, path)) if isinstance(ours, int) else (theirs, path)
            here, other = by_other.setdefault(theirs, (ours, path)) if isinstance(theirs, int) else (ours, path)
            if there != theirs:
                self._change(Fidelity.HARD_LINKS, path, f"the same file as {first}", "a file of its own")
            elif here != ours:
                self._change(Fidelity.HARD_LINKS, path, "a file of its own", f"the same file as {other}")
