"""The plots of the performance page: pictures and tables of what the harness of benchmarks writes."""

from __future__ import annotations

import importlib
import json
import math
import re
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def plots(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return what draws them, which is imported as Sphinx does it."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    return importlib.import_module("plots")


def side(*walls: float, cpu: float = 0.5) -> dict[str, Any]:
    run = {"user_s": cpu, "system_s": cpu, "peak_rss_bytes": 30_000_000, "load": 1.5, "made_bytes": None}
    return {"command": ["sh", "-c", "true; true"], "runs": [{**run, "wall_s": wall} for wall in walls]}


def record(*pairs: tuple[str, dict[str, Any], dict[str, Any]], size: float | None = None) -> str:
    """Return JSON as the harness writes it."""
    machine = {
        "date": "2026-01-02T03:04:05Z",
        "kernel": "6.1",
        "processor": "Z80",
        "cores": 2,
        "memory_bytes": 1 << 30,
        "rss_floor_bytes": 20_000_000,
    }
    made = [{"name": name, "size_ratio": size, "ours": ours, "theirs": theirs} for name, ours, theirs in pairs]
    options = {"BENCH_RUNS": "3"}
    versions = {"osdimage": "0.1.0", "sfdisk": "2.38.1"}
    return json.dumps(
        {"benchmark": "sample", "machine": machine, "versions": versions, "options": options, "pairs": made}
    )


def drawn(plots: ModuleType, text: str) -> ET.Element:
    return ET.fromstring(plots.plot(plots.read_record(text), "Do & undo", "<others>"))  # noqa: S314 - our own


def test_a_picture_tells_what_it_is(plots: ModuleType) -> None:
    picture = drawn(plots, record(("a < b", side(1), side(2))))
    title, about = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert picture.get("role") == "img"
    assert title is not None
    assert about is not None
    assert picture.get("aria-labelledby") == f"{title.get('id')} {about.get('id')}"
    assert title.text == "Do & undo"
    assert "in times of <others>, on a logarithmic scale from 0.5 to 2: below 1, osdimage is faster" in str(about.text)
    assert "a < b" in {each.text for each in picture.iter(f"{SVG}text")}


def test_marks_are_where_their_values_belong(plots: ModuleType) -> None:
    # Ratios in turn: 0.25, 0.5, 0.2; of the medians: 2 by 8. Processor time: 4 by 1.
    text = record(("one", side(2, 4, 1, cpu=2), side(8, 8, 5, cpu=0.5)))
    wall, cpu = drawn(plots, text).findall(f"{SVG}g[@data-ratio]")
    circle, line = wall.find(f"{SVG}circle"), wall.find(f"{SVG}path")
    assert circle is not None
    assert line is not None
    # The scale is from 0.2 to 5 between 16 and 400, 1 is in its middle.
    place = {each: 208 + 192 * math.log(each) / math.log(5) for each in (0.2, 0.25, 0.5, 4)}
    assert wall.get("data-ratio") == "0.2500"
    assert float(circle.get("cx", "")) == pytest.approx(place[0.25], abs=0.1)
    ends = re.fullmatch(r"M([\d.]+) \d+H([\d.]+)", line.get("d", ""))
    assert ends is not None
    assert [float(end) for end in ends.groups()] == pytest.approx([place[0.2], place[0.5]], abs=0.1)
    diamond = cpu.findall(f"{SVG}path")[1].get("d", "")
    assert float(diamond[1:].split()[0]) == pytest.approx(place[4], abs=0.1)
    assert [each.text for each in cpu.iter(f"{SVG}title")] == ["one: processor time 4.0x (4.0x to 4.0x)"]


def test_the_line_of_one_is_there_when_all_is_faster(plots: ModuleType) -> None:
    picture = drawn(plots, record(("fast", side(1, 1), side(90, 90))))
    (one,) = [each for each in picture.findall(f"{SVG}path") if each.get("stroke-width") == "2"]
    # From 0.01 to 2: what is equal is at log 100 by log 200 of the width.
    x = 16 + 384 * math.log(100) / math.log(200)
    assert float(one.get("d", "")[1:].split()[0]) == pytest.approx(x, abs=0.1)


def test_a_single_run_has_a_line_without_length(plots: ModuleType) -> None:
    (row,) = plots.read_record(record(("once", side(3), side(2)))).rows
    assert (row.wall.least, row.wall.median, row.wall.most) == (1.5, 1.5, 1.5)
    assert row.runs == 1


def test_theirs_without_processor_time_has_no_mark_for_it(plots: ModuleType) -> None:
    text = record(("short", side(3), side(2, cpu=0)))
    assert len(drawn(plots, text).findall(f"{SVG}g[@data-ratio]")) == 1
    assert "| short | 1.5x (1.5x to 1.5x) |  | 3.00 / 2.00 | 30 MB / 30 MB |" in plots.table(plots.read_record(text))


def test_the_table_has_the_numbers(plots: ModuleType) -> None:
    text = record(("all, --rebuild", side(1, 2, 3), side(4, 4, 4)), size=1.02)
    assert list(plots.table(plots.read_record(text))) == [
        "| work | time | processor time | seconds | peak memory | size |",
        "|---|---|---|---|---|---|",
        "| all, `--rebuild` | 0.50x (0.25x to 0.75x) | 1.0x (1.0x to 1.0x) | 2.00 / 4.00 | 30 MB / 30 MB | 1.02x |",
    ]
    lines = "\n".join(plots.measured(plots.read_record(text)))
    assert "3 runs of each, load 1.5 to 1.5; osdimage 0.1.0, sfdisk 2.38.1. `BENCH_RUNS=3`." in lines
    assert "  sh -c 'true; true'" in lines


def test_memory_below_that_of_the_harness_is_not_told(plots: ModuleType) -> None:
    small = side(1)
    small["runs"][0]["peak_rss_bytes"] = 20_100_000
    assert " | 30 MB / < 20 MB |" in list(plots.table(plots.read_record(record(("one", side(1), small)))))[2]


@pytest.mark.parametrize("text", ["", "{}", "[]", record(), record(("nothing", side(), side()))])
def test_what_is_no_record_of_runs_is_refused(plots: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match="no record of runs"):
        plots.read_record(text)


def test_each_record_is_drawn_and_shown(plots: ModuleType) -> None:
    shown = re.findall(r"^```\{benchmark\} (\w+)$", (ROOT / "docs" / "performance.md").read_text("utf-8"), re.MULTILINE)
    found = {path.stem: path for path in (ROOT / "docs" / "benchmarks").glob("*.json")}
    assert sorted(shown) == sorted(found)
    for name, path in found.items():
        text = path.read_text("utf-8")
        # The harness names no folder of the machine.
        assert "/tmp/" not in text, name  # noqa: S108 - looked for
        assert "/dev/shm/" not in text, name  # noqa: S108 - looked for
        assert plots.read_record(text).name == name
        assert drawn(plots, text).findall(f"{SVG}g[@data-ratio]")
