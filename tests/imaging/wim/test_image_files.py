"""Single files of an image, read into memory; wimlib-imagex makes the WIMs, and its extract says what is in them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from cases import wimcraft
from cases.windows_trees import write_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges import wim as judges
from osdimage.imaging import WimFile
from osdimage.imaging.attributes import FileAttribute
from osdimage.imaging.errors import (
    CorruptWim,
    InvalidInput,
    InvalidRequest,
    MissingParts,
    OsdImageError,
    StorageError,
    UnsafeName,
)
from osdimage.imaging.files import FileSource

FILES = {
    "Windows/Boot/EFI/bootmgfw.efi": random.Random(1).randbytes(70_000),
    "Windows/Boot/EFI/de-DE/bootmgfw.efi.mui": b"Deutsch" * 9000,
    "Windows/Boot/Fonts/wgl4.ttf": random.Random(2).randbytes(3_000_000),
    "Windows/same": b"Deutsch" * 9000,
    "Windows/\u00fcml\u00e4ut [1].txt": b"brackets are no pattern",
    "empty": b"",
}


def make_wim(folder: Path, *options: str, files: dict[str, bytes] = FILES) -> Path:
    tree = write_tree(folder / "tree", files)
    os.utime(tree / next(iter(files)), ns=(10**18, 10**18))
    wim = folder / "install.wim"
    judges.wimlib("capture", tree, wim, "Windows", *options)
    return wim


def read_all(files: FileSource) -> dict[str, bytes]:
    return {path: files.read(path) for path in FILES}


def extracted(wim: Path, path: str, to: Path) -> bytes:
    judges.wimlib("extract", wim, "1", f"/{path}", f"--dest-dir={to}", "--no-globs")
    return (to / Path(path).name).read_bytes()


@pytest.mark.foreign
@pytest.mark.parametrize("options", [("--compress=none",), ("--compress=lzx",), ("--solid",)], ids=" ".join)
@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "at once"])
def test_files_are_those_that_others_extract(tmp_path: Path, options: tuple[str, ...], at_once: bool) -> None:
    wim = make_wim(tmp_path, *options)
    with WimFile.open(wim) as opened:
        files = opened.images[0].files()
        found = {each.path: each for each in files.walk() if not each.is_directory}
        assert set(found) == set(FILES)
        if at_once:
            files.prefetch([*found, "Windows", "not there"])
        for path, facts in found.items():
            data = files.read(path.upper().replace("/", "\\"))
            assert data == extracted(wim, path, tmp_path / "out")
            assert (facts.size, facts.is_link) == (len(data), False)
        assert found["Windows/Boot/EFI/bootmgfw.efi"].modified_ns == 10**18


@pytest.mark.foreign
def test_files_of_a_split_wim_are_found_in_its_parts(tmp_path: Path) -> None:
    wim = make_wim(tmp_path, "--compress=none")
    judges.wimlib("split", wim, tmp_path / "part.swm", "1")
    first = tmp_path / "part.swm"
    with WimFile.open(first) as whole:
        assert read_all(whole.images[0].files()) == FILES
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "part2.swm").rename(tmp_path / "elsewhere/part2.swm")
    with WimFile.open(first) as alone, pytest.raises(MissingParts, match="part of a split WIM"):
        read_all(alone.images[0].files())
    with WimFile.open(first, refs=[str(tmp_path / "elsewhere/part*.swm")]) as whole:
        assert read_all(whole.images[0].files()) == FILES


@pytest.mark.foreign
def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with WimFile.open(make_wim(tmp_path)) as opened:
        files: FileSource = opened.images[0].files()
        assert files.find("Windows/nothing") is None
        assert files.find("empty/inside") is None
        assert files.find("").is_directory  # type: ignore[union-attr]
        assert [each.path for each in files.list("windows/boot")] == ["windows/boot/EFI", "windows/boot/Fonts"]
        for wrong in ("Windows/nothing", "empty"):
            with pytest.raises(InvalidRequest, match="there is no directory"):
                files.list(wrong)
        with pytest.raises(InvalidRequest, match="is a directory"):
            files.read("Windows")
        with pytest.raises(InvalidRequest, match="there is no 'Windows/nothing'"):
            files.read("Windows/nothing")
        with pytest.raises(InvalidRequest, match="is no path"):
            files.read("../etc/passwd")
        with pytest.raises(InvalidInput, match=r"image 1: 'Windows/same' has 61.5 KB; .* at most 1000 bytes"):
            files.read("Windows/same", limit=1000)
        (tmp_path / "new").write_bytes(b"new")
        opened.images[0].add_file(tmp_path / "new", "/added")
        with pytest.raises(InvalidRequest, match="added in memory"):
            files.read("added")


@pytest.mark.foreign
def test_a_pipable_wim_is_refused(tmp_path: Path) -> None:
    with (
        WimFile.open(make_wim(tmp_path, "--pipable")) as opened,
        pytest.raises(InvalidRequest, match="pipable WIM cannot be read here; export it first"),
    ):
        opened.images[0].files().read("Windows/same")


@pytest.mark.foreign
@pytest.mark.parametrize("options", [("--compress=none",), ("--compress=lzx",), ("--solid",)], ids=" ".join)
def test_damaged_contents_are_told_of_the_file_that_has_them(tmp_path: Path, options: tuple[str, ...]) -> None:
    noise = random.Random(3).randbytes(200_000)
    wim = make_wim(tmp_path, *options, files={"good": b"good" * 100, "noise": noise})
    data = bytearray(wim.read_bytes())
    # Random bytes are stored as they are.
    data[data.index(noise[150_000:150_032])] ^= 1
    wim.write_bytes(data)
    with WimFile.open(wim) as opened:
        files = opened.images[0].files()
        assert files.read("good") == b"good" * 100
        with pytest.raises(CorruptWim, match="the contents of 'noise' do not match their SHA-1"):
            files.read("noise")
        if "--solid" in options:
            with pytest.raises(CorruptWim, match="'noise'"):
                files.prefetch(["noise"])


def test_links_and_encrypted_files_are_not_read(tmp_path: Path) -> None:
    secret = wimcraft.Node("secret", b"not the contents", attributes=int(FileAttribute.ENCRYPTED))
    wim = tmp_path / "image.wim"
    wim.write_bytes(wimcraft.build(wimcraft.root(wimcraft.symlink("link", "C:\\x"), secret)))
    with WimFile.open(wim) as opened:
        files = opened.images[0].files()
        assert {each.path: each.is_link for each in files.list()} == {"link": True, "secret": True}
        for path in ("link", "secret"):
            with pytest.raises(InvalidInput, match="a link, or encrypted"):
                files.read(path)


def test_an_image_with_an_unsafe_name_is_refused(tmp_path: Path) -> None:
    wim = tmp_path / "image.wim"
    wim.write_bytes(wimcraft.build(wimcraft.root(wimcraft.Node("a:b", b"x"))))
    with WimFile.open(wim) as opened, pytest.raises(UnsafeName, match="colon"):
        opened.images[0].files()


def test_a_wim_that_is_gone_is_an_error_of_storage(tmp_path: Path) -> None:
    wim = tmp_path / "image.wim"
    wim.write_bytes(wimcraft.build(wimcraft.root(wimcraft.Node("a", b"x"))))
    with WimFile.open(wim) as opened:
        files = opened.images[0].files()
        assert files.read("a") == b"x"
        wim.unlink()
        with pytest.raises(StorageError, match="No such file"):
            files.read("a")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_changed_bytes_give_the_contents_or_an_error(tmp_path: Path, data: st.DataObject) -> None:
    whole = wimcraft.build(
        wimcraft.root(wimcraft.folder("d", wimcraft.Node("a", b"abc" * 50)), wimcraft.Node("b", b"b"))
    )
    changed = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        changed[at] = data.draw(st.integers(0, 255))
    wim = tmp_path / "image.wim"
    wim.write_bytes(changed)
    try:
        with WimFile.open(wim) as opened:
            files = opened.image(1).files()
            held = {each.path: files.read(each.path, limit=10_000) for each in files.walk() if not each.is_directory}
    except OsdImageError:
        return
    # Names and times have no hash; contents do.
    assert set(held.values()) <= {b"abc" * 50, b"b", b""}
