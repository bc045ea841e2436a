"""What is wrong with single names, as the pass over a tree judges them; the Python face of ``names.c``."""

from __future__ import annotations

from functools import cache

from osdimage.native._wimlib import lib
from osdimage.native.text import to_c
from osdimage.native.wim.tree import Fault

# What ends a string of C, and is judged as a control character there.
_NUL, _STANDS_FOR_NUL = "\0", "\1"


def faults_of_name(name: str) -> frozenset[Fault]:
    """Return what is wrong with the name of a file or directory by itself; a NUL in it is as bad as a separator."""
    return _faults(lib.osd_judge_name(to_c(name.replace(_NUL, _STANDS_FOR_NUL)))) | _of_nul(name)


def faults_of_short_name(short_name: str, name: str) -> frozenset[Fault]:
    """Return what is wrong with the short name of a file or directory of this name."""
    of_long = lib.osd_judge_name(to_c(name.replace(_NUL, _STANDS_FOR_NUL)))
    text = to_c(short_name.replace(_NUL, _STANDS_FOR_NUL))
    return _faults(lib.osd_judge_short_name(text, of_long)) | _of_nul(short_name)


def faults_of_stream_name(name: str) -> frozenset[Fault]:
    """Return what is wrong with the name of a stream."""
    return _faults(lib.osd_judge_stream_name(to_c(name.replace(_NUL, _STANDS_FOR_NUL)))) | _of_nul(name)


def folded(name: str) -> str:
    """Return a name as Windows compares it: two that are the same then differ in case only."""
    return "".join(map(_upper, name))


@cache
def _upper(character: str) -> str:
    return chr(lib.osd_upper(ord(character)))


def _of_nul(name: str) -> frozenset[Fault]:
    return frozenset({Fault.SEPARATOR}) if _NUL in name else frozenset()


@cache
def _faults(bits: int) -> frozenset[Fault]:
    return frozenset(each for each in Fault if bits & 1 << each.value)
