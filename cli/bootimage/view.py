"""What the verbs that change boot images show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from osdimage.cli import render
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from osdimage.cli.render import Reporter
    from osdimage.imaging.media.bootimage.change import BootChange
    from osdimage.imaging.media.bootimage.plan import BootPlan, PlannedDriver


def plan_document(plan: BootPlan) -> dict[str, Any]:
    """Return a plan for programs."""
    return {
        "image": {"index": plan.index, "name": plan.name, "kind": plan.kind},
        "image_size": plan.size,
        "new_image_size": plan.new_size,
        "drivers": plan.drivers,
        "left_out": plan.left_out,
        "removed": plan.removed,
        "files": [
            {"path": each.path, "size": each.size, "old_size": each.old_size, "source": each.source}
            for each in plan.files
        ],
        "values": [
            {
                "hive": each.hive,
                "key": each.key,
                "name": each.value.name,
                "type": each.value.type_name,
                "old": each.old,
                "new": each.new,
            }
            for each in plan.values
        ],
    }


def plan_lines(plan: BootPlan) -> Iterator[str]:
    """Yield the lines of a plan for people."""
    for path in plan.removed:
        yield f"  removed: {path}"
    for file in plan.files:
        what = "new" if file.old_size is None else f"in the place of one of {format_size(file.old_size)}"
        source = "" if file.source is None else f" <- {file.source}"
        yield f"  {file.path}: {format_size(file.size)}, {what}{source}"
    for value in plan.values:
        old = "not set" if value.old is None else value.old
        yield f"  {value.hive}\\{value.key}: {value.value.name} = {value.new} (was: {old})"


def driver_text(driver: PlannedDriver) -> str:
    """Describe a driver in one line."""
    there = "" if driver.is_new else ", there already"
    return f"{driver.inf} ({driver.class_name}, {driver.version or 'no version'}, {driver.way.called}{there})"


def driver_lines(plan: BootPlan, reporter: Reporter) -> Iterator[str]:
    """Yield the lines about drivers; those that are left out with ``--verbose``, else how many they are."""
    for each in plan.drivers:
        yield f"  driver: {driver_text(each)}"
    if reporter.verbose:
        for left in plan.left_out:
            yield f"  left out: {left.source}: {left.why}"
    elif plan.left_out:
        yield f"  {counted(len(plan.left_out), 'driver')} left out; --verbose says why"


def report(change: BootChange, reporter: Reporter, *, dry_run: bool) -> None:
    """Show what was changed, or would be."""
    for text in change.warnings:
        reporter.warn(text)
    plan = change.plan
    facts = {
        "path": change.path,
        **plan_document(plan),
        "dry_run": dry_run,
        "written": change.is_written,
        "old_size": change.old_size,
        "new_size": change.new_size,
        "unused": change.unused,
        "warnings": change.warnings,
    }
    where = f"{change.path}: image {plan.index} {plan.name!r}"
    if plan.is_empty and not change.is_written:
        reporter.result(render.to_plain(facts), f"{where}: nothing to change", *driver_lines(plan, reporter))
        return
    parts = [f"{counted(len(plan.files), 'file')}"] if plan.files else []
    parts += [f"{counted(len(plan.values), 'value')} of the registry"] if plan.values else []
    counts = " and ".join(parts) or "nothing"
    if plan.new_size != plan.size:
        counts += f"; the image has {format_size(plan.new_size)}, before {format_size(plan.size)}"
    if dry_run:
        lines = [
            f"{where}: would change {counts}; nothing was written",
            *driver_lines(plan, reporter),
            *plan_lines(plan),
        ]
        reporter.answer(render.to_plain(facts), *lines)
        return
    sizes = f"the file has {format_size(change.new_size)}, before {format_size(change.old_size)}"
    lines = [f"{where}: changed {counts}; {sizes}", *driver_lines(plan, reporter)]
    lines += plan_lines(plan) if reporter.verbose else ()
    if change.unused:
        lines.append(f"  {format_size(change.unused)} of it are of no image any more; --rebuild leaves them out")
    reporter.result(render.to_plain(facts), *lines)
