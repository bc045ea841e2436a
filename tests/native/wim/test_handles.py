"""The rules of the native layer: one owner, one thread, exceptions that come out as they went in."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from judges import wim as judges
from osdimage.native.callbacks import Omitted, Report
from osdimage.native.runtime import Compression, compression_level
from osdimage.native.status import WimlibCode, WimlibError
from osdimage.native.wim import entries, tree
from osdimage.native.wim.facts import WriteSettings
from osdimage.native.wim.handles import WimHandle


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native") / "source"
    (folder / "sub").mkdir(parents=True)
    for number in range(20):
        (folder / "sub" / f"file {number}").write_bytes(os.urandom(4096) * 8)
    return folder


@pytest.fixture(scope="module")
def wim(source: Path) -> Path:
    path = source.parent / "x.wim"
    write(source, path)
    return path


def write(source: Path, path: Path, listener: Callable[[Report | Omitted], None] | None = None) -> None:
    with WimHandle.create(Compression.LZX) as handle:
        handle.add_image(source, "name")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            handle.write(descriptor, WriteSettings(Compression.LZX, 20), listener=listener)
        finally:
            os.close(descriptor)


# Every method of a handle that reaches C.
USES: dict[str, Callable[[WimHandle], object]] = {
    "info": lambda handle: handle.info(),
    "forget_tree": lambda handle: handle.forget_tree(),
    "xml": lambda handle: handle.xml(),
    "image_property": lambda handle: handle.image_property(1, "NAME"),
    "set_image_property": lambda handle: handle.set_image_property(1, "DESCRIPTION", "x"),
    "set_image_name": lambda handle: handle.set_image_name(1, "x"),
    "set_boot_index": lambda handle: handle.set_boot_index(1),
    "set_output": lambda handle: handle.set_output(Compression.LZX, None, None),
    "add_image": lambda handle: handle.add_image("/nowhere", "x"),
    "delete_image": lambda handle: handle.delete_image(1),
    "export_image": lambda handle: handle.export_image(1, handle, name=None, description=None, boot=False),
    "reference_files": lambda handle: handle.reference_files(["x"]),
    "extract_image": lambda handle: handle.extract_image(1, "/nowhere"),
    "extract_paths": lambda handle: handle.extract_paths(1, "/nowhere", ["/x"], globs=False, keep_directories=False),
    "verify": lambda handle: handle.verify(),
    "write": lambda handle: handle.write(-1, WriteSettings(Compression.LZX)),
    "overwrite": lambda handle: handle.overwrite(WriteSettings(Compression.LZX)),
    "each_entry": lambda handle: entries.each_entry(handle, 1, "/", recursive=True, visit=print),
    "each_path": lambda handle: handle.each_path(1, "/", recursive=True, on_paths=print),
    "each_blob": lambda handle: tree.each_blob(handle, print),
    "audit": lambda handle: tree.audit(handle, 1),
    "names_in_root": lambda handle: tree.names_in_root(handle, 1),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_a_closed_handle_is_refused(wim: Path, use: Callable[[WimHandle], object]) -> None:
    handle = WimHandle.open(wim)
    handle.close()
    assert handle.is_closed
    with pytest.raises(ValueError, match="closed"):
        use(handle)
    handle.close()


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_another_thread_is_refused(wim: Path, use: Callable[[WimHandle], object]) -> None:
    caught: list[BaseException] = []

    def try_it(handle: WimHandle) -> None:
        try:
            use(handle)
        except RuntimeError as error:
            caught.append(error)

    with WimHandle.open(wim) as handle:
        thread = threading.Thread(target=try_it, args=(handle,))
        thread.start()
        thread.join()
        (error,) = caught
        assert "only by the thread that opened it" in str(error)
        assert handle.info().image_count == 1


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_the_handles_own_callback_is_refused(wim: Path, use: Callable[[WimHandle], object]) -> None:
    def use_it(_: tree.Entry) -> None:
        use(handle)

    with WimHandle.open(wim) as handle:
        with pytest.raises(RuntimeError, match="its own progress function"):
            entries.each_entry(handle, 1, "/", recursive=True, visit=use_it)
        assert handle.info().image_count == 1


class Mine(Exception):
    """An exception that only this module knows."""


RAISED = {
    "an exception": Mine("told"),
    "Ctrl-C": KeyboardInterrupt(),
    "exit": SystemExit(3),
    "an error of libwim's own kind": WimlibError(WimlibCode.NOMEM, "x"),
    "the end of an iterator": StopIteration("x"),
    "a generator's end": GeneratorExit(),
}


@pytest.mark.parametrize("raised", RAISED.values(), ids=RAISED.keys())
def test_an_exception_of_a_callback_comes_out_as_it_is(
    source: Path, wim: Path, tmp_path: Path, raised: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise raised

    long_calls: dict[str, Callable[[WimHandle], object]] = {
        "verify": lambda handle: handle.verify(listener=fail),
        "extract": lambda handle: handle.extract_image(1, tmp_path / "target", listener=fail),
        "scan": lambda handle: handle.add_image(source, "again", listener=fail),
        "entries": lambda handle: entries.each_entry(handle, 1, "/", recursive=True, visit=fail),
        "paths": lambda handle: handle.each_path(1, "/", recursive=True, on_paths=fail),
        "blobs": lambda handle: tree.each_blob(handle, fail),
        "write": lambda _: write(source, tmp_path / "new.wim", fail),
    }
    for name, call in long_calls.items():
        with WimHandle.open(wim) as handle:
            with pytest.raises(type(raised)) as caught:
                call(handle)
            assert caught.value is raised, name
            assert caught.value.__cause__ is None
            # The handle is as good as before.
            assert handle.info().image_count == 1
            handle.verify()


def test_an_exception_while_a_wim_is_opened_comes_out(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "checked.wim"
    judges.wimlib("capture", source, path, "--check")

    def fail(_: Report | Omitted) -> None:
        raise Mine

    with pytest.raises(Mine):
        WimHandle.open(path, check_integrity=True, listener=fail)


def test_an_exception_that_is_over_holds_nothing(wim: Path) -> None:
    class Held:
        pass

    def stopped() -> weakref.ref[Held]:
        held = Held()
        assert tree.tree_blob(handle, 1) is not None
        return weakref.ref(held)

    gc.disable()
    try:
        with WimHandle.open(wim) as handle:
            assert stopped()() is None
    finally:
        gc.enable()


def test_only_the_first_exception_comes_out_and_no_more_calls_are_made(wim: Path) -> None:
    calls = []

    def fail(entry: tree.Entry) -> None:
        calls.append(entry.path)
        raise Mine(entry.path)

    with WimHandle.open(wim) as handle, pytest.raises(Mine, match=r"^/$"):
        entries.each_entry(handle, 1, "/", recursive=True, visit=fail)
    assert calls == ["/"]


def test_errors_carry_the_code_the_function_and_libwims_words(tmp_path: Path) -> None:
    path = tmp_path / "no.wim"
    with pytest.raises(WimlibError) as caught:
        WimHandle.open(path)
    error = caught.value
    assert (error.code, error.errno, error.name) == (WimlibCode.OPEN, 2, "OPEN")
    assert "wimlib_open_wim" in error.function
    assert any(str(path) in line for line in error.messages)
    assert str(path) in str(error)


def test_threads_that_fail_at_once_get_their_own_words(tmp_path: Path) -> None:
    rounds = 200
    wrong: list[object] = []
    barrier = threading.Barrier(4)

    def fail(number: int) -> None:
        path = tmp_path / f"no such file {number}.wim"
        barrier.wait()
        for _ in range(rounds):
            try:
                WimHandle.open(path)
            except WimlibError as error:
                if len(error.messages) != 1 or str(path) not in error.messages[0]:
                    wrong.append(error.messages)
            else:
                wrong.append("opened")

    threads = [threading.Thread(target=fail, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_words_of_an_earlier_failure_are_not_told_again(wim: Path, tmp_path: Path) -> None:
    with pytest.raises(WimlibError):
        WimHandle.open(tmp_path / "earlier")
    with WimHandle.open(wim) as handle, pytest.raises(WimlibError) as caught:
        handle.extract_image(7, tmp_path / "target")
    assert not any("earlier" in line for line in caught.value.messages)


def test_python_runs_while_libwim_works(source: Path, tmp_path: Path) -> None:
    # A thread that counts goes on during a long call; were the GIL held, it would stand still between callbacks.
    large = tmp_path / "large"
    large.mkdir()
    (large / "data").write_bytes((source / "sub" / "file 0").read_bytes() * 512)
    counts: list[int] = []
    stop = threading.Event()
    ticks = 0

    def count() -> None:
        nonlocal ticks
        while not stop.is_set():
            ticks += 1
            time.sleep(0.0005)

    def listen(_: Report | Omitted) -> None:
        counts.append(ticks)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        write(large, tmp_path / "large.wim", listen)
    finally:
        stop.set()
        thread.join()
    assert counts[-1] > counts[0]


LEAVING = """
import os, sys
from osdimage.native.wim.handles import WimHandle
def opened():
    return sum(os.path.samefile(f"/proc/self/fd/{each}", sys.argv[1]) for each in os.listdir("/proc/self/fd")
               if os.path.exists(f"/proc/self/fd/{each}"))
WimHandle.leave_memory()
reader = WimHandle.open(sys.argv[1])
reader.close()
reader.close()
assert reader.is_closed
assert opened() == 1
# The second would be refused if the first had kept its lock.
for _ in range(2):
    with WimHandle.open(sys.argv[1], write=True):
        assert opened() == 2
assert opened() == 1
"""


def test_memory_is_left_to_the_end_of_the_process_but_no_lock(wim: Path) -> None:
    subprocess.run([sys.executable, "-c", LEAVING, wim], check=True)


def make_many(folder: Path, files: int) -> Path:
    folder.mkdir()
    for number in range(files):
        (folder / str(number)).touch()
    return folder


def test_a_forgotten_tree_is_loaded_again_unless_it_was_changed(wim: Path, source: Path) -> None:
    # Less than the tree takes, and more than passing over one that is loaded.
    little = 4096
    with WimHandle.open(wim) as handle:
        before = tree.audit(handle, 1)
        assert tree.audit(handle, 1, memory=little) == before
        handle.forget_tree()
        with pytest.raises(WimlibError) as caught:
            tree.audit(handle, 1, memory=little)
        assert caught.value.code is WimlibCode.NOMEM
        assert (tree.audit(handle, 1), handle.info().image_count) == (before, 1)
        handle.add_file(1, source / "sub" / "file 1", "/added")
        handle.forget_tree()
        assert tree.audit(handle, 1, memory=little).files == before.files + 1


def test_a_scan_of_many_files_tells_how_far_it_is_and_can_be_stopped(tmp_path: Path) -> None:
    many = make_many(tmp_path / "many", 5000)
    heard: list[Report | Omitted] = []
    with WimHandle.create(Compression.NONE) as handle:
        added = handle.add_image(many, "x", listener=heard.append)
    # The beginning, the end, and one for each 1024 of the 5001 in between, or more when that takes half a second.
    assert len(heard) >= 2 + 4
    assert (added.directories, added.files, added.size) == (1, 5000, 0)
    heard.clear()

    def stop(message: Report | Omitted) -> None:
        heard.append(message)
        if len(heard) == 3:
            raise KeyboardInterrupt

    with WimHandle.create(Compression.NONE) as handle, pytest.raises(KeyboardInterrupt):
        handle.add_image(many, "x", listener=stop)
    assert len(heard) == 3


def test_two_handles_work_side_by_side(source: Path, tmp_path: Path) -> None:
    # Each waits in its callback for the other: this ends only when both are inside libwim at once.
    meeting = threading.Barrier(2, timeout=60)
    failures: list[BaseException] = []

    def capture(number: int) -> None:
        met = False

        def listen(message: Report | Omitted) -> None:
            nonlocal met
            if not met and isinstance(message, Report):
                met = True
                meeting.wait()

        try:
            write(source, tmp_path / f"{number}.wim", listen)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=capture, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for number in range(2):
        judges.wimlib("verify", tmp_path / f"{number}.wim")


def test_writers_of_one_level_run_together_and_others_wait() -> None:
    order: list[str] = []
    together = threading.Barrier(2, timeout=60)
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with compression_level(Compression.LZX, 20):
            together.wait()
            inside.set()
            leave.wait(60)
            order.append("first leaves")

    def same() -> None:
        with compression_level(Compression.LZX, 20):
            together.wait()
        order.append("same leaves")

    def other() -> None:
        inside.wait(60)
        with compression_level(Compression.LZX, 50):
            order.append("other enters")

    threads = [threading.Thread(target=target) for target in (first, same, other)]
    for thread in threads:
        thread.start()
    threads[1].join(60)
    assert order == ["same leaves"]
    leave.set()
    for thread in threads:
        thread.join(60)
    assert order == ["same leaves", "first leaves", "other enters"]


def test_a_level_counts_for_its_own_writer_only(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "text"
    folder.mkdir()
    (folder / "text").write_bytes(b"".join(b"%d squared is %d\n" % (n, n * n) for n in range(20_000)))
    sizes = {}
    for name, level in (("low", 1), ("high", 100), ("low again", 1)):
        with WimHandle.create(Compression.LZX) as handle:
            handle.add_image(folder, name)
            descriptor = os.open(tmp_path / name, os.O_RDWR | os.O_CREAT, 0o600)
            handle.write(descriptor, WriteSettings(Compression.LZX, level))
            os.close(descriptor)
        with WimHandle.open(tmp_path / name) as handle:
            blobs: list[tree.Blob] = []
            tree.each_blob(handle, blobs.append)
        sizes[name] = sum(blob.resource_stored_size for blob in blobs if not blob.is_metadata)
    assert sizes["high"] < sizes["low"] == sizes["low again"]
    del source


def test_an_exporting_source_lives_as_long_as_its_destination_needs_it(wim: Path, tmp_path: Path) -> None:
    destination = WimHandle.create(Compression.LZX)
    origin = WimHandle.open(wim)
    origin.export_image(1, destination, name=None, description=None, boot=False)
    del origin
    gc.collect()
    descriptor = os.open(tmp_path / "exported.wim", os.O_RDWR | os.O_CREAT, 0o600)
    destination.write(descriptor, WriteSettings(Compression.LZX))
    os.close(descriptor)
    destination.close()
    judges.wimlib("verify", tmp_path / "exported.wim")


def test_a_handle_that_is_forgotten_is_freed(wim: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        WimHandle.open(wim)
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_a_path_with_a_nul_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        WimHandle.open("a\0b.wim")


def test_what_an_earlier_writer_chose_is_not_kept(tmp_path: Path, source: Path) -> None:
    for compression in (Compression.LZMS, Compression.NONE, Compression.XPRESS, Compression.LZX):
        path = tmp_path / f"{compression.name}.wim"
        with WimHandle.create(compression) as handle:
            handle.set_output(compression, None, None)
            handle.add_image(source, "x")
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            handle.write(descriptor, WriteSettings(compression))
            os.close(descriptor)
        with WimHandle.open(path) as handle:
            assert handle.info().compression is compression
