"""Make the pages of the library's reference: a page for each room, and for each module beside the rooms.

They are written into the folder that Sphinx reads, which is a copy of docs/: see ``.ci/site.sh``.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mentioned import import_for_types, mentioned
from public_names import FRONT, PublicName, first_sentence, ground_floor, private_bases, public_names, rooms
from sphinx.application import Sphinx

FOLDER = "reference/api"
# A room with more names than this has a page for each of its folders.
LARGEST = 40
INTRODUCTION = """\
Everything that a program may import, with its types: what the library promises to keep, as
:doc:`its contract </library/contract>` tells.
"""
GIVEN = """\
The names above give these, or take them; a program reads what they hold, and need not import them.
"""
# A file or a folder of the source.
_SOURCE = re.compile(r"``[\w/]+(?:\.py|/)``")


@dataclass(frozen=True)
class Page:
    """What is described together.

    Attributes:
        package: the room, a folder of it, or a module beside the rooms.
        names: what is imported from the room or module.
        given: what these give and take.
    """

    package: str
    names: tuple[PublicName, ...]
    given: tuple[PublicName, ...]

    @property
    def short(self) -> str:
        """Return the name of the page."""
        return self.package.removeprefix(f"{FRONT}.")


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the pages before Sphinx looks which there are."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def pages() -> list[Page]:
    """Return what is described, by page; together everything that is public."""
    names = public_names()
    given = mentioned(names)
    found = []
    for room in (*rooms(), *ground_floor()):
        own = [each for each in names if each.page == room]
        others = [each for each in given if each.page == room]
        packages = {room, *(_folder_of(each) for each in (*own, *others))} if len(own) > LARGEST else {room}
        for package in sorted(packages):
            here = [
                tuple(each for each in group if len(packages) == 1 or _folder_of(each) == package)
                for group in (own, others)
            ]
            found.append(Page(package, *here))
    return found


def _folder_of(name: PublicName) -> str:
    return name.home.rpartition(".")[0]


def write_pages(app: Sphinx) -> None:
    """Write the page that leads to all others, and those."""
    folder = Path(app.srcdir, FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for page in made:
        for each in (*page.names, *page.given):
            import_for_types(importlib.import_module(each.home))
        Path(folder, f"{page.short}.rst").write_text(_text_of(page), encoding="utf-8")
    Path(folder, "index.rst").write_text(_front_page(made), encoding="utf-8")


def _front_page(made: Sequence[Page]) -> str:
    """Return the page of the front door, with those of the rooms below it."""
    lines = [
        *_heading("API reference", "="),
        INTRODUCTION,
        "",
        *_heading("The front door", "-"),
        f"What most programs need is imported from ``{FRONT}``.",
        "",
    ]
    for page in made:
        if front := [each for each in page.names if each.module == FRONT]:
            lines += [*_heading(_linked(page), "~"), *_table(front)]
    grounds = set(ground_floor())
    for title, chosen in (
        ("Rooms", [page for page in made if page.package not in grounds]),
        ("Beside the rooms", [page for page in made if page.package in grounds]),
    ):
        lines += [*_heading(title, "-"), ".. list-table::", "   :widths: 30 70", "   :width: 100%", ""]
        for page in chosen:
            lines += [f"   * - {_linked(page)}", f"     - {first_sentence(_docstring(page.package))}"]
        lines += ["", ".. toctree::", "   :hidden:", "", *(f"   {page.short}" for page in chosen), ""]
    return "\n".join(lines)


def _text_of(page: Page) -> str:
    """Return the text of a page: what it is about, a table of the names, and each of them."""
    lines = [*_heading(page.short, "="), f".. py:module:: {page.package}", "", _docstring(page.package), ""]
    groups = [(home, list(group)) for home, group in groupby(_ordered(page.names), key=lambda each: each.home)]
    for home, group in groups:
        if len(groups) > 1:
            lines += [*_heading(home.removeprefix(f"{page.package}."), "-"), _docstring(home), ""]
        lines += [*_table(group), *_described(group)]
    if page.given:
        lines += [*_heading("What these give", "-"), GIVEN, *_described(_ordered(page.given))]
    return "\n".join(lines)


def _ordered(names: Iterable[PublicName]) -> list[PublicName]:
    return sorted(names, key=lambda each: (each.home, each.name.swapcase()))


def _described(names: Iterable[PublicName]) -> list[str]:
    lines = []
    for each in names:
        lines.append(f".. {each.directive}:: {each.path}")
        if inspect.isclass(each.value) and private_bases(each.value):
            lines.append("   :inherited-members: object")
        lines.append("")
    return lines


def _heading(text: str, line: str) -> list[str]:
    return [text, line * len(text), ""]


def _linked(page: Page) -> str:
    return f":doc:`{page.short} <{page.short}>`"


def _docstring(module: str) -> str:
    """Return what a module says of itself, without the paragraphs that tell which of its files does what."""
    paragraphs = (inspect.getdoc(importlib.import_module(module)) or "").split("\n\n")
    return "\n\n".join(each for each in paragraphs if not _SOURCE.search(each))


def _table(names: Iterable[PublicName]) -> list[str]:
    """Return a table of names, which lead to what is said about them, and its first sentence."""
    lines = [".. list-table::", "   :widths: 30 70", "   :width: 100%", ""]
    for each in names:
        said = inspect.getdoc(each.value) if each.directive != "autodata" else ""
        lines += [f"   * - :py:obj:`{each.name} <{each.path}>`", f"     - {first_sentence(said or '')}"]
    return [*lines, ""]
