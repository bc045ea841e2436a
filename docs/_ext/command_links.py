"""Let commands that pages name in their text lead to the reference: ``osdimage disk init``, and an option of it."""

from __future__ import annotations

from command_pages import page_of
from commandline.model import PROGRAM, program
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode


def setup(app: Sphinx) -> dict[str, bool]:
    """Look for them when all else is a link that is one."""
    app.connect("doctree-resolved", link_commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def link_commands(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Make a link of each text in the typeface of code that is a command, unless it is in one or on the page itself."""
    for literal in list(tree.findall(nodes.literal)):
        first, *words = literal.astext().split() or [""]
        if first != PROGRAM or isinstance(literal.parent, nodes.reference):
            continue
        target = _target(app, words)
        if target is not None and target[0] != page:
            literal.replace_self(make_refnode(app.builder, page, *target, literal.deepcopy()))


def _target(app: Sphinx, words: list[str]) -> tuple[str, str] | None:
    """Return the page that describes a command, and the anchor on it; None of what is no command, and of none alone."""
    depth = max((depth for depth in range(1, 4) if tuple(words[:depth]) in _COMMANDS), default=0)
    if not depth:
        return None
    command = "-".join((PROGRAM, *words[:depth]))
    options = app.env.domains.standard_domain.progoptions
    option = next((each for each in words[depth:] if each.startswith("--")), "")
    described = options.get((command, option.partition("=")[0]))
    return described if described is not None else (page_of(words[:depth]), "")


_COMMANDS = {command.words for command in program().walk() if command.words}
