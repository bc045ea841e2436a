"""Fixtures of the tests of task sequences."""

from __future__ import annotations

import pytest
from cases.sequence_bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
