"""What helps a disk that does not start, in the words of several checks.

Of a volume that was only read nobody is told to write it anew: what it holds may be all that there is.
"""

from __future__ import annotations

from osdimage.imaging.errors import Means, Remedy


def fix(text: str) -> Remedy:
    """Say what binding the store does."""
    return Remedy(text, (Means.FIX_BOOT,))


def install(text: str) -> Remedy:
    """Say what installing the boot files does."""
    return Remedy(text, (Means.INSTALL_BOOT,))


WRITES_IT = install("{} writes it")
WRITES_A_NEW_ONE = Remedy("{} writes a new one", (Means.NEW_STORE,))
BINDS_IT = fix("{} binds the store to this disk")
PRUNE = Remedy("none is needed while that disk is in the machine; if it is gone, {} takes it out", (Means.PRUNE_BOOT,))
BIND_HERE = Remedy(
    "none is needed while that disk is in the machine; {} binds it to a Windows here", (Means.BIND_WINDOWS,)
)
DEPLOY = Remedy("{} makes a disk that starts", (Means.DEPLOY,))
APPLY = install("no partition here holds a Windows that could be started: apply an image to one, then {}")
WHOLE = "make the disk as large as it was, or copy it whole"
CHECK_VOLUME = "copy the disk, then check the copy: chkdsk in Windows, ntfsfix or fsck.fat on Linux"
CANNOT_TELL = "none is known: what is there was not read; try the disk in a machine"
