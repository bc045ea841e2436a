"""What is on the disk after a write was killed, stopped, or met a full disk.

The rules: a new WIM is there complete or not at all, one that is replaced is the old one or the complete new one, one
that is appended to keeps its images at every moment, and an NTFS volume that is half written says so.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import wimcraft
from cases.smalldisk import SmallDisk, small_disk
from judges import wim as judges
from osdimage.imaging import ImageProperties, ProgressEvent, StorageError, WimFile, export_images, set_properties
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.progress import Phase
from osdimage.native.ntfs import volume as ntfs
from runs.sandbox import COMMAND
from runs.stopping import KILLS

pytestmark = pytest.mark.foreign

SEED = 20260917
MIB = 1 << 20


@dataclass(frozen=True)
class Operation:
    """A command that writes a WIM.

    Attributes:
        arguments: of the command line; {new}, {old} and the rest are files of the folder it works in.
        target: the file that is written.
        kind: "new" file, "replace" an old one, or "append" to it.
        images: how many images the target has when all went well.
    """

    arguments: str
    target: str
    kind: str
    images: int


OPERATIONS = {
    "capture-new": Operation("capture {source} {folder}/new.wim", "new.wim", "new", 1),
    "capture-overwrite": Operation("capture {source} {folder}/old.wim --overwrite", "old.wim", "replace", 1),
    "capture-append": Operation("capture {source} {folder}/old.wim --append --name more", "old.wim", "append", 3),
    "export-new": Operation("export {big} {folder}/new.wim --compress xpress", "new.wim", "new", 1),
    "export-into": Operation("export {big} {folder}/old.wim", "old.wim", "append", 3),
    "delete": Operation("delete {folder}/old.wim --index 1", "old.wim", "replace", 1),
}
EACH = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
# One that makes a file, one that adds to one, and one that replaces one.
OF_EACH_KIND = pytest.mark.parametrize(
    "operation",
    [
        pytest.param(
            each, id=name, marks=() if name in {"capture-new", "capture-append", "delete"} else pytest.mark.matrix
        )
        for name, each in OPERATIONS.items()
    ],
)


@dataclass(frozen=True)
class Material:
    """What the operations read, and the WIM with two images that they change."""

    source: Path
    big: Path
    old: Path


def run(*arguments: str | Path, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, *COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )


def fill(folder: Path, seed: int, *, files: int, size: int) -> Path:
    """Make files, every other one of random bytes, the rest of text that compresses."""
    rng = random.Random(seed)
    folder.mkdir()
    words = [rng.randbytes(6).hex() for _ in range(500)]
    for number in range(files):
        text = " ".join(rng.choices(words, k=size // 12)).encode()
        (folder / f"file-{number}").write_bytes(rng.randbytes(size) if number % 2 else text[:size])
    return folder


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder on a file system whose speed does not vary, where there is one."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder in it
    with tempfile.TemporaryDirectory(dir=base) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def material(memory: Path) -> Material:
    source = fill(memory / "source", 1, files=12, size=MIB)
    first, second = fill(memory / "first", 2, files=4, size=MIB), fill(memory / "second", 3, files=6, size=MIB)
    big, old = memory / "big.wim", memory / "old.wim"
    for arguments in (
        ("capture", source, big),
        ("capture", first, old, "--compress", "xpress"),
        ("capture", second, old, "--append"),
    ):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
    return Material(source, big, old)


@pytest.fixture
def folder(memory: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


def arguments_of(operation: Operation, material: Material, folder: Path) -> list[str]:
    paths = {"source": material.source, "big": material.big, "folder": folder}
    return [part.format_map(paths) for part in operation.arguments.split(" ")]


def prepare(operation: Operation, material: Material, folder: Path) -> bytes | None:
    """Put the old WIM where the operation wants it; return its bytes."""
    for path in folder.iterdir():
        path.unlink()
    if operation.kind == "new":
        return None
    shutil.copy(material.old, folder / operation.target)
    return material.old.read_bytes()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_whole(wim: Path, images: int) -> None:
    judges.wimlib("verify", wim)
    assert f"Image Count:    {images}\n" in judges.wimlib("info", wim)


def is_marked(wim: Path) -> bool:
    """Tell whether the header says that a write is in progress."""
    return bool(int.from_bytes(wim.read_bytes()[16:20], "little") & wimcraft.WRITE_IN_PROGRESS)


def start(arguments: list[str], *, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*prefix, *COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop_when(arguments: list[str], phase: Phase, number: signal.Signals) -> tuple[int, str]:
    """Start a command, send it a signal in the middle of a phase; return its exit code and what it said."""
    process = start([*arguments, "--events", "-"])
    assert process.stdout is not None
    # A pipe that is full after some events holds the command up until the signal is there.
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    for line in process.stdout:
        event = json.loads(line)
        if event["phase"] == phase and event["done"] > 0:
            break
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.slow
@OF_EACH_KIND
def test_sigkill_leaves_the_old_wim_or_the_new_one(operation: Operation, material: Material, folder: Path) -> None:
    arguments = arguments_of(operation, material, folder)
    prepare(operation, material, folder)
    began = time.monotonic()
    run("info", material.old)
    start_up, began = time.monotonic() - began, time.monotonic()
    done = run(*arguments)
    whole = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert_whole(folder / operation.target, operation.images)
    rng = random.Random(SEED)
    killed = 0
    for number in range(KILLS):
        old = prepare(operation, material, folder)
        process = start(arguments)
        first, last = 0.7 * min(start_up, whole), 1.05 * whole
        delay = first + (last - first) * (number + rng.random()) / KILLS
        time.sleep(delay)
        process.kill()
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            killed += 1
        else:
            # The measured run was slower than this one: the moments move on to where the work is.
            whole = min(whole, delay)
        target = folder / operation.target
        for name in names_in(folder) - {operation.target}:
            # Linux cannot name a nameless file over another in one step; killed between the two, it has both names.
            assert operation.kind == "replace", "something was left behind"
            assert name.startswith(".osdimage-")
            assert_whole(folder / name, operation.images)
        if not target.exists():
            assert operation.kind == "new"
        elif old is None or (operation.kind == "replace" and target.read_bytes() != old):
            assert_whole(target, operation.images)
        elif operation.kind == "append" and target.read_bytes() != old:
            images = 3 if f"Image Count:    {operation.images}\n" in judges.wimlib("info", target) else 2
            assert_whole(target, images)
    assert killed >= KILLS // 4, "the kills came too late to prove anything"


@pytest.mark.parametrize("name", ["capture-append", "export-into"])
def test_sigkill_in_the_middle_of_an_append_is_told_and_mended(name: str, material: Material, folder: Path) -> None:
    operation = OPERATIONS[name]
    prepare(operation, material, folder)
    code, _ = stop_when(arguments_of(operation, material, folder), Phase.WRITE_DATA, signal.SIGKILL)
    wim = folder / operation.target
    assert code == -signal.SIGKILL
    assert is_marked(wim)
    assert_whole(wim, 2)
    assert_recovers(wim, material, 2)


def assert_recovers(wim: Path, material: Material, images: int) -> None:
    """The next open says what happened, and the next append repairs it."""
    shown = run("info", wim)
    assert shown.returncode == 0
    assert "an earlier write to this WIM was interrupted" in shown.stderr
    again = run("capture", material.old.parent / "first", wim, "--append", "--name", "again")
    assert again.returncode == 0, again.stderr
    assert not is_marked(wim)
    assert_whole(wim, images + 1)


@EACH
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_leaves_everything_as_it_was(
    operation: Operation, material: Material, folder: Path, number: signal.Signals, code: int
) -> None:
    old = prepare(operation, material, folder)
    before = names_in(folder)
    returned, errors = stop_when(arguments_of(operation, material, folder), Phase.WRITE_DATA, number)
    assert returned == code, errors
    assert errors.count("\n") == 1
    assert errors == f"osdimage: stopped by {number.name}\n"
    assert names_in(folder) == before
    assert old is None or (folder / operation.target).read_bytes() == old


@pytest.fixture
def disk(tmp_path: Path, material: Material) -> Iterator[SmallDisk]:
    """A disk with room for the old WIM and less than any operation needs besides."""
    with small_disk(tmp_path, material.old.stat().st_size + MIB // 2) as found:
        yield found


@pytest.mark.root
@EACH
def test_a_full_disk_is_named_and_leaves_everything_as_it_was(
    operation: Operation, material: Material, disk: SmallDisk
) -> None:
    old = prepare(operation, material, disk.seen)
    before, free = names_in(disk.seen), disk.free()
    done = run(*arguments_of(operation, material, disk.path), prefix=disk.prefix)
    # How large a copy is that is made of what is stored is known before.
    is_known = operation is OPERATIONS["delete"]
    said = "not written: the new WIM needs 3.8 MB, there is room for" if is_known else "No space left on device"
    assert done.returncode == (4 if is_known else 1), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"osdimage: {disk.path / operation.target}: {said}" in done.stderr
    assert names_in(disk.seen) == before
    assert disk.free() == free
    assert old is None or (disk.seen / operation.target).read_bytes() == old


@EACH
def test_a_limit_of_file_size_is_named_and_leaves_everything_as_it_was(
    operation: Operation, material: Material, folder: Path
) -> None:
    old = prepare(operation, material, folder)
    before = names_in(folder)
    limit = MIB + (len(old) if old is not None and operation.kind == "append" else 0)
    prefix = (judges.require("prlimit"), f"--fsize={limit}", "--")
    done = run(*arguments_of(operation, material, folder), prefix=prefix)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"osdimage: {folder / operation.target}: File too large" in done.stderr
    assert names_in(folder) == before
    assert old is None or (folder / operation.target).read_bytes() == old


def change_name(wim: Path) -> StorageError | None:
    try:
        set_properties(wim, {1: ImageProperties(name="after")})
    except StorageError as error:
        return error
    return None


@pytest.mark.parametrize("call", ["pwrite", "fsync", "half a pwrite"])
def test_each_failing_write_of_a_rename_leaves_a_valid_wim(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wim = tmp_path / "w.wim"
    original = wimcraft.build(wimcraft.root(wimcraft.Node("file", b"contents")), names=["before"])
    name = call.rpartition(" ")[2]
    real: Callable[..., int | None] = getattr(os, name)
    for nth in range(1, 10):
        wim.write_bytes(original)
        calls = 0

        def failing(*arguments: object, nth: int = nth) -> int | None:
            nonlocal calls
            calls += 1
            if calls < nth:
                return real(*arguments)
            # The header is written in one piece of less than a sector: half of it can never be written.
            if call == "half a pwrite" and arguments[2] != 0 and calls == nth:
                descriptor, data, offset = arguments
                assert isinstance(data, memoryview)
                return real(descriptor, data[: len(data) // 2], offset)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, name, failing)
        problem = change_name(wim)
        monkeypatch.setattr(os, name, real)
        if problem is not None:
            assert (problem.errno, problem.path) == (errno.EIO, str(wim))
            assert str(problem).startswith(f"{wim}: Input/output error -- ")
            assert wim.read_bytes() == original or "tells what it holds" in str(problem)
        judges.wimlib("verify", wim)
        with WimFile.open(wim) as opened:
            assert opened.images[0].name in ({"after"} if problem is None else {"before", "after"})
        if problem is None:
            assert nth > 1, "nothing failed"
            return
    pytest.fail("the change never came to an end")


@pytest.fixture
def volume(folder: Path) -> Path:
    path = folder / "volume.ntfs"
    with path.open("wb") as file:
        file.truncate(96 * MIB)
    judges.run("mkntfs", "-F", "-Q", "-q", path)
    assert not judges.is_dirty(path)
    return path


@pytest.mark.parametrize(
    ("phase", "number", "code"),
    [
        pytest.param(Phase.CREATE_FILES, signal.SIGKILL, -9, id="names SIGKILL"),
        pytest.param(Phase.EXTRACT_DATA, signal.SIGINT, 130, id="contents SIGINT"),
        pytest.param(Phase.CREATE_FILES, signal.SIGTERM, 143, id="names SIGTERM"),
        pytest.param(Phase.EXTRACT_DATA, signal.SIGKILL, -9, id="contents SIGKILL", marks=pytest.mark.matrix),
        pytest.param(Phase.CREATE_FILES, signal.SIGINT, 130, id="names SIGINT", marks=pytest.mark.matrix),
        pytest.param(Phase.EXTRACT_DATA, signal.SIGTERM, 143, id="contents SIGTERM", marks=pytest.mark.matrix),
    ],
)
def test_a_volume_that_is_half_written_stays_dirty_and_is_refused(
    material: Material, volume: Path, phase: Phase, number: signal.Signals, code: int
) -> None:
    # What fills new volumes creates no files before it writes contents.
    engine = "libntfs" if phase is Phase.CREATE_FILES else "bulk"
    arguments = ["apply", str(material.big), str(volume), "--engine", engine]
    returned, errors = stop_when(arguments, phase, number)
    assert returned == code, errors
    assert judges.is_dirty(volume)
    again = run(*arguments)
    assert again.returncode == 4
    assert "marked dirty" in again.stderr
    assert again.stderr.count("\n") == 1
    judges.run("mkntfs", "-F", "-Q", "-q", volume)
    anew = run(*arguments)
    assert anew.returncode == 0, anew.stderr
    assert not judges.is_dirty(volume)


def test_force_applies_to_a_dirty_volume(material: Material, volume: Path) -> None:
    ntfs.set_dirty(volume, dirty=True)
    assert judges.is_dirty(volume)
    assert run("apply", material.old, volume, "--index", "1").returncode == 4
    forced = run("apply", material.old, volume, "--index", "1", "--force")
    assert forced.returncode == 0, forced.stderr


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt], ids=["exception", "Ctrl-C"])
def test_a_callback_that_raises_leaves_the_volume_dirty_and_its_exception_comes_out(
    material: Material, volume: Path, kind: type[BaseException]
) -> None:
    raised = kind("enough")

    def listen(event: ProgressEvent) -> None:
        if event.phase is Phase.EXTRACT_DATA and event.done > 0:
            raise raised

    with WimFile.open(material.big) as wim, pytest.raises(kind) as caught:
        apply_image(wim.image(1), volume, progress=listen)
    assert caught.value is raised
    assert judges.is_dirty(volume)


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt], ids=["exception", "Ctrl-C"])
def test_a_callback_that_raises_leaves_no_half_wim(material: Material, folder: Path, kind: type[BaseException]) -> None:
    raised = kind("enough")

    def listen(event: ProgressEvent) -> None:
        if event.phase is Phase.WRITE_DATA and event.done > 0:
            raise raised

    with WimFile.open(material.big) as wim, pytest.raises(kind) as caught:
        export_images(wim, folder / "new.wim", progress=listen)
    assert caught.value is raised
    assert names_in(folder) == set()


def test_a_directory_that_is_half_written_is_named(material: Material, tmp_path: Path) -> None:
    prefix = (judges.require("prlimit"), f"--fsize={MIB // 2}", "--")
    done = run("apply", material.big, tmp_path / "target", prefix=prefix)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "File too large" in done.stderr
    assert f"{tmp_path / 'target'} holds an incomplete image" in done.stderr
