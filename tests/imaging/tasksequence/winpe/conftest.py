"""A computer with one NTFS volume, for command lines of Windows PE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases.sequence import MBR, MIB, blank_disk, computer, run
from judges.disk import copy_of
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import SILENT
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk
from osdimage.imaging.tasksequence.winpe.command import Outcome
from osdimage.imaging.tasksequence.winpe.recognized import recognize


@pytest.fixture(scope="session")
def partitioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with an MBR and an NTFS volume."""
    disk = blank_disk(tmp_path_factory.mktemp("disk") / "disk.img", 64 * MIB)
    run(partition_disk, Environment(), computer(disk), MBR)
    return disk


@pytest.fixture
def machine(partitioned: Path, tmp_path: Path) -> Machine:
    r"""A computer with that disk, and a folder that stands for ``\\srv\share``."""
    made = computer(copy_of(partitioned, tmp_path / "disk.img"))
    (tmp_path / "share").mkdir()
    made.shares["\\\\srv\\share"] = tmp_path / "share"
    return made


@pytest.fixture
def carry_out(machine: Machine) -> Callable[[str], Outcome]:
    """Carries out a command line on that computer."""
    return lambda line: recognize(line, machine).carry_out(machine, SILENT)
