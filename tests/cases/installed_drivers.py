"""Windows trees that have drivers of others: what the database of a Windows 10 holds of virtio-win's, and Windows 7."""

from __future__ import annotations

from dataclasses import replace

from osdimage.imaging.registry.hive import Key, Value
from osdimage.imaging.registry.write import write_hive

from cases.boot_drivers import storage_inf, storage_package
from cases.offline_windows import WINDOWS_7, WINDOWS_10, Made, Tree, drivers_hive, make_tree

VIOSTOR, NETKVM = "viostor.inf_amd64_520417bbc533faba", "netkvm.inf_amd64_35bbb0e9b8d7a4c1"
NET = "{4D36E972-E325-11CE-BFC1-08002BE10318}"
# lxc/distrobuilder windows/driver_viostor.go (09dd578): Version of the package.
VIOSTOR_VERSION = bytes.fromhex(
    "00ff0900000000007be9364d25e3ce11bfc108002be1031800c0978c0fe7d701fc5368005a0064000000000000000000"
)
# The same of class Net, with another version and date 0.
NETKVM_VERSION = bytes.fromhex(
    "00ff09000000000072e9364d25e3ce11bfc108002be10318000000000000000001000200030004000000000000000000"
)
REPOSITORY = "Windows/System32/DriverStore/FileRepository"


def publish(root: Key, inf: str, package: str, original: str, version: bytes) -> None:
    """Put a package into a database, as Windows 10 has it."""
    key = root.ensure(f"DriverDatabase\\DriverInfFiles\\{inf}")
    key.set(Value.multi_string("", (package,)))
    key.set(Value.string("Active", package))
    key = root.ensure(f"DriverDatabase\\DriverPackages\\{package}")
    key.set(Value.string("", inf))
    key.set(Value.string("InfName", original))
    key.set(Value.string("Provider", "Red Hat, Inc."))
    key.set(Value.string("SignerName", "Microsoft Windows Hardware Compatibility Publisher"))
    key.set(Value.binary("Version", version))


def _system(root: Key, control_set: Key) -> None:
    publish(root, "oem12.inf", VIOSTOR, "viostor.inf", VIOSTOR_VERSION)
    # One of Microsoft's, which is not told.
    publish(root, "disk.inf", "disk.inf_amd64_1111111111111111", "disk.inf", VIOSTOR_VERSION)
    control_set.ensure(r"Control\Class\{4D36E97B-E325-11CE-BFC1-08002BE10318}").set(
        Value.string("Class", "SCSIAdapter")
    )


def windows_10_tree(made: Made | None = None) -> Tree:
    """Return a Windows 10 with a driver in each database, and one that has only its INF."""
    made = replace(made or Made(build=WINDOWS_10.build), more=_system)
    drivers = drivers_hive()
    publish(drivers.root, "oem3.inf", NETKVM, "netkvm.inf", NETKVM_VERSION)
    package = storage_package(folder=f"{REPOSITORY}/{VIOSTOR}")
    return {
        **make_tree(made),
        "Windows/System32/config/DRIVERS": write_hive(drivers),
        **package,
        "Windows/INF/oem12.inf": storage_inf(),
        "Windows/INF/oem12.pnf": b"compiled",
        "Windows/INF/oem5.inf": storage_inf("vioscsi", driver_ver="01/02/2020,7.8"),
        "Windows/INF/disk.inf": b"Microsoft's",
    }


def windows_7_tree() -> Tree:
    """Return a Windows 7 with a driver, whose folder only its bytes tell."""
    folder = f"{REPOSITORY}/viostor.inf_amd64_neutral_0123456789abcdef"
    return {
        **make_tree(WINDOWS_7),
        **storage_package(folder=folder),
        f"{REPOSITORY}/other.inf_amd64_neutral_0123456789abcdef/other.inf": storage_inf().replace(b"a disk", b"A disk"),
        "Windows/INF/oem0.inf": storage_inf(),
    }
