"""Signatures of manifests: ssh-keygen, called here by hand, checks what was signed and signs what is checked."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from osdimage.imaging import programs
from osdimage.imaging.errors import InvalidRequest, OsdImageError, StorageError
from osdimage.imaging.media.sequence import signature as signatures
from osdimage.imaging.media.sequence.signature import (
    NAMESPACE,
    SignatureState,
    Trusted,
    check_signature,
    require_signer,
    sign,
)

pytestmark = pytest.mark.foreign
DATA = b'{"format": "osdimage-media"}\n'


@dataclass(frozen=True)
class Keys:
    """Two keys, and who is allowed to sign: ``deploy@example.com`` with the first one."""

    own: Path
    other: Path
    allowed: Path
    signature: bytes


def keygen(*arguments: object, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", *map(str, arguments)], input=data, capture_output=True, check=False)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    own, other, allowed = folder / "own", folder / "other", folder / "allowed"
    for each in (own, other):
        assert keygen("-q", "-t", "ed25519", "-N", "", "-C", "", "-f", each).returncode == 0
    public = own.with_suffix(".pub").read_text()
    allowed.write_text(f'deploy@example.com namespaces="{NAMESPACE}" {public}')
    return Keys(own, other, allowed, sign(DATA, own))


def test_ssh_keygen_accepts_what_was_signed(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "media.json.sig"
    file.write_bytes(keys.signature)
    done = keygen(
        *("-Y", "verify", "-f", keys.allowed, "-I", "deploy@example.com", "-n", "osdimage-media", "-s", file), data=DATA
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b'Good "osdimage-media" signature for deploy@example.com with ED25519 key SHA256:')
    # OpenSSH 9.2: the signature of an Ed25519 key in its armour.
    assert len(keys.signature) < 400


def test_a_signature_of_who_is_trusted_says_who_signed(keys: Keys) -> None:
    for trusted in (Trusted(keys.allowed), Trusted(keys.allowed, "deploy@example.com")):
        report = check_signature(DATA, keys.signature, trusted)
        assert (report.state, report.signer) == (SignatureState.SIGNED, "deploy@example.com")
        assert report.said.startswith("signed by deploy@example.com, ED25519 key SHA256:")


def test_without_a_list_it_is_only_known_that_the_signature_fits(keys: Keys) -> None:
    report = check_signature(DATA, keys.signature)
    assert (report.state, report.signer) == (SignatureState.NOT_JUDGED, None)
    assert "whether that is trusted was not asked" in report.said


def test_no_signature_is_no_error_of_its_own() -> None:
    report = check_signature(DATA, None)
    assert (report.state, report.said) == (SignatureState.UNSIGNED, "unsigned")


def test_a_changed_byte_makes_the_signature_invalid(keys: Keys) -> None:
    report = check_signature(DATA.replace(b"media", b"Media"), keys.signature, Trusted(keys.allowed))
    assert report.state is SignatureState.INVALID
    # ssh-keygen 9.2: "Signature verification failed: incorrect signature".
    assert "incorrect signature" in report.said


@pytest.mark.parametrize(
    "signature",
    [b"", b"-----BEGIN PGP SIGNATURE-----\n", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"],
    ids=["empty", "another", "damaged"],
)
def test_what_is_no_signature_is_invalid(signature: bytes, keys: Keys) -> None:
    assert check_signature(DATA, signature, Trusted(keys.allowed)).state is SignatureState.INVALID


def test_more_than_a_signature_has_is_not_looked_at(keys: Keys) -> None:
    report = check_signature(DATA, keys.signature + bytes(1 << 20), Trusted(keys.allowed))
    assert (report.state, report.reason) == (SignatureState.INVALID, "it is no signature of SSH")


def test_a_signature_for_another_purpose_is_invalid(keys: Keys) -> None:
    made = keygen("-q", "-Y", "sign", "-n", "git", "-f", keys.own, data=DATA).stdout
    report = check_signature(DATA, made, Trusted(keys.allowed))
    assert report.state is SignatureState.INVALID
    assert "namespace" in report.said


def test_a_key_of_nobody_who_is_trusted_is_told(keys: Keys) -> None:
    report = check_signature(DATA, sign(DATA, keys.other), Trusted(keys.allowed))
    assert report.state is SignatureState.NOT_TRUSTED
    assert "has nobody with the ED25519 key SHA256:" in report.said


def test_a_key_of_somebody_else_is_told_with_their_name(keys: Keys) -> None:
    report = check_signature(DATA, keys.signature, Trusted(keys.allowed, "boss@example.com"))
    assert report.state is SignatureState.NOT_TRUSTED
    assert "is that of deploy@example.com, and not of 'boss@example.com'" in report.said


def test_a_list_that_is_not_there_is_an_error_of_its_own(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nowhere: No such file"):
        check_signature(DATA, keys.signature, Trusted(tmp_path / "nowhere"))


def test_a_key_that_is_not_there_or_is_none_signs_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="there is no such key; valid is a file of ssh-keygen"):
        sign(DATA, tmp_path / "nowhere")
    text = tmp_path / "text"
    text.write_text("no key\n")
    text.chmod(0o600)
    with pytest.raises(OsdImageError, match="text: nothing was signed with this key: ") as caught:
        sign(DATA, text)
    assert "\n" not in str(caught.value)


def test_without_ssh_keygen_the_package_is_named(monkeypatch: pytest.MonkeyPatch, keys: Keys) -> None:
    monkeypatch.setattr(signatures, "find_program", lambda *_: None)
    with pytest.raises(OsdImageError, match=r"ssh-keygen, which is not installed .*openssh-client"):
        require_signer(keys.own)
    with pytest.raises(OsdImageError, match="openssh-client"):
        check_signature(DATA, keys.signature)
    # Nothing is to be checked.
    assert check_signature(DATA, None).state is SignatureState.UNSIGNED
    assert programs.find_program("ssh-keygen") is not None


def test_a_program_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch, keys: Keys, tmp_path: Path) -> None:
    old = tmp_path / "ssh-keygen"
    # OpenSSH 7.9.
    old.write_text("#!/bin/sh\necho 'unknown option -- Y' >&2\necho 'usage: ssh-keygen [-q] ...' >&2\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setattr(signatures, "find_program", lambda *_: str(old))
    with pytest.raises(OsdImageError, match=r"ssh-keygen is older than OpenSSH 8\.2"):
        sign(DATA, keys.own)
    with pytest.raises(OsdImageError, match=r"ssh-keygen is older than OpenSSH 8\.2"):
        check_signature(DATA, keys.signature)
