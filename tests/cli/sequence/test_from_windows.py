"""``osdimage run --from-windows``: what is captured of the Windows on a disk is shown before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.old_windows import disk_with
from cases.settings_of_windows import TEN, tree_of
from runs.commands import osdimage

SEQUENCE = """\
name: Old settings
steps:
  - {step: Windows, type: Capture Windows Settings, runIn: FullOS}
  - {step: Network, type: Capture Network Settings, runIn: FullOS}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    disk_with(folder / "disk.img", tree_of(TEN))
    (folder / "sequence.yaml").write_text(SEQUENCE)
    return folder


@pytest.fixture(autouse=True)
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def test_the_plan_shows_each_value_and_hides_what_is_to_be_hidden() -> None:
    given = ("run", "sequence.yaml", "--disk", "0=disk.img", "--from-windows", "--hide", "OSDComputerName", "--dry-run")
    lines = [each.strip() for each in osdimage(*given).out.splitlines()]
    assert "+ 1. Windows: capture settings of Windows 10.0.17763 amd64 workstation on disk.img partition 1" in lines
    assert {"OSDComputerName=***", "OSDTimeZone=Pacific Standard Time"} <= set(lines)
    assert {"OSDAdapter0IPAddressList=192.168.146.9", "OSDAdapter0MacAddress=000C29F3FFDE"} <= set(lines)


def test_a_run_says_what_it_has_captured() -> None:
    report = osdimage("run", "sequence.yaml", "--disk", "0=disk.img", "--from-windows", "--yes", "--json").document
    assert report["end"] == "succeeded"
    assert "OSDComputerName, OSDRegisteredUserName, OSDTimeZone" in report["steps"][0]["message"]


def test_in_windows_pe_the_option_is_named() -> None:
    done = osdimage("run", "sequence.yaml", "--disk", "0=disk.img", "--dry-run", code=3)
    assert "to begin in that Windows, give --from-windows" in done.out + done.err
