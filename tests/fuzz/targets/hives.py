"""Registry hives: read, walked, changed and written; and registration files."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from cases import hive_logs as made
from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused
from osdimage.imaging.registry import cells
from osdimage.imaging.registry.edits import import_edits
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.hive_log import LogFile
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.reg_file import LeftOut, encode_reg, parse_reg, reg_lines
from osdimage.imaging.registry.replay import replay
from osdimage.imaging.registry.values import Value, ValueType
from osdimage.imaging.registry.write import new_hive, write_hive

from fuzz.target import Target

_Tree = list[tuple[str, str | None, list[tuple[str, int, bytes]]]]
_HIVE = "HKEY_LOCAL_MACHINE\\SOFTWARE"


def _tree(hive: Hive) -> _Tree:
    return [
        (path, key.class_name, [(each.name, each.type, each.data) for each in key.values])
        for path, key in hive.root.walk()
    ]


def _hive(data: bytes) -> None:
    # A checksum that is wrong says that the hive is dirty, and hides all that is about others.
    head = data[: cells.BASE_BLOCK_BYTES]
    if len(head) == cells.BASE_BLOCK_BYTES:
        data = head[:508] + struct.pack("<I", cells.checksum(head)) + data[cells.BASE_BLOCK_BYTES - 3584 :]
    hive = read_hive(data, name="x")
    before = _tree(hive)
    is_sound = not hive.warnings and not hive.is_dirty
    if is_sound:
        assert _tree(read_hive(write_hive(hive), name="y")) == before
    hive.root.set(Value("new value", ValueType.SZ, "text\0".encode("utf-16-le")))
    for _, key in list(hive.root.walk())[:2]:
        key.ensure("new key\\below").set(Value("", ValueType.DWORD, bytes(4)))
    if before[1:]:
        hive.root.remove_child(before[1][0].split("\\")[0])
    after = _tree(hive)
    again = read_hive(write_hive(hive, force=not is_sound), name="y")
    if is_sound:
        assert _tree(again) == after


def _hive_seeds() -> Iterator[bytes]:
    for minor in (3, 5):
        hive = new_hive("ROOT", minor=minor)
        for number in range(5):
            key = hive.root.ensure(f"Key{number}\\Sub\\{number}")
            key.set(Value("text", ValueType.SZ, "words\0".encode("utf-16-le")))
            key.set(Value("", ValueType.DWORD, struct.pack("<I", number)))
        hive.root.set(Value("bytes", ValueType.BINARY, bytes(range(200))))
        yield write_hive(hive)


def _reg(data: bytes) -> None:
    edits = parse_reg(data)
    hive = new_hive("ROOT")
    import_edits(hive, edits, _HIVE)
    # First of all, for it refuses what is more than 512 deep: exported, each key has the path to it.
    assert _tree(read_hive(write_hive(hive))) == _tree(hive)
    left_out = LeftOut()
    text = "".join(reg_lines(((f"{_HIVE}\\{path}".rstrip("\\"), key) for path, key in hive.root.walk()), left_out))
    again = new_hive("ROOT")
    import_edits(again, parse_reg(encode_reg(text)), _HIVE)
    if not left_out.count:
        assert _tree(again) == _tree(hive)


def _logs(data: bytes) -> None:
    """Replay a log beside a hive that was not closed, with hashes and a checksum that are right."""
    hive, log = made.with_numbers(next(iter(_hive_seeds())), 2, 1), bytearray(data)
    if len(log) >= 512:
        log[:512] = made.settled(bytes(log[:512]))
    at = 512
    while at + 40 <= len(log) and log[at : at + 4] == b"HvLE":
        size = int.from_bytes(log[at + 4 : at + 8], "little")
        log[at + 24 : at + 32] = made.marvin(bytes(log[at + 40 : at + size]))
        log[at + 32 : at + 40] = made.marvin(bytes(log[at : at + 32]))
        at += max(size, 512)
    found = replay(hive, [LogFile("x.LOG1", bytes(log))])
    assert len(found.data) <= len(hive) + len(log) + 8192
    assert found.done is not None or found.data == hive
    _tree(read_hive(hive, name="x", replay=found))


def _log_seeds() -> Iterator[bytes]:
    old, new = _hive_seeds()
    yield made.new_log([old, new], 1)
    yield made.old_log(old, new)


_REG = (
    "Windows Registry Editor Version 5.00\r\n\r\n"
    '[HKEY_LOCAL_MACHINE\\SOFTWARE\\A\\B]\r\n@="x"\r\n"n\\"\\\\"=dword:1f\r\n'
    '"h"=hex(7):61,00,\\\r\n  00,00\r\n"gone"=-\r\n[-HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\r\n'
)

TARGETS = (
    Target("hive", _hive, _hive_seeds, (InvalidInput, InvalidRequest, TargetRefused), largest=16 << 10),
    Target("hive-log", _logs, _log_seeds),
    Target(
        "registration-file",
        _reg,
        lambda: (encode_reg(_REG), _REG.encode(), _REG.replace(_REG[:36], "REGEDIT4").encode()),
        (InvalidInput, InvalidRequest),
        largest=4096,
    ),
)
