"""Options that give what a site, a deployment share, or a Windows that runs would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, values
from osdimage.cli.numbered import Pairs, pairs, present

if TYPE_CHECKING:
    from osdimage.imaging.tasksequence.forms.answers import Answers
    from osdimage.imaging.tasksequence.sequence import Sequence

_Split = Callable[[click.Context, click.Parameter, tuple[str, ...]], Pairs]


@dataclass(frozen=True, slots=True)
class SuppliesWish:
    """What the options of ``supplies`` say, which are passed as ``supplied``."""

    first_boot: str | None
    from_windows: bool
    facts: tuple[str, ...]
    rules: Path | None
    deployment_share: Path | None
    programs: Pairs
    applications: Pairs
    application_packages: Pairs
    updates: Path | None
    replaced: Pairs
    without_client: bool
    secrets_on_disk: bool
    sequences: Pairs
    answers_file: Path | None

    def files(self, answers: Answers) -> tuple[Path | None, ...]:
        """Return the files that are read, of answers that :meth:`answers` returned."""
        paths = (*answers.facts, *answers.packages.values(), *answers.sequences.values())
        return self.answers_file, answers.rules, *map(Path, paths)

    @property
    def words(self) -> tuple[str, ...]:
        """What said on the command line which sequences are run besides, as it has to be said again to go on."""
        of_file = () if self.answers_file is None else ("--answers", str(self.answers_file))
        return (*of_file, *(word for name, path in self.sequences for word in ("--sequence", f"{name}={path}")))

    def answers(self) -> Answers:
        """Return what the file of answers gives, and what the options do over that.

        Raises:
            StorageError, InvalidInput: when the file cannot be read, or is none.
        """
        from osdimage.imaging.tasksequence.computer.supplies import FirstBoot  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.tasksequence.forms.answers import Answers, load_answers  # noqa: PLC0415

        of_file = Answers() if self.answers_file is None else load_answers(self.answers_file)
        of_options = Answers(
            first_boot=None if self.first_boot is None else FirstBoot(self.first_boot),
            from_windows=self.from_windows,
            facts=self.facts,
            rules=self.rules,
            deployment_share=self.deployment_share,
            programs=dict(self.programs),
            applications=dict(self.applications),
            application_packages=dict(self.application_packages),
            updates=self.updates,
            sequences=dict(self.sequences),
            replaced=self.replaced,
            without_client=self.without_client,
            secrets_on_disk=self.secrets_on_disk,
        )
        return of_file.and_also(of_options)


@dataclass(frozen=True, slots=True)
class SiteWish:
    """What the options of ``site`` say, which are passed as ``supplied``: what a site would tell, and media carry."""

    answers_file: Path | None
    first_boot: str | None
    programs: Pairs
    applications: Pairs
    application_packages: Pairs
    replaced: Pairs
    without_client: bool

    def answers(self) -> Answers:
        """Return what the file of answers gives, and what the options do over that.

        Raises:
            StorageError, InvalidInput: when the file cannot be read, or is none.
        """
        from osdimage.imaging.tasksequence.computer.supplies import FirstBoot  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.tasksequence.forms.answers import Answers, load_answers  # noqa: PLC0415

        of_file = Answers() if self.answers_file is None else load_answers(self.answers_file)
        of_options = Answers(
            first_boot=None if self.first_boot is None else FirstBoot(self.first_boot),
            programs=dict(self.programs),
            applications=dict(self.applications),
            application_packages=dict(self.application_packages),
            replaced=self.replaced,
            without_client=self.without_client,
        )
        return of_file.and_also(of_options)


def family(sequence: Sequence, answers: Answers) -> Sequence:
    """Return a sequence with those that its steps run.

    Raises:
        click.UsageError: when the file of a child is not there.
        StorageError, InvalidInput, InvalidRequest: when one is not valid, or run by no step.
    """
    from osdimage.imaging.tasksequence.forms.children import with_children  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.forms.xml import load_sequence  # noqa: PLC0415

    files = {name: present("--sequence", name, path) for name, path in answers.sequences.items()}
    return with_children(sequence, {name: load_sequence(path) for name, path in files.items()})


def commands(expected: str) -> _Split:
    """Return a callback that splits NAME=COMMAND; a name stands there once, as it is written."""

    def split(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> Pairs:
        found: dict[str, str] = {}
        for number, value in enumerate(given, 1):
            name, _, command = (part.strip() for part in value.partition("="))
            if not (name and command):
                # What was given is not shown: a password may be in the command.
                raise click.BadParameter(f"value {number} is not {expected}", ctx, param)
            if name in found:
                raise click.BadParameter(f"{name} is given twice", ctx, param)
            found[name] = command
        return tuple(found.items())

    return split


_ANSWERS = click.option(
    "--answers",
    "answers_file",
    type=values.EXISTING,
    metavar="FILE",
    help="Take what the options below give, and --package, --share and --leave-out, from a file in YAML, which "
    "--explain answers shows; what is given here as well counts.",
)
_FIRST_BOOT = click.option(
    "--first-boot",
    type=click.Choice(["setup", "logon", "none"]),
    help="What starts the steps that only the new Windows can carry out: its setup, by SetupComplete.cmd, or in an "
    "image that is not generalized SYSTEM\\Setup; the first logon of an administrator; or nothing, which refuses "
    "them.  Where setup is given, drivers are installed there too, not in the pass specialize.  [default: setup]",
)
_PROGRAM = click.option(
    "--program",
    "programs",
    multiple=True,
    metavar="ID:NAME=COMMAND",
    callback=commands("ID:NAME=COMMAND, such as 'ABC00001:Install=setup.exe /quiet'"),
    help="The command line of a program of a package, which only a site knows.  Repeatable.",
)
_APPLICATION = click.option(
    "--application",
    "applications",
    multiple=True,
    metavar="NAME=COMMAND",
    callback=commands("NAME=COMMAND, such as 'Viewer=setup.exe /quiet'"),
    help="The command line that installs an application, by its name or id.  Repeatable.",
)
_APPLICATION_PACKAGE = click.option(
    "--application-package",
    "application_packages",
    multiple=True,
    metavar="NAME=ID",
    callback=commands("NAME=ID, such as Viewer=ABC00001"),
    help="The package, one of --package, that has the files which that command line needs.  Repeatable.",
)
_REPLACE = click.option(
    "--replace",
    "replaced",
    multiple=True,
    metavar="STEP=COMMAND",
    callback=commands("STEP=COMMAND, such as '7=cmd /c install.cmd'"),
    help="Let the first start of Windows run this command line in the place of a step, by its number or name.  "
    "Repeatable.",
)
_WITHOUT_CLIENT = click.option(
    "--without-client",
    is_flag=True,
    help="Let Setup Windows and ConfigMgr prepare Windows alone, without the client of ConfigMgr.",
)
supplies = params.gathered(
    "supplied",
    SuppliesWish,
    _ANSWERS,
    _FIRST_BOOT,
    click.option(
        "--from-windows",
        is_flag=True,
        help="Begin in the Windows that is on the disk, whose settings are read there, and not in Windows PE.",
    ),
    click.option(
        "--facts",
        multiple=True,
        metavar="FILE|NAME",
        help="What tells the computer, for conditions and checks: a file that `osdimage facts` prints, the text of "
        "dmidecode, a listing of WMI, `host` for this computer, or `qemu`, `vmware`, `hyper-v` or `virtualbox`.  The "
        "last one counts.  Repeatable.",
    ),
    click.option(
        "--deployment-share",
        type=values.FOLDER,
        metavar="DIR",
        help="The folder of a deployment share of MDT, with its rules, applications and operating systems.",
    ),
    click.option(
        "--rules",
        type=values.EXISTING,
        metavar="FILE",
        help="The rules that Gather processes, in the place of CustomSettings.ini of the deployment share.",
    ),
    _PROGRAM,
    _APPLICATION,
    _APPLICATION_PACKAGE,
    click.option(
        "--updates",
        type=values.FOLDER,
        metavar="DIR",
        help="Updates of Windows (.msu, .cab), which Install Software Updates installs.",
    ),
    _REPLACE,
    click.option(
        "--sequence",
        "sequences",
        multiple=True,
        metavar="ID=FILE",
        callback=pairs("ID=FILE, such as ABC00001=child.xml"),
        help="A task sequence that a step runs; its steps take the place of that one: those of step 12 are 12.1, 12.2 "
        "...  Repeatable.",
    ),
    _WITHOUT_CLIENT,
    click.option(
        "--secrets-on-disk",
        is_flag=True,
        help="Let steps of the first start have passwords, WHICH ARE ON THE DISK IN CLEAR TEXT until those have ended.",
    ),
)
site = params.gathered(
    "supplied",
    SiteWish,
    _ANSWERS,
    _FIRST_BOOT,
    _PROGRAM,
    _APPLICATION,
    _APPLICATION_PACKAGE,
    _REPLACE,
    _WITHOUT_CLIENT,
)
