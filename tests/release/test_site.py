"""What .ci/site_check.py finds in a site: it is all that `make site` has to say that a link works."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / ".ci/site_check.py"
# The head of version 2 of Sphinx's inventories: sphinx/util/inventory.py.
INVENTORY = b"# Sphinx inventory version 2\n# Project: p\n# Version: 1\n# The remainder is compressed using zlib.\n"
API = """\
# A comment.

[osdimage.imaging]
open_disk = osdimage.imaging.disk.open_disk

[osdimage.imaging.disk]
frozen dataclass Opening
Opening(force: bool = False)
Opening.force: bool = False
open_disk(path: Path) -> Disk
"""
DESCRIBED = ["osdimage.imaging.open_disk", "osdimage.imaging.disk.Opening", "osdimage.imaging.disk.Opening.force"]


def complaints_about(site: Path, body: str, described: list[str] = DESCRIBED) -> list[str]:
    lines = "".join(f"{name} py:class 1 index.html#$ -\n" for name in described)
    (site / "objects.inv").write_bytes(INVENTORY + zlib.compress(lines.encode()))
    (site / "index.html").write_text(f'<h1 id="top">Site</h1>{body}')
    (site / "other.html").write_text('<h2 id="a-heading">Other</h2>')
    (site / "logo.svg").write_text("<svg/>")
    (site / "api.txt").write_text(API)
    done = subprocess.run(
        [sys.executable, CHECK, site, site / "api.txt"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode == 0) == (not done.stderr), done
    return done.stderr.splitlines()


def test_nothing_is_said_of_a_site_whose_links_lead_somewhere(tmp_path: Path) -> None:
    body = """
        <link rel="canonical" href="https://example.org/"><link rel="icon" href="logo.svg">
        <a href="#top">up</a> <a href="other.html#a-heading">other</a> <a href="https://example.org/">elsewhere</a>
        <a href="mailto:somebody@example.org">mail</a> <img src="logo.svg"> <img src="data:image/png;base64,AA==">
    """
    assert complaints_about(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        pytest.param('<a href="gone.html">x</a>', "no such file: gone.html", id="a-page-that-is-not-there"),
        pytest.param('<a href="other.html#no">x</a>', "no such place in the page: other.html#no", id="an-anchor"),
        pytest.param('<a href="#no">x</a>', "no such place in the page: #no", id="an-anchor-of-its-own"),
        pytest.param('<img src="gone.png">', "no such file: gone.png", id="a-picture-that-is-not-there"),
        pytest.param(
            '<meta name="viewport"><a href="#viewport">x</a>',
            "no such place in the page: #viewport",
            id="the-name-of-something-else",
        ),
        # This file is where the site is made, and not where it is published.
        pytest.param(
            f'<a href="../{"../" * 40}{__file__[1:]}">x</a>',
            f"not part of the site: ../{'../' * 40}{__file__[1:]}",
            id="a-file-outside",
        ),
        pytest.param(
            '<img src="logo.svg" srcset="logo.svg 1x, https://cdn.example/x.png 2x">',
            "fetched from elsewhere: https://cdn.example/x.png",
            id="a-picture-for-fine-screens",
        ),
        pytest.param(
            '<script src="https://cdn.example/x.js"></script>',
            "fetched from elsewhere: https://cdn.example/x.js",
            id="a-script",
        ),
        pytest.param(
            '<link rel="stylesheet" href="//fonts.example/x.css">',
            "fetched from elsewhere: //fonts.example/x.css",
            id="a-style-sheet",
        ),
        pytest.param(
            '<p style="background: url(https://cdn.example/x.png)">',
            "fetched from elsewhere: https://cdn.example/x.png",
            id="a-background",
        ),
    ],
)
def test_a_link_that_leads_nowhere_and_what_is_fetched_elsewhere_are_named(
    body: str, complaint: str, tmp_path: Path
) -> None:
    assert complaints_about(tmp_path, body) == [f"index.html: {complaint}"]


def test_a_font_that_a_style_sheet_fetches_elsewhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "site.css").write_text("@font-face { src: url('https://fonts.example/x.woff2'); }")
    assert complaints_about(tmp_path, "") == ["site.css: fetched from elsewhere: https://fonts.example/x.woff2"]


def test_a_public_name_may_be_described_by_any_of_its_names(tmp_path: Path) -> None:
    names = [*DESCRIBED[1:], "osdimage.imaging.disk.open_disk"]
    assert complaints_about(tmp_path, "", names) == []


@pytest.mark.parametrize("name", DESCRIBED[1:])
def test_public_names_and_members_that_no_page_describes_are_named(name: str, tmp_path: Path) -> None:
    described = [each for each in DESCRIBED if each != name]
    assert complaints_about(tmp_path, "", described) == [f"not described: {name}"]
