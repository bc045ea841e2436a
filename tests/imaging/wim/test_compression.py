"""Compression settings and properties: what is valid."""

from __future__ import annotations

import pytest
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.wim.compression import Compression, CompressionSpec
from osdimage.imaging.wim.described.properties import ImageProperties


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("none", CompressionSpec(Compression.NONE)),
        ("XPRESS", CompressionSpec(Compression.XPRESS)),
        ("lzx:50", CompressionSpec(Compression.LZX, 50)),
        ("lzms", CompressionSpec(Compression.LZMS)),
        # As DISM (`dism /capture-image /?`: max, fast, none) and wimlib-imagex (`man wimcapture`) call them.
        ("max", CompressionSpec(Compression.LZX)),
        ("Maximum:100", CompressionSpec(Compression.LZX, 100)),
        ("fast", CompressionSpec(Compression.XPRESS)),
    ],
)
def test_a_compression_is_read(text: str, spec: CompressionSpec) -> None:
    assert CompressionSpec.parse(text) == spec


def test_recovery_is_told_with_what_it_is() -> None:
    with pytest.raises(InvalidRequest, match="recovery is lzms here, and solid in an"):
        CompressionSpec.parse("recovery")


@pytest.mark.parametrize("text", ["", "zip", "lzx:", "lzx:0", "lzx:101", "lzx:fast", "lzx:-5", "none:3", "lzx:٣"])
def test_what_is_not_a_compression_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        CompressionSpec.parse(text)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (Compression.LZX, 4096),
        (Compression.LZX, 2**22),
        (Compression.LZX, 40_000),
        (Compression.XPRESS, 2**17),
        (Compression.LZMS, 2**29),
        (Compression.NONE, 32768),
    ],
)
def test_a_chunk_size_that_the_format_does_not_have_is_refused(kind: Compression, size: int) -> None:
    with pytest.raises(InvalidRequest):
        CompressionSpec(kind, chunk_size=size)


def test_the_default_level_is_the_measured_one_for_lzx_and_libwims_elsewhere() -> None:
    levels = {kind: CompressionSpec(kind).native_level for kind in Compression}
    assert levels == {Compression.NONE: 0, Compression.XPRESS: 0, Compression.LZX: 20, Compression.LZMS: 0}
    assert CompressionSpec(Compression.LZX, 50).native_level == 50


@pytest.mark.parametrize(
    ("spec", "name", "count"),
    [
        (CompressionSpec(), "install.wim", 0),
        (CompressionSpec(chunk_size=2**15), "install.wim", 0),
        (CompressionSpec(chunk_size=2**16), "install.wim", 1),
        (CompressionSpec(Compression.LZMS, solid=True), "install.wim", 1),
        (CompressionSpec(Compression.LZMS, solid=True), "install.ESD", 0),
        (CompressionSpec(Compression.LZMS), "install.wim", 1),
    ],
)
def test_what_windows_setup_rejects_is_said(spec: CompressionSpec, name: str, count: int) -> None:
    assert len(spec.setup_warnings(name)) == count


# "OSD in Configuration Manager 2007", Capture Operating System Image: OSDImageCreator and OSDImageDescription 1-255
# characters, OSDImageVersion 1-32.
@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({"creator": "x" * 256}, "creator"),
        ({"description": "x" * 256}, "description"),
        ({"image_version": "1" * 33}, "version"),
        ({"name": "a\0b"}, "control"),
        ({"description": "\ud800"}, "control"),
    ],
)
def test_properties_that_cannot_be_stored_are_refused(properties: dict[str, str], word: str) -> None:
    with pytest.raises(InvalidRequest, match=word):
        ImageProperties(**properties)


def test_the_longest_properties_are_accepted() -> None:
    wanted = ImageProperties("n" * 255, "d" * 255, "c" * 255, "1.0-" + "b" * 28)
    assert set(wanted.by_element()) == {"NAME", "DESCRIPTION", "OSDIMAGE/CREATOR", "OSDIMAGE/VERSION"}
