"""Driver packages for boot images: INFs written by hand in the form of those of virtio-win, with made-up contents."""

from __future__ import annotations

import hashlib

from cases.catalogs import Entry
from cases.catalogs import catalog as vouching
from cases.windows_trees import body

CLASSES = {
    "SCSIAdapter": "{4D36E97B-E325-11CE-BFC1-08002BE10318}",
    "HDC": "{4D36E96A-E325-11CE-BFC1-08002BE10318}",
    "Net": "{4D36E972-E325-11CE-BFC1-08002BE10318}",
    "Display": "{4D36E968-E325-11CE-BFC1-08002BE10318}",
}


def package(
    name: str,
    *,
    class_name: str = "SCSIAdapter",
    ids: tuple[str, ...] = (r"PCI\VEN_1AF4&DEV_1004",),
    platform: str = "NTamd64.10.0",
    version: str = "01/31/2025,100.1.2.3",
    catalog: bool = True,
    maker: str = "Nobody",
    device: str = "A device of nobody",
) -> dict[str, bytes]:
    """Return the files of a package by their names: INF, driver, catalog."""
    models = "\r\n".join(f"%Desc% = install, {each}" for each in ids)
    text = f"""[Version]
Signature="$Windows NT$"
Class={class_name}
ClassGuid={CLASSES[class_name]}
Provider=%Maker%
DriverVer={version}
CatalogFile={name}.cat

[SourceDisksNames]
1 = "disk"

[SourceDisksFiles]
{name}.sys = 1

[DestinationDirs]
DefaultDestDir = 12

[Manufacturer]
%Maker% = Models,{platform}

[Models.{platform}]
{models}

[install]
CopyFiles = @{name}.sys

[install.Services]
AddService = {name}, 2, service

[service]
ServiceType = 1
StartType = 0
ErrorControl = 1
ServiceBinary = %12%\\{name}.sys

[Strings]
Maker = "{maker}"
Desc = "{device}"
"""
    files = {f"{name}.inf": text.replace("\n", "\r\n").encode("ascii"), f"{name}.sys": body(f"{name} {version}")}
    entries = [Entry(hashlib.sha256(data).digest(), file) for file, data in files.items()]
    return files | ({f"{name}.cat": vouching(entries)} if catalog else {})


def below(folder: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return files in a folder."""
    return {f"{folder}/{name}": data for name, data in files.items()}
