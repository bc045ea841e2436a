"""Secrets in what waits for the first start, however a shell has them written."""

from __future__ import annotations

import pytest
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.staging.secrets import holds_secret, secrets_in
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedCondition, StagedFile

SECRET = 'O\'Hara & "Sons"'  # noqa: S105 - one of a test


def env() -> Environment:
    return Environment(computer={"Unit": SECRET}, hidden=["Unit"])


# The forms of about_Quoting_Rules (PowerShell) and of cmd.exe (the caret), written by hand.
@pytest.mark.parametrize(
    "line",
    [
        'run O\'Hara & "Sons"',
        'run O\'Hara ^& "Sons"',
        "$ou = 'O''Hara & \"Sons\"'",
        "$ou = 'O''Hara & '+[char]34+'Sons'+[char]34+''",
    ],
    ids=["as it is", "escaped", "doubled", "by code"],
)
def test_a_secret_is_found_as_a_shell_has_it_written(line: str) -> None:
    named = "Unit"
    for command in (
        StagedCommand("x", (line,)),
        StagedCommand("x", ("ver",), files=(StagedFile("s.ps1", f"ver\n{line}\n", is_unicode=True),)),
    ):
        assert holds_secret(env(), command)
        assert secrets_in(env(), command) == named
    asked = (StagedCondition(None, (line,)),)
    assert holds_secret(env(), StagedCommand("x", ("ver",)), asked)


def test_what_is_like_a_secret_is_none() -> None:
    assert not holds_secret(env(), StagedCommand("x", ("run O'Har' & ''", "echo Sons")))
