"""What the menu says of a Windows, by the version of its kernel and its registry."""

from __future__ import annotations

import pytest
from cases.files import Files
from cases.older_windows import SERVER_2003, XP, system_hive
from osdimage.imaging.boot.ntldr.windows import NtWindows, settings_of, usual_name, usual_options


@pytest.mark.parametrize(
    ("version", "hive", "name", "options"),
    [
        pytest.param((5, 0), system_hive(service_pack=4), "Windows 2000", "/fastdetect", id="2000"),
        pytest.param(XP, system_hive(service_pack=1), "Windows XP", "/fastdetect", id="xp-sp1"),
        pytest.param(XP, system_hive(service_pack=3), "Windows XP", "/noexecute=optin /fastdetect", id="xp-sp3"),
        # KB 875352: OptOut on Windows Server 2003.
        pytest.param(SERVER_2003, system_hive(service_pack=1, product="ServerNT"),
                     "Windows Server 2003", "/noexecute=optout /fastdetect", id="2003-sp1"),
        pytest.param(SERVER_2003, system_hive(product="LanmanNT"), "Windows Server 2003", "/fastdetect", id="2003"),
        pytest.param(SERVER_2003, system_hive(service_pack=2), "Windows XP x64",
                     "/noexecute=optin /fastdetect", id="xp-x64-sp2"),
        pytest.param(XP, b"no hive", "Windows XP", "/fastdetect", id="without-a-registry"),
    ],
)  # fmt: skip
def test_name_and_options_are_those_of_the_version_and_its_service_pack(
    version: tuple[int, int], hive: bytes, name: str, options: str
) -> None:
    windows = NtWindows("WINDOWS", version)
    settings = settings_of(Files({windows.hive: hive}), windows)
    assert (usual_name(windows, settings), usual_options(windows, settings)) == (name, options)
