"""Apply Windows Settings, Apply Network Settings, Join Domain or Workgroup: what comes into the answer file."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from cases.sequence import MBR, MIB, Log, blank_disk, computer, run, stamp
from judges import wim as judges
from judges.disk import partition_of
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.errors import ActionFailed
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.result import Action, LogType
from osdimage.imaging.tasksequence.steps.apply_network import apply_network_settings, forecast_apply_network_settings
from osdimage.imaging.tasksequence.steps.apply_windows import apply_windows_settings, forecast_apply_windows_settings
from osdimage.imaging.tasksequence.steps.join_domain import forecast_join_domain_or_workgroup, join_domain_or_workgroup
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk
from osdimage.imaging.volume.filesystems import open_files

pytestmark = pytest.mark.foreign

E_INVALIDARG, INVALID_DATA = 0x80070057, 0x8007000D
U = "{urn:schemas-microsoft-com:unattend}"

WINDOWS = {
    "OSDComputerName": "PC-1",
    "OSDProductKey": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
    "OSDRegisteredUserName": "Me",
    "OSDRegisteredOrgName": "Org",
    "OSDTimeZone": "W. Europe Standard Time",
    "OSDRandomAdminPassword": "false",
    "OSDLocalAdminPassword": "T0pS3cret!",
}
NETWORK = {
    "OSDNetworkJoinType": "0",
    "OSDDomainName": "corp.example",
    "OSDDomainOUName": "LDAP://OU=My Unit,DC=corp,DC=example",
    "OSDJoinAccount": "CORP\\joiner",
    "OSDJoinPassword": "J0inS3cret!",
    "OSDDNSDomain": "pc.example",
    "OSDDNSSuffixSearchOrder": "corp.example, lab.example",
    "OSDAdapterCount": "1",
    "OSDAdapter0EnableDHCP": "FALSE",
    "OSDAdapter0IPAddressList": "192.168.0.40",
    "OSDAdapter0SubnetMask": "255.255.255.0",
    "OSDAdapter0Gateways": "192.168.0.1",
    "OSDAdapter0DNSServerList": "192.168.0.2,192.168.0.3",
    "OSDAdapter0DNSDomain": "corp.example",
    "OSDAdapter0MacAddress": "00:15:5d:01:02:03",
    "OSDAdapter0EnableDNSRegistration": "true",
    "OSDAdapter0TcpipNetbiosOptions": "2",
    "OSDAdapter0EnableWINS": "true",
    "OSDAdapter0WINSServerList": "192.168.0.4",
}
JOIN = {
    "OSDJoinType": "0",
    "OSDJoinDomainName": "corp.example",
    "OSDJoinDomainOUName": "OU=Unit,DC=corp,DC=example",
    "OSDJoinAccount": "joiner@corp.example",
    "OSDJoinPassword": "J0inS3cret!",
}


def prepared(tmp_path: Path, version: tuple[int, int] = (10, 0)) -> tuple[Path, Machine, Environment]:
    disk = blank_disk(tmp_path / "disk.img", 64 * MIB)
    machine, env = computer(disk), Environment()
    run(partition_disk, env, machine, MBR)
    machine.system = TargetSystem(Place(0, 1), WindowsFacts(*version, "x64", "Windows"))
    return disk, machine, env


def answers(disk: Path, path: str = "/Windows/Panther/unattend.xml") -> str:
    volume = partition_of(disk, 1, disk.with_name("volume.ntfs"))
    judges.assert_ntfs_clean(volume)
    return judges.output("ntfscat", volume, path)


def leaves(document: str) -> dict[str, list[str]]:
    """Return the texts of an answer file by the names of their elements."""
    found: dict[str, list[str]] = {}
    for each in ET.fromstring(document).iter():  # noqa: S314 - osdimage wrote it
        if not len(each):
            found.setdefault(each.tag.removeprefix(U), []).append(each.text or "")
    return found


def fails(action: Action, env: Environment, machine: Machine, variables: dict[str, str]) -> ActionFailed:
    with env.step_defaults(variables), pytest.raises(ActionFailed) as caught:
        action(env, machine, Log().events)
    return caught.value


def test_the_three_steps_write_one_answer_file(tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path)
    log = Log()
    messages = [
        run(apply_windows_settings, env, machine, WINDOWS, log=log).message,
        run(apply_network_settings, env, machine, NETWORK, log=log).message,
        run(join_domain_or_workgroup, env, machine, JOIN, log=log).message,
    ]
    assert messages == [
        "wrote settings of Windows to C:\\Windows\\Panther\\unattend.xml",
        "domain corp.example, 1 adapter: wrote to C:\\Windows\\Panther\\unattend.xml",
        "domain corp.example: wrote to C:\\Windows\\Panther\\unattend.xml",
    ]
    document = answers(disk)
    found = leaves(document)
    assert found["ComputerName"] == ["PC-1"]
    assert found["ProductKey"] == [WINDOWS["OSDProductKey"]]
    assert found["RegisteredOwner"] == ["Me", "Me"]
    assert found["HideEULAPage"] == ["true"]
    assert base64.b64decode(found["Value"][0]).decode("utf-16-le") == "T0pS3cret!AdministratorPassword"
    assert found["Path"] == ["net user Administrator /active:yes"]
    assert found["JoinDomain"] == ["corp.example"]
    # The last step wins.
    assert found["MachineObjectOU"] == ["OU=Unit,DC=corp,DC=example"]
    assert found["Username"] == ["joiner@corp.example"]
    assert found["DNSDomain"] == ["pc.example", "corp.example"]
    assert found["DomainName"] == ["corp.example", "lab.example"]
    assert found["Identifier"].count("00-15-5D-01-02-03") == 3
    assert found["IpAddress"] == ["192.168.0.2", "192.168.0.3", "192.168.0.40/24", "192.168.0.4"]
    assert found["NetbiosOptions"] == ["2"]
    run(join_domain_or_workgroup, env, machine, {"OSDJoinType": "1", "OSDJoinWorkgroupName": "Accounting"})
    again = leaves(answers(disk))
    assert again["JoinWorkgroup"] == ["Accounting"]
    assert "JoinDomain" not in again
    assert again["ComputerName"] == ["PC-1"]


LOCALES = {
    "OSDWindowsSettingsInputLocale": "0407:00000407; 0411:{03B5835F-F03C-411B-9CE2-AA23E1171E36}"
    "{A76C93D9-5523-4E90-AAFA-4DB112F9AC76}",
    "OSDWindowsSettingsSystemLocale": "ja-JP",
    "OSDWindowsSettingsUILanguage": "sr-Latn-RS",
    "OSDWindowsSettingsUILanguageFallback": "en-US",
    "OSDWindowsSettingsUserLocale": "es-ES_tradnl",
}


def test_languages_replace_those_of_the_answer_file(tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path)
    run(apply_windows_settings, env, machine, WINDOWS | {"OSDWindowsSettingsUserLocale": "de-DE"})
    run(apply_windows_settings, env, machine, WINDOWS | LOCALES)
    found = leaves(answers(disk))
    written = LOCALES["OSDWindowsSettingsInputLocale"].replace(" ", "")
    assert found["InputLocale"] == [written, written]
    assert found["SystemLocale"] == ["ja-JP", "ja-JP"]
    assert found["UILanguage"] == ["sr-Latn-RS", "sr-Latn-RS"]
    assert found["UILanguageFallback"] == ["en-US", "en-US"]
    assert found["UserLocale"] == ["es-ES_tradnl", "es-ES_tradnl"]


def test_windows_before_vista_gets_sysprep_inf(tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path, (5, 2))
    log = Log()
    variables = WINDOWS | {"OSDServerLicenseMode": "perserver", "OSDServerLicenseConnectionLimit": "5"}
    run(apply_windows_settings, env, machine, variables, log=log)
    filtering = {
        "OSDEnableTCPIPFiltering": "true",
        "OSDAdapter0EnableTCPFiltering": "true",
        "OSDAdapter0TCPFilterPortList": "80,443",
    }
    run(apply_network_settings, env, machine, NETWORK | filtering, log=log)
    text = answers(disk, "/sysprep/sysprep.inf")
    for line in (
        "ComputerName=PC-1",
        "ProductKey=AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
        "TimeZone=110",
        'AdminPassword="T0pS3cret!"',
        "AutoMode=PerServer",
        "AutoUsers=5",
        "JoinDomain=corp.example",
        'DomainAdmin="CORP\\joiner"',
        'MachineObjectOU="OU=My Unit,DC=corp,DC=example"',
        "IPAddress=192.168.0.40",
        "SubnetMask=255.255.255.0",
        "EnableSecurity=Yes",
        "TcpAllowedPorts=80,443",
    ):
        assert line in text.splitlines()
    assert [text for kind, text in log.lines if kind is LogType.WARNING] == [
        "OSDDNSDomain has no place in sysprep.inf: the computer takes the suffix of its domain"
    ]


def test_a_random_password_is_one_that_nobody_sees(tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path)
    variables = {name: value for name, value in WINDOWS.items() if "Admin" not in name}
    seen = []
    for _ in range(2):
        run(apply_windows_settings, env, machine, variables)
        found = leaves(answers(disk))
        seen.append(base64.b64decode(found["Value"][0]).decode("utf-16-le").removesuffix("AdministratorPassword"))
        assert found["Path"] == ["net user Administrator /active:no"]
        assert env.mask(f"<{seen[-1]}>") == "<***>"
        assert env.mask(f"<{found['Value'][0]}>") == "<***>"
    assert seen[0] != seen[1]
    assert all(len(each) >= 32 for each in seen)


NAMES = {
    "the computer's own": ({"OSDComputerName": ""}, "MACHINE", "MACHINE"),
    "given with a variable": ({"OSDComputerName": "PC-%Number%"}, "MACHINE", "PC-7"),
    "nobody knows it": ({"OSDComputerName": ""}, "", "*"),
    "the editor's default, and nobody knows it": ({"OSDComputerName": "%_SMSTSMachineName%"}, "", "*"),
    "the editor's default": ({"OSDComputerName": "%_smstsMachineName%"}, "MACHINE", "MACHINE"),
    "15 characters": ({"OSDComputerName": "A23456789-12345"}, "", "A23456789-12345"),
}


@pytest.mark.parametrize(("variables", "machine_name", "written"), NAMES.values(), ids=NAMES)
def test_the_computer_gets_its_name(tmp_path: Path, variables: dict[str, str], machine_name: str, written: str) -> None:
    disk, machine, env = prepared(tmp_path)
    env["Number"] = "7"
    env.set_read_only("_SMSTSMachineName", machine_name)
    run(apply_windows_settings, env, machine, WINDOWS | variables)
    assert leaves(answers(disk))["ComputerName"] == [written]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Machine]:
    disk, machine, _ = prepared(tmp_path_factory.mktemp("ready"))
    return disk, machine


LONG = "x" * 256
WRONG_WINDOWS = {
    "name with a variable that is not set": (
        {"OSDComputerName": "PC-%AssetTag%"},
        "not digits alone; %AssetTag% is not set",
    ),
    "name too long with a variable that is not set": (
        {"OSDComputerName": "PC-%TheTagOfTheAsset%"},
        "OSDComputerName has 21 characters; valid are 1 to 15 characters; %TheTagOfTheAsset% is not set",
    ),
    "name of 16": ({"OSDComputerName": "A23456789-123456"}, "OSDComputerName"),
    "name with blank": ({"OSDComputerName": "my pc"}, "OSDComputerName=my pc"),
    "name of digits": ({"OSDComputerName": "12345"}, "OSDComputerName=12345"),
    "name with dot": ({"OSDComputerName": "a.b"}, "OSDComputerName=a.b"),
    "long product key": ({"OSDProductKey": LONG}, "OSDProductKey has 256 characters; valid are 1 to 255"),
    "no user": ({"OSDRegisteredUserName": ""}, "OSDRegisteredUserName is missing"),
    "long user": ({"OSDRegisteredUserName": LONG}, "OSDRegisteredUserName has 256"),
    "no organization": ({"OSDRegisteredOrgName": ""}, "OSDRegisteredOrgName is missing"),
    "long organization": ({"OSDRegisteredOrgName": LONG}, "OSDRegisteredOrgName has 256"),
    "no time zone": ({"OSDTimeZone": ""}, "OSDTimeZone is missing"),
    "unknown time zone": ({"OSDTimeZone": "GMT+1"}, "OSDTimeZone: 'GMT+1' is no time zone"),
    "language in words": ({"OSDWindowsSettingsUILanguage": "German"}, "OSDWindowsSettingsUILanguage=German: valid: a"),
    "keyboard too short": (
        {"OSDWindowsSettingsInputLocale": "en-US;0409:409"},
        "OSDWindowsSettingsInputLocale=en-US;0409:409",
    ),
    "keyboard as a region": ({"OSDWindowsSettingsUserLocale": "0409:00000409"}, "OSDWindowsSettingsUserLocale=0409:"),
    "license mode": ({"OSDServerLicenseMode": "PerDog"}, "OSDServerLicenseMode=PerDog"),
    "no limit": ({"OSDServerLicenseMode": "PerServer"}, "OSDServerLicenseConnectionLimit is missing"),
    "limit of 4": ({"OSDServerLicenseConnectionLimit": "4"}, "5 to 9999"),
    "limit of 10000": ({"OSDServerLicenseConnectionLimit": "10000"}, "5 to 9999"),
    "no boolean": ({"OSDRandomAdminPassword": "no"}, "OSDRandomAdminPassword=no"),
    "no password": ({"OSDLocalAdminPassword": ""}, "OSDLocalAdminPassword is missing"),
    "long password": ({"OSDLocalAdminPassword": LONG}, "OSDLocalAdminPassword has 256"),
}
WRONG_NETWORK = {
    "no type": ({"OSDNetworkJoinType": ""}, "OSDNetworkJoinType is missing"),
    "type 2": ({"OSDNetworkJoinType": "2"}, "OSDNetworkJoinType=2"),
    "no domain": ({"OSDDomainName": ""}, "OSDDomainName is missing"),
    "long domain": ({"OSDDomainName": LONG}, "OSDDomainName has 256"),
    "no domain name": ({"OSDDomainName": "my domain"}, "OSDDomainName=my domain"),
    "no account": ({"OSDJoinAccount": ""}, "OSDJoinAccount is missing"),
    "no path of a unit": ({"OSDDomainOUName": "LDAP://MyOu"}, "OSDDomainOUName=LDAP://MyOu"),
    "no workgroup": ({"OSDNetworkJoinType": "1", "OSDDomainOUName": ""}, "OSDWorkgroupName is missing"),
    "long workgroup": ({"OSDWorkgroupName": "x" * 33}, "OSDWorkgroupName has 33 characters; valid are 1 to 32"),
    "odd workgroup": ({"OSDWorkgroupName": "a:b"}, "OSDWorkgroupName=a:b"),
    "unit of a workgroup": ({"OSDNetworkJoinType": "1", "OSDWorkgroupName": "W"}, "a workgroup has no units"),
    "dns domain": ({"OSDDNSDomain": "a b"}, "OSDDNSDomain=a b"),
    "suffixes": ({"OSDDNSSuffixSearchOrder": "a.b, c d"}, "OSDDNSSuffixSearchOrder="),
    "filtering": ({"OSDEnableTCPIPFiltering": "on"}, "OSDEnableTCPIPFiltering=on"),
    "count": ({"OSDAdapterCount": "65"}, "0 to 64"),
    "count as text": ({"OSDAdapterCount": "one"}, "OSDAdapterCount=one"),
    "element missing": ({"OSDAdapterCount": "2"}, "OSDAdapter1EnableDHCP is missing"),
    "dhcp": ({"OSDAdapter0EnableDHCP": "0"}, "OSDAdapter0EnableDHCP=0"),
    "no address": ({"OSDAdapter0IPAddressList": ""}, "OSDAdapter0IPAddressList is missing"),
    "address": ({"OSDAdapter0IPAddressList": "192.168.0.400"}, "OSDAdapter0IPAddressList=192.168.0.400"),
    "only a comma": ({"OSDAdapter0IPAddressList": ","}, "OSDAdapter0IPAddressList=,"),
    "no mask": ({"OSDAdapter0SubnetMask": ""}, "OSDAdapter0SubnetMask is missing"),
    "mask with a hole": ({"OSDAdapter0SubnetMask": "255.0.255.0"}, "OSDAdapter0SubnetMask=255.0.255.0"),
    "two masks": ({"OSDAdapter0SubnetMask": "255.0.0.0,255.0.0.0"}, "2 masks for 1 addresses"),
    "gateway": ({"OSDAdapter0Gateways": "router"}, "OSDAdapter0Gateways=router"),
    "metric": ({"OSDAdapter0GatewayCostMetric": "0"}, "OSDAdapter0GatewayCostMetric=0"),
    "dns server": ({"OSDAdapter0DNSServerList": "::1"}, "OSDAdapter0DNSServerList=::1"),
    "dns suffix": ({"OSDAdapter0DNSDomain": "-a"}, "OSDAdapter0DNSDomain=-a"),
    "other spelling": ({"OSDAdapter0DNSDomain": "", "OSDAdapter0DNSSuffix": "a..b c"}, "OSDAdapter0DNSSuffix="),
    "registration": ({"OSDAdapter0EnableDNSRegistration": "y"}, "OSDAdapter0EnableDNSRegistration=y"),
    "full registration": ({"OSDAdapter0EnableFullDNSRegistration": "y"}, "OSDAdapter0EnableFullDNSRegistration=y"),
    "protocol": ({"OSDAdapter0IPProtocolFilterList": "256"}, "OSDAdapter0IPProtocolFilterList=256"),
    "protocols": ({"OSDAdapter0EnableIPProtocolFiltering": "x"}, "OSDAdapter0EnableIPProtocolFiltering=x"),
    "port": ({"OSDAdapter0TCPFilterPortList": "80,65536"}, "OSDAdapter0TCPFilterPortList=80,65536"),
    "ports": ({"OSDAdapter0EnableTCPFiltering": "x"}, "OSDAdapter0EnableTCPFiltering=x"),
    "udp port": ({"OSDAdapter0UDPFilterPortList": "http"}, "OSDAdapter0UDPFilterPortList=http"),
    "udp": ({"OSDAdapter0EnableUDPFiltering": "x"}, "OSDAdapter0EnableUDPFiltering=x"),
    "netbios": ({"OSDAdapter0TcpipNetbiosOptions": "3"}, "OSDAdapter0TcpipNetbiosOptions=3"),
    "wins": ({"OSDAdapter0EnableWINS": "x"}, "OSDAdapter0EnableWINS=x"),
    "wins server": ({"OSDAdapter0WINSServerList": "x"}, "OSDAdapter0WINSServerList=x"),
    "lmhosts": ({"OSDAdapter0EnableLMHOSTS": "x"}, "OSDAdapter0EnableLMHOSTS=x"),
    "no mac": ({"OSDAdapter0MacAddress": ""}, "OSDAdapter0MacAddress is missing"),
    "mac": ({"OSDAdapter0MacAddress": "00:15:5d:01:02"}, "OSDAdapter0MacAddress=00:15:5d:01:02"),
    "long name": ({"OSDAdapter0Name": LONG}, "OSDAdapter0Name has 256"),
}
WRONG_JOIN = {
    "no type": ({"OSDJoinType": ""}, "OSDJoinType is missing"),
    "type": ({"OSDJoinType": "domain"}, "OSDJoinType=domain"),
    "no domain": ({"OSDJoinDomainName": ""}, "OSDJoinDomainName is missing"),
    "long domain": ({"OSDJoinDomainName": LONG}, "OSDJoinDomainName has 256"),
    "unit": ({"OSDJoinDomainOUName": "Unit"}, "OSDJoinDomainOUName=Unit"),
    "no account": ({"OSDJoinAccount": ""}, "OSDJoinAccount is missing"),
    "no password": ({"OSDJoinPassword": ""}, "OSDJoinPassword is missing"),
    "no workgroup": ({"OSDJoinType": "1", "OSDJoinDomainOUName": ""}, "OSDJoinWorkgroupName is missing"),
    "long workgroup": ({"OSDJoinWorkgroupName": "x" * 33}, "OSDJoinWorkgroupName has 33"),
    "unit of a workgroup": ({"OSDJoinType": "1", "OSDJoinWorkgroupName": "W"}, "a workgroup has no units"),
    "reboot": ({"OSDJoinSkipReboot": "later"}, "OSDJoinSkipReboot=later"),
}
ACTIONS = {
    "windows": (apply_windows_settings, forecast_apply_windows_settings, WINDOWS, WRONG_WINDOWS),
    "network": (apply_network_settings, forecast_apply_network_settings, NETWORK, WRONG_NETWORK),
    "join": (join_domain_or_workgroup, forecast_join_domain_or_workgroup, JOIN, WRONG_JOIN),
}
ROWS = [
    pytest.param(name, changed, said, id=f"{name}: {case}")
    for name, (_, _, _, cases) in ACTIONS.items()
    for case, (changed, said) in cases.items()
]


@pytest.mark.parametrize(("name", "changed", "said"), ROWS)
def test_a_wrong_variable_is_named_without_secrets_and_nothing_is_written(
    ready: tuple[Path, Machine], name: str, changed: dict[str, str], said: str
) -> None:
    disk, machine = ready
    action, forecast, good, _ = ACTIONS[name]
    before, env = stamp(disk), Environment()
    failed = fails(action, env, machine, good | changed)
    assert failed.code == E_INVALIDARG
    assert said in str(failed)
    assert not re.search(r"S3cret|x{200}|AAAAA-BBBBB", str(failed))
    assert stamp(disk) == before
    with env.step_defaults(good | changed):
        assert forecast(env, machine.rehearsal()).problems == (str(failed),)


@pytest.mark.parametrize("name", ACTIONS)
def test_there_must_be_a_windows_first(tmp_path: Path, name: str) -> None:
    action, forecast, good, _ = ACTIONS[name]
    machine, env = computer(blank_disk(tmp_path / "disk.img", 8 * MIB)), Environment()
    failed = fails(action, env, machine, good)
    assert failed.code == E_INVALIDARG
    assert "Apply Operating System must come before" in str(failed)
    with env.step_defaults(good):
        assert "must come before" in (forecast(env, machine.rehearsal()).hangs or "")


@pytest.mark.parametrize("name", ACTIONS)
def test_a_forecast_of_what_works_has_no_problems(ready: tuple[Path, Machine], name: str) -> None:
    _, machine = ready
    _, forecast, good, _ = ACTIONS[name]
    env = Environment()
    with env.step_defaults(good):
        found = forecast(env, machine.rehearsal())
    assert found.problems == found.destroys == ()
    assert found.does.startswith("write ")


def test_a_damaged_answer_file_is_left_as_it_is(tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path)
    with open_volume(disk, 1, write=True) as volume, open_files(volume, write=True) as files:
        files.write("Windows/Panther/unattend.xml", b"<unattend><secret>T0pS3cret!</secret")
    before = stamp(disk)
    failed = fails(apply_windows_settings, env, machine, WINDOWS)
    assert failed.code == INVALID_DATA
    assert "S3cret" not in str(failed)
    assert stamp(disk) == before


# Task Sequence Action Variables, of these three: "This value is set by the Apply Network Settings action, but it
# remains in the environment and is available to all subsequent task sequence actions."
def test_three_settings_of_the_network_remain_for_all_later_steps(tmp_path: Path) -> None:
    _, machine, env = prepared(tmp_path)
    given = NETWORK | {"OSDSuffixSearchOrder": "a.example", "OSDEnableTCPIPFiltering": "false"}
    rehearsed = Environment()
    with rehearsed.step_defaults(given):
        forecast_apply_network_settings(rehearsed, machine.rehearsal())
    run(apply_network_settings, env, machine, given)
    for each in (rehearsed, env):
        assert dict(each) == {
            "OSDDNSDomain": "pc.example",
            "OSDSuffixSearchOrder": "a.example",
            "OSDDNSSuffixSearchOrder": "corp.example, lab.example",
            "OSDEnableTCPIPFiltering": "false",
        }


def test_adapters_without_a_count_are_ignored(tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path)
    run(apply_network_settings, env, machine, NETWORK | {"OSDAdapterCount": "", "OSDAdapter0EnableDHCP": "odd"})
    assert "Identifier" not in leaves(answers(disk))


def test_the_spelling_of_2007_and_dhcp(tmp_path: Path) -> None:
    disk, machine, env = prepared(tmp_path)
    variables = {
        "OSDNetworkJoinType": "1",
        "OSDWorkgroupName": "Accounting",
        "OSDSuffixSearchOrder": "a.example,b.example",
        "OSDAdapterCount": "1",
        "OSDAdapter0EnableDHCP": "true",
        "OSDAdapter0IPAddressList": "192.168.0.40",
        "OSDAdapter0Gateways": "192.168.0.1",
        "OSDAdapter0Name": "Ethernet",
    }
    run(apply_network_settings, env, machine, variables)
    found = leaves(answers(disk))
    assert found["DomainName"] == ["a.example", "b.example"]
    assert found["DhcpEnabled"] == ["true"]
    assert found["Identifier"] == ["Ethernet"] * 3
    assert "IpAddress" not in found
    assert "NextHopAddress" not in found
