"""The command as a user without rights, wherever the tests and their Python are."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

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
def become_nobody(folder):
    os.chdir(folder)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(".", nobody.pw_uid, nobody.pw_gid)
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    os.environ["TMPDIR"] = os.getcwd()
"""
"""Begins a program; become_nobody makes a folder nobody's and the working directory."""
# Imports once and forks for each command, which takes no time then.
_SERVER = f"""{BECOME_NOBODY}
import json, tempfile, traceback
from osdimage.cli.main import main
for line in sys.stdin:
    folder, arguments, environment = json.loads(line)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            code = 1
            try:
                os.environ.clear()
                os.environ.update(environment)
                become_nobody(folder)
                # This process has looked for it already.
                tempfile.tempdir = None
                sys.argv = ["osdimage", *arguments]
                main()
                code = 0
            except SystemExit as left:
                code = left.code or 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    print(json.dumps([os.waitstatus_to_exitcode(status), *said]), flush=True)
"""


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """Make a folder that everybody may enter, unlike pytest's, whose parents are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def osdimage_as_nobody(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder that becomes nobody's; as the user of the tests when that is not root."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps([str(folder), arguments, dict(os.environ)]) + "\n")
    server.stdin.flush()
    done = subprocess.CompletedProcess(arguments, *json.loads(server.stdout.readline()))
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done


@cache
def _server() -> subprocess.Popen[str]:
    """Start what runs the commands, which ends with the tests."""
    server = subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)
    return server
