r"""The views of a 64-bit Windows, as Microsoft's "File System Redirector" and "Registry Keys Affected by WOW64" say."""

from __future__ import annotations

import pytest
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.wow64 import WOW64, chosen_views, redirected_key, redirected_path


@pytest.mark.parametrize(
    ("path", "redirected"),
    [
        ("System32", "SysWOW64"),
        (r"SYSTEM32\notepad.exe", r"SysWOW64\notepad.exe"),
        (r"System32\drivers\disk.sys", r"SysWOW64\drivers\disk.sys"),
        (r"lastgood\System32\a.dll", r"lastgood\SysWOW64\a.dll"),
        ("regedit.exe", r"SysWOW64\regedit.exe"),
        (r"System32\drivers\etc\hosts", None),
        (r"system32\DriverStore", None),
        (r"System32\catroot2\x", None),
        (r"System32\spooler.dll", r"SysWOW64\spooler.dll"),
        (r"System32\spool\drivers", None),
        ("notepad.exe", None),
        (r"SysWOW64\a.dll", None),
        ("", None),
    ],
)
def test_some_files_of_windows_are_elsewhere_for_32_bit_programs(path: str, redirected: str | None) -> None:
    assert redirected_path(path) == redirected


@pytest.mark.parametrize(
    ("key", "redirected"),
    [
        ("Vendor", r"WOW6432Node\Vendor"),
        ("", "WOW6432Node"),
        (r"Microsoft\Windows\CurrentVersion", r"WOW6432Node\Microsoft\Windows\CurrentVersion"),
        (r"Microsoft\Windows\CurrentVersion\Run", r"WOW6432Node\Microsoft\Windows\CurrentVersion\Run"),
        (r"Classes\CLSID\{0}", r"Classes\WOW6432Node\CLSID\{0}"),
        ("PoliciesOfVendor", r"WOW6432Node\PoliciesOfVendor"),
        (r"Policies\Microsoft\Windows", None),
        (r"microsoft\windows\currentversion\POLICIES\System", None),
        (r"Microsoft\Windows\CurrentVersion\Control Panel\Cursors\Schemes\x", None),
        (r"Microsoft\Windows NT\CurrentVersion\ProfileList", None),
        (r"Classes\Installer\Products", None),
        (r"WOW6432Node\Vendor", None),
        (r"Classes\WOW6432Node\CLSID", None),
    ],
)
def test_most_keys_of_software_are_elsewhere_for_32_bit_programs(key: str, redirected: str | None) -> None:
    assert redirected_key(key) == redirected


@pytest.mark.parametrize(("told", "seen"), [("true", "a"), ("FALSE", "b"), ("", "ab"), ("yes", "ab")])
def test_where_the_engine_looks_a_variable_tells(told: str, seen: str) -> None:
    env = Environment(computer={WOW64: told})
    assert "".join(chosen_views(env, "a", "b")) == seen
    assert chosen_views(env, "a", None) == ("a",)
