"""Capture configurations."""

from __future__ import annotations

from pathlib import Path

import pytest
from osdimage.imaging.capture.config import DEFAULT_CONFIG, CaptureConfig, parse_config, read_config
from osdimage.imaging.errors import InvalidInput, InvalidRequest, StorageError

# The default of DISM: learn.microsoft.com, "DISM Configuration List and WimScript.ini Files".
DISM_DEFAULT = r"""
[ExclusionList]
\$ntfs.log
\hiberfil.sys
\pagefile.sys
\swapfile.sys
"\System Volume Information"
\RECYCLER
\Windows\CSC

[CompressionExclusionList]
*.mp3
*.zip
*.cab
\WINDOWS\inf\*.pnf
"""


def test_the_file_of_dism_is_read() -> None:
    config = parse_config(DISM_DEFAULT, "WimScript.ini")
    assert config.exclusions == (
        "\\$ntfs.log",
        "\\hiberfil.sys",
        "\\pagefile.sys",
        "\\swapfile.sys",
        "\\System Volume Information",
        "\\RECYCLER",
        "\\Windows\\CSC",
    )
    assert config.uncompressed == ("*.mp3", "*.zip", "*.cab", "\\WINDOWS\\inf\\*.pnf")
    assert set(config.exclusions) <= set(DEFAULT_CONFIG.exclusions)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_encodings_of_windows_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "WimScript.ini"
    path.write_text(
        "; note\r\n# note\r\n[exclusionlist]\r\nC:\\Größe\r\n\r\n[ExclusionException]\r\n\\x\r\n", encoding=encoding
    )
    assert read_config(path) == CaptureConfig(exclusions=("\\Größe",), exceptions=("\\x",))


BAD = {
    "unknown section": ("[Exclusion]\n\\x\n", "f:1"),
    "broken section": ("[ExclusionList\n\\x\n", "f:1"),
    "pattern before a section": ("\\x\n", "f:1"),
    "relative path": ("[ExclusionList]\n\\a\nfolder\\file\n", "f:3"),
    "relative path on a drive": ("[ExclusionList]\nC:file\n", "f:2"),
}


@pytest.mark.parametrize(("text", "where"), BAD.values(), ids=BAD)
def test_a_mistake_is_refused_with_its_line(text: str, where: str) -> None:
    with pytest.raises(InvalidInput, match=where):
        parse_config(text, "f")


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ini"
    with pytest.raises(StorageError, match=r"x\.ini: No such file"):
        read_config(path)
    path.write_bytes(b"[ExclusionList]\n\\\xff\xfe\n")
    with pytest.raises(InvalidInput, match="byte 17"):
        read_config(path)


@pytest.mark.parametrize("pattern", ["", "a/b", 'say "x"', "a\nb", "\\", "/\\/"])
def test_an_exclusion_that_cannot_be_a_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidRequest):
        DEFAULT_CONFIG.excluding(pattern)


def test_the_text_for_libwim_reads_back() -> None:
    config = DEFAULT_CONFIG.excluding("*.tmp", "\\a b\\c")
    assert parse_config(config.to_text(), "f").exclusions == config.exclusions


def test_a_file_that_would_take_for_ever_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ini"
    path.write_text("[ExclusionList]\n" + "x" * (4 << 20))
    with pytest.raises(InvalidInput, match=r"larger than 4\.0 MB"):
        read_config(path)
    path.write_text("[ExclusionList]\n" + "*.x\n" * 10_001)
    with pytest.raises(InvalidInput, match="more than the 10000 patterns"):
        read_config(path)
    path.write_text("[ExclusionList]\n" + "*.x\n" * 10_000)
    assert len(read_config(path).exclusions) == 10_000
