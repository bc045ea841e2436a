#!/usr/bin/env python3
"""Write the __init__.pyi of each face of imaging/, from the table in its __init__.py; `ruff format` folds the lines.

Type checkers do not follow names that are imported when they are used.  tests/test_boundaries.py fails when a stub does
not tell what its face has.  Run it in the root of the checkout.
"""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

HEAD = "# What __init__.py imports when it is used, for type checkers; a test holds the two together.\n\n"


def homes_of(face: Path) -> dict[str, tuple[str, ...]]:
    """Return the public names by module; of a package without a face, none."""
    for node in ast.walk(ast.parse(face.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "lazily":
            homes: dict[str, tuple[str, ...]] = ast.literal_eval(node.args[1])
            return homes
    return {}


def main() -> None:
    """Write all stubs."""
    stubs = []
    for face in sorted(Path("imaging").rglob("__init__.py")):
        homes = homes_of(face)
        if homes:
            package = ".".join(("osdimage", *face.parent.parts))
            lines = [
                f"from {package}.{home} import {', '.join(f'{name} as {name}' for name in names)}\n"
                for home, names in sorted(homes.items())
            ]
            stubs.append(face.with_suffix(".pyi"))
            stubs[-1].write_text(HEAD + "".join(lines), encoding="utf-8")
    subprocess.run(["ruff", "format", "--quiet", *stubs], check=True)


main()
