"""Packages beside their catalogs: what is refused, and what is only warned of."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from cases.boot_drivers import storage_package
from cases.windows_trees import write_tree
from osdimage.imaging.drivers.packages import packages_in
from osdimage.imaging.drivers.signed.package import require_vouched
from osdimage.imaging.drivers.supplied.opened import open_supply
from osdimage.imaging.drivers.target_os import Architecture, TargetOs
from osdimage.imaging.errors import InvalidInput

WINDOWS_11 = TargetOs.parse("10.0.22631", Architecture.AMD64)
SYS, CAT = "amd64/w10/viostor.sys", "amd64/w10/viostor.cat"
FILES = {**storage_package(), **storage_package("vioscsi")}


def told(folder: Path, changed: Mapping[str, bytes | None], os: TargetOs = WINDOWS_11, **allowed: bool) -> list[str]:
    files = {path: data for path, data in {**FILES, **changed}.items() if data is not None}
    with open_supply(str(write_tree(folder / "drivers", files))) as supply:
        return list(require_vouched(packages_in(supply.files), os, **allowed))


def test_what_is_as_it_was_signed_is_taken_without_a_word(tmp_path: Path) -> None:
    assert told(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({SYS: b"other"}, "not what its catalog viostor.cat vouches for: viostor.sys: it is", id="a file"),
        pytest.param({CAT: b"text"}, "viostor.inf: its catalog viostor.cat cannot be read: ", id="no catalog at all"),
    ],
)
def test_what_is_not_as_it_was_signed_is_refused_unless_that_is_allowed(
    tmp_path: Path, changed: Mapping[str, bytes], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        told(tmp_path, changed)
    (warning,) = told(tmp_path, changed, allows_modified=True)
    assert said in warning


def test_a_missing_catalog_is_warned_of_where_windows_wants_signatures(tmp_path: Path) -> None:
    changed = {CAT: None}
    assert "has no catalog of signatures (viostor.cat)" in told(tmp_path, changed)[0]
    assert told(tmp_path, changed, allows_unsigned=True) == []
    assert told(tmp_path, changed, TargetOs.parse("6.1.7601", Architecture.X86)) == []


def test_without_the_module_that_reads_catalogs_it_is_said_once_that_nothing_was_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asn1crypto", None)
    (warning,) = told(tmp_path, {SYS: b"other"})
    assert "drivers are not compared with their catalogs: the Python module asn1crypto is missing" in warning
