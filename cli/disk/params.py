"""Options of the disk commands: where a layout comes from, and which disk is meant."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from osdimage.cli import params, streams, values

if TYPE_CHECKING:
    from osdimage.imaging.disk.layouts.layout import DiskLayout
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.randomness import RandomBits

Command = Callable[..., Any]

# A disk that is there, and one that the command may make.
DISK = values.PathType(exists=True, dir_okay=False, readable=False, path_type=Path)
NEW_DISK = values.NEW_DISK

_sector_size = click.option(
    "--sector-size",
    type=click.Choice(["512", "4096"]),
    callback=lambda _ctx, _param, value: None if value is None else int(value),
    help="Bytes of a sector of a disk image.  Default: what its GPT says, or 512.",
)

_MOST_DIGITS = 10  # of seconds


_allow_linked = click.option(
    "--allow-linked",
    is_flag=True,
    help="Let the file of a virtual machine's disk, such as qcow2, name parts of itself that are not beside it.  Only "
    "for files that you made: others name what they like.",
)
_replay_log = click.option(
    "--replay-log",
    is_flag=True,
    help="Of a VHDX that was not closed and is only read: write the changes in its log to their places first.",
)
_vm_snapshot = click.option(
    "--vm-snapshot",
    metavar="NAME",
    help="Read a snapshot in a qcow2 file, by its name or number, not its newest state.",
)


def opening(command: Command) -> Command:
    """Add the options that say how a disk is opened that is read, and pass an ``Opening`` as ``opening``."""
    return _opening(command, _sector_size, _allow_linked, _replay_log, _vm_snapshot)


def opening_to_write(command: Command) -> Command:
    """Do so for a disk that is written, but perhaps in a rehearsal; a snapshot never is."""
    return _opening(command, _sector_size, _allow_linked, _replay_log)


def opening_as_saved(command: Command) -> Command:
    """Do so for a disk of which a file has the size of the sectors."""
    return _opening(command, _allow_linked, _replay_log)


def _opening(command: Command, *options: Callable[[Command], Command]) -> Command:
    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        allow_linked: bool,
        sector_size: int | None = None,
        replay_log: bool = False,
        vm_snapshot: str | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        from osdimage.imaging.disk.opening import Opening  # noqa: PLC0415 - start-up stays cheap

        told = _silent if kwargs.get("quiet") else streams.once(streams.note)
        made = Opening(
            sector_size, allow_linked=allow_linked, replay_log=replay_log, vm_snapshot=vm_snapshot, told=told
        )
        return command(*args, opening=made, **kwargs)

    return params.add(*options)(run)


def _silent(_text: str) -> None:
    """Tell nobody."""


discard_journal = click.option(
    "--discard-journal",
    is_flag=True,
    help="Also write to an NTFS volume that was not shut down: what only its journal holds is lost, and it stays "
    "marked dirty.",
)


def writing(command: Command) -> Command:
    """Add the options about what a volume that is written to may lose, and put them into ``opening``."""

    @functools.wraps(command)
    def run(*args: Any, opening: Opening, discard_journal: bool, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
        return command(*args, opening=replace(opening, discards_journal=discard_journal), **kwargs)

    return params.add(discard_journal)(run)


seed = click.option(
    "--seed",
    metavar="TEXT",
    help="Draw GUIDs, disk signatures and serial numbers from this text: the same again.",
)
yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
expected_size = click.option("--expect-size", type=values.SIZE, metavar="SIZE", help="Refuse a disk of another size.")
expectations = (
    click.option("--expect-serial", metavar="TEXT", help="Refuse a device with another serial number and WWN."),
    expected_size,
)
no_backup = click.option("--no-backup", is_flag=True, help="Do not save the partition table that is on a disk.")
_backup = click.option(
    "--backup",
    "backup_to",
    type=values.ANY_PATH,
    metavar="FILE",
    help="Save the old table here.  Default: beside an image, for a device in a state folder; the newest five stay.",
)


def saving(command: Command) -> Command:
    """Add the options that say whether and where the old table is saved, and pass a ``TableSaving`` as ``saving``."""

    @functools.wraps(command)
    def run(*args: Any, backup_to: Path | None, no_backup: bool, **kwargs: Any) -> Any:  # noqa: ANN401 - passed through
        from osdimage.imaging.disk.tables.backup import TableSaving  # noqa: PLC0415 - start-up stays cheap

        if backup_to is not None and no_backup:
            raise click.UsageError("--backup and --no-backup contradict each other")
        return command(*args, saving=TableSaving(backup_to, is_wanted=not no_backup), **kwargs)

    return params.add(_backup, no_backup)(run)


@dataclass(frozen=True, slots=True)
class LayoutSource:
    """What the options of :func:`layout` say."""

    vars_file: Path | None
    variables: tuple[tuple[str, str], ...]
    preset: str | None
    recovery: str | None

    @property
    def is_given(self) -> bool:
        """Whether any of them was given."""
        return self.vars_file is not None or bool(self.variables) or self.preset is not None

    def load(self, *others: str) -> DiskLayout:
        """Make the layout.

        Args:
            others: options of the command that say in another way what to lay out, for the message when nothing does.

        Raises:
            click.UsageError: when there is no source, or more than one.
            InvalidRequest: when the variables break rules.
        """
        from osdimage.imaging.disk.layouts import variables  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.disk.layouts.presets import Preset, RecoveryPlace, preset_layout  # noqa: PLC0415

        if not self.is_given:
            raise click.UsageError(f"say what to lay out: {', '.join(('--preset', '--vars', *others))} or --var")
        if self.preset is not None:
            if self.vars_file is not None or self.variables:
                raise click.UsageError("--preset is a whole layout; it does not go with --vars and --var")
            return preset_layout(Preset(self.preset), None if self.recovery is None else RecoveryPlace(self.recovery))
        if self.recovery is not None:
            raise click.UsageError("--recovery goes with --preset; in variables, give an element the type Recovery")
        from_file: dict[str, str] = {}
        if self.vars_file is not None:
            from_file = variables.load_variables(self.vars_file)
        return variables.layout_from_variables(variables.merge_variables(from_file, dict(self.variables)))


def split_variable(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Split NAME=VALUE of an option."""
    pairs = []
    for number, value in enumerate(values, 1):
        name, equals, text = value.partition("=")
        if not equals or not name.strip():
            # What was given is not shown: it may be a password.
            raise click.BadParameter(f"value {number} is not NAME=VALUE", ctx, param)
        pairs.append((name.strip(), text))
    return tuple(pairs)


def layout(command: Command) -> Command:
    """Add the options that describe a layout, and pass a :class:`LayoutSource` as ``source``."""

    @functools.wraps(command)
    def run(
        *args: Any,  # noqa: ANN401 - passed through
        vars_file: Path | None,
        variables: tuple[tuple[str, str], ...],
        preset: str | None,
        recovery: str | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        return command(*args, source=LayoutSource(vars_file, variables, preset, recovery), **kwargs)

    return params.add(
        click.option("--preset", type=click.Choice(["uefi", "bios", "data-gpt", "data-mbr"]), help="A ready layout."),
        click.option(
            "--recovery",
            type=click.Choice(["before", "after", "none"]),
            help="Where the preset's recovery partition goes, seen from Windows.  [default: after]",
        ),
        click.option(
            "--vars",
            "vars_file",
            type=values.EXISTING,
            metavar="FILE",
            help="OSDPartitions... variables: lines NAME=VALUE, or a JSON object.",
        ),
        click.option(
            "--var",
            "variables",
            multiple=True,
            metavar="NAME=VALUE",
            callback=split_variable,
            help="One variable; wins over the file.  Repeatable.",
        ),
    )(run)


def random_bits(text: str | None) -> RandomBits:
    """Return where identifiers come from: the seed, or the system."""
    import random  # noqa: PLC0415 - start-up stays cheap

    return random.SystemRandom() if text is None else random.Random(text)  # noqa: S311 - repeatable on purpose


def now() -> datetime:
    """Return the time for the names of backups."""
    return datetime.now(UTC)


def made_at(seed: str | None) -> datetime:
    """Return the time that what is made bears: with a seed that of ``SOURCE_DATE_EPOCH``, where that is set.

    The variable is https://reproducible-builds.org/specs/source-date-epoch/; without a seed nothing comes out the same.
    """
    told = None if seed is None else os.environ.get("SOURCE_DATE_EPOCH")
    if told is None:
        return now()
    if not (told.isascii() and told.isdecimal()) or len(told) > _MOST_DIGITS:
        raise click.UsageError(f"SOURCE_DATE_EPOCH={told}: valid are whole seconds since 1970, up to the year 2286")
    return datetime.fromtimestamp(int(told), UTC)
