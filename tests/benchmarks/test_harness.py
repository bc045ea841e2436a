from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

HARNESS = Path(__file__).resolve().parents[2] / "benchmarks" / "harness.py"


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("harness", HARNESS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name.
    sys.modules["harness"] = module
    spec.loader.exec_module(module)
    module.RESULTS = tmp_path / "results"
    yield module
    del sys.modules["harness"]


def test_commands_run_in_turn_after_a_warm_up(harness: ModuleType, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def append(word: str) -> list[str]:
        return ["sh", "-c", f"echo {word} >>{log}"]

    def prepare() -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write("prepare\n")

    (result,) = harness.run_pairs([harness.Pair("order", append("ours"), append("theirs"), prepare)], runs=2)
    assert log.read_text(encoding="utf-8").split() == ["prepare", "ours", "prepare", "theirs"] * 3
    assert len(result.ours) == len(result.theirs) == 2


def test_time_processor_and_memory_are_those_of_the_command(harness: ModuleType) -> None:
    allocate = "data = bytearray(b'x' * (200 << 20))"
    (result,) = harness.run_pairs(
        [harness.Pair("cost", [sys.executable, "-c", allocate], ["sleep", "0.2"])],
        runs=1,
    )
    assert result.ours[0].peak_rss_bytes > 200 << 20
    assert result.theirs[0].wall_s >= 0.2
    assert result.theirs[0].cpu_s < 0.1
    assert result.rss_ratio > 1
    assert result.cpu_ratio > 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sh", "-c", "echo no room >&2; exit 7"], "exit code 7: no room"),
        (["/nowhere/program"], "No such file or directory"),
    ],
)
def test_a_command_that_fails_stops_the_benchmark(harness: ModuleType, command: list[str], message: str) -> None:
    with pytest.raises(harness.CommandFailed, match=message):
        harness.run_pairs([harness.Pair("broken", command, ["true"])])


def test_report_holds_every_run_and_the_ratios(harness: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = harness.Run(1.0, 0.5, 0.25, 3 << 20, 0.5), harness.Run(4.0, 1.0, 0.5, 6 << 20, 1.25)
    result = harness.Result(harness.Pair("capture", ["a"], ["b"]), (ours,) * 3, (theirs,) * 3)
    harness.write_report([result], "sample")
    document = json.loads((harness.RESULTS / "sample.json").read_text(encoding="utf-8"))
    (pair,) = document["pairs"]
    assert (pair["wall_ratio"], pair["cpu_ratio"], pair["rss_ratio"]) == (0.25, 0.5, 0.5)
    assert len(pair["ours"]["runs"]) == 3
    assert document["machine"]["cores"] >= 1
    row = "| capture | 1.000 (1.000-1.000) | 4.000 (4.000-4.000) | 0.25x | 0.50x | 3 MB / 6 MB |  | 0.5-1.2 |"
    assert row in (harness.RESULTS / "sample.md").read_text(encoding="utf-8")
    assert row in capsys.readouterr().out


def test_report_tells_versions_and_options_and_no_folder_of_the_machine(
    harness: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As mkfs.vfat does: what it says about itself stands in its help, with an exit code that is not 0.
    program = tmp_path / "mkfs.vfat"
    program.write_text('#!/bin/sh\n[ "$*" = --help ] && echo "Usage\nmkfs.fat 4.2 (2021-01-31)" >&2\nexit 1\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("BENCH_RUNS", "1")
    run = harness.Run(1.0, 0.5, 0.25, 3 << 20, 0.5)
    ours = [str(Path(sys.executable).with_name("osdimage")), "info", "/dev/shm/osdimage-bench-a_1/a.wim"]  # noqa: S108
    theirs = ["sh", "-c", "mkfs.vfat '/tmp/osdimage-bench-a_1/a.img'"]
    harness.write_report([harness.Result(harness.Pair("info", ours, theirs), (run,), (run,))], "sample")
    document = json.loads((harness.RESULTS / "sample.json").read_text(encoding="utf-8"))
    assert document["benchmark"] == "sample"
    assert document["options"]["BENCH_RUNS"] == "1"
    assert document["versions"]["mkfs.vfat"] == "4.2"
    assert document["pairs"][0]["ours"]["command"] == ["osdimage", "info", "WORK/a.wim"]
    assert document["pairs"][0]["theirs"]["command"] == ["sh", "-c", "mkfs.vfat 'WORK/a.img'"]


def test_sizes_of_what_both_make_are_compared(harness: ModuleType, tmp_path: Path) -> None:
    made = tmp_path / "made"
    commands = [["sh", "-c", f"head -c {size} /dev/zero >{made}"] for size in (300, 200)]
    (result,) = harness.run_pairs([harness.Pair("size", *commands, makes=made)], runs=1)
    assert result.size_ratio == 1.5
    (result,) = harness.run_pairs([harness.Pair("none", ["true"], ["true"])], runs=1)
    assert result.size_ratio is None


def test_workspace_is_removed(harness: ModuleType) -> None:
    with harness.workspace() as folder:
        (folder / "out.wim").touch()
    assert not folder.exists()
