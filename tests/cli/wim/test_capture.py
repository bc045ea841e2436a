"""``osdimage capture``."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import trees
from judges import wim as judges
from osdimage.imaging.capture import image as capture_module
from runs.commands import osdimage

CAPTURE_KEYS = {
    "path",
    "index",
    "name",
    "directories",
    "files",
    "size",
    "file_size",
    "excluded",
    "excluded_paths",
    "unsupported",
    "losses",
    "odd_names",
    "replaced",
    "replaced_names",
    "warnings",
    "needs",
    "decompacted",
    "in_cloud",
}


def names_in(wim: Path, image: int = 1) -> set[str]:
    entries = osdimage("list", wim, "--index", str(image), "--json").document["entries"]
    return {entry["path"] for entry in entries} - {"/"}


def test_a_folder_becomes_an_image_named_after_it(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.wim"
    outcome = osdimage("capture", small, path)
    assert outcome.err == ""
    assert outcome.out.startswith(f"{path}: image 1 'small': 3 files and 2 directories, ")
    assert names_in(path) == set(trees.read_tree(small))


@pytest.mark.parametrize("option", ["--integrity", "--check"])
def test_an_integrity_table_is_written_by_either_spelling(option: str, small: Path, tmp_path: Path) -> None:
    osdimage("capture", small, tmp_path / "new.wim", option)
    assert osdimage("info", tmp_path / "new.wim", "--json").document["header"]["has_integrity_table"]
    assert "--check" not in osdimage("capture", "--help").out


def test_an_empty_name_is_refused(small: Path, tmp_path: Path) -> None:
    assert "not empty" in osdimage("capture", small, tmp_path / "new.wim", "--name", "", code=2).err


def test_an_image_is_added_to_a_wim_that_is_made_if_it_is_missing(small: Path, tmp_path: Path) -> None:
    wim = tmp_path / "x.wim"
    for number, name in enumerate(("first", "second"), start=1):
        outcome = osdimage("capture", small, wim, "--name", name, "--create", "--compress", "xpress", "--json")
        assert [each["index"] for each in outcome.facts["images"]] == [number]
    facts = judges.wimlib_info(wim)
    assert [each["Name"] for each in facts.images] == ["first", "second"]
    assert facts.wim["Compression"] == "XPRESS"
    osdimage("capture", small, wim, "--name", "third", "--append", "--create")
    assert "an image named 'first'" in osdimage("capture", small, wim, "--name", "first", "--create", code=2).err
    assert "choose --create or --overwrite" in osdimage("capture", small, wim, "--create", "--overwrite", code=2).err


def test_the_first_capture_of_a_series_is_an_update_of_none_and_the_next_of_the_last(
    small: Path, tmp_path: Path
) -> None:
    wim = tmp_path / "x.wim"
    series = ("capture", small, wim, "--create", "--update-of", "-1", "--name")
    assert "an update of no image" in osdimage(*series, "first").out
    size = wim.stat().st_size
    assert "an update of no image" not in osdimage(*series, "second").out
    assert [each["Name"] for each in judges.wimlib_info(wim).images] == ["first", "second"]
    # The second added a tree, and no contents.
    assert wim.stat().st_size - size < 4096
    assert "say in which WIM" in osdimage("capture", small, tmp_path / "y.wim", "--update-of", "-1", code=2).err
    another = ("capture", small, tmp_path / "y.wim", "--create", "--update-of", f"{tmp_path / 'z.wim'}:1")
    assert "z.wim" in osdimage(*another, code=2).err


def test_the_json_document_tells_what_was_stored(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.wim"
    document = osdimage("capture", small, path, "--json").document["images"][0]
    assert set(document) == CAPTURE_KEYS
    sizes = [node.size for node in trees.read_tree(small).values() if node.size]
    assert (document["path"], document["index"], document["name"]) == (str(path), 1, "small")
    assert (document["files"], document["directories"], document["size"]) == (3, 2, sum(sizes))
    assert document["file_size"] == path.stat().st_size
    assert (document["excluded"], document["losses"], document["warnings"]) == (0, [], [])


def test_names_and_texts_are_stored_where_other_tools_read_them(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.wim"
    options = ("--name", "Büro <1> & \N{GRINNING FACE}", "--description", "Über alles", "--creator", "Jörg")
    osdimage("capture", small, path, *options, "--image-version", "1.2.3 beta")
    (image,) = osdimage("info", path, "--json").document["images"]
    assert image["name"] == "Büro <1> & \N{GRINNING FACE}"
    assert (image["description"], image["creator"], image["image_version"]) == ("Über alles", "Jörg", "1.2.3 beta")
    facts = judges.wimlib_info(path).images[0]
    assert (facts["Name"], facts["Description"]) == ("Büro <1> & \N{GRINNING FACE}", "Über alles")


@dataclass(frozen=True, slots=True)
class Refused:
    """Options that cannot be, and a piece of the error that says what could."""

    options: tuple[str, ...]
    says: str


REFUSED = {
    "append and overwrite": Refused(("--append", "--overwrite"), "choose --append or --overwrite"),
    "name too long": Refused(("--name", "n" * 256), "at most 255"),
    "description too long": Refused(("--description", "d" * 256), "at most 255"),
    "creator too long": Refused(("--creator", "c" * 256), "at most 255"),
    "version too long": Refused(("--image-version", "v" * 33), "at most 32"),
    "control character": Refused(("--name", "a\x1b[31m"), "control characters"),
    "unknown compression": Refused(("--compress", "zip"), "none, xpress, lzx or lzms"),
    "level zero": Refused(("--compress", "lzx:0"), "1 to 100"),
    "level too high": Refused(("--compress", "lzx:101"), "1 to 100"),
    "level not a number": Refused(("--compress", "lzx:fast"), "1 to 100"),
    "none with a level": Refused(("--compress", "none:5"), "no level"),
    "none and solid": Refused(("--compress", "none", "--solid"), "cannot be solid"),
    "chunk too small": Refused(("--compress", "lzx", "--chunk-size", "4K"), "32.0 KB to 2.0 MB"),
    "chunk not a power of two": Refused(("--chunk-size", "48K"), "a power of two"),
    "chunk not a size": Refused(("--chunk-size", "many"), "512MB"),
    "threads below zero": Refused(("--threads", "-1"), "--threads"),
    "more threads than an int of C": Refused(("--threads", "4294967296"), "0<=x<=1024"),
    "pattern with a folder but no root": Refused(("--exclude", r"a\b"), r"\a\b"),
    "pattern with a quote": Refused(("--exclude", 'a"b'), "quotes"),
    "empty pattern": Refused(("--exclude", ""), "empty"),
    "no such option": Refused(("--frobnicate",), "--frobnicate"),
    "json and events on one stream": Refused(("--json", "--events", "-"), "give --events a file"),
    "events to a folder that is not there": Refused(("--events", "/no/such/folder/events"), "No such file"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_a_usage_error_of_one_line(small: Path, tmp_path: Path, case: Refused) -> None:
    path = tmp_path / "new.wim"
    outcome = osdimage("capture", small, path, *case.options, code=2)
    assert outcome.out == "" or "--json" in case.options
    (line,) = outcome.err.splitlines()
    assert line.startswith("osdimage: ")
    assert case.says in line
    assert not path.exists()


@pytest.mark.parametrize("length", [1, 255])
def test_texts_of_the_longest_and_shortest_length(small: Path, tmp_path: Path, length: int) -> None:
    path = tmp_path / "new.wim"
    text = "ü" * length
    osdimage("capture", small, path, "--name", text, "--description", text, "--creator", text)
    (image,) = osdimage("info", path, "--json").document["images"]
    assert (image["name"], image["description"], image["creator"]) == (text, text, text)


def test_an_existing_file_is_refused_and_untouched(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "there.wim"
    path.write_bytes(b"precious")
    outcome = osdimage("capture", small, path, code=4)
    (line,) = outcome.err.splitlines()
    assert str(path) in line
    assert line.endswith("exists already; choose another name, add to it with --append, or replace it with --overwrite")
    assert path.read_bytes() == b"precious"


def test_nothing_is_appended_to_a_file_that_is_not_there(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "missing.wim"
    (line,) = osdimage("capture", small, path, "--append", code=2).err.splitlines()
    assert line == f"osdimage: {path}: there is no such file to add to; without --append it is made"
    assert not path.exists()


def test_overwrite_replaces_and_append_adds(small: Path, tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.wim"
    osdimage("capture", small, path)
    osdimage("capture", tree, path, "--overwrite")
    assert names_in(path) == set(trees.read_tree(tree))
    osdimage("capture", small, path, "--append")
    assert names_in(path, 2) == set(trees.read_tree(small))
    judges.wimlib("verify", path)
    assert [item.name for item in tmp_path.iterdir()] == ["new.wim"]


def test_append_to_what_is_not_a_wim_is_invalid_input(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.wim"
    path.write_bytes(b"not a WIM at all" * 100)
    outcome = osdimage("capture", small, path, "--append", code=3)
    assert "not a WIM" in outcome.err
    assert path.read_bytes() == b"not a WIM at all" * 100


def test_a_name_that_is_there_is_refused_and_a_default_one_is_numbered(single: Path, small: Path) -> None:
    before = single.read_bytes()
    outcome = osdimage("capture", small, single, "--append", "--name", "only", code=2)
    assert "'only'" in outcome.err
    assert single.read_bytes() == before
    for expected in ("small", "small (2)", "small (3)"):
        assert osdimage("capture", small, single, "--append", "--json").document["images"][0]["name"] == expected


@pytest.mark.foreign
def test_what_another_program_appends_during_a_scan_is_not_lost(
    single: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan_slowly(*arguments: object, **options: object) -> object:
        judges.wimlib("append", small, single, "of another program")
        return scan(*arguments, **options)  # type: ignore[arg-type]

    scan = capture_module.scan
    monkeypatch.setattr(capture_module, "scan", scan_slowly)
    outcome = osdimage("capture", small, single, "--append", "--name", "mine", code=4)
    assert "another program has changed it" in outcome.err
    assert [image["Name"] for image in judges.wimlib_info(single).images] == ["only", "of another program"]
    judges.wimlib("verify", single)


def test_a_wim_that_is_locked_was_not_cut_back(single: Path, small: Path) -> None:
    before = single.read_bytes()
    with single.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        outcome = osdimage("capture", small, single, "--append", "--name", "mine", code=4)
    assert outcome.err == f"osdimage: {single}: another program is writing to it\n"
    assert single.read_bytes() == before


def test_append_in_another_format_is_refused(single: Path, small: Path) -> None:
    before = single.read_bytes()
    outcome = osdimage("capture", small, single, "--append", "--compress", "xpress", code=2)
    assert "lzx" in outcome.err
    assert single.read_bytes() == before


@dataclass(frozen=True, slots=True)
class Format:
    """Options, the file they write, and what wimlib-imagex says of it."""

    options: tuple[str, ...]
    file: str
    compression: str
    chunk: str | None
    version: str = "68864"
    warning: str | None = None


FORMATS = {
    "default": Format((), "a.wim", "LZX", "32768 bytes"),
    "none": Format(("--compress", "none"), "a.wim", "None", None),
    "xpress": Format(("--compress", "XPRESS"), "a.wim", "XPRESS", "32768 bytes"),
    "lzx with a level": Format(("--compress", "lzx:100"), "a.wim", "LZX", "32768 bytes"),
    "lzms in a wim": Format(("--compress", "lzms"), "a.wim", "LZMS", "131072 bytes", "3584", "only in an .esd"),
    "lzms in an esd": Format(("--compress", "lzms"), "a.esd", "LZMS", "131072 bytes", "3584"),
    "solid": Format(("--solid",), "a.esd", "LZMS", "131072 bytes", "3584"),
    "solid lzx in a wim": Format(
        ("--solid", "--compress", "lzx"), "a.wim", "LZX", "32768 bytes", "3584", "a solid WIM is an ESD"
    ),
    "an esd by its name": Format((), "A.ESD", "LZMS", "131072 bytes", "3584"),
    "large chunks": Format(("--chunk-size", "1MB"), "a.wim", "LZX", "1048576 bytes", warning="not the default"),
}


@pytest.mark.foreign
@pytest.mark.parametrize("case", FORMATS.values(), ids=FORMATS.keys())
def test_formats_and_the_warnings_about_windows_setup(tree: Path, tmp_path: Path, case: Format) -> None:
    path = tmp_path / case.file
    outcome = osdimage("capture", tree, path, *case.options)
    facts = judges.wimlib_info(path).wim
    assert (facts["Compression"], facts["Version"]) == (case.compression, case.version)
    if case.chunk is not None:
        assert facts["Chunk Size"] == case.chunk
    is_solid = "--solid" in case.options or case.file == "A.ESD"
    assert osdimage("info", path, "--json").document["header"]["is_solid"] == is_solid
    assert (", solid" in osdimage("info", path).out.splitlines()[0]) == is_solid
    if case.warning is None:
        assert outcome.warnings == []
    else:
        (warning,) = outcome.warnings
        assert case.warning in warning
    judges.seven_zip_test(path)


def test_overwriting_an_esd_makes_an_esd_again(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.esd"
    osdimage("capture", small, path)
    osdimage("capture", small, path, "--overwrite")
    header = osdimage("info", path, "--json").document["header"]
    assert (header["compression"], header["is_solid"]) == ("lzms", True)


@pytest.mark.foreign
def test_boot_integrity_and_threads(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.wim"
    osdimage("capture", small, path, "--boot", "--check", "--threads", "1")
    facts = judges.wimlib_info(path).wim
    assert facts["Boot Index"] == "1"
    assert "Integrity info" in facts["Attributes"]
    # An append keeps the table.
    osdimage("capture", small, path, "--append")
    assert "Integrity info" in judges.wimlib_info(path).wim["Attributes"]
    judges.wimlib("verify", path)


DEFAULT_EXCLUSIONS = """
    PageFile.sys = 1
    hiberfil.sys = 2
    swapfile.sys = 3
    System Volume Information/x = 4
    $Recycle.Bin/S-1/x = 5
    RECYCLER/x = 6
    Windows/CSC/x = 7
    Windows/notepad.exe = kept
    _SMSTaskSequence/x = 8
    SMSTSLog/x = 9
    folder/pagefile.sys = kept
    folder/Windows/CSC/x = kept
"""


def test_what_windows_leaves_out_is_left_out_and_counted(write: Callable[[str], Path], tmp_path: Path) -> None:
    source = write(DEFAULT_EXCLUSIONS)
    outcome = osdimage("capture", source, tmp_path / "new.wim")
    assert "left out by the exclusions: 9" in outcome.out
    assert names_in(tmp_path / "new.wim") == {
        "/Windows",
        "/Windows/notepad.exe",
        "/folder",
        "/folder/pagefile.sys",
        "/folder/Windows",
        "/folder/Windows/CSC",
        "/folder/Windows/CSC/x",
    }


CONFIG = """\
; a comment
[ExclusionList]
\\Temp
*.bak
"\\folder\\with space"
C:\\drive letter

[ExclusionException]
\\Temp\\keep.bak

[CompressionExclusionList]
*.mp3
"""
CONFIG_TREE = """
    Temp/a = 1
    Temp/keep.bak = 2
    x.bak = 3
    folder/Y.BAK = 4
    folder/with space/a = 5
    folder/without space = kept
    drive letter = 6
    PageFile.sys = kept: the default list is replaced
    song.mp3 = kept
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be with a mark"])
def test_a_config_in_every_encoding_that_windows_writes(
    write: Callable[[str], Path], tmp_path: Path, encoding: str
) -> None:
    config = tmp_path / "WimScript.ini"
    text = CONFIG.replace("\n", "\r\n")
    is_big = encoding.startswith("utf-16-be")
    config.write_bytes(b"\xfe\xff" + text.encode("utf-16-be") if is_big else text.encode(encoding))
    path = tmp_path / "new.wim"
    outcome = osdimage("capture", write(CONFIG_TREE), path, "--config", config)
    assert names_in(path) >= {"/folder", "/folder/without space", "/PageFile.sys", "/song.mp3"}
    gone = {"/Temp/a", "/x.bak", "/folder/Y.BAK", "/folder/with space", "/folder/with space/a", "/drive letter"}
    assert not names_in(path) & gone
    (warning,) = outcome.warnings
    assert "[CompressionExclusionList] has no effect" in warning


def test_an_exclusion_exception_brings_a_file_back(write: Callable[[str], Path], tmp_path: Path) -> None:
    config = tmp_path / "WimScript.ini"
    config.write_text("[ExclusionList]\n*.bak\n[ExclusionException]\n\\keep.bak\n")
    path = tmp_path / "new.wim"
    osdimage("capture", write("a.bak = 1\nkeep.bak = 2\nsub/keep.bak = 3"), path, "--config", config)
    assert names_in(path) == {"/keep.bak", "/sub"}


BAD_CONFIGS = {
    "unknown section": ("[ExclusionList]\n\\a\n[Exclusions]\n", ":3: unknown section '[Exclusions]'"),
    "section not closed": ("[ExclusionList\n", ":1: unknown section"),
    "pattern before a section": ("\\a\n", ":1: a pattern before the first section"),
    "folder without a root": ("[ExclusionList]\na\\b\n", ":2: 'a\\\\b'"),
    "a drive without a root": ("[ExclusionList]\nC:folder\n", ":2: 'C:folder'"),
}


@pytest.mark.parametrize(("text", "says"), BAD_CONFIGS.values(), ids=BAD_CONFIGS.keys())
def test_a_bad_config_is_named_with_its_line(small: Path, tmp_path: Path, text: str, says: str) -> None:
    config = tmp_path / "bad.ini"
    config.write_text(text)
    outcome = osdimage("capture", small, tmp_path / "new.wim", "--config", config, code=3)
    (line,) = outcome.err.splitlines()
    assert f"{config}{says}" in line
    assert not (tmp_path / "new.wim").exists()


def test_a_config_that_is_not_text(small: Path, tmp_path: Path) -> None:
    config = tmp_path / "bad.ini"
    config.write_bytes(b"[ExclusionList]\n\\\xff\xfe\n")
    outcome = osdimage("capture", small, tmp_path / "new.wim", "--config", config, code=3)
    assert "UTF-8" in outcome.err


def test_exclude_adds_to_the_default_list(write: Callable[[str], Path], tmp_path: Path) -> None:
    source = write("pagefile.sys = 1\na.tmp = 2\nsub/B.TMP = 3\nsub/kept = 4\n\\odd = 5")
    options = ("--exclude", "*.tmp", "--exclude", r"\sub\nothing here", "--names", "keep")
    document = osdimage("capture", source, tmp_path / "new.wim", *options, "--json").document["images"][0]
    assert document["excluded"] == 3
    assert names_in(tmp_path / "new.wim") >= {"/sub", "/sub/kept"}


def test_what_a_wim_cannot_hold_is_counted_and_strict_fails(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    os.mkfifo(source / "pipe")
    (source / "kept").write_bytes(b"1")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(source / "socket"))
        outcome = osdimage("capture", source, tmp_path / "new.wim", "--verbose")
        assert outcome.warnings == ["files of a kind that a WIM cannot hold left out: 2"]
        assert str(source / "pipe") in outcome.out
        strict = osdimage("capture", source, tmp_path / "strict.wim", "--strict", code=1)
        assert "files of a kind that a WIM cannot hold left out: 2" in strict.err
        document = osdimage("capture", source, tmp_path / "json.wim", "--json").document["images"][0]
    assert sorted(document["unsupported"]) == [str(source / "pipe"), str(source / "socket")]
    assert document["losses"] == [
        {"what": "files of a kind that a WIM cannot hold left out", "count": 2, "kind": None, "examples": []}
    ]
    assert names_in(tmp_path / "new.wim") == {"/kept"}


def test_names_that_windows_forbids_are_refused_unless_they_are_to_be_kept(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    source = write("a:b = 1\nc\\d = 2\nkept = 3")
    refused = osdimage("capture", source, tmp_path / "new.wim", code=3)
    assert "the name of '/a:b' holds a colon, which is not allowed in a Windows image (1 more like it)" in refused.err
    assert "--names replace stores it under another name, --names keep as it is" in refused.err
    assert list(tmp_path.iterdir()) == [source]
    outcome = osdimage("capture", source, tmp_path / "new.wim", "--names", "keep")
    assert outcome.warnings == [
        "names with a path separator, which Windows does not allow (and apply only if told): 1 ('/c\\d')",
        "names with a colon, which Windows does not allow (and apply only if told): 1 ('/a:b')",
    ]
    assert judges.wimlib_paths(tmp_path / "new.wim") == ["/", "/a:b", "/c\\d", "/kept"]
    osdimage("capture", source, tmp_path / "strict.wim", "--names", "keep", "--strict", code=1)
    refused = osdimage("apply", tmp_path / "new.wim", tmp_path / "target", code=3)
    assert not (tmp_path / "target").exists()
    assert "not allowed in a Windows image (1 more like it)" in refused.err
    both = "--names replace gives it another name, --names keep makes it as it is"
    assert both in refused.err
    other = tmp_path / "other"
    assert both in osdimage("apply", tmp_path / "new.wim", other, "--also", tmp_path / "third", code=3).err
    assert both in osdimage("extract", tmp_path / "new.wim", "/", "--to", other, code=3).err
    (tmp_path / "volume").write_bytes(b"")
    told = osdimage("apply", tmp_path / "new.wim", other, "--also", tmp_path / "volume", code=3).err
    assert "--names replace gives it another name" in told
    assert "--names keep" not in told


def test_names_that_windows_forbids_are_replaced_if_that_is_asked_for(
    write: Callable[[str], Path], small: Path, tmp_path: Path
) -> None:
    source, wim = write("a:b/c\\d = 1\na_B = 2\na?b = 3"), tmp_path / "new.wim"
    osdimage("capture", small, wim, "--integrity")
    before = osdimage("list", wim, "--index", "1").out
    outcome = osdimage("capture", source, wim, "--append", "--names", "replace", "--verbose")
    assert "  '/a:b' became 'a_b (2)'\n  '/a:b/c\\d' became 'c_d'" in outcome.out
    assert "names replaced by others: 2 ('/a:b', '/a:b/c\\d')" in outcome.warnings
    assert judges.wimlib_paths(wim, 2) == ["/", "/a?b", "/a_B", "/a_b (2)", "/a_b (2)/c_d"]
    assert osdimage("list", wim, "--index", "1").out == before
    judges.wimlib("verify", wim)
    osdimage("verify", wim)
    osdimage("capture", source, tmp_path / "solid.esd", "--solid", "--names", "replace")
    assert judges.wimlib_paths(tmp_path / "solid.esd") == judges.wimlib_paths(wim, 2)
    document = osdimage("capture", source, wim, "--overwrite", "--names", "replace", "--json").document["images"][0]
    assert document["replaced"] == 2
    assert document["replaced_names"][1] == {"path": "/a:b/c\\d", "part": "name", "old": "c\\d", "new": "c_d"}
    osdimage("capture", source, wim, "--overwrite", "--names", "replace", "--strict", code=1)


# What is at the path of the source: bytes of a file, or None for nothing.
SOURCES: dict[str, tuple[bytes | None, int, str]] = {
    "a file": (b"x" * 5000, 3, "holds no file system"),
    "an empty file": (b"", 3, "holds no file system"),
    "a BitLocker volume": (b"\xeb\x58\x90-FVE-FS-" + bytes(999), 3, "BitLocker"),
    "a broken FAT volume": (bytes(82) + b"FAT32   " + bytes(420) + b"\x55\xaa", 3, "FAT volume"),
    "an exFAT volume": (b"\xeb\x76\x90EXFAT   " + bytes(999), 3, "exFAT"),
    "a WIM": (b"MSWIM\0\0\0" + bytes(999), 3, "a WIM"),
    "a broken NTFS volume": (b"\xeb\x52\x90NTFS    " + bytes(9999), 3, "NTFS"),
}


@pytest.mark.parametrize(("contents", "code", "says"), SOURCES.values(), ids=SOURCES.keys())
def test_sources_that_cannot_be_captured(tmp_path: Path, contents: bytes, code: int, says: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(contents)
    outcome = osdimage("capture", source, tmp_path / "new.wim", code=code)
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"osdimage: {source}: ")
    assert says in line
    assert not (tmp_path / "new.wim").exists()


def test_a_pipe_is_no_source(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    outcome = osdimage("capture", tmp_path / "pipe", tmp_path / "new.wim", code=3)
    assert "neither a file" in outcome.err


def test_a_wim_cannot_capture_itself(tmp_path: Path) -> None:
    source = trees.make_small_tree(tmp_path / "source")
    path = source / "inside.wim"
    osdimage("capture", source, path)
    outcome = osdimage("capture", source, path, "--overwrite", code=2)
    assert "capture itself" in outcome.err
    assert "/inside.wim" not in names_in(path)


def test_quiet_prints_nothing(tree: Path, tmp_path: Path) -> None:
    outcome = osdimage("capture", tree, tmp_path / "a.wim", "--quiet", "--compress", "lzms")
    assert (outcome.out, outcome.err) == ("", "")


def test_owner_and_mode_are_kept_on_request(tmp_path: Path) -> None:
    source = trees.make_small_tree(tmp_path / "source")
    (source / "one byte").chmod(0o640)
    osdimage("capture", source, tmp_path / "plain.wim")
    osdimage("capture", source, tmp_path / "unix.wim", "--unix-data")
    modes = {}
    for name in ("plain", "unix"):
        entries = osdimage("list", tmp_path / f"{name}.wim", "/one byte", "--json").document["entries"]
        modes[name] = entries[0]["unix_mode"]
    assert modes == {"plain": None, "unix": 0o100640}
    osdimage("apply", tmp_path / "unix.wim", tmp_path / "target", "--unix-data")
    assert (tmp_path / "target" / "one byte").stat().st_mode == 0o100640


@pytest.mark.foreign
def test_what_links_lead_to_is_stored_if_that_is_asked_for(tmp_path: Path) -> None:
    source, wim = tmp_path / "source", tmp_path / "x.wim"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("elsewhere")
    source.mkdir()
    (source / "folder").symlink_to("../elsewhere")
    (source / "file").symlink_to("folder/file")
    osdimage("capture", source, wim, "--dereference")
    judges.wimlib("capture", source, tmp_path / "theirs.wim", "--dereference")
    assert judges.wimlib_paths(wim) == ["/", "/file", "/folder", "/folder/file"]
    assert judges.wimlib_facts(wim) == judges.wimlib_facts(tmp_path / "theirs.wim")


def test_links_that_have_no_end_are_refused_and_not_followed(tmp_path: Path) -> None:
    """wimlib-imagex capture --dereference goes on until there is no memory."""
    source, wim = tmp_path / "source", tmp_path / "x.wim"
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "b" / "up").symlink_to("../..")
    says = "up: leads to a directory that it is in"
    assert says in osdimage("capture", source, wim, "--dereference", code=2).err
    assert not wim.exists()
    osdimage("capture", source, wim, "--dereference", "--exclude", "up")
    assert says in osdimage("update", wim, "--add", f"{source}=/more", "--dereference", code=2).err
    (source / "a" / "b" / "up").unlink()
    (source / "nowhere").symlink_to("not-there")
    says = "leads to 'not-there', which is not there"
    assert says in osdimage("capture", source, wim, "--dereference", "--overwrite", code=2).err
