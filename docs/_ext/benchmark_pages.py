"""Let pages show the records of benchmarks that are in docs/benchmarks/.

A page says::

    ```{benchmark} update
    :title: Update one file of an image
    :peer: wimlib-imagex
    ```

and shows ``docs/benchmarks/update.json`` as a picture, a table of the same numbers, and how they were measured.
``benchmark-machines`` lists where and when.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from plots import FOLDER, measured, plot, read_record, table
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Benchmark(SphinxDirective):
    """Show a record: the picture, the table, and how it was measured."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "title": directives.unchanged_required,
        "peer": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return what stands in the page."""
        path = Path(self.env.srcdir) / FOLDER / f"{self.arguments[0]}.json"
        self.env.note_dependency(str(path))
        try:
            record = read_record(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self.error(f"{path.name}: {error}") from error
        picture = plot(record, self.options["title"], self.options["peer"])
        text = "\n".join((*table(record), "", *measured(record)))
        return [nodes.raw("", picture, format="html"), *self.parse_text_to_nodes(text)]


class Machines(SphinxDirective):
    """List on which machines the records were made, and when."""

    def run(self) -> list[nodes.Node]:
        """Return what stands in the page."""
        found: dict[str, set[str]] = {}
        for path in sorted((Path(self.env.srcdir) / FOLDER).glob("*.json")):
            self.env.note_dependency(str(path))
            record = read_record(path.read_text(encoding="utf-8"))
            found.setdefault(record.machine, set()).add(record.date)
        lines = [f"- {machine}: {', '.join(sorted(dates))}" for machine, dates in found.items()]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Let pages show records."""
    app.add_directive("benchmark", Benchmark)
    app.add_directive("benchmark-machines", Machines)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
