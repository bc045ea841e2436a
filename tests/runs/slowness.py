"""Whether the mark ``slow`` says the truth: it is for what takes longer than a few seconds, and for nothing else.

A plugin of pytest.  It lists, and fails nothing: how long a test takes is also a matter of the machine.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Generator
from typing import Any

import pytest

SECONDS = 3.0
"""A test above it is to be marked."""
# Machines differ: between the two either is right.
_QUICK_SECONDS = 1.5


class Slowness:
    """Adds up what each test takes, but for the fixtures that it shares with others."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._shared = 0.0
        self._own: defaultdict[str, float] = defaultdict(float)
        self._marked: set[str] = set()
        self._ran: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Time the fixtures that are made once for many tests."""
        began = time.perf_counter()
        try:
            return (yield)
        finally:
            if fixturedef.scope != "function":
                self._shared += time.perf_counter() - began

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the time into the report, which is all that comes from a worker of xdist."""
        report = yield
        # A fixture that is asked for by name is made within the call.
        report.own_seconds = call.duration - self._shared
        self._shared = 0.0
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the time up; a name stands for all cases of a test."""
        if report.when != "teardown":
            self._own[report.nodeid] += report.own_seconds  # type: ignore[attr-defined]
        if report.when == "call":
            name = report.nodeid.partition("[")[0]
            self._ran.add(report.nodeid)
            if "slow" in report.keywords:
                self._marked.add(name)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the tests whose mark is wrong, by their slowest case."""
        # On a busy machine all take several times as long.
        load, cores = os.getloadavg()[1], os.cpu_count() or 1
        if load > 2 * cores:
            terminalreporter.write_line(f"the marks slow were not judged: the load is {load:.0f} on {cores} cores")
            return
        slowest: defaultdict[str, float] = defaultdict(float)
        for each in self._ran:
            name = each.partition("[")[0]
            slowest[name] = max(slowest[name], self._own[each])
        lines = []
        for name, seconds in sorted(slowest.items(), key=lambda item: -item[1]):
            if name not in self._marked and seconds > SECONDS:
                lines.append(f"{seconds:5.1f} s, not marked slow  {name}")
            elif name in self._marked and seconds < _QUICK_SECONDS:
                lines.append(f"{seconds:5.1f} s, but marked slow  {name}")
        if lines:
            terminalreporter.section("marks slow that are missing or wrong")
            for line in lines:
                terminalreporter.write_line(line)
