"""The click group, and the one place where a command ends: exit codes, signals, errors."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import click
from osdimage.cli.commands import COMMANDS, help_text
from osdimage.imaging.version import VERSION


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed, and whose help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and return the command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"osdimage.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        if not isinstance(command, click.Command):
            raise TypeError(f"osdimage.cli.{COMMANDS[cmd_name][0]}.{cmd_name}_command is not a click command")
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help that also needs no click."""
        del ctx
        formatter.write(help_text() + "\n")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(VERSION, prog_name="osdimage", message="%(prog)s %(version)s")
def cli() -> None:
    """Capture, inspect, convert and apply Windows images."""


class Stopped(BaseException):
    """A signal asked the command to stop.  Not an Exception: nothing on the way may swallow it."""

    def __init__(self, number: int) -> None:
        """Remember the signal."""
        super().__init__(number)
        self.number = number


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise Stopped(number)


def run() -> NoReturn:
    """Run the command line and leave with the documented exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A parent that ignores a signal (nohup) means it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    debug = "--debug" in sys.argv
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name that the terminal's encoding lacks is shown escaped, and stops nothing.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        # standalone_mode would turn every click exception into an exit by itself.
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except Stopped as stop:
        click.echo(f"osdimage: stopped by {signal.Signals(stop.number).name}", err=True)
        code = 128 + stop.number
    except BrokenPipeError:
        # The reader of our output left (`| head`).  Point stdout at nothing, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    except Exception as error:  # noqa: BLE001 - the last place: no traceback reaches a user
        from osdimage.cli.failures import report  # noqa: PLC0415 - not on the path of a command that works

        code = report(error, debug=debug)
    sys.exit(code if isinstance(code, int) else 0)
