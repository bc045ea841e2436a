"""The index of a directory of an NTFS volume ($I30), through which files are found by their name.

It is a B+ tree in $INDEX_ROOT and the blocks of $INDEX_ALLOCATION (INDEX_ROOT, INDEX_BLOCK and INDEX_ENTRY of
``<ntfs-3g/layout.h>``).  The blocks are visited as the tree links them: what is not linked does not count.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osdimage.imaging.disk.target import BlockTarget
from osdimage.imaging.errors import InvalidVolume
from osdimage.imaging.volume.ntfs.data import RunMap
from osdimage.imaging.volume.ntfs.records import Reference, undo_fixups

_HAS_CHILD, _IS_LAST = 1, 2


def names_in_index(
    root: bytes, blocks: RunMap | None, volume: BlockTarget, cluster_bytes: int, where: str
) -> tuple[set[tuple[Reference, str]], int]:
    """Read an index.

    Args:
        root: the value of $INDEX_ROOT.
        blocks: where $INDEX_ALLOCATION lies.
        volume: to read it from.
        cluster_bytes: of the volume.
        where: what messages call the index.

    Returns:
        The reference and the name of every entry, DOS names too; and how many bytes of blocks were visited.

    Raises:
        InvalidVolume: when it is damaged.
    """
    if len(root) < 32:
        raise InvalidVolume(f"{where} is damaged: its root has {len(root)} bytes")
    (block_bytes,) = struct.unpack_from("<I", root, 8)
    if not 512 <= block_bytes <= 1 << 16 or block_bytes & (block_bytes - 1):
        raise InvalidVolume(f"{where} is damaged: blocks of {block_bytes} bytes")
    # A VCN counts clusters, or 512 bytes where a block is smaller than a cluster.
    step = cluster_bytes if cluster_bytes <= block_bytes else 512
    found: set[tuple[Reference, str]] = set()
    waiting = list(_entries(root, 16, where, found))
    seen: set[int] = set()
    while waiting:
        vcn = waiting.pop()
        if blocks is None or vcn in seen:
            raise InvalidVolume(
                f"{where} is damaged: it links to block {vcn} {'in vain' if blocks is None else 'twice'}"
            )
        seen.add(vcn)
        data = blocks.read(volume, vcn * step, block_bytes)
        block = bytes(undo_fixups(data, f"block {vcn} of {where}", b"INDX"))
        waiting += _entries(block, 24, where, found)
    return found, len(seen) * block_bytes


def _entries(block: bytes, header_at: int, where: str, found: set[tuple[Reference, str]]) -> Iterator[int]:
    """Collect the entries of one node; yield the blocks below it."""
    first, used = struct.unpack_from("<II", block, header_at)
    at, end = header_at + first, header_at + used
    while at + 16 <= min(end, len(block)):
        reference, length, key_bytes, flags = struct.unpack_from("<QHHH", block, at)
        if length < 16 or length % 8 or at + length > end:
            break
        if flags & _HAS_CHILD:
            yield int.from_bytes(block[at + length - 8 : at + length], "little")
        if flags & _IS_LAST:
            return
        key = block[at + 16 : at + 16 + key_bytes]
        if len(key) < 66 or len(key) < 66 + 2 * key[64] or 16 + key_bytes > length:
            break
        text = key[66 : 66 + 2 * key[64]].decode("utf-16-le", "surrogatepass")
        found.add((Reference.from_int(reference), text))
        at += length
    raise InvalidVolume(f"{where} is damaged at byte {at} of a node")
