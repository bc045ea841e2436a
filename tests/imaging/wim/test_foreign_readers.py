"""Every WIM that osdimage writes is read by programs of others, and they find in it what the source holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import trees
from judges import wim as judges
from osdimage.imaging import (
    CaptureOptions,
    CompressionSpec,
    ExportOptions,
    ImageProperties,
    WimFile,
    WriteMode,
    capture_image,
    delete_images,
    export_images,
    set_properties,
)

pytestmark = pytest.mark.foreign


@dataclass(frozen=True, slots=True)
class Sources:
    """Two trees and what they hold."""

    big: Path
    small: Path
    expected: dict[Path, dict[str, trees.Node]]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = tmp_path_factory.mktemp("sources")
    big = trees.make_tree(folder / "big")
    small = trees.make_small_tree(folder / "small")
    return Sources(big, small, {tree: trees.read_tree(tree) for tree in (big, small)})


# A recipe writes a WIM and returns the source of each of its images.
Recipe = Callable[[Sources, Path], list[Path]]


def captured(text: str, *, solid: bool = False, chunk_size: int | None = None, integrity: bool = False) -> Recipe:
    def write(sources: Sources, path: Path) -> list[Path]:
        plain = CompressionSpec.parse(text)
        spec = CompressionSpec(plain.format, plain.level, solid=solid, chunk_size=chunk_size)
        capture_image(sources.big, path, CaptureOptions(compression=spec, integrity=integrity))
        return [sources.big]

    return write


def captured_by_default(sources: Sources, path: Path) -> list[Path]:
    capture_image(sources.big, path)
    return [sources.big]


def appended(sources: Sources, path: Path) -> list[Path]:
    capture_image(sources.small, path, CaptureOptions(integrity=True))
    capture_image(sources.big, path, CaptureOptions(mode=WriteMode.APPEND))
    return [sources.small, sources.big]


def appended_solid(sources: Sources, path: Path) -> list[Path]:
    capture_image(sources.small, path, CaptureOptions(compression=CompressionSpec.parse("lzms")))
    solid = CompressionSpec(CompressionSpec.parse("lzms").format, solid=True)
    capture_image(sources.big, path, CaptureOptions(mode=WriteMode.APPEND, compression=solid))
    return [sources.small, sources.big]


def overwritten(sources: Sources, path: Path) -> list[Path]:
    capture_image(sources.small, path)
    capture_image(sources.big, path, CaptureOptions(mode=WriteMode.OVERWRITE))
    return [sources.big]


def _export(source: Path, destination: Path, text: str, *, solid: bool) -> None:
    spec = CompressionSpec(CompressionSpec.parse(text).format, solid=solid)
    with WimFile.open(source) as wim:
        export_images(wim, destination, ExportOptions(compression=spec))


def exported_to_esd(sources: Sources, path: Path) -> list[Path]:
    first = path.with_name("first.wim")
    images = appended(sources, first)
    _export(first, path, "lzms", solid=True)
    return images


def exported_from_esd(sources: Sources, path: Path) -> list[Path]:
    first = path.with_name("first.esd")
    capture_image(
        sources.big,
        first,
        CaptureOptions(compression=CompressionSpec(CompressionSpec.parse("lzms").format, solid=True)),
    )
    _export(first, path, "lzx", solid=False)
    return [sources.big]


def exported_as_it_is(sources: Sources, path: Path) -> list[Path]:
    first = path.with_name("first.wim")
    images = appended(sources, first)
    with WimFile.open(first) as wim:
        export_images(wim, path)
    return images


def exported_into_another(sources: Sources, path: Path) -> list[Path]:
    first = path.with_name("first.wim")
    capture_image(sources.big, first)
    capture_image(sources.small, path)
    with WimFile.open(first) as wim:
        export_images(wim, path, ExportOptions(mode=WriteMode.APPEND))
    return [sources.small, sources.big]


def renamed(sources: Sources, path: Path) -> list[Path]:
    images = appended(sources, path)
    set_properties(path, {1: ImageProperties(name="Grüße \N{GRINNING FACE} <&>", description="x" * 255)}, boot_index=2)
    set_properties(path, {2: ImageProperties(creator="someone", image_version="1.2.3")})
    return images


def deleted(sources: Sources, path: Path) -> list[Path]:
    appended(sources, path)
    delete_images(path, [1])
    return [sources.big]


def deleted_from_esd(sources: Sources, path: Path) -> list[Path]:
    exported_to_esd(sources, path)
    delete_images(path, [2])
    return [sources.small]


@dataclass(frozen=True, slots=True)
class Case:
    """A way to write a WIM, and what ``wimlib-imagex info`` must say of it."""

    write: Recipe
    suffix: str = ".wim"
    facts: tuple[tuple[str, str], ...] = ()


CASES = {
    "none": Case(captured("none"), facts=(("Compression", "None"),)),
    "xpress": Case(captured("xpress"), facts=(("Compression", "XPRESS"), ("Chunk Size", "32768 bytes"))),
    "xpress 4 KB chunks": Case(
        captured("xpress", chunk_size=4096),
        facts=(("Compression", "XPRESS"), ("Chunk Size", "4096 bytes")),
    ),
    "lzx default": Case(captured_by_default, facts=(("Compression", "LZX"), ("Chunk Size", "32768 bytes"))),
    "lzx:50": Case(captured("lzx:50"), facts=(("Compression", "LZX"),)),
    "lzx 2 MB chunks": Case(captured("lzx", chunk_size=2 << 20), facts=(("Chunk Size", "2097152 bytes"),)),
    "lzms": Case(captured("lzms"), facts=(("Compression", "LZMS"), ("Chunk Size", "131072 bytes"))),
    "solid lzms": Case(captured("lzms", solid=True), ".esd", facts=(("Compression", "LZMS"), ("Version", "3584"))),
    "solid lzx": Case(captured("lzx", solid=True), ".esd", facts=(("Compression", "LZX"), ("Version", "3584"))),
    "integrity table": Case(captured("xpress", integrity=True), facts=(("Attributes", "Integrity info"),)),
    "appended": Case(appended, facts=(("Image Count", "2"), ("Attributes", "Integrity info"))),
    "solid appended to not solid": Case(appended_solid, ".esd", facts=(("Image Count", "2"),)),
    "overwritten": Case(overwritten, facts=(("Image Count", "1"),)),
    "wim exported to esd": Case(exported_to_esd, ".esd", facts=(("Compression", "LZMS"), ("Image Count", "2"))),
    "esd exported to wim": Case(exported_from_esd, facts=(("Compression", "LZX"), ("Version", "68864"))),
    "exported as it is": Case(exported_as_it_is, facts=(("Image Count", "2"), ("Attributes", "Integrity info"))),
    "exported into another": Case(exported_into_another, facts=(("Image Count", "2"),)),
    "renamed, with a boot index": Case(renamed, facts=(("Boot Index", "2"), ("Attributes", "Integrity info"))),
    "after delete": Case(deleted, facts=(("Image Count", "1"), ("Attributes", "Integrity info"))),
    "after delete from esd": Case(deleted_from_esd, ".esd", facts=(("Image Count", "1"), ("Version", "3584"))),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=list(CASES))
def written(
    request: pytest.FixtureRequest, sources: Sources, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Case, Path, list[Path]]:
    case: Case = request.param
    path = tmp_path_factory.mktemp("written") / f"written{case.suffix}"
    return case, path, case.write(sources, path)


Written = tuple[Case, Path, list[Path]]


def test_wimlib_verifies_it_and_reads_its_header(written: Written) -> None:
    case, path, images = written
    assert "was successfully verified" in judges.wimlib("verify", path)
    facts = judges.wimlib_info(path)
    assert facts.wim["Image Count"] == str(len(images))
    assert facts.wim["Part Number"] == "1/1"
    for label, value in case.facts:
        assert value in facts.wim[label]


def test_wimlib_applies_what_the_source_holds(written: Written, sources: Sources, tmp_path: Path) -> None:
    _, path, images = written
    for index, source in enumerate(images, start=1):
        target = tmp_path / str(index)
        judges.wimlib("apply", path, str(index), target)
        result, expected = trees.read_tree(target), sources.expected[source]
        assert trees.contents(result) == trees.contents(expected)
        assert trees.link_groups(result) == trees.link_groups(expected)


def test_7zip_tests_it_and_lists_the_hashes_of_the_source(written: Written, sources: Sources) -> None:
    _, path, images = written
    judges.seven_zip_test(path)
    listed = judges.seven_zip_files(path, images=len(images))
    for index, source in enumerate(images, start=1):
        expected = sources.expected[source]
        assert set(listed[index]) == set(expected)
        found = {name: item.sha1 for name, item in listed[index].items() if expected[name].kind == "file" and item.sha1}
        assert found == trees.hashes(expected)


def test_wimlib_lists_the_paths_of_the_source(written: Written, sources: Sources) -> None:
    _, path, images = written
    for index, source in enumerate(images, start=1):
        assert set(judges.wimlib_paths(path, index)) == {"/", *sources.expected[source]}


def none_appended(sources: Sources, path: Path) -> list[Path]:
    capture_image(sources.small, path, CaptureOptions(compression=CompressionSpec.parse("none"), integrity=True))
    capture_image(sources.big, path, CaptureOptions(mode=WriteMode.APPEND))
    return [sources.small, sources.big]


def none_exported(sources: Sources, path: Path) -> list[Path]:
    first = path.with_name("first.esd")
    images = exported_to_esd(sources, first)
    _export(first, path, "none", solid=False)
    return images


def none_changed(sources: Sources, path: Path) -> list[Path]:
    none_appended(sources, path)
    set_properties(path, {1: ImageProperties(name="other")}, boot_index=2)
    delete_images(path, [1])
    return [sources.big]


# dissect.archive reads uncompressed and XPRESS WIMs of one part.  Its XPRESS decoder gets long repetitions wrong, in
# files and in trees, with other bytes in every capture: 7-Zip and wimlib judge those above.
UNCOMPRESSED = {
    "captured": captured("none"),
    "appended": none_appended,
    "exported from an esd": none_exported,
    "renamed, then deleted from": none_changed,
}


@pytest.mark.parametrize("write", UNCOMPRESSED.values(), ids=UNCOMPRESSED.keys())
def test_dissect_reads_what_the_source_holds(write: Recipe, sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "written.wim"
    images = write(sources, path)
    for found, source in zip(judges.dissect_files(path), images, strict=True):
        expected = sources.expected[source]
        assert found == {path: node.sha1 for path, node in expected.items() if node.kind in {"file", "folder"}}


def test_equal_contents_are_stored_once(sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "twice.wim"
    capture_image(sources.big, path)
    size = path.stat().st_size
    capture_image(sources.big, path, CaptureOptions(mode=WriteMode.APPEND), properties=ImageProperties(name="again"))
    # A second tree costs its metadata, not its contents: 300,000 random bytes would show.
    assert path.stat().st_size - size < 50_000
    # wimlib-imagex info --blobs counts the names that lead to each blob: three of one file and a copy, in two images.
    blobs = judges.wimlib("info", path, "--blobs").split("\n\n")
    expected = sources.expected[sources.big]["/random.bin"].sha1
    (blob,) = [block for block in blobs if f"{expected}" in block]
    count = next(line for line in blob.splitlines() if line.startswith("Reference Count"))
    assert count.split("=")[1].strip() == "8"
