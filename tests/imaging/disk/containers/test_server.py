"""Disks that qemu-nbd serves: what qemu-img says of them, and when one of the two processes ends."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cases import served
from cases.served import MADE_WITH, MIB, noise
from judges.wim import require
from osdimage.imaging.disk.containers import qemu
from osdimage.imaging.disk.containers import server as module
from osdimage.imaging.disk.containers.served import ServedTarget
from osdimage.imaging.disk.containers.server import Server
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError, StorageError, TargetRefused

pytestmark = pytest.mark.foreign
FORMS = list(MADE_WITH)
SIZE = 24 * MIB
TESTS = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def _qemu() -> None:
    require("qemu-nbd")
    require("qemu-img")


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the same disk in every format."""
    folder = tmp_path_factory.mktemp("disks")
    with (folder / "disk.img").open("wb") as raw:
        raw.truncate(SIZE)
        for number, (at, size) in enumerate(((0, 512), (3 * MIB + 7, 100_000), (9 * MIB, 5 * MIB), (SIZE - 9, 9))):
            raw.seek(at)
            raw.write(noise(size, number))
    for form in FORMS:
        served.convert(folder / "disk.img", folder / f"disk.{form}", form)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make an empty disk as qcow2."""
    return served.make(tmp_path / "disk.qcow2", "qcow2", SIZE)


def fill(target: ServedTarget, size: int) -> None:
    """Write so many bytes behind the first MiB, from its beginning again where the disk ends."""
    for at in range(0, size, MIB):
        target.write_at(MIB + at % (SIZE - MIB), noise(MIB))


# ---- reading and writing


@pytest.mark.parametrize("form", FORMS)
def test_what_is_read_is_what_qemu_img_reads(disks: Path, form: str) -> None:
    disk = disks / f"disk.{form}"
    expected = (disks / "disk.img").read_bytes()
    with served.opened(disk, form, write=False) as target:
        assert target.geometry.size_bytes == SIZE
        assert not target.is_writable
        assert target.read_at(0, SIZE) == expected
        assert target.read_at(3 * MIB, 12_345) == expected[3 * MIB : 3 * MIB + 12_345]
        assert list(target.data_ranges(0, SIZE)) == served.data_ranges(disk, form)
        with pytest.raises(InvalidRequest):
            target.require_writable()


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_what_qemu_img_reads(tmp_path: Path, form: str) -> None:
    disk = served.make(tmp_path / f"disk.{form}", form, SIZE)
    model, chance = bytearray(SIZE), random.Random(form)
    with served.opened(disk, form) as target:
        for number in range(60):
            at = chance.randrange(SIZE)
            size = min(chance.choice([1, 512, 4096, 70_000, 3 * MIB]), SIZE - at)
            if number % 3 < 2:
                model[at : at + size] = noise(size, number)
                target.write_at(at, noise(size, number))
            elif target.punch(at, size):
                model[at : at + size] = bytes(size)
            assert target.read_at(at, size) == model[at : at + size]
            if number % 20 == 0:
                target.flush()
        for begin, end in target.source.hole_ranges(0, SIZE):
            assert not any(model[begin:end])
    assert served.contents(disk, form) == model
    served.check(disk, form)


@pytest.mark.parametrize("form", FORMS)
def test_zeros_of_a_new_disk_take_no_room(tmp_path: Path, form: str) -> None:
    disk = served.make(tmp_path / f"disk.{form}", form, 40 << 30)
    before = disk.stat().st_blocks
    with served.opened(disk, form) as target:
        # Of a VHDX, QEMU 7.2 does not tell which parts are zeros, and would write all of them.
        assert target.punch(512, (40 << 30) - 512) == (form != "vhdx")
    assert disk.stat().st_blocks <= before + 256


def test_zeros_give_room_of_a_qcow2_back(path: Path) -> None:
    with served.opened(path, "qcow2") as target:
        target.write_at(0, noise(16 * MIB))
        target.flush()
        before = path.stat().st_blocks
        assert target.punch(0, 16 * MIB)
        assert list(target.data_ranges(0, SIZE)) == []
    assert before - path.stat().st_blocks >= 15 * MIB // 512


def test_many_threads_use_one_disk_at_once(path: Path) -> None:
    wrong: list[str] = []
    length = SIZE // 6
    model = bytearray(SIZE)

    def work(target: ServedTarget, number: int) -> None:
        chance, begin = random.Random(number), number * length
        for turn in range(30):
            at = begin + chance.randrange(length)
            size = min(chance.choice([1, 5000, 200_000, 2 * MIB]), begin + length - at)
            model[at : at + size] = noise(size, turn)
            target.write_at(at, noise(size, turn))
            if target.read_at(begin, length) != model[begin : begin + length]:
                wrong.append(f"thread {number} at {at}")

    with served.opened(path, "qcow2") as target:
        threads = [threading.Thread(target=work, args=(target, number)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert served.contents(path, "qcow2") == model
    served.check(path, "qcow2")


# ---- how it is started


@pytest.mark.parametrize("name", ["a,b.qcow2", "ä b,,c='\".qcow2", "nbd:x.qcow2"])
def test_whatever_a_file_is_called_it_is_that_one(tmp_path: Path, name: str) -> None:
    disk = served.make(tmp_path / "new.qcow2", "qcow2", SIZE).rename(tmp_path / name)
    with served.opened(disk, "qcow2") as target:
        target.write_at(5, b"here")
    disk = disk.rename(tmp_path / "new.qcow2")
    assert served.contents(disk, "qcow2")[5:9] == b"here"


def test_it_has_nothing_of_this_process_and_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = path.with_name("runtime")
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("SECRET", "of this process")
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    with served.opened(path, "qcow2") as target:
        assert target._server is not None
        process = Path(f"/proc/{target._server.pid}")
        assert list(folder.iterdir()) == []
        held = {str(each.readlink()) for each in (process / "fd").iterdir()}
        assert {each for each in held if each.startswith("/")} == {"/dev/null", str(path)}
        assert "SECRET" not in (process / "environ").read_text()
        assert os.getsid(target._server.pid) == target._server.pid
        (limit,) = (line for line in (process / "limits").read_text().splitlines() if "address space" in line)
        assert str(4 << 30) in limit
        pid = target._server.pid
    os.close(descriptor)
    assert not served.is_running(pid)


def test_a_folder_with_a_long_name_is_passed_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = path.parent / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with served.opened(path, "qcow2") as target:
        assert target.read_at(0, 1) == b"\0"


def test_it_outlives_the_thread_that_asked_for_it(path: Path) -> None:
    made: list[ServedTarget] = []
    thread = threading.Thread(target=lambda: made.append(served.opened(path, "qcow2")))
    thread.start()
    thread.join()
    with made[0] as target:
        time.sleep(0.1)
        target.write_at(0, b"still there")
    assert served.contents(path, "qcow2").startswith(b"still there")


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_a_disk_that_another_program_has_open_is_refused(path: Path, *, first: bool, second: bool) -> None:
    with (
        served.opened(path, "qcow2", write=first),
        pytest.raises(TargetRefused, match=r"disk\.qcow2 is in use by another program \(QEMU's lock\)$"),
    ):
        served.start(path, "qcow2", write=second)


def test_two_read_the_same_disk(path: Path) -> None:
    with served.opened(path, "qcow2", write=False) as one, served.opened(path, "qcow2", write=False) as other:
        assert one.read_at(0, 9) == other.read_at(0, 9)


def test_what_qemu_cannot_open_is_told_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "x.qcow2").write_bytes(noise(MIB))
    with pytest.raises(InvalidInput, match=r"x\.qcow2: qemu-nbd cannot open it: Image is not in qcow2 format$"):
        served.start(tmp_path / "x.qcow2", "qcow2")
    with pytest.raises(StorageError, match="No such file") as caught:
        served.start(tmp_path / "y.qcow2", "qcow2")
    assert isinstance(caught.value, FileNotFoundError)
    assert served.servers_of(tmp_path) == []


def test_a_missing_program_names_the_command_of_the_distribution(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "find_program", lambda _: None)
    with pytest.raises(OsdImageError, match="reading qcow2 needs qemu-nbd, which is not installed"):
        served.start(path, "qcow2")


# ---- a program that answers as it should not

# Serves what systemd's protocol gives it, as qemu-nbd does.  No sanitizer runs under its limit of memory, and Python
# may have been started with one: so this is Python's own program, which finds no packages.
PROGRAM = """\
#!{python} -I
import socket, sys, threading, time
sys.path.insert(0, {tests!r})
from cases.nbd import StandIn
{before}
listener = socket.socket(fileno=3)
server = StandIn(bytearray(4096))
threads = [threading.Thread(target=server.serve, args=(listener.accept()[0],)) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
{after}
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Server]:
    """Return what starts a server by a program that does something before and after it serves."""

    def start(before: str, after: str) -> Server:
        script = tmp_path / "qemu-nbd"
        script.write_text(
            PROGRAM.format(python=Path("/proc/self/exe").readlink(), tests=str(TESTS), before=before, after=after)
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return served.start(tmp_path / "disk", "qcow2")

    return start


def test_an_error_of_its_last_flush_is_that_of_closing(program: Callable[[str, str], Server]) -> None:
    target = ServedTarget(program("", "print('qcow2: Failed to flush the L2 cache', file=sys.stderr)"), 512)
    target.write_at(0, b"x")
    with pytest.raises(StorageError, match=r"disk: closing: qemu-nbd failed: qcow2: Failed to flush the L2 cache$"):
        target.close()
    target.close()


def test_a_warning_is_no_error(program: Callable[[str, str], Server]) -> None:
    with ServedTarget(program("", "print('qemu-nbd: warning: old', file=sys.stderr)"), 512) as target:
        assert target.read_at(0, 4) == bytes(4)


def test_what_it_says_of_a_file_that_it_opens_is_no_error_of_closing(program: Callable[[str, str], Server]) -> None:
    said = "print('qemu-nbd: block-vpc: The header checksum is incorrect.', file=sys.stderr)"
    with ServedTarget(program(said, ""), 512) as target:
        target.write_at(0, b"x")


def test_who_says_very_much_is_heard_to_the_end(program: Callable[[str, str], Server]) -> None:
    target = ServedTarget(program("", "print('Failed ' + 'x' * 500_000, file=sys.stderr)"), 512)
    with pytest.raises(StorageError, match="closing: qemu-nbd failed: Failed xxx") as caught:
        target.close()
    assert len(str(caught.value)) < 5000


def test_an_exit_code_is_an_error(program: Callable[[str, str], Server]) -> None:
    target = ServedTarget(program("", "sys.exit(3)"), 512)
    with pytest.raises(StorageError, match="closing: qemu-nbd failed with exit code 3"):
        target.close()


def test_one_that_does_not_end_is_killed_when_it_has_nothing_to_store(
    program: Callable[[str, str], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 1)
    read_only = """
import functools, cases.nbd
StandIn = functools.partial(StandIn, flags=cases.nbd.USUAL | cases.nbd.READ_ONLY)
"""
    server = program(read_only, "time.sleep(60)")
    server.end()
    assert not Path(f"/proc/{server._process.pid}").exists()


def test_an_error_on_its_way_is_not_replaced_by_that_of_closing(program: Callable[[str, str], Server]) -> None:
    with pytest.raises(ZeroDivisionError), ServedTarget(program("", "sys.exit(3)"), 512):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("before", "kind", "told"),
    [
        pytest.param("sys.exit(5)", OsdImageError, "qemu-nbd has ended with exit code 5 before", id="ends silently"),
        pytest.param("sys.exit('no\\ndisk')", InvalidInput, "qemu-nbd cannot open it: no; disk$", id="ends with words"),
        pytest.param(
            "sys.exit('qemu-nbd: cut off\\nqemu-nbd: Failed to blk_new_open \\'driver=x\\': Invalid argument')",
            InvalidInput,
            "qemu-nbd cannot open it: cut off$",
            id="ends with words, twice",
        ),
        pytest.param("time.sleep(60)", StorageError, "qemu-nbd does not serve it: Connection timed out", id="waits"),
    ],
)
def test_a_server_that_does_not_come_to_serve_is_an_error(
    program: Callable[[str, str], Server],
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    kind: type[OsdImageError],
    told: str,
) -> None:
    if "sleep" in before:
        monkeypatch.setattr(module, "PATIENCE_S", 1)
    with pytest.raises(kind, match=told):
        program(before, "")


# ---- when one of the two is killed


def test_a_server_that_is_killed_in_the_middle_of_writes_is_named(path: Path) -> None:
    target = served.opened(path, "qcow2")
    assert target._server is not None
    timer = threading.Timer(0.05, os.kill, (target._server.pid, signal.SIGKILL))
    timer.start()
    with pytest.raises(StorageError, match=r"its server, qemu-nbd, has ended by signal 9 \(Killed\)$"):
        fill(target, 100 * SIZE)
    with pytest.raises(StorageError, match="reading at byte 0: its server, qemu-nbd, has ended"):
        target.read_at(0, 1)
    with pytest.raises(StorageError, match="flushing: its server, qemu-nbd, has ended"):
        target.close()
    assert target.is_closed
    served.run(["qemu-img", "check", "-r", "leaks", path], check=False)
    served.check(path, "qcow2")


KILLED = """
import os, sys, time
sys.path.insert(0, {tests!r})
from cases import served
from pathlib import Path
from osdimage.native.slices.sources import NbdSource

def ready():
    print("ready", flush=True)
    {wait}

if {moment!r} == "before it has spoken with it":
    NbdSource.over = lambda *_, **__: ready()
server = served.start(Path({path!r}), "qcow2")
if {moment!r} == "while it writes":
    print("ready", flush=True)
    while True:
        server.source.write(0, bytes(range(256)) * 40960)
ready()
"""


@pytest.mark.parametrize("moment", ["before it has spoken with it", "while it is idle", "while it writes"])
def test_no_server_outlives_a_process_that_is_killed(path: Path, moment: str) -> None:
    script = KILLED.format(tests=str(TESTS), path=str(path), moment=moment, wait="time.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert len(served.servers_of(path)) == 1
        time.sleep(0.05)
        process.kill()
    assert served.wait_until(lambda: served.servers_of(path) == [])
    served.check(path, "qcow2")


@pytest.mark.matrix
def test_no_server_outlives_a_process_that_is_killed_at_any_moment(path: Path) -> None:
    script = KILLED.format(tests=str(TESTS), path=str(path), moment="while it writes", wait="")
    # What Python and the imports need, then the start of the server.
    for wait_ms in range(0, 400, 8):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL) as process:
            while not served.servers_of(path) and process.poll() is None:
                time.sleep(0.001)
            time.sleep(wait_ms / 4000)
            process.kill()
        assert served.wait_until(lambda: served.servers_of(path) == []), wait_ms
        served.run(["qemu-img", "check", "-r", "leaks", path], check=False)
        served.check(path, "qcow2")


# ---- a machine without room


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.root
def test_a_full_disk_of_this_machine_is_told_as_such_and_more_can_be_read(small: Path) -> None:
    path = served.make(small / "disk.qcow2", "qcow2", SIZE)
    with served.opened(path, "qcow2") as target:
        target.write_at(0, noise(MIB))
        with pytest.raises(StorageError, match=r"disk\.qcow2: writing at byte \d+: No space left on device$"):
            fill(target, SIZE)
        assert target.read_at(0, MIB) == noise(MIB)


def test_a_server_may_have_less_memory_than_it_needs_for_a_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SERVE", module._SERVE.replace(str(module._MEMORY_KIB), "20000"))
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    with pytest.raises(OsdImageError, match="qemu-nbd"):
        served.start(path, "qcow2")
