"""Options that say what computer a task sequence finds, and which variables it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.disk import params as disk_params
from osdimage.cli.driver import catalog
from osdimage.cli.driver import wish as driver_wish
from osdimage.cli.numbered import Pairs, Sizes, disks_option, pairs, sizes
from osdimage.cli.sequence.explain import Question
from osdimage.cli.sequence.input import Computer, layers, read_variables
from osdimage.cli.sequence.state import refuse_needed_files

if TYPE_CHECKING:
    from osdimage.cli.sequence.origin import RunOrigin
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.tasksequence.environment import Environment
    from osdimage.imaging.tasksequence.forms.answers import Answers

_FORM = "lines NAME=VALUE, or a JSON object"


@dataclass(frozen=True, slots=True)
class ComputerWish:
    """What the options of ``computer`` say, which are passed as ``described``."""

    disks: Pairs
    sizes: Sizes
    opening: Opening
    packages: Pairs
    shares: Pairs
    firmware: str | None
    devices: tuple[str, ...]
    catalog: Path | None
    allow_modified: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """The disks and the packages."""
        from osdimage.imaging.drivers.store.addresses import is_address  # noqa: PLC0415 - start-up stays cheap

        packages = (path for _, path in self.packages if not is_address(path))
        return tuple(map(Path, (*(path for _, path in self.disks), *packages)))

    def refuse_inputs(self, inputs: Iterable[Path | None], media: Iterable[Path]) -> None:
        """Refuse disks that the run itself reads, and files of media in folders.

        Raises:
            click.UsageError: naming the disk.
        """
        from osdimage.cli.deploy.target import refuse_input  # noqa: PLC0415 - start-up stays cheap

        read = (*inputs, *(Path(path) for _, path in self.packages))
        folders = [each for each in media if each.is_dir()]
        for path in (Path(path) for _, path in self.disks):
            refuse_input(path, read, ())
            for each in folders:
                if path.exists() and path.resolve().is_relative_to(each.resolve()):
                    raise click.UsageError(f"{path} is a file of {each}, which is read; valid is another path")

    @property
    def is_new(self) -> bool:
        """Whether something was given that only a run that begins can take."""
        opening = self.opening
        is_opened = opening.sector_size is not None or opening.allow_linked or opening.replay_log
        return self.firmware is not None or bool(self.sizes) or is_opened

    def computer(self, answers: Answers) -> Computer:
        """Read the options, with what is given to the run besides.

        Raises:
            click.UsageError: as :meth:`~osdimage.cli.sequence.input.Computer.of_options`.
        """
        return Computer.of_options(
            self.disks,
            tuple({**answers.packages, **dict(self.packages)}.items()),
            tuple({**answers.shares, **dict(self.shares)}.items()),
            self.firmware,
            opening=self.opening,
            sizes=self.sizes,
            devices=self.devices,
            catalog=self.catalog,
            answers=answers,
            allows_modified=self.allow_modified,
        )


computer = params.gathered(
    "described",
    ComputerWish,
    disks_option("A disk image or device, by the number that OSDDiskIndex means.  Repeatable."),
    click.option(
        "--size",
        "sizes",
        multiple=True,
        metavar="[N=]SIZE",
        callback=sizes,
        help="Create disks that do not exist as sparse images of this size, or disk N alone.  Repeatable.",
    ),
    disk_params.opening_to_write,
    disk_params.writing,
    click.option(
        "--package",
        "packages",
        multiple=True,
        metavar="ID=PATH",
        callback=pairs("ID=PATH, such as ABC00001=install.wim"),
        help="The file or directory of a package, or of drivers also catalog:NAME.  Repeatable.",
    ),
    click.option(
        "--share",
        "shares",
        multiple=True,
        metavar=r"\\SERVER\SHARE=DIR",
        callback=pairs(r"\\SERVER\SHARE=DIR"),
        help="The directory that stands for a network share, such as that of OSDCaptureDestination.  Repeatable.",
    ),
    click.option(
        "--firmware",
        type=click.Choice(["uefi", "bios"]),
        help="How the computer starts.  [default: what fits the disk of Windows, or else uefi]",
    ),
    click.option(
        "--drivers-for",
        "devices",
        multiple=True,
        metavar="SOURCE",
        help="What tells the devices of the computer, by which drivers are chosen and disks found: host, qemu, or a "
        "listing that another computer made.  Repeatable.",
    ),
    catalog.catalog,
    driver_wish.allow_modified,
)


@dataclass(frozen=True, slots=True)
class VariablesWish:
    """What the options of ``variables`` say, which are passed as ``wanted``."""

    variables: Pairs
    vars_file: Path | None
    computer_vars: Path | None
    collection_vars: tuple[str, ...]
    media_vars: Path | None
    hidden: tuple[str, ...]

    @property
    def files(self) -> tuple[Path | None, ...]:
        """The files that are read."""
        return self.vars_file, self.computer_vars, self.media_vars

    @property
    def has_layers(self) -> bool:
        """Whether the variables of a computer, of collections or of media were given."""
        return bool(self.computer_vars or self.collection_vars or self.media_vars)

    def given(self) -> dict[str, str]:
        """Return what is set before the first step, whatever the layers say."""
        return {**({} if self.vars_file is None else read_variables(self.vars_file)), **dict(self.variables)}

    def refuse_beside_media(self, media: tuple[str, ...]) -> None:
        """Refuse variables in the place of which those of media are taken.

        Raises:
            click.UsageError: naming the option.
        """
        if media and self.media_vars is not None:
            raise click.UsageError("--media-vars: the media of --medium have their own; --var sets one besides")

    def environment(self, origin: RunOrigin) -> Environment:
        """Return the layers, with the variables of a sequence and of the media that it came from.

        Raises:
            click.UsageError, InvalidRequest: as :func:`~osdimage.cli.sequence.input.layers`.
        """
        own = None if self.media_vars is None else read_variables(self.media_vars)
        env = layers(
            computer=self.computer_vars,
            collections=self.collection_vars,
            media=own if origin.taken is None else origin.taken.settings.variables,
            sequence=origin.sequence.variables,
            hidden=(*self.hidden, *origin.hidden),
        )
        if origin.taken is not None:
            env.set_read_only("_SMSTSLaunchMode", origin.taken.launch_mode)
        return env


@dataclass(frozen=True, slots=True)
class ConductWish:
    """What the options of ``conduct`` say, which are passed as ``conduct``."""

    log_file: Path | None
    state_file: Path | None
    resume: Path | None
    collected: bool
    dry_run: bool
    left_out: tuple[str, ...]
    strict: bool

    def check(self, described: ComputerWish, wanted: VariablesWish, *, from_windows: bool) -> None:
        """Refuse options that do not go together.

        Raises:
            click.UsageError: naming them.
        """
        if self.collected and self.resume is None:
            raise click.UsageError("--collected goes with --resume: it goes on with a run that is paused")
        is_new = wanted.has_layers or described.is_new or from_windows
        if self.resume is not None and (is_new or self.state_file):
            raise click.UsageError(
                "--resume goes with no --state, --size, --firmware, --from-windows and files of variables: the state "
                "has them"
            )
        if self.resume is None and not described.disks:
            raise click.UsageError("say on which disks it runs, such as --disk 0=disk.img")

    def refuse_needed_files(self, inputs: Iterable[Path | None]) -> None:
        """Refuse to write the log or the state over what the run needs; see ``cli/sequence/state.py``."""
        refuse_needed_files(self.log_file, self.state_file, self.resume, inputs)


conduct = params.gathered(
    "conduct",
    ConductWish,
    click.option(
        "--log", "log_file", type=values.ANY_PATH, metavar="FILE", help="Write a log for CMTrace, or go on with it."
    ),
    click.option(
        "--state",
        "state_file",
        type=values.ANY_PATH,
        metavar="FILE",
        help="Keep the state here while it runs.  Default: in a state folder.",
    ),
    click.option("--resume", type=values.EXISTING, metavar="STATE", help="Go on with a run that stopped or is paused."),
    click.option(
        "--collected",
        is_flag=True,
        help="With --resume: the new Windows, for which the run is paused, was started and shut down; what became of "
        "its first start is read from its disk.",
    ),
    click.option(
        "--dry-run", "-n", is_flag=True, help="Show what would run, what not and why, and what would be lost."
    ),
    click.option(
        "--leave-out",
        "left_out",
        multiple=True,
        metavar="STEP|TYPE|CLASS",
        help="Leave out a step, by its number or name, steps of a type, or those that cannot be run here of a class: "
        "windows (only a running Windows can), site (needs a ConfigMgr site), unknown.  Repeatable.",
    ),
    click.option(
        "--strict",
        is_flag=True,
        help="Refuse steps that would be left out by --leave-out too, and a disk controller of --drivers-for for which "
        "no step brings a driver.",
    ),
)

question = params.gathered(
    "asked",
    Question,
    click.option(
        "--actions",
        is_flag=True,
        help="List the steps that run, and those that cannot be run here with their class; then end.",
    ),
    click.option(
        "--explain",
        metavar="STEP|yaml|answers",
        help="Show where and how a step is run and its variables, such as 'Apply Data Image', or the grammar of a "
        "sequence in YAML, or that of --answers; then end.",
    ),
)

variables = params.gathered(
    "wanted",
    VariablesWish,
    click.option(
        "--var",
        "variables",
        multiple=True,
        metavar="NAME=VALUE",
        callback=disk_params.split_variable,
        help="One variable, as Set Task Sequence Variable sets it, or with _ first, as the engine does.  Repeatable.",
    ),
    click.option("--vars", "vars_file", type=values.EXISTING, metavar="FILE", help=f"The same from a file: {_FORM}."),
    click.option("--computer-vars", type=values.EXISTING, metavar="FILE", help="Per-computer variables."),
    click.option(
        "--collection-vars",
        multiple=True,
        metavar="[PRECEDENCE=]FILE",
        help="Per-collection variables; precedence 1 (lowest, default) to 9.  Repeatable.",
    ),
    click.option(
        "--media-vars",
        type=values.EXISTING,
        metavar="FILE",
        help="Variables of stand-alone media; those of the computer and its collections are then not used.",
    ),
    click.option(
        "--hide", "hidden", multiple=True, metavar="NAME", help="Mask the value of this variable.  Repeatable."
    ),
)
