"""Driver packages of a few lines, for what looks at whole collections of them."""

from __future__ import annotations

from pathlib import Path

from cases import pe


def inf(
    name: str = "net",
    *,
    platforms: tuple[str, ...] = ("NTamd64.10.0",),
    catalog: str | None = "",
    driver_version: str = "06/05/2025,1.2.3.4",
    more: str = "",
) -> bytes:
    """Return an INF of a network card that copies one file, ``NAME.sys``.

    Args:
        name: of the file and the service.
        platforms: for which it has devices.
        catalog: the name of its catalog, ``NAME.cat`` when it is empty, none when it is None.
        driver_version: of ``DriverVer``; with an empty one it has none.
        more: sections behind all others.
    """
    catalogs = "" if catalog is None else f"CatalogFile = {catalog or f'{name}.cat'}\n"
    version = f"DriverVer = {driver_version}\n" if driver_version else ""
    models = "".join(f"[Maker.{each}]\n%Card% = Install, PCI\\VEN_1AF4&DEV_1000\n" for each in platforms)
    text = f"""\
[Version]
Signature = "$Windows NT$"
Class = Net
ClassGuid = {{4d36e972-e325-11ce-bfc1-08002be10318}}
Provider = %Maker%
{catalogs}{version}
[Manufacturer]
%Maker% = Maker,{",".join(platforms)}
{models}
[Install.NT]
CopyFiles = Files
[Install.NT.Services]
AddService = {name}, 2, Service
[Service]
ServiceType = 1
StartType = 3
ErrorControl = 1
ServiceBinary = %12%\\{name}.sys
[Files]
{name}.sys
[DestinationDirs]
DefaultDestDir = 12
[SourceDisksNames]
1 = %Maker%
[SourceDisksFiles]
{name}.sys = 1
[Strings]
Maker = "Maker"
Card = "A card"
{more}"""
    return text.replace("\n", "\r\n").encode()


def write_package(folder: Path, name: str = "net", text: bytes | None = None, *, architecture: str = "amd64") -> Path:
    """Write a package without a catalog into a folder; return its INF."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.sys").write_bytes(pe.driver(architecture, f"{name} {folder}".encode()))
    path = folder / f"{name}.inf"
    path.write_bytes(inf(name) if text is None else text)
    return path
