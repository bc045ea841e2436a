"""The library as a program uses it: cancelling, closing, threads, and what the methods return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import trees
from judges import wim as judges
from osdimage.imaging import (
    CaptureOptions,
    CaptureSource,
    CorruptWim,
    ExportOptions,
    ImageNotFound,
    ImageProperties,
    ImageSelector,
    Incomplete,
    InvalidRequest,
    OsdImageError,
    ProgressEvent,
    TargetRefused,
    WimFile,
    WriteMode,
    capture_image,
    delete_images,
    export_images,
    set_properties,
    verify_file,
)
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.capture import CaptureResult
from osdimage.imaging.wim.checks.names import Names


@dataclass(frozen=True, slots=True)
class World:
    """Where a test works."""

    tree: Path
    wim: Path
    folder: Path

    @property
    def new(self) -> Path:
        return self.folder / "new.wim"

    def snapshot(self) -> dict[str, bytes]:
        return {item.name: item.read_bytes() for item in self.folder.iterdir() if item.is_file()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make_tree(tmp_path_factory.mktemp("api") / "tree")


@pytest.fixture
def world(tree: Path, tmp_path: Path) -> World:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "old.wim"
    capture_image(tree, path, properties=ImageProperties(name="first"))
    capture_image(trees.make_small_tree(tmp_path / "small"), path, CaptureOptions(mode=WriteMode.APPEND))
    return World(tree, path, folder)


def test_the_five_lines_of_the_readme(tree: Path, tmp_path: Path) -> None:
    result = capture_image(tree, tmp_path / "x.wim")
    with WimFile.open(tmp_path / "x.wim") as wim:
        image = wim.select(ImageSelector(name="tree"))
        apply_image(image, tmp_path / "target")
    assert isinstance(result, CaptureResult)
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(tree))


class Cancelled(Exception):
    """What the caller raises."""


Work = Callable[[World, Callable[[ProgressEvent], None]], object]


def _export(world: World, path: Path, mode: WriteMode, progress: Callable[[ProgressEvent], None]) -> None:
    with WimFile.open(world.wim) as wim:
        images = None if mode is WriteMode.NEW else [wim.image(1)]
        properties = None if mode is WriteMode.NEW else ImageProperties(name="copy")
        export_images(wim, path, ExportOptions(mode=mode), images=images, properties=properties, progress=progress)


WORK: dict[str, Work] = {
    "capture": lambda world, progress: capture_image(world.tree, world.new, progress=progress),
    "append": lambda world, progress: capture_image(
        world.tree, world.wim, CaptureOptions(mode=WriteMode.APPEND), progress=progress
    ),
    "overwrite": lambda world, progress: capture_image(
        world.tree, world.wim, CaptureOptions(mode=WriteMode.OVERWRITE), progress=progress
    ),
    "export": lambda world, progress: _export(world, world.new, WriteMode.NEW, progress),
    "delete": lambda world, progress: delete_images(world.wim, [1], progress=progress),
    "verify": lambda world, progress: verify_file(world.wim, progress=progress),
}


@pytest.mark.parametrize("at", [0, 1, -2], ids=["at the first event", "at the second", "before the last"])
@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
def test_cancelled_work_raises_the_callers_exception_and_leaves_no_trace(
    world: World, tmp_path: Path, work: Work, at: int
) -> None:
    # How many events there are is told by a run on a copy.
    rehearsal = tmp_path / "rehearsal"
    rehearsal.mkdir()
    (rehearsal / "old.wim").write_bytes(world.wim.read_bytes())
    events: list[ProgressEvent] = []
    work(World(world.tree, rehearsal / "old.wim", rehearsal), events.append)
    stop_at = at % len(events)
    seen = 0
    error = Cancelled()

    def cancel(event: ProgressEvent) -> None:
        nonlocal seen
        seen += 1
        # Of what threads do there are as many events as it took pauses: perhaps fewer than in the rehearsal.
        if seen > stop_at or event.percent >= 100:
            raise error

    before = world.snapshot()
    with pytest.raises(Cancelled) as caught:
        work(world, cancel)
    assert caught.value is error
    after = world.snapshot()
    assert set(after) == set(before)
    if work is not WORK["append"]:
        assert after == before
    # An append that is cancelled late may leave bytes behind the end; the images are as they were.
    with WimFile.open(world.wim) as wim:
        assert [image.name for image in wim] == ["first", "small"]
        assert wim.verify().is_sound


@pytest.mark.foreign
def test_a_cancelled_apply_leaves_the_volume_dirty(world: World, tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "volume.ntfs")

    def cancel(event: ProgressEvent) -> None:
        if event.percent > 50:
            raise Cancelled

    with WimFile.open(world.wim) as wim:
        with pytest.raises(Cancelled):
            apply_image(wim.image(1), volume, progress=cancel)
        assert judges.is_dirty(volume)
        with pytest.raises(TargetRefused, match="dirty"):
            apply_image(wim.image(1), volume)


def test_a_closed_wim_is_refused(world: World, tmp_path: Path) -> None:
    wim = WimFile.open(world.wim)
    image = wim.image(1)
    wim.close()
    wim.close()
    for use in (
        image.entries,
        image.audit,
        wim.verify,
        lambda: apply_image(image, tmp_path / "target"),
        lambda: image.extract(["/"], tmp_path / "target"),
        lambda: export_images(wim, tmp_path / "new.wim"),
    ):
        with pytest.raises(ValueError, match="closed"):
            use()
    assert not (tmp_path / "target").exists()
    # What was read at the beginning stays.
    assert [image.name for image in wim] == ["first", "small"]


def test_another_thread_is_refused(world: World) -> None:
    caught: list[BaseException] = []

    def use(image: Callable[[], object]) -> None:
        try:
            image()
        except RuntimeError as error:
            caught.append(error)

    with WimFile.open(world.wim) as wim:
        thread = threading.Thread(target=use, args=(wim.image(1).entries,))
        thread.start()
        thread.join()
    assert len(caught) == 1


def test_threads_with_a_wim_each_work_side_by_side(world: World, tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def apply(number: int) -> None:
        try:
            with WimFile.open(world.wim) as wim:
                apply_image(wim.image(1), tmp_path / str(number))
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=apply, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    expected = trees.contents(trees.read_tree(world.tree))
    for number in range(3):
        assert trees.contents(trees.read_tree(tmp_path / str(number))) == expected


def test_a_wim_is_a_sequence_of_its_images(world: World) -> None:
    with WimFile.open(world.wim) as wim:
        assert (len(wim), [image.index for image in wim]) == (2, [1, 2])
        assert wim.image(2).name == wim.images[1].name == "small"
        assert repr(wim) == f"<WimFile {world.wim} with 2 images>"
        assert repr(wim.image(1)) == f"<WimImage 1 'first' of {world.wim}>"
        with pytest.raises(ImageNotFound) as caught:
            wim.image(3)
        assert caught.value.candidates == ("1: first", "2: small")
        assert isinstance(caught.value, InvalidRequest | LookupError)


def test_a_walk_ends_with_the_visitors_exception(world: World) -> None:
    visited: list[str] = []

    def visit(entry: object) -> None:
        visited.append(str(entry))
        if len(visited) == 3:
            raise Cancelled

    with WimFile.open(world.wim) as wim:
        with pytest.raises(Cancelled):
            wim.image(1).walk(visit)
        assert len(visited) == 3
        assert len(wim.image(1).entries()) == len(trees.read_tree(world.tree)) + 1


def test_the_audit_counts_what_the_tree_holds(world: World) -> None:
    expected = trees.read_tree(world.tree)
    with WimFile.open(world.wim) as wim:
        audit = wim.image(1).audit()
        # The contents of a link are its reparse data.
        targets = sum(entry.streams[0].size for entry in wim.image(1).entries() if entry.reparse_tag is not None)
    kinds = [node.kind for node in expected.values()]
    assert audit.directories == kinds.count("folder") + 1
    assert audit.files == kinds.count("file") + kinds.count("link")
    assert audit.links == kinds.count("link")
    sizes = {node.inode: node.size or 0 for node in expected.values() if node.kind == "file"}
    assert audit.size == sum(sizes.values()) + targets
    assert (audit.refused_names, audit.missing_blobs, audit.messages) == (0, 0, ())


def test_hard_links_are_counted_once_to_the_byte(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    sizes = {3: 7, 7: 1, 2: 1001, 6: 5}
    for links, size in sizes.items():
        (source / f"{links} 1").write_bytes(bytes([links]) * size)
        for number in range(2, links + 1):
            (source / f"{links} {number}").hardlink_to(source / f"{links} 1")
    assert capture_image(source, tmp_path / "x.wim").size == sum(sizes.values())
    with WimFile.open(tmp_path / "x.wim") as wim:
        assert apply_image(wim.image(1), tmp_path / "target").size == sum(sizes.values())


def test_strict_raises_after_the_work_is_done(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a:b").write_bytes(b"1")
    with pytest.raises(Incomplete):
        capture_image(source, tmp_path / "x.wim", CaptureOptions(strict=True, names=Names.KEEP))
    with WimFile.open(tmp_path / "x.wim") as wim:
        assert [entry.path for entry in wim.image(1).entries()] == ["/", "/a:b"]


def test_every_error_of_the_library_has_one_base(world: World, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"no WIM")
    failing: list[Callable[[], object]] = [
        lambda: WimFile.open(tmp_path / "missing.wim"),
        lambda: WimFile.open(tmp_path / "text"),
        lambda: WimFile.open(world.folder),
        lambda: capture_image(tmp_path / "missing", world.new),
        lambda: capture_image(CaptureSource(world.tree), world.wim),
        lambda: capture_image(world.tree, tmp_path / "no folder" / "x.wim"),
        lambda: delete_images(world.wim, [9]),
        lambda: delete_images(tmp_path / "missing.wim", [1]),
        lambda: set_properties(world.wim, {9: ImageProperties(name="x")}),
        lambda: set_properties(world.wim, {}, boot_index=9),
        lambda: set_properties(tmp_path / "missing.wim", {}),
        lambda: ImageProperties(name="x" * 300),
        lambda: ImageSelector(index=1, name="x"),
        lambda: verify_file(tmp_path / "missing.wim"),
    ]
    before = world.snapshot()
    for number, fail in enumerate(failing):
        with pytest.raises(OsdImageError) as caught:
            fail()
        assert str(caught.value), number
        assert "\n" not in str(caught.value)
    assert world.snapshot() == before


def test_a_truncated_wim_is_corrupt(world: World) -> None:
    contents = world.wim.read_bytes()
    world.wim.write_bytes(contents[: len(contents) // 2])
    with pytest.raises(CorruptWim, match=r"old\.wim"):
        WimFile.open(world.wim)


def test_progress_of_the_library_runs_from_0_to_100(world: World, tmp_path: Path) -> None:
    for name, work in WORK.items():
        rehearsal = tmp_path / name
        rehearsal.mkdir()
        (rehearsal / "old.wim").write_bytes(world.wim.read_bytes())
        percentages: list[float] = []
        work(World(world.tree, rehearsal / "old.wim", rehearsal), lambda event: percentages.append(event.percent))  # noqa: B023
        assert percentages == sorted(percentages), name
        assert percentages[-1] == 100, name
