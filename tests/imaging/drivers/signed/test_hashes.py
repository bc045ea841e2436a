"""The hashes of programs, against those that osslsigncode calculates."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
from cases import catalogs, pe
from hypothesis import given
from hypothesis import strategies as st
from judges import signing
from judges.signing import Authority
from osdimage.imaging.drivers.signed.hashes import authenticode_hash, embedded_signature, hashes_of, pe_parts
from osdimage.imaging.drivers.signed.pkcs7 import Verdict
from osdimage.imaging.drivers.signed.program import program_signature
from osdimage.imaging.errors import InvalidInput


@pytest.mark.foreign
@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize("architecture", ["x86", "amd64", "arm64"])
@pytest.mark.parametrize("tail", [b"", b"more\n"], ids=["whole", "tail"])
def test_the_hash_of_a_program_is_that_of_osslsigncode_signed_or_not(
    tmp_path: Path, authority: Authority, digest: str, architecture: str, tail: bytes
) -> None:
    program = tmp_path / "x.sys"
    program.write_bytes(pe.driver(architecture, b"code of " + architecture.encode(), tail=tail))
    signed = authority.sign(program, tmp_path / "signed.sys", digest=digest)
    expected = signing.authenticode(signed)
    for each in (program, signed):
        assert authenticode_hash(each.read_bytes(), digest, name="x.sys").hex() == expected
        assert bytes.fromhex(expected) in hashes_of(each.read_bytes(), name="x.sys")
    # The signature and the checksum are left out, and nothing else.
    data = bytearray(signed.read_bytes())
    parts = pe_parts(bytes(data), name="x.sys")
    data[parts.checksum_at] ^= 1
    assert authenticode_hash(bytes(data), digest, name="x.sys").hex() == expected
    data[0x201] ^= 1
    assert authenticode_hash(bytes(data), digest, name="x.sys").hex() != expected


@pytest.mark.foreign
def test_the_signature_in_a_program_names_its_signer(tmp_path: Path, authority: Authority) -> None:
    program = tmp_path / "x.sys"
    program.write_bytes(pe.driver())
    assert embedded_signature(program.read_bytes(), name="x.sys") is None
    data = authority.sign(program, tmp_path / "signed.sys").read_bytes()
    assert embedded_signature(data, name="x.sys") is not None
    signature = program_signature(data, name="x.sys")
    assert signature is not None
    assert (signature.signer, signature.issuer) == ("Driver code", "Throw-away Authority")
    assert (signature.verdict, signature.reason) == (Verdict.RIGHT, "")
    changed = data[:0x201] + bytes((data[0x201] ^ 1,)) + data[0x202:]
    signature = program_signature(changed, name="x.sys")
    assert signature is not None
    assert (signature.verdict, signature.reason) == (Verdict.WRONG, "the program was changed after it was signed")


@pytest.mark.foreign
def test_a_catalog_in_the_place_of_a_signature_is_none(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "u.cat").write_bytes(catalogs.catalog([]))
    signed = authority.sign(tmp_path / "u.cat", tmp_path / "s.cat").read_bytes()
    data = bytearray(pe.driver())
    entry = pe_parts(bytes(data), name="x.sys").entry_at
    assert entry is not None
    data[entry : entry + 8] = struct.pack("<II", len(data), len(signed) + 8)
    data += struct.pack("<IHH", len(signed) + 8, 0x200, 2) + signed
    with pytest.raises(InvalidInput, match=r"is one of 1.3.6.1.4.1.311.10.1, and not of a program"):
        program_signature(bytes(data), name="x.sys")


def test_a_file_that_is_no_program_has_the_hashes_of_its_bytes() -> None:
    # $ printf 'MZ is no program' | sha1sum; printf 'MZ is no program' | sha256sum
    for data in (b"; an INF", b"MZ is no program"):
        assert hashes_of(data, name="x") == {hashlib.new(each, data).digest() for each in ("sha1", "sha256")}


@pytest.mark.parametrize(
    ("begin", "size", "told"),
    [
        (0x60, 16, "its certificates are to be at bytes 96 to 112 of 1024"),
        (1024, 8, "its certificates are to be at bytes 1024 to 1032 of 1024"),
        (1020, 4, "has 4 bytes for its certificates"),
        (1016, 8, "its signature is of type 0 and 0 bytes"),
    ],
)
def test_a_program_whose_certificates_cannot_be_says_so(begin: int, size: int, told: str) -> None:
    data = bytearray(pe.driver())
    entry = pe_parts(bytes(data), name="x.sys").entry_at
    assert entry is not None
    data[entry : entry + 8] = begin.to_bytes(4, "little") + size.to_bytes(4, "little")
    with pytest.raises(InvalidInput, match=r"x.sys: ") as raised:
        embedded_signature(bytes(data), name="x.sys")
    assert told in str(raised.value)


@given(st.integers(0, 1023), st.binary(max_size=8), st.integers(0, 1024))
def test_a_program_that_was_changed_or_cut_off_has_a_hash_or_is_refused(at: int, patch: bytes, length: int) -> None:
    data = bytearray(pe.driver())
    data[at : at + len(patch)] = patch
    cut = bytes(data[:length])
    assert hashes_of(cut, name="x.sys") >= {hashlib.new("sha1", cut, usedforsecurity=False).digest()}
    try:
        embedded_signature(cut, name="x.sys")
    except InvalidInput as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may be refused or not
