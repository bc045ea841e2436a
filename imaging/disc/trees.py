"""Which trees of files a disc has, and which of them is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from osdimage.imaging.disc.facts import TreeFacts, TreeKind
from osdimage.imaging.disc.iso.descriptors import joliet_of, primary_of
from osdimage.imaging.disc.iso.tree import IsoTree
from osdimage.imaging.disc.recognised import Recognised
from osdimage.imaging.disc.source import DiscSource
from osdimage.imaging.disc.tree import Tree
from osdimage.imaging.disc.udf.tree import UdfTree
from osdimage.imaging.errors import InvalidInput, InvalidRequest, InvalidVolume, Means, Remedy


@dataclass(frozen=True, slots=True)
class Trees:
    """The trees of a disc.

    Attributes:
        source: the disc.
        sound: those that can be read.
        damaged: what is wrong with the others.
    """

    source: DiscSource
    sound: dict[TreeKind, Tree]
    damaged: dict[TreeKind, InvalidVolume]

    @property
    def facts(self) -> tuple[TreeFacts, ...]:
        """What is known of those that can be read."""
        return tuple(each.facts for each in self.sound.values())

    @property
    def faults(self) -> tuple[str, ...]:
        """Sentences about the others."""
        return tuple(each.fault for each in self.damaged.values())

    def chosen(self, wish: TreeKind | None) -> Tree:
        """Return the tree of a kind, or else the one that tells most.

        A damaged one is not passed over for another: that may hold a README only.

        Raises:
            InvalidRequest: when there is none of this kind.
            InvalidVolume: when it is damaged.
            StorageError: when it cannot be read.
        """
        there = [kind for kind in TreeKind if kind in self.sound or kind in self.damaged]
        if wish is None:
            wish = there[0]
            if wish in self.sound and len(there) > 1 and self._is_empty(self.sound[wish]):
                wish = there[1]
        if wish in self.damaged:
            error = self.damaged[wish]
            other = next(iter(self.sound), None)
            if other is not None:
                error.remedy = Remedy(f"{{}} reads {other.called}", (Means.DISC_TREE,), (other.value,))
            raise error
        if wish not in self.sound:
            has = ", ".join(each.called for each in self.facts)
            raise InvalidRequest(f"{self.source.name}: has no tree of {wish.called}; it has {has}")
        return self.sound[wish]

    def _is_empty(self, tree: Tree) -> bool:
        return tree.facts.kind is TreeKind.UDF and not tree.children(tree.root())


def find_trees(source: DiscSource, recognised: Recognised) -> Trees:
    """Find the trees of a disc.

    Raises:
        InvalidInput: when it has none: it is no disc.
        StorageError: when it cannot be read.
    """
    found = Trees(source, {}, {})

    def add(kind: TreeKind, make: Callable[[], Tree]) -> None:
        try:
            tree = make()
        except InvalidVolume as error:
            found.damaged[kind] = error
        else:
            found.sound[tree.facts.kind] = tree

    primary, joliet = primary_of(recognised.iso), joliet_of(recognised.iso)
    if recognised.has_udf:
        add(TreeKind.UDF, lambda: UdfTree(source))
    if primary is not None:
        add(TreeKind.ISO_9660, lambda: IsoTree(source, primary))
    if TreeKind.ROCK_RIDGE in found.sound and primary is not None:
        add(TreeKind.ISO_9660, lambda: IsoTree(source, primary, with_rock_ridge=False))
    if joliet is not None:
        add(TreeKind.JOLIET, lambda: IsoTree(source, joliet))
    if not found.sound and not found.damaged:
        raise InvalidInput(f"{source.name}: is no disc: no descriptor of UDF or ISO 9660 is at byte 32768")
    return found
