"""Programs of this system that osdimage calls."""

from __future__ import annotations

import os
import shutil

# mkntfs and the like are in folders that an ordinary user's PATH lacks on Debian.
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find_program(*names: str) -> str | None:
    """Return the path of a program, the first of the names that there is, or None."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])
    return next((path for name in names if (path := shutil.which(name, path=folders)) is not None), None)
