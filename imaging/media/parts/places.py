r"""Where the parts of a medium are looked for: another medium first, then the boot image, then a full image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from osdimage.imaging.boot.files import LARGEST_FILE, shown
from osdimage.imaging.disc.written.contents import BytesContents
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.media.parts.medium import MediumFile
from osdimage.imaging.media.parts.source import MediumSource
from osdimage.imaging.media.parts.table import Part, Tree
from osdimage.imaging.units import format_size

_ANY = "*"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere that parts of a medium may be.

    Attributes:
        files: that are there.
        called: what people call it.
    """

    files: FileSource
    called: str

    def candidates(self, part: Part) -> Iterator[FileFacts]:
        """Yield the files there that can be a part, the best first."""
        patterns = part.places_on_medium if isinstance(self.files, MediumSource) else part.in_image
        for pattern in patterns:
            for path in _expanded(self.files, pattern):
                facts = self.files.find(path)
                if facts is not None and not facts.is_directory and not facts.is_link:
                    yield facts

    def taken(self, facts: FileFacts, target: str, made_ns: int) -> MediumFile:
        """Return a file of this place as one of the medium.

        Raises:
            InvalidInput: when it is larger than a boot file is.
            OsdImageError: when it cannot be read.
        """
        if facts.size > LARGEST_FILE:
            raise InvalidInput(
                f"{self.called}: {shown(facts.path)} has {format_size(facts.size)}; that is no boot file"
            )
        if isinstance(self.files, MediumSource):
            file = self.files.file(facts.path)
            assert file is not None  # noqa: S101 - it was just found there
            return MediumFile(target, file.contents, file.modified_ns, file.origin)
        data = self.files.read(facts.path, limit=LARGEST_FILE)
        moment = made_ns if facts.modified_ns is None else facts.modified_ns
        return MediumFile(target, BytesContents(data), moment, f"{self.called}: {shown(facts.path)}")

    def tree(self, tree: Tree, made_ns: int) -> list[MediumFile]:
        """Return the files of a folder as those of the medium; none when it is not there."""
        if isinstance(self.files, MediumSource):
            return [self.taken(each, f"{tree.target}/{below}", made_ns) for each, below in self._below(tree)]
        found: dict[str, MediumFile] = {}
        for each, below in self._below(tree):
            found[below.lower()] = self.taken(each, f"{tree.target}/{below}", made_ns)
        if tree.newer is not None and found:
            for each in _walked(self.files, tree.newer):
                below = _without_suffix(each.path[len(tree.newer) + 1 :])
                if below.lower().endswith(tree.ending):
                    found[below.lower()] = self.taken(each, f"{tree.target}/{below}", made_ns)
        return list(found.values())

    def _below(self, tree: Tree) -> Iterator[tuple[FileFacts, str]]:
        """Yield files of a folder with their paths in it."""
        top = tree.target if isinstance(self.files, MediumSource) else tree.in_image
        for each in _walked(self.files, top):
            below = each.path[len(top) + 1 :]
            is_of_language = below.count("/") == 1 and "-" in below.partition("/")[0]
            if below.lower().endswith(tree.ending) and (is_of_language or not tree.is_by_language):
                yield each, below


def _walked(files: FileSource, folder: str) -> Iterator[FileFacts]:
    """Yield the files below a folder, which need not be there; links are passed over."""
    facts = files.find(folder)
    if facts is None or not facts.is_directory or facts.is_link:
        return
    for each in files.walk(folder):
        if not each.is_directory and not each.is_link:
            yield each


def _expanded(files: FileSource, pattern: str) -> Iterator[str]:
    """Yield the paths that a pattern stands for, with its star in each folder that is there, in their order."""
    above, star, below = pattern.partition(f"/{_ANY}/")
    if not star:
        yield pattern
        return
    facts = files.find(above)
    if facts is not None and facts.is_directory and not facts.is_link:
        for each in files.list(above):
            if each.is_directory:
                yield f"{each.path}/{below}"


def _without_suffix(path: str) -> str:
    """Return ``chs_boot.ttf`` for ``chs_boot_EX.ttf``."""
    whole = PurePosixPath(path)
    stem = whole.stem
    return str(whole.with_name(f"{stem[:-3] if stem.upper().endswith('_EX') else stem}{whole.suffix}"))
