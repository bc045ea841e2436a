"""The small files of a boot image, and the disk in memory that it starts on."""

from __future__ import annotations

from cases.media import BOOT_SDI
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.media.bootimage import startnet, winpeshl
from osdimage.imaging.media.bootimage.ini import IniText
from osdimage.imaging.media.parts.sdi import read_sdi

from fuzz.target import Target


def _winpeshl(data: bytes) -> None:
    ini = IniText.parse(data, name="x")
    assert IniText.parse(ini.to_bytes(), name="y") == ini
    winpeshl.launched(ini)
    winpeshl.faults(ini)
    winpeshl.put_first(ini, "first.exe", "x")
    assert "first.exe" in [each.program for each in winpeshl.launched(ini)]


def _tsconfig(data: bytes) -> None:
    ini = IniText.parse(data, name="x")
    ini.set("CustomHook", "CommandLine", '"cmd /c a.cmd"')
    assert IniText.parse(ini.to_bytes(), name="y").get("CustomHook", "CommandLine") == "cmd /c a.cmd"


def _startnet(data: bytes) -> None:
    made = startnet.with_block(data)
    assert startnet.has_block(made)
    assert startnet.with_block(made) == made


_LAUNCH = b"[LaunchApp]\r\nAppPath=X:\\a.exe\r\n[LaunchApps]\r\nb.exe, /c\r\n"


def _sdi(data: bytes) -> None:
    facts = read_sdi(data, name="x")
    assert facts.size_bytes == len(data)
    assert all("\n" not in each for each in facts.faults)


TARGETS = (
    Target("boot-sdi", _sdi, lambda: (BOOT_SDI,), (InvalidInput,), largest=16 << 10),
    Target("winpeshl-ini", _winpeshl, lambda: (_LAUNCH,), (InvalidInput, InvalidRequest), largest=4096),
    Target("tsconfig-ini", _tsconfig, lambda: (b"[CustomHook]\r\nCommandLine=x\r\n",), (InvalidInput,), largest=4096),
    Target("startnet", _startnet, lambda: (startnet.with_block(b"wpeinit\r\n"),), (), largest=4096),
)
