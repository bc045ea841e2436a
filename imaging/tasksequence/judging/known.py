"""All steps that osdimage knows, by type and by script of MDT, and by the names that people use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from osdimage.imaging.tasksequence.judging.kinds import ActionTable, action_table
from osdimage.imaging.tasksequence.result import ActionInfo


@cache
def known_actions() -> ActionTable:
    """Return all that osdimage knows: the actions that it runs, and those that it cannot run, with the reason."""
    from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE  # noqa: PLC0415 - a table of others needs none of it
    from osdimage.imaging.tasksequence.steps.actions import ACTIONS  # noqa: PLC0415

    return action_table((*ACTIONS, *ELSEWHERE))


@cache
def known_names() -> Mapping[str, ActionInfo]:
    """Return the same by every name that a person may call one: titles, types and their short forms, in lower case."""
    return {name: info for info in dict.fromkeys(known_actions().values()) for name in info.names}
