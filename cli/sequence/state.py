"""The files of ``osdimage run``: the state that it keeps and goes on from, and its log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from osdimage.cli.sequence.input import Computer
    from osdimage.imaging.tasksequence.runstate import RunState
    from osdimage.imaging.tasksequence.sequence import Sequence


def refuse_needed_files(
    log: Path | None, state: Path | None, resume: Path | None, inputs: Iterable[Path | None]
) -> None:
    """Refuse to write the log or the state over what the run needs, or over a file that is something else.

    Raises:
        click.UsageError: naming the option and the file.
    """
    read = tuple(inputs)
    _refuse_same("--log", log, (*read, state, resume))
    _refuse_same("--state", state, read)
    if state is not None and state.exists() and not _is_state(state):
        # It would be replaced, and removed in the end.
        raise click.UsageError(f"--state {state}: exists and is no saved state of a run; valid is a new file")


def _refuse_same(option: str, written: Path | None, others: Iterable[Path | None]) -> None:
    for other in others:
        if written is not None and other is not None and written.resolve() == other.resolve():
            raise click.UsageError(f"{option} {written}: the run needs this file itself; valid is another one")


def _is_state(path: Path) -> bool:
    from osdimage.imaging.errors import InvalidDocument  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.runstate import RunState  # noqa: PLC0415

    if not path.is_file():
        return False
    try:
        RunState.load(path)
    except InvalidDocument:
        return False
    return True


def resumed(path: Path, sequence: Sequence, computer: Computer, hidden: Iterable[str], *, hold: bool) -> RunState:
    """Read the state of a run that stopped; what was given anew takes the place of what it had."""
    from osdimage.imaging.tasksequence.runner import fingerprint  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.runstate import RunState  # noqa: PLC0415

    state = RunState.load(path)
    state.require_sequence(fingerprint(sequence))
    state.require_steps(len(sequence.steps))
    computer.move(state.machine, sequence)
    for name in hidden:
        state.env.hide(name)
    if hold:
        state.machine.hold()
    return state


def go_on(state: RunState, *, collected: bool) -> None:
    """Take what became of the first start into the state of a run that is paused; refuse to go on without that.

    Raises:
        InvalidRequest, InvalidInput, StorageError: as
            :func:`~osdimage.imaging.tasksequence.collected.collect_first_start`.
    """
    from osdimage.imaging.tasksequence.collected import collect_first_start  # noqa: PLC0415 - start-up stays cheap

    if collected:
        collect_first_start(state)
    state.require_started()


def default_state(sequence_file: Path) -> Path:
    """Return a path in the state folder where nothing is yet."""
    from osdimage.imaging.disk.tables.backup import state_folder, unused  # noqa: PLC0415 - start-up stays cheap

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return unused(state_folder() / f"run-{sequence_file.stem}-{stamp}.json")
