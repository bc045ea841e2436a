"""``osdimage help``."""

from __future__ import annotations

import click
from osdimage.cli.streams import out


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
def help_command(words: tuple[str, ...]) -> None:
    """Show the help of a command, as --help behind it does."""
    context = click.get_current_context().find_root()
    command: click.Command = context.command
    for word in words:
        if not isinstance(command, click.Group):
            raise click.UsageError(f"{context.command_path} has no commands of its own", context)
        name, found, _ = command.resolve_command(context, [word])
        if found is None:
            raise click.UsageError(f"there is no command {word!r}", context)
        command, context = found, click.Context(found, parent=context, info_name=name)
    out(command.get_help(context))
