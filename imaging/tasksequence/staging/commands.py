"""Command lines of steps, as lines of a batch file."""

from __future__ import annotations

from osdimage.imaging.tasksequence.staging.staged import StagedCommand


def replacing_command(command: str) -> StagedCommand:
    """Return what runs a command line that the caller gives in place of a step, as a shell takes it.

    The exit codes of success are those of Run Command Line, 0 and 3010, since those of the step are of another command.
    """
    return StagedCommand(f"run {command}", (command,), success_codes=(0, 3010))
