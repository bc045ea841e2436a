"""Files of Debian's archive: fetched by apt as this machine has it set up, and unpacked without dpkg."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from pins import PinnedFile
from running import ReleaseError, run

_APT_HELPER = "/usr/lib/apt/apt-helper"
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60


class Gone(ReleaseError):
    """The archive has a pinned file no more: Debian has a newer version of it."""


def fetch(pinned: PinnedFile, downloads: Path) -> Path:
    """Return a pinned file: the one in the folder of downloads, or else fetched into it.

    Raises:
        Gone: when Debian's archive has it no more.
        ReleaseError: when its contents are others, or this machine has no apt to fetch it with.
    """
    path = downloads / pinned.name
    if not path.exists():
        downloads.mkdir(parents=True, exist_ok=True)
        _fetch_by_apt(pinned, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != pinned.sha256:
        raise ReleaseError(f"{path}: its SHA-256 is {found}, and pins.toml wants {pinned.sha256}; remove it")
    return path


def _fetch_by_apt(pinned: PinnedFile, path: Path) -> None:
    if not Path(_APT_HELPER).exists():
        raise ReleaseError(
            f"{path}: is missing, and apt, which would fetch it, is not here: put it there; "
            f"in Debian's archive it is {pinned.path}"
        )
    # Whoever interrupts it leaves a part of the file.
    coming = path.with_name(f"{path.name}.part")
    for site in archives():
        # Without a checksum for apt: the contents are compared by who calls, also those of a file that was there.
        done = subprocess.run(
            [_APT_HELPER, "download-file", f"{site}/{pinned.path}", coming],
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode == 0:
            coming.rename(path)
            return
        coming.unlink(missing_ok=True)
        if "404" not in done.stdout + done.stderr:
            raise ReleaseError(f"{pinned.name}: cannot be fetched: {done.stderr.strip()}")
    raise Gone(f"{pinned.path}: Debian's archive has it no more; packaging/wheel/pin.py pins what it has now")


def archives() -> tuple[str, ...]:
    """Return the roots of Debian's archive that apt uses here, without the last slash; there is at least one.

    Raises:
        ReleaseError: when there is no apt here, or it knows no archive of Debian.
    """
    said = run(("apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"))
    rows = (line.split(maxsplit=1) for line in said.splitlines())
    roots = [row[1].rstrip("/") for row in rows if len(row) == 2 and row[0] == "Debian"]
    # Updates of security are in an archive of their own.
    found = tuple(dict.fromkeys(each for each in roots if not each.endswith("-security")))
    if not found:
        raise ReleaseError("apt knows no archive of Debian here, or has not fetched its lists: apt-get update")
    return found


def unpack_package(package: Path, folder: Path) -> None:
    """Unpack the files of a binary package (deb(5)), which is an ar archive with a tar archive in it.

    Raises:
        ReleaseError: when it is none.
    """
    data = package.read_bytes()
    if not data.startswith(_AR_MAGIC):
        raise ReleaseError(f"{package}: is no Debian package")
    at = len(_AR_MAGIC)
    while at < len(data):
        name = data[at : at + 16].decode("ascii").strip().rstrip("/")
        size = int(data[at + 48 : at + 58])
        at += _AR_HEADER
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(data[at : at + size])) as archive:
                _unpack(archive, folder)
            return
        at += size + size % 2
    raise ReleaseError(f"{package}: has no data.tar")


def unpack_source(archive: Path, folder: Path) -> Path:
    """Unpack an archive of source, made anew; return the one folder that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(archive) as source:
        _unpack(source, folder)
    (top,) = folder.iterdir()
    return top


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack what is of our own making, or is pinned by its checksum."""
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
    else:
        # Python 3.11.2, that of Debian 12.
        archive.extractall(folder)
