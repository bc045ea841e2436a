"""A header that claims more than the file can hold is refused before memory is taken for it; what is legal opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cases.wimcraft import Node, build, lie, resource, root
from judges import wim as judges
from osdimage.imaging import CorruptWim, WimFile
from osdimage.imaging.wim.opening import refuse_impossible_header
from runs.commands import osdimage


@pytest.fixture
def wim(tmp_path: Path) -> Path:
    path = tmp_path / "x.wim"
    path.write_bytes(build(root(Node("file", b"contents"))))
    return path


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"image_count": 1 << 27}, id="a gigabyte of images"),
        pytest.param({"image_count": (1 << 31) - 2}, id="as many as libwim takes"),
        pytest.param({"image_count": 1 << 27, "part_number": 2, "total_parts": 2}, id="of a second part"),
        pytest.param({"blob_table": resource(208, 1 << 40)}, id="a blob table of a terabyte"),
        pytest.param({"blob_table": resource(208, 1 << 40, stored=50, flags=4)}, id="that expands to it"),
        pytest.param({"blob_table": resource(208, 1 << 40, stored=50)}, id="that is not compressed"),
        pytest.param({"blob_table": resource(1 << 60, 50)}, id="behind the end"),
        pytest.param({"xml": resource(208, 1 << 33)}, id="XML of 8 GiB"),
        pytest.param({"xml": resource(208, 1 << 26, stored=40_000, flags=4)}, id="XML that expands"),
    ],
)
def test_a_claim_that_the_file_cannot_hold_is_refused(wim: Path, claims: dict[str, object]) -> None:
    wim.write_bytes(lie(wim.read_bytes(), **claims))
    with pytest.raises(CorruptWim, match=r"x\.wim: (its header claims|the file ends too early)"):
        refuse_impossible_header(wim)


COMMANDS = [
    ["info", "{}"],
    ["list", "{}"],
    ["export", "{}", "out.wim"],
    ["extract", "{}", "/file", "--to", "out"],
    ["apply", "{}", "out"],
    ["capture", "folder", "{}", "--append"],
    ["export", "good.wim", "{}"],
    ["delete", "{}", "--index", "1"],
    ["info", "{}", "--index", "1", "--set", "name=x"],
    ["list", "good.wim", "--ref", "{}"],
    ["verify", "{}"],
    ["compare", "{}", "folder"],
    ["registry", "get", "{}", "--hive", "SYSTEM"],
    ["deploy", "{}", "disk.img", "--preset", "uefi", "--size", "20GB", "--yes"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_refuses_it_without_memory(wim: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(wim.parent)
    Path("folder").mkdir()
    Path("good.wim").write_bytes(wim.read_bytes())
    wim.write_bytes(lie(wim.read_bytes(), image_count=(1 << 31) - 2))
    before = wim.read_bytes()
    shown = osdimage(*(word.format(wim) for word in words), code=3)
    assert "2147483646 images" in shown.err + shown.out
    assert wim.read_bytes() == before
    assert not Path("out.wim").exists()


def test_the_memory_of_one_command_is_small(wim: Path) -> None:
    wim.write_bytes(lie(wim.read_bytes(), image_count=(1 << 31) - 2))
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from osdimage.imaging import WimFile, CorruptWim\n"
        "try: WimFile.open(sys.argv[1])\n"
        "except CorruptWim: print(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run([sys.executable, "-c", code, wim], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100_000


@pytest.mark.foreign
def test_what_is_legal_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for number in range(3):
        Path("folder", str(number)).write_bytes(bytes([number]) * 2_000_000)
    Path("empty").mkdir()
    capture = ["wimlib-imagex", "capture", "folder"]
    judges.run(*capture, "plain.wim", "--compress=none")
    judges.run(*capture, "pipable.wim", "--pipable")
    judges.run(*capture, "solid.esd", "--solid")
    judges.run("wimlib-imagex", "capture", "empty", "empty.wim")
    judges.run(*capture, "delta.wim", "--delta-from=empty.wim")
    judges.run("wimlib-imagex", "split", "plain.wim", "split.swm", "3")
    for number in range(3):
        judges.run("wimlib-imagex", "append", "empty", "empty.wim", str(number))
    for path in sorted(Path().glob("*.*")):
        with WimFile.open(path) as wim:
            assert len(wim) == (4 if path.name == "empty.wim" else 1)
