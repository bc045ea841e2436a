"""``osdimage run``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click
from osdimage.cli import params
from osdimage.cli.disk import params as disk_params
from osdimage.cli.failures import FAILED
from osdimage.cli.render import Reporter
from osdimage.cli.sequence import params as sequence_params
from osdimage.cli.sequence import state as state_files
from osdimage.cli.sequence.explain import explaining
from osdimage.cli.sequence.input import NewDisks, set_variables
from osdimage.cli.sequence.params import ComputerWish, VariablesWish


@click.command("run")
@click.argument("sequence_file", metavar="SEQUENCE", type=params.EXISTING)
@sequence_params.computer
@sequence_params.variables
@click.option("--log", "log_file", type=params.ANY_PATH, metavar="FILE", help="Write or continue a log for CMTrace.")
@click.option(
    "--state",
    "state_file",
    type=params.ANY_PATH,
    metavar="FILE",
    help="Keep the state here while it runs.  Default: in a state folder.",
)
@click.option("--resume", type=params.EXISTING, metavar="STATE", help="Go on with a run that stopped.")
@click.option("--dry-run", is_flag=True, help="Show what would run, what not and why, and what would be lost.")
@click.option("--strict", is_flag=True, help="Refuse a sequence with steps that cannot be run on Linux.")
@disk_params.no_backup
@explaining
@disk_params.yes
@params.output(keys="step, state, report, progress, log, kind, restart")
def run_command(
    sequence_file: Path,
    described: ComputerWish,
    wanted: VariablesWish,
    log_file: Path | None,
    state_file: Path | None,
    resume: Path | None,
    dry_run: bool,
    strict: bool,
    no_backup: bool,
    yes: bool,
    reporter: Reporter,
) -> int:
    """Run the imaging steps of a task sequence of ConfigMgr or MDT against disk images.

    SEQUENCE is an exported XML file, or the short form in YAML.  THE DISKS ARE CHANGED as its steps say.  Everything is
    checked before the first step, and what would be lost is shown; you are asked, unless --yes is given.  Steps that
    need a running Windows are left out and listed.  A run that failed goes on with --resume.
    """
    from osdimage.cli.sequence import view  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence import builtin  # noqa: PLC0415
    from osdimage.imaging.tasksequence.forms.xml import load_sequence  # noqa: PLC0415
    from osdimage.imaging.tasksequence.log import SequenceLog  # noqa: PLC0415
    from osdimage.imaging.tasksequence.plan import plan_sequence  # noqa: PLC0415
    from osdimage.imaging.tasksequence.runner import fingerprint, run_sequence  # noqa: PLC0415
    from osdimage.imaging.tasksequence.runstate import RunState  # noqa: PLC0415

    if resume is not None and (wanted.has_layers or described.is_new or state_file):
        raise click.UsageError(
            "--resume goes with no --state, --size, --firmware and files of variables: the state has them"
        )
    if resume is None and not described.disks:
        raise click.UsageError("say on which disks it runs, such as --disk 0=disk.img")
    sequence = load_sequence(sequence_file)
    read = (sequence_file, *wanted.files, *described.files)
    state_files.refuse_needed_files(log_file, state_file, resume, read)
    computer = described.computer()
    new = click.get_current_context().with_resource(NewDisks(computer.disks.values(), described.size))
    given = wanted.given()
    if resume is None:
        env = wanted.environment(sequence)
        state = RunState(fingerprint(sequence), env, computer.machine(hold=not dry_run))
    else:
        state = state_files.resumed(resume, fingerprint(sequence), computer, wanted.hidden, hold=not dry_run)
    click.get_current_context().with_resource(state.machine)
    state.machine.saves_tables = not no_backup
    set_variables(state.env, given)
    builtin.begin(state.env, state.machine, sequence, None if log_file is None else log_file.absolute().parent)
    plan = plan_sequence(sequence, state.env, state.machine, judged=state.judged, first=state.next)
    if dry_run:
        view.show_plan(plan, sequence_file, reporter, strict=strict)
        return FAILED if plan.problems(strict=strict) else 0
    plan.require(strict=strict)
    for text in plan.warnings:
        reporter.warn(text)
    if plan.destroys and not yes:
        view.ask(plan, sequence_file, reporter, strict=strict)
    kept = resume or state_file or state_files.default_state(sequence_file)
    new.keep()
    try:
        with ExitStack() as stack:
            log = None if log_file is None else stack.enter_context(SequenceLog(log_file, mask=state.env.mask))
            observer = stack.enter_context(view.Watcher(sequence, plan, state, reporter))
            report = run_sequence(
                sequence,
                state.env,
                state.machine,
                strict=strict,
                observer=observer,
                log=log,
                state_file=kept,
                resume=state,
            )
    except BaseException as error:
        if kept.exists():
            error.add_note(view.how_to_go_on(sequence_file, kept))
        raise
    view.show_report(report, sequence_file, reporter)
    return 0 if report.succeeded else FAILED
