"""The process that serves a mounted image is killed at moments of chance while it commits; `make kills` tries many."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from judges import mounts as fuse
from judges import wim as judges
from osdimage.imaging import ImageSelector, OsdImageError
from osdimage.imaging.progress import ProgressEvent
from osdimage.imaging.service import MountOptions, UnmountOptions, mount_image, unmount_image
from osdimage.imaging.service.mounts.records import records
from runs.stopping import KILLS

pytestmark = [pytest.mark.foreign]
SEED = 15
# A commit of what is changed here takes half of it.
LONGEST_S = 0.5


@pytest.mark.slow
def test_a_commit_that_is_killed_leaves_the_old_image_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuse.require_fuse()
    monkeypatch.chdir(tmp_path)
    Path("tree").mkdir()
    Path("at").mkdir()
    Path("tree/old").write_bytes(os.urandom(50_000))
    judges.wimlib("capture", "tree", "made.wim", "one")
    rng = random.Random(SEED)
    data = rng.randbytes(2_000_000)
    for _ in range(max(3, KILLS // 4)):
        shutil.copy("made.wim", "x.wim")
        mounted = mount_image("x.wim", "at", ImageSelector(index=1), MountOptions(read_write=True))
        Path("at/new").write_bytes(data)
        Path("at/old").rename("at/moved")
        killer = Killer(mounted.mount.pid, rng.random() * LONGEST_S)
        said = ""
        try:
            mounted.unmount(UnmountOptions(commit=True), progress=killer)
        except OsdImageError as error:
            said = str(error)
        is_new = not said
        assert is_new or "has ended while it wrote" in said
        judges.wimlib("verify", "x.wim")
        assert (Path("x.wim").read_bytes() == Path("made.wim").read_bytes()) is not is_new
        assert sorted(judges.wimlib_paths(Path("x.wim"))) == (["/", "/moved", "/new"] if is_new else ["/", "/old"])
        if not is_new:
            unmount_image("at")
        assert sorted(each.name for each in tmp_path.iterdir()) == ["at", "made.wim", "tree", "x.wim"]
        assert not [each for each in records() if each.facts.directory == str(tmp_path / "at")]


class Killer:
    """Kills a process some time after the first progress that it hears of."""

    def __init__(self, pid: int | None, delay: float) -> None:
        assert pid is not None
        self._pid = pid
        self._timer = threading.Timer(delay, self._kill)
        self._timer.daemon = True

    def __call__(self, event: ProgressEvent) -> None:
        del event
        with suppress(RuntimeError):
            # It was started at the first.
            self._timer.start()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
