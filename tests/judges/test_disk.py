from __future__ import annotations

import pytest

from judges import disk as disk_judges


def test_what_a_judge_needs_skips_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no loops"):
        disk_judges.missing("no loops")
    with pytest.raises(pytest.skip.Exception, match="no-such-judge is not installed"):
        disk_judges.run(["no-such-judge"])
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="in CI every judge must be there"):
        disk_judges.missing("no loops")
    with pytest.raises(pytest.fail.Exception, match="no-such-judge is not installed"):
        disk_judges.run(["no-such-judge"])


def test_a_judge_that_fails_shows_what_it_said() -> None:
    with pytest.raises(AssertionError, match="sfdisk"):
        disk_judges.run(["sfdisk", "-J", "/nonexistent"])
