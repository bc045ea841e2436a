"""WIMs that are changed where they stand, on a medium that fails at any single write or sync, or stops to work.

Whatever happens, the old images can be read, and what the message says of the file is true.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cases.windows_trees import write_tree
from judges import wim as judges
from osdimage.imaging import (
    CaptureOptions,
    ImageProperties,
    InvalidRequest,
    StorageError,
    WriteMode,
    capture_image,
)
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.wim import Names
from osdimage.native.wim.handles import WimHandle
from runs.failing import FAULTS, KINDS, Ended, Failing, Fault, failing

pytestmark = pytest.mark.foreign

HIVE = "Windows/System32/config/SYSTEM"
HEADER = ("pwrite", 0, 208)
AS_BEFORE = "was cut back to what it held before"
NOT_SURE = "osdimage verify"
NAMED = "the new file is complete and has its name"


@dataclass(frozen=True)
class Material:
    """A folder to capture, a WIM to export, and the WIM of two images that is changed."""

    folder: Path
    other: Path
    old: bytes


COMMANDS = {
    "capture": ("capture {folder} {wim} --append --name new", 3),
    "export": ("export {other} {wim}", 3),
    "registry": ("registry set {wim} --index 1 --hive system Setup 7 --value Number --type dword", 2),
    "info": ("info {wim} --index 1 --set name=new", 2),
    "delete": ("delete {wim} --index 2", 1),
}
# A change of the registry appends as the others do, and takes longer.
FAULTS_OF = {name: ["an error once", "SIGTERM"] if name == "registry" else list(FAULTS) for name in COMMANDS}


@pytest.fixture(scope="module")
def failer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failing]:
    with failing(tmp_path_factory.mktemp("failing")) as made:
        yield made


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("material")
    hive = new_hive("SYSTEM")
    hive.root.ensure("Setup")
    first = write_tree(folder / "first", {HIVE: write_hive(hive), "file": b"contents"})
    second, third, fourth = (
        write_tree(folder / name, {"file": name.encode() * 100, "more": name.encode()})
        for name in ("second", "third", "fourth")
    )
    # Or who reads them first changes when they were read, and so how many bytes their tree takes when it is compressed.
    now = time.time()
    for each in (*third.iterdir(), third):
        os.utime(each, (now, now - 60))
    wim, other = folder / "wim.wim", folder / "other.wim"
    judges.wimlib("capture", first, wim, "first", "--check")
    judges.wimlib("append", second, wim, "second")
    judges.wimlib("capture", fourth, other, "fourth")
    return Material(third, other, wim.read_bytes())


@dataclass(frozen=True)
class Change:
    """A command, the WIM that it changes in a folder of its own, and what the two were."""

    arguments: list[str]
    wim: Path
    old: bytes
    images: int

    def run(self, failer: Failing, kind: str = "sync", number: int = -1, fault: Fault | None = None) -> Ended:
        self.wim.write_bytes(self.old)
        return failer.run(self.arguments, self.wim.parent, kind, number, fault)

    def is_as_before(self) -> bool:
        return self.wim.read_bytes() == self.old and list(self.wim.parent.iterdir()) == [self.wim]


@pytest.fixture
def change(command: str, material: Material, tmp_path: Path) -> Change:
    (tmp_path / "own").mkdir()
    wim = tmp_path / "own" / "wim.wim"
    text, images = COMMANDS[command]
    paths = {"folder": material.folder, "other": material.other, "wim": wim}
    return Change([part.format_map(paths) for part in text.split()], wim, material.old, images)


def images_of(wim: Path) -> int:
    """Return how many images a WIM has, after two programs have read all of them."""
    judges.wimlib("verify", wim)
    judges.seven_zip_test(wim)
    return len(judges.wimlib_info(wim).images)


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        pytest.param(name, FAULTS[fault], id=f"{name}: {fault}")
        for name, faults in FAULTS_OF.items()
        for fault in faults
    ],
)
def test_a_fault_at_any_call_leaves_the_old_images_and_is_told_as_it_is(
    change: Change, failer: Failing, fault: Fault
) -> None:
    whole = change.run(failer)
    assert whole.code == 0, whole.err
    assert images_of(change.wim) == change.images
    for kind in KINDS:
        for number in range(whole.count(kind)):
            ended = change.run(failer, kind, number, fault)
            where = f"{kind} {number}: exit {ended.code}: {ended.err}"
            judge(change, ended, fault, where)
            for left in change.wim.parent.iterdir():
                left.unlink()


def judge(change: Change, ended: Ended, fault: Fault, where: str) -> None:
    same = change.is_as_before()
    if fault.signal:
        assert ended.code == (-fault.signal if ended.code < 0 else 128 + fault.signal), where
        # What was to replace the file and has its name already stays.
        claimed = ended.code > 0 and ended.err == "osdimage: stopped by SIGTERM\n" and change.images >= 2
    else:
        assert ended.code == 1, where
        assert ended.err.count("\n") == 1, where
        assert f"osdimage: {change.wim}: " in ended.err, where
        claimed = AS_BEFORE in ended.err and NOT_SURE not in ended.err
    assert same or not claimed, where
    if not same:
        assert fault.signal or NOT_SURE in ended.err or NAMED in ended.err, where
        count = images_of(change.wim)
        assert count in {2, change.images}, where


@pytest.mark.parametrize("command", ["capture", "export", "registry"])
def test_a_header_waits_for_what_it_points_to(change: Change, failer: Failing) -> None:
    calls = change.run(failer).calls
    sync = ("sync", 0, 0)
    # What libwim writes; the old header again, and its own once all is on the medium.
    assert calls[-5:] == (HEADER, HEADER, sync, HEADER, sync)
    data = [number for number, call in enumerate(calls) if call[0] == "write"]
    assert sync in calls[data[0] : data[-1]], "nothing was synced before the blob table"


@pytest.mark.parametrize("command", ["capture", "export", "registry"])
@pytest.mark.parametrize("fault", [FAULTS["an error once"], FAULTS["SIGTERM"]], ids=["error", "signal"])
def test_the_way_back_puts_the_header_before_it_cuts(change: Change, failer: Failing, fault: Fault) -> None:
    last = change.run(failer).count("sync") - 1
    ended = change.run(failer, "sync", last, fault)
    assert change.is_as_before()
    sync = ("sync", 0, 0)
    assert ended.calls[-4:] == (HEADER, sync, ("cut", 0, len(change.old)), sync)


@pytest.mark.parametrize("command", ["capture"])
def test_nothing_is_cut_while_the_medium_confirms_nothing(change: Change, failer: Failing) -> None:
    last = change.run(failer).count("sync") - 1
    new = change.wim.stat().st_size
    ended = change.run(failer, "sync", last, FAULTS["errors from then on"])
    assert ended.count("cut") == 0
    assert "has its old header again, but the medium did not confirm it (Input/output error)" in ended.err
    assert f"osdimage verify {change.wim} tells what it holds" in ended.err
    assert change.wim.stat().st_size == new
    assert images_of(change.wim) == 2


@pytest.mark.parametrize("command", ["capture"])
def test_a_header_that_cannot_be_put_back_keeps_what_it_points_to(change: Change, failer: Failing) -> None:
    # The call after libwim's own header.
    headers = [call for call in change.run(failer).calls if call[0] == "pwrite"]
    assert headers[-3:] == [HEADER] * 3
    ended = change.run(failer, "pwrite", len(headers) - 2, FAULTS["errors from then on"])
    assert ended.code == 1
    assert "could not be put back (Input/output error), so nothing was cut off" in ended.err
    assert images_of(change.wim) == 3


@pytest.mark.parametrize("is_failing", [False, True], ids=["sound medium", "failing medium"])
def test_what_another_program_has_begun_to_write_is_not_touched(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_failing: bool
) -> None:
    wim = tmp_path / "wim.wim"
    wim.write_bytes(material.old)
    real = WimHandle.overwrite
    with wim.open("rb") as theirs:

        def overwrite(*arguments: Any, **options: Any) -> Any:
            result = real(*arguments, **options)
            fcntl.flock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_failing:
                monkeypatch.setattr(os, "fsync", fail)
            return result

        monkeypatch.setattr(WimHandle, "overwrite", overwrite)
        if is_failing:
            with pytest.raises(StorageError, match=r"another program is writing to .* so nothing was taken back"):
                capture_image(material.folder, wim, CaptureOptions(mode=WriteMode.APPEND))
        else:
            capture_image(material.folder, wim, CaptureOptions(mode=WriteMode.APPEND))
    assert images_of(wim) == 3


def fail(_: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_pipable_wim_is_written_anew_and_not_taken_back(material: Material, tmp_path: Path) -> None:
    wim = tmp_path / "wim.wim"
    judges.wimlib("capture", material.folder, wim, "first", "--pipable")
    capture_image(
        material.folder, wim, CaptureOptions(mode=WriteMode.APPEND), properties=ImageProperties(name="second")
    )
    judges.wimlib("verify", wim)
    assert len(judges.wimlib_info(wim).images) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["wim.wim"]


def test_names_are_not_replaced_in_a_pipable_wim_which_stays_as_it_was(material: Material, tmp_path: Path) -> None:
    wim = tmp_path / "wim.wim"
    judges.wimlib("capture", material.folder, wim, "first", "--pipable")
    before = wim.read_bytes()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/a:b").touch()
    with pytest.raises(InvalidRequest, match=r"wim\.wim: is pipable, and trees of such a WIM cannot be changed"):
        capture_image(tmp_path / "odd", wim, CaptureOptions(mode=WriteMode.APPEND, names=Names.REPLACE))
    assert wim.read_bytes() == before
