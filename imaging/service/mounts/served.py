"""Whether the file that a mount was made of is still the one that has its name.

libwim's daemon reads from the file that it has open, and writes a commit to the one that has its name then.  Where
another was put in its place, that would be neither the old WIM nor the new one, and nothing would say so.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from osdimage.imaging.errors import TargetRefused
from osdimage.imaging.service.mounts.table import Found
from osdimage.imaging.wim.stored.format import HEADER_SIZE


def header_of(wim: Path) -> str:
    """Return the header of a WIM in hexadecimal digits, to be compared with later.

    Raises:
        OSError: when it cannot be read.
    """
    with wim.open("rb") as file:
        return file.read(HEADER_SIZE).hex()


def refuse_another_file(found: Found) -> None:
    """Refuse to commit to a WIM that is not the file which was mounted, or is not what it was.

    Raises:
        TargetRefused: which says that the image stays mounted.
    """
    mount = found.mount
    if mount.wim is None:
        return
    stays = f"{mount.directory} stays mounted with all that was changed in it"
    try:
        facts = mount.wim.stat()
        header = header_of(mount.wim)
    except OSError as error:
        raise TargetRefused(f"{mount.wim}: {error.strerror}: it was moved while it was mounted; {stays}") from error
    if mount.pid is not None and _has_open(mount.pid, facts) is False:
        raise TargetRefused(
            f"{mount.wim}: was replaced by another file while it was mounted; nothing can be committed to that; {stays}"
        )
    kept = None if found.record is None else found.record.facts.header
    if kept is not None and kept != header:
        raise TargetRefused(
            f"{mount.wim}: was changed by another program while it was mounted; nothing can be committed to it; {stays}"
        )


def _has_open(pid: int, facts: os.stat_result) -> bool | None:
    """Tell whether a process has a file open; None when it is not for this user to know."""
    try:
        numbers = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None
    for number in numbers:
        with suppress(OSError):
            if os.path.samestat(number.stat(), facts):
                return True
    return False
