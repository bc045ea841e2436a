"""Which Windows a volume or an image holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.sequence import capture, kernel, tell, windows_tree
from osdimage.imaging import InvalidInput, WimFile
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts, in_image

pytestmark = pytest.mark.foreign


@pytest.mark.parametrize(
    ("version", "architecture", "root"),
    [((5, 0), "x86", "WINNT"), ((5, 2), "x64", "Windows"), ((6, 1), "x86", "Windows"), ((10, 0), "arm64", "windows")],
)
def test_the_kernel_tells(tmp_path: Path, version: tuple[int, int], architecture: str, root: str) -> None:
    made = capture(
        windows_tree(tmp_path / "tree", version=version, architecture=architecture, root=root), tmp_path / "a.wim"
    )
    with WimFile.open(made) as wim:
        found = in_image(wim.image(1))
    assert found == WindowsFacts(*version, architecture, "WINNT" if root == "WINNT" else "Windows")
    assert found.is_supported
    assert found.has_unattend is (version >= (6, 0))
    assert str(found) == f"Windows {version[0]}.{version[1]} for {architecture}"


# corpus: wiminfo-text/*.txt, "Architecture", "Major Version", "Minor Version" and "System Root" of Microsoft's images.
@pytest.mark.parametrize(
    ("version", "architecture", "facts"),
    [
        ("6.1.7600", "x86", (6, 1)),
        ("6.2.9200", "x64", (6, 2)),
        ("6.3.9600", "x64", (6, 3)),
        ("10.0.17763", "x64", (10, 0)),
        ("5.1.2600", "x86", (5, 1)),
    ],
)
def test_what_the_wim_says_comes_first(tmp_path: Path, version: str, architecture: str, facts: tuple[int, int]) -> None:
    made = capture(windows_tree(tmp_path / "tree", version=(10, 0), architecture="arm64"), tmp_path / "a.wim")
    tell(made, 1, version, architecture)
    with WimFile.open(made) as wim:
        assert in_image(wim.image(1)) == WindowsFacts(*facts, architecture, "WINDOWS")


def test_an_image_without_a_kernel_holds_no_windows(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with WimFile.open(capture(tmp_path / "tree", tmp_path / "a.wim")) as wim:
        assert in_image(wim.image(1)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ",
        b"ELF".ljust(500, b"\0"),
        kernel(10, 0, "x64")[:100],
        kernel(10, 0, "x64").replace(b"PE\0\0", b"NE\0\0"),
        kernel(10, 0, "x64").replace(b"\x64\x86", b"\x01\x02"),
        kernel(10, 0, "x64").replace(b"\xf0\0\x22", b"\x10\0\x22"),
        kernel(10, 0, "x64")[:60] + b"\xff\xff\xff\xff" + bytes(300),
    ],
)
def test_a_kernel_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    tree = windows_tree(tmp_path / "tree")
    (tree / "Windows" / "System32" / "ntoskrnl.exe").write_bytes(data)
    with (
        WimFile.open(capture(tree, tmp_path / "a.wim")) as wim,
        pytest.raises(InvalidInput, match=r"no kernel of Windows|no program|for machine"),
    ):
        in_image(wim.image(1))
