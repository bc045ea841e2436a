"""Properties whose examples are costly: a few by default, and many in ``make matrix``."""

from __future__ import annotations

import pytest


def examples(few: int, many: int) -> pytest.MarkDecorator:
    """Give a test the number of examples that hypothesis draws in it, as ``examples``."""
    return pytest.mark.parametrize(
        "examples",
        [pytest.param(few, id="few"), pytest.param(many, id="many", marks=(pytest.mark.matrix, pytest.mark.slow))],
    )
