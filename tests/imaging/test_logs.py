"""What programs hear of the work through logging."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from osdimage.imaging import (
    CaptureOptions,
    Preset,
    TargetRefused,
    WimFile,
    apply_image,
    capture_image,
    execute,
    make_plan,
    open_disk,
    preset_layout,
)
from osdimage.imaging.logs import logged, ran
from osdimage.imaging.progress import Meter, Phase
from runs.commands import osdimage


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"contents")
    return tmp_path / "tree"


def test_work_tells_its_begin_and_its_end(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    wim = tree.parent / "x.wim"
    with caplog.at_level(logging.INFO, "osdimage"):
        capture_image(tree, wim)
        with pytest.raises(TargetRefused):
            capture_image(tree, wim, CaptureOptions())
    names = {record.name for record in caplog.records}
    assert names == {"osdimage.imaging.capture.image"}
    begun, done, again, refused = (record.getMessage() for record in caplog.records)
    assert begun == again == f"capture {tree} to {wim}"
    assert done.startswith(f"{begun}: done in ")
    assert refused.startswith(f"{begun}: ended after ")
    assert "by TargetRefused: " in refused


def test_a_warning_is_logged_although_nobody_listens_to_progress(caplog: pytest.LogCaptureFixture) -> None:
    Meter(None, {Phase.SCAN: 1}).warn("a file was left out: 100%s")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "a file was left out: 100%s")
    ]


def test_a_name_that_utf_8_cannot_hold_is_escaped(caplog: pytest.LogCaptureFixture) -> None:
    Meter(None, {Phase.SCAN: 1}).warn("half a pair: \ud83d")
    assert [record.getMessage() for record in caplog.records] == ["half a pair: \\ud83d"]


def test_programs_that_are_run_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "osdimage"):
        ran("osdimage.test", ["mkntfs", "-L", "50%"], 1)
    (record,) = caplog.records
    assert record.getMessage() == "ran mkntfs -L 50%: exit code 1"


class Named:
    name = "partition 3 of disk.img"


def test_arguments_are_shown_as_messages_call_them(caplog: pytest.LogCaptureFixture) -> None:
    @logged("do {first} and {second}")
    def work(first: object, *, second: object = "nothing") -> int:
        del first, second
        return 5

    with caplog.at_level(logging.INFO, "osdimage"), caplog.at_level(logging.INFO, __name__):
        assert work(Named(), second=Path("a")) == 5
    assert caplog.records[0].getMessage() == "do partition 3 of disk.img and a"


def test_a_text_may_name_what_an_argument_has(caplog: pytest.LogCaptureFixture) -> None:
    @logged("look at {place.name}")
    def work(place: Named) -> None:
        del place

    with caplog.at_level(logging.INFO, "osdimage"), caplog.at_level(logging.INFO, __name__):
        work(Named())
    assert caplog.records[0].getMessage() == "look at partition 3 of disk.img"


def test_a_program_without_logging_is_not_made_to_import_it_and_one_without_handlers_sees_nothing() -> None:
    script = (
        "import sys\n"
        "from osdimage.imaging.logs import logged, warned\n"
        "assert 'logging' not in sys.modules\n"
        "warned('osdimage.x', 'unheard')\n"
        "assert logged('do {it}')(lambda it: it)(3) == 3\n"
        "assert 'logging' not in sys.modules\n"
        "import logging\n"
        "warned('osdimage.x', 'unheard')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_debug_shows_the_log(tree: Path) -> None:
    script = "import sys; sys.argv[1:] = {!r}; from osdimage.cli.main import main; main()"
    arguments = ["capture", str(tree), str(tree.parent / "y.wim"), "--debug"]
    done = subprocess.run([sys.executable, "-c", script.format(arguments)], capture_output=True, text=True, check=True)
    assert f"INFO osdimage.imaging.capture.image: capture {tree} to {tree.parent / 'y.wim'}\n" in done.stderr


def test_the_log_of_a_command_ends_with_it(tree: Path) -> None:
    assert "INFO" in osdimage("capture", tree, tree.parent / "y.wim", "--debug").err
    assert "INFO" not in osdimage("capture", tree, tree.parent / "z.wim").err


def test_the_page_lists_what_logs() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "library" / "logging.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `osdimage\.imaging\.(\w+)` \|", page, re.MULTILINE)
    modules = [path for path in (root / "imaging").rglob("*.py") if "imaging.logs import" in path.read_text("utf-8")]
    rooms = {path.relative_to(root / "imaging").parts[0].removesuffix(".py") for path in modules}
    assert listed == sorted(rooms)


def test_the_log_names_a_disk_and_a_volume(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    wim, path = tree.parent / "x.wim", tree.parent / "x.img"
    capture_image(tree, wim)
    with WimFile.open(wim) as opened, open_disk(path, create=80 << 20) as disk:
        plan = make_plan(opened.image(1), preset_layout(Preset.DATA_MBR), disk.geometry)
        with caplog.at_level(logging.INFO, "osdimage"):
            execute(plan, disk, opened.image(1))
            apply_image(opened.image(1), disk.volume(1))
    begun = [record.getMessage() for record in caplog.records if ": done in " not in record.getMessage()]
    assert begun == [
        f"deploy to {path}",
        f"write a partition table to {path}",
        f"format {path} partition 1 with NTFS",
        f"apply <WimImage 1 'tree' of {wim}> to {path} partition 1",
    ]
