"""An image is applied while its WIM comes, or once it is whole; the result is that of a file."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from cases import wimcraft, wof
from cases.trees import contents, make_tree, read_tree
from judges import wim as judges
from osdimage.imaging.apply import ApplyOptions
from osdimage.imaging.apply.engine import Engine, Fallback
from osdimage.imaging.apply.stream import StreamApplied, apply_stream
from osdimage.imaging.capture import CaptureOptions, capture_image
from osdimage.imaging.errors import CorruptWim, ImageNotFound, TooSmall, UnsafeName
from osdimage.imaging.wim import ImageSelector
from osdimage.imaging.wim.checks.names import Names
from osdimage.imaging.wim.piped.streams import InputStream

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_tree(tmp_path_factory.mktemp("stream") / "tree")
    (root / "random").write_bytes(random.Random(7).randbytes(400_000))
    return root


@pytest.fixture(scope="module")
def wim(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images in a pipable WIM of wimlib-imagex."""
    path = tmp_path_factory.mktemp("stream") / "two.wim"
    judges.wimlib("capture", tree, path, "first", "--pipable", "--compress=lzx:20")
    (path.parent / "other").mkdir()
    (path.parent / "other" / "file").write_bytes(b"of the second")
    judges.wimlib("append", path.parent / "other", path, "second")
    return path


@pytest.fixture
def apply() -> Callable[..., StreamApplied]:
    """Give a function that applies what ``cat`` writes to a pipe."""

    def run(source: Path, target: Path, index: int | None = 1, **options: object) -> StreamApplied:
        with piped(source) as stream:
            selector = ImageSelector(index=index)
            return apply_stream(stream, selector, target, ApplyOptions(**options))  # type: ignore[arg-type]

    return run


@contextmanager
def piped(source: Path) -> Iterator[InputStream]:
    with subprocess.Popen(["cat", source], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        yield InputStream(cat.stdout.fileno())


@pytest.mark.parametrize(
    ("options", "engine", "reason", "kept"),
    [
        pytest.param({}, Engine.LIBWIM, Fallback.PIPED, False, id="as it comes"),
        pytest.param({"engine": Engine.LIBWIM}, Engine.LIBWIM, Fallback.ASKED, False, id="as it comes, by libwim"),
        pytest.param({"engine": Engine.BULK}, Engine.BULK, None, True, id="once it is whole, by bulk"),
        pytest.param({"limit_bytes": 1 << 30}, Engine.BULK, None, True, id="once it is whole, for a limit"),
    ],
)
def test_a_directory_gets_what_the_image_holds(
    *,
    options: dict[str, object],
    engine: Engine,
    reason: Fallback | None,
    kept: bool,
    wim: Path,
    tree: Path,
    tmp_path: Path,
    apply: Callable[..., StreamApplied],
) -> None:
    done = apply(wim, tmp_path / "target", **options)
    assert contents(read_tree(tmp_path / "target")) == contents(read_tree(tree))
    assert (done.result.engine, done.was_kept, done.is_cut) == (engine, kept, False)
    assert (None if done.result.engine_reason is None else done.result.engine_reason.code) == reason
    assert done.passed.sha256 == sha256(wim.read_bytes()).hexdigest()
    image = judges.wimlib_info(wim).images[0]
    assert done.result.size == int(image["Total Bytes"]) - int(image["Hard Link Bytes"])


def test_a_wim_of_the_usual_form_is_kept_until_it_is_whole(
    wim: Path, tree: Path, tmp_path: Path, apply: Callable[..., StreamApplied]
) -> None:
    judges.wimlib("export", wim, "all", tmp_path / "plain.wim", "--not-pipable")
    assert apply(tmp_path / "plain.wim", tmp_path / "target").was_kept
    assert contents(read_tree(tmp_path / "target")) == contents(read_tree(tree))


def test_an_image_is_chosen_before_anything_is_written(
    wim: Path, tmp_path: Path, apply: Callable[..., StreamApplied]
) -> None:
    target = tmp_path / "target"
    for index in (None, 3):
        with pytest.raises(ImageNotFound):
            apply(wim, target, index)
    assert not target.exists()
    assert apply(wim, target, 2).name == "second"
    assert (target / "file").read_bytes() == b"of the second"


@pytest.mark.parametrize("wipe", [False, True], ids=["empty", "wiped"])
def test_an_ntfs_volume_gets_what_the_image_holds(
    wipe: bool, wim: Path, tmp_path: Path, apply: Callable[..., StreamApplied]
) -> None:
    volume = tmp_path / "volume.img"
    with volume.open("wb") as file:
        file.truncate(32 << 20)
    judges.run("mkntfs", "-Fq", volume)
    if wipe:
        shutil.copyfile(volume, tmp_path / "clean.img")
        apply(wim, volume, 2)
    done = apply(wim, volume, wipe=wipe)
    assert (done.result.engine, done.was_kept) == (Engine.LIBNTFS, False)
    assert (done.result.wiped is not None) == wipe
    judges.wimlib("capture", volume, tmp_path / "again.wim", "--norpfix")
    assert _hashes(tmp_path / "again.wim") == _hashes(wim)


def _hashes(wim: Path) -> dict[str, list[str]]:
    """Of each file, what wimlib-imagex says of its contents."""
    facts = judges.wimlib_facts(wim, 1)
    found = {path: [value for label, value in each if "ash" in label] for path, each in facts.items()}
    assert sum(map(bool, found.values())) > 10
    return found


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_one_that_is_cut_off_says_what_the_target_holds(
    part: float, wim: Path, tmp_path: Path, apply: Callable[..., StreamApplied]
) -> None:
    data = wim.read_bytes()
    cut = tmp_path / "cut.wim"
    cut.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(CorruptWim, match=r"standard input: .*ends? too early.* holds an incomplete image"):
        apply(cut, tmp_path / "target")
    # What is kept is looked at before anything is written.
    with pytest.raises(CorruptWim, match="standard input: ended too early"):
        apply(cut, tmp_path / "other", engine=Engine.BULK)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("engine", [Engine.AUTO, Engine.BULK])
def test_errors_name_the_stream_and_not_where_it_is_kept(
    engine: Engine, wim: Path, tmp_path: Path, apply: Callable[..., StreamApplied]
) -> None:
    with pytest.raises(ImageNotFound, match=r"^standard input: choose one of 2 images"):
        apply(wim, tmp_path / "target", index=None, engine=engine)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/a:b").touch()
    capture_image(tmp_path / "odd", tmp_path / "odd.wim", CaptureOptions(names=Names.KEEP, pipable=True))
    with pytest.raises(UnsafeName, match=r"^standard input: image 1: the name of '/a:b' holds a colon"):
        apply(tmp_path / "odd.wim", tmp_path / "target", engine=engine)
    assert not (tmp_path / "target").exists()


def test_what_is_missing_behind_the_image_is_told(
    wim: Path, tmp_path: Path, apply: Callable[..., StreamApplied]
) -> None:
    cut = tmp_path / "cut.wim"
    cut.write_bytes(wim.read_bytes()[:-100])
    assert apply(cut, tmp_path / "target").is_cut


def test_damaged_contents_are_found(wim: Path, tmp_path: Path, apply: Callable[..., StreamApplied]) -> None:
    data = bytearray(wim.read_bytes())
    at = data.find(random.Random(7).randbytes(400_000)[:1000])
    assert at > 0
    data[at + 500] ^= 1
    damaged = tmp_path / "damaged.wim"
    damaged.write_bytes(data)
    with pytest.raises(CorruptWim, match="standard input"):
        apply(damaged, tmp_path / "target")


def test_files_compressed_by_windows_are_plain_in_a_directory(
    tmp_path: Path, apply: Callable[..., StreamApplied]
) -> None:
    (tmp_path / "made").mkdir()
    judges.wimlib("export", wof.make_wim(tmp_path / "made" / "wof.wim"), "1", tmp_path / "piped.wim", "--pipable")
    assert apply(tmp_path / "piped.wim", tmp_path / "target").was_kept
    for name, expected in wof.files().items():
        assert (tmp_path / "target" / "compact" / name).read_bytes() == expected


def test_names_are_looked_at_before_anything_is_written(tmp_path: Path, apply: Callable[..., StreamApplied]) -> None:
    plain = tmp_path / "plain.wim"
    plain.write_bytes(wimcraft.build(wimcraft.root(wimcraft.Node("a/../../b", contents=b"x"))))
    judges.wimlib("export", plain, "1", tmp_path / "hostile.wim", "--pipable")
    with pytest.raises(UnsafeName):
        apply(tmp_path / "hostile.wim", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_an_image_that_says_it_is_too_large_is_refused_before_anything_is_written(
    tmp_path: Path, apply: Callable[..., StreamApplied]
) -> None:
    volume = tmp_path / "volume.img"
    with volume.open("wb") as file:
        file.truncate(2 << 20)
    judges.run("mkntfs", "-Fq", "-z", "8", volume, code=None)
    before = volume.read_bytes()
    large = tmp_path / "large"
    large.mkdir()
    (large / "file").write_bytes(bytes(8 << 20))
    judges.wimlib("capture", large, tmp_path / "large.wim", "--pipable")
    with pytest.raises(TooSmall):
        apply(tmp_path / "large.wim", volume)
    assert volume.read_bytes() == before


def test_who_writes_the_stream_is_not_cut_off(wim: Path, tmp_path: Path) -> None:
    # The second image is whole before the stream ends; what comes behind is read all the same.
    with subprocess.Popen(["cat", wim], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        apply_stream(InputStream(cat.stdout.fileno()), ImageSelector(index=2), tmp_path / "target")
        assert os.read(cat.stdout.fileno(), 1) == b""
        assert cat.wait(10) == 0
