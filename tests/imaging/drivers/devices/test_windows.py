r"""Devices from what a Windows tells: pnputil, devcon, WMI, MSInfo32, and its registry."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cases.offline_windows import WINDOWS_10, Made, make_tree, system_hive
from cases.volume import format_disk, make_disk, make_wim
from cases.windows_trees import write_tree
from hypothesis import given
from hypothesis import strategies as st
from judges.wim import output
from osdimage.imaging.disk.opened import open_disk
from osdimage.imaging.drivers import Architecture, Device, DeviceSource, TargetOs, devices_of_listing, read_devices
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.volume.filesystems import open_files

_SEVEN = TargetOs(6, 1, 7601, Architecture.AMD64)

# From Microsoft, "Manage Device Installation with Group Policy" (windows-itpro-docs), with a second device in the same
# form, which has no compatible ids, and a third of software.
_PNPUTIL = """\
Microsoft PnP Utility

Instance ID:                PCI\\VEN_8086&DEV_2F34&SUBSYS_2F348086&REV_02\\3&103a9d54&0&81
Device Description:         Intel(R) Xeon(R) E7 v3/Xeon(R) E5 v3/Core i7 PCIe Ring Interface - 2F34
Class Name:                 System
Class GUID:                 {4d36e97d-e325-11ce-bfc1-08002be10318}
Manufacturer Name:          INTEL
Status:                     Stopped
Driver Name:                oem6.inf
Hardware IDs:               PCI\\VEN_8086&DEV_2F34&SUBSYS_2F348086&REV_02
                            PCI\\VEN_8086&DEV_2F34&SUBSYS_2F348086
                            PCI\\VEN_8086&DEV_2F34&CC_110100
                            PCI\\VEN_8086&DEV_2F34&CC_1101
Compatible IDs:             PCI\\VEN_8086&DEV_2F34&REV_02
                            PCI\\VEN_8086&DEV_2F34
                            PCI\\VEN_8086&CC_110100
                            PCI\\VEN_8086&CC_1101
                            PCI\\VEN_8086
                            PCI\\CC_110100
                            PCI\\CC_1101

Instance ID:                DISPLAY\\LEN40A0\\4&2F0C7A&0&UID8388688
Device Description:         Generic PnP Monitor
Class Name:                 Monitor
Class GUID:                 {4d36e96e-e325-11ce-bfc1-08002be10318}
Status:                     Started
Hardware IDs:               MONITOR\\LEN40A0
Compatible IDs:             *PNP09FF

Instance ID:                ROOT\\NDISVIRTUALBUS\\0000
Device Description:         NDIS Virtual Network Adapter Enumerator
Class Name:                 System
Class GUID:                 {4d36e97d-e325-11ce-bfc1-08002be10318}
Status:                     Started
Hardware IDs:               ndisvirtualbus
"""
_RING = (
    r"PCI\VEN_8086&DEV_2F34&SUBSYS_2F348086&REV_02",
    r"PCI\VEN_8086&DEV_2F34&SUBSYS_2F348086",
    r"PCI\VEN_8086&DEV_2F34&CC_110100",
    r"PCI\VEN_8086&DEV_2F34&CC_1101",
)
_CLASS = r"PCI\CC_1101"
_GERMAN = {
    "Instance ID:": "Instanz-ID:",
    "Device Description:": "Gerätebeschreibung:",
    "Class Name:": "Klassenname:",
    "Class GUID:": "Klassen-GUID:",
    "Manufacturer Name:": "Herstellername:",
    "Driver Name:": "Treibername:",
    "Hardware IDs:": "Hardware-IDs:",
    "Compatible IDs:": "Kompatible IDs:",
}
_CHINESE = {
    "Instance ID:": "\u5b9e\u4f8b ID:",
    "Device Description:": "\u8bbe\u5907\u63cf\u8ff0:",
    "Class Name:": "\u7c7b\u540d:",
    "Class GUID:": "\u7c7b GUID:",
    "Manufacturer Name:": "\u5236\u9020\u5546\u540d\u79f0:",
    "Status:": "\u72b6\u6001:",
    "Hardware IDs:": "\u786c\u4ef6 ID:",
    "Compatible IDs:": "\u517c\u5bb9 ID:",
}
_LABELS = {"german": ("cp850", _GERMAN), "chinese": ("gbk", _CHINESE)}


def _in_language(language: str) -> bytes:
    """Return the text with the labels of a language, in its code page."""
    encoding, labels = _LABELS[language]
    text = _PNPUTIL
    for english, other in labels.items():
        text = text.replace(english, other)
    return text.encode(encoding)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_PNPUTIL.encode(), id="english"),
        pytest.param(_PNPUTIL.replace("\n", "\r\n").encode("utf-16"), id="utf-16"),
        pytest.param(_in_language("german"), id="german"),
        pytest.param(_in_language("chinese"), id="chinese"),
    ],
)
def test_a_text_of_pnputil_is_read_in_any_language(data: bytes) -> None:
    found = devices_of_listing(data, name="listing")
    assert found.kind is DeviceSource.PNPUTIL
    ring, monitor, virtual = found.devices
    assert ring.hardware_ids == _RING
    assert ring.compatible_ids[0] == r"PCI\VEN_8086&DEV_2F34&REV_02"
    assert ring.compatible_ids[-1] == r"PCI\CC_1101"
    assert ring.name == "Intel(R) Xeon(R) E7 v3/Xeon(R) E5 v3/Core i7 PCIe Ring Interface - 2F34"
    assert ring.class_guid == "{4D36E97D-E325-11CE-BFC1-08002BE10318}"
    assert (monitor.hardware_ids, monitor.compatible_ids) == ((r"MONITOR\LEN40A0",), ("*PNP09FF",))
    assert virtual.hardware_ids == ("ndisvirtualbus",)
    assert found.warnings == ()


def test_relations_in_a_text_of_pnputil_are_no_ids() -> None:
    # What "/relations" adds; the parent's id has the form of an instance.
    parent = "Parent Instance ID:         PCI\\VEN_8086&DEV_0001&SUBSYS_00000000&REV_00\\3&1\nHardware IDs:  "
    found = devices_of_listing(_PNPUTIL.replace("Hardware IDs: ", parent).encode(), name="listing")
    assert [each.hardware_ids[0] for each in found.devices] == [_RING[0], r"MONITOR\LEN40A0", "ndisvirtualbus"]


def _without_ids(text: str) -> str:
    kept = [line for line in text.split("\n") if not re.match(r"(Hardware|Compatible) IDs:|\s{20}", line)]
    return "\n".join(kept)


def test_a_text_of_pnputil_without_ids_gives_what_instances_tell_and_says_how_to_get_more() -> None:
    found = devices_of_listing(_without_ids(_PNPUTIL).encode(), name="listing")
    ring, monitor = found.devices
    assert ring.hardware_ids == _RING[:2]
    assert ring.compatible_ids == (r"PCI\VEN_8086&DEV_2F34&REV_02", r"PCI\VEN_8086&DEV_2F34", r"PCI\VEN_8086")
    assert monitor.hardware_ids == (r"DISPLAY\LEN40A0",)
    assert "/ids' tells them" in found.warnings[0]


def test_from_an_instance_the_ids_of_the_windows_that_is_meant_are_made() -> None:
    rows = "Name,PNPDeviceID\nx,PCI\\VEN_80EE&DEV_CAFE&SUBSYS_00000000&REV_00\\3&1\n"
    old, new = (devices_of_listing(rows.encode(), os, name="listing").devices[0] for os in (_SEVEN, None))
    assert r"PCI\VEN_80EE&DEV_CAFE" in old.hardware_ids
    assert r"PCI\VEN_80EE&DEV_CAFE" not in new.hardware_ids


# Microsoft, "DevCon Examples" (windows-driver-docs, devtest/devcon-examples.md), with the indentation of the page.
_DEVCON = """\
PCI\\VEN_10B7&DEV_9200&SUBSYS_00BE1028&REV_78\\4&BB7B4AE&0&60F0
    Name: 3Com 3C920 Integrated Fast Ethernet Controller (3C905C-TX Compatible)
    Hardware ID's:
        PCI\\VEN_10B7&DEV_9200&SUBSYS_00BE1028&REV_78
        PCI\\VEN_10B7&DEV_9200&SUBSYS_00BE1028
        PCI\\VEN_10B7&DEV_9200&CC_020000
        PCI\\VEN_10B7&DEV_9200&CC_0200
    Compatible ID's:
        PCI\\VEN_10B7&DEV_9200&REV_78
        PCI\\VEN_10B7&DEV_9200
        PCI\\VEN_10B7&CC_020000
        PCI\\VEN_10B7&CC_0200
 PCI\\VEN_10B7
        PCI\\CC_020000
 PCI\\CC_0200
ROOT\\MS_L2TPMINIPORT\\0000
    Name: WAN Miniport (L2TP)
    Hardware ID's:
        ms_l2tpminiport
FDC\\GENERIC_FLOPPY_DRIVE\\5&39194F6D&0&0
    Name: Floppy disk drive
    Hardware ID's:
        FDC\\GENERIC_FLOPPY_DRIVE
    Compatible ID's:
        GenFloppyDisk
3 matching device(s) found.
"""


def test_a_text_of_devcon_is_read() -> None:
    found = devices_of_listing(_DEVCON.encode(), name="listing")
    assert found.kind is DeviceSource.DEVCON
    network, miniport, floppy = found.devices
    assert network.name == "3Com 3C920 Integrated Fast Ethernet Controller (3C905C-TX Compatible)"
    assert network.hardware_ids[-1] == r"PCI\VEN_10B7&DEV_9200&CC_0200"
    assert network.compatible_ids[-3:] == (r"PCI\VEN_10B7", r"PCI\CC_020000", r"PCI\CC_0200")
    assert miniport.hardware_ids == ("ms_l2tpminiport",)
    assert floppy == Device("Floppy disk drive", (r"FDC\GENERIC_FLOPPY_DRIVE",), ("GenFloppyDisk",))


# Values of Win32_PnPEntity of a Windows Server on VMware, as WMI gave them.
_PORT = {
    "Name": "PCI Express Root Port",
    "DeviceID": r"PCI\VEN_15AD&DEV_07A0&SUBSYS_07A015AD&REV_01\3&18D45AA6&0&A8",
    "ClassGuid": "{4d36e97d-e325-11ce-bfc1-08002be10318}",
    "HardwareID": [
        r"PCI\VEN_15AD&DEV_07A0&SUBSYS_07A015AD&REV_01",
        r"PCI\VEN_15AD&DEV_07A0&SUBSYS_07A015AD",
        r"PCI\VEN_15AD&DEV_07A0&CC_060400",
        r"PCI\VEN_15AD&DEV_07A0&CC_0604",
    ],
    "CompatibleID": [r"PCI\VEN_15AD&DEV_07A0&REV_01", r"PCI\CC_060400&DT_4", r"PCI\CC_0604"],
}
_RESOURCES = {
    "Name": "Motherboard resources",
    "DeviceID": r"ACPI\PNP0C02\4",
    "ClassGuid": "{4d36e97d-e325-11ce-bfc1-08002be10318}",
    "HardwareID": [r"ACPI\VEN_PNP&DEV_0C02", r"ACPI\PNP0C02", "*PNP0C02"],
    "CompatibleID": None,
}
_SOFTWARE = {"Name": "Print queue", "DeviceID": r"SWD\PRINTENUM\x", "HardwareID": None, "CompatibleID": None}
_ALL = [_PORT, _RESOURCES, _SOFTWARE]


def _joined(value: object, form: str) -> str:
    return form.format(";".join(value)) if isinstance(value, list) else str(value or "")


def _wmic() -> bytes:
    """Return what wmic /format:csv writes: an empty line, columns in their order, two carriage returns."""
    rows = ["", "Node,CompatibleID,DeviceID,HardwareID"]
    for each in _ALL:
        ids = [_joined(each[name], "{{{}}}") for name in ("CompatibleID", "DeviceID", "HardwareID")]
        rows.append(",".join(["FOREST", *ids]))
    return "".join(f"{row}\r\r\n" for row in rows).encode("utf-16")


def _powershell(delimiter: str) -> bytes:
    """Return what Export-Csv of Windows PowerShell writes when ids are joined."""
    names = ["Name", "DeviceID", "HardwareID", "CompatibleID"]
    lines = ["#TYPE Selected.Microsoft.Management.Infrastructure.CimInstance"]
    lines += [delimiter.join(f'"{each}"' for each in names)]
    lines += [delimiter.join(f'"{_joined(each[name], "{}")}"' for name in names) for each in _ALL]
    return "\r\n".join(lines).encode("utf-8-sig")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(_wmic(), DeviceSource.CSV, id="wmic"),
        pytest.param(_powershell(","), DeviceSource.CSV, id="export-csv"),
        pytest.param(_powershell(";"), DeviceSource.CSV, id="export-csv-in-german"),
        pytest.param(json.dumps(_ALL).encode("utf-16"), DeviceSource.JSON, id="convertto-json"),
        pytest.param(json.dumps({"value": _ALL, "Count": 3}).encode(), DeviceSource.JSON, id="convertto-json-of-5"),
    ],
)
def test_what_wmi_tells_is_read_from_csv_and_json(data: bytes, kind: DeviceSource) -> None:
    found = devices_of_listing(data, name="listing")
    assert found.kind is kind
    port, resources = found.devices
    assert [list(port.hardware_ids), list(port.compatible_ids)] == [_PORT["HardwareID"], _PORT["CompatibleID"]]
    assert list(resources.hardware_ids) == _RESOURCES["HardwareID"]
    assert resources.compatible_ids == ()
    assert found.warnings == ()


def test_json_of_one_device_is_an_object() -> None:
    (device,) = devices_of_listing(json.dumps(_PORT).encode(), name="listing").devices
    assert device.name == "PCI Express Root Port"
    assert device.class_guid == "{4D36E97D-E325-11CE-BFC1-08002BE10318}"


def test_a_table_of_instances_alone_gives_what_they_tell() -> None:
    rows = "Name,PNPDeviceID\nRing,PCI\\VEN_8086&DEV_2F34&SUBSYS_2F348086&REV_02\\3&103a9d54&0&81\n"
    found = devices_of_listing(rows.encode(), name="listing")
    assert found.devices[0].hardware_ids == _RING[:2]
    assert "instances alone" in found.warnings[0]


def test_ids_that_powershell_lost_are_told_with_what_keeps_them() -> None:
    rows = '"Name","HardwareID","CompatibleID"\r\n"x","System.String[]","System.String[]"\r\n'
    with pytest.raises(
        InvalidInput, match=r"wrote System\.String\[\] in the place of ids; write JSON instead: Get-Cim"
    ):
        devices_of_listing(rows.encode(), name="listing")


def test_a_line_with_a_comma_in_a_name_is_left_out_and_told() -> None:
    rows = "Node,HardwareID,Name\nA,{PCI\\VEN_1},One, two\nA,{PCI\\VEN_2},Three\n"
    found = devices_of_listing(rows.encode(), name="listing")
    assert [each.name for each in found.devices] == ["Three"]
    assert "wmic does not quote commas" in found.warnings[0]


# The form of a report of MSInfo32; its Spanish, with other names of elements, is as "Elemento" and "Valor" that others
# have met.  Rows of problem devices have three values.
def _report(item: str, value: str) -> str:
    def row(name: str, text: str) -> str:
        return f"<Data><{item}><![CDATA[{name}]]></{item}><{value}><![CDATA[{text}]]></{value}></Data>"

    return f"""<?xml version="1.0"?>
<MsInfo><Metadata/><Category name="System Summary">{row("OS Name", "Microsoft Windows 10")}
<Category name="Adapter">{row("Name", "Intel Ring")}{row("PNP Device ID", _PORT_LIKE)}{row("", "")}
{row("Name", "Keyboard")}{row("PNP Device ID", _KEYBOARD)}{row("", "")}
{row("Name", "Server")}{row("PNP Device ID", _VIRTUAL)}</Category>
<Category name="Problem Devices"><Data><a>Stick</a><b>USB&#92;VID_0781&amp;PID_5567&#92;2008</b><c>28</c></Data>
</Category></Category></MsInfo>"""


_KEYBOARD, _VIRTUAL = r"ACPI\PNP0303\4&1", r"ROOT\X\0000"
_PORT_LIKE = r"PCI\VEN_8086&DEV_2F34&SUBSYS_2F348086&REV_02\3&103a9d54&0&81"


@pytest.mark.parametrize(("item", "value"), [("Item", "Value"), ("Elemento", "Valor")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_report_of_msinfo_gives_what_its_instances_tell(item: str, value: str, encoding: str) -> None:
    found = devices_of_listing(_report(item, value).encode(encoding), name="report")
    assert found.kind is DeviceSource.MSINFO
    assert [(each.name, each.hardware_ids[-1]) for each in found.devices] == [
        ("Intel Ring", _RING[1]),
        ("Keyboard", "*PNP0303"),
        ("Stick", r"USB\VID_0781&PID_5567"),
    ]


def _multi(*texts: str) -> str:
    return "".join(f"{each}\0" for each in (*texts, "")).encode("utf-16-le").hex(",")


_REG = f"""\
Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Enum]

[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Enum\\PCI]

[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Enum\\PCI\\VEN_8086&DEV_2F34&SUBSYS_2F348086&REV_02]

[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Enum\\PCI\\VEN_8086&DEV_2F34&SUBSYS_2F348086&REV_02\\3&103a9d54&0&81]
"DeviceDesc"="@oem6.inf,%ring%;Ring Interface"
"ClassGUID"="{{4d36e97d-e325-11ce-bfc1-08002be10318}}"
"HardwareID"=hex(7):{_multi(*_RING)}
"CompatibleIDs"=hex(7):{_multi(_CLASS)}

[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Enum\\ROOT]

[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Enum\\ROOT\\X]

[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Enum\\ROOT\\X\\0000]
"HardwareID"=hex(7):{_multi("x")}
"""


@pytest.fixture(scope="module")
def hive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a hive into which hivexregedit merged a device."""
    folder = tmp_path_factory.mktemp("hive")
    (folder / "SYSTEM").write_bytes(write_hive(system_hive(WINDOWS_10)))
    (folder / "a.reg").write_text(_REG)
    output("hivexregedit", "--merge", "--prefix", "HKEY_LOCAL_MACHINE\\SYSTEM", folder / "SYSTEM", folder / "a.reg")
    return folder / "SYSTEM"


def _is_ring(source: Path) -> None:
    found = read_devices(str(source))
    assert found.kind is DeviceSource.HIVE
    (ring,) = found.devices
    assert ring == Device("Ring Interface", _RING, (_CLASS,), "{4D36E97D-E325-11CE-BFC1-08002BE10318}")
    assert "once there" in found.warnings[0]


@pytest.mark.foreign
def test_the_registry_of_a_windows_has_its_devices(hive: Path) -> None:
    _is_ring(hive)
    assert devices_of_listing(hive.read_bytes(), name="x").devices == read_devices(str(hive)).devices


@pytest.mark.foreign
def test_a_wim_with_one_windows_is_looked_into(hive: Path, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"Windows/System32/config/SYSTEM": hive.read_bytes()})
    _is_ring(make_wim(tree, tmp_path / "x.wim"))
    output("wimlib-imagex", "append", tree, tmp_path / "x.wim", "second")
    with pytest.raises(InvalidRequest, match="holds a Windows in image 1, image 2; take the file Windows/System32"):
        read_devices(str(tmp_path / "x.wim"))


@pytest.mark.foreign
def test_a_disk_with_one_windows_is_looked_into(hive: Path, tmp_path: Path) -> None:
    disk = format_disk(make_disk(tmp_path / "x.img"))
    with pytest.raises(InvalidInput, match="holds no Windows whose devices could be read"):
        read_devices(str(disk.path))
    with open_disk(disk.path, write=True) as opened, open_files(opened.volume(disk.partition), write=True) as files:
        for path, data in make_tree(WINDOWS_10).items():
            files.write(path, data)
        files.write("Windows/System32/config/SYSTEM", hive.read_bytes())
    _is_ring(disk.path)


def test_a_windows_that_never_ran_has_no_devices() -> None:
    with pytest.raises(InvalidInput, match=re.escape(r"there is no \Enum in it")):
        devices_of_listing(write_hive(system_hive(Made())), name="SYSTEM")


def test_a_hive_that_is_not_of_a_system_is_refused() -> None:
    hive = new_hive("SOFTWARE")
    hive.root.ensure("ControlSet00\n")
    with pytest.raises(
        InvalidInput, match=r"does not say how Windows starts \(Select.Default\); valid is the hive SYSTEM"
    ):
        devices_of_listing(write_hive(hive), name="SOFTWARE")


_TEXT = st.text(st.sampled_from('PCI\\VEN_8086&: \t\n{}-;,"#x'), max_size=300)


@given(st.sampled_from(["Instance ID: PCI\\A\\1\n", "Hardware ID's:\n", "Node,HardwareID\n", "[", "<MsInfo>"]), _TEXT)
def test_any_text_that_begins_like_a_listing_is_read_or_refused(head: str, rest: str) -> None:
    try:
        found = devices_of_listing((head + rest).encode(), name="x")
    except (InvalidInput, InvalidRequest):
        return
    for device in found.devices:
        assert all(re.fullmatch("[ -~]+", each) for each in (*device.hardware_ids, *device.compatible_ids))
