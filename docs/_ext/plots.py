"""Plots of benchmarks: how long osdimage takes in times of another program, made of what benchmarks/harness.py writes.

A picture has no colours but those of the page, light or dark, and tells time from processor time by the form of the
mark.  The same numbers stand in a table.  ``benchmark_pages.py`` brings both into pages.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

FOLDER = "benchmarks"
"""Where the records are, in the folder of pages."""
WIDTH = 480
LEFT, RIGHT = 16, 400
"""The part of the width that the scale has; the rest is for the numbers."""
HEAD, ROW, FOOT = 30, 56, 56
"""Heights: of the words above the rows, of each row, of the scale and the legend below them."""
TICKS = tuple(step * 10.0**power for power in range(-3, 4) for step in (1, 2, 5))
_ACCENT = "color:var(--color-brand-primary,currentColor)"


@dataclass(frozen=True)
class Spread:
    """A ratio, ours by theirs: that of the medians, and the least and the most of two runs in turn.

    That of the medians is never outside of these: if each of ours is at most twice its neighbour, so is the median.
    """

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        """Return it for people, such as ``0.31x (0.29x to 0.40x)``."""
        return f"{told(self.median)} ({told(self.least)} to {told(self.most)})"


@dataclass(frozen=True)
class Side:
    """One of the two commands: the medians of its runs.

    Attributes:
        rss_bytes: as much as could be measured: see :attr:`Record.floor_bytes`.
    """

    command: str
    wall_s: float
    rss_bytes: float


@dataclass(frozen=True)
class Row:
    """A pair of commands.

    Attributes:
        cpu: None if theirs was too short for the clock of processor time.
        size: of what ours makes by what theirs makes; None if that was not compared.
    """

    name: str
    wall: Spread
    cpu: Spread | None
    size: float | None
    ours: Side
    theirs: Side
    runs: int


@dataclass(frozen=True)
class Record:
    """What a benchmark wrote.

    Attributes:
        versions: of the programs, such as ``mkntfs 2022.10.3``.
        options: what was set in the environment, such as ``BENCH_RUNS=5``.
        loads: of the machine, the least and the most.
        floor_bytes: the memory that any command was measured to have had, however little it had.
    """

    name: str
    rows: tuple[Row, ...]
    date: str
    machine: str
    versions: tuple[str, ...]
    options: tuple[str, ...]
    loads: tuple[float, float]
    floor_bytes: int


def read_record(text: str) -> Record:
    """Read the JSON of a benchmark.

    Raises:
        ValueError: it is not what the harness writes, or has no runs.
    """
    try:
        document = json.loads(text)
        runs = [run for pair in document["pairs"] for side in ("ours", "theirs") for run in pair[side]["runs"]]
        machine = document["machine"]
        memory = machine["memory_bytes"] / (1 << 30)
        return Record(
            document["benchmark"],
            tuple(map(_row, document["pairs"])),
            machine["date"][:10],
            f"{machine['cores']} cores of {machine['processor']}, {memory:.0f} GiB, Linux {machine['kernel']}",
            tuple(f"{program} {version}" for program, version in document["versions"].items()),
            tuple(f"{name}={value}" for name, value in document["options"].items()),
            (min(run["load"] for run in runs), max(run["load"] for run in runs)),
            machine["rss_floor_bytes"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no record of runs as benchmarks/harness.py writes it: {error!r}") from error


def _row(pair: dict[str, Any]) -> Row:
    ours, theirs = pair["ours"]["runs"], pair["theirs"]["runs"]

    def spread(*parts: str) -> Spread | None:
        """Compare the sums of these parts of the runs."""
        both = [(sum(one[part] for part in parts), sum(other[part] for part in parts)) for one, other in turns]
        if not all(other > 0 for _, other in both):
            return None
        ratios = [one / other for one, other in both]
        return Spread(median(one for one, _ in both) / median(other for _, other in both), min(ratios), max(ratios))

    turns = list(zip(ours, theirs, strict=True))
    wall = spread("wall_s")
    if wall is None:
        raise ValueError(f"a run of {pair['name']!r} that took no time")
    cpu = spread("user_s", "system_s")
    return Row(pair["name"], wall, cpu, pair["size_ratio"], _side(pair["ours"]), _side(pair["theirs"]), len(turns))


def _side(side: dict[str, Any]) -> Side:
    wall, rss = (median(run[part] for run in side["runs"]) for part in ("wall_s", "peak_rss_bytes"))
    return Side(shlex.join(side["command"]), wall, rss)


def told(ratio: float) -> str:
    """Return a ratio for people, with two digits that count: ``0.31x``, ``1.0x``, ``12x``."""
    return f"{ratio:.0f}x" if ratio >= 9.95 else f"{ratio:.1f}x" if ratio >= 0.995 else f"{ratio:.2f}x"


def scale(spreads: Sequence[Spread]) -> tuple[float, ...]:
    """Return the marks of a scale that holds all of them, and 1 with something on either side of it."""
    least, most = min(0.5, *(each.least for each in spreads)), max(2.0, *(each.most for each in spreads))
    first = max((tick for tick in TICKS if tick <= least), default=least)
    last = min((tick for tick in TICKS if tick >= most), default=most)
    return (first, *(tick for tick in TICKS if first < tick < last), last)


def across(ratio: float, ticks: Sequence[float]) -> float:
    """Return where a ratio is from the left of the picture: equal factors are equal distances."""
    part = math.log(ratio / ticks[0]) / math.log(ticks[-1] / ticks[0])
    return round(LEFT + part * (RIGHT - LEFT), 1)


def plot(record: Record, title: str, peer: str) -> str:
    """Return the picture of a record, an ``svg`` element that stands in a page."""
    ticks = scale([each for row in record.rows for each in (row.wall, row.cpu) if each is not None])
    height = HEAD + ROW * len(record.rows) + FOOT
    told_by = f"plot-{record.name}-title plot-{record.name}-about"
    about = (
        f"Times of osdimage in times of {peer}, on a logarithmic scale from {ticks[0]:g} to {ticks[-1]:g}: below 1, "
        "osdimage is faster. The table after the picture has the numbers."
    )
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{told_by}" '
            f'viewBox="0 0 {WIDTH} {height}" style="display:block;width:100%;max-width:38rem;margin:1rem 0" '
            'font-family="inherit" font-size="13" fill="currentColor">'
        ),
        f'<title id="plot-{record.name}-title">{escape(title)}</title>',
        f'<desc id="plot-{record.name}-about">{escape(about)}</desc>',
        *_scale(ticks, height),
    ]
    for number, row in enumerate(record.rows):
        lines += _marks(row, HEAD + ROW * number, ticks)
    lines += _legend(height - 8)
    return "\n".join([*lines, "</svg>"])


def _scale(ticks: Sequence[float], height: int) -> Iterator[str]:
    bottom, one = height - FOOT + 8, across(1, ticks)
    for tick in ticks:
        x = across(tick, ticks)
        width, dashes = ("2", "") if tick == 1 else ("1", ' stroke-opacity="0.2"')
        yield f'<path d="M{x} {HEAD - 6}V{bottom}" stroke="currentColor" stroke-width="{width}"{dashes}/>'
        yield f'<text x="{x}" y="{bottom + 14}" text-anchor="middle" font-size="11">{tick:g}</text>'
    yield f'<text x="{one - 6}" y="14" text-anchor="end">\u2190 faster</text>'
    yield f'<text x="{one + 6}" y="14">slower \u2192</text>'


def _marks(row: Row, top: int, ticks: Sequence[float]) -> Iterator[str]:
    """Yield the name of a row and its two marks, each with a line from the least to the most."""
    # Behind the letters is a border of the colour of the page, so that no line of the scale goes through them.
    yield (
        f'<text x="{LEFT}" y="{top + 13}" style="paint-order:stroke;stroke:var(--color-background-primary,none);'
        f'stroke-width:4px">{escape(row.name)}</text>'
    )
    for spread, what, y in ((row.wall, "time", top + 27), (row.cpu, "processor time", top + 43)):
        if spread is None:
            continue
        x, least, most = (across(each, ticks) for each in (spread.median, spread.least, spread.most))
        yield f'<g data-ratio="{spread.median:.4f}" style="{_ACCENT}">'
        yield f"<title>{escape(f'{row.name}: {what} {spread}')}</title>"
        yield f'<path d="M{least} {y}H{most}" stroke="currentColor" stroke-width="2"/>'
        yield _mark(what, x, y)
        yield "</g>"
        yield f'<text x="{WIDTH - 4}" y="{y + 4}" text-anchor="end">{told(spread.median)}</text>'


def _mark(what: str, x: float, y: int) -> str:
    """Return a full circle for time, an empty diamond for processor time."""
    if what == "time":
        return f'<circle cx="{x}" cy="{y}" r="5" fill="currentColor"/>'
    border = 'fill="var(--color-background-primary,none)" stroke="currentColor" stroke-width="2"'
    return f'<path d="M{x} {y - 6}l6 6l-6 6l-6-6Z" {border}/>'


def _legend(y: int) -> Iterator[str]:
    for x, what in ((LEFT + 6, "time"), (LEFT + 74, "processor time")):
        yield f'<g style="{_ACCENT}">{_mark(what, x, y - 4)}</g><text x="{x + 12}" y="{y}">{what}</text>'
    yield f'<text x="{LEFT + 198}" y="{y}">line: least to most of the runs</text>'


def table(record: Record) -> Iterator[str]:
    """Yield the lines of the table of a record, in Markdown."""
    has_sizes = any(row.size is not None for row in record.rows)
    heads = ["work", "time", "processor time", "seconds", "peak memory", *(["size"] if has_sizes else [])]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in record.rows:
        memory = " / ".join(_memory(side.rss_bytes, record.floor_bytes) for side in (row.ours, row.theirs))
        cells = [
            # An option is none with a dash in place of its two hyphens.
            re.sub(r"--[\w-]+", r"`\g<0>`", row.name.replace("|", r"\|")),
            str(row.wall),
            "" if row.cpu is None else str(row.cpu),
            f"{row.ours.wall_s:.2f} / {row.theirs.wall_s:.2f}",
            memory,
            *([""] if has_sizes and row.size is None else [] if row.size is None else [f"{row.size:.2f}x"]),
        ]
        yield f"| {' | '.join(cells)} |"


def _memory(rss_bytes: float, floor_bytes: int) -> str:
    """Return how much memory, or that it is less than what can be measured."""
    # From run to run it is some pages more or less.
    return f"< {floor_bytes / 1e6:.0f} MB" if rss_bytes < 1.02 * floor_bytes else f"{rss_bytes / 1e6:.0f} MB"


def measured(record: Record) -> Iterator[str]:
    """Yield the lines about how a record was made, in Markdown, and the commands of it."""
    counts = sorted({row.runs for row in record.rows})
    runs = " or ".join(map(str, counts))
    options = f" `{' '.join(record.options)}`." if record.options else ""
    yield (
        f"{runs} run{'s' if counts != [1] else ''} of each, load {record.loads[0]:.1f} to {record.loads[1]:.1f}; "
        f"{', '.join(record.versions)}.{options} "
        f"The record: {{download}}`{record.name}.json </{FOLDER}/{record.name}.json>`."
    )
    yield from ("", ":::{dropdown} The commands", "```text")
    for row in record.rows:
        yield from (row.name, f"  {row.ours.command}", f"  {row.theirs.command}")
    yield from ("```", ":::")
