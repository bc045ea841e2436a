"""INF files that tests work on: written by hand, with the traits that real ones have."""

from __future__ import annotations

from pathlib import Path

STORAGE = r"""; A storage driver, as those of virtual machines are
[Version]
Signature   = "$Windows NT$"
Class       = SCSIAdapter
ClassGUID   = {4D36E97B-E325-11CE-BFC1-08002BE10318}
Provider    = %Vendor%
DriverVer   = 01/31/2025,100.1.2.3
CatalogFile = labdisk.cat
PnpLockdown = 1

[SourceDisksNames]
1 = %DiskId1%,,,""
[SourceDisksFiles]
labdisk.sys = 1,,
labtool.exe = 1,tools

[DestinationDirs]
DefaultDestDir = 11
Disk_Files     = 12

[Manufacturer]
%Vendor% = LabDisk,NTamd64.10.0...16299,NTarm64

[LabDisk.NTamd64.10.0...16299]
%Disk.Desc% = disk_inst, PCI\VEN_1234&DEV_0D15&SUBSYS_00081234&REV_00, PCI\VEN_1234&DEV_0D15
[LabDisk.NTarm64]
%Disk.Desc% = disk_inst, PCI\VEN_1234&DEV_0D15&SUBSYS_00081234&REV_00, PCI\VEN_1234&DEV_0D15

[disk_inst]
CopyFiles    = Disk_Files, @labtool.exe
FeatureScore = 0xF0
[Disk_Files]
labdisk.sys,,,2

[disk_inst.Services]
AddService = labdisk, %SPSVCINST_ASSOCSERVICE%, Disk_Service, Disk_Log
[Disk_Service]
DisplayName    = %Disk.Desc%
ServiceType    = 1 ; a driver of the kernel
StartType      = 0 ; when Windows starts
ErrorControl   = 1
ServiceBinary  = %12%\labdisk.sys
LoadOrderGroup = SCSI miniport
AddReg         = Disk_Parameters
[Disk_Parameters]
HKR, "Parameters", "BusType", 0x00010001, 0x0000000A
HKR, "Parameters\PnpInterface", "5", %REG_DWORD%, 1
[Disk_Log]
AddReg = Disk_Log_Values
[Disk_Log_Values]
HKR,,EventMessageFile,0x00020000,"%%SystemRoot%%\System32\IoLogMsg.dll"
HKR,,TypesSupported,%REG_DWORD%,7

[disk_inst.HW]
AddReg = Disk_Interrupts
[Disk_Interrupts]
HKR, "Interrupt Management\MessageSignaledInterruptProperties", MSISupported, 0x00010001, 1

[Strings]
Vendor    = "Lab"
diskId1   = "Lab disk"
Disk.Desc = "Lab Disk Controller"
SPSVCINST_ASSOCSERVICE = 0x00000002
REG_DWORD = 0x00010001
"""
NETWORK = r"""[version]
signature="$CHICAGO$"
Class=Net
ClassGUID={4d36e972-e325-11ce-bfc1-08002be10318}
Provider="Lab"
CatalogFile.NT=labnet.cat
DriverVer=;

[Manufacturer]
Lab=LabNet,NTx86.6.0,NTamd64.6.0
[LabNet.NTx86.6.0]
; nothing for x86
[LabNet.NTamd64.6.0]
"Lab Network Adapter"=net_inst,\
  PCI\VEN_1234&DEV_0E00,\
  PCI\VEN_1234&DEV_0E01
"Lab Network Adapter, by hand"=net_inst

[net_inst.NT]
Include=netvwifibus.inf
Needs=VWiFiBus.CopyFiles
CopyFiles=net_files
AddReg=net_values
[net_files]
labnet.sys
[net_values]
HKR,Ndi,Service,,labnet
[net_inst.NT.Services]
AddService=labnet,2,net_service
[net_service]
ServiceType=1
StartType=3
ErrorControl=1
ServiceBinary=%13%\labnet.sys

[SourceDisksNames]
1="Lab",,,
[SourceDisksFiles]
labnet.sys=1
serial.sys=1
[DestinationDirs]
DefaultDestDir=13
"""
AUTORUN = "[autorun]\r\nopen=setup.exe\r\n"


def write_drivers(folder: Path) -> Path:
    """Make a folder with both drivers, and what is none; a file of the second is missing."""
    files = {
        "storage/labdisk.inf": STORAGE.replace("\n", "\r\n").encode(),
        "storage/LABDISK.SYS": b"MZ storage",
        "storage/labdisk.cat": b"catalog",
        "storage/Tools/labtool.exe": b"MZ tool",
        "net/labnet.inf": b"\xff\xfe" + NETWORK.replace("\n", "\r\n").encode("utf-16-le"),
        "autorun.inf": AUTORUN.encode(),
    }
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
