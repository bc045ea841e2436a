"""Install sections that all name one long section: the work on an INF is bounded, and not on each of its sections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from osdimage.imaging.drivers.inf.inf_file import read_inf
from osdimage.imaging.drivers.offline.boot_driver import boot_models
from osdimage.imaging.drivers.packages import packages_in
from osdimage.imaging.drivers.ranking.match import match_drivers
from osdimage.imaging.drivers.store.offering import offer
from osdimage.imaging.drivers.supplied.opened import open_supply
from osdimage.imaging.drivers.target_os import Architecture, TargetOs
from osdimage.imaging.errors import InvalidInput

AMD64 = TargetOs(10, 0, 22631, Architecture.AMD64)
SECTIONS = 100
HOSTILE = "".join(
    (
        '[Version]\nSignature="$Windows NT$"\nClass=SCSIAdapter\nProvider=x\nDriverVer=01/01/2020,1.0.0.0\n',
        "[Manufacturer]\nm=M,NTamd64\n[M.NTamd64]\n",
        *(f"d=i{number},PCI\\VEN_1234&DEV_{number:04X}\n" for number in range(SECTIONS)),
        *(f"[i{number}]\nAddReg=r\n" for number in range(SECTIONS)),
        "[r]\n",
        "HKR,,v,,x\n" * 200,
    )
)


def enabled(folder: Path) -> str:
    with pytest.raises(InvalidInput) as caught:
        boot_models(read_inf((folder / "x.inf").read_bytes(), name="x.inf"), AMD64)
    return str(caught.value)


def matched(folder: Path) -> str:
    with open_supply(folder) as supply:
        (facts,) = [each.driver for each in match_drivers(packages_in(supply.files), (), AMD64).unused]
    return facts.fault or ""


def offered(folder: Path) -> str:
    with open_supply(folder) as supply:
        return offer(supply, "x.inf").reason or ""


@pytest.mark.parametrize("look", [enabled, matched, offered])
def test_the_install_sections_of_an_inf_are_bounded_together(
    look: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.inf").write_text(HOSTILE)
    monkeypatch.setattr("osdimage.imaging.drivers.inf.inf_text._LINES_OF_WHOLE", 1000)
    assert "sections name others so often that no driver can mean it" in look(tmp_path)
