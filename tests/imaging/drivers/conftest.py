"""One authority for all: keys take their time."""

from __future__ import annotations

import pytest
from judges.signing import Authority, make_authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))
