"""What runs the pages: it has to find what is not as it is shown, and to leave alone what is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from touring.matching import matches, to_show
from touring.pages import NotRunnable, Page
from touring.running import Outcome, walk

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        pytest.param("copied (0.1 s)", "copied (12.5 s)", id="time taken"),
        pytest.param(
            "GUID 06d801fe-0f4f-421a-bf96-5d735b3edc87", "GUID a4b28834-7d3d-4c2e-8af8-147fba7e8122", id="GUID"
        ),
        pytest.param("made: 2026-11-23 14:45:04 UTC", "made: 2027-01-02 03:04:05 UTC", id="moment"),
        pytest.param("the file has 450 KB (0.1 s)", "the file has 452 KB (0.2 s)", id="size of a WIM"),
        pytest.param("a.wim: 1 image, 2.5 KB, lzx", "a.wim: 1 image, 2.6 KB, lzx", id="one in the last place"),
        pytest.param("sent: 458,868 bytes, of 3", "sent: 458,902 bytes, of 3", id="bytes of a stream"),
        pytest.param("step   code  time\n7      0     0.5 s", "step  code   time\n7     0     10.5 s", id="columns"),
        pytest.param("one\n...\nfour", "one\ntwo\nthree\nfour", id="lines left out"),
        pytest.param("...\ntwo\n...", "one\ntwo\nthree", id="left out on both sides"),
        pytest.param("one\n...\ntwo", "one\ntwo", id="no lines left out"),
    ],
)
def test_what_differs_from_run_to_run_is_as_it_is_shown(shown: str, printed: str) -> None:
    assert matches(shown.splitlines(), printed.splitlines())


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        pytest.param("2 files", "3 files", id="a number"),
        pytest.param("62.7 GB free", "62.8 GB free", id="a size"),
        pytest.param("the file has 450 KB", "the file has 480 KB", id="a WIM of another size"),
        pytest.param("the file has 450 KB", "the file has 450 MB", id="another unit"),
        pytest.param("1 image, 2.5 KB", "1 image, 2.8 KB", id="more than one in the last place"),
        pytest.param("signed 2025-01-31", "signed 2025-02-01", id="a date without a time"),
        pytest.param("one", "one\ntwo", id="a line more"),
        pytest.param("one\ntwo", "one", id="a line less"),
        pytest.param("", "one", id="nothing shown"),
        pytest.param("  one", "one", id="another indentation"),
        pytest.param("one\n...\none", "one", id="one line for two"),
        pytest.param("...\ntwo\n...\nfour", "one\nthree\nfour", id="a line in the midst of others"),
    ],
)
def test_what_is_other_is_found(shown: str, printed: str) -> None:
    assert not matches(shown.splitlines(), printed.splitlines())


def test_an_update_keeps_what_is_left_out() -> None:
    assert to_show(["a", "...", "y", "z"], ["A", "b", "c", "Y", "Z"]) == ["A", "...", "Y", "Z"]


@pytest.mark.parametrize(
    ("block", "says"),
    [
        pytest.param("osdimage info", "begins with a command", id="no prompt"),
        pytest.param("$ osdimage \\", "the block ends", id="no end of a line"),
        pytest.param("$ cat <<'EOF' > x\none", "no line is EOF", id="no end of a document"),
    ],
)
def test_a_block_that_cannot_be_run_is_named_with_its_line(tmp_path: Path, block: str, says: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n```console\n{block}\n```\n", encoding="utf-8")
    with pytest.raises(NotRunnable, match=rf"page.md:4: .*{says}"):
        Page.read(page)


@pytest.fixture
def own_process() -> Iterator[None]:
    """Give back the current directory and the environment, which a walk takes."""
    before, place = dict(os.environ), Path.cwd()
    yield
    os.environ.clear()
    os.environ.update(before)
    os.chdir(place)


PAGE = """\
# Page

```console
$ cat given.txt
one
two
$ cat given.txt - <<'EOF' | \\
    wc --lines
three
EOF
3
$ pwd; echo $HOME; echo kept \\
    >&2
/srv/lab
...
kept
```

1. In a list:

   ```console
   $ echo other

   $ exit 3
   $ echo osdimage: no disk; exit 2
   $ echo osdimage: no table; exit 3
   osdimage: no table
   ```
"""


def walked(folder: Path, *, is_update: bool) -> Outcome:
    found = folder / "page.md"
    found.write_text(PAGE, encoding="utf-8")
    page = Page.read(found)
    named = Page(ROOT / "docs" / "no-such-page.md", page.text, page.commands)
    return walk(named, folder, ROOT, is_update=is_update)


@pytest.mark.usefixtures("own_process")
def test_a_page_is_run_and_its_faults_have_their_lines(tmp_path: Path) -> None:
    faults = walked(tmp_path, is_update=False).faults
    assert [(fault.line, fault.command) for fault in faults] == [
        (22, "echo other"),
        (24, "exit 3"),
        (25, "echo osdimage: no disk; exit 2"),
    ]
    assert "+other" in faults[0].text
    assert faults[1].text.startswith("left with 3, and shows no error")
    assert faults[2].text.startswith("prints an error, and the page does not show that it does")


@pytest.mark.usefixtures("own_process")
def test_an_update_writes_what_was_printed_and_no_more(tmp_path: Path) -> None:
    outcome = walked(tmp_path, is_update=True)
    assert outcome.text == PAGE.replace("   $ echo other\n", "   $ echo other\n   other\n")
    # A command that fails is to be looked at, and not written down.
    assert [fault.line for fault in outcome.faults] == [24, 25]


def test_the_picture_is_whole_and_asks_nothing_of_the_network() -> None:
    picture = ROOT / "docs" / "pictures" / "terminal.svg"
    text = picture.read_text(encoding="utf-8")
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(text).iter()}  # noqa: S314 - it is ours
    assert tags == {"svg", "title", "metadata", "style", "rect", "circle", "g", "text", "path"}
    assert re.findall(r"https?://[^\"<]*|url\(|@import", text) == ["http://www.w3.org/2000/svg"]
    assert [command.line.split()[0] for command in Page.read(picture).commands] == ["osdimage"] * 4
