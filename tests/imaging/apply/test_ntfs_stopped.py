"""What a wipe, a join and a format say of their progress, and what is left when they are stopped."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from cases.volume import MIB, OSDIMAGE, make_files, make_wim
from judges.disk import run
from judges.ntfs import contents, is_dirty, ntfsfix
from osdimage.imaging import WimFile
from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.progress import Phase, ProgressEvent
from osdimage.native.ntfs import volume as ntfs

pytestmark = pytest.mark.foreign
FILES = 3000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WIM of many small files."""
    folder = tmp_path_factory.mktemp("many")
    files = {f"d{number % 9}/file {number}": "x" for number in range(FILES)}
    return make_wim(make_files(folder / "tree", files), folder / "many.wim")


@pytest.fixture(scope="module")
def filled(many: Path) -> bytes:
    """A volume that holds them."""
    volume = many.with_name("volume")
    with volume.open("wb") as file:
        file.truncate(24 * MIB)
    run(["mkntfs", "--quick", "--force", "--quiet", volume])
    with WimFile.open(many) as opened:
        apply_image(opened.image(1), volume, ApplyOptions(sync=False))
    return volume.read_bytes()


@pytest.fixture
def volume(filled: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "volume"
    path.write_bytes(filled)
    return path


def apply(many: Path, volume: Path, *, wipe: bool) -> list[ProgressEvent]:
    events: list[ProgressEvent] = []
    with WimFile.open(many) as opened:
        options = ApplyOptions(wipe=wipe, sync=False, engine=Engine.LIBNTFS)
        apply_image(opened.image(1), volume, options, progress=events.append)
    return events


@pytest.mark.parametrize(("wipe", "phase"), [(True, Phase.WIPE), (False, Phase.JOIN)])
def test_the_files_are_counted_and_the_percentage_never_falls(
    wipe: bool, phase: Phase, many: Path, volume: Path
) -> None:
    events = apply(many, volume, wipe=wipe)
    steps = [event for event in events if event.phase is phase]
    assert len(steps) > 20
    assert all(event.unit == "files" and 0 < event.done <= (event.total or 0) for event in steps)
    assert FILES <= (steps[-1].total or 0) <= FILES + 100
    percents = [event.percent for event in events]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    # They take a part of the whole of their own.
    assert steps[0].percent < steps[-1].percent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wipe", "number", "code"),
    [
        pytest.param(True, signal.SIGINT, 130, id="wipe SIGINT"),
        pytest.param(False, signal.SIGTERM, 143, id="join SIGTERM"),
        pytest.param(True, signal.SIGTERM, 143, id="wipe SIGTERM", marks=pytest.mark.matrix),
        pytest.param(False, signal.SIGINT, 130, id="join SIGINT", marks=pytest.mark.matrix),
    ],
)
def test_a_signal_stops_them_at_once_and_the_volume_stays_dirty(
    wipe: bool, number: signal.Signals, code: int, many: Path, volume: Path
) -> None:
    command = [OSDIMAGE, "apply", many, volume, "--no-sync", "--events", "-", "--engine", "libntfs"]
    command += ["--wipe", "--yes"] if wipe else []
    phase, state = (Phase.WIPE, "is partly wiped") if wipe else (Phase.JOIN, "holds an incomplete image")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while json.loads(process.stdout.readline())["phase"] != phase:
            pass
        process.send_signal(number)
        _, said = process.communicate()
    assert process.returncode == code
    assert said == f"osdimage: stopped by {number.name} -- {volume} {state} and stays marked dirty\n"
    assert is_dirty(volume)
    with WimFile.open(many) as opened:
        apply_image(opened.image(1), volume, ApplyOptions(wipe=True, force=True, sync=False))
    ntfsfix(volume)
    assert len([path for path, held in contents(volume).items() if held != "directory"]) == FILES


class Enough(Exception):
    pass


def test_what_a_listener_raises_comes_out_and_the_volume_can_be_used_again(volume: Path) -> None:
    told: list[int] = []

    def stop(removed: int, _: int) -> None:
        told.append(removed)
        raise Enough

    with pytest.raises(Enough):
        ntfs.wipe(volume, listener=stop)
    assert len(told) == 1
    assert 0 < told[0] < FILES
    ntfs.wipe(volume)
    assert contents(volume) == {}
    ntfsfix(volume)
