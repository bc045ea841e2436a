"""Groups whose commands are imported when they are needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click
from osdimage.cli.guidance.epilog import epilog

WORDS = "osdimage.words"
"""Where a context keeps all words behind a command: an error of click has those alone that it did not take."""


class NoCommand(click.UsageError):
    """A group was named without one of its commands; the message is its help."""


class LazyGroup(click.Group):
    """A group made of a table, which lists and helps without importing its commands.

    Attributes:
        table: name of a command -> (module of this package, what the help says).  The module has the click command as
            ``NAME_command``, with ``_`` in the place of ``-``.
        above: what the group itself is called; nothing for the program.
    """

    table: Mapping[str, tuple[str, str]] = {}
    above: tuple[str, ...] = ()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and return the command."""
        del ctx
        if cmd_name not in self.table:
            return None
        module = importlib.import_module(f"osdimage.cli.{self.table[cmd_name][0]}")
        name = f"{cmd_name.replace('-', '_')}_command"
        command = getattr(module, name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.{name} is not a click command")
        command.epilog = epilog(" ".join((*self.above, cmd_name)))
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words behind the group.

        Raises:
            NoCommand: when there are none.  click has an exception of its own since 8.2; before, it ended with success.
        """
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            raise NoCommand(ctx.get_help(), ctx)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; where there is none, say what was meant."""
        word = args[0] if args else ""
        if word in self.table or word.startswith("-") or ctx.resilient_parsing:
            ctx.meta[WORDS] = tuple(args[1:])
            return super().resolve_command(ctx, args)
        from osdimage.cli.commands import COMMANDS  # noqa: PLC0415 - it is above the groups
        from osdimage.cli.guidance.hints import hint  # noqa: PLC0415 - only after a mistake

        meant = hint(word, self.table, ctx.command_path, COMMANDS)
        advice = "" if meant is None else f"; {meant}"
        raise click.UsageError(f"there is no command {word!r}{advice}", ctx)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - what the command returns
        """Run the command; what its parser refuses names it, as click does not of an option without its value."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            name = ctx.invoked_subcommand
            command = None if name is None else self.get_command(ctx, name)
            if error.ctx is None and command is not None:
                error.ctx = click.Context(command, info_name=name, parent=ctx)
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])
