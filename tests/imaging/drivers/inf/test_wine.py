r"""Wine's setupapi carries out an INF, and its registry then holds what we say that the INF sets.

It judges the grammar (continuation, quotation marks, comments, tokens), the flags of ``AddReg`` and ``DelReg``, and the
numbers of folders.  Where Wine is other than Microsoft's pages it is not asked: it reads 511 characters of a value, a
REG_DWORD of four bytes as the first of them, and begins a comment inside of a token.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from judges.wine import Wine
from osdimage.imaging.drivers import Architecture, Folders, RegAction, RegSetting, TargetOs, read_inf
from osdimage.imaging.registry import Value, read_reg

AMD64 = TargetOs.parse("10.0.22631", Architecture.AMD64)
KEY = r"Software\Judged"
pytestmark = [pytest.mark.foreign, pytest.mark.slow]

# What stands behind 'HKLM,Software\Judged,' of a line; the first field is the name of the value.
LINES = r"""
plain,,text
"quoted name",,"a, b ; c"
doubled,,"say ""hello"" now"
inner,,a "b , c" d
blanks,,"  kept  "
trimmed,,   not kept   ; and a comment
empty,,""
equals,,a=b=c
backslashes,,C:\a\b\c
"ends with one",,"C:\a\"
middle,,C:\a\ b
continued,,\
   next line
joined,,one \
   two
twice,,one\\
   two
commented,,one,\ ; comment
   two
percent,,100%%
escaped,,%%SystemRoot%%\x
token,,%Text%
tokens,,"%text% and %TEXT%"
second,,%Twice%
loop,,%Loop%
undefined,,%Nothing%
"one percent",,50% off
folder,,%10%\x.dll
root,,%24%\x.dll
"no folder",,%%11%%
sz,0x0,x
"sz without data"
binary,0x1,00,ff,0A
"binary of one",1,7f
"multi",0x10000,a,b,"c d"
expand,0x20000,"%%SystemRoot%%\System32"
dword,0x10001,258
hexadecimal,0x10001,0x0000000A
largest,0x10001,0xFFFFFFFF
negative,0x10001,-1
"dword of a token",%REG_DWORD%,%Number%
none,0x20001,1,2
"type 38",0x00380001,1,2,3,f
qword,0x000b0001,1,2,3,4,5,6,7,8
"not clobbered",0x2,new
"not there",0x20,new
"there",0x20,new
"no number of flags",%Nothing%,x
"deleted",0x4
"deleted too",,x
"""
STRINGS = """
text = "The ""text"", quoted"
Twice = first
Twice = second
Loop = "%Loop% %Text%"
REG_DWORD = 0x00010001
Number = 7
"""
BEFORE = r"""
HKLM,%Key%,"not clobbered",,old
HKLM,%Key%,there,,old
HKLM,%Key%,deleted,,old
HKLM,%Key%,"appended",0x10000,a,b
"""
AFTER = r"""
HKLM,%Key%,"appended",0x10008,b
HKLM,%Key%,"appended",0x10008,c
HKLM,%Key%\Made,,0x10
HKLM,%Key%\Default,,,"the default value"
hklm,%Key%\Lower,v,,x
"""
DELETED = r"""
HKLM,%Key%,"deleted too"
HKLM,%Key%\Gone
"""


def text() -> str:
    lines = LINES.replace("\n   ", "\0").strip().splitlines()
    added = "\n".join(f"HKLM,%Key%,{line}" for line in lines).replace("\0", "\n   ")
    return (
        '[Version]\nSignature = "$Windows NT$"\n'
        "[Prepare]\nAddReg = Before\n[Before]\n"
        f"{BEFORE}\nHKLM,%Key%\\Gone,v,,x\n"
        "[DefaultInstall]\nAddReg = Added, \\\n  After\n"
        f"[added]\n{added}\n[After]\n{AFTER}\n"
        f"[Last]\nDelReg = Deleted\n[Deleted]\n{DELETED}\n"
        f'[Strings]\nKey = "{KEY}"\n{STRINGS}\n'
    )


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    yield made
    made.stop()
    shutil.rmtree(made.prefix)


def carried_out(settings: list[RegSetting]) -> dict[str, dict[str, Value]]:
    """Return what is in the registry then, by key and name, folded, for an empty one before."""
    keys: dict[str, dict[str, Value]] = {}
    for each in settings:
        path, name = each.key.lower(), each.name.lower()
        match each.action:
            case RegAction.DELETE_KEY:
                keys.pop(path, None)
            case RegAction.DELETE_VALUE:
                keys.get(path, {}).pop(name, None)
            case RegAction.MAKE_KEY:
                keys.setdefault(path, {})
            case RegAction.APPEND if each.value is not None and name in keys.get(path, {}):
                old = keys[path][name].as_strings()
                more = [text for text in each.value.as_strings() if text not in old]
                keys[path][name] = Value.multi_string(name, [*old, *more])
            case RegAction.SET if each.value is not None:
                there = name in keys.get(path, {})
                if not (there if each.keeps_existing else each.only_existing and not there):
                    keys.setdefault(path, {})[name] = Value(name, each.value.type, each.value.data)
    return keys


def exported(path: Path) -> dict[str, dict[str, Value]]:
    """Return what a file of ``reg export`` holds, in the same form."""
    keys: dict[str, dict[str, Value]] = {}
    for edit in read_reg(path):
        key = edit.key.partition("\\")[2].lower()
        values = keys.setdefault(key, {})
        if edit.value is not None:
            values[edit.value.name.lower()] = Value(edit.value.name.lower(), edit.value.type, edit.value.data)
    return keys


def test_wine_makes_of_an_inf_what_we_read_in_it(wine: Wine) -> None:
    inf = read_inf(text().encode(), name="x.inf")
    (wine.drive / "x.inf").write_bytes(text().replace("\n", "\r\n").encode())
    settings: list[RegSetting] = []
    for section in ("Prepare", "DefaultInstall", "Last"):
        wine.run("rundll32", "setupapi,InstallHinfSection", section, "128", "C:\\x.inf")
        settings += inf.install(section, AMD64, Folders(windows="windows")).settings
    wine.run("reg", "export", rf"HKLM\{KEY}", "C:\\out.reg", "/y")
    ours, theirs = carried_out(settings), exported(wine.drive / "out.reg")
    assert set(ours) == set(theirs)
    for key, values in ours.items():
        assert values == theirs[key]
    assert len(ours[KEY.lower()]) > 40
