"""What every test starts from: the same environment on every machine, and the same random choices in CI."""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

hypothesis.settings.register_profile("default-here", deadline=None)
# A failure in CI must be the change's own, so the examples are the same in every run.
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default-here")

# A shell without job control starts `make test &` with Ctrl-C ignored, and osdimage keeps to what its parent ignores.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Variables of the person who runs the tests that would change what osdimage or a judge prints.
_PERSONAL = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "LANGUAGE")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what would change the output; the locale is UTF-8 and speaks English."""
    for name in _PERSONAL:
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith(("LC_", "OSDIMAGE_", "WIMLIB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("TZ", "UTC")
