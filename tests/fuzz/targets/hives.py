"""Registry hives: read, walked, changed and written; and registration files."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from osdimage.imaging.errors import InvalidInput, InvalidRequest, TargetRefused
from osdimage.imaging.registry import cells
from osdimage.imaging.registry.edits import import_edits
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.read import read_hive
from osdimage.imaging.registry.reg_file import LeftOut, encode_reg, parse_reg, reg_lines
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


_REG = (
    "Windows Registry Editor Version 5.00\r\n\r\n"
    '[HKEY_LOCAL_MACHINE\\SOFTWARE\\A\\B]\r\n@="x"\r\n"n\\"\\\\"=dword:1f\r\n'
    '"h"=hex(7):61,00,\\\r\n  00,00\r\n"gone"=-\r\n[-HKEY_LOCAL_MACHINE\\SOFTWARE\\A]\r\n'
)

TARGETS = (
    Target("hive", _hive, _hive_seeds, (InvalidInput, InvalidRequest, TargetRefused), largest=16 << 10),
    Target(
        "registration-file",
        _reg,
        lambda: (encode_reg(_REG), _REG.encode(), _REG.replace(_REG[:36], "REGEDIT4").encode()),
        (InvalidInput, InvalidRequest),
        largest=4096,
    ),
)
