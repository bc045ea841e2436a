"""Wine's shell, which runs batch files as that of Windows does, in a Windows folder of its own.

``wine64`` alone is asked for (Debian: ``apt-get install --no-install-recommends wine64``): no display, no 32-bit part.
Its exit codes reach Linux modulo 256, so files tell what became of a script.  Where it is other than Windows: ``call``
of a script that ends with ``exit /b`` above 1 leaves an ERRORLEVEL of 1, and there is neither ``timeout`` nor
PowerShell.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from judges.disk import missing

_PLACES = ("/usr/lib/wine", "/usr/bin", "/usr/local/bin")
_SECONDS = 120
_LINGERS = 600
# Half a gigabyte that no shell loads: pictures, sound, films, browsers.
_UNUSED = (
    "d2d1*", "d3d*", "ddraw*", "dwrite*", "ieframe*", "jscript*", "mf*", "mshtml*", "msvcp*", "msvcr[0-9]*", "msxml*",
    "opengl32*", "quartz*", "riched*", "vbscript*", "wined3d*", "winegstreamer*", "wmphoto*", "xact*", "xaudio*",
)  # fmt: skip


def _program(*names: str) -> str:
    """Return the path of a program by one of the names that distributions give it."""
    paths = [Path(folder, name) for name in names for folder in _PLACES]
    found = next((path for path in paths if path.exists()), None)
    return str(found or missing(f"the judge {names[0]} is not installed"))


@dataclass(frozen=True)
class Wine:
    """A Windows folder that Wine keeps.

    Attributes:
        prefix: where.
        wine, server: the programs.
    """

    prefix: Path
    wine: str
    server: str

    @classmethod
    def make(cls, prefix: Path) -> Wine:
        """Make one: two seconds."""
        made = cls(prefix, _program("wine64", "wine"), _program("wineserver64", "wineserver"))
        prefix.mkdir()
        # A server that is about to end, since nothing runs in its Windows, takes what starts in that moment with it.
        made._run(made.server, f"-p{_LINGERS}")
        made._run(made.wine, "wineboot", "-i")
        system = made.drive / "windows" / "system32"
        for pattern in _UNUSED:
            for each in system.glob(pattern):
                each.unlink()
        shutil.rmtree(made.drive / "windows" / "winsxs", ignore_errors=True)
        return made

    @property
    def drive(self) -> Path:
        """The folder that is ``C:``."""
        return self.prefix / "drive_c"

    @property
    def environment(self) -> dict[str, str]:
        """What its programs find."""
        quiet = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=d"}
        # No display: nothing here has a window.
        return {**os.environ, **quiet, "WINEPREFIX": str(self.prefix), "WINEARCH": "win64", "DISPLAY": ""}

    def run(self, *words: str) -> None:
        """Run a program of Windows, and wait for its end; how it ended is asked of what it wrote."""
        self._run(self.wine, *words)

    def code_of(self, *words: str) -> int:
        """Run a program of Windows, and return its exit code, of which Linux knows the last eight bits."""
        return self._run(self.wine, *words)

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a program of Windows, in a process group of its own."""
        return subprocess.Popen(
            [self.wine, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Stop all that runs in this Windows, at once: as if the power were cut."""
        subprocess.run([self.server, "-k"], env=self.environment, check=False, timeout=_SECONDS)
        # A program that just starts may not have met the server yet, and would wait for it for ever.
        own = f"WINEPREFIX={self.prefix}".encode()
        for each in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if own in each.read_bytes().split(b"\0"):
                    os.kill(int(each.parent.name), signal.SIGKILL)

    def values(self, key: str) -> dict[str, str]:
        """Return the values of a key of the registry by their names, as ``reg query`` shows their data."""
        into = self.drive / "values.txt"
        self.run("cmd", "/d", "/c", f"reg query {key} > C:\\values.txt 2>nul")
        lines = (line.split(None, 2) for line in into.read_text(encoding="cp437", errors="replace").splitlines())
        found = [words for words in lines if len(words) >= 2 and words[1].startswith("REG_")]
        return {words[0]: words[2].strip() if len(words) == 3 else "" for words in found}

    def _run(self, *command: str) -> int:
        # Into nothing: a pipe would be held open by the server, which stays for a while.
        return subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=_SECONDS,
        ).returncode
