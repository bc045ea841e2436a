"""What a page takes for granted: the function ``prepare`` of the module below ``prepared/`` with the page's name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

_PREPARED = Path(__file__).resolve().parent / "prepared"


def preparer(page: Path, root: Path) -> Callable[[], None]:
    """Return what prepares a page in the current directory; ``docs/how-to/boot.md`` has ``prepared/how_to/boot.py``."""
    module = _module(page, root)
    if not (_PREPARED / module).is_file():
        return lambda: None
    name = ".".join(("touring", "prepared", *module.with_suffix("").parts))
    prepare: Callable[[], None] = importlib.import_module(name).prepare
    return prepare


def strangers(root: Path) -> list[str]:
    """Return the names of modules that prepare no page."""
    pages = [root / "README.md", *(root / "docs").rglob("*.md"), *(root / "docs").rglob("*.svg")]
    known = {_module(page, root) for page in pages}
    modules = {path.relative_to(_PREPARED) for path in _PREPARED.rglob("*.py") if path.name != "__init__.py"}
    return sorted(map(str, modules - known))


def _module(page: Path, root: Path) -> Path:
    name = page.relative_to(root).with_suffix(".py")
    below = name.relative_to("docs") if name.parts[0] == "docs" else name
    return Path(str(below).replace("-", "_").lower())
