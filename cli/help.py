"""``osdimage help``."""

from __future__ import annotations

import click
from osdimage.cli.commands import COMMANDS
from osdimage.cli.streams import out


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the commands and topics that a word may become."""
    from osdimage.cli.guidance.topics import TOPICS  # noqa: PLC0415 - start-up stays cheap

    del parameter
    return [] if context.params.get("words") else [each for each in (*COMMANDS, *TOPICS) if each.startswith(incomplete)]


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...", shell_complete=_complete)
def help_command(words: tuple[str, ...]) -> None:
    """Show the help of a command, as --help behind it does.

    Also of what is no command: arguments, conventions, environment, exit-codes or files.
    """
    context = click.get_current_context().find_root()
    if len(words) == 1 and words[0] not in COMMANDS:
        from osdimage.cli.guidance.topics import TOPICS, topic_text  # noqa: PLC0415 - start-up stays cheap

        if words[0] in TOPICS:
            out(topic_text(words[0], context.make_formatter().width))
            return
    command: click.Command = context.command
    for word in words:
        if not isinstance(command, click.Group):
            raise click.UsageError(f"{context.command_path} has no commands of its own", context)
        name, found, _ = command.resolve_command(context, [word])
        if found is None:
            raise click.UsageError(f"there is no command {word!r}", context)
        command, context = found, click.Context(found, parent=context, info_name=name)
    out(command.get_help(context))
