"""The overall percentage."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.progress import Meter, Phase, ProgressEvent

SHARES = {Phase.SCAN: 10.0, Phase.WRITE_DATA: 85.0, Phase.WRITE_METADATA: 5.0}


def make(clock: list[float] | None = None) -> tuple[Meter, list[ProgressEvent]]:
    events: list[ProgressEvent] = []
    times = clock if clock is not None else [0.0]
    return Meter(events.append, SHARES, clock=lambda: times[0]), events


def test_phases_take_their_share_of_the_whole() -> None:
    meter, events = make()
    meter.step(Phase.SCAN, 5, 10)
    meter.step(Phase.SCAN, 10, 10)
    meter.step(Phase.WRITE_DATA, 1, 2)
    meter.step(Phase.WRITE_METADATA, 1, 1)
    assert [event.percent for event in events] == [5.0, 10.0, 52.5, 100.0]


def test_a_phase_of_unknown_size_stays_where_it_begins() -> None:
    meter, events = make()
    meter.step(Phase.SCAN, 1000, None)
    assert (events[0].percent, events[0].total, events[0].eta_s) == (0.0, None, None)


def test_the_time_left_follows_from_the_time_taken() -> None:
    clock = [100.0]
    meter, events = make(clock)
    clock[0] = 110.0
    meter.step(Phase.WRITE_DATA, 1, 2)  # 52.5 % after 10 s leave 47.5 / 52.5 * 10 s
    assert events[0].eta_s == 9.0


def test_a_phase_that_had_little_to_do_does_not_promise_much_of_the_next() -> None:
    clock = [100.0]
    meter, events = make(clock)
    meter.step(Phase.SCAN, 10, 10)  # 10 % in no time
    clock[0] = 101.0
    meter.step(Phase.WRITE_DATA, 0, 85)
    clock[0] = 103.0
    meter.step(Phase.WRITE_DATA, 5, 85)  # 5 % in 2 s, and 85 % are left
    assert [event.eta_s for event in events] == [0.0, None, 34.0]


def test_a_warning_repeats_the_last_step() -> None:
    meter, events = make()
    meter.warn("early")
    meter.step(Phase.WRITE_DATA, 3, 4)
    meter.warn("late")
    assert [event.warning for event in events] == ["early", None, "late"]
    assert (events[2].phase, events[2].done, events[2].percent) == (Phase.WRITE_DATA, 3, events[1].percent)


def test_finish_says_100_once() -> None:
    meter, events = make()
    meter.step(Phase.WRITE_DATA, 3, 4)
    meter.finish()
    meter.finish()
    assert [event.percent for event in events][1:] == [100.0]


def test_a_step_that_is_told_again_at_the_end_says_100_once() -> None:
    # Whoever is asked now and then how far he is may be done for two questions.
    percents: list[float] = []
    meter = Meter(lambda event: percents.append(event.percent), {Phase.VERIFY_DATA: 1})
    for done in (1, 2, 2):
        meter.step(Phase.VERIFY_DATA, done, 2)
    meter.finish()
    assert percents == [50.0, 100.0]


def test_other_phases_than_were_expected_share_what_is_left_and_nothing_falls() -> None:
    meter, events = make()
    meter.step(Phase.SCAN, 1, 1)
    before = events[-1].percent
    meter.weigh({Phase.EXTRACT_DATA: 3.0, Phase.SET_METADATA: 1.0})
    for phase, done in (
        (Phase.EXTRACT_DATA, 0),
        (Phase.EXTRACT_DATA, 2),
        (Phase.SET_METADATA, 1),
        (Phase.SET_METADATA, 2),
    ):
        meter.step(phase, done, 2)
    assert [event.percent for event in events][1:] == [before, 75.0, 87.5, 100.0]


def test_without_a_callback_nothing_happens() -> None:
    meter = Meter(None, SHARES)
    meter.step(Phase.SCAN, 1, 1)
    meter.warn("nobody listens")
    meter.finish()


@given(st.lists(st.tuples(st.sampled_from(list(Phase)), st.integers(0, 100), st.none() | st.integers(0, 100))))
def test_the_percentage_never_falls_and_stays_within_100(steps: list[tuple[Phase, int, int | None]]) -> None:
    meter, events = make()
    for phase, done, total in steps:
        meter.step(phase, done, total)
    percents = [event.percent for event in events]
    assert percents == sorted(percents)
    assert all(0 <= percent <= 100 for percent in percents)
