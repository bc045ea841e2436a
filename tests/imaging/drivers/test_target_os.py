"""The Windows that drivers are for, from what people write."""

from __future__ import annotations

import pytest
from osdimage.imaging.drivers import Architecture, ProductType, TargetOs
from osdimage.imaging.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amd64", Architecture.AMD64),
        ("x64", Architecture.AMD64),
        ("X86_64", Architecture.AMD64),
        ("i686", Architecture.X86),
        (" ARM64", Architecture.ARM64),
        ("aarch64", Architecture.ARM64),
    ],
)
def test_an_architecture_has_the_name_that_an_inf_gives_it(text: str, expected: Architecture) -> None:
    assert Architecture.parse(text) is expected


def test_another_architecture_is_refused_with_those_that_are_valid() -> None:
    with pytest.raises(InvalidRequest, match="'mips' is no architecture; valid are x86, amd64, ia64, arm, arm64"):
        Architecture.parse("mips")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.22631", (10, 0, 22631)),
        ("6.1", (6, 1, 0)),
        (" 6.3.9600 ", (6, 3, 9600)),
        # As `ver` and winver show it.
        ("10.0.22631.4317", (10, 0, 22631)),
    ],
)
def test_a_version_has_a_build_where_it_says_one(text: str, expected: tuple[int, int, int]) -> None:
    windows = TargetOs.parse(text, Architecture.AMD64)
    assert (windows.major, windows.minor, windows.build) == expected


@pytest.mark.parametrize("text", ["", "10", "11", "10.0.1.2.3", "10.x", "10.0.", "-1.0", "10.0.22631 amd64"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no version of Windows; valid is MAJOR"):
        TargetOs.parse(text, Architecture.AMD64)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("11", r"11 is 10\.0\.22000 or a later build"),
        ("11.0", r"11\.0 is 10\.0\.22000 or a later build"),
        ("8.1", r"8\.1 is 6\.3"),
        ("7", r"7 is 6\.1"),
        ("Windows 7", r"7 is 6\.1"),
        ("win10", r"10 is 10\.0"),
        ("Windows Server 2022", r"2022 is 10\.0\.20348"),
    ],
)
def test_the_name_of_a_windows_is_answered_with_its_version(text: str, version: str) -> None:
    with pytest.raises(InvalidRequest, match=f"that of Windows {version}$"):
        TargetOs.parse(text, Architecture.AMD64)


def test_messages_name_version_architecture_and_product() -> None:
    assert str(TargetOs(6, 1, 0, Architecture.X86)) == "6.1 x86 workstation"
    server = TargetOs(10, 0, 20348, Architecture.ARM64, ProductType.DOMAIN_CONTROLLER)
    assert str(server) == "10.0.20348 arm64 domain controller"
