"""Conditions as batch files: what only the new Windows can tell is asked by it, at its first start.

What is known now is put in as it is, so that a batch file asks nothing else.
"""

from __future__ import annotations

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.conditions import Ask, Condition, Doubt
from osdimage.imaging.tasksequence.environment import Environment


def compiled(condition: Condition | None, env: Environment, doubt: Doubt, ask: Ask, *, label: str) -> tuple[str, ...]:
    """Return the lines of a batch file that ends with 0 when a condition holds, and with 1 when it does not.

    Args:
        condition: what is asked.
        env: the variables, as they are known now.
        doubt: which of them only the first start knows.
        ask: answers questions to the computer, where that is possible now.
        label: what the names of its labels begin with; no other condition of the step has the same.

    Raises:
        InvalidRequest: when a part of it can be asked neither here nor there.
    """
    del condition, env, doubt, ask, label
    raise InvalidRequest("no batch file can ask it")
