"""What the options of ``osdimage run`` give: the computer and its variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click
from osdimage.cli.numbered import Pairs, Sizes, numbered_disks, present, size_of
from osdimage.cli.suffix import refuse_other_than_raw

if TYPE_CHECKING:
    from osdimage.imaging.disk.opening import Opening
    from osdimage.imaging.tasksequence.computer.machine import Machine
    from osdimage.imaging.tasksequence.environment import Environment
    from osdimage.imaging.tasksequence.forms.answers import Answers
    from osdimage.imaging.tasksequence.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Computer:
    """The computer that the options describe.

    Attributes:
        disks: by their numbers.
        packages: by their IDs.
        shares: folders by the shares that they stand for.
        firmware: how it starts, or None.
        new: the sizes in bytes of the disks that are made where they do not exist.
        opening: how its disks are opened.
        answers: what is given in place of a site, of a share and of a Windows that runs.
        devices: what tells its devices.
        catalog: the file of the catalog of drivers, or None for the usual one.
        driver_packages: addresses in that catalog, by the IDs of the packages that they stand for.
        allows_modified: whether drivers are taken that are not as they were signed.
    """

    disks: dict[int, Path]
    packages: dict[str, Path]
    shares: dict[str, Path]
    firmware: str | None
    new: dict[int, int]
    opening: Opening
    answers: Answers
    devices: tuple[str, ...] = ()
    catalog: Path | None = None
    driver_packages: dict[str, str] = field(default_factory=dict)
    allows_modified: bool = False

    @classmethod
    def of_options(
        cls,
        disks: Pairs,
        packages: Pairs,
        shares: Pairs,
        firmware: str | None,
        *,
        opening: Opening,
        answers: Answers,
        sizes: Sizes = (),
        devices: tuple[str, ...] = (),
        catalog: Path | None = None,
        allows_modified: bool = False,
    ) -> Computer:
        """Read the options; every path must be there, but those of disks that have a size.

        Raises:
            click.UsageError: when a number or a path is not valid, or two disks are one file.
        """
        from osdimage.imaging.drivers.store.addresses import is_address  # noqa: PLC0415 - start-up stays cheap

        found = numbered_disks(disks, sizes)
        return cls(
            found,
            {name: present("--package", name, path) for name, path in packages if not is_address(path)},
            {name: present("--share", name, path) for name, path in shares},
            firmware,
            {each: size for each in found if (size := size_of(sizes, each)) is not None},
            opening,
            answers,
            devices,
            catalog,
            {name: path for name, path in packages if is_address(path)},
            allows_modified,
        )

    def machine(self, sequence: Sequence, *, hold: bool) -> Machine:
        """Return the machine as a sequence finds it; with ``hold`` its disks are held until it is closed.

        Raises:
            InvalidRequest: when what is given names a step that the sequence does not have.
        """
        from osdimage.imaging.tasksequence.computer.machine import Firmware, Machine  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.tasksequence.computer.supplies import FirstBoot, Supplies  # noqa: PLC0415
        from osdimage.imaging.tasksequence.phases import Phase  # noqa: PLC0415

        given = self.answers
        supplies = given.over(Supplies(), sequence)
        firmware = Firmware(self.firmware or Firmware.UEFI)
        machine = Machine.start(
            self.disks,
            packages=self.packages,
            shares=self.shares,
            devices=self.devices,
            firmware=firmware,
            opening=self.opening,
            hold=hold,
        )
        machine.supplies = supplies
        machine.at_first_start = given.first_boot is FirstBoot.SETUP
        if given.from_windows:
            machine.phase = Phase.OLD
        machine.allows_modified = self.allows_modified
        machine.catalog = None if self.catalog is None else self.catalog.absolute()
        machine.driver_packages = dict(self.driver_packages)
        return machine

    def move(self, machine: Machine, sequence: Sequence) -> None:
        """Put the paths that were given in place of those that a saved machine had, before its disks are opened.

        What may be lost on them is what is allowed now.

        Raises:
            InvalidRequest: as :meth:`machine`.
        """
        from osdimage.imaging.tasksequence.computer.supplies import FirstBoot  # noqa: PLC0415 - start-up stays cheap

        allowed = self.opening
        machine.opening = replace(machine.opening, discards_journal=allowed.discards_journal, told=allowed.told)
        machine.disks.update(self.disks)
        machine.packages.update(self.packages)
        machine.shares.update(self.shares)
        machine.devices = self.devices or machine.devices
        machine.catalog = self.catalog or machine.catalog
        machine.driver_packages.update(self.driver_packages)
        machine.allows_modified |= self.allows_modified
        machine.supplies = self.answers.over(machine.supplies, sequence)
        if self.answers.first_boot is not None:
            machine.at_first_start = self.answers.first_boot is FirstBoot.SETUP


class NewDisks:
    """Makes the disk images that do not exist; use it as a context manager.

    They are removed again, unless :meth:`keep` says that the run begins: a plan leaves nothing behind.
    """

    def __init__(self, computer: Computer) -> None:
        """Prepare; a disk without a size is not made."""
        self._sizes = {computer.disks[number]: size for number, size in computer.new.items()}
        self._opening = computer.opening
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        """Make the images, sparse.

        Raises:
            TargetRefused: when one exists that has another size, or its file system does not hold a file of this size.
            StorageError: when one cannot be made.
        """
        try:
            for path, size in self._sizes.items():
                self._provide(path, size)
        except BaseException:
            self._remove()
            raise
        return self

    def _provide(self, path: Path, size: int) -> None:
        from osdimage.imaging.disk.device import open_target  # noqa: PLC0415 - start-up stays cheap
        from osdimage.imaging.disk.image import create_image  # noqa: PLC0415
        from osdimage.imaging.errors import TargetRefused  # noqa: PLC0415

        if not path.exists():
            refuse_other_than_raw(path)
            create_image(str(path), size, sector_size=self._opening.sector_size or 512).close()
            self._made.append(path)
            return
        with open_target(str(path), opening=self._opening) as target:
            if target.geometry.size_bytes != size:
                raise TargetRefused(f"{path} exists and has {target.geometry.size_bytes} bytes, not {size}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was made and is not kept."""
        self._remove()

    def keep(self) -> None:
        """Leave the images where they are."""
        self._made.clear()

    def _remove(self) -> None:
        for path in self._made:
            path.unlink(missing_ok=True)


def layers(
    *,
    computer: Path | None,
    collections: Iterable[str],
    media: Mapping[str, str] | None,
    sequence: Mapping[str, str],
    hidden: Iterable[str],
) -> Environment:
    """Make the environment of the files of variables, and of those of the media and of the sequence.

    Raises:
        click.UsageError: when a precedence is none, or a file is not there.
        InvalidRequest: when a variable breaks the rules.
    """
    from osdimage.imaging.tasksequence.environment import Environment  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.layers import CollectionVariables  # noqa: PLC0415

    made = []
    for text in collections:
        number, equals, name = text.partition("=")
        is_numbered = bool(equals) and number.isascii() and number.isdigit() and len(number) == 1
        path = Path(name if is_numbered else text)
        if not path.is_file():
            raise click.UsageError(f"--collection-vars {text}: {path} is no file")
        made.append(CollectionVariables(read_variables(path), int(number) if is_numbered else 1))
    return Environment(
        computer=None if computer is None else read_variables(computer),
        collections=made,
        media=media,
        sequence=sequence,
        hidden=hidden,
    )


def read_variables(path: Path) -> dict[str, str]:
    """Read a file of variables."""
    from osdimage.imaging.disk.layouts.variables import load_variables  # noqa: PLC0415 - start-up stays cheap

    return load_variables(path)


def set_variables(env: Environment, variables: Mapping[str, str]) -> None:
    """Set what the user gives: whoever runs the sequence may also say what the engine would.

    Raises:
        InvalidRequest: when a variable breaks the rules.
    """
    for name, value in variables.items():
        if name.startswith("_"):
            env.set_read_only(name, value)
        else:
            env[name] = value
