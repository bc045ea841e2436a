"""Tree-sitter's grammar of PowerShell, which tells where a script is none; no PowerShell runs here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from judges.disk import missing

if TYPE_CHECKING:
    from tree_sitter import Node


def faults(script: str) -> list[str]:
    """Return where a script cannot be read, with its line."""
    try:
        import tree_sitter_powershell  # noqa: PLC0415 - a judge may be missing
        from tree_sitter import Language, Parser  # noqa: PLC0415
    except ImportError:
        missing("tree-sitter-powershell is not installed")
    tree = Parser(Language(tree_sitter_powershell.language())).parse(script.encode("utf-8"))
    return list(_faults(tree.root_node))


def _faults(node: Node) -> Iterator[str]:
    if node.is_error or node.is_missing:
        text = (node.text or b"").decode("utf-8", "replace")
        yield f"line {node.start_point.row + 1}: {node.type} {text[:60]!r}"
    for child in node.children:
        yield from _faults(child)
