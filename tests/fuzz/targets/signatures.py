"""What is signed of drivers."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cases import catalogs, pe
from cases.catalogs import Entry
from judges.signing import make_authority
from osdimage.imaging.drivers.signed.catalog import read_catalog
from osdimage.imaging.drivers.signed.hashes import hashes_of
from osdimage.imaging.drivers.signed.program import program_signature

from fuzz.target import Target

_WHEN = 1_900_000_000


def _read(data: bytes) -> None:
    repr(read_catalog(data, name="x.cat"))


def _read_program(data: bytes) -> None:
    assert len(hashes_of(data, name="x.sys")) >= 2
    repr(program_signature(data, name="x.sys"))


def _seeds() -> list[bytes]:
    entries = [Entry(bytes(20), "a.inf", "2:10.0"), Entry(bytes(32), is_program=True)]
    made = [catalogs.catalog(entries, version=each) for each in (1, 2)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = make_authority(folder)
        (folder / "u.cat").write_bytes(made[0])
        for by in ("code", "curve"):
            signed = authority.sign(folder / "u.cat", folder / "s.cat", by=by, time=_WHEN if by == "code" else None)
            made.append(signed.read_bytes())
    return made


def _program_seeds() -> list[bytes]:
    made = [pe.driver(each) for each in ("x86", "amd64")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "u.sys").write_bytes(made[0])
        made.append(make_authority(folder).sign(folder / "u.sys", folder / "s.sys").read_bytes())
    return made


TARGETS = (Target("catalog-file", _read, _seeds), Target("signed-program", _read_program, _program_seeds))
