"""What docs/library/threads.md tells of threads, asyncio and processes."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cases import bulk as cases
from cases.wimcraft import Node, build, folder, root
from osdimage.imaging import (
    CancellationToken,
    Cancelled,
    CaptureOptions,
    Compression,
    CompressionSpec,
    Preset,
    ProgressEvent,
    TargetRefused,
    WimFile,
    WriteMode,
    capture_image,
    compare_image,
    execute,
    in_thread,
    make_plan,
    open_disk,
    preset_layout,
    verify_file,
)
from osdimage.imaging.capture import CaptureResult
from osdimage.imaging.deploy import images_of, plan_from_json, plan_to_document
from osdimage.imaging.progress import Phase, ProgressCallback
from osdimage.imaging.volume import check_volume, open_files

MIB = 1 << 20
SIZE = 160 * MIB


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("threads") / "small.wim"
    files = [Node(f"{number}.bin", cases.noise(MIB)) for number in range(12)]
    path.write_bytes(build(root(folder("a", *files), Node("c", b"short"))))
    return path


def deploy(wim: Path, disk: Path, progress: ProgressCallback | None = None) -> bool:
    """Make a disk, and tell whether it holds what the image has, and is sound."""
    with WimFile.open(wim) as opened, open_disk(disk, create=SIZE) as made:
        image = opened.image(1)
        execute(make_plan(image, preset_layout(Preset.DATA_GPT), made.geometry), made, image, progress=progress)
        return compare_image(image, made.volume(2)).is_equal and not check_volume(made.volume(2)).findings


class Meeting:
    """Holds works in the midst of what they do until all of them are there."""

    def __init__(self, works: int) -> None:
        self._barrier = threading.Barrier(works, timeout=60)
        self._here = threading.local()

    def __call__(self, event: ProgressEvent) -> None:
        if 0 < event.percent < 100 and not hasattr(self._here, "came"):
            self._here.came = True
            self._barrier.wait()


def test_two_disks_are_deployed_at_once(wim: Path, tmp_path: Path) -> None:
    meeting = Meeting(2)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(deploy, wim, tmp_path / f"{name}.img", meeting) for name in "ab"]
        assert [job.result() for job in jobs] == [True, True]
    # GUIDs are drawn anew for each.
    with open_disk(tmp_path / "a.img") as one, open_disk(tmp_path / "b.img") as other:
        assert one.table.disk_guid != other.table.disk_guid


def test_another_thread_stops_several_works_at_once(wim: Path, tmp_path: Path) -> None:
    token, meeting = CancellationToken(), Meeting(3)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(deploy, wim, tmp_path / f"{name}.img", token.watch(meeting)) for name in "ab"]
        meeting(ProgressEvent(Phase.SCAN, 0, None, "bytes", 50.0, None))
        token.cancel()
        assert [type(job.exception()) for job in jobs] == [Cancelled, Cancelled]


def test_an_open_disk_may_be_used_in_a_thread_that_did_not_open_it(wim: Path, tmp_path: Path) -> None:
    deploy(wim, tmp_path / "a.img")

    def work() -> int:
        with open_files(disk.volume(2), write=True) as files:
            files.write("new.txt", b"from another thread")
        return len(check_volume(disk.volume(2)).findings)

    with open_disk(tmp_path / "a.img", write=True) as disk, ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == 0
        with open_files(disk.volume(2)) as files:
            assert files.read("new.txt") == b"from another thread"


def test_two_threads_read_one_wim_that_each_of_them_opened(wim: Path, tmp_path: Path) -> None:
    def extract(number: int) -> int:
        with WimFile.open(wim) as opened:
            return len(opened.image(1).extract([f"/a/{number}*"], tmp_path / str(number)).paths)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(extract, (0, 1))) == [1, 3]
    with WimFile.open(wim) as opened, ThreadPoolExecutor(1) as pool:
        failed = pool.submit(opened.image(1).entries).exception()
        assert isinstance(failed, RuntimeError)
        assert "open it again in this one" in str(failed)


def test_of_two_writers_in_one_process_one_is_refused(wim: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.wim"
    copy.write_bytes(wim.read_bytes())
    (tmp_path / "tree").mkdir()
    append = CaptureOptions(mode=WriteMode.APPEND)

    def append_too(_: ProgressEvent) -> None:
        if not added:
            with ThreadPoolExecutor(1) as pool:
                added.append(pool.submit(capture_image, tmp_path / "tree", copy, append).result())

    added: list[CaptureResult] = []
    with pytest.raises(TargetRefused, match="nothing was written"):
        capture_image(tmp_path / "tree", copy, append, progress=append_too)
    with WimFile.open(copy) as opened:
        assert len(opened) == 2
        assert opened.verify().is_sound
    deploy(wim, tmp_path / "a.img")
    with open_disk(tmp_path / "a.img", write=True), pytest.raises(TargetRefused, match="locked"):
        open_disk(tmp_path / "a.img", write=True)


def test_a_task_group_that_fails_stops_the_works_of_its_other_tasks(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(16):
        (tree / f"{number}.bin").write_bytes(random.Random(number).randbytes(MIB))
    begun = threading.Event()

    async def fail() -> None:
        await asyncio.to_thread(begun.wait, 60)
        raise LookupError("another reason")

    def capture(*, progress: ProgressCallback) -> None:
        options = CaptureOptions(compression=CompressionSpec(Compression.LZX, level=100))
        capture_image(tree, tmp_path / "new.wim", options, progress=progress)

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(in_thread(capture, progress=lambda _: begun.set()))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(story())
    assert [type(each) for each in caught.value.exceptions] == [LookupError]
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_gathered_works_are_at_work_at_once(wim: Path) -> None:
    meeting = threading.Barrier(2, timeout=60)

    def verify(*, progress: ProgressCallback) -> bool:
        meeting.wait()
        return verify_file(wim, progress=progress).is_sound

    async def story() -> list[bool]:
        return await asyncio.gather(in_thread(verify), in_thread(verify))

    assert asyncio.run(story()) == [True, True]


def test_a_child_that_was_forked_opens_its_own(wim: Path, tmp_path: Path) -> None:
    script = (
        "import multiprocessing, sys\n"
        "from osdimage.imaging import WimFile, capture_image, verify_file\n"
        "wim, tree, new = sys.argv[1:]\n"
        "def work(_):\n"
        "    capture_image(tree, new)\n"
        "    return verify_file(new).is_sound and verify_file(wim).is_sound\n"
        "with WimFile.open(wim) as opened:\n"
        "    with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "        print(pool.map(work, [0]), len(opened.image(1).entries()))\n"
    )
    (tmp_path / "tree").mkdir()
    command = [sys.executable, "-W", "error", "-c", script, wim, tmp_path / "tree", tmp_path / "new.wim"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[True] 15\n", "")


def test_a_plan_is_kept_as_a_document_and_carried_out_by_another_process(wim: Path, tmp_path: Path) -> None:
    with WimFile.open(wim) as opened, open_disk(tmp_path / "a.img", create=SIZE) as disk:
        plan = make_plan(opened.image(1), preset_layout(Preset.DATA_GPT), disk.geometry)
        text = json.dumps(plan_to_document(plan))
        again = plan_from_json(text, source="plan.json")
        execute(again, disk, *images_of(again, opened))
        assert again == plan
        assert disk.table == plan.table
