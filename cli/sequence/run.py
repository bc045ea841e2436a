"""``osdimage run``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.failures import FAILED, exit_code
from osdimage.cli.render import Reporter
from osdimage.cli.sequence import collect as collecting_params
from osdimage.cli.sequence import origin as origin_params
from osdimage.cli.sequence import params as sequence_params
from osdimage.cli.sequence import state as state_files
from osdimage.cli.sequence import supplies as supplies_params
from osdimage.cli.sequence.collect import Collecting
from osdimage.cli.sequence.explain import Question
from osdimage.cli.sequence.input import Computer, NewDisks, set_variables
from osdimage.cli.sequence.origin import MediaWish, RunOrigin
from osdimage.cli.sequence.params import ComputerWish, ConductWish, VariablesWish
from osdimage.cli.sequence.supplies import SuppliesWish

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.planned import RunPlan
    from osdimage.imaging.tasksequence.report import RunReport
    from osdimage.imaging.tasksequence.runstate import RunState
    from osdimage.imaging.wof import Algorithm


@click.command("run")
@click.argument("sequence_file", metavar="SEQUENCE", type=values.ANY_PATH, required=False)
@origin_params.media
@sequence_params.computer
@sequence_params.variables
@supplies_params.supplies
@sequence_params.conduct
@sequence_params.question
@collecting_params.collecting
@params.compact
@disk_params.no_backup
@disk_params.yes
@params.output(keys="step, state, report, progress, log, kind, restart", more="the lines of the log")
def run_command(
    sequence_file: Path | None,
    from_media: MediaWish,
    described: ComputerWish,
    wanted: VariablesWish,
    supplied: SuppliesWish,
    conduct: ConductWish,
    asked: Question,
    collecting: Collecting,
    compact_with: Algorithm | None,
    no_backup: bool,
    yes: bool,
    reporter: Reporter,
) -> int:
    """Carry out a task sequence of ConfigMgr or MDT on disk images.

    SEQUENCE is an exported XML file, or the short form in YAML (.yaml), which --explain yaml shows; or it comes, with
    its packages and variables, from stand-alone media (--medium).  THE DISKS ARE CHANGED as its steps say.  Everything
    is checked before the first step, and what would be lost is shown; you are asked, unless --yes is given.  What only
    the new Windows can do is put on its disk for its first start.  Steps that can be done neither now nor then stop it
    before anything is written (exit code 3), unless --leave-out names them; it then ends as done, not as succeeded.  A
    run that failed goes on with --resume, and one that is paused until the new Windows was started, with --resume and
    --collected.
    """
    if asked.is_asked:
        asked.answer(reporter)
        return 0
    if collecting.disk is not None:
        conduct.refuse_needed_files((collecting.disk,))
    collected = collecting.answer(described.opening, conduct.log_file, reporter, yes=yes)
    if collected is not None:
        return collected
    if sequence_file is None and not from_media.media:
        raise click.UsageError("Missing argument 'SEQUENCE'.")
    from osdimage.cli.sequence import planned, reported  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.plan import plan_sequence  # noqa: PLC0415
    from osdimage.imaging.tasksequence.report import RunEnd  # noqa: PLC0415

    conduct.check(described, wanted, from_windows=supplied.from_windows)
    wanted.refuse_beside_media(from_media.media)
    origin = origin_params.origin_of(sequence_file, from_media, supplied, reporter)
    conduct.refuse_needed_files((*origin.files, *wanted.files, *described.files))
    described.refuse_inputs((*origin.files, *wanted.files), from_media.paths)
    sequence = origin.sequence
    new, state = _begin(origin, described.computer(origin.answers), wanted, conduct)
    state.machine.saves_tables = not no_backup
    state.machine.compact = compact_with
    plan = plan_sequence(
        sequence, state.env, state.machine, leave_out=state.leave_out, judged=state.judged, first=state.next
    )
    if conduct.dry_run:
        planned.show_plan(plan, origin.path, reporter, strict=conduct.strict)
        refusal = plan.refusal(strict=conduct.strict)
        return 0 if refusal is None else exit_code(refusal)
    plan.require(strict=conduct.strict)
    for text in plan.tolerated:
        reporter.warn(text)
    if plan.destroys and not yes:
        planned.ask(plan, origin.path, reporter, strict=conduct.strict)
    new.keep()
    report = _carry_out(origin, state, plan, conduct, reporter)
    reported.show_report(report, origin.path, origin.words, reporter)
    return FAILED if report.end is RunEnd.FAILED else 0


def _begin(
    origin: RunOrigin, computer: Computer, wanted: VariablesWish, conduct: ConductWish
) -> tuple[NewDisks, RunState]:
    """Return the disks that are made for the run, and the state that it begins with, or goes on from."""
    from osdimage.imaging.tasksequence import builtin  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.computer.firmware import fitting_firmware  # noqa: PLC0415
    from osdimage.imaging.tasksequence.judging.leave_out import LeaveOut  # noqa: PLC0415
    from osdimage.imaging.tasksequence.runner import fingerprint  # noqa: PLC0415
    from osdimage.imaging.tasksequence.runstate import RunState  # noqa: PLC0415

    sequence = origin.sequence
    leave_out = LeaveOut.of((*computer.answers.leave_out, *conduct.left_out), sequence)
    context, hold = click.get_current_context(), not conduct.dry_run
    new = context.with_resource(NewDisks(computer))
    given = wanted.given()
    if conduct.resume is None:
        env = wanted.environment(origin)
        state = RunState(fingerprint(sequence), env, computer.machine(sequence, hold=hold))
    else:
        state = state_files.resumed(conduct.resume, sequence, computer, (*wanted.hidden, *origin.hidden), hold=hold)
    context.with_resource(state.machine)
    if conduct.resume is not None:
        state_files.go_on(state, collected=conduct.collected)
    set_variables(state.env, given)
    state.leave_out |= leave_out
    if conduct.resume is None and computer.firmware is None:
        state.machine.firmware = fitting_firmware(sequence, state.env, state.machine, leave_out=leave_out)
    log = conduct.log_file
    builtin.begin(state.env, state.machine, sequence, None if log is None else log.absolute().parent)
    return new, state


def _carry_out(
    origin: RunOrigin,
    state: RunState,
    plan: RunPlan,
    conduct: ConductWish,
    reporter: Reporter,
) -> RunReport:
    """Run the steps; what stops them tells how to go on."""
    from osdimage.cli.sequence import live, reported  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.log import SequenceLog  # noqa: PLC0415
    from osdimage.imaging.tasksequence.runner import run_sequence  # noqa: PLC0415

    kept = conduct.resume or conduct.state_file or state_files.default_state(origin.path)
    path = conduct.log_file
    try:
        with ExitStack() as stack:
            log = None if path is None else stack.enter_context(SequenceLog(path, mask=state.env.mask))
            observer = stack.enter_context(live.Watcher(origin.sequence, plan, state, reporter))
            return run_sequence(
                origin.sequence,
                state.env,
                state.machine,
                strict=conduct.strict,
                leave_out=state.leave_out,
                observer=observer,
                log=log,
                state_file=kept,
                resume=state,
            )
    except BaseException as error:
        if kept.exists():
            error.add_note(reported.how_to_go_on(origin.words, kept))
        raise
