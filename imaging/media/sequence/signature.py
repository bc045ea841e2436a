"""Who made a manifest: a detached signature beside it, made and checked by ``ssh-keygen -Y`` of OpenSSH 8.2 or later.

A key of SSH signs, from a file, an agent or a token: nothing of it passes through osdimage.  Who is trusted is said by
a file of allowed signers, as of git (ssh-keygen(1), "ALLOWED SIGNERS").  Windows and Linux bring the program along.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from osdimage.imaging.errors import InvalidRequest, OsdImageError, StorageError, quoted
from osdimage.imaging.logs import ran
from osdimage.imaging.programs import find_program
from osdimage.imaging.scratch import scratch_folder
from osdimage.imaging.units import KIB

NAMESPACE = "osdimage-media"
"""What the signature is for: one for another purpose, such as a commit, is not taken for one of a medium."""
LARGEST_SIGNATURE = 64 * KIB
_TIMEOUT_S = 60
_ARMOUR = b"-----BEGIN SSH SIGNATURE-----"
_TOO_OLD = re.compile(rb"(?:unknown|illegal|invalid) option -- '?Y")
_GOOD = re.compile(r"^Good \"[^\"]*\" signature (?:for .* )?with (?P<key>\S+ key \S+)$", re.MULTILINE)


class SignatureState(StrEnum):
    """What is known of a signature."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    NOT_TRUSTED = "not-trusted"
    NOT_JUDGED = "not-judged"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """What was found of a signature.

    Attributes:
        state: SIGNED by somebody who is trusted; NOT_TRUSTED, by a key of nobody who is; NOT_JUDGED, as it was not said
            who is trusted; INVALID, when it is not one of these bytes, or of anything.
        signer: who signed, as the file of allowed signers calls them; None unless it is SIGNED.
        key: that signed, such as ``ED25519 key SHA256:...``; None without a signature that fits.
        reason: why it is INVALID or NOT_TRUSTED, else None.
    """

    state: SignatureState
    signer: str | None = None
    key: str | None = None
    reason: str | None = None

    @property
    def said(self) -> str:
        """The same as people read it."""
        return {
            SignatureState.UNSIGNED: "unsigned",
            SignatureState.SIGNED: f"signed by {self.signer}, {self.key}",
            SignatureState.NOT_TRUSTED: f"signed, but not by who is trusted: {self.reason}",
            SignatureState.NOT_JUDGED: f"signed with {self.key}; whether that is trusted was not asked",
            SignatureState.INVALID: f"signature invalid: {self.reason}",
        }[self.state]


@dataclass(frozen=True, slots=True)
class Trusted:
    """Who is trusted to sign.

    Attributes:
        allowed_signers: a file of names and keys, in the form of ssh-keygen(1).
        identity: the only one of these that is trusted; None for any of them.
    """

    allowed_signers: Path
    identity: str | None = None


def require_signer(key: str | os.PathLike[str]) -> None:
    """Refuse to go on when there is no key, or no program that signs, before anything is made.

    Raises:
        InvalidRequest: when there is no such key.
        OsdImageError: naming the package that has the program.
    """
    _program()
    if not Path(key).is_file():
        raise InvalidRequest(
            f"{os.fspath(key)}: there is no such key; valid is a file of ssh-keygen, private, or public of an agent"
        )


def sign(data: bytes, key: str | os.PathLike[str]) -> bytes:
    """Return a signature of bytes; a passphrase is asked for at the terminal.

    Args:
        data: what is signed.
        key: the file of a private key, or of the public one of a key that an agent has.

    Raises:
        InvalidRequest: when there is no such key.
        OsdImageError: when it cannot be used, or ssh-keygen is missing or too old.
    """
    require_signer(key)
    # No time limit: somebody may have to type, or to touch a token.
    done = _run(["-q", "-Y", "sign", "-n", NAMESPACE, "-f", os.fspath(key)], data, timeout_s=None)
    if done.returncode or not done.stdout.startswith(_ARMOUR):
        raise OsdImageError(f"{os.fspath(key)}: nothing was signed with this key: {_reason(done)}")
    return done.stdout


def check_signature(data: bytes, signature: bytes | None, trusted: Trusted | None = None) -> SignatureReport:
    """Say what is known of a signature.

    Args:
        data: what was signed.
        signature: of it; None when there is none.
        trusted: who is trusted; None when that is not asked.

    Raises:
        StorageError: when the file of allowed signers cannot be read.
        OsdImageError: when ssh-keygen is missing or too old.
    """
    if trusted is not None:
        _require_readable(trusted.allowed_signers)
    if signature is None:
        return SignatureReport(SignatureState.UNSIGNED)
    if len(signature) > LARGEST_SIGNATURE or not signature.startswith(_ARMOUR):
        return SignatureReport(SignatureState.INVALID, reason="it is no signature of SSH")
    with scratch_folder() as folder:
        file = folder / "signature"
        file.write_bytes(signature)
        about = ["-s", str(file), "-n", NAMESPACE]
        fits = _run(["-Y", "check-novalidate", *about], data)
        good = _GOOD.search(fits.stdout.decode("utf-8", "replace"))
        if fits.returncode or good is None:
            return SignatureReport(SignatureState.INVALID, reason=_reason(fits))
        key = good["key"]
        if trusted is None:
            return SignatureReport(SignatureState.NOT_JUDGED, key=key)
        return _judged(data, about, key, trusted)


def _judged(data: bytes, about: Sequence[str], key: str, trusted: Trusted) -> SignatureReport:
    """Say whether the key of a signature that fits is one of who is trusted."""
    signers = trusted.allowed_signers
    found = _run(["-Y", "find-principals", *about[:2], "-f", str(signers)], data)
    names = found.stdout.decode("utf-8", "replace").splitlines() if found.returncode == 0 else []
    if not names:
        reason = f"{signers} has nobody with the {key}"
        return SignatureReport(SignatureState.NOT_TRUSTED, key=key, reason=reason)
    name = names[0].split(",")[0] if trusted.identity is None else trusted.identity
    done = _run(["-Y", "verify", *about, "-f", str(signers), "-I", name], data)
    if done.returncode:
        reason = f"the {key} is that of {', '.join(names)}, and not of {quoted(name)}: {_reason(done)}"
        return SignatureReport(SignatureState.NOT_TRUSTED, key=key, reason=reason)
    return SignatureReport(SignatureState.SIGNED, signer=name, key=key)


def _require_readable(signers: Path) -> None:
    try:
        with signers.open("rb"):
            pass
    except OSError as error:
        raise StorageError(f"{signers}: {error.strerror}", path=signers, errno=error.errno) from error


def _program() -> str:
    program = find_program("ssh-keygen")
    if program is None:
        raise OsdImageError(
            "signatures of media need ssh-keygen, which is not installed (Debian, Ubuntu: openssh-client; Fedora: "
            "openssh; Arch: openssh)"
        )
    return program


def _run(
    arguments: Sequence[str], data: bytes, *, timeout_s: int | None = _TIMEOUT_S
) -> subprocess.CompletedProcess[bytes]:
    command = [_program(), *arguments]
    try:
        done = subprocess.run(
            command,
            input=data,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        raise OsdImageError(f"ssh-keygen did not end within {timeout_s} seconds") from error
    except OSError as error:
        raise OsdImageError(f"ssh-keygen cannot be run: {error.strerror}") from error
    ran(__name__, command, done.returncode)
    if done.returncode and _TOO_OLD.search(done.stderr) is not None:
        raise OsdImageError("ssh-keygen is older than OpenSSH 8.2, which is the first that signs files")
    return done


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the last that the program said, without the frames that it draws around warnings."""
    text = (done.stderr + b"\n" + done.stdout).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip("@ \r")]
    told = "; ".join(dict.fromkeys(line.rstrip(".") for line in lines))
    return told[:300] or f"ssh-keygen ended with {done.returncode}"
