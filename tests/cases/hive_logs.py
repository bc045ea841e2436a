"""Hives that were not closed, and their logs: those that Windows left, and others that are made here.

What is made here follows the specification, with code that shares nothing with what is tested; yarp and regipy read it
(``tests/imaging/registry/test_replay.py``).
"""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

FIXTURE = Path(__file__).parents[2] / "fixtures" / "yarp-dirty-hives.tar.xz"
PAGE = 4096
_WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class Unclosed:
    """A hive and its logs, by the ends of their names."""

    hive: bytes
    logs: dict[str, bytes]

    def write(self, path: Path) -> Path:
        """Write the hive to a path, and the logs beside it."""
        path.write_bytes(self.hive)
        for end, data in self.logs.items():
            path.with_name(path.name + end).write_bytes(data)
        return path

    def files(self, path: str) -> dict[str, bytes]:
        """Return all of them by paths."""
        return {path: self.hive, **{path + end: data for end, data in self.logs.items()}}


@cache
def _members() -> dict[str, bytes]:
    with tarfile.open(FIXTURE) as archive:
        files = (each for each in archive if each.isfile())
        return {each.name: stream.read() for each in files if (stream := archive.extractfile(each)) is not None}


def of_windows(folder: str) -> Unclosed:
    """Return a hive of yarp's tests by its folder."""
    name = folder.rstrip("0123456789")
    at = f"hives_for_tests/{folder}/{name}"
    found = {path.removeprefix(at): data for path, data in _members().items() if path.startswith(f"{at}.")}
    return Unclosed(_members()[at], found)


def recovered(folder: str) -> bytes:
    """Return what Windows made of such a hive."""
    return next(data for path, data in _members().items() if path.startswith(f"hives_for_tests/{folder}/Recovered"))


# ---- made here


def _rotated(value: int, count: int) -> int:
    return (value << count | value >> 32 - count) & _WORD


def marvin(data: bytes) -> bytes:
    """Return the Marvin32 hash with the seed of the registry."""
    a, b = 0x7A4E55C5, 0x82EF4D88
    tail = data[len(data) & ~3 :] + b"\x80"
    words = [*struct.unpack(f"<{len(data) // 4}I", data[: len(data) & ~3]), int.from_bytes(tail, "little"), 0]
    for word in words:
        a = (a + word) & _WORD
        b ^= a
        a = (_rotated(a, 20) + b) & _WORD
        b = _rotated(b, 9) ^ a
        a = (_rotated(a, 27) + b) & _WORD
        b = _rotated(b, 19)
    return struct.pack("<II", a, b)


def settled(block: bytes) -> bytes:
    """Return a base block with the checksum that it should have."""
    total = 0
    for (word,) in struct.iter_unpack("<I", block[:508]):
        total ^= word
    total = {0: 1, _WORD: _WORD - 1}.get(total, total)
    return block[:508] + struct.pack("<I", total) + block[512:]


def with_numbers(hive: bytes, first: int, second: int) -> bytes:
    """Return a hive with these sequence numbers."""
    return settled(hive[:4] + struct.pack("<II", first, second) + hive[12:])


def base(hive: bytes, kind: int, number: int, *, time: int | None = None, bins: int | None = None) -> bytes:
    """Return the first sector of a log of a hive."""
    head = bytearray(hive[:512])
    struct.pack_into("<II", head, 4, number, number)
    struct.pack_into("<I", head, 28, kind)
    if time is not None:
        struct.pack_into("<Q", head, 12, time)
    if bins is not None:
        struct.pack_into("<I", head, 40, bins)
    return settled(bytes(head))


Pages = Sequence[tuple[int, bytes]]


def entry(number: int, bins: int, pages: Pages, *, flags: int = 0, count: int | None = None) -> bytes:
    """Return an entry of the new format, with hashes that are right whatever is in it."""
    body = b"".join(struct.pack("<II", offset, len(data)) for offset, data in pages)
    body += b"".join(data for _, data in pages)
    body += bytes(-(40 + len(body)) % 512)
    head = struct.pack("<4sIIIII", b"HvLE", 40 + len(body), flags, number, bins, len(pages) if count is None else count)
    head += marvin(body)
    return head + marvin(head) + body


def changed_pages(old: bytes, new: bytes, size: int = PAGE) -> list[tuple[int, bytes]]:
    """Return the pages of the bins that a hive has become, where they differ."""
    return [
        (at - PAGE, new[at : at + size])
        for at in range(PAGE, len(new), size)
        if new[at : at + size] != old[at : at + size]
    ]


def new_log(states: Sequence[bytes], number: int) -> bytes:
    """Return a log of the new format with an entry for every step from one state of a hive to the next."""
    steps = pairwise(states)
    made = [entry(number + index, len(new) - PAGE, changed_pages(old, new)) for index, (old, new) in enumerate(steps)]
    return base(states[0], 6, number) + b"".join(made)


def old_log(old: bytes, new: bytes, *, number: int = 2, time: int | None = None, kind: int = 1) -> bytes:
    """Return a log of the old format with the pages that a hive has become."""
    bins = len(new) - PAGE
    pages = dict(changed_pages(old, new))
    bitmap = bytearray(bins // 512 // 8)
    for at in range(0, bins, 512):
        if at // PAGE * PAGE in pages:
            bitmap[at // PAGE] |= 1 << at // 512 % 8
    vector = b"DIRT" + bytes(bitmap)
    vector += bytes(-len(vector) % 512)
    return base(old, kind, number, time=time, bins=bins) + vector + b"".join(pages[at] for at in sorted(pages))


def unclosed(states: Sequence[bytes], *, split: int | None = None, number: int = 1) -> Unclosed:
    """Return a hive whose later states are in its logs: in one, or the first ``split`` of them in LOG1."""
    hive = with_numbers(states[0], number + 1, number)
    if split is None:
        return Unclosed(hive, {".LOG1": new_log(states, number), ".LOG2": b""})
    logs = {".LOG1": new_log(states[: split + 1], number), ".LOG2": new_log(states[split:], number + split)}
    return Unclosed(hive, logs)
