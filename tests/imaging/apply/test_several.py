"""One image on several targets by the command: who gets it, what others find there, and what is told of each."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cases import bulk as cases
from cases.smalldisk import small_disk
from cases.wimcraft import Node, build, folder, root
from judges.ntfs import contents, is_dirty
from judges.wim import assert_ntfs_clean, make_ntfs, run, wimlib, wimlib_facts
from osdimage.imaging import InvalidRequest, UnsafeName, WimFile
from osdimage.imaging.apply import ApplyOptions, apply_to_all
from osdimage.imaging.apply.engine import Engine, Fallback, Reason
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.progress import Phase, ProgressEvent
from osdimage.imaging.volume.ntfs.check.volume import NtfsCheckOptions, check_ntfs
from osdimage.imaging.wim.feed import ImageFeed
from runs.commands import Outcome, osdimage
from runs.sandbox import COMMAND

pytestmark = pytest.mark.foreign
MIB = 1 << 20
FILES = {"/a", "/a/b", "/c"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("several") / "small.wim"
    path.write_bytes(build(root(folder("a", Node("b", cases.noise(3 * MIB))), Node("c", b"short"))))
    return path


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ntfs(tmp_path_factory.mktemp("empty") / "volume", 24 * MIB)


def volumes(empty: Path, folder: Path, names: str) -> list[Path]:
    """Copy a volume that was just formatted."""
    for name in names:
        run("cp", "--sparse=always", empty, folder / name)
    return [folder / name for name in names]


def apply(wim: Path, targets: list[Path], *options: str, code: int = 0) -> Outcome:
    first, *others = map(str, targets)
    also = [word for each in others for word in ("--also", each)]
    return osdimage("apply", str(wim), first, *also, "--no-sync", *options, code=code)


def told(outcome: Outcome) -> list[tuple[str, int, str | None]]:
    """Return of each target its name, its code, and what filled it."""
    targets: list[dict[str, Any]] = outcome.document["targets"]
    for each in targets:
        assert (each["error"] is None) == (each["result"] is not None) == (each["code"] == 0)
    return [
        (Path(each["target"]).name, each["code"], None if each["result"] is None else each["result"]["engine"])
        for each in targets
    ]


def faults_of(volume: Path) -> list[str]:
    with open_volume(volume) as opened:
        return [str(fault) for fault in check_ntfs(opened.window(), NtfsCheckOptions(is_fresh=True)).faults]


def test_each_of_four_volumes_is_captured_as_the_image_is(tmp_path: Path) -> None:
    wim = tmp_path / "everything.wim"
    wim.write_bytes(build(cases.everything(), descriptors=cases.DESCRIPTORS))
    # Of other sizes and clusters: what is planned is of each alone.
    shapes = {"a": ("-c", "4096"), "b": ("-c", "512"), "c": ("-c", "1024"), "d": ("-c", "4096", "-s", "4096")}
    targets = [make_ntfs(tmp_path / name, 128 * MIB, *shape) for name, shape in shapes.items()]
    outcome = apply(wim, targets, "--json")
    assert told(outcome) == [(name, 0, "bulk") for name in shapes]
    before = wimlib_facts(wim)
    for target in targets:
        assert_ntfs_clean(target)
        assert faults_of(target) == []
        again = tmp_path / "again.wim"
        wimlib("capture", target, again, "--compress=none")
        after = wimlib_facts(again)
        assert after.keys() == before.keys()
        for path, facts in after.items():
            # Files without a descriptor got one.
            is_described = any(name == "Security Descriptor" for name, _ in before[path])
            assert [fact for fact in facts if is_described or fact[0] != "Security Descriptor"] == before[path]
        again.unlink()


def test_contents_are_read_once_for_all_that_share_them(
    small: Path, empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    run_feed = ImageFeed.run

    def counted(feed: ImageFeed, sinks: Any, *arguments: Any, **options: Any) -> Any:
        counts.append(len(sinks))
        return run_feed(feed, sinks, *arguments, **options)

    monkeypatch.setattr(ImageFeed, "run", counted)
    apply(small, volumes(empty, tmp_path, "abc"))
    assert counts == [3]


def test_targets_of_all_kinds_get_the_same_image(small: Path, empty: Path, tmp_path: Path) -> None:
    """New volumes together; one that holds something, a FAT32 volume and a directory each in its turn."""
    new, used, other = volumes(empty, tmp_path, "abc")
    state = tmp_path / "state.wim"
    state.write_bytes(build(root(Node("kept", b"before"))))
    apply(state, [used])
    fat, place = tmp_path / "fat", tmp_path / "place"
    fat.write_bytes(bytes(64 * MIB))
    run("mkfs.vfat", "-F", "32", fat)
    outcome = apply(small, [new, used, fat, place, other], "--json")
    assert told(outcome) == [
        ("a", 0, "bulk"),
        ("b", 0, "libntfs"),
        ("fat", 0, None),
        ("place", 0, "bulk"),
        ("c", 0, "bulk"),
    ]
    assert outcome.document["targets"][1]["result"]["engine_reason"] == {"code": "not-new", "path": None}
    said = apply(small, [*volumes(empty, tmp_path, "d"), tmp_path / "another"], "--verbose").out.splitlines()
    alone = "  the image was read and decompressed once more for it alone"
    assert [line for line in said if line.startswith("  ") and "Unix" not in line] == [
        "  engine: bulk",
        "  engine: bulk",
        alone,
    ]
    assert contents(new).keys() == contents(other).keys() == FILES
    assert contents(used).keys() == FILES | {"/kept"}
    assert (place / "a" / "b").read_bytes() == cases.noise(3 * MIB)
    assert "b" in run("mdir", "-b", "-i", fat, "::/a")
    for volume in (new, used, other):
        assert_ntfs_clean(volume)


def test_one_that_is_refused_stops_none_of_the_others(small: Path, empty: Path, tmp_path: Path) -> None:
    first, second = volumes(empty, tmp_path, "ab")
    tiny = make_ntfs(tmp_path / "tiny", 4 * MIB)
    (tmp_path / "no volume").write_bytes(bytes(4096))
    before = tiny.read_bytes()
    outcome = apply(small, [first, tiny, tmp_path / "no volume", second], "--json", code=5)
    assert told(outcome) == [("a", 0, "bulk"), ("tiny", 4, None), ("no volume", 4, None), ("b", 0, "bulk")]
    assert tiny.read_bytes() == before
    for volume in (first, second):
        assert_ntfs_clean(volume)
        assert contents(volume).keys() == FILES
    said = apply(small, [tiny, tmp_path / "no volume"], code=1).err.splitlines()
    head = said.index("osdimage: 2 of 2 targets failed:")
    assert [line.strip().split(": ")[0] for line in said[head + 1 :]] == [str(tiny), str(tmp_path / "no volume")]


def test_one_whose_disk_is_full_stays_dirty_and_the_others_are_whole(small: Path, empty: Path, tmp_path: Path) -> None:
    first, second = volumes(empty, tmp_path, "ab")
    (tmp_path / "mount").mkdir()
    with small_disk(tmp_path / "mount", 3 * MIB) as disk:
        run("cp", "--sparse=always", empty, disk.seen / "full")
        full = disk.path / "full"
        words = [*disk.prefix, *COMMAND, "apply", small, first, "--also", full, "--also", second, "--no-sync", "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 5, done.stderr
        assert [each["code"] for each in json.loads(done.stdout)["targets"]] == [0, 1, 0]
        error = json.loads(done.stdout)["targets"][1]["error"]
        assert (error["errno"], error["where"]) == ("ENOSPC", str(full))
        assert is_dirty(disk.seen / "full")
    assert f"{full}: No space left on device -- {full} holds an incomplete image and stays marked dirty" in done.stderr
    for volume in (first, second):
        assert_ntfs_clean(volume)
        assert contents(volume).keys() == FILES


def test_bad_contents_leave_each_target_empty_and_dirty(small: Path, empty: Path, tmp_path: Path) -> None:
    damaged, targets = tmp_path / "damaged.wim", volumes(empty, tmp_path, "ab")
    damaged.write_bytes(small.read_bytes().replace(cases.noise(3 * MIB)[50_000:50_008], b"01234567"))
    outcome = apply(damaged, targets, "--json", code=1)
    assert told(outcome) == [("a", 3, None), ("b", 3, None)]
    for target, each in zip(targets, outcome.document["targets"], strict=True):
        assert each["error"]["message"].endswith(f"SHA-1 -- {target} holds an incomplete image and stays marked dirty")
        assert is_dirty(target)
        assert contents(target) == {}


def test_an_image_that_goes_to_no_target_is_told_once(empty: Path, tmp_path: Path) -> None:
    wim, targets = tmp_path / "unsafe.wim", volumes(empty, tmp_path, "ab")
    wim.write_bytes(build(root(Node("a\\b"))))
    before = targets[0].read_bytes()
    with WimFile.open(wim) as opened, pytest.raises(UnsafeName):
        apply_to_all(opened.image(1), targets)
    assert [target.read_bytes() for target in targets] == [before] * 2
    assert apply(wim, targets, code=3).err.count("osdimage: ") == 1


def test_a_target_that_is_given_twice_is_refused_before_anything_is_written(
    small: Path, empty: Path, tmp_path: Path
) -> None:
    (target,) = volumes(empty, tmp_path, "a")
    (tmp_path / "link").symlink_to(target)
    before = target.read_bytes()
    said = apply(small, [target, tmp_path / "link"], code=2).err
    assert said.startswith(f"osdimage: {target} and {tmp_path / 'link'} are the same target, or overlap")
    assert target.read_bytes() == before


def test_the_question_names_all_and_without_an_answer_nothing_is_wiped(
    small: Path, empty: Path, tmp_path: Path
) -> None:
    targets = volumes(empty, tmp_path, "abc")
    a, b, c = map(str, targets)
    assert f"{a}, {b} and {c} would be wiped" in apply(small, targets, "--wipe", code=2).err
    outcome = apply(small, targets, "--wipe", "--yes", "--verbose")
    assert outcome.out.count("engine: bulk") == outcome.out.count("deleted before: 0 files") == 3


def test_the_events_name_the_target_that_they_concern(small: Path, empty: Path, tmp_path: Path) -> None:
    targets = volumes(empty, tmp_path, "ab")
    events = apply(small, [*targets, tmp_path / "no such" / "disk"], "--events", "-", "--partition", "1", code=1).events
    assert [Path(event["target"]).name for event in events] == ["a partition 1", "b partition 1", "disk partition 1"]
    events = apply(small, targets, "--events", "-").events
    shared = [event for event in events if event["phase"] == "extract-data"]
    assert len(shared) > 1
    assert {event["target"] for event in shared} == {None}
    assert {event["target"] for event in events if event["phase"] == "set-metadata"} == set(map(str, targets))
    percents = [event["percent"] for event in events]
    assert percents == sorted(percents)
    assert (percents[-1], percents.count(100)) == (100, 1)


def test_what_stops_the_work_leaves_all_dirty_and_each_is_told(small: Path, empty: Path, tmp_path: Path) -> None:
    targets = volumes(empty, tmp_path, "ab")

    def stop(event: ProgressEvent) -> None:
        if event.phase is Phase.EXTRACT_DATA:
            raise KeyboardInterrupt

    with WimFile.open(small) as opened, pytest.raises(KeyboardInterrupt) as caught:
        apply_to_all(opened.image(1), targets, ApplyOptions(sync=False), progress=stop)
    left = [f"{target} holds an incomplete image and stays marked dirty" for target in targets]
    assert caught.value.__notes__ == [*left, "0 of 2 targets are complete"]
    for target in targets:
        assert is_dirty(target)
        assert contents(target) == {}


KILLED = """\
import os, signal, sys
from osdimage.imaging import WimFile
from osdimage.imaging.apply import ApplyOptions, apply_to_all

def listen(event):
    if (event.phase, event.target) == ("set-metadata", sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

with WimFile.open(sys.argv[1]) as wim:
    apply_to_all(wim.image(1), sys.argv[2:], ApplyOptions(sync=False), progress=listen)
"""


def test_killed_between_two_targets_the_first_is_whole_and_the_others_are_dirty(
    small: Path, empty: Path, tmp_path: Path
) -> None:
    first, *others = volumes(empty, tmp_path, "abc")
    killed = subprocess.run([sys.executable, "-c", KILLED, small, first, *others], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert_ntfs_clean(first)
    assert contents(first).keys() == FILES
    assert [is_dirty(each) for each in others] == [True, True]
    apply(small, [first, *others], "--wipe", "--force", "--yes")
    for each in (first, *others):
        assert_ntfs_clean(each)
        assert contents(each).keys() == FILES


def test_a_library_gets_a_result_for_each(small: Path, empty: Path, tmp_path: Path) -> None:
    first, second = volumes(empty, tmp_path, "ab")
    with WimFile.open(small) as opened:
        options = ApplyOptions(sync=False, engine=Engine.LIBNTFS)
        done, place = apply_to_all(opened.image(1), [first, tmp_path / "new" / "place"], options)
        with open_volume(second, write=True) as volume:
            (given,) = apply_to_all(opened.image(1), [volume], options)
            with pytest.raises(InvalidRequest):
                apply_to_all(opened.image(1), [volume, second], options)
    assert done.result is not None
    assert done.result.engine_reason == Reason(Fallback.ASKED)
    assert (place.target, place.error) == (tmp_path / "new" / "place", None)
    assert (given.target, given.error) == (second, None)
