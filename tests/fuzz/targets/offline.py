"""What tells of the drivers of a Windows that does not run."""

from __future__ import annotations

from osdimage.imaging.drivers.offline.txtsetup import read_txtsetup
from osdimage.imaging.drivers.offline.version_value import VersionValue
from osdimage.imaging.errors import InvalidInput

from fuzz.target import Target

_OEM = rb"""[Disks]
d1 = "disk", \tag, \x
[scsi]
A = "a driver"
[Files.scsi.A]
driver = d1, a.sys, a
catalog = d1, a.cat
[HardwareIds.scsi.A]
id = "PCI\VEN_1&DEV_2","a"
[Config.a]
value = Parameters, n, REG_DWORD, 1
value = "", m, REG_MULTI_SZ, "a", b
"""


def _txtsetup(data: bytes) -> None:
    found = read_txtsetup(data, name="x")
    for each in found.components:
        repr((each.drivers, each.catalogs, found.component(each.id)))


def _version(data: bytes) -> None:
    found = VersionValue.parse(data)
    repr(found)
    if found.architecture is not None:
        assert VersionValue.parse(found.to_bytes()) == found


TARGETS = (
    Target("txtsetup", _txtsetup, lambda: (_OEM,), (InvalidInput,), largest=4096),
    Target(
        "driver-version",
        _version,
        lambda: (
            bytes.fromhex(
                "00ff0900000000007be9364d25e3ce11bfc108002be1031800c0978c0fe7d701fc5368005a006400" + 16 * "0"
            ),
        ),
        (InvalidInput,),
        largest=64,
    ),
)
