"""``txtsetup.oem``, by what Microsoft's pages say of it, and as vendors write it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.drivers.offline.txtsetup import OemFile, OemSetting, read_txtsetup
from osdimage.imaging.errors import InvalidInput
from osdimage.imaging.registry.values import Value

# The sections, names and values that the virtio-win disks for Windows XP have; the folder of d1 is the root, in a line
# that ends in a backslash, as vendors write it.
VIRTIO = rb"""; a comment
# and another
[Disks]
d1 = "OEM DISK (SCSI) WinXP/32-bit", viostor.sys, \
d2 = "OEM DISK (SCSI) Win2003/64-bit",\disk1,\amd64\Win2003

[Defaults]
scsi = WXP32

[scsi]
WXP32 = "Red Hat VirtIO BLOCK Disk Device WinXP/32-bit"
WNET64 = "Red Hat VirtIO, BLOCK Disk Device Win2003/64-bit"

[Files.scsi.WXP32]
driver = d1, viostor.sys, viostor
inf = d1, viostor.inf
catalog= d1, viostor.cat

[Files.scsi.WNET64]
driver = d2, viostor.sys, viostor

[HardwareIds.scsi.WXP32]
id = "PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00","viostor"
id = "PCI\VEN_1AF4&DEV_1001", "viostor"

[Config.viostor]
value = Parameters\PnpInterface, 5, REG_DWORD, 1
"""


def test_a_component_has_its_files_ids_and_settings() -> None:
    found = read_txtsetup(VIRTIO, name="txtsetup.oem")
    xp, net = found.components
    assert found.component("WXP32") == xp
    assert found.component("other") is None
    assert (xp.id, xp.description) == ("wxp32", "Red Hat VirtIO BLOCK Disk Device WinXP/32-bit")
    assert xp.files == (
        OemFile("driver", "viostor.sys", "viostor"),
        OemFile("inf", "viostor.inf"),
        OemFile("catalog", "viostor.cat"),
    )
    assert xp.drivers == xp.files[:1]
    assert xp.catalogs == xp.files[2:]
    assert xp.hardware_ids == (
        (r"PCI\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00", "viostor"),
        (r"PCI\VEN_1AF4&DEV_1001", "viostor"),
    )
    assert found.settings_of("VioStor") == (OemSetting("viostor", r"Parameters\PnpInterface", Value.dword("5", 1)),)
    assert found.settings_of("other") == ()
    assert net.description == "Red Hat VirtIO, BLOCK Disk Device Win2003/64-bit"
    assert net.files == (OemFile("driver", "amd64/Win2003/viostor.sys", "viostor"),)
    assert net.hardware_ids == ()


# Microsoft, "Config.DriverKey Section of a TxtSetup.oem File": the examples of each type; an empty subkey is "".
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "parameters,NumberOfButtons,REG_DWORD,2",
            OemSetting("viostor", "parameters", Value.dword("NumberOfButtons", 2)),
        ),
        ('"",TxtSetupInstalled,REG_DWORD,1', OemSetting("viostor", "", Value.dword("TxtSetupInstalled", 1))),
        # "up to eight hexadecimal digits"
        ("a\\b,n,REG_DWORD,ff00", OemSetting("viostor", "a\\b", Value.dword("n", 0xFF00))),
        (
            'parameters,Description,REG_SZ,"This is a text string"',
            OemSetting("viostor", "parameters", Value.string("Description", "This is a text string")),
        ),
        (
            "parameters,Data,REG_BINARY,0034ec4d045a",
            OemSetting("viostor", "parameters", Value.binary("Data", bytes.fromhex("0034ec4d045a"))),
        ),
        (
            'parameters,Strings,REG_MULTI_SZ,"String 1","String 2"',
            OemSetting("viostor", "parameters", Value.multi_string("Strings", ("String 1", "String 2"))),
        ),
        ("p,e,REG_EXPAND_SZ,%SystemRoot%", OemSetting("viostor", "p", Value.expand_string("e", "%SystemRoot%"))),
    ],
)
def test_a_setting_has_the_type_that_it_names(line: str, expected: OemSetting) -> None:
    text = VIRTIO.decode().replace(r"value = Parameters\PnpInterface, 5, REG_DWORD, 1", f"value = {line}")
    assert read_txtsetup(text.encode(), name="oem").settings == (expected,)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[Defaults]", "[Defaults", r"oem: line 7: has no \] at the end"),
        ("driver = d1,", "driver = d9,", "oem: line 15: there is no disk 'd9'; .Disks. has d1, d2"),
        ("driver = d1, viostor.sys, viostor", "driver = d1", "oem: line 15: names no file"),
        ("REG_DWORD, 1", "REG_DWORD, one", "oem: line 27: 'one' is no REG_DWORD"),
        ("REG_DWORD, 1", "REG_DWORD, 123456789", "oem: line 27: '123456789' is no REG_DWORD"),
        ("REG_DWORD, 1", "REG_BINARY, 1", "oem: line 27: '1' is no REG_BINARY"),
        ("REG_DWORD, 1", "REG_LINK, 1", "oem: line 27: 'REG_LINK' is no type of a value; valid are REG_DWORD"),
        ("; a comment", "key = 1", "oem: line 1: is in no section"),
    ],
)
def test_a_fault_names_its_line(old: str, new: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_txtsetup(VIRTIO.decode().replace(old, new, 1).encode(), name="oem")


def test_a_file_of_more_than_a_mebibyte_is_none() -> None:
    with pytest.raises(InvalidInput, match="a txtsetup\\.oem has at most"):
        read_txtsetup(b";" * (1 << 20) + b";", name="oem")


@given(
    st.lists(
        st.one_of(
            st.sampled_from(VIRTIO.splitlines()),
            st.binary(max_size=40),
            st.tuples(st.sampled_from(VIRTIO.splitlines()), st.binary(max_size=9)).map(b"".join),
        ),
        max_size=30,
    )
)
def test_whatever_a_file_holds_it_is_read_or_refused(lines: list[bytes]) -> None:
    with contextlib.suppress(InvalidInput):
        read_txtsetup(b"\n".join(lines), name="oem")
