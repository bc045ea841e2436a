"""Hashes of the files of a medium, judged by sha256sum."""

from __future__ import annotations

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from osdimage.imaging.disc import BytesContents, contents_of_file
from osdimage.imaging.errors import InvalidDocument, StorageError
from osdimage.imaging.media import MediumFile
from osdimage.imaging.media.sequence import sums
from osdimage.imaging.media.sequence.sums import hashes_of, listed, sums_from_text, sums_to_text


def files_of(folder: Path) -> list[MediumFile]:
    for number in range(40):
        path = folder / f"für {number}" / "x.bin"
        path.parent.mkdir()
        path.write_bytes(os.urandom(number * 50_000))
    hole = folder / "hole"
    hole.touch()
    os.truncate(hole, 3 << 20)
    return [
        MediumFile(str(path.relative_to(folder)), contents_of_file(path), 0, "here")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


@pytest.mark.foreign
@pytest.mark.parametrize("threads", [0, 1, 3])
def test_sha256sum_finds_every_file_as_it_is_listed(threads: int, tmp_path: Path) -> None:
    files = files_of(tmp_path)
    text = sums_to_text(listed(files, hashes_of(files, threads=threads)))
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "-"], input=text, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout.count(b": OK\n") == len(files) == 41
    # What sha256sum itself writes is read, with the asterisk of binary files, too.
    theirs = subprocess.run(
        ["sha256sum", "--binary", *(each.path for each in files)], cwd=tmp_path, capture_output=True, check=True
    )
    assert sums_from_text(theirs.stdout, source="x") == sums_from_text(text, source="y")


def test_progress_tells_of_all_bytes_and_may_stop_the_work(tmp_path: Path) -> None:
    files = files_of(tmp_path)
    events: list[float] = []
    hashes_of(files, progress=lambda event: events.append(event.percent))
    assert events == sorted(events)
    assert events[-1] == 100

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hashes_of(files, threads=1, progress=stop)


def test_a_file_that_changes_is_an_error_that_names_it(tmp_path: Path) -> None:
    files = files_of(tmp_path)
    (tmp_path / "hole").write_bytes(b"short")
    with pytest.raises(StorageError, match="hole: changed while the medium was made"):
        hashes_of(files)


def test_many_small_files_are_hashed_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "_BATCH_FILES", 7)
    files = [MediumFile(str(number), BytesContents(bytes([number % 251]) * number), 0, "here") for number in range(100)]
    assert hashes_of(files) == tuple(sha256(bytes([number % 251]) * number).hexdigest() for number in range(100))


def test_nothing_has_no_hashes() -> None:
    assert hashes_of([]) == ()
    # FIPS 180-4: the SHA-256 of nothing.
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert hashes_of([MediumFile("x", BytesContents(b""), 0, "here")]) == (nothing,)


HASH = b"0" * 64


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"0" * 63 + b"  x\n", ":1: is no SHA-256 with a path"),
        (HASH + b" x\n", ":1: is no SHA-256 with a path"),
        (HASH + b"  x\n\n" + HASH + b"  ../x\n", ":3: has a name that"),
        (HASH + b"  /etc/passwd\n", ":1: has a name that is empty"),
        (HASH + b"  x\n" + HASH + b"  X\n", ":2: the path is there twice"),
        (b"\\" + HASH + b"  a\\nb\n", ":1: is no SHA-256 with a path"),
        (b"\xff", " is not a text file"),
    ],
)
def test_a_list_that_is_none_is_refused_with_the_line(data: bytes, told: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        sums_from_text(data, source="disc: SHA256SUMS")
    assert str(caught.value).startswith(f"disc: SHA256SUMS{told}")


def test_more_than_a_list_has_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "LARGEST_SUMS", 10)
    with pytest.raises(InvalidDocument, match="is larger than 10 bytes; lists of hashes are not"):
        sums_from_text(HASH, source="x")
