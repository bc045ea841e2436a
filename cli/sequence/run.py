"""``osdimage run``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params
from osdimage.cli.disk import params as disk_params
from osdimage.cli.failures import FAILED
from osdimage.cli.render import Reporter
from osdimage.cli.sequence import params as sequence_params
from osdimage.cli.sequence.explain import explain, list_actions
from osdimage.cli.sequence.input import (
    Computer,
    NewDisks,
    Pairs,
    pairs,
    refuse_needed_files,
    set_variables,
)
from osdimage.cli.sequence.params import VariablesWish

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.plan import RunPlan
    from osdimage.imaging.tasksequence.runstate import RunState


@click.command("run")
@click.argument("sequence_file", metavar="SEQUENCE", type=params.EXISTING)
@click.option(
    "--disk",
    "disks",
    multiple=True,
    metavar="N=DISK",
    callback=pairs("N=DISK, such as 0=disk.img"),
    help="A disk image or device, by the number that OSDDiskIndex means.  Repeatable.",
)
@click.option(
    "--size", type=params.SIZE, metavar="SIZE", help="Create disks that do not exist as sparse images of this size."
)
@click.option(
    "--package",
    "packages",
    multiple=True,
    metavar="ID=PATH",
    callback=pairs("ID=PATH, such as ABC00001=install.wim"),
    help="The file or directory of a package.  Repeatable.",
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar=r"\\SERVER\SHARE=DIR",
    callback=pairs(r"\\SERVER\SHARE=DIR"),
    help="The directory that stands for a network share, such as that of OSDCaptureDestination.  Repeatable.",
)
@click.option("--firmware", type=click.Choice(["uefi", "bios"]), help="How the computer starts.  [default: uefi]")
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
@click.option(
    "--actions",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=list_actions,
    help="List the steps that run, and those that are left out.",
)
@click.option(
    "--explain",
    metavar="STEP",
    is_eager=True,
    expose_value=False,
    callback=explain,
    help="Show the variables of a step, such as 'Apply Data Image'.",
)
@disk_params.yes
@params.output(keys="step, state, report, progress, log, kind, restart")
def run_command(
    sequence_file: Path,
    disks: Pairs,
    size: int | None,
    packages: Pairs,
    shares: Pairs,
    firmware: str | None,
    wanted: VariablesWish,
    log_file: Path | None,
    state_file: Path | None,
    resume: Path | None,
    dry_run: bool,
    strict: bool,
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

    if resume is not None and (wanted.has_layers or firmware or state_file or size):
        raise click.UsageError(
            "--resume goes with no --state, --size, --firmware and files of variables: the state has them"
        )
    if resume is None and not disks:
        raise click.UsageError("say on which disks it runs, such as --disk 0=disk.img")
    sequence = load_sequence(sequence_file)
    read = (sequence_file, *wanted.files, *(Path(path) for _, path in (*disks, *packages)))
    refuse_needed_files(log_file, state_file, resume, read)
    computer = Computer.of_options(disks, packages, shares, firmware, may_create=size is not None)
    new = click.get_current_context().with_resource(NewDisks(computer.disks.values(), size))
    given = wanted.given()
    if resume is None:
        env = wanted.environment(sequence)
        state = RunState(fingerprint(sequence), env, computer.machine(hold=not dry_run))
    else:
        state = _resumed(resume, fingerprint(sequence), computer, wanted.hidden, hold=not dry_run)
    click.get_current_context().with_resource(state.machine)
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
        _ask(plan, sequence_file, reporter, strict=strict)
    kept = resume or state_file or _default_state(sequence_file)
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


def _resumed(path: Path, sequence: str, computer: Computer, hidden: Iterable[str], *, hold: bool) -> RunState:
    """Read the state of a run that stopped; what was given anew takes the place of what it had."""
    from osdimage.imaging.tasksequence.runstate import RunState  # noqa: PLC0415 - start-up stays cheap

    state = RunState.load(path)
    state.require_sequence(sequence)
    computer.move(state.machine)
    for name in hidden:
        state.env.hide(name)
    if hold:
        state.machine.hold()
    return state


def _ask(plan: RunPlan, sequence_file: Path, reporter: Reporter, *, strict: bool) -> None:
    from osdimage.cli.sequence import view  # noqa: PLC0415 - start-up stays cheap

    if reporter.as_json or reporter.quiet or not sys.stdin.isatty():
        raise click.UsageError(f"{plan.destroys[0]}; give --yes when nobody is there to be asked")
    view.show_plan(plan, sequence_file, reporter, strict=strict)
    click.confirm("Carry it out?", abort=True, err=True)


def _default_state(sequence_file: Path) -> Path:
    from osdimage.imaging.disk.backup import state_folder, unused  # noqa: PLC0415 - start-up stays cheap

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return unused(state_folder() / f"run-{sequence_file.stem}-{stamp}.json")
