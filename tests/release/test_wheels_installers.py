"""The lines of docs/how-to/install.md by which pipx, uv and pip install a wheel, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases.releases import RELEASE, needs_release

pytestmark = [needs_release, pytest.mark.foreign]

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/install.md"
PROGRAMS = {"pipx": "pipx install", "uv": "uv tool install", "pip": "pip install"}


@dataclass(frozen=True)
class Home:
    """A user who has the three programs, and nothing else yet.

    Attributes:
        folder: the home directory, and below it the virtual environment that is active.
    """

    folder: Path

    @property
    def osdimage(self) -> list[Path]:
        """Where the command is."""
        return [
            path for path in (self.folder / ".local/bin/osdimage", self.folder / "venv/bin/osdimage") if path.exists()
        ]

    def shell(self, line: str) -> str:
        """Run a line in the folder of the release; return what it printed."""
        hidden = ("XDG_", "PIPX_", "UV_TOOL_", "VIRTUAL_ENV", "PYTHON")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        environment |= {
            "HOME": str(self.folder),
            "PATH": f"{self.folder}/venv/bin:{self.folder}/tools/bin:/usr/bin:/bin",
            "PIPX_DEFAULT_PYTHON": sys.executable,
            "UV_PYTHON": sys.executable,
            # As pip does, also behind a proxy with an authority of its own; older ones of uv have the second name.
            "UV_SYSTEM_CERTS": "1",
            "UV_NATIVE_TLS": "1",
        }
        done = subprocess.run(
            ["sh", "-c", line], cwd=RELEASE, env=environment, capture_output=True, check=False, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    for name in ("tools", "venv"):
        subprocess.run([sys.executable, "-m", "venv", folder / name], check=True)
    subprocess.run([folder / "tools/bin/pip", "install", "--quiet", "pipx", "uv"], check=True)
    return Home(folder)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_line_of_the_page_installs_the_wheel_and_another_takes_it_away(home: Home, program: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    line = re.search(
        rf"^    ({PROGRAMS[program]} ('./osdimage-(.*)-cp311.*x86_64\.whl\[drivers,crypto\]'))$", text, re.MULTILINE
    )
    assert line is not None
    column = 1 + list(PROGRAMS).index(program)
    newer, away = (
        re.search(rf"^\| {row} \|(?:[^|]*\|){{{column - 1}}} `([^`]*)` \|", text, re.MULTILINE)
        for row in ("a newer one", "away with it")
    )
    assert newer is not None
    assert away is not None

    home.shell(line[1])
    (command,) = home.osdimage
    assert "asn1crypto" in home.shell(f"'{command}' doctor")
    home.shell(newer[1].replace("FILE", line[2]))
    assert home.shell(f"'{command}' --version") == f"osdimage {line[3]}\n"
    home.shell(away[1] + (" --yes" if program == "pip" else ""))
    assert home.osdimage == []
