"""What a computer is known by before anything runs on it: the UUID in its firmware, and addresses of adapters."""

from __future__ import annotations

import re
from uuid import UUID

VALID_GUID = "32 hexadecimal digits as in 55555555-5555-5555-5555-555555555555"
VALID_MAC = "six pairs of hexadecimal digits as in 00:15:5D:01:02:03"

_HEX = "[0-9A-Fa-f]"
_GUID = re.compile(rf"\{{?({_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}|{_HEX}{{32}})\}}?")
_PAIRS = re.compile(rf"{_HEX}{{2}}(?::{_HEX}{{2}})+|{_HEX}{{2}}(?:-{_HEX}{{2}})+")
_BARE = re.compile(rf"(?:{_HEX}{{12}})+|{_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}")
_BETWEEN = re.compile(r"[\s,;|/]+")
_DIGITS = 12


def parse_guid(text: str) -> UUID:
    """Return the UUID in the firmware of a computer (SMBIOS 7.2.1), with or without braces and hyphens.

    Raises:
        ValueError: which says what is wrong; all zeros and all ones mean that a computer has none.
    """
    found = _GUID.fullmatch(text)
    if found is None or text.startswith("{") != text.endswith("}"):
        raise ValueError(f"is no SMBIOS GUID; valid are {VALID_GUID}")
    guid = UUID(found[1])
    if guid.int in {0, (1 << 128) - 1}:
        raise ValueError("is what firmware without a GUID tells, and many computers share it")
    return guid


def parse_mac_addresses(text: str) -> tuple[str, ...]:
    """Return MAC addresses, each as six pairs of digits with colons between.

    ConfigMgr puts a colon between several, too: groups of six pairs are taken.  Blanks, commas, semicolons, bars and
    slashes between them are understood as well.

    Raises:
        ValueError: which says what is wrong.
    """
    found: list[str] = []
    for each in filter(None, _BETWEEN.split(text)):
        digits = re.sub("[:.-]", "", each).upper()
        if (_PAIRS.fullmatch(each) is None and _BARE.fullmatch(each) is None) or len(digits) % _DIGITS:
            raise ValueError(f"is no MAC address; valid are {VALID_MAC}, several with a colon between")
        for at in range(0, len(digits), _DIGITS):
            one = digits[at : at + _DIGITS]
            if one in {"0" * _DIGITS, "F" * _DIGITS}:
                raise ValueError("is the address of no adapter")
            found.append(":".join(one[pair : pair + 2] for pair in range(0, _DIGITS, 2)))
    return tuple(dict.fromkeys(found))
