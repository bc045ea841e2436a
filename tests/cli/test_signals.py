"""Every command ends on a signal, also in the midst of a library's work."""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cases.wimcraft import Node, build, folder, root

# Until a process is killed by the test: no command needs a hundredth of it to answer.
LIMIT = 60

# Matching a pattern of 100,000 characters with a name of a million takes minutes, in one call.
STUCK = """
import signal
import struct
from osdimage.cli import app, patience
from osdimage.native.wim.patterns import Patterns
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, app._stop)
patience.PATIENCE = 0.3
watch, patterns, name = patience.Patience(), Patterns(["*" + "a" * 50_000 + "b"]), "a" * 1_000_000
print("at work", flush=True)
patterns.exclude(name)
"""

# Here osdimage undoes something, and takes its time for it.
UNDOING = """
import signal, time
from osdimage.cli import app, patience
patience.PATIENCE = 0.3
signal.signal(signal.SIGTERM, app._stop)
watch = patience.Patience()
try:
    print("at work", flush=True)
    time.sleep(60)
except app.Stopped:
    time.sleep(1)
    print("undone", flush=True)
"""


def stopped(number: signal.Signals, code: str) -> subprocess.CompletedProcess[str]:
    """Run code until it says that it is at work, and send a signal."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    # From what was said to the call of the library.
    time.sleep(0.5)
    process.send_signal(number)
    out, err = process.communicate(timeout=LIMIT)
    return subprocess.CompletedProcess([], process.returncode, out, err)


def test_a_library_that_does_not_stop_ends_with_the_process() -> None:
    done = stopped(signal.SIGTERM, STUCK)
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, "")
    assert "stopped by SIGTERM in the midst of a library's work" in done.stderr


def test_what_is_undone_in_python_is_waited_for() -> None:
    assert stopped(signal.SIGTERM, UNDOING).stdout == "undone\n"


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "many.wim"
    names = [
        folder(f"folder {at}", *(Node(f"{at} {number}", b"%d" % number) for number in range(15))) for at in range(400)
    ]
    path.write_bytes(build(root(*names)))
    return path


COMMANDS = [
    ["list", "{wim}"],
    ["verify", "{wim}"],
    ["extract", "{wim}", "/folder*/*1*", "--to", "out"],
    ["export", "{wim}", "out.esd"],
    ["apply", "{wim}", "out"],
    ["capture", "/usr/share", "out.wim"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_command_ends_in_its_midst(wim: Path, words: list[str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "osdimage.cli", *(word.format(wim=wim) for word in words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT)
    # It may have been done, or not have begun.
    assert process.returncode in {0, 128 + signal.SIGTERM, -signal.SIGTERM}


def test_a_check_of_one_large_file_does_not_wait_for_its_end(tmp_path: Path) -> None:
    # Sixty gigabytes of nothing: a minute of hashing.
    wim = tmp_path / "large.wim"
    data = b"\0" * 1000
    made = build(root(Node("large", data)))
    wim.write_bytes(made)
    size, begin = 60 << 30, made.index(data, 208)
    table = struct.unpack_from("<Q", made, 0x38)[0]
    with wim.open("r+b") as file:
        for at in range(table, table + 100, 50):
            if struct.unpack_from("<Q", made, at + 8)[0] == begin:
                file.seek(at)
                file.write(struct.pack("<QQQ", size, len(made), size))
        file.truncate(len(made) + size)
    process = subprocess.Popen([sys.executable, "-m", "osdimage.cli", "verify", wim], stderr=subprocess.PIPE)
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
