"""WIMs on the standard streams: ``-`` in the place of a file."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
from cases import trees
from judges import wim as judges
from runs.commands import osdimage
from runs.streams import streamed
from runs.terminal import PROGRAM, on_a_terminal

pytestmark = pytest.mark.foreign


@pytest.fixture(scope="module")
def stream(tree: Path) -> bytes:
    """What a capture of the tree sends."""
    return streamed("capture", tree, "-", "--name", "first").sent


# ---- out


def test_a_capture_sends_what_wimlib_imagex_applies_from_a_pipe(stream: bytes, tree: Path, tmp_path: Path) -> None:
    command = [judges.require("wimlib-imagex"), "apply", "-", "first", tmp_path / "target"]
    subprocess.run(command, input=stream, capture_output=True, check=True, timeout=60)
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(tree))
    wim = tmp_path / "sent.wim"
    wim.write_bytes(stream)
    assert "Pipable" in judges.wimlib_info(wim).wim["Attributes"]
    judges.wimlib("verify", wim)


@pytest.mark.parametrize("compression", ["none", "xpress", "lzx", "lzms"])
def test_what_is_sent_has_the_compression_that_was_asked_for(compression: str, small: Path, tmp_path: Path) -> None:
    wim = tmp_path / "sent.wim"
    wim.write_bytes(streamed("capture", small, "-", "--compress", compression).sent)
    assert judges.wimlib_info(wim).wim["Compression"].lower() == compression
    judges.wimlib("apply", wim, "1", tmp_path / "target")
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(small))


def test_an_export_sends_the_images_that_were_chosen(pair: Path, small: Path, tmp_path: Path) -> None:
    wim = tmp_path / "sent.wim"
    wim.write_bytes(streamed("export", pair, "-", "--all").sent)
    facts = judges.wimlib_info(wim)
    assert [each["Name"] for each in facts.images] == ["first", "second"]
    assert facts.wim["Boot Index"] == "2"
    judges.wimlib("verify", wim)
    data = streamed("export", pair, "-", "--name", "second", "--new-name", "other").sent
    command = [judges.require("wimlib-imagex"), "apply", "-", "other", tmp_path / "target"]
    subprocess.run(command, input=data, capture_output=True, check=True, timeout=60)
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(small))


def test_a_solid_wim_is_sent_as_one_that_is_not(small: Path, tmp_path: Path) -> None:
    osdimage("capture", small, tmp_path / "x.esd")
    wim = tmp_path / "sent.wim"
    wim.write_bytes(streamed("export", tmp_path / "x.esd", "-").sent)
    assert judges.wimlib_info(wim).wim["Compression"] == "LZMS"
    judges.wimlib("verify", wim)


def test_a_file_is_made_pipable_when_that_is_asked_for(small: Path, pair: Path, tmp_path: Path) -> None:
    osdimage("capture", small, tmp_path / "captured.wim", "--pipable", "--integrity")
    made = osdimage("export", pair, tmp_path / "exported.wim", "--all", "--pipable")
    assert made.warnings == [
        "a pipable WIM is read by osdimage and wimlib alone; Windows, DISM and 7-Zip do not take it"
    ]
    for name in ("captured.wim", "exported.wim"):
        assert "Pipable" in judges.wimlib_info(tmp_path / name).wim["Attributes"]
        judges.wimlib("verify", tmp_path / name)
        assert osdimage("info", tmp_path / name, "--json").document["header"]["is_pipable"]
        osdimage("verify", tmp_path / name)
    judges.wimlib("info", tmp_path / "captured.wim", "--check")


def test_an_export_of_a_pipable_wim_is_a_plain_one(stream: bytes, tmp_path: Path) -> None:
    source = tmp_path / "sent.wim"
    source.write_bytes(stream)
    made = osdimage("export", source, tmp_path / "plain.wim", "--json").document
    assert not made["kept_compressed"]
    assert "Pipable" not in judges.wimlib_info(tmp_path / "plain.wim").wim["Attributes"]
    judges.run("7zz", "t", tmp_path / "plain.wim")


def test_optimize_gives_and_takes_the_form_and_else_keeps_it(pair: Path, tmp_path: Path) -> None:
    wim = tmp_path / "x.wim"
    wim.write_bytes(pair.read_bytes())
    for option, expected in (("--pipable", True), (None, True), ("--not-pipable", False), (None, False)):
        osdimage("optimize", wim, *([] if option is None else [option]))
        assert ("Pipable" in judges.wimlib_info(wim).wim["Attributes"]) == expected
        judges.wimlib("verify", wim)
    assert [each["Name"] for each in judges.wimlib_info(wim).images] == ["first", "second"]
    assert "not solid" in osdimage("optimize", wim, "--pipable", "--solid", code=2).err


def test_all_that_is_told_is_on_stderr(tree: Path) -> None:
    done = streamed("capture", tree, "-", "--json", "--quiet")
    document = json.loads(done.outcome.err)
    assert document["kind"] == "capture"
    assert document["path"] == "-"
    assert document["stream"] == {"bytes": len(done.sent), "sha256": sha256(done.sent).hexdigest()}
    assert document["images"][0]["file_size"] == len(done.sent)
    done = streamed("capture", tree, "-")
    assert f"sent: {len(done.sent):,} bytes, SHA-256 {sha256(done.sent).hexdigest()}" in done.outcome.err
    assert not done.outcome.out


def test_events_go_to_a_file(tree: Path, tmp_path: Path) -> None:
    events = tmp_path / "events"
    assert streamed("capture", tree, "-", "--quiet", "--events", events).sent.startswith(b"WLPWM")
    assert json.loads(events.read_text().splitlines()[-1])["percent"] == 100
    done = streamed("capture", tree, "-", "--events", "-", code=2)
    assert not done.sent
    assert "--events - and the WIM would both go to stdout" in done.outcome.err


@pytest.mark.parametrize(
    "words",
    [("capture", "missing", "-"), ("capture", ".", "-", "--no-such-option"), ("export", "missing", "-")],
    ids=" ".join,
)
def test_an_error_is_told_on_stderr_too(words: tuple[str, ...]) -> None:
    done = streamed(*words, "--json", code=2)
    assert not done.sent
    assert not done.outcome.out
    line, _, document = done.outcome.err.partition("\n")
    assert line.startswith("osdimage: ")
    assert json.loads(document)["error"]["code"] == 2


def test_a_dash_elsewhere_leaves_stdout_alone(small: Path, tmp_path: Path) -> None:
    for words in (["--name", "-"], ["--events", "-"]):
        assert osdimage("capture", small, tmp_path / f"{words[0][2:]}.wim", *words).out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("capture {tree} - --append", "- goes with no --append"),
        ("capture {tree} - --overwrite", "- goes with no --append, --create, --overwrite"),
        ("capture {tree} - --all-volumes", "- goes with no --append, --create, --overwrite and --all-volumes"),
        ("capture {tree} - --solid", "a pipable WIM is not solid"),
        ("capture {tree} - --integrity", "valid is a pipable WIM in a file"),
        ("capture {tree} x.esd --pipable", "a pipable WIM is not solid"),
        ("capture {tree} {wim} --append --pipable", "a pipable WIM is written in one go"),
        ("capture {tree} x.wim --all-volumes --pipable", "--pipable goes with no --append, --create and --all-volumes"),
        ("capture {tree} - --names replace", "a pipable WIM is sent by then"),
        ("capture {tree} - --base {wim}", "a delta is not pipable"),
        ("export {other} - --all --base {wim}", "--base makes a delta, which is not pipable"),
        ("export {wim} - --overwrite", "--overwrite replaces a file"),
        ("export {wim} - --split-size 1MB", "it goes with neither --pipable nor -"),
        ("export {wim} - --all --solid", "a pipable WIM is not solid"),
        ("export {other} {wim} --pipable", "nothing is added to a pipable WIM"),
    ],
)
def test_what_a_stream_cannot_be_is_refused(line: str, said: str, pair: Path, small: Path, copy: Path) -> None:
    before = copy.read_bytes()
    done = streamed(*line.format(tree=small, wim=copy, other=pair).split(), code=2)
    assert not done.sent
    assert said in done.outcome.err
    assert copy.read_bytes() == before


def test_a_terminal_is_refused(small: Path, tmp_path: Path) -> None:
    code, _, shown = on_a_terminal(["capture", str(small), "-"], whole=True)
    assert code == 2
    assert "standard output is a terminal; valid is a pipe or a file" in shown
    master, slave = pty.openpty()
    try:
        command = [*PROGRAM, "apply", "-", str(tmp_path / "target")]
        done = subprocess.run(command, stdin=slave, capture_output=True, check=False, timeout=60)
    finally:
        os.close(master)
        os.close(slave)
    assert done.returncode == 2
    assert b"standard input is a terminal; valid is a pipe or a file" in done.stderr


@pytest.mark.parametrize(("number", "words"), [(1, "capture {tree} -"), (0, "apply - target")])
def test_a_stream_that_is_closed_is_refused(number: int, words: str, small: Path, tmp_path: Path) -> None:
    command = [*PROGRAM, *words.format(tree=small).split()]
    script = f"import os, sys; os.close({number}); os.execv(sys.executable, {[sys.executable, *command[1:]]!r})"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 2
    assert b"is closed; valid is a pipe or a file" in done.stderr


# ---- when the other end fails


def test_a_reader_that_leaves_ends_it_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(os.urandom(8 << 20))
    command = [*PROGRAM, "capture", str(tmp_path / "tree"), "-", "--compress", "none", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1000)
        process.stdout.close()
        told = process.stderr.read().decode()
    # As of a program that SIGPIPE ends.
    assert process.returncode == 128 + signal.SIGPIPE
    assert told == "osdimage: standard output: who read it has left before the WIM was whole\n"


def test_a_full_medium_is_told(small: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, "capture", str(small), "-"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == 1
    assert b"standard output: No space left on device; what was written to it is not a whole WIM" in done.stderr


def test_a_signal_ends_it_while_nobody_reads(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(os.urandom(8 << 20))
    command = [*PROGRAM, "capture", str(tmp_path / "tree"), "-", "--compress", "none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        select.select([process.stdout], [], [], 30)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stdout.read().startswith(b"WLPWM")


def test_a_signal_while_nothing_comes_leaves_nothing(tmp_path: Path) -> None:
    command = [*PROGRAM, "apply", "-", str(tmp_path / "target")]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        process.stdin.write(b"WLPWM\0\0\0")
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("osdimage-scratch-*/*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())


# ---- in


def test_apply_takes_what_wimlib_imagex_captures_to_a_pipe(tree: Path, tmp_path: Path) -> None:
    capture = [judges.require("wimlib-imagex"), "capture", str(tree), "-", "first"]
    with subprocess.Popen(capture, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        done = subprocess.run(
            [*PROGRAM, "apply", "-", str(tmp_path / "target"), "--name", "first"],
            stdin=writer.stdout,
            capture_output=True,
            check=True,
            timeout=60,
        )
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(tree))
    assert b"from image 1 'first'" in done.stdout
    assert b"received: " in done.stdout


def test_apply_tells_what_came(stream: bytes, tmp_path: Path) -> None:
    document = streamed("apply", "-", tmp_path / "target", "--json", stdin=stream).outcome.document
    assert document["stream"] == {"bytes": len(stream), "sha256": sha256(stream).hexdigest()}
    assert document["volumes"][0]["result"]["engine_reason"]["code"] == "piped"


def test_several_targets_are_filled_from_a_file_that_is_told_of(stream: bytes, tree: Path, tmp_path: Path) -> None:
    done = streamed("apply", "-", tmp_path / "one", "--also", tmp_path / "two", stdin=stream).outcome
    assert "the WIM from standard input is kept in " in done.err
    for name in ("one", "two"):
        assert trees.contents(trees.read_tree(tmp_path / name)) == trees.contents(trees.read_tree(tree))


def test_a_fat32_volume_is_filled_from_a_file(small: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    osdimage("disk", "init", disk, "--preset", "data-gpt", "--size", "200MB", "-q")
    osdimage("disk", "format", disk, "--partition", "2", "--fs", "fat32", "--yes", "-q")
    stream = streamed("capture", small, "-").sent
    refused = streamed("apply", "-", disk, "--partition", "2", "--wipe", stdin=stream, code=2)
    assert "give --yes" in refused.outcome.err
    streamed("apply", "-", disk, "--partition", "2", "--wipe", "--yes", stdin=stream)
    wim = tmp_path / "sent.wim"
    wim.write_bytes(stream)
    osdimage("export", wim, tmp_path / "plain.wim", "-q")
    assert osdimage("compare", tmp_path / "plain.wim", disk, "--partition", "2", "--json").compared["is_equal"]


def test_deploy_makes_a_disk_of_what_comes(stream: bytes, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    words = ("deploy", "-", disk, "--preset", "data-gpt", "--size", "200MB", "--no-boot")
    refused = streamed(*words, stdin=stream, code=2).outcome
    assert "the WIM comes from standard input, so that nobody can be asked; give --yes" in refused.err
    assert not disk.exists()
    assert "apply image 1 'first'" in streamed(*words, "--dry-run", stdin=stream).outcome.out
    document = streamed(*words, "--yes", "--json", stdin=stream).outcome.document
    assert document["stream"]["sha256"] == sha256(stream).hexdigest()
    # The fast engine has filled it: what was kept is a plain WIM.
    assert document["applied"]["engine"] == "bulk"
    osdimage("capture", disk, tmp_path / "again.wim", "--partition", "2", "-q")
    theirs = judges.wimlib_paths(tmp_path / "again.wim")
    (tmp_path / "sent.wim").write_bytes(stream)
    assert sorted(theirs) == sorted(judges.wimlib_paths(tmp_path / "sent.wim"))


def test_garbage_and_halves_are_told_apart(stream: bytes, tmp_path: Path) -> None:
    target = tmp_path / "target"
    for data, said in (
        (b"", "standard input: is empty"),
        (b"curl: (22) The requested URL returned error: 404", "standard input: not a WIM"),
        (stream[:150], "standard input: ended too early, after 150 bytes"),
    ):
        assert said in streamed("apply", "-", target, stdin=data, code=3).outcome.err
        assert not target.exists()
    half = streamed("apply", "-", target, stdin=stream[: len(stream) // 2], code=3)
    assert f"{target} holds an incomplete image" in half.outcome.err
    end = streamed("apply", "-", tmp_path / "other", stdin=stream[:-10])
    assert "does not end as a WIM does; the image that was applied is whole" in end.outcome.err


def test_a_slow_writer_is_waited_for(stream: bytes, tree: Path, tmp_path: Path) -> None:
    with subprocess.Popen([*PROGRAM, "apply", "-", str(tmp_path / "target"), "-q"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        # A page at a time, which is less than any head may be cut into.
        fcntl.fcntl(process.stdin.fileno(), fcntl.F_SETPIPE_SZ, 4096)
        step = max(1, len(stream) // 20)
        for at in range(0, len(stream), step):
            process.stdin.write(stream[at : at + step])
            process.stdin.flush()
            time.sleep(0.01)
        process.stdin.close()
        assert process.wait(60) == 0
    assert trees.contents(trees.read_tree(tmp_path / "target")) == trees.contents(trees.read_tree(tree))


@pytest.mark.parametrize("line", ["apply - {out}", "apply - {out} --also {out}2", "apply - {out} --index 3"])
def test_errors_of_a_wim_on_stdin_name_no_scratch_folder(line: str, pair: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, *line.format(out=tmp_path / "out").split(), "--json"],
        input=pair.read_bytes(), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"scratch" not in done.stdout + done.stderr
    assert b"osdimage: standard input: " in done.stderr
