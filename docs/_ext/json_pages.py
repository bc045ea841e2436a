"""Make the pages about the documents of ``--json``, of their JSON schemas, and publish these as files.

There is a page for each kind of document, one for what several have in common, and a list of all.  They are written
into the folder that Sphinx reads, which is a copy of docs/: see ``.ci/site.sh``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commandline.model import program
from osdimage.cli.schemas import COMMON, read_schema, schema_names

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = "reference/json"
PUBLISHED = "schemas"
"""Where the schemas are on the site, from its root."""
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "object": "object",
    "array": "list",
    "null": "`null`",
}
_FORMATS = {"date-time": "time", "date": "date", "uuid": "GUID"}
_VALUES = {
    "size": "number of bytes",
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "hexadecimal": "hexadecimal digits",
    "hex-number": "hexadecimal number",
}
_COUNTED = frozenset({"text", "whole number", "object"})
"""Of which there is a plural."""
# What a definition of a simple value has, which is told in a word and not in a place of its own.
_PLAIN = frozenset({"$comment", "description", "type", "format", "pattern", "minimum", "items"})


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the pages before Sphinx looks which there are, and publish the schemas when it has ended."""
    app.connect("builder-inited", write_pages)
    app.connect("build-finished", publish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Sphinx) -> None:
    """Write all of them."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in schema_names():
        (folder / f"{name}.md").write_text("\n".join(page(name)) + "\n", encoding="utf-8")
    (folder / "index.md").write_text("\n".join(index()) + "\n", encoding="utf-8")


def publish(app: Sphinx, failure: Exception | None) -> None:
    """Write the schemas beside the pages."""
    if failure is None:
        folder = Path(app.outdir) / PUBLISHED
        folder.mkdir(exist_ok=True)
        for name in schema_names():
            text = files("osdimage.cli.schemas").joinpath(f"{name}.json").read_text(encoding="utf-8")
            (folder / f"{name}.json").write_text(text, encoding="utf-8")


def index() -> Iterator[str]:
    """Yield the lines of the list of all pages."""
    yield from ("# Kinds of documents", "", "| kind | what it is |", "|---|---|")
    for name in schema_names():
        yield f"| [{name}]({name}.md) | {read_schema(name)['title']} |"
    yield from ("", "```{toctree}", ":hidden:", "", *schema_names(), "```")


def page(name: str) -> Iterator[str]:
    """Yield the lines of the page about a schema, in Markdown."""
    schema: dict[str, Any] = read_schema(name)
    yield from (f"# {name}", "", f"{schema['title']}.", "")
    if "description" in schema:
        yield from (_linked(schema["description"]), "")
    if name in _COMMANDS:
        yield from (f"`{_COMMANDS[name]}` prints it with `--json`.", "")
    # Not a link of Markdown: Sphinx would look for a page.
    yield from (f'JSON Schema: <a href="../../{PUBLISHED}/{name}.json">{name}.json</a>', "")
    if name == COMMON:
        for defined, part in schema["$defs"].items():
            if not _is_plain(part):
                yield from (f"## {defined}", "", *_definition(part), "")
    else:
        yield from _parts(schema, 0)


def _definition(part: dict[str, Any]) -> Iterator[str]:
    yield _linked(part["description"])
    if "enum" in part:
        yield from ("", _type(part).capitalize() + ".")
    yield ""
    yield from _parts(_innermost(part), 0)


def _is_plain(part: dict[str, Any]) -> bool:
    """Tell whether a definition is of a value that is told in a word."""
    return part.keys() <= _PLAIN and _innermost(part).keys() <= _PLAIN


def _parts(schema: dict[str, Any], depth: int) -> Iterator[str]:
    """Yield what a value may be, where that is one of several, or the members of an object, and of what is in it."""
    indent = "  " * depth
    for each in schema.get("oneOf", ()):
        marks = [f"`{name}` is {_type(what)}" for name, what in each.get("properties", {}).items() if "const" in what]
        told = f": {_linked(each['description'])}" if "description" in each else ":" if "properties" in each else ""
        yield f"{indent}- {_type(each)}{f' whose {marks[0]}' if marks else ''}{told}"
        yield from _parts(each, depth + 1)
    for part in schema.get("allOf", ()):
        yield from _parts(_referred(part), depth)
    required = set(schema.get("required", ()))
    optional = ", may be left out" if schema.get("additionalProperties") is False else ", not always there"
    for name, what in schema.get("properties", {}).items():
        sometimes = "" if name in required else optional
        yield f"{indent}- `{name}` ({_type(what)}{sometimes}): {_linked(what['description'])}"
        yield from _parts(_innermost(what), depth + 1)


def _innermost(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a list or a mapping holds, and what is no such thing itself."""
    inner = schema.get("items", schema.get("additionalProperties"))
    return _innermost(inner) if isinstance(inner, dict) else schema


def _referred(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = read_schema(COMMON)["$defs"]  # type: ignore[assignment] # of every schema of that name
    return found[schema["$ref"].rpartition("/")[2]]  # type: ignore[no-any-return]


def _type(schema: dict[str, Any]) -> str:
    """Return in words what a value is."""
    if "$ref" in schema:
        found, name = _referred(schema), schema["$ref"].rpartition("/")[2]
        return _VALUES.get(name, _type(found)) if _is_plain(found) else f"[{name}]({COMMON}.md#{name})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return _any_of(f"`{'null' if each is None else each}`" for each in schema["enum"])
    if "anyOf" in schema or "oneOf" in schema:
        return _any_of(dict.fromkeys(map(_type, schema.get("anyOf", schema.get("oneOf")))))
    types = schema.get("type", ())
    return _any_of(_word(each, schema) for each in ([types] if isinstance(types, str) else types)) or "any value"


def _word(kind: str, schema: dict[str, Any]) -> str:
    if kind == "array" and "items" in schema:
        of = _type(schema["items"])
        return f"list of {of}s" if of in _COUNTED else f"list of: {of}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object, by names: {_type(schema['additionalProperties'])}"
    return _FORMATS.get(schema.get("format", ""), _TYPES[kind]) if kind == "string" else _TYPES[kind]


def _any_of(words: Iterable[str]) -> str:
    *others, last = [*words] or [""]
    return f"{', '.join(others)} or {last}" if others else last


def _linked(text: str) -> str:
    """Let links lead from page to page, as they do from schema to schema."""
    return re.sub(r"\]\(([a-z-]+)\.json\)", r"](\1.md)", text)


_COMMANDS = {"-".join(each.words): each.title for each in program().walk() if each.words and not each.subcommands}


def kinds_of(words: Iterable[str]) -> list[str]:
    """Return the kinds of documents that a command prints."""
    return _kinds().get("-".join(words), [])


@cache
def _kinds() -> dict[str, list[str]]:
    """Return all kinds by the command that prints them: a kind begins with the words of that, and of no longer one."""
    found: dict[str, list[str]] = {}
    for name in schema_names():
        above = [each for each in _COMMANDS if f"{name}-".startswith(f"{each}-")]
        # What has no kind is a file.
        if above and "kind" in _properties(name):
            found.setdefault(max(above, key=len), []).append(name)
    return found


def _properties(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = read_schema(name)
    return schema.get("properties", {})  # type: ignore[no-any-return]
