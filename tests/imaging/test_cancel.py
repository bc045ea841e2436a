"""Stopping work from another thread, and from asyncio."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from osdimage.imaging import (
    CancellationToken,
    Cancelled,
    CaptureOptions,
    Compression,
    CompressionSpec,
    OsdImageError,
    ProgressEvent,
    WimFile,
    apply_image,
    capture_image,
    compare_image,
    export_images,
    in_thread,
    verify_file,
)
from osdimage.imaging.progress import Phase, portion

Listener = Callable[[ProgressEvent], None]
Work = Callable[[Path, Path, Path, Listener], object]

EVENT = ProgressEvent(Phase.SCAN, 1, 2, "bytes", 50.0, None)
LAST = ProgressEvent(Phase.WRITE_DATA, 2, 2, "bytes", 100.0, 0.0)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cancel") / "tree"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number}.bin").write_bytes(random.Random(number).randbytes(1 << 20))
    return folder


@pytest.fixture(scope="module")
def wim(tree: Path) -> Path:
    path = tree.parent / "all.wim"
    capture_image(tree, path, CaptureOptions(compression=CompressionSpec(Compression.NONE)))
    return path


def test_a_token_lets_everything_pass_until_it_is_cancelled() -> None:
    token, seen = CancellationToken(), list[ProgressEvent]()
    watch = token.watch(seen.append)
    watch(EVENT)
    token.raise_if_cancelled()
    assert not token.cancelled
    token.cancel()
    assert token.cancelled
    for stopped in (lambda: watch(EVENT), token.raise_if_cancelled, lambda: token.watch()(EVENT)):
        with pytest.raises(Cancelled):
            stopped()
    assert seen == [EVENT]


def test_work_that_is_done_keeps_its_result() -> None:
    token, seen = CancellationToken(), list[ProgressEvent]()
    token.cancel()
    token.watch(seen.append)(LAST)
    assert seen == [LAST]


def test_cancellation_is_none_of_the_errors() -> None:
    assert not issubclass(Cancelled, (OsdImageError, OSError, ValueError))


def test_another_thread_stops_a_capture_and_nothing_is_left_of_it(tree: Path, tmp_path: Path) -> None:
    token, begun = CancellationToken(), threading.Event()

    def show(event: ProgressEvent) -> None:
        if event.phase is Phase.WRITE_DATA:
            begun.set()
            # The other thread's turn, in the midst of native work.
            time.sleep(0.001)

    def stop() -> None:
        begun.wait(60)
        token.cancel()

    other = threading.Thread(target=stop)
    other.start()
    with pytest.raises(Cancelled):
        capture_image(tree, tmp_path / "new.wim", progress=token.watch(show))
    other.join()
    assert list(tmp_path.iterdir()) == []


def parts_of(listener: Listener) -> list[Listener | None]:
    """Return listeners for four passes that are one work."""
    return [portion(listener, start, start + 25) for start in (0, 25, 50, 75)]


def capture(tree: Path, wim: Path, new: Path, listener: Listener) -> object:
    del wim
    return capture_image(tree, new, progress=listener)


def apply(tree: Path, wim: Path, new: Path, listener: Listener) -> object:
    del tree
    with WimFile.open(wim) as opened:
        return apply_image(opened.images[0], new, progress=listener)


def compare(tree: Path, wim: Path, new: Path, listener: Listener) -> object:
    del new
    with WimFile.open(wim) as opened:
        # Its events have some time between them; one pass may be over with the first.
        return [compare_image(opened.images[0], tree, progress=each) for each in parts_of(listener)]


def export(tree: Path, wim: Path, new: Path, listener: Listener) -> object:
    del tree
    with WimFile.open(wim) as opened:
        return export_images(opened, new, progress=listener)


def verify(tree: Path, wim: Path, new: Path, listener: Listener) -> object:
    del tree, new
    # Its threads do not wait for a listener; one pass may be over before the first event was listened to.
    return [verify_file(wim, progress=each) for each in parts_of(listener)]


WORKS = [capture, apply, compare, export, verify]


@pytest.mark.parametrize("work", WORKS)
def test_work_ends_at_its_first_event_when_its_token_was_cancelled_before(
    work: Work, tree: Path, wim: Path, tmp_path: Path
) -> None:
    token = CancellationToken()
    token.cancel()
    with pytest.raises(Cancelled):
        work(tree, wim, tmp_path / "new", token.watch())
    assert not (tmp_path / "new").is_file()


@pytest.mark.parametrize("work", WORKS)
def test_a_cancelled_task_stops_the_thread_that_works_for_it(work: Work, tree: Path, wim: Path, tmp_path: Path) -> None:
    ended: list[BaseException | None] = []
    events: list[float] = []
    is_told = threading.Event()

    async def story() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def show(event: ProgressEvent) -> None:
            events.append(event.percent)
            loop.call_soon_threadsafe(begun.set)
            # The work is not over before the task is cancelled, however slow that is.
            is_told.wait(60)

        def observed(*, progress: Listener) -> None:
            try:
                work(tree, wim, tmp_path / "new", progress)
            except BaseException as error:
                ended.append(error)
                raise
            ended.append(None)

        task = asyncio.create_task(in_thread(observed, progress=show))
        await asyncio.wait({task, asyncio.create_task(begun.wait())}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        task.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        is_told.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The thread has ended, and not only its waiting.
        assert len(ended) == 1

    asyncio.run(story())
    assert isinstance(ended[0], Cancelled)
    assert events[-1] < 100
    assert not (tmp_path / "new").is_file()


def test_an_impatient_second_cancellation_leaves_no_thread_behind() -> None:
    ended = threading.Event()

    def slow(*, progress: Listener) -> None:
        try:
            while True:
                time.sleep(0.05)
                progress(EVENT)
        finally:
            time.sleep(0.05)
            ended.set()

    async def story() -> None:
        task = asyncio.create_task(in_thread(slow))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(story())


def test_in_thread_returns_and_raises_what_the_work_does() -> None:
    def work(number: int, *, observer: Callable[[int], None], fail: bool = False) -> int:
        observer(number)
        if fail:
            raise OsdImageError("failed")
        return number + 1

    seen: list[int] = []

    async def story() -> None:
        assert await in_thread(work, 1, progress=seen.append, channel="observer") == 2
        with pytest.raises(OsdImageError, match="failed"):
            await in_thread(work, 5, channel="observer", fail=True)

    asyncio.run(story())
    assert seen == [1]


def test_an_error_on_the_way_out_of_cancelled_work_is_its_cause() -> None:
    def work(*, progress: Listener) -> None:
        try:
            while True:
                progress(EVENT)
                time.sleep(0.01)
        except Cancelled:
            raise OsdImageError("what was begun could not be removed") from None

    async def story() -> None:
        task = asyncio.create_task(in_thread(work))
        await asyncio.sleep(0.03)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, OsdImageError)

    asyncio.run(story())
