"""Small stand-ins of a disc of Windows and of virtio-win.iso, with folders, editions and devices as these have them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from cases import media, udf
from cases.boot_drivers import storage_package
from cases.boot_images import pe_files, setup_files
from cases.driver_packages import below, package
from cases.offline_windows import WINDOWS_11, make_tree
from cases.windows_trees import MACHINES, pe, windows_files, write_tree
from osdimage.imaging.registry.hive import Key

from touring.stock import osdimage

Files = Mapping[str, bytes]
More = Callable[[Key, Key], None]

# Names of images and their editions, as a disc has them.
EDITIONS = {"Windows 11 Home": "Core", "Windows 11 Pro": "Professional"}
TIME = 1_717_243_200  # 2024-06-01 12:00 UTC
LABEL = "CCCOMA_X64FRE_EN-US_DV9"
BIOS_BOOT, UEFI_BOOT = "boot/etfsboot.com", "efi/microsoft/boot/efisys.bin"
_NETWORK = (r"PCI\VEN_1AF4&DEV_1000", r"PCI\VEN_1AF4&DEV_1041")


def windows_11(system: More | None = None, *, edition: str = "Professional") -> dict[str, bytes]:
    """Return the files of a Windows 11 by path: hives, a kernel, what makes it start. ``system`` adds to SYSTEM."""
    return windows_files() | make_tree(replace(WINDOWS_11, edition=edition, more=system))


def capture(files: Files, wim: str, name: str, *more: str) -> None:
    """Capture files into a WIM, or add them to one that is there."""
    tree = write_tree(Path("captured"), dict(files))
    # What is stored of them is as large in each run.
    for each in (tree, *tree.rglob("*")):
        os.utime(each, (TIME, TIME))
    osdimage("capture", str(tree), wim, "--name", name, *(["--append"] if Path(wim).exists() else []), *more)
    shutil.rmtree(tree)


def install_wim(wim: str = "install.wim") -> None:
    """Make a WIM with an image for each edition, which say of themselves what those of a disc say."""
    for name, edition in EDITIONS.items():
        says = {
            "FLAGS": edition,
            "WINDOWS/ARCH": "9",
            "WINDOWS/EDITIONID": edition,
            "WINDOWS/INSTALLATIONTYPE": "Client",
            "WINDOWS/LANGUAGES/LANGUAGE": "en-US",
            "WINDOWS/LANGUAGES/DEFAULT": "en-US",
            "WINDOWS/VERSION/MAJOR": "10",
            "WINDOWS/VERSION/MINOR": "0",
            "WINDOWS/VERSION/BUILD": "22631",
            "WINDOWS/VERSION/SPBUILD": "1",
        }
        settings = [word for path, text in says.items() for word in ("--set", f"{path}={text}")]
        capture(windows_11(edition=edition), wim, name, *settings)


def boot_wim(wim: str = "boot.wim", has: Files = MappingProxyType({})) -> None:
    """Make a WIM with a Windows PE and a Windows Setup, of which the second starts; both have these files, too."""
    capture({**pe_files(), **has}, wim, "Microsoft Windows PE (x64)")
    capture({**setup_files(), **has}, wim, "Microsoft Windows Setup (x64)", "--boot")


def windows_disc(iso: str = "Win11.iso", has: Files = MappingProxyType({})) -> None:
    """Make a disc with both, which a BIOS and UEFI start: its files are in UDF, as those of a disc of Windows are."""
    programs = {BIOS_BOOT: bytes(4096), UEFI_BOOT: media.efisys("cdboot", 1 << 20), "setup.exe": pe(MACHINES["x64"])}
    folder = write_tree(Path("disc"), programs)
    (folder / "sources").mkdir()
    install_wim("disc/sources/install.wim")
    boot_wim("disc/sources/boot.wim", has)
    start = ["-b", BIOS_BOOT, "-no-emul-boot", "-boot-load-size", "8"]
    start += ["-eltorito-alt-boot", "-e", UEFI_BOOT, "-no-emul-boot"]
    subprocess.run(
        ["genisoimage", "-quiet", "-udf", "-V", LABEL, *start, "-o", iso, str(folder)], check=True, capture_output=True
    )
    shutil.rmtree(folder)


def virtio_files() -> Files:
    """Return drivers of disks and of network for a Windows 10 and 11, in folders as virtio-win.iso has them."""
    files: dict[str, bytes] = {}
    for system in ("w10", "w11"):
        for service in ("viostor", "vioscsi"):
            files |= storage_package(service, folder=f"{service}/{system}/amd64")
        network = package(
            "netkvm", class_name="Net", ids=_NETWORK, maker="Red Hat, Inc.", device="Red Hat VirtIO Ethernet Adapter"
        )
        files |= below(f"NetKVM/{system}/amd64", network)
    return files


def virtio_disc(iso: str = "virtio-win.iso") -> None:
    """Make a disc with them."""
    Path(iso).write_bytes(udf.build(udf.Node(children=_nodes(virtio_files())), label="virtio-win-0.1.266").data)


def _nodes(files: Files) -> list[udf.Node]:
    folders: dict[str, dict[str, bytes]] = {}
    nodes = []
    for path, data in files.items():
        top, _, rest = path.partition("/")
        if rest:
            folders.setdefault(top, {})[rest] = data
        else:
            nodes.append(udf.Node(top, data))
    return nodes + [udf.Node(name, children=_nodes(within)) for name, within in folders.items()]
