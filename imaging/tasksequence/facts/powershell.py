"""The line of PowerShell that writes a facts file where Windows runs."""

from __future__ import annotations

from osdimage.imaging.tasksequence.facts.document import VERSION, Format

_CLASSES = (
    "Win32_ComputerSystem", "Win32_ComputerSystemProduct", "Win32_BIOS", "Win32_BaseBoard", "Win32_SystemEnclosure",
    "Win32_Processor", "Win32_PhysicalMemory", "Win32_Battery", "Win32_NetworkAdapter",
    "Win32_NetworkAdapterConfiguration",
)  # fmt: skip
"""What conditions and rules ask for, and no Windows changes."""


def facts_line(file: str = "facts.json") -> str:
    """Return the line: for PowerShell 3 and later, in Windows and in a Windows PE that has it.

    Args:
        file: where it writes them.
    """
    names = ",".join(f"'{each}'" for each in _CLASSES)
    properties = "$_.CimInstanceProperties | ? { $_.CimType -notmatch 'DateTime|Instance|Reference' }"
    instance = f"$h=@{{}}; {properties} | % {{ $h[$_.Name]=$_.Value }}; $h"
    document = f"@{{format='{Format.FACTS}';version={VERSION};classes=@{{'root\\cimv2'=$o}}}}"
    return (
        f"$o=@{{}}; {names} | % {{ $n=$_; $o[$n]=@(Get-CimInstance $n | % {{ {instance} }}) }}; "
        f"{document} | ConvertTo-Json -Depth 6 | Set-Content -Encoding UTF8 {file}"
    )
