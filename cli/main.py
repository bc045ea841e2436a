"""Entry point of the ``osdimage`` command.

Importing click takes three times as long as starting Python, so the two calls that scripts and shells make most,
``--version`` and ``--help``, are answered without it.  Everything else is in ``app.py``.
"""

from __future__ import annotations

import gc
import sys

# Modules are no garbage, and looking for some among them takes a tenth of a short command's time.  The default is 700.
_OBJECTS_PER_COLLECTION = 50_000


def main() -> None:
    """Run the command line; leaves with the documented exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from osdimage.imaging.version import VERSION  # noqa: PLC0415 - see above

        sys.stdout.write(f"osdimage {VERSION}\n")
    elif arguments in (["--help"], ["-h"]):
        from osdimage.cli.commands import help_text  # noqa: PLC0415 - see above

        sys.stdout.write(help_text() + "\n")
    else:
        gc.set_threshold(_OBJECTS_PER_COLLECTION)
        from osdimage.cli.app import run  # noqa: PLC0415 - see above

        run()
