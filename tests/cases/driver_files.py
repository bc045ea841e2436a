"""Folders of drivers: an INF with the files that it names, as a vendor gives them out."""

from __future__ import annotations

from pathlib import Path

INF = """\
; {device}
[Version]
Signature = "$Windows NT$"
Class = {class_name}
ClassGuid = {class_guid}
Provider = %Vendor%
CatalogFile = {stem}.cat
DriverVer = 08/05/2024,{version}

[Manufacturer]
%Vendor% = Models, {decorations}

{models}
[Install.NT]
CopyFiles = Copied
FeatureScore = F9

[Install.NT.Services]
AddService = {stem}, 2, Service

[Service]
ServiceType = 1
StartType = 0
ErrorControl = 1
ServiceBinary = %12%\\{stem}.sys

[Copied]
{stem}.sys

[DestinationDirs]
DefaultDestDir = 12

[SourceDisksNames]
1 = "Disk"

[SourceDisksFiles]
{stem}.sys = 1

[Strings]
Vendor = "{provider}"
Device = "{device}"
"""
SCSI = "SCSIAdapter", "{4D36E97B-E325-11CE-BFC1-08002BE10318}"
NET = "Net", "{4D36E972-E325-11CE-BFC1-08002BE10318}"


def inf_text(
    stem: str,
    ids: tuple[str, ...],
    *,
    device: str,
    kind: tuple[str, str] = SCSI,
    provider: str = "Red Hat, Inc.",
    version: str = "100.95.104.26200",
    decorations: tuple[str, ...] = ("NTamd64.10.0",),
    empty: tuple[str, ...] = (),
) -> str:
    """Return the text of an INF; the sections of ``empty`` decorations have no models."""
    lines = "".join(f"%Device% = Install, {each}\n" for each in ids)
    models = "".join(f"[Models.{each}]\n{'' if each in empty else lines}\n" for each in decorations)
    return INF.format(
        stem=stem,
        device=device,
        class_name=kind[0],
        class_guid=kind[1],
        provider=provider,
        version=version,
        decorations=", ".join(decorations),
        models=models,
    )


def write_driver(folder: Path, text: str, *, stem: str, payload: bytes = b"MZ") -> Path:
    """Write an INF, its driver and its catalog file into a folder; return the path of the INF."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.sys").write_bytes(payload)
    (folder / f"{stem}.cat").write_bytes(b"0\x82" + stem.encode())
    path = folder / f"{stem}.inf"
    path.write_text(text.replace("\n", "\r\n"), encoding="utf-8", newline="")
    return path


def write_guest_drivers(folder: Path) -> Path:
    """Write a folder with drivers of two devices, each for two architectures, and an INF that is none of a driver."""
    scsi = ("PCI\\VEN_1AF4&DEV_1004&SUBSYS_00081AF4&REV_00, PCI\\VEN_1AF4&DEV_1004", "PCI\\VEN_1AF4&DEV_1048")
    for arch in ("amd64", "x86"):
        text = inf_text("vioscsi", scsi, device="Red Hat VirtIO SCSI controller", decorations=(f"NT{arch}.10.0",))
        write_driver(folder / "vioscsi" / arch, text, stem="vioscsi", payload=f"MZ scsi {arch}".encode())
        text = inf_text(
            "netkvm",
            ("PCI\\VEN_1AF4&DEV_1000",),
            device="Red Hat VirtIO Ethernet Adapter",
            kind=NET,
            decorations=(f"NT{arch}.6.1", f"NT{arch}.10.0"),
            empty=(f"NT{arch}.6.1",),
        )
        write_driver(folder / "NetKVM" / arch, text, stem="netkvm", payload=f"MZ net {arch}".encode())
    (folder / "autorun.inf").write_text("[AutoRun]\r\nopen=setup.exe\r\n")
    return folder
