"""What is wrong with driver packages, each fault alone, against packages that osslsigncode has signed."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cases import catalogs, pe
from cases import net_packages as cases
from cases.catalogs import Entry
from judges.signing import Authority
from osdimage.imaging.drivers import (
    Architecture,
    CheckedDriver,
    FolderFiles,
    TargetOs,
    Verdict,
    check_package,
    packages_in,
    signature_of,
)
from osdimage.imaging.drivers.ranking.rank import Signature
from osdimage.imaging.drivers.signed.hashes import authenticode_hash
from osdimage.imaging.finding import Severity

NOW = datetime(2027, 6, 1, tzinfo=UTC)
WINDOWS_11 = TargetOs.parse("10.0.22631", Architecture.AMD64)


def sign(authority: Authority, folder: Path, *names: str, by: str = "code", time: int | None = None) -> Path:
    """Make a catalog of files of a package, and have it signed."""
    entries = []
    for name in names or ("net.inf", "net.sys"):
        data = (folder / name).read_bytes()
        is_program = data[:2] == b"MZ"
        digest = authenticode_hash(data, "sha256", name=name) if is_program else hashlib.sha256(data).digest()
        entries.append(Entry(digest, name, is_program=is_program))
    (folder / "unsigned").write_bytes(catalogs.catalog(entries))
    authority.sign(folder / "unsigned", folder / "net.cat", by=by, time=time)
    (folder / "unsigned").unlink()
    return folder


def check(folder: Path, os: TargetOs | None = None, architecture: Architecture | None = None) -> CheckedDriver:
    (package,) = packages_in(FolderFiles(folder))
    return check_package(package, os, architecture, now=NOW)


def found(folder: Path, os: TargetOs | None = None, architecture: Architecture | None = None) -> dict[str, str]:
    """Return what is wrong with the package in a folder: texts by codes."""
    findings = check(folder, os, architecture).findings
    told = {each.code: each.text for each in findings}
    assert len(told) == len(findings)
    return told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a package that nobody has signed."""
    cases.write_package(tmp_path)
    return tmp_path


@pytest.fixture
def signed(authority: Authority, folder: Path) -> Path:
    return sign(authority, folder)


@pytest.mark.foreign
def test_a_package_as_it_was_signed_has_no_fault_and_names_its_signer(authority: Authority, folder: Path) -> None:
    when = int(datetime.now(UTC).timestamp()) + 86_400
    checked = check(sign(authority, folder, time=when))
    assert checked.findings == ()
    (catalog,) = checked.catalogs
    assert (catalog.path, catalog.architectures, catalog.files) == ("net.cat", ("amd64",), 2)
    assert catalog.verdict is Verdict.RIGHT
    assert catalog.signature is not None
    assert (catalog.signature.signer, catalog.signature.time) == ("Driver code", datetime.fromtimestamp(when, UTC))
    (driver,) = checked.drivers
    assert (driver.path, driver.has_signature) == ("net.sys", False)
    assert (checked.provider, checked.class_name, checked.date, checked.driver_version) == (
        "Maker",
        "Net",
        "2025-06-05",
        "1.2.3.4",
    )


@pytest.mark.foreign
def test_a_changed_file_is_told_whether_or_not_a_signature_was_put_into_it(
    authority: Authority, signed: Path, tmp_path: Path
) -> None:
    original = (signed / "net.sys").read_bytes()
    # The hash of a program does not cover its own signature.
    authority.sign(signed / "net.sys", signed / "again.sys")
    (signed / "again.sys").rename(signed / "net.sys")
    checked = check(signed)
    assert checked.findings == ()
    assert checked.drivers[0].signature is not None
    assert checked.drivers[0].signature.verdict is Verdict.RIGHT
    changed = bytearray(original)
    changed[0x210] ^= 1
    (tmp_path / "net.sys").write_bytes(changed)
    assert found(signed) == {
        "file-not-as-signed": "net.inf: 'net.sys' is not in the catalog 'net.cat': it is not what was signed"
    }
    assert check(signed).catalogs[0].verdict is Verdict.WRONG


@pytest.mark.foreign
def test_line_ends_that_git_changed_are_told_as_that(signed: Path) -> None:
    path = signed / "net.inf"
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    assert found(signed)["file-not-as-signed"].endswith(
        "its line ends were changed, as Git does; with CR LF it would be right"
    )


@pytest.mark.foreign
def test_what_the_signature_is_worth_is_told(authority: Authority, folder: Path) -> None:
    sign(authority, folder, by="curve")
    assert list(found(folder)) == ["signature-not-checked"]
    data = (folder / "net.cat").read_bytes()
    digest = hashlib.sha256((folder / "net.inf").read_bytes()).digest()
    (folder / "net.cat").write_bytes(data.replace(digest, bytes(32)))
    assert sorted(found(folder)) == ["file-not-as-signed", "signature-wrong"]


@pytest.mark.foreign
def test_a_certificate_that_has_ended_is_told_when_nobody_says_when_it_signed(signed: Path) -> None:
    (package,) = packages_in(FolderFiles(signed))
    (told,) = check_package(package, now=datetime(2099, 1, 1, tzinfo=UTC)).findings
    assert told.code == "signature-without-time"


@pytest.mark.foreign
def test_a_certificate_that_had_ended_when_it_signed_is_told(authority: Authority, folder: Path) -> None:
    after = datetime(2099, 1, 1, tzinfo=UTC)
    sign(authority, folder, time=int(after.timestamp()))
    assert found(folder)["signature-without-time"].endswith(", and signed on 2099-01-01")


@pytest.mark.foreign
def test_all_files_count_that_a_catalog_has_for_several_architectures(authority: Authority, folder: Path) -> None:
    text = cases.inf(platforms=("NTamd64.10.0", "NTx86.10.0")).replace(
        b"[SourceDisksFiles]\r\nnet.sys = 1",
        b"[SourceDisksFiles.amd64]\r\nnet.sys = 1,x64\r\n[SourceDisksFiles.x86]\r\nnet.sys = 1,x86",
    )
    (folder / "net.inf").write_bytes(text)
    for name, architecture in (("x64", "amd64"), ("x86", "x86")):
        (folder / name).mkdir()
        (folder / name / "net.sys").write_bytes(pe.driver(architecture))
    checked = check(sign(authority, folder, "net.inf", "x64/net.sys", "x86/net.sys"))
    assert checked.findings == ()
    (catalog,) = checked.catalogs
    assert (catalog.architectures, catalog.files, catalog.verdict) == (("amd64", "x86"), 3, Verdict.RIGHT)


def test_a_catalog_that_nobody_signed_or_that_is_none_is_told(folder: Path) -> None:
    digest = hashlib.sha256((folder / "net.inf").read_bytes()).digest()
    program = authenticode_hash((folder / "net.sys").read_bytes(), "sha256", name="x")
    (folder / "net.cat").write_bytes(catalogs.catalog([Entry(digest), Entry(program)]))
    assert list(found(folder)) == ["catalog-unsigned"]
    (folder / "net.cat").write_bytes(b"catalog")
    assert list(found(folder)) == ["catalog-unreadable"]


def test_a_cabinet_in_a_package_is_not_called_wrong(folder: Path) -> None:
    text = cases.inf().replace(b"net.sys = 1", b"net.sys = 1\r\nextra.cab = 1")
    (folder / "net.inf").write_bytes(text)
    (folder / "extra.cab").write_bytes(b"MSCF" + bytes(40))
    program = authenticode_hash((folder / "net.sys").read_bytes(), "sha256", name="x")
    (folder / "net.cat").write_bytes(catalogs.catalog([Entry(hashlib.sha256(text).digest()), Entry(program)]))
    assert found(folder)["file-not-checked"].startswith("net.inf: 'extra.cab' is not compared")


def test_without_the_module_nothing_is_called_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "net.cat").write_bytes(catalogs.catalog([]))
    monkeypatch.setitem(sys.modules, "asn1crypto", None)
    checked = check(folder)
    (told,) = checked.findings
    assert (told.code, told.severity) == ("catalog-not-checked", Severity.WARNING)
    assert "asn1crypto is missing" in told.text
    assert "pip install 'osdimage[drivers]'" in str(told.remedy)
    assert checked.catalogs[0].verdict is Verdict.NOT_CHECKED


@pytest.mark.parametrize(
    ("platform", "catalog", "code"),
    [
        ("NTamd64", "net.cat", "catalog-missing"),
        ("NTamd64", None, "catalog-none"),
        ("NTarm64", None, "catalog-none"),
        ("NTx86", None, "catalog-none-32-bit"),
    ],
)
def test_a_package_without_a_catalog_is_told_by_what_windows_makes_of_it(
    tmp_path: Path, platform: str, catalog: str | None, code: str
) -> None:
    text = cases.inf(platforms=(platform,), catalog=catalog)
    cases.write_package(tmp_path, text=text, architecture=platform[2:])
    assert list(found(tmp_path)) == [code]


def test_a_file_that_is_copied_must_be_there_and_another_may_be_of_windows(folder: Path) -> None:
    (folder / "net.inf").write_bytes(cases.inf().replace(b"net.sys = 1", b"net.sys = 1\r\nserial.sys = 1"))
    (folder / "net.sys").unlink()
    told = found(folder)
    assert told["file-missing"] == "net.inf: 'net.sys' is not there, which it copies (amd64)"
    assert told["file-perhaps-inbox"] == "net.inf: 'serial.sys' is not there, and is not copied (amd64)"


@pytest.mark.parametrize(
    ("old", "new", "code", "text"),
    [
        ("NTamd64", "NT$ARCH$", "inf-not-finished", "a build has to replace $ARCH$"),
        ("%Card% =", "%Cards% =", "token-undefined", "the token %Cards% has no text"),
        ("CopyFiles = Files", "CopyFiles = Filez", "section-missing", "there is no section [Filez]"),
        ("AddService = net, 2, Service", "AddService = net, 2", "section-missing", "no section is named for"),
        ("DriverVer = 06/05/2025,1.2.3.4", "DriverVer = x,1", "driver-version-missing", "has no date but 'x'"),
        ("DriverVer = 06/05/2025,1.2.3.4", "DriverVer = ;", "driver-version-missing", "DriverVer is empty"),
        ("Provider = %Maker%", "", "provider-missing", "has no Provider"),
        ("ClassGuid = {4d36e972", "ClassGuid = {x", "class-missing", "has no ClassGuid"),
        ("= Install, PCI\\VEN_1AF4&DEV_1000", "= Nowhere, PCI\\X", "section-missing", "no install section [Nowhere]"),
        ("[Install.NT]", "[Install.NT]\nInclude=machine.inf", "needs-windows-inf", "machine.inf of Windows"),
        ("[Files]", "[Files]\nother.sys", "file-missing", "'other.sys' is not there, which it copies"),
    ],
)
def test_each_fault_of_an_inf_has_its_code(folder: Path, old: str, new: str, code: str, text: str) -> None:
    data = cases.inf()
    assert old.encode() in data
    (folder / "net.inf").write_bytes(data.replace(old.encode(), new.encode()))
    assert text in found(folder)[code]


def test_a_platform_with_an_empty_section_is_told_and_one_windows_alone_wants_a_device(folder: Path) -> None:
    text = cases.inf().replace(b"Maker,NTamd64.10.0", b"Maker,NTamd64.10.0,NTamd64.10.0...26100")
    (folder / "net.inf").write_bytes(text + b"[Maker.NTamd64.10.0...26100]\r\n")
    assert found(folder)["platform-empty"] == "net.inf: has no device for the platform NTamd64.10.0...26100"
    assert "no-device" not in found(folder, WINDOWS_11)
    newest = TargetOs.parse("10.0.26100", Architecture.AMD64)
    assert found(folder, newest)["no-device"].startswith("net.inf: has no device for 10.0.26100 amd64 workstation; its")
    assert "no-device" in found(folder, None, Architecture.ARM64)


def test_a_driver_for_another_processor_is_told(folder: Path) -> None:
    (folder / "net.sys").write_bytes(pe.driver("x86"))
    assert found(folder)["file-wrong-processor"] == "net.inf: 'net.sys' is for x86, and not for amd64"
    (folder / "net.sys").write_bytes(b"no program")
    assert "net.sys: is no program" in found(folder)["file-wrong-processor"]


@pytest.mark.foreign
def test_a_driver_that_starts_with_windows_wants_a_signature_in_itself(authority: Authority, folder: Path) -> None:
    (folder / "net.inf").write_bytes(cases.inf().replace(b"StartType = 3", b"StartType = 0"))
    assert found(folder)["boot-driver-unsigned"] == (
        "net.inf: 'net.sys' starts with Windows, and has no signature in itself"
    )
    authority.sign(folder / "net.sys", folder / "new.sys")
    (folder / "new.sys").rename(folder / "net.sys")
    assert "boot-driver-unsigned" not in found(folder)
    data = bytearray((folder / "net.sys").read_bytes())
    data[0x201] ^= 1
    (folder / "net.sys").write_bytes(data)
    assert found(folder)["driver-signature-wrong"] == (
        "net.inf: the signature in 'net.sys' is wrong: the program was changed after it was signed"
    )


def test_the_worst_comes_first(folder: Path) -> None:
    (folder / "net.sys").unlink()
    severities = [each.severity for each in check(folder).findings]
    assert severities == sorted(severities, key=list(Severity).index)
    assert severities[0] is Severity.ERROR


@pytest.mark.foreign
def test_a_signature_ranks_by_what_was_found(signed: Path) -> None:
    (package,) = packages_in(FolderFiles(signed))
    assert signature_of(package, WINDOWS_11) is Signature.CHECKED
    (signed / "net.sys").write_bytes(pe.driver(contents=b"another"))
    assert signature_of(package, WINDOWS_11) is Signature.NONE
    (signed / "net.cat").unlink()
    assert signature_of(package, WINDOWS_11) is Signature.NONE


def test_the_work_on_all_install_sections_together_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osdimage.imaging.drivers.inf.inf_text._LINES_OF_WHOLE", 1000)
    (folder / "net.sys").unlink()
    models = "".join(f"d=i{each},PCI\\VEN_{each:04X}\n" for each in range(100))
    sections = "".join(f"[i{each}]\nAddReg=values\n" for each in range(100))
    head = '[Version]\nSignature="$Windows NT$"\n[Manufacturer]\nm=M,NTamd64\n[M.NTamd64]\n'
    (folder / "net.inf").write_text(f"{head}{models}{sections}[values]\n" + "HKR,,v,,x\n" * 200)
    assert "sections name others so often" in found(folder)["inf-unreadable"]
