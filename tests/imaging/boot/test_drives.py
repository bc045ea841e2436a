"""The drive letters and the language of a Windows whose SYSTEM was not closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.hive_logs import unclosed, with_numbers
from judges import wim as judges
from judges.hive import dissect
from osdimage.imaging.boot.drives import SYSTEM_HIVE, Forgotten, forget_drives
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.language import Locale, LocaleSource, locale_of
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive
from osdimage.imaging.volume.filesystems import open_files

pytestmark = pytest.mark.foreign


def system(letter: str, language: str) -> bytes:
    hive = new_hive("ROOT")
    hive.root.ensure("Select").set(Value.dword("Default", 1))
    hive.root.ensure("MountedDevices").set(Value.binary(f"\\DosDevices\\{letter}:", bytes(12)))
    hive.root.ensure(r"ControlSet001\Control\Nls\Language").set(Value.string("InstallLanguage", language))
    return with_numbers(write_hive(hive), 1, 1)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = judges.make_ntfs(tmp_path / "ntfs", 16 << 20)
    # 0409 is English, 0407 German ([MS-LCID]).
    snapshot = unclosed([system("C", "0409"), system("D", "0407")])
    with open_volume(path, write=True) as opened, open_files(opened, write=True) as files:
        for name, data in snapshot.files(SYSTEM_HIVE).items():
            files.write(name, data)
        for name in ("en-US", "de-DE"):
            files.write(f"Windows/System32/{name}/winload.efi.mui", b"")
    return path


def test_the_drive_letters_that_were_only_in_a_log_are_cleared(volume: Path) -> None:
    with open_volume(volume, write=True) as opened:
        done = forget_drives(opened)
        assert done == Forgotten(
            replayed=f"{volume}: {SYSTEM_HIVE} was written with the last changes from SYSTEM.LOG1 (entry 1)"
        )
        with open_files(opened) as files:
            tree = dissect(files.read(SYSTEM_HIVE))
            assert files.read(f"{SYSTEM_HIVE}.LOG1") == b""
    assert tree["MountedDevices"] == {}
    (value,) = tree[r"ControlSet001\Control\Nls\Language"].values()
    assert value == (1, "0407\0".encode("utf-16-le"))


def test_the_language_is_that_of_the_last_change(volume: Path) -> None:
    with open_volume(volume) as opened, open_files(opened) as files:
        assert locale_of(files, Firmware.UEFI) == Locale("de-DE", LocaleSource.REGISTRY)
