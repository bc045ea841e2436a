"""What the tests of media share: the boot image, which is made once."""

from __future__ import annotations

import pytest
from cases import started_media


@pytest.fixture(scope="session")
def wim(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a WIM with a Windows PE that starts."""
    return started_media.make_wim(tmp_path_factory.mktemp("wim") / "boot.wim")
