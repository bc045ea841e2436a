"""What AddReg and DelReg do: Microsoft's "INF AddReg Directive", flag by flag."""

from __future__ import annotations

import pytest
from osdimage.imaging.drivers import Architecture, Folders, RegAction, RegRoot, RegSetting, TargetOs, read_inf
from osdimage.imaging.registry import Value, ValueType

WINDOWS_11 = TargetOs.parse("10.0.22631", Architecture.AMD64)
FOLDERS = Folders(package="\\Store\\x.inf")


def settings_of(line: str, directive: str = "AddReg", strings: str = "") -> tuple[tuple[RegSetting, ...], list[str]]:
    text = f"[inst]\n{directive} = r\n[r]\n{line}\n[Strings]\n{strings}\n"
    made = read_inf(text.encode(), name="x.inf").install("inst", WINDOWS_11, FOLDERS)
    return made.settings, [str(each) for each in made.warnings]


def one(line: str, directive: str = "AddReg", strings: str = "") -> RegSetting:
    (setting,), warnings = settings_of(line, directive, strings)
    assert not warnings
    return setting


@pytest.mark.parametrize(
    ("line", "kind", "data"),
    [
        pytest.param("HKR,k,v,,text", ValueType.SZ, b"t\0e\0x\0t\0\0\0", id="no flags"),
        pytest.param('HKR,k,v,0,"a,b"', ValueType.SZ, b"a\0,\0b\0\0\0", id="SZ"),
        pytest.param("HKR,k,v", ValueType.SZ, b"\0\0", id="SZ without data"),
        pytest.param("HKR,k,v,0x00000001,01,0a,FF", ValueType.BINARY, b"\x01\x0a\xff", id="BINARY"),
        pytest.param("HKR,k,v,1,01", ValueType.BINARY, b"\x01", id="BINARY, decimal flags"),
        pytest.param("HKR,k,v,1", ValueType.BINARY, b"", id="BINARY without data"),
        pytest.param("HKR,k,v,0x00010000,a,b", ValueType.MULTI_SZ, b"a\0\0\0b\0\0\0\0\0", id="MULTI_SZ"),
        pytest.param("HKR,k,v,0x00010000", ValueType.MULTI_SZ, b"\0\0", id="MULTI_SZ without data"),
        pytest.param('HKR,k,v,0x00020000,"%%S%%"', ValueType.EXPAND_SZ, b"%\0S\0%\0\0\0", id="EXPAND_SZ"),
        pytest.param("HKR,k,v,0x00010001,258", ValueType.DWORD, b"\x02\x01\0\0", id="DWORD, decimal"),
        pytest.param("HKR,k,v,0x00010001,0x0000000A", ValueType.DWORD, b"\x0a\0\0\0", id="DWORD, hexadecimal"),
        pytest.param("HKR,k,v,0x00010001,0A,00,00,80", ValueType.DWORD, b"\x0a\0\0\x80", id="DWORD of bytes"),
        pytest.param("HKR,k,v,0x00010001,-1", ValueType.DWORD, b"\xff\xff\xff\xff", id="DWORD, negative"),
        pytest.param("HKR,k,v,%D%,%N%", ValueType.DWORD, b"\x07\0\0\0", id="DWORD of tokens"),
        pytest.param("HKR,k,v,0x00020001,1,2", ValueType.NONE, b"\1\2", id="NONE"),
        # The page's own example of another type.
        pytest.param(
            "HKR,k,v,0x00380001,1,0,2,3,4,5,6,7,8,9,A,B,C,D,E,F",
            0x38,
            bytes([1, 0, *range(2, 16)]),
            id="another type",
        ),
        pytest.param("HKR,k,v,0x000b0001,1,0,0,0,0,0,0,0", ValueType.QWORD, b"\1" + bytes(7), id="QWORD"),
        pytest.param("HKR,k,v,,%12%\\x.sys", ValueType.SZ, "C:\\Windows\\System32\\drivers\\x.sys\0", id="folder"),
        pytest.param("HKR,k,v,,%13%\\x.dll", ValueType.SZ, "\\Store\\x.inf\\x.dll\0", id="folder of the package"),
        pytest.param("HKR,k,v,,%%12%%", ValueType.SZ, "%12%\0", id="no folder"),
        pytest.param("HKR,k,v,,%66000%", ValueType.SZ, "%66000%\0", id="folder that is not known"),
    ],
)
def test_flags_say_the_type_of_a_value(line: str, kind: int, data: bytes | str) -> None:
    expected = data if isinstance(data, bytes) else data.encode("utf-16-le")
    setting = one(line, strings="D = 0x00010001\nN = 7")
    assert setting == RegSetting(RegAction.SET, RegRoot.HKR, "k", "v", Value("v", kind, expected), 4)


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        pytest.param("HKLM,SYSTEM\\k,v,0x2,x", {"keeps_existing": True}, id="no clobber"),
        pytest.param("HKLM,SYSTEM\\k,v,0x20,x", {"only_existing": True}, id="overwrite only"),
        pytest.param("HKLM,SYSTEM\\k,v,0x1000,x", {"view": 64}, id="64-bit view"),
        pytest.param("HKLM,SYSTEM\\k,v,0x4000,x", {"view": 32}, id="32-bit view"),
        pytest.param("hklm,\\SYSTEM\\k\\,v,,x", {}, id="backslashes around the key"),
    ],
)
def test_flags_say_how_a_value_is_set(line: str, changes: dict[str, bool | int]) -> None:
    plain = RegSetting(RegAction.SET, RegRoot.HKLM, "SYSTEM\\k", "v", Value.string("v", "x"), 4)
    setting = one(line)
    for name, value in changes.items():
        assert getattr(setting, name) == value
        assert getattr(plain, name) != value
    assert (setting.action, setting.root, setting.key, setting.value) == (
        plain.action,
        plain.root,
        plain.key,
        plain.value,
    )


@pytest.mark.parametrize(
    ("directive", "line", "action", "name"),
    [
        ("AddReg", "HKR,k,v,0x10", RegAction.MAKE_KEY, ""),
        ("AddReg", "HKR,k,,0x2000", RegAction.MAKE_KEY, ""),
        ("AddReg", "HKR,k,v,0x4", RegAction.DELETE_VALUE, "v"),
        ("AddReg", "HKR,k,,0x4", RegAction.DELETE_KEY, ""),
        ("AddReg", "HKR,k,v,0x00010008,a", RegAction.APPEND, "v"),
        ("DelReg", "HKR,k,v", RegAction.DELETE_VALUE, "v"),
        ("DelReg", "HKR,k", RegAction.DELETE_KEY, ""),
        ("DelReg", "HKR,k,v,0x2000", RegAction.DELETE_KEY, ""),
        ("DelReg", "HKR,k,v,0x00018002,a", RegAction.REMOVE_STRINGS, "v"),
    ],
)
def test_flags_and_directives_say_what_is_done(directive: str, line: str, action: RegAction, name: str) -> None:
    setting = one(line, directive)
    assert (setting.action, setting.key, setting.name) == (action, "k", name)
    wanted = Value.multi_string("v", ["a"]) if action in {RegAction.APPEND, RegAction.REMOVE_STRINGS} else None
    assert setting.value == wanted


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("HKX,k,v", "line 4: 'HKX' is no root; valid are HKCR, HKCU, HKLM, HKU, HKR"),
        ("HKR = k,v", "line 4: 'HKR' is no root; valid are HKCR, HKCU, HKLM, HKU, HKR"),
        ("HKR,k,v,0x00010001,0A", "line 4: '0A' is no 32-bit number; valid are such as 10, 0x0A, or four bytes"),
        ("HKR,k,v,0x00010001,0x100000000", "'0x100000000' is no 32-bit number"),
        ("HKR,k,v,0x1,zz", "line 4: 'zz' is no byte; valid are hexadecimal ones, such as 01,0A"),
        ("HKR,k,v,0x1,100", "line 4: '100' is no byte"),
        ("HKR,k,v,0x00030000,x", "line 4: 0x00030000 is no type of values"),
        ("HKR,k,v,0x00000008,x", "line 4: only a list of strings (0x00010000) can be appended to"),
    ],
)
def test_a_line_that_cannot_be_understood_is_left_out_with_a_warning(line: str, said: str) -> None:
    found, warnings = settings_of(line)
    assert not found
    assert said in warnings[0]


def test_flags_that_are_no_number_count_as_none() -> None:
    # As in Wine's setupapi; the corpus' netvadapterum.inf has a token there that has no text.
    (setting,), warnings = settings_of("HKR,k,v,%REG_SZ%,x")
    assert setting.value == Value.string("v", "x")
    assert "the flags '%REG_SZ%' are no 32-bit number, and count as 0" in warnings[0]


def test_deletions_come_first_and_security_comes_along() -> None:
    text = """[inst]
AddReg = a, b, none, A
DelReg = d
[a]
HKR,,v,,1
[a.security]
"D:P(A;;GA;;;SY)(A;;GA;;;BA)"
[b]
HKR,,w,,2
[d]
HKR,,v
"""
    made = read_inf(text.encode(), name="x.inf").install("inst", WINDOWS_11)
    assert [(each.action, each.name, each.security) for each in made.settings] == [
        (RegAction.DELETE_VALUE, "v", None),
        (RegAction.SET, "v", "D:P(A;;GA;;;SY)(A;;GA;;;BA)"),
        (RegAction.SET, "w", None),
    ]
    assert [str(each) for each in made.warnings] == ["line 2: there is no section [none], which AddReg names"]
