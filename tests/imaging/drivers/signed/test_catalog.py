"""Catalogs that osslsigncode has signed, and in which it finds the same files."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms, x509
from cases import catalogs, pe
from cases.catalogs import Entry
from hypothesis import given
from hypothesis import strategies as st
from judges.signing import Authority
from osdimage.imaging.drivers import Catalog, Verdict, read_catalog
from osdimage.imaging.drivers.signed.der import NotDer, dotted, element_at
from osdimage.imaging.drivers.signed.hashes import authenticode_hash, hashes_of
from osdimage.imaging.errors import InvalidInput, OsdImageError

INF = b"; an INF\r\n"
SYS = pe.driver(contents=b"a driver")


def unsigned(version: int, os_attribute: str | None = "2:10.0") -> bytes:
    algorithm = "sha1" if version == 1 else "sha256"
    entries = [
        Entry(hashlib.new(algorithm, INF).digest(), "net.inf", "2:6.1,2:10.0"),
        Entry(authenticode_hash(SYS, algorithm, name="x"), "net.sys", is_program=True),
    ]
    return catalogs.catalog(entries, version=version, os_attribute=os_attribute)


def signed(authority: Authority, folder: Path, data: bytes, **options: str | int) -> Path:
    (folder / "unsigned.cat").write_bytes(data)
    return authority.sign(folder / "unsigned.cat", folder / "net.cat", **options)


def vouches(catalog: Catalog, data: bytes) -> bool:
    return bool(hashes_of(data, name="x") & catalog.all_hashes())


@pytest.mark.foreign
@pytest.mark.parametrize("version", [1, 2])
def test_a_catalog_vouches_for_what_osslsigncode_finds_in_it(
    tmp_path: Path, authority: Authority, version: int
) -> None:
    path = signed(authority, tmp_path, unsigned(version))
    catalog = read_catalog(path.read_bytes(), name="net.cat")
    changed = bytearray(SYS)
    changed[0x210] ^= 1
    for contents, expected in {INF: True, SYS: True, bytes(changed): False, INF + b" ": False}.items():
        file = tmp_path / "file"
        file.write_bytes(contents)
        assert vouches(catalog, contents) == expected
        # osslsigncode compares programs, cabinets and such alone.
        if contents[:2] == b"MZ":
            assert authority.vouches(path, file) == expected


@pytest.mark.foreign
@pytest.mark.parametrize("version", [1, 2])
def test_what_a_catalog_tells_of_its_files_is_read(tmp_path: Path, authority: Authority, version: int) -> None:
    catalog = read_catalog(signed(authority, tmp_path, unsigned(version)).read_bytes(), name="net.cat")
    assert catalog.made == datetime(2025, 6, 5, 8, 0, 48, tzinfo=UTC)
    assert catalog.os_attribute == "2:10.0"
    assert [(each.file, each.os_attribute) for each in catalog.members] == [
        ("net.inf", "2:6.1,2:10.0"),
        ("net.sys", None),
    ]


@pytest.mark.foreign
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
def test_a_signature_is_right_and_names_signer_issuer_and_when_it_was_there(
    tmp_path: Path, authority: Authority, digest: str
) -> None:
    # Within the validity of the certificate, which begins now.
    when = int(datetime.now(UTC).timestamp()) + 86_400
    path = signed(authority, tmp_path, unsigned(2), digest=digest, time=when)
    found = read_catalog(path.read_bytes(), name="net.cat").signature
    assert found is not None
    assert (found.signer, found.issuer, found.algorithm) == ("Driver code", "Throw-away Authority", digest)
    assert (found.verdict, found.reason) == (Verdict.RIGHT, "")
    assert (found.time, found.time_authority) == (datetime.fromtimestamp(when, UTC), "Driver time")
    assert found.valid_from < datetime.now(UTC) < found.valid_until


@pytest.mark.foreign
def test_a_time_that_nobody_else_has_signed_is_not_told(tmp_path: Path, authority: Authority) -> None:
    found = read_catalog(signed(authority, tmp_path, unsigned(2)).read_bytes(), name="net.cat").signature
    assert found is not None
    assert (found.time, found.time_authority) == (None, None)


@pytest.mark.foreign
def test_a_signature_of_another_kind_of_key_is_not_called_right(tmp_path: Path, authority: Authority) -> None:
    found = read_catalog(signed(authority, tmp_path, unsigned(2), by="curve").read_bytes(), name="net.cat").signature
    assert found is not None
    assert found.signer == "Driver curve"
    assert found.verdict is Verdict.NOT_CHECKED
    assert "RSA" in found.reason


@pytest.mark.foreign
def test_each_changed_byte_of_what_is_signed_makes_the_signature_wrong(tmp_path: Path, authority: Authority) -> None:
    data = signed(authority, tmp_path, unsigned(2)).read_bytes()
    digest = hashlib.sha256(INF).digest()
    # It is there twice: as what it is looked up by, and as the hash.
    assert data.count(digest) == 2
    found = read_catalog(data.replace(digest, bytes(32)), name="net.cat")
    assert found.signature is not None
    assert found.signature.verdict is Verdict.WRONG
    assert found.signature.reason == "the contents are not those that were signed"
    assert not vouches(found, INF)
    # The signature itself is what is left at the end.
    broken = data[:-1] + bytes((data[-1] ^ 1,))
    found = read_catalog(broken, name="net.cat")
    assert found.signature is not None
    assert (found.signature.verdict, found.signature.reason) == (
        Verdict.WRONG,
        "the key of the certificate has not made it",
    )


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("before", "verdict"),
    [
        # DigestInfo of SHA-256 with and without parameters, as openssl dgst -sign and RFC 8017, A.2.4 have it.
        pytest.param("3031300d060960864801650304020105000420", Verdict.RIGHT, id="info"),
        pytest.param("302f300b0609608648016503040201" + "0420", Verdict.RIGHT, id="without-parameters"),
        pytest.param("", Verdict.RIGHT, id="digest-alone"),
        pytest.param("3031300d060960864801650304020205000420", Verdict.WRONG, id="of-another-algorithm"),
    ],
)
def test_a_signature_holds_the_digest_in_one_of_three_forms(
    tmp_path: Path, authority: Authority, before: str, verdict: Verdict
) -> None:
    data = signed(authority, tmp_path, unsigned(2)).read_bytes()
    (info,) = cms.ContentInfo.load(data)["content"]["signer_infos"]
    digest = hashlib.sha256(info["signed_attrs"].untag().dump()).digest()
    made = authority.raw_signature(bytes.fromhex(before) + digest, by="code")
    found = read_catalog(data.replace(info["signature"].native, made), name="net.cat").signature
    assert found is not None
    assert found.verdict is verdict


@pytest.mark.foreign
@pytest.mark.parametrize(
    ("is_right", "is_known"),
    [
        pytest.param(True, True, id="right"),
        pytest.param(False, True, id="wrong"),
        pytest.param(True, False, id="without its certificate"),
    ],
)
def test_the_time_of_an_old_countersignature_is_told_when_it_is_right(
    tmp_path: Path, authority: Authority, is_right: bool, is_known: bool
) -> None:
    outer = cms.ContentInfo.load(signed(authority, tmp_path, unsigned(1)).read_bytes())
    (info,) = outer["content"]["signer_infos"]
    certificate = x509.Certificate.load(authority.certificate_of("time"))
    when = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    attributes = cms.CMSAttributes([
        {"type": "content_type", "values": ["data"]},
        {"type": "signing_time", "values": [cms.Time({"utc_time": when})]},
        {"type": "message_digest", "values": [hashlib.sha256(info["signature"].native).digest()]},
    ])  # fmt: skip
    digest = hashlib.sha256(attributes.dump() + (b"" if is_right else b"more")).digest()
    counter = cms.SignerInfo({
        "version": "v1",
        "sid": {"issuer_and_serial_number": {
            "issuer": certificate.issuer, "serial_number": certificate.serial_number,
        }},
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
        "signature": authority.raw_signature(digest, by="time"),
    })  # fmt: skip
    info["unsigned_attrs"] = [{"type": "counter_signature", "values": [counter]}]
    if is_known:
        outer["content"]["certificates"].append(cms.CertificateChoices({"certificate": certificate}))
    found = read_catalog(outer.dump(force=True), name="net.cat").signature
    assert found is not None
    assert found.verdict is Verdict.RIGHT
    assert (found.time, found.time_authority) == ((when, "Driver time") if is_right and is_known else (None, None))


@pytest.mark.foreign
def test_a_signature_without_its_certificate_is_told_as_that(tmp_path: Path, authority: Authority) -> None:
    outer = cms.ContentInfo.load(signed(authority, tmp_path, unsigned(2)).read_bytes())
    outer["content"]["certificates"] = cms.CertificateSet([])
    with pytest.raises(InvalidInput, match=r"^net.cat: the certificate of its signer is not in it$"):
        read_catalog(outer.dump(force=True), name="net.cat")


def test_a_catalog_that_nobody_signed_has_no_signature() -> None:
    found = read_catalog(unsigned(2, None), name="net.cat")
    assert (found.signature, found.os_attribute, len(found.members)) == (None, None, 2)
    assert read_catalog(catalogs.catalog([]), name="net.cat").members == ()


def test_an_entry_by_a_name_that_its_maker_chose_has_the_hash_beside_it() -> None:
    digest = hashlib.new("sha1", INF, usedforsecurity=False).digest()
    data = catalogs.catalog([Entry(digest, "net.inf")], version=1)
    tag = (digest.hex().upper() + "\0").encode("utf-16-le")
    assert data.count(tag) == 1
    (member,) = read_catalog(data.replace(tag, "n".encode("utf-16-le") * (len(tag) // 2)), name="x").members
    assert member.hashes == {digest}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "net.cat: is no PKCS#7 that is signed"),
        (b"; an INF", "net.cat: is no PKCS#7 that is signed"),
        (unsigned(2)[:500], "net.cat: is no PKCS#7 that is signed"),
        (
            unsigned(2).replace(catalogs.oid(catalogs.CTL), catalogs.oid("1.3.6.1.4.1.311.10.2")),
            "is no catalog: it holds",
        ),
        (
            unsigned(2).replace(catalogs.oid("1.3.6.1.4.1.311.12.1.1"), catalogs.oid("1.3.6.1.4.1.311.10.3.9"), 1),
            "is a certificate trust list for 1.3.6.1.4.1.311.10.3.9, and no catalog",
        ),
        (unsigned(2).replace(hashlib.sha256(INF).digest(), bytes(31) + b"\5", 1), ""),
    ],
    ids=["empty", "text", "cut-off", "other-contents", "other-list", "other-hash"],
)
def test_what_is_no_catalog_says_so(data: bytes, told: str) -> None:
    if not told:
        # What it is looked up by is a hash, too.
        assert hashlib.sha256(INF).digest() in read_catalog(data, name="net.cat").all_hashes()
        return
    with pytest.raises(InvalidInput, match=r"net.cat: ") as raised:
        read_catalog(data, name="net.cat")
    assert told in str(raised.value)


def test_without_the_module_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asn1crypto", None)
    with pytest.raises(OsdImageError, match=r"net.cat: cannot be read: .*asn1crypto is missing, .*osdimage\[drivers\]"):
        read_catalog(unsigned(2), name="net.cat")


@given(st.data())
def test_a_catalog_that_was_changed_is_read_or_refused(data: st.DataObject) -> None:
    contents = bytearray(unsigned(2))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(contents) - 1))
        contents[at] = data.draw(st.integers(0, 255))
    try:
        found = read_catalog(bytes(contents), name="net.cat")
    except InvalidInput as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may be refused or not
        return
    assert all(len(each) in {20, 32, 48, 64} for each in found.all_hashes())


@given(st.binary(max_size=40))
def test_bytes_are_taken_apart_within_their_bounds_or_refused(data: bytes) -> None:
    try:
        top = element_at(data, 0, len(data))
        found = list(top.children())
    except NotDer:
        return
    assert top.end <= len(data)
    assert b"".join(data[each.begin : each.end] for each in found) in data or len(found) > 1
    assert all(top.begin < each.begin <= each.end <= top.end for each in found)


@given(st.lists(st.integers(0, 1 << 40), max_size=6), st.integers(0, 2), st.integers(0, 39))
def test_an_object_identifier_is_what_was_encoded(rest: list[int], first: int, second: int) -> None:
    text = ".".join(map(str, (first, second, *rest)))
    data = catalogs.oid(text)
    assert dotted(element_at(data, 0, len(data)).contents) == text
