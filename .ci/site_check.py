#!/usr/bin/env python3
"""Judge a site: every link leads somewhere, nothing is fetched from elsewhere, and everything public is described.

    .ci/site_check.py SITE API

SITE is the folder of the pages.  API is docs/library/api.txt, which lists what is public; each of its names must be
described in the site, or be another name of what is.
"""

from __future__ import annotations

import argparse
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

# What a browser gets by itself, without a click, by element.
FETCHED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "object": "data", "use": "href"}
# Kinds of `link` that name a page for people or search engines, and fetch nothing.
NAMING = {"author", "canonical", "index", "license", "next", "prev", "search", "top"}
IN_CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")

# A line of api.txt: words that tell what it is, the name, and what it is another name of.
IN_API = re.compile(r"(?:[a-z]+ )*([A-Za-z_][\w.]*)(?: = (osdimage\.[\w.]+))?")


@dataclass
class Page(HTMLParser):
    """What a page links to, fetches, and can be linked to by."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    fetched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Read the page."""
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what matters of an element."""
        values = {name: value for name, value in attrs if value is not None}
        if "id" in values:
            self.anchors.add(values["id"])
        # Elsewhere, a name is that of a field or of a fact about the page.
        if tag == "a" and "name" in values:
            self.anchors.add(values["name"])
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if tag == "link" and "href" in values:
            is_naming = set(values.get("rel", "").split()) <= NAMING
            (self.links if is_naming else self.fetched).add(values["href"])
        if tag in FETCHED and FETCHED[tag] in values:
            self.fetched.add(values[FETCHED[tag]])
        # One of several pictures, each with what it is for: "a.png 1x, b.png 2x".
        self.fetched.update(each.split()[0] for each in values.get("srcset", "").split(",") if each.strip())
        self.fetched.update(_in_css(values.get("style", "")))


def _in_css(text: str) -> Iterator[str]:
    return (first or second for first, second in IN_CSS.findall(text))


def _is_elsewhere(target: str) -> bool:
    parts = urlsplit(target)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}


def complaints(site: Path) -> Iterator[str]:
    """Yield what is wrong with the links of a site, a line each."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site)
        for target in sorted(page.fetched):
            if _is_elsewhere(target):
                yield f"{name}: fetched from elsewhere: {target}"
        for target in sorted(page.links | page.fetched):
            if not _is_elsewhere(target) and not target.startswith("data:"):
                yield from (f"{name}: {text}" for text in _dead(site, path, target, pages))
    for path in sorted(site.rglob("*.css")):
        for target in _in_css(path.read_text(encoding="utf-8")):
            if _is_elsewhere(target):
                yield f"{path.relative_to(site)}: fetched from elsewhere: {target}"


def _dead(site: Path, path: Path, target: str, pages: dict[Path, Page]) -> Iterator[str]:
    """Yield why a link of the page at path leads nowhere, if it does not."""
    where, anchor = urldefrag(target)
    where = unquote(urlsplit(where).path)
    base = site if where.startswith("/") else path.parent
    goal = Path(base, where.lstrip("/")).resolve() if where else path
    goal = goal / "index.html" if goal.is_dir() else goal
    if not goal.is_relative_to(site):
        yield f"not part of the site: {target}"
    elif not goal.is_file():
        yield f"no such file: {target}"
    elif anchor and goal in pages and unquote(anchor) not in pages[goal].anchors:
        yield f"no such place in the page: {target}"


def described(site: Path) -> set[str]:
    """Return the names of Python that a site describes, from its inventory."""
    raw = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(raw).decode().splitlines()
    return {line.split()[0] for line in lines if line.split()[1].startswith("py:")}


def undescribed(names: set[str], api: Iterable[str]) -> Iterator[str]:
    """Yield the public names and members, as api.txt lists them, that are not described by any of their names."""
    module = ""
    same: dict[str, set[str]] = {}
    for line in api:
        if line.startswith("["):
            module = line.strip("[]\n")
        elif match := IN_API.match(line):
            whole = f"{module}.{match[1]}"
            same.setdefault(match[2] or whole, set()).add(whole)
    known = {first: {first, *others} for first, others in same.items()}
    for first, others in known.items():
        owner, _, member = first.rpartition(".")
        if not names & (others | {f"{each}.{member}" for each in known.get(owner, ())}):
            yield f"not described: {first}"


def main() -> int:
    """Print all complaints; return 1 if there are some."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("api", type=Path)
    arguments = parser.parse_args()
    site = arguments.site.resolve()
    with arguments.api.open(encoding="utf-8") as api:
        found = [*complaints(site), *undescribed(described(site), api)]
    for line in found:
        sys.stderr.write(f"{line}\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
