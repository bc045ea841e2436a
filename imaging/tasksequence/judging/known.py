"""All steps that osdimage knows, by type and by script of MDT."""

from __future__ import annotations

from osdimage.imaging.tasksequence.judging.kinds import ActionTable, action_table


def known_actions() -> ActionTable:
    """Return all that osdimage knows: the actions that it runs, and those that it cannot run, with the reason."""
    from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE  # noqa: PLC0415 - a table of others needs none of it
    from osdimage.imaging.tasksequence.steps.actions import ACTIONS  # noqa: PLC0415

    return action_table((*ACTIONS, *ELSEWHERE))
