"""``osdimage schema``: what documents hold, as JSON Schema."""

from __future__ import annotations

import difflib
import json

import click
from click.shell_completion import CompletionItem
from osdimage.cli import params, render
from osdimage.cli.render import Reporter
from osdimage.cli.schemas import schema_names, whole_schema


class _Kind(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """The name of a schema."""

    name = "kind"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what there is no schema of."""
        names = schema_names()
        if value not in names:
            near = difflib.get_close_matches(value, names, n=3)
            more = f"; did you mean {' or '.join(near)}?" if near else "; osdimage schema lists them"
            self.fail(f"there is no document of the kind {value!r}{more}", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the names."""
        del ctx, param
        return [CompletionItem(name) for name in schema_names() if name.startswith(incomplete)]


@click.command("schema")
@click.argument("kind", type=_Kind(), required=False)
@params.output(events=False)
def schema_command(kind: str | None, reporter: Reporter) -> None:
    """Show what documents of a KIND hold, as JSON Schema (2020-12); without KIND, list the kinds.

    A kind is what a document of `--json` says of itself, such as disk-show, or `event`: a line of progress. What is
    printed needs no other file. With `--json`, one document has all schemas, or the one.
    """
    schemas = {name: whole_schema(name) for name in (schema_names() if kind is None else (kind,))}
    if reporter.as_json:
        found = [{"name": name, "title": schema["title"], "schema": schema} for name, schema in schemas.items()]
        render.document({"schemas": found})
    elif kind is None:
        render.table(["kind", "what it is"], [(name, str(schema["title"])) for name, schema in schemas.items()])
    else:
        render.out(json.dumps(schemas[kind], indent=2))
