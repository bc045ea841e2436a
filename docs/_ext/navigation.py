"""The list of all pages beside each page, made of their titles alone.

Sphinx copies what is in every page, each name of the library too, before it leaves all but the titles out, and does so
again for each page: that was half of the time that the site took.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

# Before the theme, which asks for the list when it is told of a page.
_FIRST = 100


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what to call."""
    app.connect("html-page-context", _Narrowing(), priority=_FIRST)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _Narrowing:
    def __init__(self) -> None:
        self._titles: dict[str, nodes.bullet_list] | None = None

    def __call__(
        self, app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: nodes.document | None
    ) -> None:
        """Let a page's list be made of titles."""
        whole: Callable[..., str] | None = context.get("toctree")
        if whole is None:
            return
        env = app.env

        def toctree(**options: Any) -> str:  # noqa: ANN401 - they are passed on
            if self._titles is None:
                self._titles = {name: titles_of(toc) for name, toc in env.tocs.items()}
            kept, env.tocs = env.tocs, self._titles
            try:
                return whole(**options)
            finally:
                env.tocs = kept

        context["toctree"] = toctree


def titles_of(toc: nodes.bullet_list) -> nodes.bullet_list:
    """Return the contents of a page without its headings and names: the title, and what leads to other pages."""
    return _narrowed(toc, is_title=True)


def _narrowed(node: Any, *, is_title: bool) -> Any:  # noqa: ANN401 - docutils has no types
    copy = node.copy()
    for child in node.children:
        if not isinstance(child, (nodes.bullet_list, nodes.list_item)):
            copy += child.deepcopy()
        elif (is_title and isinstance(child, nodes.list_item)) or next(
            child.findall(addnodes.toctree), None
        ) is not None:
            copy += _narrowed(child, is_title=False)
    return copy
