"""Where everything of a new disc will be, and how large it is: pure arithmetic, before anything is written.

The order is fixed: both volume descriptors and what firmware looks for in front, at places of their own; then the
partition of UDF with the file set, all file entries, all directories and all contents; last the second anchor.  A block
lies unused in front of or behind what is large, so that the size of a disc does not depend on the order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from osdimage.imaging.disc.udf.text import timestamp
from osdimage.imaging.disc.written.contents import FileContents
from osdimage.imaging.disc.written.tree import DiscNode, NameFault, NewFile, NewFolder, make_tree
from osdimage.imaging.errors import InvalidRequest, quoted
from osdimage.imaging.units import KIB

BLOCK_BYTES = 2048
PARTITION_AT = 272
"""The block of the disc where the partition begins."""
FIRST_ENTRY = 2
"""The block of the partition with the root's file entry, behind the file set and the descriptor that ends it."""
NAME_BYTES = 38
"""Of a name in a directory, without the name (ECMA-167, 4/14.4)."""
_LARGE_BYTES = 64 * KIB
_PAGE_BLOCKS = 2
"""Large files begin at whole pages of 4096 bytes, which Btrfs, XFS and others share between two files: no byte of the
contents is copied there.  The partition begins at one."""
_MOST_BLOCKS = (1 << 32) - 1
_BIOS_IMAGE_BYTES = 4096
_UEFI_IMAGE_LIMIT = 0xFFFF * 512
_LONGEST_LABEL = 31
_SET_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class DiscSettings:
    """What a disc says of itself, and what starts from it.

    Attributes:
        label: of the volume, 1 to 31 characters.
        created_ns: when it is said to be made, in nanoseconds since 1970: the same time makes the same bytes.
        set_id: 16 digits of 0-9 and a-f, which all discs of a set have, and no other disc.
        number: which disc of its set it is, from 1.
        discs: how many discs the set has.
        bios_image: the path of the file that a BIOS starts, 4096 bytes, or None.
        uefi_image: the path of the file that UEFI starts, an image of a FAT volume below 32 MiB, or None.
        readme: what somebody reads who sees ISO 9660 alone; ASCII, up to 2048 characters.
    """

    label: str
    created_ns: int
    set_id: str = "0" * 16
    number: int = 1
    discs: int = 1
    bios_image: str | None = None
    uefi_image: str | None = None
    readme: str = (
        "This disc has its files in UDF. A system that shows nothing but this file\r\n"
        "does not read UDF, and cannot use the disc.\r\n"
    )


@dataclass(frozen=True, slots=True)
class DiscPlan:
    """A disc that can be written.

    Attributes:
        settings: what it says of itself.
        nodes: all directories and files, the root first; the number of one is that of its file entry.
        starts: the block of the partition where each of them has its contents, by number; 0 of what has none.
        in_order: numbers of the files whose contents are written, in the order in which these are on the disc: of those
            with the same stretches of the same file the first, as ``oscdimg -o`` does.
        names: the numbers of what is in each directory, by its number, in order.
        above: the number of the directory that each is in, by its number; the root is in itself.
        blocks: how many the partition has.
    """

    settings: DiscSettings
    nodes: tuple[DiscNode, ...] = field(repr=False)
    starts: tuple[int, ...] = field(repr=False)
    in_order: tuple[int, ...] = field(repr=False)
    names: Mapping[int, tuple[int, ...]] = field(repr=False)
    above: Mapping[int, int] = field(repr=False)
    blocks: int

    @property
    def size(self) -> int:
        """Of the disc in bytes."""
        return (PARTITION_AT + self.blocks + 1) * BLOCK_BYTES

    @property
    def contents_bytes(self) -> int:
        """What is written of contents, in bytes: what all files hold, but what they share once."""
        return sum(_size(self.nodes[number]) for number in self.in_order)

    def block_of(self, path: str) -> int:
        """Return the block of the disc where the contents of a file begin; KeyError when there is no such file."""
        for node, start in zip(self.nodes, self.starts, strict=True):
            if node.file is not None and node.path.lower() == path.lower():
                return PARTITION_AT + start
        raise KeyError(path)


def plan_disc(
    files: Iterable[NewFile],
    settings: DiscSettings,
    *,
    folders: Iterable[NewFolder] = (),
    name_fault: NameFault = lambda _: None,
) -> DiscPlan:
    """Lay out a disc; nothing is read or written.

    Args:
        files: that it is to hold; directories above them are made.
        settings: what it says of itself, and what starts from it.
        folders: that it is to hold besides, or whose times are known.
        name_fault: tells which names those who are to read the disc, such as Windows, cannot open.

    Raises:
        InvalidInput: when a disc cannot hold some of them; the message has all.
        InvalidRequest: when the settings cannot be, or it would be larger than 8 TiB.
    """
    root = make_tree(files, folders, name_fault=name_fault)
    nodes = tuple(root.walk())
    numbers = {id(node): number for number, node in enumerate(nodes)}
    names: dict[int, tuple[int, ...]] = {}
    above = {0: 0}
    for number, node in enumerate(nodes):
        if node.file is None:
            names[number] = tuple(numbers[id(each)] for _, each in sorted(node.children.items()))
            above |= dict.fromkeys(names[number], number)
    at = FIRST_ENTRY + len(nodes)
    starts = [0] * len(nodes)
    for number in names:
        starts[number] = at
        at += blocks_of(directory_bytes(nodes[number]))
    with_contents = [
        (number, node.file) for number, node in enumerate(nodes) if node.file is not None and node.file.contents.size
    ]
    in_order: list[int] = []
    placed: dict[FileContents, int] = {}
    for number, file in sorted(with_contents, key=lambda each: (each[1].rank, each[1].path)):
        contents = file.contents
        if isinstance(contents, FileContents) and contents in placed:
            starts[number] = placed[contents]
            continue
        starts[number] = at + (-at % _PAGE_BLOCKS if contents.size >= _LARGE_BYTES else 0)
        at += blocks_of(contents.size)
        in_order.append(number)
        if isinstance(contents, FileContents):
            placed[contents] = starts[number]
    plan = DiscPlan(settings, nodes, tuple(starts), tuple(in_order), names, above, at)
    _require_sound(plan)
    return plan


def blocks_of(size: int) -> int:
    """Return how many blocks are taken by what has so many bytes, wherever on a disc it lies.

    What is large takes one more than holds it, in front of it or behind, so that it can begin at a page.
    """
    return held_by(size) + (_PAGE_BLOCKS - 1 if size >= _LARGE_BYTES else 0)


def held_by(size: int) -> int:
    """Return how many blocks hold so many bytes."""
    return -(-size // BLOCK_BYTES)


def name_bytes(name: bytes) -> int:
    """Return how many bytes a name takes in its directory."""
    return (NAME_BYTES + len(name) + 3) // 4 * 4


def directory_bytes(node: DiscNode) -> int:
    """Return the size of a directory: the one above, without a name, and what is in it."""
    return name_bytes(b"") + sum(name_bytes(each.name) for each in node.children.values())


def _size(node: DiscNode) -> int:
    return 0 if node.file is None else node.file.contents.size


def _require_sound(plan: DiscPlan) -> None:
    settings = plan.settings
    if not (1 <= len(settings.label) <= _LONGEST_LABEL and settings.label.isprintable()):
        raise InvalidRequest(
            f"the label {quoted(settings.label)} is not valid; valid are 1 to {_LONGEST_LABEL} characters"
        )
    if not (1 <= settings.number <= settings.discs <= 0xFFFF):
        raise InvalidRequest(f"there is no disc {settings.number} in a set of {settings.discs}")
    if _SET_ID.fullmatch(settings.set_id) is None:
        raise InvalidRequest(f"the set id {quoted(settings.set_id)} is not valid; valid are 16 digits of 0-9 and a-f")
    if timestamp(settings.created_ns) is None:
        raise InvalidRequest("the time of the disc is not within the years 1970 to 9999")
    if not settings.readme.isascii() or len(settings.readme) > BLOCK_BYTES:
        raise InvalidRequest(f"the README for ISO 9660 is not valid; valid is ASCII, up to {BLOCK_BYTES} characters")
    if plan.size // BLOCK_BYTES > _MOST_BLOCKS:
        raise InvalidRequest(f"the disc would have {plan.size} bytes; {_MOST_BLOCKS * BLOCK_BYTES} are valid")
    for path, what in ((settings.bios_image, "a BIOS starts"), (settings.uefi_image, "UEFI starts")):
        if path is not None:
            _require_boot_image(plan, path, what)


def _require_boot_image(plan: DiscPlan, path: str, what: str) -> None:
    found = [each for each in plan.nodes if each.file is not None and each.path.lower() == path.lower()]
    if not found:
        raise InvalidRequest(f"what {what}, {quoted(path)}, is not among the files of the disc")
    size = _size(found[0])
    if path == plan.settings.bios_image and size != _BIOS_IMAGE_BYTES:
        raise InvalidRequest(f"{quoted(path)}, which a BIOS starts, has {size} bytes; {_BIOS_IMAGE_BYTES} are valid")
    if path == plan.settings.uefi_image and not 0 < size <= _UEFI_IMAGE_LIMIT:
        raise InvalidRequest(
            f"{quoted(path)}, which UEFI starts, has {size} bytes; 1 to {_UEFI_IMAGE_LIMIT} are valid, as the boot "
            "catalog has 16 bits for sectors of 512"
        )
