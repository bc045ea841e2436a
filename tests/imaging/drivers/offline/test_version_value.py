"""The bytes of the driver database, against those that others published."""

from __future__ import annotations

from datetime import date

import pytest
from osdimage.imaging.drivers import Architecture
from osdimage.imaging.drivers.offline.version_value import VersionValue, device_id_value
from osdimage.imaging.errors import InvalidInput, InvalidRequest

SCSI_ADAPTER = "{4D36E97B-E325-11CE-BFC1-08002BE10318}"
# lxc/distrobuilder windows/driver_viostor.go (09dd578), "Version" of viostor.inf_amd64_520417bbc533faba; public lists
# of that package (pnputil) call its version 100.90.104.21500.
VIOSTOR = (
    "00,ff,09,00,00,00,00,00,7b,e9,36,4d,25,e3,ce,11,bf,c1,08,00,2b,e1,03,18,00,c0,97,8c,0f,e7,d7,01,"
    "fc,53,68,00,5a,00,64,00,00,00,00,00,00,00,00,00"
)
# libguestfs-common mlcustomize/inject_virtio_win.ml (02f0a19), "Version" of guestor.inf_tmp: 24 bytes, then zeros.
GUESTOR = "00,ff,09,00,00,00,00,00,7b,e9,36,4d,25,e3,ce,11,bf,c1,08,00,2b,e1,03,18" + 24 * ",00"
# Microsoft, "Update a driver on a device" (Windows Phone): "Version" of xkmdfdriver.inf_arm_c8e7ab79be6b088b, whose INF
# says DriverVer=11/01/2012,1.0.0.0 and Class=System.
PHONE = (
    "ff,ff,05,00,00,00,00,00,7d,e9,36,4d,25,e3,ce,11,bf,c1,08,00,2b,e1,03,18,00,40,f9,d5,c3,b7,cd,01,"
    "00,00,00,00,00,00,01,00,00,00,00,00,00,00,00,00"
)
MADE = [
    pytest.param(
        VersionValue(Architecture.AMD64, SCSI_ADAPTER, date(2021, 12, 2), (100, 90, 104, 21500)), VIOSTOR, id="viostor"
    ),
    pytest.param(VersionValue(Architecture.AMD64, SCSI_ADAPTER), GUESTOR, id="guestor"),
    pytest.param(
        VersionValue(Architecture.ARM, "{4D36E97D-E325-11CE-BFC1-08002BE10318}", date(2012, 11, 1), (1, 0, 0, 0)),
        PHONE,
        id="phone",
    ),
]


def octets(text: str) -> bytes:
    return bytes.fromhex(text.replace(",", ""))


@pytest.mark.parametrize(("value", "published"), MADE)
def test_a_version_has_the_bytes_that_others_published(value: VersionValue, published: str) -> None:
    made, expected = value.to_bytes(), octets(published)
    assert len(made) == 48
    # The phone's own driver has other bytes in front, as those have that Windows brought along.
    assert made[:2] == b"\x00\xff"
    assert made[2:] == expected[2:]


@pytest.mark.parametrize(("value", "published"), MADE)
def test_published_bytes_are_read(value: VersionValue, published: str) -> None:
    assert VersionValue.parse(octets(published)) == value


def test_a_class_is_a_guid_in_any_spelling() -> None:
    lower = VersionValue(Architecture.AMD64, SCSI_ADAPTER.lower().strip("{}"))
    assert lower.to_bytes() == octets(GUESTOR)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (VersionValue(Architecture.AMD64, "SCSIAdapter"), "'SCSIAdapter' is no GUID of a class"),
        (VersionValue(Architecture.AMD64, SCSI_ADAPTER, None, (1, 0, 0, 65536)), "version 1.0.0.65536: each number"),
        (VersionValue(None, SCSI_ADAPTER), "is for a processor"),
    ],
)
def test_what_has_no_bytes_is_refused(value: VersionValue, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        value.to_bytes()


def test_a_value_that_is_cut_off_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has 40 bytes; valid are 48"):
        VersionValue.parse(octets(VIOSTOR)[:40])


def test_what_is_no_date_and_no_processor_is_none() -> None:
    data = bytearray(octets(VIOSTOR))
    data[2:4], data[24:32] = b"\x77\x00", b"\xff" * 8
    found = VersionValue.parse(bytes(data))
    assert (found.architecture, found.date) == (None, None)


# lxc/distrobuilder windows/driver_viostor.go: VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00 is the hardware id of its line,
# VEN_1AF4&DEV_1001 the first compatible id; driver_viogpudo.go, whose INF has FeatureScore=F9.  The others: the values
# of the three compatible ids of a line of Microsoft's input.inf, "%HID.DeviceDesc% = HID_Inst,,GENERIC_HID_DEVICE,
# USB\Class_03&SubClass_01,USB\Class_03", in the hive SYSTEM_WIN_10_1709 of mkorman90/regipy.
@pytest.mark.parametrize(
    ("compatible", "score", "published"),
    [
        (None, None, "01,ff,00,00"),
        (0, None, "02,ff,00,00"),
        (None, 0xF9, "01,f9,00,00"),
        (1, None, "02,ff,01,00"),
        (2, None, "02,ff,02,00"),
    ],
)
def test_an_id_has_the_bytes_that_others_published(compatible: int | None, score: int | None, published: str) -> None:
    assert device_id_value(compatible, score) == octets(published)


@pytest.mark.parametrize(("compatible", "score"), [(-1, None), (65536, None), (None, 256), (None, -1)])
def test_an_id_that_has_no_bytes_is_refused(compatible: int | None, score: int | None) -> None:
    with pytest.raises(InvalidRequest, match="valid are at most 65535 and 255"):
        device_id_value(compatible, score)
