"""Entry point of the ``osdimage`` command.

Importing click takes three times as long as starting Python, so the two calls that scripts and shells make most,
``--version`` and ``--help``, are answered without it.  Everything else is in ``app.py``.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

from osdimage.cli import closed

# Modules are no garbage, and looking for some among them takes a tenth of a short command's time.  The default is 700.
_OBJECTS_PER_COLLECTION = 50_000


def main() -> None:
    """Run the command line; leaves with the documented exit code."""
    _open_standard_streams()
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from osdimage.imaging.version import VERSION  # noqa: PLC0415 - see above

        _answer(f"osdimage {VERSION}")
    elif arguments in (["--help"], ["-h"]):
        from osdimage.cli.commands import help_text  # noqa: PLC0415 - see above

        _answer(help_text())
    else:
        gc.set_threshold(_OBJECTS_PER_COLLECTION)
        from osdimage.cli.app import run  # noqa: PLC0415 - see above

        run()


def _open_standard_streams() -> None:
    """Put nothing in the place of standard streams that are closed.

    The next file that is opened, perhaps the target, would take their number, and a message of a C library would be
    written into it.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        closed.CLOSED.add(descriptor)
        # Inherited, unlike what Python opens: it is for the programs that are started too.
        os.set_inheritable(descriptor, True)
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def _answer(text: str) -> None:
    """Print a text; a reader that left, as ``| head`` does, is no reason for a message."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"osdimage: standard output: {error.strerror}\n")
        # Python would complain about what it could not write when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(128 + signal.SIGPIPE if isinstance(error, BrokenPipeError) else 1)
