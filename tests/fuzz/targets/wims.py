"""WIMs: header, XML, trees, what describes a captured disk, and whole files by way of libwim."""

from __future__ import annotations

import errno
import random
import struct
import tempfile
import zlib
from collections.abc import Iterator
from hashlib import sha1
from itertools import islice
from xml.etree import ElementTree as ET

from cases import iso
from cases.wimcraft import FILE, Node, build, folder, metadata, root, symlink, xml_document
from osdimage.imaging import wof
from osdimage.imaging.compare.facts import differences, key_of
from osdimage.imaging.compare.fidelity import Fidelity
from osdimage.imaging.compare.tree_facts import TreeFacts
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.layouts.presets import Preset, preset_layout
from osdimage.imaging.errors import CorruptWim, InvalidInput, OsdImageError
from osdimage.imaging.units import GIB, Geometry
from osdimage.imaging.wim.checks.parts import part_of
from osdimage.imaging.wim.compression import Compression, CompressionSpec
from osdimage.imaging.wim.copied.export import ExportOptions, export_images
from osdimage.imaging.wim.described import captured, info
from osdimage.imaging.wim.described.captured_table import table_of
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.opening import refuse_impossible_header
from osdimage.imaging.wim.piped.relaid import receive
from osdimage.imaging.wim.piped.streams import InputStream, OutputStream
from osdimage.imaging.wim.placed import on_disc
from osdimage.imaging.wim.renamed.renamed_tree import with_other_names
from osdimage.imaging.wim.renamed.replacing import NameRule
from osdimage.imaging.wim.stored.folder_streams import in_newer_form, survey
from osdimage.imaging.wim.stored.format import HEADER_SIZE, MAGIC, Header
from osdimage.imaging.wim.stored.reparse import reparse_points
from osdimage.native.engine.arrays import Tree
from osdimage.native.wim.raw_copy import ENTRY_BYTES, CopyPlan
from osdimage.native.wim.resource import BlobTable
from osdimage.native.wim.tree import Fault, audit_stored

from fuzz.places import as_file
from fuzz.target import Target

_IMAGES = 3
_PIECES = 4
# Stricter than that of any target.
_NAMES = NameRule(frozenset(Fault), longest_bytes=40)


def _tree() -> Node:
    return root(
        Node("file", contents=b"contents"),
        symlink("link", "C:\\elsewhere"),
        folder("folder", Node("inner", contents=b"more"), folder("deeper")),
    )


def _header(data: bytes) -> None:
    header = Header.parse(data)
    assert header.build() == data[:HEADER_SIZE].ljust(HEADER_SIZE, b"\0")
    path = as_file(data)
    refuse_impossible_header(path)
    part_of(path)


def _piped(data: bytes) -> None:
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(data)
        source.seek(0)
        receive(InputStream(source.fileno()), target.fileno())
        target.seek(0)
        assert Header.parse(target.read(HEADER_SIZE)).magic == MAGIC


def _piped_seeds() -> Iterator[bytes]:
    for compression in (Compression.NONE, Compression.LZX):
        with WimFile.open(as_file(build(_tree()))) as opened, tempfile.TemporaryFile() as file:
            export_images(opened, OutputStream(file.fileno()), ExportOptions(compression=CompressionSpec(compression)))
            file.seek(0)
            yield file.read()


def _xml(data: bytes) -> None:
    text = info.decode_xml(data)
    for image in info.parse_images(text, _IMAGES):
        if image.disk is not None:
            assert captured.from_element(captured.to_element(image.disk)) == image.disk
            table_of(image.disk, random.Random(1))


def _xml_seeds() -> Iterator[bytes]:
    for preset in Preset:
        table = place(preset_layout(preset), Geometry.of_size(64 * GIB, 512), random.Random(1))
        described = captured.describe_disk(table, {}, {}, table.partitions[-1].number)
        yield xml_document(["one", "two"], ET.tostring(captured.to_element(described), encoding="unicode"))
    yield xml_document(["one"], "<WINDOWS><ARCH>9</ARCH><VERSION><MAJOR>10</MAJOR></VERSION></WINDOWS>")


def _tree_bytes(data: bytes) -> None:
    made = in_newer_form(data)
    assert made is None or in_newer_form(made) is None
    survey(data)
    for _ in reparse_points(data):
        pass


def _compared(data: bytes) -> None:
    facts = TreeFacts(data, "x", {})
    entries = [facts.root]
    while entries:
        entry = entries.pop()
        key_of(facts, entry, frozenset(Fidelity))
        list(differences((facts, facts.root), (facts, entry), "/", frozenset(Fidelity), lambda _: None))
        entries += facts.children(entry).values()


def _renamed(data: bytes) -> None:
    made = with_other_names(data, _NAMES)
    assert made is None or with_other_names(made.tree, _NAMES) is None


def _renamed_seeds() -> Iterator[bytes]:
    yield metadata(_tree())
    odd = Node("c\\d", b"x", short_name="A:B", streams={"s:t": b"y"})
    yield metadata(root(folder("a:b", odd, Node("..", b"z"), Node("Twin", b""), Node("TWIN", b""))))


def _walked(data: bytes) -> None:
    # Of a WIM without contents: an entry that has some ends the walk.
    found = Tree(BlobTable())
    audit = audit_stored(data, found.pointer)
    if audit is None:
        return
    found.finish()
    assert len(found) == audit.directories + audit.files
    for number in range(len(found)):
        found.path(number)


def _walked_seeds() -> Iterator[bytes]:
    first = Node("1", attributes=FILE, reparse_tag=7, short_name="1~1", items=struct.pack("<II", 1, 16) + bytes(16))
    streams = Node("streams", streams={"a": b"", "b": b""})
    made = root(first, folder("d", Node("2", attributes=FILE, reparse_tag=7, items=first.items)), streams)
    yield metadata(made, [b"descriptor", b""]).replace(sha1(b"", usedforsecurity=False).digest(), bytes(20))


def _copied(data: bytes) -> None:
    """Plan a copy of a tree and a table, which are the two halves of the bytes."""
    half = len(data) // 2
    try:
        plan = CopyPlan(data[: half // ENTRY_BYTES * ENTRY_BYTES])
        plan.add_tree(data[half:], may_miss=True)
        parts = plan.lay_out(1 << 20)
    except OSError as error:
        if error.errno not in {errno.EBADMSG, errno.ENOTSUP}:
            raise
        return
    for each in plan.ranges(parts):
        assert each.source + each.size <= 1 << 20


def _copied_seeds() -> Iterator[bytes]:
    tree = metadata(_tree())
    whole = build(_tree())
    _, table, size = struct.unpack_from("<QQQ", whole, 48)
    yield whole[table : table + size].ljust(len(tree), b"\0")[: len(tree)] + tree


def _whole(data: bytes) -> None:
    with WimFile.open(as_file(data)) as wim:
        for image in wim.images[:_IMAGES]:
            for entry in islice(image.entries(), 1000):
                repr(entry)
        wim.verify()


def _on_disc(data: bytes) -> None:
    """Look at a WIM in a file, and at the same on a disc, with other bytes before and behind it."""
    plain = _seen(str(as_file(data)))
    disc = iso.build(iso.Node(children=(iso.Node(b"X.WIM;1", data), iso.Node(b"Z.BIN;1", b"\1\2\3" * 5000))))
    on_disc._located.cache_clear()
    assert _seen(f"{as_file(bytes(disc.data))}!x.wim") == plain


def _seen(path: str) -> tuple[str, ...]:
    try:
        with WimFile.open(path) as wim:
            seen = [*wim.warnings, *(str(each) for each in wim.blobs()[:1000])]
            for image in wim.images[:_IMAGES]:
                seen += [repr(each) for each in islice(image.entries(), 1000)]
                seen += [repr(image.files().read(each.path)) for each in image.files().list() if not each.is_directory]
            seen += [str(each) for each in wim.verify().problems]
    except OsdImageError as error:
        seen = [f"{type(error).__name__}: {error}"]
    return tuple(each.replace(path, "WIM") for each in seen)


def _wof(data: bytes) -> None:
    algorithm = wof.parse(data[: wof.HEADER_BYTES * 2])
    (size,) = struct.unpack_from("<I", data[16:20].ljust(4, b"\0"))
    for _ in islice(wof.expand([data[20:]], size, algorithm), _PIECES):
        pass


def _wof_seeds() -> Iterator[bytes]:
    noise = random.Random(1).randbytes(5000)
    for algorithm in wof.Algorithm:
        head = struct.pack("<IIIII", 1, 2, 1, algorithm.value, len(noise))
        # Chunks as they are: a table with the offset of the second one, and both.
        cut = algorithm.chunk_size
        table = struct.pack("<I", cut) if cut < len(noise) else b""
        yield head + table + noise
        yield head + zlib.compress(bytes(100))


TARGETS = (
    Target("wim-header", _header, lambda: (build(_tree()),), largest=4096),
    Target("wim-xml", _xml, _xml_seeds, largest=8 << 10),
    Target("wim-copy", _copied, _copied_seeds, largest=4096),
    Target("wim-walk", _walked, _walked_seeds, largest=4096),
    Target("wim-tree", _tree_bytes, lambda: (metadata(_tree()),), largest=4096),
    Target("wim-diff", _compared, lambda: (metadata(_tree()),), (CorruptWim,), largest=4096),
    Target("wim-names", _renamed, _renamed_seeds, largest=4096),
    # libwim is code of others: it has errors of its own, and what it cannot do is not told as a fault of the file.
    Target("wim-piped", _piped, _piped_seeds, (OsdImageError,), largest=8 << 10),
    Target("wim-whole", _whole, lambda: (build(_tree()), build(_tree(), _tree())), (OsdImageError,), largest=8 << 10),
    Target("wim-on-disc", _on_disc, lambda: (build(_tree()), build(_tree(), _tree())), largest=8 << 10),
    Target("wof-stream", _wof, _wof_seeds, (InvalidInput,), largest=16 << 10),
)
