from __future__ import annotations

from pathlib import Path

import pytest
from judges import boot as boot_judges
from osdimage.imaging.boot.code.kinds import assembled

SOURCES = Path(__file__).parents[4] / "imaging" / "boot" / "code"


@pytest.mark.foreign
@pytest.mark.parametrize("source", sorted(SOURCES.glob("*.asm")), ids=lambda path: path.stem)
def test_the_machine_code_that_is_installed_is_what_nasm_makes_of_its_source(source: Path, tmp_path: Path) -> None:
    assert assembled(source.stem) == boot_judges.nasm(source, tmp_path / "code.bin")


def test_the_code_leaves_the_disk_signature_and_the_partitions_alone_and_ends_in_a_signature_where_it_must() -> None:
    # "MBR" of Microsoft: boot code fills bytes 0 to 439; a boot sector ends in 55 AA.
    assert len(assembled("mbr")) == 440
    for name in ("fat32", "fat32-ntldr", "ntfs", "ntfs-ntldr"):
        assert assembled(name)[510:512] == b"\x55\xaa"
        assert len(assembled(name)) % 512 == 0
