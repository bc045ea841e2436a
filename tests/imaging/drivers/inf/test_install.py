"""What install sections do: every expectation is of the text above it, by Microsoft's pages of the directives."""

from __future__ import annotations

import pytest
from osdimage.imaging.drivers import (
    Architecture,
    Component,
    InfPath,
    Install,
    PackageFile,
    RegRoot,
    RegSetting,
    ServiceStart,
    TargetOs,
    read_inf,
)
from osdimage.imaging.drivers.inf.install import Software, WdfService
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry import Value, ValueType

AMD64 = TargetOs.parse("10.0.22631", Architecture.AMD64)
ARM64 = TargetOs.parse("10.0.22631", Architecture.ARM64)
X86 = TargetOs.parse("10.0.19045", Architecture.X86)


def install(text: str, section: str = "inst", os: TargetOs = AMD64) -> Install:
    return read_inf(text.encode(), name="x.inf").install(section, os)


@pytest.mark.parametrize(
    ("sections", "os", "chosen", "service"),
    [
        (["inst", "inst.NT", "inst.NTamd64"], AMD64, "inst.NTamd64", None),
        (["inst", "inst.NT", "inst.NTamd64"], X86, "inst.NT", None),
        (["inst", "inst.NTx86"], AMD64, "inst", None),
        (["inst.nt", "inst.nt.Services"], ARM64, "inst.nt", "svc"),
        # What is behind another name than the one that was taken is not looked at.
        (["inst.NT", "inst.Services"], AMD64, "inst.NT", None),
        (["inst", "inst.Services"], AMD64, "inst", "svc"),
        (["other"], AMD64, None, None),
    ],
)
def test_the_most_specific_section_is_taken(
    sections: list[str], os: TargetOs, chosen: str | None, service: str | None
) -> None:
    text = "".join(f"[{each}]\n{'AddService=svc,2,s' if 'Services' in each else ''}\n" for each in sections)
    made = install(f"{text}[s]\nServiceType=1\nStartType=0\nErrorControl=1\nServiceBinary=%12%\\s.sys\n", os=os)
    assert made.chosen == chosen
    assert [each.name for each in made.services] == ([] if service is None else [service])
    # Of what was passed over, and of nothing that could be taken.
    passed_over = "inst.Services" in sections and service is None
    assert bool(made.warnings) == (chosen is None or passed_over)
    if passed_over:
        assert str(made.warnings[0]) == "line 3: [inst.Services] is passed over, since [inst.NT] is taken"


STORAGE = """[inst]
CopyFiles = files, @one.sys
FeatureScore = 0xFE
DriverVer = 02/03/2024,5.6
[files]
a.sys
b.sys,c.sys,,0x2
%12%.dll
[DestinationDirs]
DefaultDestDir = 12
files = 13,sub
[inst.HW]
AddReg = hw
[hw]
HKR, "Interrupt Management",, 0x00000010
[inst.Services]
AddService = vioscsi, 0x00000002, svc, log
AddService = filter,,filtersvc,
[svc]
DisplayName    = %Name%
Description    = "What it does"
ServiceType    = %SERVICE_KERNEL_DRIVER%
StartType      = 0x0 ; boot
ErrorControl   = 1
ServiceBinary  = %12%\\vioscsi.sys
LoadOrderGroup = SCSI miniport
Dependencies   = +Group, Other
AddReg         = params
[params]
HKR, "Parameters", "BusType", 0x00010001, 0x0000000A
[log]
AddReg = logreg
[logreg]
HKR,,TypesSupported,0x00010001,7
[filtersvc]
ServiceType = 1
StartType = 3
ErrorControl = 0
ServiceBinary = %13%\\filter.sys
[Strings]
Name = "Storage"
SERVICE_KERNEL_DRIVER = 1
"""


def test_services_with_their_settings() -> None:
    made = install(STORAGE)
    service, other = made.services
    assert service.is_function_driver
    assert (service.name, service.type, service.start, service.error_control) == ("vioscsi", 1, ServiceStart.BOOT, 1)
    assert (service.display_name, service.description) == ("Storage", "What it does")
    assert service.load_order_group == "SCSI miniport"
    assert service.dependencies == ("+Group", "Other")
    assert service.binary is not None
    assert service.binary.on_drive == "Windows\\System32\\drivers\\vioscsi.sys"
    assert service.binary.in_windows == "System32\\drivers\\vioscsi.sys"
    value = Value("BusType", ValueType.DWORD, b"\x0a\0\0\0")
    assert [(each.root, each.key, each.value) for each in service.settings] == [(RegRoot.HKR, "Parameters", value)]
    assert service.event_log is not None
    assert (service.event_log.log, service.event_log.source) == ("System", "vioscsi")
    assert [each.name for each in service.event_log.settings] == ["TypesSupported"]
    assert not other.is_function_driver
    assert other.binary == InfPath(13, "filter.sys")
    assert other.binary.on_drive is None
    assert (other.display_name, other.event_log, other.settings) == ("", None, ())
    assert not made.warnings


def test_files_with_their_places() -> None:
    made = install(STORAGE)
    assert [(each.source, str(each.to), each.flags) for each in made.copy_files] == [
        ("a.sys", "%13%\\sub\\a.sys", 0),
        ("c.sys", "%13%\\sub\\b.sys", 2),
        ("%12%.dll", "%13%\\sub\\%12%.dll", 0),
        ("one.sys", "\\Windows\\System32\\drivers\\one.sys", 0),
    ]


def test_score_version_and_hardware_settings() -> None:
    made = install(STORAGE)
    assert made.feature_score == 0xFE
    assert str(made.driver_version) == "2024-02-03, 5.6.0.0"
    assert [(each.key, each.value) for each in made.hardware_settings] == [("Interrupt Management", None)]
    assert made.settings == ()


@pytest.mark.parametrize(
    ("said", "score"), [("F9", 0xF9), ("0x40", 0x40), ("00", 0), ("100", 0xFF), ("", 0xFF), ("-1", 0xFF)]
)
def test_feature_score_is_hexadecimal(said: str, score: int) -> None:
    made = install(f"[inst]\nFeatureScore={said}\n")
    assert made.feature_score == score
    assert bool(made.warnings) == (score == 0xFF)


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("AddService = svc,2,none", "line 3: there is no section [none] for the service 'svc'"),
        ("AddService = svc,2", "line 3: no section is named for the service 'svc'"),
        ("AddService = svc,two,s", "line 3: the flags 'two' are no number"),
        ("AddService = svc,2,s,nolog", "line 3: there is no section [nolog] for the event log"),
        ("AddService = svc,2,few", "line 3: the service 'svc' has no StartType"),
        ("AddService = svc,2,few", "line 6: ErrorControl is '4'; valid are numbers from 0 to 3"),
        ("AddService = svc,2,few", "line 3: the service 'svc' has no ServiceBinary"),
    ],
)
def test_what_is_wrong_with_a_service_is_said(service: str, said: str) -> None:
    made = install(
        f"[inst]\n[inst.Services]\n{service}\n"
        "[few]\nServiceType=1\nErrorControl=4\n"
        "[s]\nServiceType=1\nStartType=0\nErrorControl=0\nServiceBinary=x\n"
    )
    assert said in [str(each) for each in made.warnings]


def test_a_null_service_is_none() -> None:
    made = install("[inst]\n[inst.Services]\nAddService = , 0x00000002\n")
    assert made.has_null_service
    assert made.services == ()
    assert not made.warnings


def test_co_installers_bring_files_and_settings() -> None:
    made = install(
        "[inst]\nCopyFiles=a\n[a]\nx.sys\n[inst.CoInstallers]\nAddReg=r\nCopyFiles=c\n[c]\nWdfCo01011.dll\n"
        '[r]\nHKR,,CoInstallers32,0x00010000,"WdfCo01011.dll,WdfCoInstaller","b.dll"\n'
        "[inst.Wdf]\nKmdfService = svc, w\n[w]\nKmdfLibraryVersion = 1.11\n"
    )
    assert made.co_installers == ("WdfCo01011.dll", "b.dll")
    assert [each.source for each in made.copy_files] == ["x.sys", "WdfCo01011.dll"]
    assert made.wdf == (WdfService("svc", "kmdf", "1.11", 13),)


def test_components_and_software() -> None:
    made = install(
        "[inst]\n[inst.Components]\nAddComponent = c1,,ci\nAddComponent = c2,,none\n[ci]\nComponentIDs=VID_1&PID_2,X\n"
        "[inst.Software]\nAddSoftware = tool,, si\n[si]\nSoftwareType = 1\nSoftwareBinary = %13%\\tool.exe\n"
        "SoftwareArguments = <<DeviceInstanceId>>, -q\n"
    )
    assert made.components == (
        Component("c1", ("SWC\\VID_1&PID_2", "SWC\\X"), 3),
        Component("c2", (), 4),
    )
    assert [str(each) for each in made.warnings] == ["line 4: the component 'c2' has no ids"]
    assert made.software == (Software("tool", "%13%\\tool.exe", ("<<DeviceInstanceId>>", "-q"), 8),)


def test_needed_sections_of_this_file_are_carried_out_and_others_are_noted() -> None:
    made = install(
        "[inst]\nInclude=a.inf, b.inf\nNeeds=own, other\nCopyFiles=@x.sys\n"
        "[own]\nNeeds=inst\nCopyFiles=@y.sys\n[inst.Services]\nInclude=c.inf\nNeeds=Other.Services\n"
    )
    assert [each.source for each in made.copy_files] == ["x.sys", "y.sys"]
    assert made.includes == ("a.inf", "b.inf", "c.inf")
    assert made.needs == ("own", "other", "inst", "Other.Services")


def test_sections_that_become_too_long_are_refused() -> None:
    services = "".join(f"AddService = s{i},2,s\n" for i in range(300))
    settings = "".join(f"HKR,,v{i},,x\n" for i in range(300))
    text = f"[inst]\n[inst.Services]\n{services}[s]\nAddReg=r\n[r]\n{settings}"
    with pytest.raises(InvalidInput, match=r"x\.inf: line \d+: sections name others so often"):
        install(text)


def test_what_many_sections_copy_is_read_once_and_all_their_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osdimage.imaging.drivers.inf.inf_text._LINES_OF_WHOLE", 1000)
    models = "".join(f"d=i{i},A\n[i{i}]\nCopyFiles=f\nAddReg=r\n[M.NTamd64]\n" for i in range(100))
    text = f"[Manufacturer]\nm=M,NTamd64\n[M.NTamd64]\n{models}[f]\nx.sys\n[r]\n" + "HKR,,v,,x\n" * 200
    inf = read_inf(text.encode(), name="x.inf")
    assert [each.path for each in inf.files(AMD64).needed] == ["x.sys"]
    with pytest.raises(InvalidInput, match="sections name others so often"):
        inf.installs(AMD64)


CLOSURE = """[Version]
Signature="$Windows NT$"
CatalogFile = x.cat
[Manufacturer]
m = M, NTamd64, NTx86
[M.NTamd64]
d = inst, A
[M.NTx86]
d = inst, A
[inst]
CopyFiles = f, @sub.dll
[inst.ntx86]
CopyFiles = f
[f]
DRV.SYS
unlisted.sys
[SourceDisksNames]
1 = "Disk",,,
2 = "Tools","tag.txt",,\\tools
[SourceDisksNames.amd64]
1 = "Disk",,,\\amd64
[SourceDisksFiles]
drv.sys = 1
sub.dll = 2, deep\\er, 1234
serial.sys = 3
drv.sys = 2
..\\evil.sys = 1
[SourceDisksFiles.x86]
drv.sys = 1, legacy
"""


def test_the_files_of_a_driver() -> None:
    inf = read_inf(CLOSURE.encode(), name="x.inf")
    found = inf.files(AMD64)
    assert found.catalog == "x.cat"
    assert found.needed == (
        PackageFile("amd64/drv.sys", is_copied=True, line=23),
        PackageFile("tools/deep/er/sub.dll", is_copied=True, line=24),
        PackageFile("unlisted.sys", is_copied=True, line=16),
    )
    # What no install section copies may be a file of Windows itself.
    assert found.perhaps_inbox == (
        PackageFile("serial.sys", is_copied=False, line=25),
        PackageFile("amd64/evil.sys", is_copied=False, line=27),
    )
    assert [str(each) for each in found.warnings] == [
        "line 25: 'serial.sys' is on the disk '3', which SourceDisksNames lacks",
        "line 16: 'unlisted.sys' is copied, but not in SourceDisksFiles",
    ]
    assert [each.path for each in inf.files(X86).files][:2] == ["legacy/drv.sys", "tools/deep/er/sub.dll"]
    assert not inf.files(ARM64).needed


def test_the_settings_are_values_that_can_be_compared() -> None:
    assert install(STORAGE) == install(STORAGE)
    assert isinstance(install(STORAGE).services[0].settings[0], RegSetting)
