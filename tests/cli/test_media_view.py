"""What the commands that make media say of them, whatever they have written."""

from __future__ import annotations

from pathlib import Path

import pytest
from osdimage.cli.media import view
from osdimage.cli.render import Reporter
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.disc import BytesContents
from osdimage.imaging.media import BootParts, Medium, MediumFile, PreparedImage, SignedBy

FILES = (MediumFile("bootmgr", BytesContents(b"12"), 0, r"pe.wim: \Windows\Boot\PCAT\bootmgr"),)
IMAGE = PreparedImage(Path("copy.wim"), Path("pe.wim"), 1, "Windows PE", "arm64", None)
UEFI = BootParts(FILES, frozenset({Firmware.UEFI}), "arm64", SignedBy.CA_2023, None, "efisys.bin")
BIOS = BootParts(FILES, frozenset({Firmware.BIOS}), "x86", SignedBy.UNKNOWN, "etfsboot.com", None)


def shown(capsys: pytest.CaptureFixture[str], *made: view.Made, verbose: bool = False, quiet: bool = False) -> str:
    with Reporter(events=None, quiet=quiet, verbose=verbose, as_json=False) as reporter:
        view.report(made, reporter, images=[IMAGE], dry_run=False)
    told = capsys.readouterr()
    return told.err + told.out


def made(boot: BootParts | None, number: int = 1, warnings: tuple[str, ...] = ()) -> view.Made:
    return view.Made(Path(f"{number}.iso"), Medium(f"LAB_{number}", FILES, boot, warnings), 2048 * 300, number)


def test_it_says_what_starts_each_and_who_signed_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, made(UEFI)) == (
        "1.iso: wrote 1 file, 600 KB, label LAB_1\n"
        "  boot image: pe.wim: 'Windows PE', arm64\n"
        "  starts: UEFI (arm64); its loader is signed with Windows UEFI CA 2023\n"
    )
    assert "  starts: BIOS (x86)\n" in shown(capsys, made(BIOS))
    assert "  starts: nothing\n" in shown(capsys, made(None))


def test_each_disc_of_a_set_is_told_and_what_the_first_starts(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, made(BIOS), made(None, 2)).splitlines()
    assert [lines[0], lines[1], lines[-1]] == [
        "1.iso: wrote 1 file, 600 KB, label LAB_1",
        "2.iso: wrote 1 file, 600 KB, label LAB_2",
        "  starts: BIOS (x86)",
    ]


def test_more_is_where_each_file_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, made(UEFI), verbose=True).splitlines()[-2:] == [
        "File of 1.iso  Bytes  From",
        r"bootmgr            2  pe.wim: \Windows\Boot\PCAT\bootmgr",
    ]


def test_warnings_of_several_media_are_told_once_and_not_to_who_wants_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    both = [made(UEFI, number, ("it is odd",)) for number in (1, 2)]
    assert shown(capsys, *both).count("warning: it is odd\n") == 1
    assert shown(capsys, *both, quiet=True, verbose=True) == ""
