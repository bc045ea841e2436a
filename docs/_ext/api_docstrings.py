"""Turn the docstrings of the library into what Sphinx reads.

The classes describe their attributes in a section of their docstring, ``Attributes:``; on the page each is described
where it stands with its type.  The other sections are read by the reader of Google's style that Sphinx has; it is
called here because, as an extension, it would also take the first words of an attribute for its type.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from functools import cache

from public_names import OURS, PublicName, private_bases, public_names
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.pycode import ModuleAnalyzer

_ATTRIBUTES = "Attributes:"
_ENTRY = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*)$")


def setup(app: Sphinx) -> dict[str, bool]:
    """Read docstrings here."""
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("autodoc-process-signature", without_factories)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def read_docstring(app: Sphinx, what: str, name: str, value: object, _options: object, lines: list[str]) -> None:
    """Replace the lines of a docstring by what Sphinx reads."""
    if what in {"attribute", "property"}:
        owner, _, attribute = name.rpartition(".")
        lines[:] = lines if any(lines) else attributes_of(owner).get(attribute, "").splitlines()
    elif what == "data":
        lines[:] = _comment_of(name)
    else:
        own = lines
        if inspect.isclass(value):
            own, said = split_attributes(lines)
            own += _described_here(value, said)
        lines[:] = GoogleDocstring(own, Config(napoleon_use_rtype=False), app, what, name, value).lines()


def without_factories(
    _app: Sphinx, _what: str, _name: str, _value: object, _options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Write a default that is made anew each time as ``...``: Sphinx cannot read on after what is no Python."""
    return signature and signature.replace("<factory>", "..."), returned


def split_attributes(lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return a docstring without its section of attributes, and what that says of each."""
    if _ATTRIBUTES not in lines:
        return list(lines), {}
    start = lines.index(_ATTRIBUTES)
    end = next((at for at, line in enumerate(lines) if at > start and line[:1].strip()), len(lines))
    said: dict[str, str] = {}
    last: tuple[str, ...] = ()
    for line in lines[start + 1 : end]:
        if match := _ENTRY.match(line):
            last = tuple(match[1].split(", "))
            said |= dict.fromkeys(last, match[2])
        else:
            said |= {each: f"{said[each]}\n{line.strip()}" for each in last}
    return [*lines[:start], *lines[end:]], {name: text.strip() for name, text in said.items()}


@cache
def attributes_of(path: str) -> dict[str, str]:
    """Return what a class, given by its whole name, says of its attributes; the names of classes above it count too."""
    module, _, name = path.rpartition(".")
    owner = getattr(importlib.import_module(module), name)
    said: dict[str, str] = {}
    for each in reversed(inspect.getmro(owner)):
        said |= split_attributes((inspect.getdoc(each) or "").splitlines())[1]
    return said


def _described_here(owner: type, said: dict[str, str]) -> list[str]:
    """Return the descriptions of attributes that Sphinx does not find by itself: those that are set at run time."""
    declared = _declared(owner)
    lines = []
    for name, text in said.items():
        if name not in declared:
            lines += ["", f".. py:attribute:: {name}", "", textwrap.indent(text, "   ")]
    return "\n".join(lines).splitlines()


def _declared(owner: type) -> set[str]:
    """Return the names that Sphinx describes by itself: of the class and what above it has no page.

    It adds to the annotations of a class what the functions say of ``self``, and leaves out what others have.
    """
    shown = [owner, *private_bases(owner)]
    of_others = {name for each in inspect.getmro(owner) if OURS not in each.__module__ for name in vars(each)}
    annotated = {name for each in shown for name in inspect.get_annotations(each)}
    return {name for each in shown for name in vars(each)} | (annotated - of_others)


@cache
def _data() -> dict[str, PublicName]:
    return {each.path: each for each in public_names()}


def _comment_of(path: str) -> list[str]:
    """Return what stands below a constant, or in ``#:`` above it, in the module that defines it."""
    name = _data()[path]
    analyzer = ModuleAnalyzer.for_module(name.home)
    analyzer.analyze()
    return list(analyzer.attr_docs.get(("", name.name), []))
