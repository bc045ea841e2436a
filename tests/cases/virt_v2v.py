"""What virt-v2v writes into the hive SYSTEM of a Windows that is to start from a disk of virtio-blk or virtio-scsi."""

from __future__ import annotations

from pathlib import Path

from judges.hive import Tree, dissect
from judges.wim import output

from cases.boot_drivers import BUS_TYPES

PREFIX = "HKEY_LOCAL_MACHINE\\SYSTEM"
_SEPARATOR = "\\"


def merged_with(hive: bytes, reg: str, folder: Path) -> Tree:
    """Return what a hive holds after hivexregedit has merged a registration file, as dissect.regf reads it."""
    path, file = folder / "SYSTEM", folder / "a.reg"
    path.write_bytes(hive)
    # It makes no keys above a key.
    parents = [
        f"[{each[1:-1].rsplit(_SEPARATOR, count)[0]}]\n\n"
        for each in reg.split("\n")
        if each.startswith("[")
        for count in range(each.count(_SEPARATOR) - PREFIX.count(_SEPARATOR) - 1, 0, -1)
    ]
    file.write_text(f"Windows Registry Editor Version 5.00\n\n{''.join(parents)}{reg}")
    output("hivexregedit", "--merge", "--prefix", PREFIX, path, file)
    return dissect(path.read_bytes())


def reg_text(value: str) -> str:
    """Return a text as the bytes of a registration file, with its NUL."""
    return (value + "\0").encode("utf-16-le").hex(",")


# What virt-v2v writes: libguestfs-common mlcustomize/inject_virtio_win.ml (02f0a19), add_guestor_to_registry,
# ddb_regedits and cdb_regedits, for both of a driver's ids; its names guestor.inf, guestor.inf_tmp and guestor_conf are
# replaced by ours, and its "system32\drivers" by the spelling of Windows.  What it leaves out, the service's AddReg, is
# from viostor.inx and vioscsi.inx of virtio-win.
SERVICE = r"""
[{PREFIX}\ControlSet001\Services\{service}]
"Type"=dword:00000001
"Start"=dword:00000000
"Group"="SCSI miniport"
"ErrorControl"=dword:00000001
"ImagePath"=hex(2):{image}

[{PREFIX}\ControlSet001\Services\{service}\Parameters]
"BusType"=dword:{bus:08x}

[{PREFIX}\ControlSet001\Services\{service}\Parameters\PnpInterface]
"5"=dword:00000001
"""
CRITICAL = r"""
[{PREFIX}\ControlSet001\Control\CriticalDeviceDatabase\PCI#{id}]
"Service"="{service}"
"ClassGUID"="{{4D36E97B-E325-11CE-BFC1-08002BE10318}}"
"""
DATABASE = r"""
[{PREFIX}\DriverDatabase\DriverInfFiles\{inf}]
@=hex(7):{package_list},00,00
"Active"="{package}"
"Configurations"=hex(7):{configurations},00,00

[{PREFIX}\DriverDatabase\DriverPackages\{package}]
"Version"=hex:00,ff,09,00,00,00,00,00,7b,e9,36,4d,25,e3,ce,11,bf,c1,08,00,2b,e1,03,18,{zeros}

[{PREFIX}\DriverDatabase\DriverPackages\{package}\Configurations\scsi_inst]
"ConfigFlags"=dword:00000000
"Service"="{service}"
"""
DEVICE = r"""
[{PREFIX}\DriverDatabase\DeviceIds\PCI\{id}]
"{inf}"=hex:01,ff,00,00

[{PREFIX}\DriverDatabase\DriverPackages\{package}\Descriptors\PCI\{id}]
"Configuration"="scsi_inst"
"""
# viostor_legacy_pciid and so on, of the same file.
IDS = {
    "viostor": ("VEN_1AF4&DEV_1001&REV_00", "VEN_1AF4&DEV_1042&REV_01"),
    "vioscsi": ("VEN_1AF4&DEV_1004&REV_00", "VEN_1AF4&DEV_1048&REV_01"),
}


def reg_of(service: str, *, has_database: bool) -> str:
    inf = f"osdimage-{service}.inf"
    package = f"{inf}_amd64_0000000000000000"
    names = {
        "PREFIX": PREFIX,
        "service": service,
        "bus": BUS_TYPES[service],
        "image": reg_text(rf"System32\drivers\{service}.sys"),
        "inf": inf,
        "package": package,
        "package_list": reg_text(package),
        "configurations": reg_text("scsi_inst"),
        "zeros": bytes(24).hex(","),
    }
    ids = IDS[service]
    if not has_database:
        return SERVICE.format(**names) + "".join(CRITICAL.format(id=each, **names) for each in ids)
    return "".join(
        (SERVICE.format(**names), DATABASE.format(**names), *(DEVICE.format(id=each, **names) for each in ids))
    )
