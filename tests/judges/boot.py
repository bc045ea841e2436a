"""Machines that start disks: QEMU with the firmwares of others.  A missing one is as in ``disk.py``.

The disk is never written: QEMU keeps what a machine writes in a temporary file.  Emulation is in software everywhere
(``accel=tcg``), so that it is the same on every machine.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from judges import wim as judges
from judges.disk import missing

SECONDS = 60
"""How long a machine may take."""
_NETWORK_SECONDS = 180
"""How long one may take that asks servers first."""
AGREED = 33
"""The exit code of QEMU when the program inside wrote 10h to isa-debug-exit: (10h << 1) | 1."""

_FIRMWARE = (
    # Debian, Fedora, Arch.
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
)
_COMMON = ("-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-serial", "stdio")
_USB = ("-device", "qemu-xhci", "-device", "usb-storage,drive=disk,bootindex=1,removable=on")
_EXIT = ("-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4")


@dataclass(frozen=True, slots=True)
class Booted:
    """How a machine ended.

    Attributes:
        code: the exit code of QEMU; None when it was stopped, because it printed what was waited for, or for the time.
        printed: what came out of its serial port, without control sequences.
    """

    code: int | None
    printed: str

    @property
    def reached(self) -> bool:
        """Tell whether the program inside ended the machine with the agreed code."""
        return self.code == AGREED


def nasm(source: Path, to: Path, *options: str) -> bytes:
    """Assemble a source with ``nasm -f bin`` and return the result."""
    judges.run("nasm", "-f", "bin", "-I", f"{source.parent}/", *options, "-o", to, source)
    return to.read_bytes()


def boot_bios_disc(disc: Path) -> Booted:
    """Start a PC with SeaBIOS from an optical disc."""
    drive = f"file={disc},format=raw,if=ide,media=cdrom,readonly=on"
    return _run(["-machine", "pc,accel=tcg,graphics=off", "-m", "64", "-drive", drive, "-boot", "d"], None)


def boot_uefi_disc(disc: Path, variables: Path) -> Booted:
    """Start a PC with OVMF from an optical disc; ``variables`` is as of :func:`boot_uefi`."""
    machine = [
        *_uefi_machine(variables),
        *("-drive", f"file={disc},format=raw,if=none,id=disc,media=cdrom,readonly=on"),
        *("-device", "ide-cd,drive=disc,bootindex=1"),
    ]
    return _run(machine, None)


def boot_bios(disk: Path, *, floppy: bool = False, until: str | None = None) -> Booted:
    """Start a PC with SeaBIOS from a disk, or from a floppy, to which its BIOS has no packets.

    With ``graphics=off`` SeaBIOS prints on the serial port what programs print on the screen.

    Args:
        disk: the disk image.
        floppy: let it be one.
        until: stop the machine when it has printed this, and do not wait for the agreed code.
    """
    drive = f"file={disk},format=raw,snapshot=on,if={'floppy' if floppy else 'ide'}"
    machine = ["-machine", "pc,accel=tcg,graphics=off", "-m", "64", "-drive", drive, "-boot", "a" if floppy else "c"]
    return _run(machine, until)


def boot_uefi(
    disk: Path, variables: Path, *, beside: Path | None = None, is_usb: bool = False, until: str | None = None
) -> Booted:
    """Start a PC with OVMF from a disk that its firmware has never seen.

    Args:
        disk: the disk image.
        variables: where a copy of the empty variables of the firmware is put.
        beside: a second disk of the PC, from which it starts when it cannot from the first.
        is_usb: whether the disk is a stick in a USB port.
        until: stop the machine when it has printed this, and do not wait for the agreed code.
    """
    machine = [
        *_uefi_machine(variables),
        *("-drive", f"file={disk},format=raw,if=none,id=disk,snapshot=on"),
        *(_USB if is_usb else ("-device", "virtio-blk-pci,drive=disk,bootindex=1")),
    ]
    if beside is not None:
        # OVMF connects only the disks that have a place in the order.
        machine += ["-drive", f"file={beside},format=raw,if=none,id=beside,snapshot=on"]
        machine += ["-device", "virtio-blk-pci,drive=beside,bootindex=2"]
    return _run(machine, until)


def boot_network_bios(folder: Path, *, mac: str = "52:54:00:12:34:56", until: str | None = None) -> Booted:
    """Start a PC with SeaBIOS from the network: its card has iPXE, and QEMU hands out a folder by TFTP.

    Args:
        folder: has ``boot.ipxe``.
        mac: the address of its adapter.
        until: stop the machine when it has printed this, and do not wait for the agreed code.
    """
    machine = ["-machine", "pc,accel=tcg,graphics=off", "-m", "128", "-boot", "n", *_network(folder, mac)]
    return _run([*machine, "-device", f"virtio-net-pci,netdev=net,mac={mac}"], until)


def boot_network_uefi(
    folder: Path, variables: Path, *, mac: str = "52:54:00:12:34:56", until: str | None = None
) -> Booted:
    """Start a PC with OVMF from the network, likewise.

    Args:
        folder: has ``boot.ipxe``.
        variables: where a copy of the empty variables of the firmware is put.
        mac: the address of its adapter.
        until: stop the machine when it has printed this, and do not wait for the agreed code.
    """
    machine = [
        *_uefi_machine(variables),
        *_network(folder, mac),
        *("-device", f"virtio-net-pci,netdev=net,mac={mac},bootindex=1"),
    ]
    return _run(machine, until)


def boot_in_network(namespace: str, mac: str, *, variables: Path | None = None, until: str | None = None) -> Booted:
    """Start a PC from the network that ``judges.servers.network`` has made.

    Args:
        namespace: the one of the network.
        mac: the address of its adapter.
        variables: start it with OVMF, which has no iPXE of its own then, and put a copy of the empty variables there;
            None: with SeaBIOS, whose iPXE is on the card.
        until: stop the machine when it has printed this, and do not wait for the agreed code.
    """
    tap = ("-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no")
    card = f"virtio-net-pci,netdev=net,mac={mac}"
    inside = (judges.require("ip"), "netns", "exec", namespace)
    if variables is None:
        machine = ["-machine", "pc,accel=tcg,graphics=off", "-m", "128", "-boot", "n", *tap, "-device", card]
        return _run(machine, until, inside=inside, seconds=_NETWORK_SECONDS)
    code, empty = _firmware()
    shutil.copyfile(empty, variables)
    machine = [
        *("-machine", "q35,accel=tcg", "-m", "512", *tap),
        *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}"),
        *("-drive", f"if=pflash,format=raw,unit=1,file={variables}"),
        # The network of OVMF needs random numbers.
        *("-device", "virtio-rng-pci", "-device", f"{card},romfile=,bootindex=1"),
    ]
    return _run(machine, until, inside=inside, seconds=_NETWORK_SECONDS)


def _network(folder: Path, mac: str) -> list[str]:
    uuid = f"00000000-0000-4000-8000-{mac.replace(':', '')}"
    return ["-uuid", uuid, "-netdev", f"user,id=net,restrict=on,tftp={folder},bootfile=boot.ipxe"]


def _uefi_machine(variables: Path) -> list[str]:
    code, empty = _firmware()
    shutil.copyfile(empty, variables)
    return [
        *("-machine", "q35,accel=tcg", "-m", "256"),
        *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}"),
        *("-drive", f"if=pflash,format=raw,unit=1,file={variables}"),
    ]


def _firmware() -> tuple[str, str]:
    for code, variables in _FIRMWARE:
        if Path(code).is_file() and Path(variables).is_file():
            return code, variables
    missing("OVMF is not installed")
    raise AssertionError


def _run(machine: Sequence[str], until: str | None, *, inside: Sequence[str] = (), seconds: int = SECONDS) -> Booted:
    qemu = judges.require("qemu-system-x86_64")
    # timeout ends the machine also when the tests are killed.
    command = [*inside, judges.require("timeout"), "--signal=KILL", str(seconds), qemu, *_COMMON, *_EXIT, *machine]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    printed, stopped = b"", False
    end = time.monotonic() + seconds
    try:
        while not stopped:
            ready, _, _ = select.select([process.stdout], [], [], max(0, end - time.monotonic()))
            piece = os.read(process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                break
            printed += piece
            stopped = until is not None and until in _plain(printed)
        if not stopped and time.monotonic() < end:
            process.wait(seconds)
    finally:
        process.terminate()
        process.wait(seconds)
        process.stdout.close()
    # Exit codes of QEMU itself and of the program inside; timeout tells of the end of the time by 124 or 137.
    ended = process.returncode if not stopped and 0 <= process.returncode < 124 else None
    return Booted(ended, _plain(printed))


def _plain(printed: bytes) -> str:
    """Return the text without the control sequences of a terminal."""
    return re.sub(r"\x1b(\[[0-9;?=]*[A-Za-z]|c)", "", printed.decode("latin-1")).replace("\r", "")
