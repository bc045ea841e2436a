"""What dmidecode, PowerShell and this computer tell, as facts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases.smbios import dump
from hypothesis import given
from hypothesis import strategies as st
from judges import disk as judges
from osdimage.imaging.errors import InvalidDocument
from osdimage.imaging.tasksequence.facts.answers import ask
from osdimage.imaging.tasksequence.facts.computer import TPM_NAMESPACE
from osdimage.imaging.tasksequence.facts.given import facts_of_text, given_facts
from osdimage.imaging.tasksequence.facts.host import host_facts


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What dmidecode makes of a table."""
    path = tmp_path_factory.mktemp("dmi") / "dmi.bin"
    path.write_bytes(dump())
    return judges.run(["dmidecode", "--from-dump", path])


@pytest.mark.foreign
def test_dmidecode_tells_a_computer(told: str) -> None:
    facts = facts_of_text(told, source="x")
    texts = {
        ("Win32_ComputerSystem", "Manufacturer"): "HP",
        ("Win32_ComputerSystem", "Model"): "HP ProBook 445 G6",
        ("Win32_ComputerSystem", "SystemSKUNumber"): "SKU 1",
        ("Win32_ComputerSystemProduct", "UUID"): "4C4C4544-0042-3510-8052-B4C04F564432",
        ("Win32_BIOS", "SerialNumber"): "5CG1234XYZ",
        ("Win32_BIOS", "SMBIOSBIOSVersion"): "1.23",
        ("Win32_BaseBoard", "Product"): "8593",
        ("Win32_SystemEnclosure", "SMBIOSAssetTag"): "A-1",
        ("Win32_Processor", "Name"): "AMD Ryzen 5",
    }
    assert {each: (facts.text(*each) or "") for each in texts} == texts
    assert facts.number("Win32_SystemEnclosure", "ChassisTypes") == 10
    assert facts.number("Win32_Processor", "MaxClockSpeed") == 2100
    memory = [each["Capacity"] for each in facts.instances("Win32_PhysicalMemory") or ()]
    assert memory == [8192 << 20, 4096 << 20]
    assert ask("SELECT * FROM Win32_ComputerSystem WHERE Model LIKE '%445%'", facts) is True
    assert ask("SELECT * FROM Win32_BIOS WHERE ReleaseDate > '2020'", facts) == "Win32_BIOS.ReleaseDate of the computer"


def test_what_dmidecode_could_not_read_is_not_known() -> None:
    text = """Handle 0x0001, DMI type 1, 27 bytes
System Information
\tManufacturer: Not Specified
\tProduct Name: <BAD INDEX>
\tFamily: Unknown
"""
    facts = facts_of_text(text, source="x")
    (system,) = facts.instances("Win32_ComputerSystem") or ()
    assert dict(system) == {"Manufacturer": None}
    with pytest.raises(InvalidDocument, match="dmidecode tells nothing of a system in it"):
        facts_of_text("Handle 0x0001, DMI type 126, 27 bytes\nInactive\n", source="x")


# As Windows PowerShell 5.1 shows them; that of Get-WmiObject has __CLASS in the place of CimClass.
LIST = """

Manufacturer          : HP
Model                 : 445
NumberOfProcessors    : 1
PartOfDomain          : False
Roles                 : {LM_Workstation, LM_Server}
OEMStringArray        : {ABS 70/71 79 7A 7B 7C, CNB1 024...}
PrimaryOwnerContact   :
Description           : AT/AT
 COMPATIBLE
CreationClassName     : Win32_ComputerSystem
CimClass              : root/cimv2:Win32_ComputerSystem

__CLASS      : Win32_SystemEnclosure
__GENUS      : 2
ChassisTypes : {10}
SerialNumber : 12345

"""


def test_lists_of_powershell_are_read() -> None:
    facts = facts_of_text(LIST, source="x")
    (system,) = facts.instances("Win32_ComputerSystem") or ()
    assert dict(system) == {
        "Manufacturer": "HP",
        "Model": "445",
        "NumberOfProcessors": 1,
        "PartOfDomain": False,
        "Roles": ("LM_Workstation", "LM_Server"),
        "PrimaryOwnerContact": None,
    }
    (case,) = facts.instances("Win32_SystemEnclosure") or ()
    assert dict(case) == {"ChassisTypes": (10,), "SerialNumber": "12345"}
    with pytest.raises(InvalidDocument, match="x:3: an instance that does not say of which class it is"):
        facts_of_text("CimClass : A_B\n\nName : x\n", source="x")


def test_json_of_powershell_is_read() -> None:
    bios = {"SerialNumber": "S", "CimClass": {"CimClassName": "Win32_BIOS", "CimSuperClassName": "CIM_BIOSElement"}}
    drives = [{"Index": each, "__CLASS": "Win32_DiskDrive", "Deep": {"a": {}}} for each in range(2)]
    facts = facts_of_text(json.dumps([bios, drives]), source="x")
    assert facts.text("Win32_BIOS", "SerialNumber") == "S"
    assert [dict(each) for each in facts.instances("Win32_DiskDrive") or ()] == [{"Index": 0}, {"Index": 1}]
    assert facts_of_text(json.dumps(bios), source="x").text("Win32_BIOS", "SerialNumber") == "S"
    for document in ([{"Name": "x"}], [[[]]], [1]):
        with pytest.raises(InvalidDocument):
            facts_of_text(json.dumps(document), source="x")


@given(st.text(alphabet="ab:{} ,.\n\t\r", max_size=80))
def test_any_list_is_read_or_refused(text: str) -> None:
    try:
        facts_of_text(f"CimClass : A_B\n{text}", source="x")
    except InvalidDocument:
        return


def made(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_this_computer_is_told_by_linux(tmp_path: Path) -> None:
    root = made(tmp_path, {
        "sys/class/dmi/id/sys_vendor": "HP\n",
        "sys/class/dmi/id/product_name": "HP ProBook 445 G6\n",
        "sys/class/dmi/id/product_uuid": "4c4c4544-0042-3510-8052-b4c04f564432\n",
        "sys/class/dmi/id/chassis_type": "10\n",
        "sys/class/dmi/id/chassis_asset_tag": "\n",
        "proc/meminfo": "MemTotal:       16252928 kB\nMemFree: 1 kB\n",
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD Ryzen 5\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "2100000\n",
        "sys/class/net/lo/type": "772\n",
        "sys/class/net/wlan0/type": "1\n",
        "sys/class/net/wlan0/device/vendor": "x",
        "sys/class/net/wlan0/wireless/status": "x",
        "sys/class/net/wlan0/address": "00:0c:29:ff:f3:de\n",
        "sys/class/net/wlan0/carrier": "1\n",
        "sys/class/net/veth1/type": "1\n",
        "sys/class/power_supply/AC/type": "Mains\n",
        "sys/class/power_supply/BAT0/type": "Battery\n",
        "sys/class/power_supply/BAT0/status": "Discharging\n",
        "sys/class/power_supply/mouse/type": "Battery\n",
        "sys/class/power_supply/mouse/scope": "Device\n",
        "sys/class/tpm/tpm0/tpm_version_major": "2\n",
    })  # fmt: skip
    facts = host_facts(root)
    (system,) = facts.instances("Win32_ComputerSystem") or ()
    assert dict(system) == {
        "Manufacturer": "HP", "Model": "HP ProBook 445 G6", "TotalPhysicalMemory": 16252928 << 10,
    }  # fmt: skip
    assert facts.text("Win32_ComputerSystemProduct", "UUID") == "4C4C4544-0042-3510-8052-B4C04F564432"
    (case,) = facts.instances("Win32_SystemEnclosure") or ()
    assert dict(case) == {"SMBIOSAssetTag": None, "ChassisTypes": (10,)}
    assert facts.number("Win32_Processor", "MaxClockSpeed") == 2100
    (adapter,) = facts.instances("Win32_NetworkAdapter") or ()
    assert (adapter["MACAddress"], adapter["NetConnectionStatus"], adapter["AdapterTypeId"]) == (
        "00:0C:29:FF:F3:DE", 2, 9,
    )  # fmt: skip
    assert [dict(each) for each in facts.instances("Win32_Battery") or ()] == [{"DeviceID": "BAT0", "BatteryStatus": 1}]
    assert facts.text("Win32_Tpm", "SpecVersion", TPM_NAMESPACE) == "2.0"


def test_what_linux_does_not_tell_is_not_known(tmp_path: Path) -> None:
    assert not host_facts(tmp_path).classes
    assert given_facts(["host"]).instances("Win32_Service") is None
