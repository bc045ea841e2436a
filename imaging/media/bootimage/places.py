r"""Where things are in a boot image.

Sources: Microsoft, "Winpeshl.ini Files", "Wpeinit and Startnet.cmd: Using WinPE Startup Scripts", "WinPE: Mount and
Customize"; KB 2686316 for ``$WinPEDriver$``; "Prestart commands" (Configuration Manager) for TSConfig.ini.  That a
recovery environment has ``RecEnv.exe`` there, and that it shows ``winre.jpg``, is what images of Windows 7 to 11 have.
"""

from __future__ import annotations

SYSTEM32 = "Windows/System32"
STARTNET = f"{SYSTEM32}/startnet.cmd"
WINPESHL_INI = f"{SYSTEM32}/winpeshl.ini"
WINPESHL = f"{SYSTEM32}/winpeshl.exe"
WPEINIT = f"{SYSTEM32}/wpeinit.exe"
TSCONFIG = "TSConfig.ini"
SETUPS = ("setup.exe", "sources/setup.exe")
"""Setup, which is what winpeshl.exe starts where there is no winpeshl.ini."""
RECOVERY = "sources/recovery/RecEnv.exe"
PE_BACKGROUND = f"{SYSTEM32}/winpe.jpg"
OLD_BACKGROUND = f"{SYSTEM32}/winpe.bmp"
"""That of Windows Vista and 7."""
RECOVERY_BACKGROUND = f"{SYSTEM32}/winre.jpg"
PE_ANSWERS = "unattend.xml"
"""What wpeinit reads."""
SETUP_ANSWERS = "autounattend.xml"
"""What Setup looks for in the root of drives."""
DRIVERS = "Drivers"
"""Folders of drivers that the script of osdimage loads."""
SCRIPT_NAME = "osdimage-drivers.cmd"
SCRIPT = f"{SYSTEM32}/{SCRIPT_NAME}"
WINPE_DRIVER = "$WinPEDriver$"
"""Folders of drivers that Setup loads, and puts into the Windows that it installs."""
PUBLISHED = "Windows/INF"
"""Where drivers of the driver store have their INF, called oemN.inf."""

SYSTEM_HIVE = f"{SYSTEM32}/config/SYSTEM"
SOFTWARE_HIVE = f"{SYSTEM32}/config/SOFTWARE"
FBWF = r"Services\FBWF"
"""The write filter that keeps in memory what is written to X:, in a control set."""
THRESHOLD = "WinPECacheThreshold"
"""REG_DWORD, megabytes; without it 512 on a machine with more than 1 GB, else 32."""
WINPE_KEY = r"Microsoft\Windows NT\CurrentVersion\WinPE"
CUSTOM_BACKGROUND = "CustomBackground"
WINDOWS_KEY = r"Microsoft\Windows NT\CurrentVersion"
PACKAGES_KEY = r"Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages"
