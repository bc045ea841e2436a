"""Work for several targets that share the contents of images: who gets what, and what a failure does to the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from osdimage.imaging.apply.together import TargetResult, together
from osdimage.imaging.apply.work import Pour, Work, alone, at_once
from osdimage.imaging.errors import CorruptWim, OsdImageError, StorageError, TargetRefused, explain
from osdimage.imaging.progress import Gathered, Meter, Phase, ProgressEvent
from osdimage.imaging.wim.feed import ImageFeed, SinkFailed
from osdimage.native.slices.sources import Source


class Feed:
    """Stands for an image: tells three steps, and keeps which sinks had its contents together."""

    def __init__(self, index: int = 1, *, fails: Sequence[str] = (), error: Exception | None = None) -> None:
        self.index = index
        self.runs: list[list[str]] = []
        self._fails = fails
        self._error = error

    def run(self, sinks: Sequence[str], step: Callable[[int], None]) -> tuple[SinkFailed | None, ...]:
        self.runs.append(list(sinks))
        for done in range(3):
            step(done)
        if self._error is not None:
            raise self._error
        return tuple(SinkFailed(28) if sink in self._fails else None for sink in sinks)


def pour(feed: Feed, sink: str, step: Callable[[int], None] = lambda _: None) -> Pour:
    return Pour(cast("ImageFeed", feed), sink, step)


def work(name: str, *feeds: Feed, log: list[str], refused: bool = False) -> Work[str]:
    """Prepare, ask for the contents of images, and end, as an apply does."""
    if refused:
        raise TargetRefused(f"{name} is in use")
    try:
        for feed in feeds:
            log.append(f"{name} waits")
            yield pour(feed, name)
        log.append(f"{name} ends")
    except SinkFailed as error:
        raise StorageError(f"{name}: no space", path=name, errno=error.errno) from error
    except BaseException as error:
        explain(error, f"{name} is dirty")
        raise
    return name.upper()


def done(*works: tuple[str, Work[Any]], progress: Gathered | None = None) -> list[str]:
    """Return of each target its result, or what its error says."""
    results = together([(Path(name), each) for name, each in works], progress)
    assert [str(each.target) for each in results] == [name for name, _ in works]
    return [str(each.result if each.error is None else each.error) for each in results]


def test_all_are_prepared_before_they_get_contents_at_once_and_end() -> None:
    feed, log = Feed(), list[str]()
    assert done(*((name, work(name, feed, log=log)) for name in "abc")) == ["A", "B", "C"]
    assert feed.runs == [["a", "b", "c"]]
    assert log == ["a waits", "b waits", "c waits", "a ends", "b ends", "c ends"]


def test_one_that_is_refused_or_whose_sink_fails_stops_none_of_the_others() -> None:
    feed, log = Feed(fails=["c"]), list[str]()
    works = [(name, work(name, feed, log=log, refused=name == "a")) for name in "abcd"]
    assert done(*works) == ["a is in use", "B", "c: no space", "D"]
    assert feed.runs == [["b", "c", "d"]]


def test_one_that_asks_for_nothing_is_done_in_its_turn() -> None:
    feed, log = Feed(), list[str]()
    works = [
        ("a", work("a", feed, log=log)),
        ("b", at_once(lambda: log.append("b at work"))),
        ("c", work("c", log=log)),
    ]
    assert done(*works) == ["A", "None", "C"]
    assert log == ["a waits", "b at work", "c ends", "a ends"]


def test_each_image_of_several_is_read_once_although_one_target_needs_not_all_of_them() -> None:
    first, second, log = Feed(1), Feed(2), list[str]()
    works = [("a", work("a", second, log=log)), ("b", work("b", first, second, log=log))]
    assert done(*works) == ["A", "B"]
    assert (first.runs, second.runs) == ([["b"]], [["a", "b"]])


def test_bad_contents_fail_all_that_waited_for_them_and_each_says_what_has_become_of_it() -> None:
    bad, log = Feed(error=CorruptWim("x.wim: 'f' is bad")), list[str]()
    works = [(name, work(name, bad, log=log)) for name in "ab"] + [("c", work("c", log=log))]
    assert done(*works) == ["x.wim: 'f' is bad -- a is dirty", "x.wim: 'f' is bad -- b is dirty", "C"]


def test_a_system_error_is_one_of_the_target() -> None:
    def broken() -> None:
        raise PermissionError(13, "Permission denied")

    (result, other) = together([(Path("a"), at_once(broken)), (Path("b"), at_once(lambda: None))])
    assert isinstance(result.error, StorageError)
    assert (str(result.error), result.error.errno, other.error) == ("a: Permission denied", 13, None)


@pytest.mark.parametrize("where", ["in the shared pass", "in one target"])
def test_what_is_no_failure_of_a_target_ends_all_and_each_tells_how_far_it_came(where: str) -> None:
    feed, log = Feed(), list[str]()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def stopped() -> Work[None]:
        if where == "in one target":
            stop()
        yield pour(feed, "c", stop)

    works = [
        ("0", work("0", log=log)),
        ("a", work("a", feed, log=log)),
        ("b", work("b", feed, log=log)),
        ("c", stopped()),
    ]
    with pytest.raises(KeyboardInterrupt) as caught:
        done(*works)
    assert caught.value.__notes__ == ["a is dirty", "b is dirty", "1 of 4 targets are complete"]
    assert "a ends" not in log


def test_a_fault_of_the_program_is_no_failure_of_a_target() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        done(("a", at_once(broken)))


def test_one_alone_has_its_contents_and_learns_of_what_is_wrong() -> None:
    log: list[str] = []
    assert alone(work("a", Feed(), log=log)) == "A"
    with pytest.raises(StorageError, match="a: no space"):
        alone(work("a", Feed(fails=["a"]), log=log))
    with pytest.raises(CorruptWim, match="bad -- a is dirty"):
        alone(work("a", Feed(error=CorruptWim("bad")), log=log))


def test_those_that_have_their_contents_wait_for_their_media_at_once_and_learn_of_errors(tmp_path: Path) -> None:
    """A file of /proc cannot be waited for: fsync(2) gives EINVAL for it."""
    feed, ends = Feed(fails=["c"]), list[str]()

    def waits(name: str, source: Source | None) -> Work[None]:
        try:
            yield Pour(cast("ImageFeed", feed), name, lambda _: None, source)
        except Exception as error:
            ends.append(f"{name}: {error.args[-1]}")
            raise StorageError(name, path=name) from error
        ends.append(name)

    with ExitStack() as stack:
        descriptors = [os.open(path, os.O_RDWR | os.O_CREAT) for path in ("/proc/self/comm", tmp_path / "file")]
        for each in descriptors:
            stack.callback(os.close, each)
        broken, whole = (stack.enter_context(Source.of_file(each)) for each in descriptors)
        together(
            [
                (Path(name), waits(name, source))
                for name, source in zip("abcd", [broken, whole, whole, None], strict=True)
            ]
        )
    assert ends == ["a: Invalid argument", "b", "c: No space left on device", "d"]


# ---- progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def metered(feed: Feed, name: str, meter: Meter) -> Work[str]:
    try:
        yield pour(feed, name, lambda step: meter.step(Phase.EXTRACT_DATA, step, 2))
    except SinkFailed as error:
        raise StorageError(f"{name}: {error}", path=name, errno=error.errno) from error
    meter.step(Phase.SET_METADATA, 1, 1)
    meter.finish()
    return name


def gathered(names: str, listener: Callable[[ProgressEvent], None]) -> tuple[Gathered, Iterator[tuple[str, Meter]]]:
    progress = Gathered(listener, names, clock=Clock())
    shares = {Phase.EXTRACT_DATA: 90.0, Phase.SET_METADATA: 10.0}
    return progress, ((name, Meter(progress.of(number), shares)) for number, name in enumerate(names))


def test_the_percentage_is_that_of_all_and_events_name_the_target_that_they_concern() -> None:
    feed, events = Feed(), list[ProgressEvent]()
    progress, meters = gathered("ab", events.append)
    done(*((name, metered(feed, name, meter)) for name, meter in meters), progress=progress)
    assert [(event.phase, event.target, event.percent) for event in events] == [
        (Phase.EXTRACT_DATA, None, 0.0),
        (Phase.EXTRACT_DATA, None, 45.0),
        (Phase.EXTRACT_DATA, None, 90.0),
        (Phase.SET_METADATA, "a", 95.0),
        (Phase.SET_METADATA, "b", 100.0),
    ]


def test_a_failure_is_told_at_once_and_counts_as_the_end() -> None:
    feed, events = Feed(fails=["a"]), list[ProgressEvent]()
    progress, meters = gathered("ab", events.append)
    done(*((name, metered(feed, name, meter)) for name, meter in meters), progress=progress)
    (failed,) = [event for event in events if event.warning is not None]
    assert (failed.target, failed.warning, failed.percent) == ("a", "a: No space left on device", 95.0)
    percents = [event.percent for event in events]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_what_a_listener_raises_is_no_failure_of_the_target_at_work() -> None:
    """The file that takes the events is full: an error of the library, which comes out of the work of a target."""
    feed = Feed()

    def full(event: ProgressEvent) -> None:
        if event.phase is Phase.SET_METADATA:
            raise StorageError("--events: full", path="events")

    progress, meters = gathered("ab", full)
    with pytest.raises(StorageError, match="--events: full"):
        done(*((name, metered(feed, name, meter)) for name, meter in meters), progress=progress)


def test_a_result_says_why_with_the_name_of_its_target() -> None:
    errors: list[OsdImageError | None] = [CorruptWim("w.wim is bad"), StorageError("a: full", path="a"), None]
    told = [TargetResult(Path("a"), None, error).told for error in errors]
    assert told == ["a: w.wim is bad", "a: full", ""]
