"""The scripts of iPXE: which computer starts what.

``boot.ipxe`` looks for the script of the computer, by the address of the adapter that it has loaded iPXE with, then by
the UUID of its firmware; the script of a computer that is not known comes last.  Those lead to the script of a boot
image, which loads wimboot and its files.  A script that ends well lets the computer go on with the next device that its
firmware starts; one that fails is followed by the next choice, and so a script that was found ends well in any case.

Addresses in a script are relative to where iPXE has it from: only ``boot.ipxe`` tells of a server.

Measured with iPXE 1.0.0+git-20190125 of Debian 12 in QEMU: ``netX`` is the adapter that was opened last; ``--key`` of
``prompt`` is a character or a number, and 0x197e is F12 (``KEY_ANSI(24, '~')`` in its ``include/ipxe/keys.h``); no name
of a key is understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

ENTRY = "boot.ipxe"
DEFAULT = "default.ipxe"
UNKNOWN = "unknown.ipxe"
_IMAGES = "images"
_HEAD = "#!ipxe"
_F12 = "0x197e"
_PROMPT_MS = 5000
_MENU_MS = 30000
_READ_S = 15
_ON = "goto {} ||"


class UnknownComputers(StrEnum):
    """What a computer does that is not known."""

    REFUSE = "refuse"
    MENU = "menu"
    BOOT = "boot"


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file that iPXE loads for wimboot.

    Attributes:
        name: by which wimboot knows it.
        path: in the folder.
    """

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class NetImage:
    """A boot image that computers start from the network.

    Attributes:
        identifier: what it is called in the folder: lower-case letters, digits and hyphens.
        title: for people.
        architecture: ``x86``, ``x64`` or ``arm64``.
        wimboot: the path of the wimboot that starts it.
        bios: what is loaded by a BIOS; empty when that does not start it.
        uefi: what is loaded by UEFI; likewise.
    """

    identifier: str
    title: str
    architecture: str
    wimboot: str
    bios: tuple[LoadedFile, ...]
    uefi: tuple[LoadedFile, ...]

    @property
    def script(self) -> str:
        """The path of its script."""
        return f"{_IMAGES}/{self.identifier}.ipxe"


def entry_script(url: str | None) -> str:
    """Return ``boot.ipxe``.

    Args:
        url: where the folder is handed out, with ``/`` at its end; None: wherever iPXE has this script from.
    """
    at = url or ""
    return _script(
        f"chain --autofree {at}by-mac/${{netX/mac:hexhyp}}.ipxe || "
        f"chain --autofree {at}by-uuid/${{uuid}}.ipxe || "
        f"chain --autofree {at}{UNKNOWN} || goto failed",
        "exit 0",
        *_failed("the scripts of the server cannot be read"),
    )


def image_script(image: NetImage) -> str:
    """Return the script that starts a boot image."""
    lines = [
        "isset ${computer} || set computer This computer",
        f"echo ${{computer}} starts {plain(image.title)}",
        *_wrong_processor(image),
    ]
    if image.uefi and image.bios:
        lines += [f"iseq ${{platform}} efi && {_ON.format('uefi')}"]
    elif image.uefi:
        lines += [f"iseq ${{platform}} efi && {_ON.format('uefi')}", "goto firmware"]
    else:
        lines += [f"iseq ${{platform}} efi && {_ON.format('firmware')}"]
    for label, files in (("bios", image.bios), ("uefi", image.uefi)):
        if files:
            lines += [f":{label}", f"kernel {_at(image.wimboot)} || goto failed"]
            lines += [f"initrd --name {each.name} {_at(each.path)} {each.name} || goto failed" for each in files]
            lines += ["boot || goto failed"]
    lines += _failed("this boot image could not be started")
    if not (image.uefi and image.bios):
        other = "a BIOS" if image.uefi else "UEFI"
        lines += _failed(f"this boot image is not started by {other}", "firmware")
    return _script(*lines)


def default_script(images: Sequence[NetImage]) -> str:
    """Return the script that starts the first boot image for the processor of the computer."""
    first: dict[str, NetImage] = {}
    for each in images:
        first.setdefault(each.architecture, each)
    lines = _by_processor()
    for architecture in ("x64", "x86", "arm64"):
        lines.append(f":{architecture}")
        chosen = first.get(architecture)
        if chosen is None and architecture == "x64":
            # A processor of 64 bits runs Windows PE of 32; firmware for UEFI of 64 bits starts no such loader.
            lines += ["iseq ${platform} efi && goto none ||", "goto x86"] if "x86" in first else ["goto none"]
        else:
            lines += (
                ["goto none"]
                if chosen is None
                else [f"chain --autofree {_at_root(chosen.script)} || goto failed", "exit 0"]
            )
    lines += _failed("the boot image could not be started")
    lines += _failed("the server has no boot image for this processor", "none")
    return _script(*lines)


def computer_script(name: str, target: str | None, *, is_mandatory: bool) -> str:
    """Return the script of a known computer.

    Args:
        name: of the computer.
        target: the path of the script that it goes on with; None: it starts the next device of its firmware.
        is_mandatory: whether it starts without a person who presses F12.
    """
    told = f"set computer {plain(name)}"
    if target is None:
        return _script(told, "exit 0")
    lines = [told, *([] if is_mandatory else [_prompt()])]
    return _script(
        *lines, f"chain --autofree ../{quote(target)} || goto failed", "exit 0", *_failed("its script failed")
    )


def unknown_script(wish: UnknownComputers, images: Sequence[NetImage], *, is_mandatory: bool) -> str:
    """Return the script of computers that are not known."""
    if wish is UnknownComputers.REFUSE:
        told = "echo This computer is not known here: ${netX/mac}, ${uuid}"
        return _script(told, "sleep 3", "exit 0")
    if wish is UnknownComputers.BOOT:
        prompt = [] if is_mandatory else [_prompt()]
        return _script(*prompt, f"chain --autofree {DEFAULT} || goto failed", "exit 0", *_failed("its script failed"))
    return menu_script(images)


def menu_script(images: Iterable[NetImage]) -> str:
    """Return the script that lets a person choose; without one the computer goes on with its next device."""
    lines = ["menu Start from the network", "item --gap"]
    chains: list[str] = []
    for each in images:
        lines.append(f"item image-{each.identifier} {plain(each.title)} ({each.architecture})")
        chains += [f":image-{each.identifier}", f"chain --autofree {_at_root(each.script)} || goto failed", "exit 0"]
    lines += [
        "item --gap",
        "item next Start the next device of this computer",
        f"choose --default next --timeout {_MENU_MS} chosen || goto next",
        "goto ${chosen}",
        *chains,
        ":next",
        "exit 0",
        *_failed("the boot image could not be started"),
    ]
    return _script(*lines)


def rank(path: str) -> tuple[int, str]:
    """Return the place of a file among those that are replaced one after the other: behind all that it names.

    A script of a boot image names its files, that of a computer a boot image, and ``boot.ipxe`` those of computers.
    """
    if path == ENTRY:
        return 3, path
    if not path.endswith(".ipxe"):
        return 0, path
    return (1 if path.startswith(f"{_IMAGES}/") else 2), path


def plain(text: str) -> str:
    """Return a text that iPXE shows as it is: of what it would expand or divide a line at nothing is left."""
    return re.sub(r"[^A-Za-z0-9 ._()+,:-]", "?", text).strip() or "?"


def _script(*lines: str) -> str:
    return "".join(f"{line}\n" for line in (_HEAD, *lines))


def _failed(why: str, label: str = "failed") -> list[str]:
    return [f":{label}", f"echo osdimage: {why}; going on with the next device", f"sleep {_READ_S}", "exit 0"]


def _prompt() -> str:
    return f"prompt --key {_F12} --timeout {_PROMPT_MS} Press F12 to start from the network... || exit 0"


def _by_processor() -> list[str]:
    return [
        "iseq ${buildarch} arm64 && goto arm64 ||",
        "iseq ${buildarch} x86_64 && goto x64 ||",
        # UEFI of 32 bits starts no loader for x64, whatever the processor is.
        "iseq ${platform} efi && goto x86 ||",
        "cpuid --ext 29 && goto x64 ||",
        "goto x86",
    ]


def _wrong_processor(image: NetImage) -> list[str]:
    """Return lines that end well where a boot image for x64 would stop a processor of 32 bits."""
    if image.architecture != "x64":
        return []
    return [
        "iseq ${buildarch} x86_64 && goto right ||",
        "cpuid --ext 29 && goto right ||",
        *_failed("this boot image needs a processor of 64 bits", "wrong"),
        ":right",
    ]


def _at(path: str) -> str:
    """Return the address of a file for the script of an image, which is in a folder of its own."""
    return f"../{quote(path)}"


def _at_root(path: str) -> str:
    return quote(path)
