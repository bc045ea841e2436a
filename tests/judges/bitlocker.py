"""Readers of BitLocker volumes of others."""

from __future__ import annotations

import importlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from judges.disk import missing
from judges.wim import require


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        found: ModuleType = missing(f"the Python module {name} is not installed")
        return found


def by_libbde(
    path: Path, *, password: str | None = None, recovery: str | None = None, bek: Path | None = None
) -> bytes:
    """Return what libbde reads."""
    volume = _module("pybde").volume()
    if password is not None:
        volume.set_password(password)
    if recovery is not None:
        volume.set_recovery_password(recovery)
    if bek is not None:
        volume.read_startup_key(str(bek))
    volume.open(str(path))
    try:
        assert not volume.is_locked()
        size = path.stat().st_size
        return b"".join(volume.read_buffer_at_offset(min(1 << 20, size - at), at) for at in range(0, size, 1 << 20))
    finally:
        volume.close()


def by_dissect(
    path: Path, *, password: str | None = None, recovery: str | None = None, bek: Path | None = None
) -> bytes:
    """Return what dissect.fve reads; with nothing it takes the clear key."""
    with path.open("rb") as file:
        volume = _module("dissect.fve.bde").BDE(file)
        if password is not None:
            volume.unlock_with_passphrase(password)
        elif recovery is not None:
            volume.unlock_with_recovery_password(recovery)
        elif bek is not None:
            with bek.open("rb") as key:
                volume.unlock_with_bek(key)
        else:
            volume.unlock_with_clear_key()
        data: bytes = volume.open().read(path.stat().st_size)
        return data


def by_dislocker(path: Path, *options: str) -> bytes:
    """Return what dislocker reads."""
    made = path.with_suffix(".dislocked")
    require("dislocker-file")
    subprocess.run(["dislocker-file", "-q", "-V", path, *options, "--", made], check=True, capture_output=True)
    try:
        return made.read_bytes()
    finally:
        made.unlink()


@dataclass(frozen=True)
class Dump:
    """What cryptsetup says of a volume."""

    cipher: str
    protectors: dict[str, str]


def by_cryptsetup(path: Path) -> Dump:
    """Return what cryptsetup says of a volume."""
    require("cryptsetup")
    said = subprocess.run(["cryptsetup", "bitlkDump", path], check=True, capture_output=True, text=True).stdout
    cipher = "-".join(re.findall(r"Cipher (?:name|mode):\s*(\S+)", said))
    protectors = re.findall(r"GUID:\s*(\S+)\s+Protection:\s*VMK protected with (.+)", said)
    return Dump(cipher, {guid: kind.strip() for guid, kind in protectors})
