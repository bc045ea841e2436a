"""Lead the names in docstrings and signatures to what describes them.

A docstring names things as its module sees them (``:func:`open_disk```), and a type is named by the module that defines
it; both may be described under another name, which is found here.  What is ours and described nowhere is shown as it
is, without a link; a name that nobody knows ends the build, as any other that leads nowhere.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from functools import cache

from docutils import nodes
from public_names import public_names
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import ObjectEntry
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode


def setup(app: Sphinx) -> dict[str, bool]:
    """Answer for the names that Sphinx does not find."""
    app.connect("missing-reference", find_reference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def find_reference(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.Element | None:
    """Return a link to what a name stands for, or the name alone where it is ours and not described."""
    if node.get("refdomain") != "py":
        return None
    target = str(node["reftarget"])
    described = _described(env, target, str(node.get("py:module") or ""))
    if described is not None:
        return make_refnode(app.builder, node["refdoc"], described.docname, described.node_id, shown)
    return shown if _is_ours(target) else None


def _described(env: BuildEnvironment, target: str, module: str) -> ObjectEntry | None:
    """Return what a name stands for: by another of its whole names, in the module around, or anywhere if only once."""
    objects = env.domains.python_domain.objects
    head, dot, rest = target.rpartition(".")
    for whole in (target, f"{_shortest().get(head, head)}{dot}{rest}"):
        if found := objects.get(_shortest().get(whole, whole)):
            return found
    ending = [name for name in _by_last(env).get(rest, ()) if name.endswith(f".{target}")]
    near = [name for name in ending if name.startswith(f"{module}.")]
    for names in (near, ending):
        if len(names) == 1:
            return objects[names[0]]
    return None


@cache
def _by_last(env: BuildEnvironment) -> dict[str, list[str]]:
    """Return the whole names of what is described by their last parts; names are looked up when all pages are read."""
    found: dict[str, list[str]] = {}
    for name in env.domains.python_domain.objects:
        found.setdefault(name.rpartition(".")[2], []).append(name)
    return found


@cache
def _shortest() -> dict[str, str]:
    """Return the whole names that public names are described by, by their other ones."""
    return {
        alias: each.path
        for each in public_names()
        for alias in (*each.aliases, f"{each.home}.{each.name}", _defined(each.value))
    }


def _defined(value: object) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"


@cache
def _is_ours(target: str) -> bool:
    """Tell whether a module of ours has this name, or is called so."""
    parts = target.split(".")
    if parts[0] == "osdimage":
        for end in range(len(parts), 0, -1):
            try:
                found: object = importlib.import_module(".".join(parts[:end]))
            except ImportError:
                continue
            return all((found := getattr(found, name, None)) is not None for name in parts[end:])
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("osdimage.")]
    owners = [vars(module)[parts[0]] for module in modules if parts[0] in vars(module)]
    # A constant does not tell what module it is of; a module does not either, and may be Python's own.
    ours = [
        owner
        for owner in owners
        if not inspect.ismodule(owner) and getattr(owner, "__module__", "osdimage.").startswith("osdimage.")
    ]
    return any(len(parts) == 1 or hasattr(owner, parts[1]) for owner in ours)
