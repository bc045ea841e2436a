"""Names that are refused come back where that is asked for: as they are, or as others that are told."""

from __future__ import annotations

import shutil
from pathlib import Path
from re import fullmatch

import pytest
from cases.wimcraft import Node, build, folder, root
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges import fat, ntfs
from judges import wim as judges
from judges.disk import run
from osdimage.imaging.apply.engine import Engine
from osdimage.imaging.apply.image import apply_image
from osdimage.imaging.apply.job import ApplyOptions
from osdimage.imaging.capture.image import CaptureOptions, capture_image
from osdimage.imaging.compare.image import compare_image
from osdimage.imaging.errors import UnsafeName
from osdimage.imaging.wim.checks.names import Names
from osdimage.imaging.wim.file import WimFile
from osdimage.imaging.wim.renamed.replacing import NamePart, ReplacedName
from osdimage.imaging.wim.write import WriteMode
from runs.commands import osdimage

# What no target takes by default, and no two of which are one where case does not matter.
ODD = {
    "a:b": "a_b",
    "c\\d": "c_d",
    "d/e": "d_e",
    "..": "__",
    "x" * 300 + ".txt": "x" * 250 + "~.txt",
    "s:\\t.txt": "s__t (2).txt",
    "s__t.TXT": "s__t.TXT",
}


def tree_in(top: Path) -> dict[str, bytes | None]:
    """Return what is in a directory: contents of files, None for folders, by paths."""
    return {each.relative_to(top).as_posix(): None if each.is_dir() else each.read_bytes() for each in top.rglob("*")}


def wim_with(tmp_path: Path, *nodes: Node) -> Path:
    path = tmp_path / "odd.wim"
    path.write_bytes(build(root(*nodes), root(Node("another image", b"x"))))
    return path


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A WIM whose second image has all odd names, in a folder that has one too."""
    path = tmp_path / "odd.wim"
    files = [Node(name, name.encode("utf-8", "replace")) for name in ODD]
    path.write_bytes(build(root(Node("plain", b"p")), root(folder("top:", *files), Node("plain", b"p"))))
    return path


def expected_of(odd_names: dict[str, str]) -> dict[str, bytes | None]:
    files: dict[str, bytes | None] = {f"top_/{new}": old.encode() for old, new in odd_names.items()}
    return files | {"top_": None, "plain": b"p"}


@pytest.mark.parametrize("engine", ["bulk", "libwim"])
def test_a_directory_gets_other_names(engine: str, odd: Path, tmp_path: Path) -> None:
    done = osdimage(
        "apply", odd, tmp_path / "out", "--index", "2", "--names", "replace", "--engine", engine, "--verbose"
    )
    assert tree_in(tmp_path / "out") == expected_of(ODD)
    assert "'/top:/a:b' became 'a_b'" in done.out
    assert "names replaced by others: 7" in done.err
    report = osdimage("compare", odd, tmp_path / "out", "--index", "2", "--names", "replace")
    assert "equal" in report.out


def test_json_has_each_name(odd: Path, tmp_path: Path) -> None:
    done = osdimage("apply", odd, tmp_path / "out", "--index", "2", "--names", "replace", "--json")
    (result,) = (each["result"] for each in done.facts["volumes"])
    assert result["replaced"] == len(result["replaced_names"]) == 7
    assert {"path": "/top:/a:b", "part": "name", "old": "a:b", "new": "a_b"} in result["replaced_names"]
    assert {loss["kind"] for loss in result["losses"]} == {"name-replaced"}
    strict = osdimage("apply", odd, tmp_path / "out2", "--index", "2", "--names", "replace", "--strict", code=1)
    assert "names replaced by others: 7" in strict.err


@pytest.mark.foreign
@pytest.mark.parametrize("engine", ["bulk", "libntfs"])
def test_an_ntfs_volume_gets_other_names(engine: str, odd: Path, tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "x.ntfs", 16 << 20)
    osdimage("apply", odd, volume, "--index", "2", "--names", "replace", "--engine", engine)
    assert ntfs.ntfsls(volume) == {"plain", "top_"}
    assert ntfs.ntfsls(volume, "/top_") == set(ODD.values())
    assert ntfs.ntfscat(volume, "/top_/a_b") == "a:b"
    judges.assert_ntfs_clean(volume)
    osdimage("compare", odd, volume, "--index", "2", "--names", "replace")


@pytest.mark.foreign
def test_an_ntfs_volume_gets_other_names_of_streams_and_no_short_names_that_cannot_be(tmp_path: Path) -> None:
    wim = wim_with(
        tmp_path,
        Node("one long name", b"1", short_name="TWICE~1"),
        Node("two long name", b"2", short_name="TWICE~1"),
        Node("streams", b"3", streams={"s:t": b"4"}),
    )
    volume = judges.make_ntfs(tmp_path / "x.ntfs", 16 << 20)
    before = volume.read_bytes()
    osdimage("apply", wim, volume, "--index", "1", code=3)
    assert volume.read_bytes() == before
    done = osdimage("apply", wim, volume, "--index", "1", "--names", "replace", "--verbose")
    assert "'/two long name' lost its short name 'TWICE~1'" in done.out
    assert "the stream 's:t' of '/streams' became 's_t'" in done.out
    assert run(["ntfscat", "-n", "s_t", volume, "/streams"]) == "4"
    # A directory has neither, so that nothing is to be told.
    done = osdimage("apply", wim, tmp_path / "out", "--index", "1", "--names", "replace", "--json")
    assert done.facts["volumes"][0]["result"]["replaced"] == 0


@pytest.mark.foreign
def test_a_fat_volume_gets_other_names(tmp_path: Path) -> None:
    names = {"Twin": "Twin (2)", "TWIN": "TWIN", "a?b*": "a_b_", "end.": "end_", "con": "con"}
    wim = wim_with(tmp_path, folder("top:", *(Node(each, each.encode()) for each in (*ODD, *names))))
    volume = tmp_path / "x.fat"
    with volume.open("wb") as file:
        file.truncate(40 << 20)
    run(["mkfs.fat", "-F32", "-s1", volume])
    osdimage("apply", wim, volume, "--index", "1", "--names", "replace")
    fat.copy_out(volume, tmp_path / "out")
    assert {each.name: each.read_text() for each in (tmp_path / "out/top_").iterdir()} == {
        new: old for old, new in (ODD | names).items()
    }
    osdimage("compare", wim, volume, "--index", "1", "--names", "replace")


def test_a_directory_keeps_what_it_can_hold(tmp_path: Path) -> None:
    nodes = [Node("a:b", b"1", streams={"s:t": b"x"}), folder("c\\d", Node("e:", b"2"))]
    wim = wim_with(tmp_path, *nodes)
    assert "--names replace" in osdimage("apply", wim, tmp_path / "no", "--index", "1", code=3).err
    for engine in ("bulk", "libwim"):
        done = osdimage("apply", wim, tmp_path / engine, "--index", "1", "--names", "keep", "--engine", engine)
        assert "names with a colon" in done.err
        assert tree_in(tmp_path / engine) == {"a:b": b"1", "c\\d": None, "c\\d/e:": b"2"}
    osdimage("compare", wim, tmp_path / "bulk", "--index", "1")


@pytest.mark.foreign
def test_a_directory_keeps_what_wimlib_imagex_does(tmp_path: Path) -> None:
    source, wim = tmp_path / "source", tmp_path / "x.wim"
    (source / "a:b" / "c\\d").mkdir(parents=True)
    (source / "a:b" / "c\\d" / "e.").write_bytes(b"1")
    judges.wimlib("capture", source, wim)
    judges.wimlib("apply", wim, tmp_path / "theirs")
    osdimage("apply", wim, tmp_path / "ours", "--names", "keep")
    osdimage("capture", source, tmp_path / "ours.wim", "--names", "keep")
    assert tree_in(tmp_path / "ours") == tree_in(tmp_path / "theirs") == tree_in(source)
    assert judges.wimlib_paths(tmp_path / "ours.wim") == judges.wimlib_paths(wim)


@pytest.mark.foreign
def test_a_name_with_a_slash_is_more_readable_than_the_one_that_wimlib_imagex_gives(tmp_path: Path) -> None:
    wim = wim_with(tmp_path, Node("a/b", b"1"), Node("plain", b"2"))
    judges.wimlib("apply", wim, "1", tmp_path / "theirs", "--include-invalid-names")
    osdimage("apply", wim, tmp_path / "ours", "--index", "1", "--names", "replace")
    # Which character it puts there depends on its version and the locale.
    assert any(fullmatch(r"a.b \(invalid filename #1\)", name) for name in tree_in(tmp_path / "theirs"))
    assert tree_in(tmp_path / "ours") == {"a_b": b"1", "plain": b"2"}


@pytest.mark.parametrize("name", ["a/b", "..", "x" * 256])
def test_a_directory_never_keeps_what_leads_out_of_it_or_is_too_long(name: str, tmp_path: Path) -> None:
    wim = wim_with(tmp_path, Node("a:b", b"1"), folder("folder", Node(name, b"x")))
    osdimage("apply", wim, tmp_path / "out", "--index", "1", "--names", "keep", code=3)
    osdimage("extract", wim, "/folder", "--to", tmp_path / "out", "--index", "1", "--names", "keep", code=3)
    assert list(tmp_path.iterdir()) == [wim]


def test_a_name_that_is_too_long_for_the_file_system_is_cut(tmp_path: Path) -> None:
    wim = wim_with(tmp_path, Node("ü" * 200, b"1"))
    osdimage("apply", wim, tmp_path / "out", "--index", "1", "--names", "replace")
    assert tree_in(tmp_path / "out") == {"ü" * 127 + "~": b"1"}


@pytest.mark.foreign
def test_a_volume_keeps_no_such_name(tmp_path: Path) -> None:
    volume = judges.make_ntfs(tmp_path / "x.ntfs", 16 << 20)
    before = volume.read_bytes()
    done = osdimage("apply", wim_with(tmp_path, Node("a:b", b"1")), volume, "--index", "1", "--names", "keep", code=4)
    assert "in a directory of Linux only" in done.err
    assert volume.read_bytes() == before


def test_several_targets_get_names_of_their_own(odd: Path, tmp_path: Path) -> None:
    targets = [tmp_path / "one", tmp_path / "two"]
    osdimage("apply", odd, targets[0], "--also", targets[1], "--index", "2", "--names", "replace")
    assert [tree_in(each) for each in targets] == [expected_of(ODD)] * 2
    refused = osdimage("apply", odd, tmp_path / "three", "--also", tmp_path / "four", "--index", "2", code=3)
    assert "--names replace" in refused.err


def test_a_delta_and_a_solid_image_get_other_names(tmp_path: Path) -> None:
    source, full, solid = tmp_path / "source", tmp_path / "full.wim", tmp_path / "solid.esd"
    source.mkdir()
    (source / "a:b").write_bytes(b"1" * 5000)
    osdimage("capture", source, full, "--names", "keep")
    osdimage("export", full, solid, "--all")
    osdimage("apply", solid, tmp_path / "solid", "--names", "replace")
    assert tree_in(tmp_path / "solid") == {"a_b": b"1" * 5000}
    osdimage("split", full, tmp_path / "part.swm", "--size", "4KB")
    osdimage("apply", tmp_path / "part.swm", tmp_path / "split", "--names", "replace")
    assert tree_in(tmp_path / "split") == {"a_b": b"1" * 5000}


def test_an_extract_keeps_and_replaces(tmp_path: Path) -> None:
    wim = wim_with(tmp_path, folder("x:", Node("c\\d", b"1")), Node("e:f", b"2"), Node("g:h", b"3"))
    keep = ("--index", "1", "--names", "keep")
    osdimage("extract", wim, "/x:", "/e*", "--to", tmp_path / "keep", *keep)
    assert tree_in(tmp_path / "keep") == {"x:": None, "x:/c\\d": b"1", "e:f": b"2"}
    alone = osdimage("extract", wim, "/x:/c?d", "--to", tmp_path / "alone", *keep, code=2)
    assert "valid is the directory" in alone.err
    replace = ("--index", "1", "--names", "replace")
    done = osdimage("extract", wim, "/x:/c?d", "/E:F", "--to", tmp_path / "replace", *replace, "--json")
    assert tree_in(tmp_path / "replace") == {"c_d": b"1", "e_f": b"2"}
    assert done.facts["paths"] == ["/x:/c\\d", "/e:f"]
    assert [each["path"] for each in done.facts["replaced_names"]] == ["/e:f", "/x:/c\\d"]
    osdimage("extract", wim, "/x:", "--to", tmp_path / "with", "--keep-directories", *replace)
    assert tree_in(tmp_path / "with") == {"x_": None, "x_/c_d": b"1"}
    osdimage("extract", wim, "/nothing", "--to", tmp_path / "none", *replace, code=2)
    assert "--names replace" in osdimage("extract", wim, "/x:", "--to", tmp_path / "none", "--index", "1", code=3).err


# ---- what was captured comes back


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


NAME = st.text("aA_:\\.?* ü", min_size=1, max_size=4).filter(lambda name: name not in {".", ".."})
TREE: st.SearchStrategy[dict[str, object]] = st.recursive(
    st.dictionaries(NAME, st.binary(max_size=3), max_size=4),
    lambda below: st.dictionaries(NAME, st.binary(max_size=3) | below, max_size=4),
    max_leaves=12,
)


def make(top: Path, tree: dict[str, object]) -> None:
    top.mkdir()
    for name, held in tree.items():
        if isinstance(held, dict):
            make(top / name, held)
        else:
            assert isinstance(held, bytes)
            (top / name).write_bytes(held)


def moved(tree: dict[str, bytes | None], names: tuple[ReplacedName, ...]) -> dict[str, bytes | None]:
    """Return what is in a directory with the names that were told."""
    new = {each.path.lstrip("/"): each.new or "" for each in names if each.part is NamePart.NAME}

    def now(path: str) -> str:
        parts = path.split("/")
        return "/".join(new.get("/".join(parts[: at + 1]), part) for at, part in enumerate(parts))

    return {now(path): held for path, held in tree.items()}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREE, engine=st.sampled_from([Engine.AUTO, Engine.LIBWIM]))
def test_all_that_is_captured_comes_back(place: Path, tree: dict[str, object], engine: Engine) -> None:
    shutil.rmtree(place)
    place.mkdir()
    source, wim = place / "source", place / "x.wim"
    make(source, tree)
    before = tree_in(source)
    is_odd = any(each.count("\\") or each.count(":") for each in before)
    for names in (Names.KEEP, Names.REPLACE):
        done = capture_image(source, wim, CaptureOptions(mode=WriteMode.OVERWRITE, names=names))
        assert bool(done.replaced) == (is_odd and names is Names.REPLACE)
        for applied in (names, Names.REPLACE):
            target = place / f"{names}-{applied}"
            with WimFile.open(wim) as opened:
                result = apply_image(opened.image(1), target, ApplyOptions(names=applied, engine=engine))
                compared = compare_image(opened.image(1), target)
            expected = moved(moved(before, done.replaced_names), result.replaced_names)
            assert tree_in(target) == expected
            assert len(expected) == len(before)
            assert compared.is_equal or result.replaced
    if is_odd:
        with pytest.raises(UnsafeName):
            capture_image(source, place / "new.wim")
        assert not (place / "new.wim").exists()
