r"""Going on in Windows PE with what is in a share: the content of a stand-alone medium, in a folder of it.

A boot medium has no content.  It connects to the share, and runs ``osdimage\scripts\start.cmd`` there, which finds its
packages beside itself.
"""

from __future__ import annotations

from osdimage.imaging.media.winpe.flow import SAY
from osdimage.imaging.media.winpe.model import FOLDER, PeFile
from osdimage.imaging.media.winpe.shares import SharePath, connecting, no_share
from osdimage.imaging.media.winpe.start import startnet_files
from osdimage.imaging.media.winpe.text import script, with_blocks


def served_files(server: SharePath) -> tuple[PeFile, ...]:
    """Return what goes into a boot image so that it goes on with what is in a share."""
    lines = (
        "@echo off",
        "rem Made by osdimage: goes on with the task sequences that are in a share.",
        "setlocal EnableExtensions DisableDelayedExpansion",
        'set "_pe_log=%SystemDrive%\\osdimage.log"',
        f'set "_pe_medium={server}"',
        *connecting(server),
        rf'if not exist "%_pe_medium%\{FOLDER}\scripts\start.cmd" goto absent',
        'call :say "The task sequences are in %_pe_medium%"',
        rf'call "%_pe_medium%\{FOLDER}\scripts\start.cmd"',
        "if errorlevel 1 exit /b 1",
        "exit /b 0",
    )
    blocks = {
        "no_share": no_share(server),
        "absent": (
            rf'call :say "%_pe_medium% has no {FOLDER}\scripts\start.cmd: no stand-alone medium was put there."',
            "exit /b 1",
        ),
        "say": SAY,
    }
    return (PeFile(f"{FOLDER}/start.cmd", script(with_blocks(lines, blocks))), *startnet_files())
