"""The codes with which actions end."""

from __future__ import annotations

from enum import IntEnum


class HResult(IntEnum):
    """The codes of actions, as unsigned numbers of 32 bits.

    Documented for these steps is only E_UNEXPECTED (a layout that does not fit); the others are the codes that Windows
    uses for the same failures.
    """

    S_OK = 0x00000000
    E_ABORT = 0x80004004
    E_FAIL = 0x80004005
    E_UNEXPECTED = 0x8000FFFF
    FILE_NOT_FOUND = 0x80070002
    E_ACCESSDENIED = 0x80070005
    INVALID_DATA = 0x8007000D
    NOT_SUPPORTED = 0x80070032
    E_INVALIDARG = 0x80070057
    DISK_FULL = 0x80070070
    ELEMENT_NOT_FOUND = 0x80070490
