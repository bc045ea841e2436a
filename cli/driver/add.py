"""``osdimage driver add``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, render, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.disk.overlay import overlay
from osdimage.cli.driver import wish as driver_wish
from osdimage.cli.render import Reporter
from osdimage.cli.source import holds_volume, refuse_of_images

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.drivers.injection.choose import DriverWish
    from osdimage.imaging.drivers.injection.places import Planned, TargetPlace
    from osdimage.imaging.wim.select import ImageSelector

_TARGET = values.WimPathType(exists=True, path_type=Path)


def _place(command: Callable[..., Any]) -> params.Command:
    """Add the options that name a Windows which is changed, and pass a ``TargetPlace`` as ``place``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        target: Path,
        partition: int | None,
        opening: Opening,
        selector: ImageSelector,
        refs: tuple[str, ...],
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        from osdimage.imaging.drivers.injection.places import TargetPlace  # noqa: PLC0415 - start-up stays cheap

        if target.is_dir() or holds_volume(target, partition):
            refuse_of_images(selector, ref=bool(refs))
        place = TargetPlace(target, partition, selector, opening, refs)
        return command(*args, place=place, **kwargs)

    return params.add(
        click.argument("target", type=_TARGET),
        click.option("--partition", type=click.IntRange(min=1), metavar="N", help="The partition of a disk."),
        disk_params.opening_to_write,
        disk_params.writing,
        overlay("target"),
        params.selector,
        params.references,
    )(run)


@click.command("add")
@_place
@driver_wish.wish
@click.option("--dry-run", "-n", is_flag=True, help="Show what would be done and change nothing.")
@click.option("--report", type=values.ANY_PATH, metavar="FILE", help="Also write the report, a JSON document, to FILE.")
@click.option("--force", is_flag=True, help="Write also to a volume that is marked dirty.")
@click.option("--strict", is_flag=True, help="Fail when there is no driver for a disk controller of --for.")
@disk_params.yes
@params.output(more="every file and value that is written")
def add_command(
    place: TargetPlace,
    wish: DriverWish,
    dry_run: bool,
    report: Path | None,
    force: bool,
    strict: bool,
    yes: bool,
    reporter: Reporter,
) -> None:
    r"""Bring drivers into a Windows that does not run.

    TARGET is a WIM, a disk (with --partition), a file or device with one volume, or a folder that a Windows was applied
    to.  The drivers are put into \Drivers, each INF with its files in a folder of its own, and Windows is told to
    install them when it starts first; those of disk controllers are enabled, so that it can start.  Nothing is
    published in its driver store: Windows does that, and checks their signatures.

    What is done is shown first, and you are asked, unless --yes is given.  A volume and a WIM get all of it at one
    moment.  The report is kept as \Windows\Temp\osdimage-drivers.json.  The same again changes nothing.
    """
    from osdimage.imaging.documents import write_document  # noqa: PLC0415
    from osdimage.imaging.drivers.injection.document import to_document, to_json  # noqa: PLC0415
    from osdimage.imaging.drivers.injection.places import open_target, planned_injection  # noqa: PLC0415
    from osdimage.imaging.drivers.injection.planning import REPORT  # noqa: PLC0415
    from osdimage.imaging.wim.file import leave_memory  # noqa: PLC0415 - start-up stays cheap

    leave_memory()
    with (
        open_target(place, write=not dry_run, progress=reporter.callback) as target,
        planned_injection(target, wish, force=force) as planned,
    ):
        plan, chosen = planned.plan, planned.chosen
        for text in (*chosen.warnings, *plan.warnings):
            reporter.warn(text)
        if strict:
            chosen.require_storage()
        is_asked = not (dry_run or yes or plan.is_empty)
        if is_asked:
            _ask(planned, reporter)
        is_changed = not (dry_run or plan.is_empty)
        if is_changed:
            target.carry_out(plan.changes, now=datetime.now(UTC), force=force)
        document = (
            {"target": str(place.path), "partition": place.partition}
            | to_document(plan)
            | {
                "dry_run": dry_run,
                "changed": is_changed,
                "without_driver": list(chosen.without_driver),
            }
        )
        shown = [] if is_asked else list(driver_wish.lines(plan, chosen, verbose=reporter.verbose))
        if is_changed:
            kept = f"\\{plan.windows.folder}\\{REPORT}".replace("/", "\\")
            shown.append(f"{plan.windows.name}: done; the report is {kept}")
    if report is not None:
        write_document(report, to_json(document))
    reporter.result(document, *shown)


def _ask(planned: Planned, reporter: Reporter) -> None:
    """Show what will be done, and ask.

    Raises:
        click.UsageError: when nobody is there to be asked.
        click.Abort: when the answer is no.
    """
    reporter.refuse_unattended(f"{planned.plan.windows.name} would be changed")
    for text in driver_wish.lines(planned.plan, planned.chosen, verbose=reporter.verbose):
        render.line(text)
    click.confirm("Carry it out?", abort=True, err=True)
