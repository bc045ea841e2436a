"""``split``, ``join``, ``optimize`` and ``export --split-size`` as scripts call them."""

from __future__ import annotations

import fcntl
import random
from pathlib import Path

import pytest
from judges import wim as judges
from runs.commands import osdimage


@pytest.fixture(scope="module")
def wim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WIM of two images with six files of 30,000 bytes that do not shrink, and one of 60,000."""
    folder = tmp_path_factory.mktemp("split")
    for number, name in enumerate(("first", "second")):
        (folder / name).mkdir()
        for each in range(3):
            (folder / name / f"file {each}").write_bytes(noise(number * 10 + each, 30_000))
    (folder / "first" / "largest").write_bytes(noise(99, 60_000))
    osdimage("capture", folder / "first", folder / "whole.wim", "--name", "first")
    osdimage("capture", folder / "second", folder / "whole.wim", "--append", "--name", "second")
    return folder / "whole.wim"


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.foreign
def test_split_and_join_say_what_they_made(wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    planned = osdimage("split", wim, "x.swm", "--size", "100KB", "--dry-run")
    assert planned.out.splitlines()[0] == "x.swm: would be 3 parts, together 240 KB"
    assert not list(tmp_path.iterdir())
    outcome = osdimage("split", wim, "x.swm", "--size", "100KB", "--verify")
    lines = outcome.out.splitlines()
    assert lines[0] == "x.swm: 3 parts, together 240 KB"
    assert [line.partition(":")[0] for line in lines[1:]] == ["  x.swm", "  x2.swm", "  x3.swm"]
    judges.wimlib("verify", "x.swm", "--ref=x*.swm")
    whole = osdimage("join", "whole.wim", "x3.swm", "x.swm", "x2.swm")
    assert whole.out.startswith("whole.wim: 3 parts, 2 images; the file has ")
    assert judges.wimlib_facts(tmp_path / "whole.wim", 2) == judges.wimlib_facts(wim, 2)
    assert "exists already" in osdimage("join", "whole.wim", "x.swm", code=4).err
    osdimage("join", "whole.wim", "x.swm", "--overwrite", "--check", "--integrity")
    judges.wimlib("verify", "whole.wim")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("split W x.swm --size 3800", 2, "3800 without a unit is bytes; did you mean 3800MB?"),
        (
            "split W x.swm --size 50KB",
            2,
            "takes 58.6 KB of it, and a part 50.0 KB; --allow-larger makes the part as large",
        ),
        ("export W x.wim --all --allow-larger", 2, "--allow-larger goes with --split-size"),
        ("split W missing/x.swm", 1, "missing/x.swm: there is no directory missing"),
        ("split W missing/x.swm --compress none", 1, "missing/x.swm: there is no directory missing"),
        ("split W W --overwrite", 2, "is the name of a whole WIM; valid for its parts is"),
        ("split W x.esd", 2, "x.esd: is the name of a whole WIM; valid for its parts is x.swm"),
        ("join x.wim W W", 3, "is no part of a split WIM"),
        ("export W x.swm --all", 2, "with --split-size it is cut into parts"),
        ("export W x.swm --all --solid --split-size 1MB", 2, "never solid"),
        ("optimize missing.wim", 2, "does not exist"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(wim: Path, empty: Path, arguments: str, code: int, says: str) -> None:
    outcome = osdimage(*(str(wim) if word == "W" else word for word in arguments.split()), code=code)
    (line,) = outcome.err.splitlines()
    assert says in line
    assert list(empty.iterdir()) == []


def test_parts_without_an_ending_get_that_of_parts(wim: Path, empty: Path) -> None:
    osdimage("split", wim, "out", "--size", "100KB")
    assert sorted(each.name for each in empty.iterdir()) == ["out.swm", "out2.swm", "out3.swm"]
    assert osdimage("split", wim, "out", "--size", "100KB", code=4).err.startswith("osdimage: out.swm: ")
    told = osdimage("export", wim, "v1.2", "--all", "--split-size", "1MB", "--json")
    assert told.facts["paths"] == ["v1.2.swm"]
    assert osdimage("split", wim, "x.SWM", "--json").facts["paths"] == ["x.SWM"]


def test_parts_are_not_named_by_a_folder(wim: Path, empty: Path) -> None:
    (empty / "there").mkdir()
    for name in ("there", "there/", "new/"):
        assert "is a folder; name the f" in osdimage("split", wim, name, code=2).err
        assert "is a folder; name the f" in osdimage("export", wim, name, "--all", "--split-size", "1MB", code=2).err
    assert "'new/' is a folder" in osdimage("join", "new/", wim, code=2).err
    assert [each.name for each in empty.iterdir()] == ["there"]
    assert list((empty / "there").iterdir()) == []


@pytest.mark.foreign
def test_export_cuts_an_esd_into_parts(wim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    judges.wimlib("export", wim, "all", "x.esd", "--solid")
    told = osdimage("split", "x.esd", "y.swm", "--size", "100KB", "-n")
    assert told.out == "y.swm: compresses contents again; how many parts that gives is known afterwards only\n"
    outcome = osdimage("export", "x.esd", "x.swm", "--name", "first", "--split-size", "100KB", "--json")
    assert outcome.document["kind"] == "export-split"
    assert outcome.facts["recompressed"]
    assert outcome.facts["paths"] == ["x.swm", "x2.swm"]
    judges.wimlib("verify", "x.swm", "--ref=x*.swm")
    assert (
        "replace it with --overwrite"
        in osdimage("export", "x.esd", "x.swm", "--all", "--split-size", "1MB", code=4).err
    )


def test_a_level_that_is_not_used_is_told(wim: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.wim"
    said = "level 100 was not used; --recompress compresses them again"
    assert said in osdimage("export", wim, out, "--all", "--compress", "lzx:100").warnings[0]
    assert osdimage("export", wim, out, "--all", "--overwrite", "--compress", "lzx:100", "--recompress").warnings == []
    assert osdimage("export", wim, out, "--all", "--overwrite", "--compress", "xpress:100").warnings == []
    assert osdimage("export", wim, out, "--all", "--overwrite", "--compress", "lzx").warnings == []
    out.write_bytes(wim.read_bytes())
    assert said in osdimage("optimize", out, "--compress", "lzx:100").warnings[0]
    assert said in osdimage("split", out, tmp_path / "x.swm", "--compress", "lzx:100").warnings[0]


@pytest.mark.foreign
def test_recompress_gives_the_size_that_wimlib_gives(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / "tree").mkdir(exist_ok=True)
        (tmp_path / "tree" / str(number)).write_bytes(b" ".join(str(each * number).encode() for each in range(9000)))
    source = tmp_path / "fast.wim"
    judges.wimlib("capture", tmp_path / "tree", source, "--compress=lzx:1")
    copied = osdimage("export", source, tmp_path / "copied.wim", "--compress", "lzx:100")
    assert copied.warnings
    osdimage("export", source, tmp_path / "ours.wim", "--compress", "lzx:100", "--recompress")
    # wimlib-imagex export fast.wim 1 theirs.wim --compress=lzx:100 --recompress
    judges.wimlib("export", source, "1", tmp_path / "theirs.wim", "--compress=lzx:100", "--recompress")
    sizes = {name: (tmp_path / f"{name}.wim").stat().st_size for name in ("fast", "copied", "ours", "theirs")}
    assert abs(sizes["ours"] - sizes["theirs"]) < 100
    assert sizes["ours"] < 0.98 * sizes["copied"]
    osdimage("optimize", source, "--compress", "lzx:100", "--recompress")
    assert abs(source.stat().st_size - sizes["theirs"]) < 100


def test_optimize_tells_what_it_gained_and_what_it_would(wim: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.wim"
    copy.write_bytes(wim.read_bytes())
    osdimage("info", copy, "--index", "1", "--set", "description=longer", "--boot", "yes")
    before = copy.read_bytes()
    would = osdimage("optimize", copy, "--dry-run")
    assert "; nothing was written" in would.out
    solid = osdimage("optimize", copy, "--dry-run", "--solid").out
    assert "of it are used by nothing; what compressing again gives is known afterwards only" in solid
    assert copy.read_bytes() == before
    facts = osdimage("optimize", copy, "--json").facts
    assert facts["old_size"] - facts["new_size"] == facts["unused"] > 1000
    assert (facts["written"], facts["recompressed"]) == (True, False)


@pytest.mark.foreign
def test_check_adds_an_integrity_table_and_no_check_drops_it(wim: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.wim"
    copy.write_bytes(wim.read_bytes())
    for option, has_table in (
        ("--check", True),
        ("--no-check", False),
        ("--integrity", True),
        ("--no-integrity", False),
    ):
        osdimage("optimize", copy, option)
        told = judges.wimlib("info", copy, "--check")
        assert ("does not contain integrity information" in told) != has_table


def test_nothing_is_optimized_that_another_program_writes_to(wim: Path) -> None:
    before = wim.read_bytes()
    with wim.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "another program is writing to it" in osdimage("optimize", wim, code=4).err
    assert wim.read_bytes() == before
