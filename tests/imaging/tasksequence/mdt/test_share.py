"""The deployment share of MDT: its lists, its address, and what of it is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from osdimage.imaging.errors import InvalidInput, InvalidRequest, Means
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.mdt.share import DeploymentShare, enter_share, needed_item, needed_share, share_of

# The shape of Control/OperatingSystems.xml and Control/Settings.xml of ArthurJDurand/MDT-TS-and-Scripts.
SETTINGS = "<Settings><UNCPath>\\\\SERVER\\DeploymentShare$</UNCPath><PhysicalPath>C:\\D</PhysicalPath></Settings>"
APPLICATIONS = """<applications>
<application guid="{a1}" enable="True"><Name>7-Zip</Name><CommandLine> 7z.exe /S </CommandLine>
<Dependency>{b2}</Dependency><Dependency>{c3}</Dependency><Dependency/></application>
<application guid="{b2}" enable="False"><Name>Off</Name></application>
<something/>
</applications>"""


def share(folder: Path, **lists: str) -> Path:
    control = folder / "control"
    control.mkdir(parents=True)
    for name, text in lists.items():
        (control / f"{name}.xml").write_text(text)
    return folder


def machine_with(folder: Path) -> Machine:
    return Machine(supplies=Supplies(deployment_share=folder))


def test_an_item_of_a_list_has_facts(tmp_path: Path) -> None:
    found = DeploymentShare(share(tmp_path, Applications=APPLICATIONS)).item("Applications.xml", " {A1} ")
    assert found is not None
    assert (found.called, found.fact("CommandLine"), found.fact("Reboot")) == ("'7-Zip' ({a1})", "7z.exe /S", "")
    assert found.facts("Dependency") == ("{b2}", "{c3}")


def test_what_is_disabled_or_missing_is_told_with_what_is_there(tmp_path: Path) -> None:
    machine = machine_with(share(tmp_path, Applications=APPLICATIONS))
    with pytest.raises(InvalidRequest, match=r"the application '\{b2\}' is not in Applications.xml of .* '7-Zip'"):
        needed_item(machine, "Applications.xml", "{b2}", "the application")
    with pytest.raises(InvalidRequest, match="there are: none"):
        needed_item(machine, "Packages.xml", "{b2}", "the package")
    with pytest.raises(InvalidRequest, match="none was given") as caught:
        needed_share(Machine(), "it")
    assert caught.value.remedy is not None
    assert caught.value.remedy.means == (Means.DEPLOYMENT_SHARE,)
    with pytest.raises(InvalidRequest, match="no deployment share"):
        share_of(machine_with(tmp_path / "nothing"))


def test_a_list_that_is_no_xml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not well-formed"):
        list(DeploymentShare(share(tmp_path, Packages="<packages>")).items("Packages.xml"))


def test_no_path_leads_out_of_the_share(tmp_path: Path) -> None:
    found = DeploymentShare(share(tmp_path / "share"))
    (tmp_path / "secret").mkdir()
    (found.root / "Out").symlink_to(tmp_path / "secret")
    (found.root / "In").mkdir()
    assert found.find(".\\in") == found.root / "In"
    for text in ("..\\secret", "Out", "In\\..\\..\\secret", "", "x" * 300):
        assert found.find(text) is None
        with pytest.raises(InvalidRequest, match="is not in the deployment share"):
            found.path(text, of="x")


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        pytest.param(SETTINGS, r"\\SERVER\DeploymentShare$", id="told"),
        pytest.param("<Settings><UNCPath/></Settings>", r"\\osdimage\DeploymentShare$", id="empty"),
        pytest.param("<Settings><UNCPath>C:\\x</UNCPath></Settings>", r"\\osdimage\DeploymentShare$", id="no-address"),
        pytest.param(None, r"\\osdimage\DeploymentShare$", id="missing"),
    ],
)
def test_the_address_of_the_share_stands_for_its_folder(tmp_path: Path, settings: str | None, address: str) -> None:
    folder = share(tmp_path, **({} if settings is None else {"Settings": settings}))
    (folder / "Scripts").mkdir()
    machine, env = machine_with(folder), Environment()
    enter_share(env, machine)
    assert (env["DeployRoot"], env["SCRIPTROOT"]) == (address, address + r"\Scripts")
    assert machine.outside_path(env["SCRIPTROOT"]) == folder / "Scripts"


def test_an_address_that_the_caller_gave_stands_for_the_share_too(tmp_path: Path) -> None:
    machine, env = machine_with(share(tmp_path, Settings=SETTINGS)), Environment(computer={"DeployRoot": r"\\NYC\x$"})
    enter_share(env, machine)
    assert (env["DeployRoot"], machine.shares) == (r"\\NYC\x$", {r"\\NYC\x$": tmp_path})
