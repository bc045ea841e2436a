"""Filling new NTFS volumes in one pass: what others find on them, and what is left to libntfs-3g."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cases import bulk as cases
from cases.volume import osdimage, osdimage_json
from cases.wimcraft import Node, build, folder, root
from hypothesis import given, settings
from hypothesis import strategies as st
from judges.disk import run as judge
from judges.ntfs import contents
from judges.wim import assert_ntfs_clean, is_dirty, make_ntfs, outcome, run, wimlib, wimlib_facts
from osdimage.imaging import WimFile
from osdimage.imaging.apply import bulk
from osdimage.imaging.apply.engine import Engine, Fallback, Reason
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions, ApplyResult
from osdimage.imaging.apply.supply import Supply
from osdimage.imaging.disk.places import open_volume, opened_place
from osdimage.imaging.errors import CorruptWim, TargetRefused, TooSmall
from osdimage.imaging.progress import Phase, ProgressEvent
from osdimage.imaging.volume.ntfs.check.volume import NtfsCheckOptions, check_ntfs
from runs import drawn

pytestmark = pytest.mark.foreign
MIB = 1 << 20


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bulk") / "everything.wim"
    path.write_bytes(build(cases.everything(), descriptors=cases.DESCRIPTORS))
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.wim"
    path.write_bytes(build(root(folder("a", Node("b", cases.noise(100_000))), Node("c", b"short"))))
    return path


def fill(wim: Path, volume: Path, **options: object) -> ApplyResult:
    with WimFile.open(wim) as opened:
        return apply_image(opened.image(1), volume, ApplyOptions(sync=False, **options))  # type: ignore[arg-type]


def faults_of(volume: Path) -> list[str]:
    """Return what is wrong with a volume to which nobody has written since, by rules that its writer does not share."""
    with open_volume(volume) as opened:
        return [str(fault) for fault in check_ntfs(opened.window(), NtfsCheckOptions(is_fresh=True)).faults]


SHAPES = [
    pytest.param((), id="4096"),
    pytest.param(("-c", "512"), id="512"),
    pytest.param(("-c", "1024"), id="1024"),
    pytest.param(("-c", "65536"), id="65536"),
    pytest.param(("-c", "4096", "-s", "4096"), id="sectors of 4096"),
    pytest.param(("-c", "262144"), id="262144"),
]


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_a_capture_by_wimlib_of_the_volume_has_all_that_the_image_has(
    shape: tuple[str, ...], wim: Path, tmp_path: Path
) -> None:
    volume = make_ntfs(tmp_path / "volume", 2048 * MIB if "262144" in shape else 128 * MIB, *shape)
    result = fill(wim, volume, engine=Engine.BULK)
    assert (result.engine, result.engine_reason, result.losses) == (Engine.BULK, None, ())
    assert_ntfs_clean(volume)
    assert faults_of(volume) == []
    again = tmp_path / "again.wim"
    wimlib("capture", volume, again, "--compress=none")
    before, after = wimlib_facts(wim), wimlib_facts(again)
    assert after.keys() == before.keys()
    different = {path: (before[path], after[path]) for path in before if before[path] != after[path]}
    assert told(different, shape) == {}


def told(different: dict[str, tuple[list[tuple[str, str]], ...]], shape: tuple[str, ...]) -> dict[str, object]:
    """Leave out what is not so on any volume: files without a descriptor get one, large clusters no compression."""
    left = {}
    for path, (before, after) in different.items():
        descriptor = any(name == "Security Descriptor" for name, _ in before)
        facts = [
            [
                fact
                for fact in facts
                if (descriptor or fact[0] != "Security Descriptor")
                and (not shape or shape[1] in {"512", "1024", "4096"} or fact[0] != "Attributes")
            ]
            for facts in (before, after)
        ]
        if facts[0] != facts[1]:
            left[path] = facts
    return left


@drawn.examples(2, 8)
def test_a_tree_of_chance_is_captured_as_it_was(examples: int, tmp_path: Path) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(seed=st.integers(0, 1 << 32), cluster=st.sampled_from(["512", "1024", "4096", "65536"]))
    def check(seed: int, cluster: str) -> None:
        wim, again, volume = tmp_path / "image.wim", tmp_path / "again.wim", tmp_path / "volume"
        wim.write_bytes(build(cases.at_random(seed), descriptors=cases.DESCRIPTORS))
        fill(wim, make_ntfs(volume, 2048 * MIB, "-c", cluster), engine=Engine.BULK)
        assert faults_of(volume) == []
        wimlib("capture", volume, again, "--compress=none")
        before, after = wimlib_facts(wim), wimlib_facts(again)
        assert after.keys() == before.keys()
        assert told({path: (before[path], after[path]) for path in before}, ("-c", cluster)) == {}

    check()


@pytest.mark.slow
@pytest.mark.matrix
def test_libntfs_3g_writes_the_same(wim: Path, tmp_path: Path) -> None:
    ours, theirs = (make_ntfs(tmp_path / name, 128 * MIB) for name in ("ours", "theirs"))
    fill(wim, ours, engine=Engine.BULK)
    assert fill(wim, theirs, engine=Engine.LIBWIM).engine_reason == Reason(Fallback.ASKED)
    assert contents(ours) == contents(theirs)
    judge(["ntfsresize", "--info", "--no-progress-bar", ours])


def test_other_programs_read_and_write_the_volume(wim: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 128 * MIB)
    fill(wim, volume)
    assert "Everything is Ok" in run("7zz", "t", volume)
    assert "No errors were found" in run("ntfssecaudit", "-a", volume)
    (tmp_path / "more").write_bytes(b"more")
    judge(["ntfscp", "--force", volume, tmp_path / "more", "/large"])
    assert_ntfs_clean(volume)


# ---- what is left to libntfs-3g


@contextmanager
def prepared(wim: Path) -> Iterator[bulk.Bulk | Reason]:
    with WimFile.open(wim) as opened:
        image = opened.image(1)
        image.audit()
        with bulk.prepared(Supply(image), 0) as made:
            yield made


def reason_of(wim: Path, volume: Path) -> Reason | None:
    with prepared(wim) as made, opened_place(volume) as place:
        if isinstance(made, Reason):
            return made
        return made.plan(place)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", list(cases.REFUSED))
def test_each_reason_is_known_before_anything_is_written(code: str, tmp_path: Path) -> None:
    make, path = cases.REFUSED[code]
    wim, volume = tmp_path / "image.wim", make_ntfs(tmp_path / "volume", 24 * MIB)
    wim.write_bytes(build(make(), descriptors=(*cases.DESCRIPTORS, b"no descriptor at all")))
    before = volume.read_bytes()
    assert reason_of(wim, volume) == Reason(Fallback(code), path)
    assert volume.read_bytes() == before


def test_extended_attributes_are_counted_as_lost(tmp_path: Path) -> None:
    # The length of the value, that of the name, a flag; in an item of tag 2 (wimlib, xattr.h and tagged_items.h).
    value = struct.pack("<HBB", 5, 4, 0) + b"name\0value"
    item = struct.pack("<II", 2, len(value)) + value
    names = [Node(name, b"3", items=item, link_group=7) for name in ("one file", "that has", "three names")]
    wim = tmp_path / "image.wim"
    wim.write_bytes(build(root(folder("d", Node("a", b"1", items=item), Node("b", b"2")), *names)))
    ours, theirs = (
        fill(wim, make_ntfs(tmp_path / engine, 24 * MIB), engine=engine) for engine in (Engine.BULK, Engine.LIBNTFS)
    )
    assert [str(loss) for loss in ours.losses] == [str(loss) for loss in theirs.losses]
    assert [loss.count for loss in ours.losses if loss.kind == "extended-attributes"] == [2]


def test_a_pipable_wim_is_left_to_libntfs_3g(small: Path, tmp_path: Path) -> None:
    pipable = tmp_path / "pipable.wim"
    wimlib("export", small, "1", pipable, "--pipable")
    result = fill(pipable, make_ntfs(tmp_path / "volume", 24 * MIB))
    assert (result.engine, result.engine_reason) == (Engine.LIBNTFS, Reason(Fallback.PIPABLE))


def test_contents_that_nobody_told_of_are_left_to_libntfs_3g(small: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"more")
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)
    with WimFile.open(small) as opened:
        image = opened.image(1)
        image.audit()
        image.handle.add_file(1, tmp_path / "file", "/d/more")
        result = apply_image(image, volume, ApplyOptions(sync=False))
    assert result.engine_reason == Reason(Fallback.ELSEWHERE, "/d/more")
    assert "/d/more" in contents(volume)


def test_a_volume_that_holds_something_is_added_to_by_libntfs_3g(small: Path, wim: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 128 * MIB)
    fill(small, volume)
    result = fill(wim, volume)
    assert result.engine_reason == Reason(Fallback.NOT_NEW)
    assert {"/a/b", "/large"} <= contents(volume).keys()
    assert_ntfs_clean(volume)


def test_what_was_asked_for_and_cannot_be_is_refused_with_the_reason(small: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)
    fill(small, volume)
    before = volume.read_bytes()
    with pytest.raises(TargetRefused, match=r"the volume is not as it was formatted; let libntfs-3g write it"):
        fill(small, volume, engine=Engine.BULK)
    assert volume.read_bytes() == before
    said = osdimage("apply", str(small), str(volume), "--engine", "bulk", code=4)
    assert "with --engine auto" in said


def test_the_reason_is_told(small: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)
    assert "engine: bulk" in osdimage("apply", str(small), str(volume), "--verbose", "--no-sync").splitlines()[-1]
    result = osdimage_json("apply", str(small), str(volume), "--no-sync")
    assert (result["engine"], result["engine_reason"]) == ("libntfs", {"code": "not-new", "path": None})


# ---- what goes wrong


def test_a_volume_that_is_too_small_is_refused_as_it_was(tmp_path: Path) -> None:
    wim, volume = tmp_path / "image.wim", make_ntfs(tmp_path / "volume", 8 * MIB)
    wim.write_bytes(build(root(Node("large", cases.noise(300_000) * 30))))
    before = volume.read_bytes()
    with pytest.raises(TooSmall, match=r"not written: the image needs .*, the volume has .* free"):
        fill(wim, volume)
    assert volume.read_bytes() == before


def test_damaged_contents_leave_an_empty_dirty_volume_and_the_next_apply_fills_it(small: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)
    damaged = tmp_path / "damaged.wim"
    data = small.read_bytes()
    damaged.write_bytes(data.replace(cases.noise(100_000)[50_000:50_008], b"01234567"))
    with pytest.raises(CorruptWim, match=r"'/a/b' do not match their SHA-1") as caught:
        fill(damaged, volume)
    assert "holds an incomplete image and stays marked dirty" in str(caught.value)
    assert is_dirty(volume)
    assert contents(volume) == {}
    with pytest.raises(TargetRefused, match="marked dirty"):
        fill(small, volume)
    assert fill(small, volume, force=True).engine is Engine.BULK
    assert is_dirty(volume)
    assert [text for text in faults_of(volume) if "dirty" not in text] == []
    assert fill(small, volume, wipe=True, force=True).engine is Engine.BULK
    assert_ntfs_clean(volume)
    assert contents(volume).keys() == {"/a", "/a/b", "/c"}


def test_a_listener_that_raises_leaves_an_empty_dirty_volume(small: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)

    def stop(event: ProgressEvent) -> None:
        if event.phase is Phase.SET_METADATA:
            raise KeyboardInterrupt

    with WimFile.open(small) as opened, pytest.raises(KeyboardInterrupt):
        apply_image(opened.image(1), volume, ApplyOptions(sync=False), progress=stop)
    assert is_dirty(volume)
    assert contents(volume) == {}


def test_the_contents_are_nearly_all_of_the_work(small: Path, tmp_path: Path) -> None:
    events: list[ProgressEvent] = []
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)
    with WimFile.open(small) as opened:
        apply_image(opened.image(1), volume, ApplyOptions(sync=False), progress=events.append)
    assert {event.phase for event in events} == {Phase.EXTRACT_DATA, Phase.SET_METADATA}
    assert max(event.percent for event in events if event.phase is Phase.EXTRACT_DATA) > 90
    assert events[-1].percent == 100


def test_nothing_outside_of_the_volume_changes(small: Path, tmp_path: Path) -> None:
    """A volume of 24 MiB at an odd sector, between bytes that are not its own."""
    rng = random.Random(7)
    disk, before, after = tmp_path / "disk", rng.randbytes(512 * 4097), rng.randbytes(MIB)
    volume = make_ntfs(tmp_path / "volume", 24 * MIB).read_bytes()
    disk.write_bytes(before + volume + after)
    table = f"label: dos\nstart=4097, size={24 * MIB // 512}, type=7\n"
    run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", "--wipe=never", disk, stdin=table)
    whole = disk.read_bytes()
    result = osdimage_json("apply", str(small), str(disk), "--partition", "1", "--no-sync")
    assert result["engine"] == "bulk"
    now = disk.read_bytes()
    assert (now[: len(before)], now[-len(after) :]) == (whole[: len(before)], after)
    part = tmp_path / "part"
    part.write_bytes(now[len(before) : -len(after)])
    assert contents(part).keys() == {"/a", "/a/b", "/c"}


# ---- wiping and answer files


def test_a_wipe_makes_the_volume_anew_as_it_was(small: Path, wim: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 128 * MIB, "-c", "8192", "-L", "Größe", "-p", "2048")
    fill(wim, volume)
    data = bytearray(volume.read_bytes())
    code = bytes(range(256)) * 32
    for at in (*range(3), *range(0x54, 510), *range(512, 8192)):
        data[at] = code[at]
    data[0] = 0xEB
    volume.write_bytes(data)
    old = data[:8192]
    result = fill(small, volume, wipe=True)
    assert (result.engine, (result.wiped or 0) > 1000) == (Engine.BULK, True)
    assert_ntfs_clean(volume)
    assert contents(volume).keys() == {"/a", "/a/b", "/c"}
    assert "Größe" in run("ntfslabel", volume)
    new = volume.read_bytes()[:8192]
    # Boot code, sectors of a cluster, hidden sectors, serial number.
    for begin, end in ((0, 3), (0x0B, 0x0E), (0x1C, 0x20), (0x48, 0x50), (0x54, 8192)):
        assert new[begin:end] == old[begin:end], hex(begin)


def test_a_volume_on_which_nothing_was_has_no_file_that_a_wipe_deletes(small: Path, tmp_path: Path) -> None:
    # $Extend holds $ObjId, $Quota and $Reparse.
    assert fill(small, make_ntfs(tmp_path / "volume", 24 * MIB), wipe=True).wiped == 0


def test_a_wipe_that_keeps_something_deletes_the_rest(small: Path, tmp_path: Path) -> None:
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)
    state = tmp_path / "state.wim"
    state.write_bytes(build(root(folder("_SMSTaskSequence", Node("state", b"kept")), Node("gone"))))
    fill(state, volume)
    result = fill(small, volume, wipe=True)
    assert (result.engine_reason, result.wiped) == (Reason(Fallback.KEPT), 1)
    assert contents(volume).keys() == {"/_SMSTaskSequence", "/_SMSTaskSequence/state", "/a", "/a/b", "/c"}


def test_a_file_that_was_added_to_the_image_is_written_too(small: Path, tmp_path: Path) -> None:
    answers = tmp_path / "unattend.xml"
    answers.write_bytes(b"<unattend/>" * 1000)
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)
    with WimFile.open(small) as opened:
        image = opened.image(1)
        image.add_file(answers, "/Windows/Panther/unattend.xml")
        result = apply_image(image, volume, ApplyOptions(sync=False))
    assert result.engine is Engine.BULK
    assert outcome("ntfscat", volume, "/Windows/Panther/unattend.xml").stdout == "<unattend/>" * 1000


def test_hard_links_object_ids_and_parts_of_a_split_wim(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "first").write_bytes(cases.noise(200_000))
    for number in range(300):
        (tree / "folder" / f"another name of the same file, number {number:03}").hardlink_to(tree / "first")
    (tree / "second").write_bytes(cases.noise(180_000, 90_000))
    whole = tmp_path / "whole.wim"
    wimlib("capture", tree, whole, "--compress=none")
    wimlib("split", whole, tmp_path / "part.swm", "0.1")
    volume = make_ntfs(tmp_path / "volume", 24 * MIB)
    result = osdimage_json("apply", str(tmp_path / "part.swm"), "--ref", str(tmp_path / "part*.swm"), str(volume))
    assert result["engine"] == "bulk"
    again = tmp_path / "again.wim"
    wimlib("capture", volume, again, "--compress=none")
    before, after = wimlib_facts(whole), wimlib_facts(again)
    for facts in after.values():
        facts[:] = [fact for fact in facts if fact[0] != "Security Descriptor"]
    assert after == before
    assert ("Link Count", "301") in after['"/first"']
