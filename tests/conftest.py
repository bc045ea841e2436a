"""What every test starts from: the same environment on every machine, and the same random choices in CI."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import hypothesis
import pytest
from runs.slowness import Slowness

hypothesis.settings.register_profile("default-here", deadline=None)
# A failure in CI must be the change's own, so the examples are the same in every run.
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default-here")

# A shell without job control starts `make test &` with Ctrl-C ignored, and osdimage keeps to what its parent ignores.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Variables of the person who runs the tests that would change what osdimage or a judge prints.
_PERSONAL = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "LANGUAGE", "COLORTERM")
# Of Python those that change how it prints and warns; and where programs keep what is a person's.
_FAMILIES = ("LC_", "OSDIMAGE_", "WIMLIB_", "XDG_", "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONWARN")

_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a private folder in it
# A run fills about a quarter of it.
_MEMORY_BYTES = 6 << 30


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that judges the mark ``slow``."""
    parser.addoption("--slow-marks", action="store_true", help="list tests whose mark slow is missing or wrong")


def pytest_configure(config: pytest.Config) -> None:
    """Put the folders of the tests into memory: on a disk half of the time goes into syncs and sparse files."""
    if config.getoption("--slow-marks"):
        config.pluginmanager.register(Slowness())
    if "TMPDIR" not in os.environ and _is_memory_fit():
        # The folders of failed tests stay until the next run; what commands leave that were killed must not.
        temporary = Path(tempfile.mkdtemp(dir=_MEMORY, prefix="osdimage-tests-"))
        config.add_cleanup(lambda: shutil.rmtree(temporary, ignore_errors=True))
        # Nobody has folders in it.
        temporary.chmod(0o755)
        os.environ |= {"PYTEST_DEBUG_TEMPROOT": str(_MEMORY), "TMPDIR": str(temporary)}
        tempfile.tempdir = None


def _is_memory_fit() -> bool:
    """Tell whether it has room, and all that the tests want of a file system: programs and extended attributes."""
    try:
        facts = os.statvfs(_MEMORY)
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free_kib = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
        if facts.f_flag & os.ST_NOEXEC or min(facts.f_bavail * facts.f_frsize, free_kib << 10) < _MEMORY_BYTES:
            return False
        with tempfile.TemporaryFile(dir=_MEMORY) as file:
            # Linux has them on a tmpfs since 6.6.
            os.setxattr(file.fileno(), "user.osdimage", b"1")
    except (OSError, StopIteration):
        return False
    return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what would change the output; the locale is UTF-8 and speaks English."""
    for name in _PERSONAL:
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith(_FAMILIES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("TZ", "UTC")
