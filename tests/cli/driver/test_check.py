"""``driver check``: what it prints, and how it leaves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cases import catalogs
from cases import net_packages as cases
from cases.catalogs import Entry
from judges import archives
from judges.signing import make_authority
from osdimage.imaging.drivers.signed.hashes import authenticode_hash
from runs.commands import osdimage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a package that has a catalog which nobody has signed."""
    cases.write_package(tmp_path / "net")
    digests = [
        hashlib.sha256((tmp_path / "net" / "net.inf").read_bytes()).digest(),
        authenticode_hash((tmp_path / "net" / "net.sys").read_bytes(), "sha256", name="net.sys"),
    ]
    (tmp_path / "net" / "net.cat").write_bytes(catalogs.catalog([Entry(each) for each in digests]))
    return tmp_path


HEAD = """\
net/net.inf: Net, Maker, 2025-06-05, 1.2.3.4
  catalog:    net.cat, amd64, without a signature
  driver:     net.sys, no signature in itself
"""
UNSIGNED = """\
warning: net/net.inf: nobody has signed its catalog 'net.cat' [catalog-unsigned]
  have it signed: Windows takes the package for an unsigned one
"""


def test_a_warning_is_shown_with_what_to_do_and_fails_only_when_it_is_to(folder: Path) -> None:
    outcome = osdimage("driver", "check", folder)
    assert outcome.out == HEAD + UNSIGNED + "1 driver: 1 warning\n"
    assert osdimage("driver", "check", folder, "--strict", code=3).out == outcome.out
    assert not osdimage("driver", "check", folder, "--quiet").out


def test_an_error_fails(folder: Path) -> None:
    (folder / "net" / "net.sys").unlink()
    told = osdimage("driver", "check", folder, code=3).out
    assert "error: net/net.inf: 'net.sys' is not there, which it copies (amd64) [file-missing]\n" in told
    assert told.endswith("1 driver: 1 error, 1 warning\n")
    quiet = osdimage("driver", "check", folder, "--quiet", code=3).out
    assert quiet.startswith("error: ")
    assert "warning" not in quiet


def test_an_inf_that_cannot_be_read_is_an_error_beside_the_others(folder: Path) -> None:
    (folder / "other.inf").write_bytes(b'[Version\r\nSignature="$Windows NT$"\r\n')
    outcome = osdimage("driver", "check", folder, code=3)
    assert "[inf-unreadable]" in outcome.out
    assert outcome.out.endswith("1 driver: 1 error, 1 warning\n")
    assert osdimage("driver", "check", folder, "--json", code=3).facts["faults"][0]["path"] == "other.inf"


def test_a_program_gets_the_findings_and_the_catalogs(folder: Path) -> None:
    (driver,) = osdimage("driver", "check", folder, "--json").facts["drivers"]
    assert driver["catalogs"] == [
        {"path": "net.cat", "architectures": ["amd64"], "verdict": "wrong", "signature": None, "files": 2}
    ]
    assert driver["drivers"] == [{"path": "net.sys", "has_signature": False, "signature": None}]
    assert driver["findings"] == [
        {
            "severity": "warning",
            "code": "catalog-unsigned",
            "text": "net/net.inf: nobody has signed its catalog 'net.cat'",
            "remedy": "have it signed: Windows takes the package for an unsigned one",
        }
    ]


@pytest.mark.foreign
def test_a_program_gets_who_signed_and_when(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = make_authority(tmp_path_factory.mktemp("authority"))
    for name, time in (("net.sys", None), ("net.cat", 1_760_000_000)):
        authority.sign(folder / "net" / name, folder / "signed", time=time)
        (folder / "signed").replace(folder / "net" / name)
    (driver,) = osdimage("driver", "check", folder, "--json").facts["drivers"]
    (catalog,), (program,) = driver["catalogs"], driver["drivers"]
    assert catalog["verdict"] == "right"
    assert (catalog["signature"]["signer"], catalog["signature"]["issuer"]) == ("Driver code", "Throw-away Authority")
    # date -u -d @1760000000 +%FT%TZ
    assert catalog["signature"]["time"] == "2025-10-09T08:53:20Z"
    assert (program["has_signature"], program["signature"]["time"]) == (True, None)


def test_of_a_collection_only_what_is_for_the_windows_is_looked_at(tmp_path: Path) -> None:
    for system in ("w10", "w11"):
        cases.write_package(tmp_path / "net" / system / "amd64")
    outcome = osdimage("driver", "check", tmp_path, "--os", "10.0.19045")
    assert outcome.out.startswith("net/w10/amd64/net.inf: ")
    assert outcome.out.endswith("1 warning; 1 left out, for other Windows or twice there (--json has the reasons)\n")
    facts = osdimage("driver", "check", tmp_path, "--os", "10.0.19045", "--json").facts
    assert [each["path"] for each in facts["drivers"]] == ["net/w10/amd64/net.inf"]
    assert facts["left_out"] == [{"path": "net/w11/amd64/net.inf", "reason": "it is for a newer Windows, w11"}]
    # Where nothing is for it, that is the fault.
    facts = osdimage("driver", "check", tmp_path, "--os", "6.1", "--json", code=3).facts
    assert {each["findings"][0]["code"] for each in facts["drivers"]} == {"no-device"}


@pytest.mark.foreign
def test_an_archive_is_checked_as_its_folder_is(folder: Path, tmp_path: Path) -> None:
    archive = archives.seven_zip(tmp_path / "drivers.7z", folder / "net")
    told = osdimage("driver", "check", f"{archive}!net.inf").out
    assert told == osdimage("driver", "check", folder / "net" / "net.inf").out


def test_where_there_is_no_driver_that_is_said(tmp_path: Path) -> None:
    assert "holds no INF of a driver" in osdimage("driver", "check", tmp_path, code=3).err
