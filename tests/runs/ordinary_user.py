"""The command as a user without rights, wherever the tests and their Python are."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runs.stopping import unmeasured

# Imports everything while it still may (a test's Python can be where only root reads), then gives up being root.
BECOME_NOBODY = """
import contextlib, encodings, importlib, os, pkgutil, pwd, sys
import osdimage.cli, osdimage.imaging, osdimage.native, pyfatfs.PyFat
for package in (osdimage.native, osdimage.imaging, osdimage.cli):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(("_build", "pytest_plugin")):
            importlib.import_module(module.name)
for module in pkgutil.iter_modules(encodings.__path__, "encodings."):
    # Some are for Windows only.
    with contextlib.suppress(ImportError):
        importlib.import_module(module.name)
# Files of the package are kept once they were read.
from osdimage.imaging.boot.code.kinds import assembled
for name in ("mbr", "fat32", "ntfs"):
    assembled(name)
os.chdir(sys.argv.pop(1))
if os.geteuid() == 0:
    nobody = pwd.getpwnam("nobody")
    os.chown(".", nobody.pw_uid, nobody.pw_gid)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
os.environ["TMPDIR"] = os.getcwd()
"""
"""Begins a program; its first argument is the folder, which becomes nobody's and the working directory."""
_AS_NOBODY = f"{BECOME_NOBODY}\nfrom osdimage.cli.main import main\nmain()\n"


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """Make a folder that everybody may enter, unlike pytest's, whose parents are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def osdimage_as_nobody(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder that becomes nobody's; as the user of the tests when that is not root."""
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, folder, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=unmeasured(),
    )
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done
