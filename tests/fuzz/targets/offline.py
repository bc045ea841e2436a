"""What tells of the drivers of a Windows that does not run."""

from __future__ import annotations

from cases.boot_drivers import storage_package
from cases.installed_drivers import windows_10_tree
from cases.offline_windows import HeldFiles
from osdimage.imaging.drivers.offline.boot_enable import plan_boot_enabling
from osdimage.imaging.drivers.offline.installed import installed_drivers
from osdimage.imaging.drivers.offline.txtsetup import read_txtsetup
from osdimage.imaging.drivers.offline.version_value import VersionValue
from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.drivers.packages import packages_in
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.registry.edits import import_edits

from fuzz.target import Target

_TREE, _PACKAGE = windows_10_tree(), HeldFiles(storage_package())
_COUNT = 3
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


def _windows(data: bytes) -> None:
    files = HeldFiles(_TREE | {"Windows/System32/config/SYSTEM": data})
    windows = offline_windows(files)
    repr((windows, windows.is_generalized, windows.has_driver_database))
    installed_drivers(files, windows)
    (package,) = packages_in(_PACKAGE)
    model = package.inf.all_models()[0]
    enabling = plan_boot_enabling(package, model, windows)
    import_edits(windows.system, [each.edit for each in enabling.edits], "HKEY_LOCAL_MACHINE\\SYSTEM")
    assert plan_boot_enabling(package, model, windows).edits == ()


def _published(data: bytes) -> None:
    files = HeldFiles(_TREE | {"Windows/INF/oem5.inf": data})
    assert len(installed_drivers(files, offline_windows(files)).drivers) == _COUNT


TARGETS = (
    Target(
        "offline-windows",
        _windows,
        lambda: (_TREE["Windows/System32/config/SYSTEM"],),
        (InvalidInput, InvalidRequest),
        largest=32 << 10,
    ),
    Target("published-inf", _published, lambda: (_TREE["Windows/INF/oem5.inf"],), (InvalidInput,), largest=8 << 10),
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
