"""Task sequences that Windows PE can carry out, and a computer for them: Wine's shell with other programs in place."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from judges.wine import Wine
from osdimage.imaging.media.winpe.model import PeFile
from osdimage.imaging.tasksequence.conditions import Compare, Condition, Operator
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.sequence import Sequence, Step

SYSTEM = "C:\\windows\\system32"
FIRMWARE_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control"
# What the scripts find in their environment, and what Windows PE sets.
KNOWN = (
    *("_pe_medium", "_pe_root", "_pe_log", "_pe_here", "_pe_at", "_pe_id", "_pe_local", "_pe_disks", "_pe_letters"),
    *("_pe_spare", "_SMSTSLastActionSucceeded", "_SMSTSLastActionRetCode"),
)
PROGRAMS = ("bcdboot", "diskpart", "dism", "net", "ping", "wpeutil")
GPT = {
    "OSDDiskIndex": "0",
    "OSDPartitionStyle": "GPT",
    "OSDGPTBootDisk": "true",
    "OSDPartitions0Type": "EFI",
    "OSDPartitions0FileSystem": "FAT32",
    "OSDPartitions0Size": "100",
    "OSDPartitions0QuickFormat": "true",
    "OSDPartitions0VolumeName": "System",
    "OSDPartitions1Type": "MSR",
    "OSDPartitions1Size": "16",
    "OSDPartitions2Type": "Primary",
    "OSDPartitions2FileSystem": "NTFS",
    "OSDPartitions2QuickFormat": "true",
    "OSDPartitions2VolumeName": "Windows",
    "OSDPartitions2Size": "60",
    "OSDPartitions2SizeUnits": "GB",
    "OSDPartitions2VolumeLetterVariable": "OSDisk",
    "OSDPartitions3Type": "Recovery",
    "OSDPartitions3FileSystem": "NTFS",
    "OSDPartitions3QuickFormat": "true",
    "OSDPartitions3VolumeName": "Recovery",
}
MBR = {
    "OSDDiskIndex": "0",
    "OSDPartitionStyle": "MBR",
    "OSDPartitions0Type": "Primary",
    "OSDPartitions0FileSystem": "NTFS",
    "OSDPartitions0QuickFormat": "true",
    "OSDPartitions0Bootable": "true",
    "OSDPartitions0VolumeName": "System",
    "OSDPartitions0Size": "100",
    "OSDPartitions1Type": "Primary",
    "OSDPartitions1FileSystem": "NTFS",
    "OSDPartitions1QuickFormat": "true",
    "OSDPartitions1VolumeName": "Windows",
    "OSDPartitions1VolumeLetterVariable": "OSDisk",
}


def started_by(firmware: str) -> Condition:
    return Compare("_SMSTSBootUEFI", Operator.EQUALS, "true" if firmware == "uefi" else "false")


def run_line(name: str, command: str, properties: dict[str, str] | None = None, **more: object) -> Step:
    return step(name, "RunCommandLine", None, {"CommandLine": command, **(properties or {})}, **more)  # type: ignore[arg-type]


def set_variable(name: str, value: str, condition: Condition | None = None) -> Step:
    return step(f"Set {name}", "SetVariable", None, {"VariableName": name, "VariableValue": value}, condition=condition)


def apply_windows(package: str = "ABC00001", **more: object) -> Step:
    return step(
        "Apply Windows",
        "ApplyOperatingSystem",
        {"OSDImageIndex": "1"},
        {"ImagePackageID": package, "DestinationVariable": "OSDisk"},
        **more,  # type: ignore[arg-type]
    )


def lab_machine() -> Sequence:
    """Return a sequence that installs a Windows, by UEFI and by a BIOS."""
    return sequence(
        "Lab machine",
        step("Partition for UEFI", "PartitionDisk", GPT, condition=started_by("uefi")),
        step("Partition for BIOS", "PartitionDisk", MBR, condition=started_by("bios")),
        apply_windows(),
        run_line("Note", r"cmd.exe /c echo %OSDisk% %Site%>>C:\noted.txt", {}),
    )


class PeComputer:
    """A computer in Windows PE: Wine's shell, whose ``C:`` is the drive in memory, and a medium as ``D:``.

    The programs of Windows are scripts that note what they are told in ``told.txt``, and end with what ``NAME.code``
    says, or with 0.  diskpart also prints ``diskpart.says``.
    """

    def __init__(self, wine: Wine, medium: Path) -> None:
        self.wine, self.medium = wine, medium
        self.told = wine.drive / "told.txt"
        self.own = wine.drive / "pe-programs"
        for each in ("told.txt", "osdimage.log", "noted.txt", "osdimage-letters.txt"):
            (wine.drive / each).unlink(missing_ok=True)
        for each in ("osdimage", "pe-programs"):
            shutil.rmtree(wine.drive / each, ignore_errors=True)
        self.own.mkdir()
        for name in PROGRAMS:
            # Redirections stand in front: behind, a digit would be the number of a stream.
            lines = ["@echo off", rf">>C:\told.txt echo {name} %*"]
            if name == "diskpart":
                lines += [r"type %2 >>C:\told.txt", r"if exist %~dp0diskpart.says type %~dp0diskpart.says"]
                lines += [
                    rf"if exist %~dp0diskpart.moves start /wait /unix /bin/ln -s {medium} {wine.prefix}/dosdevices/z:"
                ]
            lines += ["set _code=0", rf"if exist %~dp0{name}.code set /p _code=<%~dp0{name}.code", "exit /b %_code%"]
            (self.own / f"{name}.cmd").write_text("".join(f"{line}\r\n" for line in lines), newline="")
        self.has_drive("d", medium)
        self.has_drive("e", None)
        # All of Linux, or where a medium was moved to.
        self.has_drive("z", None)

    def has_drive(self, letter: str, folder: Path | None) -> None:
        """Let a folder be a drive, or none."""
        drive = self.wine.prefix / "dosdevices" / f"{letter}:"
        drive.unlink(missing_ok=True)
        if folder is not None:
            drive.symlink_to(folder)

    def diskpart_says(self, text: str) -> None:
        (self.own / "diskpart.says").write_text(text.replace("\n", "\r\n"), newline="")

    def diskpart_moves(self) -> None:
        """Let diskpart give the medium the letter Z."""
        (self.own / "diskpart.moves").touch()

    def ends_with(self, program: str, code: int) -> None:
        (self.own / f"{program}.code").write_text(f"{code}\r\n")

    def has(self, files: Iterable[PeFile]) -> None:
        """Put the files of a boot image into it."""
        for each in files:
            if each.path.startswith("osdimage/"):
                path = self.wine.drive / each.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(each.data)

    def start(self, firmware: str, typed: str = "") -> list[str]:
        """Start it; return what its programs were told, a line each.

        Wine's shell takes one answer of what is typed: the rest is gone with what it has read.
        """
        self.wine.run(
            *("reg", "add", FIRMWARE_KEY, "/v", "PEFirmwareType", "/t", "REG_DWORD"),
            *("/d", "2" if firmware == "uefi" else "1", "/f"),
        )
        keys = self.wine.drive / "typed.txt"
        keys.write_text(f"{typed}\r\n", newline="")
        begin = self.wine.drive / "begin.cmd"
        begin.write_text(
            "@echo off\r\nset PATH=C:\\pe-programs;%PATH%\r\ncd /d C:\\pe-programs\r\n"
            "call C:\\osdimage\\start.cmd <C:\\typed.txt >C:\\shown.txt 2>&1\r\n",
            newline="",
        )
        self.wine.run("cmd", "/d", "/c", "C:\\begin.cmd")
        return [line.rstrip() for line in self.told.read_text().splitlines()] if self.told.exists() else []

    @property
    def log(self) -> list[str]:
        """What its log has, without the moments."""
        path = self.wine.drive / "osdimage.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [re.sub(r"^\S+ +\S+ (?:[AP]M )?", "", line) for line in lines]

    @property
    def shown(self) -> str:
        return (self.wine.drive / "shown.txt").read_text()
