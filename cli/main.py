"""Entry point of the ``osdimage`` command.

Start-up is cheap on purpose: this module imports click and the table of commands, nothing else.  A command's module,
and with it libwim, rich and the rest, is imported when the command runs.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import click
from osdimage.imaging.version import VERSION

# name: (module, what `osdimage --help` says).  The function in the module has the name of the command.
COMMANDS: dict[str, tuple[str, str]] = {
    "capture": ("capture", "Capture a directory or an NTFS volume into a WIM."),
    "apply": ("apply", "Apply an image of a WIM to a directory or an NTFS volume."),
    "export": ("export", "Copy images to another WIM, with another compression if wanted."),
    "info": ("info", "Show what a WIM holds, or change names and descriptions."),
    "list": ("list", "List the files of an image."),
    "extract": ("extract", "Extract files of an image."),
    "verify": ("verify", "Check a WIM: structure, names, and every blob's SHA-1."),
    "delete": ("delete", "Delete images from a WIM."),
    "doctor": ("doctor", "Show what is installed, what is missing, and how to install it."),
}


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(VERSION, prog_name="osdimage", message="%(prog)s %(version)s")
def cli() -> None:
    """Capture, inspect, convert and apply Windows images (WIM), on Linux, without Windows and without root.

    Exit codes: 0 done, 1 the operation failed, 2 usage, 3 input invalid or corrupt, 4 target refused, 130 interrupted.
    """


class Stopped(BaseException):
    """A signal asked the command to stop.  Not an Exception: nothing on the way may swallow it."""

    def __init__(self, number: int) -> None:
        """Remember the signal."""
        super().__init__(number)
        self.number = number


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise Stopped(number)


def main() -> NoReturn:
    """Run the command line and leave with the documented exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A parent that ignores a signal (nohup) means it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    debug = "--debug" in sys.argv
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
