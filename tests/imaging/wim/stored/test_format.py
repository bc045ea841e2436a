"""The declarations of the WIM format, against what wimlib-imagex says and what the format alone says (wimcraft)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cases import wimcraft
from hypothesis import given
from hypothesis import strategies as st
from judges.wim import run
from osdimage.imaging.wim.stored.format import (
    BLOB_STRUCT,
    DENTRY_STRUCT,
    HEADER_SIZE,
    INTEGRITY_STRUCT,
    MAGIC,
    SECURITY_STRUCT,
    Header,
    Resource,
    ResourceFlag,
)


@pytest.mark.foreign
@pytest.mark.parametrize("options", [["--compress=lzx", "--boot", "--check"], ["--compress=none"], ["--solid"]])
def test_a_header_is_what_wimlib_reads_in_it(tmp_path: Path, options: list[str]) -> None:
    folder, wim = tmp_path / "folder", tmp_path / "x.wim"
    folder.mkdir()
    (folder / "file").write_bytes(b"contents " * 1000)
    run("wimlib-imagex", "capture", folder, wim, *options)
    lines = run("wimlib-imagex", "info", "--header", wim).splitlines()
    told = {name.strip().lower(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
    header = Header.parse(wim.read_bytes())
    assert header.magic == MAGIC
    assert header.guid.hex() == told["guid"]
    assert [
        header.header_size,
        header.version,
        header.flags,
        header.chunk_size,
        header.part_number,
        header.total_parts,
        header.image_count,
        header.boot_index,
    ] == [
        int(told[name], 0)
        for name in (
            *("header size", "version", "flags", "chunk size", "part number", "total parts", "image count"),
            "boot index",
        )
    ]
    for resource, name, original in (
        (header.blob_table, "blob table", "blob table original_size"),
        (header.xml, "xml data", "xml data original size"),
        (header.boot_metadata, "boot metadata", "boot metadata original size"),
        (header.integrity, "integrity", "integrity original_size"),
    ):
        sizes = (int(told[f"{name} offset"]), int(told[f"{name} size"]), int(told[original]))
        assert resource == Resource(*sizes, int(told[f"{name} flags"], 16))
    if header.integrity.size:
        table = wim.read_bytes()[header.integrity.offset :]
        assert INTEGRITY_STRUCT.unpack_from(table) == (
            header.integrity.size,
            (header.integrity.size - 12) // 20,
            10 << 20,
        )


@given(data=st.binary(min_size=HEADER_SIZE, max_size=HEADER_SIZE))
def test_every_header_is_kept_as_it_was(data: bytes) -> None:
    assert Header.parse(data).build() == data


def test_what_a_short_file_lacks_of_its_header_is_zeros() -> None:
    assert Header.parse(b"MSWIM").build() == b"MSWIM".ljust(HEADER_SIZE, b"\0")
    assert Header.parse(b"").header_size == 0


def test_a_new_header_says_what_every_wim_says() -> None:
    expected = wimcraft.lie(
        bytes(HEADER_SIZE),
        magic=b"MSWIM\0\0\0",
        header_size=208,
        version=0x10D00,
        part_number=1,
        total_parts=1,
        image_count=3,
        blob_table=wimcraft.resource(1 << 40, 7, stored=(1 << 56) - 1, flags=0xFF),
        xml=wimcraft.resource(5, 6),
    )
    blobs = Resource(1 << 40, (1 << 56) - 1, 7, 0xFF)
    assert Header(image_count=3, blob_table=blobs, xml=Resource.plain(5, 6)).build() == expected


def test_the_entries_of_a_tree_and_of_the_blob_table_are_where_the_format_has_them() -> None:
    file = wimcraft.Node("long name", b"data", attributes=0x21, short_name="SHORT~1", created=12345, security_id=0)
    wim = wimcraft.build(wimcraft.root(file), descriptors=[b"descriptor"])
    table = Header.parse(wim).blob_table
    entries = list(BLOB_STRUCT.iter_unpack(wim[table.offset : table.offset + table.size]))
    assert len(entries) == 2
    (*numbers, part, references, sha1), (*tree_numbers, _, _, tree_sha1) = entries
    contents, tree = Resource.from_numbers(tuple(numbers)), Resource.from_numbers(tuple(tree_numbers))
    assert wim[contents.offset : contents.offset + contents.size] == b"data"
    assert (part, references, sha1) == (1, 1, hashlib.sha1(b"data", usedforsecurity=False).digest())
    assert tree.flags == ResourceFlag.METADATA
    metadata = wim[tree.offset : tree.offset + tree.size]
    assert tree_sha1 == hashlib.sha1(metadata, usedforsecurity=False).digest()
    length, count = SECURITY_STRUCT.unpack_from(metadata)
    assert (length, count) == (8 + 8 + len(b"descriptor"), 1)
    root_at = -(-length // 8) * 8
    root = DENTRY_STRUCT.unpack_from(metadata, root_at)
    at = root[3]
    found = DENTRY_STRUCT.unpack_from(metadata, at)
    names = metadata[at + DENTRY_STRUCT.size : at + found[0]]
    # The lengths are of UTF-16.
    assert found[1:] == (0x21, 0, 0, 0, 0, 12345, 12345, 12345, sha1, 0, 0, 14, 18)
    assert names.decode("utf-16-le").rstrip("\0") == "long name\0SHORT~1"
