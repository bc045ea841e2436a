"""A folder before and after a month, of which wimlib-imagex has captured the first as the base of deltas."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from judges import wim as judges

MONTH_NS = 30 * 86400 * 10**9
THEN_NS = 1_700_000_000 * 10**9
# Contents of these are others than in the base, and the size, the time or nothing that is looked at tells it.
LARGER, TOUCHED, LYING = b"larger " * 5000, b"touched" * 5000, b"lying.." * 5000


@dataclass(frozen=True)
class Month:
    """The folder as it is now, and the WIM of the folder as it was."""

    now: Path
    base: Path


def make_month(folder: Path) -> Month:
    """Make both."""
    rng = random.Random(5)
    now, base = folder / "now", folder / "base.wim"
    (now / "sub").mkdir(parents=True)
    for name in ("kept", "sub/kept", "moved", "linked", "Twin", "twin", "gone"):
        (now / name).write_bytes(rng.randbytes(60_000))
    for name in ("larger", "touched", "lying"):
        (now / name).write_bytes(b"as then" * 5000)
    os.link(now / "linked", now / "sub/link")
    (now / "symlink").symlink_to("sub/kept")
    with (now / "sparse").open("wb") as file:
        file.truncate(1 << 20)
        file.seek(300_000)
        file.write(rng.randbytes(60_000))
    (now / "empty").touch()
    _set_times(now, THEN_NS)
    judges.wimlib("capture", now, base, "then")
    (now / "gone").unlink()
    (now / "moved").rename(now / "sub/moved")
    (now / "larger").write_bytes(LARGER + b"!")
    (now / "touched").write_bytes(TOUCHED)
    (now / "lying").write_bytes(LYING)
    (now / "new").write_bytes(rng.randbytes(60_000))
    _set_times(now, THEN_NS)
    for name in ("larger", "touched", "new"):
        os.utime(now / name, ns=(THEN_NS + MONTH_NS, THEN_NS + MONTH_NS))
    return Month(now, base)


def _set_times(folder: Path, time_ns: int) -> None:
    # That of the last access later than the other: nobody who reads a file sets it then.
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, ns=(time_ns + MONTH_NS, time_ns), follow_symlinks=False)
    os.utime(folder, ns=(time_ns + MONTH_NS, time_ns))


def hashes(wim: Path, image: int = 1) -> dict[str, list[str]]:
    """Return the SHA-1 of the streams of each file of an image, as wimlib-imagex lists them."""
    return {
        path.strip('"'): [value for label, value in facts if label == "Hash"]
        for path, facts in judges.wimlib_facts(wim, image).items()
    }


def applied(wim: Path, target: Path, *bases: Path, image: int = 1) -> Path:
    """Let wimlib-imagex apply an image."""
    shutil.rmtree(target, ignore_errors=True)
    judges.wimlib("apply", wim, str(image), target, *(f"--ref={each}" for each in bases))
    return target
