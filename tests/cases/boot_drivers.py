"""Drivers of disks as vendors give them out: an INF with the sections of virtio-win's, a PE stub, a catalog."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from cases.catalogs import Entry, catalog
from cases.windows_trees import MACHINES, pe

SCSI_ADAPTER = "{4D36E97B-E325-11CE-BFC1-08002BE10318}"
VIOSTOR_IDS = (
    (r"PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00", r"PCI\VEN_1AF4&DEV_1001"),
    (r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01", r"PCI\VEN_1AF4&DEV_1042"),
)
VIOSCSI_IDS = (
    (r"PCI\VEN_1AF4&DEV_1004&SUBSYS_00081AF4&REV_00", r"PCI\VEN_1AF4&DEV_1004"),
    (r"PCI\VEN_1AF4&DEV_1048&SUBSYS_11001AF4&REV_01", r"PCI\VEN_1AF4&DEV_1048"),
)
BUS_TYPES = {"viostor": 0x1, "vioscsi": 0xA}


def storage_inf(
    service: str = "viostor",
    *,
    ids: Sequence[Sequence[str]] = VIOSTOR_IDS,
    driver_ver: str | None = "12/02/2021,100.90.104.21500",
    platform: str = "NTamd64",
    start: int = 0,
    class_lines: str = f"Class=SCSIAdapter\nClassGUID={SCSI_ADAPTER}",
    binary: str | None = None,
    more_install: str = "",
    more_settings: str = "",
) -> bytes:
    """Return an INF that says what viostor.inx and vioscsi.inx of virtio-win say."""
    driver = binary or rf"%12%\{service}.sys"
    models = "\n".join(f"%Desc% = scsi_inst, {', '.join(each)}" for each in ids)
    version = f"DriverVer={driver_ver}\n" if driver_ver else ""
    return f"""[Version]
Signature="$Windows NT$"
{class_lines}
Provider=%VENDOR%
{version}CatalogFile={service}.cat
PnpLockdown=1
[SourceDisksNames]
1 = %DiskId1%,,,""
[SourceDisksFiles]
{service}.sys = 1,,
[DestinationDirs]
Files_Driver = 12
[Manufacturer]
%VENDOR% = Models,{platform}
[Models.{platform}]
{models}
[Files_Driver]
{service}.sys,,,2
[scsi_inst]
CopyFiles=Files_Driver
{more_install}
[scsi_inst.Services]
AddService = {service}, 0x00000002, scsi_Service_Inst, scsi_EventLog_Inst
[scsi_Service_Inst]
ServiceType    = %SERVICE_KERNEL_DRIVER%
StartType      = {start}
ErrorControl   = 1
ServiceBinary  = {driver}
LoadOrderGroup = SCSI miniport
AddReg         = pnpsafe_pci_addreg
[scsi_EventLog_Inst]
AddReg = scsi_EventLog_AddReg
[scsi_EventLog_AddReg]
HKR,,EventMessageFile,0x00020000,"%%SystemRoot%%\\System32\\IoLogMsg.dll"
HKR,,TypesSupported,0x00010001,7
[pnpsafe_pci_addreg]
HKR, "Parameters\\PnpInterface", "5", %REG_DWORD%, 0x00000001
HKR, "Parameters", "BusType", %REG_DWORD%, {BUS_TYPES.get(service, 1):#010x}
{more_settings}
[Strings]
VENDOR = "Red Hat, Inc."
DiskId1 = "a disk"
Desc = "a controller"
REG_DWORD = 0x00010001
SERVICE_KERNEL_DRIVER = 1
""".encode()


def driver_sys(architecture: str = "x64", *, signed: bool = True) -> bytes:
    """Return a program that is no driver, with or without the table entry of a signature."""
    data = bytearray(pe(MACHINES[architecture], salt="driver"))
    # PE32+: the number of data directories is 108 bytes into the optional header; the fifth has the certificates.
    directories = 0x80 + 24 + 108
    data[directories : directories + 4] = struct.pack("<I", 16)
    if signed:
        data[directories + 4 + 32 : directories + 4 + 40] = struct.pack("<II", 0x2000, 0x400)
    return bytes(data)


def storage_package(service: str = "viostor", inf: bytes | None = None, folder: str = "amd64/w10") -> dict[str, bytes]:
    """Return the files of a driver by path."""
    ids = VIOSCSI_IDS if service == "vioscsi" else VIOSTOR_IDS
    files = {
        f"{folder}/{service}.inf": storage_inf(service, ids=ids) if inf is None else inf,
        f"{folder}/{service}.sys": driver_sys(),
    }
    entries = [Entry(hashlib.sha256(data).digest(), path.rpartition("/")[2]) for path, data in files.items()]
    return files | {f"{folder}/{service}.cat": catalog(entries)}
