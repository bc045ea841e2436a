"""Capture Windows Settings and Capture Network Settings: from a Windows on a disk into the answer file of another.

Its hives are made by hivexregedit, and what comes of them is read by Python's own readers of XML and of INI files.
"""

from __future__ import annotations

import configparser
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from cases.offline_windows import WINDOWS_7, WINDOWS_10, WINDOWS_XP, Made, Tree, make_tree
from cases.old_windows import machine_with
from cases.sequence import Log, run, stamp
from cases.settings_of_windows import (
    CARD,
    DOMAIN,
    ONE,
    OWNER,
    SEVEN,
    TEN,
    TWO,
    VERSION,
    WORKGROUP,
    XP,
    ZONES_XP,
    Keys,
    merged_by_hivex,
    number,
    text,
    tree_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from judges.disk import partition_of
from judges.wim import output
from osdimage.imaging.answers.settings import Adapter, NetworkSettings
from osdimage.imaging.errors import ActionFailed, Means
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.tasksequence.capturing.capture_network import (
    capture_network_settings,
    forecast_capture_network_settings,
)
from osdimage.imaging.tasksequence.capturing.capture_windows import (
    capture_windows_settings,
    forecast_capture_windows_settings,
)
from osdimage.imaging.tasksequence.capturing.network import network_of, network_variables
from osdimage.imaging.tasksequence.capturing.storing import store
from osdimage.imaging.tasksequence.capturing.told_macs import told_macs
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.old_windows import opened_old_windows
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.computer import ComputerFacts
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.layers import Origin
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.result import LogType, RunIn
from osdimage.imaging.tasksequence.runner import run_sequence
from osdimage.imaging.tasksequence.steps.apply_network import apply_network_settings, forecast_apply_network_settings
from osdimage.imaging.tasksequence.steps.apply_windows import apply_windows_settings

pytestmark = pytest.mark.foreign

E_INVALIDARG, INVALID_DATA = 0x80070057, 0x8007000D
U = "{urn:schemas-microsoft-com:unattend}"


def foreign_tree(folder: Path, made: Made, system: Keys, software: Keys, membership: Keys) -> Tree:
    """Return the files of a Windows whose settings hivexregedit has put into its hives."""
    tree, config = make_tree(made), f"{made.folder}/System32/config"
    for name, keys, below in (
        ("SYSTEM", system, "ControlSet001"),
        ("SOFTWARE", software, ""),
        ("SECURITY", membership, ""),
    ):
        hive = tree.get(f"{config}/{name}", write_hive(new_hive(name)))
        tree[f"{config}/{name}"] = merged_by_hivex(hive, name, keys, folder, below)
    return tree


def computer_with(folder: Path, tree: Tree, target: tuple[int, int] = (10, 0)) -> Machine:
    """Return a computer with a Windows, and with a volume into which another was applied."""
    machine = machine_with(folder / "disk.img", tree, {"data": b""})
    machine.phase = Phase.OLD
    machine.mark_used(Place(0, 2))
    machine.system = TargetSystem(Place(0, 2), WindowsFacts(*target, "x64", "Windows"))
    return machine


def answers(machine: Machine, path: str) -> str:
    disk = machine.disk(0)
    return output("ntfscat", partition_of(disk, 2, disk.with_name("volume.ntfs")), path)


# What a wizard writes into the steps that follow.
WINDOWS = {
    "OSDComputerName": "%_SMSTSMachineName%",
    "OSDRegisteredUserName": "Somebody",
    "OSDRegisteredOrgName": "Some organization",
    "OSDTimeZone": "GMT Standard Time",
}
NETWORK = {"OSDNetworkJoinType": "1", "OSDWorkgroupName": "ELSEWHERE", "OSDAdapterCount": "0"}


def test_windows_10_is_captured_into_the_answer_file_of_the_next(tmp_path: Path) -> None:
    machine = computer_with(tmp_path, foreign_tree(tmp_path, WINDOWS_10, TEN, OWNER, WORKGROUP))
    env, log = Environment(sequence={"OSDAdapterCount": "0"}), Log()
    windows = run(capture_windows_settings, env, machine, log=log)
    assert windows.outputs == ("OSDComputerName", "OSDRegisteredUserName", "OSDTimeZone")
    assert (LogType.INFO, "OSDRegisteredUserName=Jörg Ä.") in log.lines
    network = run(capture_network_settings, env, machine, log=log)
    assert network.outputs[:2] == ("OSDNetworkJoinType", "OSDWorkgroupName")
    assert network.warnings == ()
    assert env.origin("OSDAdapterCount") is Origin.SET
    run(apply_windows_settings, env, machine, WINDOWS)
    run(apply_network_settings, env, machine, NETWORK)
    document = ET.fromstring(answers(machine, "/Windows/Panther/unattend.xml"))  # noqa: S314 - osdimage wrote it
    found: dict[str, list[str]] = {}
    for each in document.iter():
        if not len(each):
            found.setdefault(each.tag.removeprefix(U), []).append(each.text or "")
    assert found["ComputerName"] == ["WKS-WIN732BITA"]
    # What the old Windows has is captured, and what it has not stays as the step says it.
    assert found["RegisteredOwner"] == ["Jörg Ä."] * 2
    assert found["RegisteredOrganization"] == ["Some organization"] * 2
    assert found["TimeZone"] == ["Pacific Standard Time"] * 2
    assert found["JoinWorkgroup"] == ["WORKGROUP"]
    assert found["DhcpEnabled"] == ["false"]
    # One for each component, and one for the route.
    assert sorted(found["Identifier"]) == ["0", *["00-0C-29-F3-FF-DE"] * 3]
    assert set(found["IpAddress"]) == {"192.168.146.9/22", "192.168.146.2", "192.168.146.3", "192.168.146.5"}
    assert (found["NextHopAddress"], found["Metric"]) == (["192.168.146.2"], ["25"])
    assert found["DNSDomain"] == ["shieldbase.local", "lab.example"]
    assert found["DomainName"] == ["shieldbase.local", "corp.example"]
    assert found["NetbiosOptions"] == ["2"]


def test_windows_xp_is_captured_into_its_own_kind_of_answer_file(tmp_path: Path) -> None:
    tree = foreign_tree(tmp_path, WINDOWS_XP, XP, {**OWNER, **ZONES_XP}, DOMAIN)
    machine, env = computer_with(tmp_path, tree, (5, 1)), Environment()
    run(capture_windows_settings, env, machine)
    warnings = run(capture_network_settings, env, machine).warnings
    assert len(warnings) == 1
    assert "'LAN-Verbindung': its registry does not tell its MAC address" in warnings[0]
    run(apply_windows_settings, env, machine, WINDOWS)
    run(apply_network_settings, env, machine, NETWORK | {"OSDJoinAccount": "join", "OSDJoinPassword": "x"})
    inf = configparser.ConfigParser(strict=False, interpolation=None)
    inf.read_string(answers(machine, "/sysprep/sysprep.inf").encode("utf-8", "surrogateescape").decode("utf-16"))
    plain = {name: {key: value.strip('"') for key, value in inf[name].items()} for name in inf.sections()}
    assert plain["UserData"]["computername"] == "KASSE"
    assert plain["UserData"]["fullname"] == "Jörg Ä."
    # "Time Zone Index Values" (Microsoft): 110 is Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna.
    assert plain["GuiUnattended"]["timezone"] == "110"
    assert plain["Identification"]["joindomain"] == "shieldbase.local"
    told = {key: value for name in plain for key, value in plain[name].items() if "TCPIP" in name.upper()}
    assert (told["ipaddress"], told["subnetmask"], told["defaultgateway"]) == (
        "192.168.5.20",
        "255.255.255.0",
        "192.168.5.1",
    )
    assert told["dnsserversearchorder"] == "192.168.5.2,192.168.5.3"
    assert told["tcpallowedports"] == "80,443"


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return computer_with(tmp_path_factory.mktemp("seven"), tree_of(SEVEN, membership=DOMAIN, made="7"))


def test_a_forecast_tells_what_is_captured_and_later_steps_are_forecast_with_it(seven: Machine) -> None:
    env, rehearsal = Environment(), seven.rehearsal()
    windows = forecast_capture_windows_settings(env, rehearsal)
    assert windows.does == f"capture settings of Windows 6.1.7601 amd64 workstation on {seven.disk(0)} partition 1"
    assert windows.details == (
        "OSDComputerName=WKS-WIN732BITA",
        "OSDRegisteredUserName=Jörg Ä.",
        "OSDTimeZone=Eastern Standard Time",
    )
    network = forecast_capture_network_settings(env, rehearsal)
    assert "OSDDomainName=shieldbase.local" in network.details
    with env.step_defaults(NETWORK):
        problems = forecast_apply_network_settings(env, rehearsal).problems
    # A domain is captured without an account that may join it, and a Windows 7 does not have every MAC address.
    assert "OSDJoinAccount is missing; OSDNetworkJoinType=0 needs it" in problems[0]
    assert "OSDAdapter0MacAddress is missing; by it Windows knows the adapter" in problems[0]
    env["OSDJoinAccount"], env["OSDAdapter0MacAddress"] = "CORP\\joiner", "005056a51269"
    with env.step_defaults(NETWORK):
        assert forecast_apply_network_settings(env, rehearsal).problems == ()


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"OSDMigrateComputerName": "false"}, {"OSDRegisteredUserName", "OSDTimeZone"}),
        ({"OSDMigrateRegistrationInfo": "FALSE"}, {"OSDComputerName", "OSDTimeZone"}),
        ({"OSDMigrateTimeZone": "false"}, {"OSDComputerName", "OSDRegisteredUserName"}),
        (dict.fromkeys(("OSDMigrateComputerName", "OSDMigrateRegistrationInfo", "OSDMigrateTimeZone"), "false"), set()),
    ],
    ids=["no name", "no registration", "no time zone", "nothing"],
)
def test_of_windows_only_what_is_asked_for_is_captured(
    seven: Machine, variables: dict[str, str], names: set[str]
) -> None:
    assert set(run(capture_windows_settings, Environment(), seven, variables).outputs) == names


def test_of_the_network_only_what_is_asked_for_is_captured(seven: Machine) -> None:
    membership = run(capture_network_settings, Environment(), seven, {"OSDMigrateAdapterSettings": "false"})
    assert membership.outputs == ("OSDNetworkJoinType", "OSDDomainName")
    # As "Operating System Deployment in Configuration Manager 2007" prints the name.
    misspelt = run(capture_network_settings, Environment(), seven, {"OSDMigrateAdapatorSettings": "false"})
    assert misspelt.outputs == membership.outputs
    assert misspelt.warnings == (
        "OSDMigrateAdapatorSettings is taken for OSDMigrateAdapterSettings, which it is in later documents",
    )
    adapters = run(capture_network_settings, Environment(), seven, {"OSDMigrateNetworkMembership": "false"})
    assert adapters.outputs[:3] == ("OSDDNSDomain", "OSDDNSSuffixSearchOrder", "OSDAdapterCount")


ADDRESSES = st.lists(st.ip_addresses(v=4).filter(int), max_size=3).map(tuple)
PORTS = st.none() | st.lists(st.integers(0, 255), max_size=3).map(tuple)
TRUTHS = st.none() | st.booleans()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_whatever_an_adapter_has_apply_network_settings_takes(seven: Machine, data: st.DataObject) -> None:
    static = data.draw(st.lists(st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), max_size=3))
    gateways = data.draw(ADDRESSES) if static else ()
    adapter = Adapter(
        mac="00155D010203",
        name=data.draw(st.none() | st.just("LAN")),
        dhcp=not static,
        addresses=tuple(static),
        gateways=gateways,
        gateway_metric=data.draw(st.none() | st.integers(1, 9999)) if gateways else None,
        dns_servers=data.draw(ADDRESSES),
        register_dns=data.draw(TRUTHS),
        register_full=data.draw(TRUTHS),
        netbios=data.draw(st.none() | st.integers(0, 2)),
        wins_servers=data.draw(ADDRESSES),
        lmhosts=data.draw(TRUTHS),
        tcp_ports=data.draw(PORTS),
        udp_ports=data.draw(PORTS),
        protocols=data.draw(PORTS),
    )
    env = Environment()
    store(env, network_variables(NetworkSettings(adapters=(adapter,))))
    with env.step_defaults(NETWORK):
        assert forecast_apply_network_settings(env, seven.rehearsal()).problems == ()


def test_a_controller_of_a_domain_is_captured_as_a_member_which_is_said(tmp_path: Path) -> None:
    control = {r"Control\ProductOptions": {"ProductType": text("LanmanNT")}}
    machine = computer_with(tmp_path, tree_of({**SEVEN, **control}, membership=DOMAIN, made="7"))
    done = run(capture_network_settings, Environment(), machine)
    assert done.outputs[:2] == ("OSDNetworkJoinType", "OSDDomainName")
    assert "is a controller of its domain; the next Windows joins that as a member" in done.warnings[0]


def test_a_text_that_no_variable_can_take_is_not_captured(tmp_path: Path) -> None:
    owner = {VERSION: {"RegisteredOwner": text("a\u202eb"), "RegisteredOrganization": text("%OSDJoinPassword%")}}
    machine = computer_with(tmp_path, tree_of(TEN, owner))
    env = Environment(computer={"OSDJoinPassword": "geheim"})
    done = run(capture_windows_settings, env, machine)
    assert done.outputs == ("OSDComputerName", "OSDTimeZone")
    owner_lost, organization_lost = done.warnings
    assert owner_lost.endswith(r"the registry holds 'a\u202eb', with characters that people do not write")
    assert organization_lost.endswith("holds '%OSDJoinPassword%', in which a variable would be replaced")


@pytest.mark.parametrize(
    ("system", "variables", "code", "said"),
    [
        pytest.param(TEN, {"OSDMigrateTimeZone": "perhaps"}, E_INVALIDARG, "OSDMigrateTimeZone=perhaps", id="variable"),
        pytest.param({}, {"OSDMigrateTimeZone": "false"}, INVALID_DATA, "does not tell the name of the", id="no name"),
        pytest.param({}, {"OSDMigrateComputerName": "false"}, INVALID_DATA, "has no Control", id="no zone"),
        pytest.param(
            {r"Control\ComputerName\ComputerName": {"ComputerName": number(7)}},
            {},
            INVALID_DATA,
            "does not tell the name of the computer",
            id="a name that is none",
        ),
    ],
)
def test_what_is_not_there_is_a_failure(
    tmp_path: Path, system: Keys, variables: dict[str, str], code: int, said: str
) -> None:
    machine, env = computer_with(tmp_path, tree_of(system)), Environment()
    with env.step_defaults(variables):
        assert said in (forecast_capture_windows_settings(env, machine.rehearsal()).problems or ("",))[0]
        with pytest.raises(ActionFailed, match=said) as caught:
            capture_windows_settings(env, machine, Log().events)
    assert caught.value.code == code
    assert list(env) == []


def test_a_windows_that_nobody_can_find_is_one_that_an_earlier_step_may_have_made(tmp_path: Path) -> None:
    machine = machine_with(tmp_path / "disk.img", make_tree(WINDOWS_7))
    machine.mark_used(Place(0, 1))
    hangs = forecast_capture_windows_settings(Environment(), machine.rehearsal()).hangs
    assert hangs is not None
    assert "holds a Windows that was there before" in hangs


# As the sample of an existing image has them.
SAMPLE = sequence(
    "Sample",
    group(
        "Capture",
        step("Windows", "CaptureWindowsSettings", run_in=RunIn.FULL_OS),
        step("Network", "CaptureNetworkSettings", run_in=RunIn.FULL_OS),
        condition=Compare("_SMSTSInWinPE", Operator.EQUALS, "false"),
    ),
    step("Restart", "Reboot", properties={"Target": "WinPE"}),
    step(
        "Later",
        "SetVariable",
        properties={"VariableName": "Name", "VariableValue": "%OSDComputerName%"},
        condition=Compare("_SMSTSInWinPE", Operator.EQUALS, "true"),
    ),
)


def test_a_sequence_that_begins_in_windows_captures_and_goes_on_in_windows_pe(tmp_path: Path) -> None:
    machine, env = machine_with(tmp_path / "disk.img", tree_of(TEN)), Environment()
    machine.phase = Phase.OLD
    plan = plan_sequence(SAMPLE, env, machine)
    assert [each.decision for each in plan.steps] == [Decision.RUN] * 4
    assert plan.problems() == ()
    before = stamp(machine.disk(0))
    report = run_sequence(SAMPLE, env, machine)
    assert report.succeeded
    assert (env["Name"], machine.phase) == ("WKS-WIN732BITA", Phase.PE)
    assert stamp(machine.disk(0)) == before


def test_in_windows_pe_they_are_refused_and_where_to_begin_is_told(tmp_path: Path) -> None:
    machine = machine_with(tmp_path / "disk.img", tree_of(TEN))
    windows, network = (
        plan_sequence(sequence("Sample", each), Environment(), machine).refusal() for each in SAMPLE.steps[:2]
    )
    for error, said in ((windows, "it runs in the installed Windows"), (network, "of the Windows that runs")):
        assert error is not None
        assert said in error.said
        assert error.remedy is not None
        assert Means.FROM_WINDOWS in error.remedy.means
    anywhere = sequence("Sample", step("Windows", "CaptureWindowsSettings"))
    assert plan_sequence(anywhere, Environment(), machine).refusal() is None


def test_mdt_takes_a_computer_that_begins_in_windows_for_one_that_is_refreshed(tmp_path: Path) -> None:
    machine, env = machine_with(tmp_path / "disk.img", tree_of(TEN)), Environment()
    machine.phase = Phase.OLD
    of_mdt = sequence("MDT", step("Gather", "BDD_Gather", {"GatherLocalOnly": "true"}))
    assert run_sequence(of_mdt, env, machine).succeeded
    assert (env["DEPLOYMENTTYPE"], env["PHASE"]) == ("REFRESH", "VALIDATION")
    assert "OSVersion" not in env


def test_mdt_captures_the_adapters_of_a_windows_that_is_refreshed(tmp_path: Path) -> None:
    machine, env = machine_with(tmp_path / "disk.img", tree_of(TEN)), Environment(computer={"PHASE": "STATECAPTURE"})
    machine.phase = Phase.OLD
    of_mdt = sequence(
        "MDT", step("Gather", "BDD_Gather", {"GatherLocalOnly": "true"}), step("Adapters", "ZTINicConfig")
    )
    plan = plan_sequence(of_mdt, env, machine)
    assert "OSDAdapter0MacAddress=000C29F3FFDE" in plan.steps[1].details
    assert run_sequence(of_mdt, env, machine).succeeded
    assert (env["OSDAdapterCount"], env["OSDAdapter0IPAddressList"]) == ("1", "192.168.146.9")
    assert "OSDNetworkJoinType" not in env
    env["PHASE"] = "INSTALL"
    refusal = plan_sequence(of_mdt, env, machine).refusal()
    assert refusal is not None
    assert "it sets up the adapters of the new Windows" in refusal.said


# Win32_NetworkAdapter and Win32_NetworkAdapterConfiguration of the WMI reference: MACAddress, GUID, SettingID.
FACTS = {
    "by the GUID": ({"Win32_NetworkAdapter": [{"GUID": ONE, "MACAddress": "00:50:56:A5:12:69"}]}, 2),
    "by the device": ({"Win32_NetworkAdapter": [{"PNPDeviceID": CARD.lower(), "MACAddress": "005056a51269"}]}, 2),
    "by the connection": (
        {"Win32_NetworkAdapter": [{"NetConnectionID": "Local Area Connection 2", "MACAddress": "00-50-56-A5-12-69"}]},
        2,
    ),
    "by its configuration": (
        {"Win32_NetworkAdapterConfiguration": [{"SettingID": ONE.lower(), "MACAddress": "00:50:56:A5:12:69"}]},
        2,
    ),
    "nothing but an address, of one": ({"Win32_NetworkAdapter": [{"MACAddress": "00:50:56:A5:12:69"}]}, 1),
}


@pytest.mark.parametrize(("classes", "adapters"), FACTS.values(), ids=FACTS)
def test_facts_tell_the_mac_address_of_an_adapter(tmp_path: Path, classes: object, adapters: int) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"format": "osdimage-facts", "version": 1, "classes": {"root\\cimv2": classes}}))
    keys = SEVEN if adapters == 2 else {path: values for path, values in SEVEN.items() if TWO not in path.upper()}
    machine = computer_with(tmp_path, tree_of(keys, made="7"))
    machine.supplies = Supplies(facts=(str(facts),))
    env = Environment()
    warnings = run(capture_network_settings, env, machine).warnings
    assert (env["OSDAdapterCount"], env["OSDAdapter0MacAddress"]) == (str(adapters), "005056A51269")
    assert not [each for each in warnings if "does not tell its MAC address" in each]


def test_facts_that_fit_no_adapter_or_two_tell_nothing(seven: Machine) -> None:
    rehearsal = seven.rehearsal()
    for told in (
        [{"MACAddress": "00:50:56:A5:12:69"}],
        [{"GUID": ONE, "MACAddress": "00:50:56:A5:12:69"}, {"GUID": ONE, "MACAddress": "00:50:56:A5:12:6A"}],
        [{"GUID": ONE, "MACAddress": "(unknown)"}],
    ):
        found = told_macs(ComputerFacts.of({"Win32_NetworkAdapter": told}))
        with opened_old_windows(rehearsal) as (_, windows):
            assert [each.mac for each in network_of(windows, told=found).settings.adapters] == [None, "000C297E7ED3"]
