"""Programs of others that make archives of driver files."""

from __future__ import annotations

import subprocess
from pathlib import Path

from judges.disk import run
from judges.wim import require


def seven_zip(archive: Path, folder: Path, *options: str) -> Path:
    """Pack a folder with 7zz; the kind is that of the ending, and links stay links."""
    run([require("7zz"), "a", "-bd", "-snl", *options, "--", archive, f"{folder}/."])
    return archive


def cabinet(archive: Path, folder: Path) -> Path:
    """Pack a folder with gcab."""
    names = sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
    subprocess.run([require("gcab"), "-c", "-z", archive, *names], cwd=folder, check=True, timeout=60)
    return archive


def installer(archive: Path, folder: Path) -> Path:
    """Make an MSI of a folder with wixl, in which the files have other names than they get."""
    parts, components = _parts(folder, "", folder.parent)
    # wixl finds files below its own folder only.
    source = folder.parent / "drivers.wxs"
    source.write_text(
        '<?xml version="1.0"?><Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">'
        '<Product Id="*" UpgradeCode="12345678-1234-1234-1234-111111111111" Name="drivers" Version="1.0" '
        'Manufacturer="m" Language="1033"><Package InstallerVersion="200" Compressed="yes"/>'
        '<Media Id="1" Cabinet="product.cab" EmbedCab="yes"/><Directory Id="TARGETDIR" Name="SourceDir">'
        f'{parts}</Directory><Feature Id="All" Level="1">'
        + "".join(f'<ComponentRef Id="{each}"/>' for each in components)
        + "</Feature></Product></Wix>"
    )
    subprocess.run([require("wixl"), "-o", archive, source.name], cwd=folder.parent, check=True, timeout=60)
    return archive


def _parts(folder: Path, prefix: str, top: Path) -> tuple[str, list[str]]:
    made = ""
    components = []
    for number, each in enumerate(sorted(folder.iterdir())):
        name = f"{prefix}X{number}"
        if each.is_dir():
            inner, more = _parts(each, name, top)
            made += f'<Directory Id="D{name}" Name="{each.name}">{inner}</Directory>'
            components += more
        else:
            guid = f"12345678-1234-1234-1234-{len(prefix):04}{number:08}"
            file = f'<File Id="F{name}" Source="{each.relative_to(top)}"/>'
            made += f'<Component Id="C{name}" Guid="{guid}">{file}</Component>'
            components.append(f"C{name}")
    return made, components
