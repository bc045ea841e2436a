"""What the trees of two images say of a file, put side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from osdimage.imaging.compare import describe
from osdimage.imaging.compare.fidelity import Fidelity
from osdimage.imaging.compare.hashes import EMPTY_SHA1
from osdimage.imaging.compare.tree_facts import Child, Contents, Items, TreeFacts
from osdimage.imaging.compare.unix import described_attribute, device_numbers

Place = tuple[TreeFacts, Child]
"""An entry: its tree, and what its folder says of it."""
_TIMES = (Fidelity.CREATION_TIMES, Fidelity.ACCESS_TIMES, Fidelity.MODIFICATION_TIMES)
Told = tuple[Fidelity, str, str | None, str | None]
"""A difference: its kind, the path, and what is before and after."""


def key_of(facts: TreeFacts, entry: Child, kinds: frozenset[Fidelity]) -> object:
    """Return what is equal for two entries that say the same in some kinds, their names apart."""
    contents, items = facts.contents(entry), facts.items(entry)
    owner, group, mode, device = items.unix or (None, None, None, None)
    of_kind: dict[Fidelity, object] = {
        Fidelity.CONTENTS: contents.main,
        Fidelity.NAMED_STREAMS: tuple(sorted(contents.named.items())),
        Fidelity.ATTRIBUTES: entry.attributes,
        **dict(zip(_TIMES, entry.moments, strict=True)),
        Fidelity.SECURITY_DESCRIPTORS: entry.descriptor,
        Fidelity.REPARSE_POINTS: contents.reparse,
        Fidelity.OBJECT_IDS: items.object_id,
        Fidelity.OWNERS: (owner, group),
        Fidelity.MODES: mode,
        Fidelity.DEVICES: device,
        Fidelity.EXTENDED_ATTRIBUTES: tuple(sorted(items.extended.items())),
    }
    # A link or a directory is none without its reparse point, whatever is looked at.
    return facts.what(entry), contents.reparse, *(value for kind, value in of_kind.items() if kind in kinds)


def differences(
    before: Place, after: Place, path: str, kinds: frozenset[Fidelity], size_of: Callable[[bytes], int | None]
) -> Iterator[Told]:
    """Yield what two entries say differently in some kinds, their names and the other names of their files apart.

    Args:
        before: the first of them.
        after: the second.
        path: what it is called.
        kinds: what is looked at.
        size_of: tells the size of a blob in bytes, or None where that is not known.
    """
    a, b = before[1], after[1]
    if a.attributes != b.attributes and Fidelity.ATTRIBUTES in kinds:
        yield Fidelity.ATTRIBUTES, path, describe.attributes(a.attributes), describe.attributes(b.attributes)
    if a.times != b.times:
        for kind, found, then in zip(_TIMES, a.moments, b.moments, strict=True):
            if found != then and kind in kinds:
                yield kind, path, describe.moment(found), describe.moment(then)
    if a.descriptor != b.descriptor and Fidelity.SECURITY_DESCRIPTORS in kinds:
        yield Fidelity.SECURITY_DESCRIPTORS, path, describe.value(a.descriptor), describe.value(b.descriptor)
    if a.rest != b.rest:
        yield from (each for each in _of_rest(before, after, path, size_of) if each[0] in kinds)


def _of_rest(before: Place, after: Place, path: str, size_of: Callable[[bytes], int | None]) -> Iterator[Told]:
    (ours, a), (theirs, b) = before, after
    short_names = ours.short_name(a), theirs.short_name(b)
    if short_names[0] != short_names[1]:
        yield Fidelity.SHORT_NAMES, path, *short_names
    yield from _of_streams(ours.contents(a), theirs.contents(b), path, size_of)
    yield from _of_items(ours.items(a), theirs.items(b), path)


def _of_streams(a: Contents, b: Contents, path: str, size_of: Callable[[bytes], int | None]) -> Iterator[Told]:
    def told(sha1: bytes | None) -> str:
        if sha1 is None:
            return "empty"
        size = size_of(sha1)
        return describe.sha1(sha1) if size is None else f"{describe.size(size)}, {describe.sha1(sha1)}"

    if a.main != b.main:
        yield Fidelity.CONTENTS, path, told(a.main), told(b.main)
    for name in sorted(a.named.keys() | b.named.keys()):
        texts = [told(each.named[name]) if name in each.named else None for each in (a, b)]
        if texts[0] != texts[1]:
            yield Fidelity.NAMED_STREAMS, f"{path}:{name}", texts[0], texts[1]
    if a.reparse != b.reparse:
        yield Fidelity.REPARSE_POINTS, path, _reparse(a), _reparse(b)


def _reparse(contents: Contents) -> str | None:
    if contents.reparse is None:
        return None
    tag, is_kept, sha1 = contents.reparse
    return describe.reparse_facts(tag, sha1 or EMPTY_SHA1) + (", not rewritten" if is_kept else "")


def _of_items(a: Items, b: Items, path: str) -> Iterator[Told]:
    if a.object_id != b.object_id:
        yield Fidelity.OBJECT_IDS, path, describe.value(a.object_id), describe.value(b.object_id)
    if a.unix != b.unix:
        for kind, text_of in _OF_UNIX.items():
            texts = [None if unix is None else text_of(*unix) for unix in (a.unix, b.unix)]
            if texts[0] != texts[1]:
                yield kind, path, texts[0], texts[1]
    for name in sorted(a.extended.keys() | b.extended.keys()):
        if a.extended.get(name) != b.extended.get(name):
            told = [described_attribute(name, each.extended.get(name)) for each in (a, b)]
            yield Fidelity.EXTENDED_ATTRIBUTES, path, told[0], told[1]


# Owner, group, mode and device number of a file, as text.
_OF_UNIX: dict[Fidelity, Callable[[int, int, int, int], str | None]] = {
    Fidelity.OWNERS: lambda owner, group, _mode, _device: f"{owner}:{group}",
    Fidelity.MODES: lambda _owner, _group, mode, _device: f"{mode:o}",
    Fidelity.DEVICES: lambda _owner, _group, _mode, device: device_numbers(device) if device else None,
}
