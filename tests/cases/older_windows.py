"""Trees with the shape of an applied Windows XP or Server 2003, with loaders that are a stand-in or no programs."""

from __future__ import annotations

from collections.abc import Sequence

from osdimage.imaging.registry.hive import Value
from osdimage.imaging.registry.write import new_hive, write_hive

from cases.windows_trees import MACHINES, body, pe

XP, SERVER_2003 = (5, 1), (5, 2)
# What the setup of Windows XP writes (Microsoft, KB 289022).
BOOT_INI = (
    b"[boot loader]\r\n"
    b"timeout=30\r\n"
    b"default=multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS\r\n"
    b"[operating systems]\r\n"
    b'multi(0)disk(0)rdisk(0)partition(1)\\WINDOWS="Microsoft Windows XP Professional" /noexecute=optin /fastdetect\r\n'
)


def system_hive(
    *, service_pack: int = 0, product: str = "WinNT", drivers: Sequence[str] = ("atapi", "intelide")
) -> bytes:
    """Return a hive SYSTEM with what starting a disk takes of one: the names and values of Windows XP."""
    hive = new_hive("SYSTEM")
    hive.root.ensure("Select").set(Value.dword("Current", 1))
    control = hive.root.ensure(r"ControlSet001\Control")
    control.ensure("Windows").set(Value.dword("CSDVersion", service_pack << 8))
    control.ensure("ProductOptions").set(Value.string("ProductType", product))
    services = hive.root.ensure(r"ControlSet001\Services")
    for name in ("atapi", "intelide", "iastor"):
        key = services.ensure(name)
        key.set(Value.dword("Start", 0 if name in drivers else 4))
        key.set(Value.string("Group", "System Bus Extender" if name == "intelide" else "SCSI miniport"))
    disk = services.ensure("disk")
    disk.set(Value.dword("Start", 0))
    disk.set(Value.string("Group", "SCSI Class"))
    hive.root.ensure("MountedDevices").set(Value.binary(r"\DosDevices\C:", bytes(12)))
    return write_hive(hive)


def older_files(
    version: tuple[int, int] = XP,
    *,
    ntldr: bytes | None = None,
    loaders: str = "",
    hive: bytes | None = None,
    boot_ini: bytes | None = None,
) -> dict[str, bytes]:
    """Return the files of a Windows that NTLDR starts, by path.

    Args:
        version: of its kernel.
        ntldr: its loader.
        loaders: the folder with it, such as ``I386/``; empty is the root directory.
        hive: its hive SYSTEM.
        boot_ini: its menu, or None for none.
    """
    files = {
        "WINDOWS/system32/ntoskrnl.exe": pe(MACHINES["x86"], version=version),
        "WINDOWS/system32/hal.dll": pe(MACHINES["x86"], salt="hal"),
        "WINDOWS/system32/config/system": hive or system_hive(),
        "WINDOWS/explorer.exe": b"explorer",
        f"{loaders}NTLDR": body("ntldr", 200_000) if ntldr is None else ntldr,
        f"{loaders}NTDETECT.COM": body("ntdetect", 47_000),
    }
    return files if boot_ini is None else files | {"boot.ini": boot_ini}
